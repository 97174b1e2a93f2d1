"""How many alarms there are, as the heartbeat says it, and that in words for the state line. Pure."""

from collections.abc import Mapping
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

    @property
    def aside(self) -> int:
        """How many people have put aside."""
        return self.shelved + self.out_of_service


def of_beat(beat: Mapping[str, Any]) -> AlarmCount | None:
    """Return what a heartbeat says of the alarms; None where it says nothing that can be understood."""
    told = beat.get("alarms")
    if not isinstance(told, Mapping):
        return None
    counts = {name: told.get(name) for name in _COUNTS}
    if any(not isinstance(count, int) or isinstance(count, bool) or count < 0 for count in counts.values()):
        return None
    return AlarmCount(**counts, highest=str(told.get("highest") or ""))  # type: ignore[arg-type]


def words(count: AlarmCount | None) -> tuple[str, str, str]:
    """Return what the state line says: how many, what else is to be known, and the look."""
    if count is None:
        return say("Alarms are not watched"), "", "ss-al-blind"
    aside = ""
    if count.aside:
        aside = say("1 put aside") if count.aside == 1 else say("{count} put aside", count=count.aside)
    if not count.active and not count.unacknowledged:
        return say("No alarm"), aside, "ss-al-none"
    look = {"high": "ss-al-alarm", "medium": "ss-al-warn", "low": "ss-al-warn"}.get(count.highest, "")
    asks = " ss-al-asks" if count.unacknowledged else ""
    urgent = alarm_words.priority(count.highest) if count.highest else ""
    return _how_many(count), ", ".join(filter(None, (urgent, aside))), f"{look or 'ss-al-none'}{asks}"


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
