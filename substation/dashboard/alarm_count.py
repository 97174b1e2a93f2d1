"""How many alarms there are, as the heartbeat says it, and that in words for the state line. Pure."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from substation.dashboard import alarm_words
from substation.dashboard.tongue import say

_COUNTS = ("unacknowledged", "active", "shelved", "suppressed", "out_of_service", "seq")


@dataclass(frozen=True, slots=True)
class AlarmCount:
    """Of a poller that runs."""

    unacknowledged: int = 0
    """Ask somebody; also those that are over, and that nobody has seen."""
    active: int = 0
    """Stand, and are announced."""
    shelved: int = 0
    suppressed: int = 0
    out_of_service: int = 0
    seq: int = 0
    """Another one with each change of an alarm."""
    highest: str = ""
    """Priority of the most urgent one; empty where none is announced."""
    top: tuple[str, str] = ("", "")
    """Rule and subject of that one."""
    asks: tuple[tuple[str, str], ...] = ()
    """Each raise that asks somebody, with its priority, the most urgent first: what a browser sounds for."""

    @property
    def aside(self) -> int:
        """How many people have put aside."""
        return self.shelved + self.out_of_service


def of_beat(beat: Mapping[str, Any]) -> AlarmCount | None:
    """Return what a heartbeat says of the alarms; None where it says nothing that can be understood.

    Nor does one count that says that its alarms are not judged any more: what it says beside that is old.
    """
    told = beat.get("alarms")
    if not isinstance(told, Mapping) or told.get("stalled_s"):
        return None
    counts = {name: told.get(name) for name in _COUNTS}
    if any(not isinstance(count, int) or isinstance(count, bool) or count < 0 for count in counts.values()):
        return None
    highest = str(told.get("highest") or "")
    asks = tuple(pair for pair in map(_pair, _listed(told.get("asks"))) if pair[0])
    if counts["unacknowledged"] and not asks:  # of a poller that does not name them
        asks = ((f"{counts['seq']}", highest),)
    top = _pair(told.get("top"))
    return AlarmCount(**counts, highest=highest, top=top, asks=asks)  # type: ignore[arg-type]


def _listed(found: object) -> list[object]:
    return found if isinstance(found, list) else []


def _pair(found: object) -> tuple[str, str]:
    match found:
        case [str(first), str(second)]:
            return first, second
    return "", ""


def words(count: AlarmCount | None, named: Callable[[str], str] = str) -> tuple[str, str, str]:
    """Return what the state line says: how many, the most urgent one and what else is to be known, the look.

    `named` gives a subject, such as `meter:3`, the name that people know.
    """
    if count is None:
        return say("Alarms are not watched"), "", "ss-al-blind"
    aside = ""
    if count.aside:
        aside = say("1 put aside") if count.aside == 1 else say("{count} put aside", count=count.aside)
    if not count.active and not count.unacknowledged:
        return say("No alarm"), aside, "ss-al-none"
    look = {"high": "ss-al-alarm", "medium": "ss-al-warn", "low": "ss-al-warn"}.get(count.highest, "")
    asks = " ss-al-asks" if count.unacknowledged else ""
    rule, subject = count.top
    name = f"{alarm_words.title(rule)} {named(subject)}" if rule else ""
    urgent = ", ".join(filter(None, (name, alarm_words.priority(count.highest) if count.highest else "")))
    return _how_many(count), ", ".join(filter(None, (urgent, aside))), f"{look or 'ss-al-none'}{asks}"


def ring(count: AlarmCount | None) -> str:
    """Return what a browser needs for its sound and for the title of its tab: a custom property of JSON.

    Empty of all where the alarms are not watched: that has a sound of its own (`assets/alarm.js`).
    """
    said = {"n": count.unacknowledged, "asks": count.asks} if count else {}
    return f"--ring:{json.dumps(said, separators=(',', ':'))}"


def _how_many(count: AlarmCount) -> str:
    asks = count.unacknowledged
    if not count.active:
        return (
            say("1 alarm over, unacknowledged")
            if asks == 1
            else say("{asks} alarms over, unacknowledged", asks=asks)
        )
    if count.active == 1:
        return say("1 alarm, {asks} unacknowledged", asks=asks) if asks else say("1 alarm, acknowledged")
    if not asks:
        return say("{count} alarms, all acknowledged", count=count.active)
    return say("{count} alarms, {asks} unacknowledged", count=count.active, asks=asks)
