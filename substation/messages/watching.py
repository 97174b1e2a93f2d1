"""What the messenger sees of the station: its alarms as the poller saved them, their events, its heartbeat.

`state/alarms.json` tells what stands, soon and whole; the events of the history tell what came and went while
nobody looked. Both are only read. That the poller itself is silent is an alarm of the messenger's own: nobody
else would tell it.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from substation.alarms.state import Alarm, State
from substation.clock import Clock
from substation.errors import StoreError
from substation.messages.occurrence import Occurrence, Sighting, Standing, sequence
from substation.settings.model import Home
from substation.store import alarm_file, heartbeat
from substation.store.event_pages import Noted
from substation.store.history import HistoryReader

SILENT_S = 180.0
"""A poller that has been silent for so long is an alarm; a restart takes less."""
POLLER = "poller_silent"
KINDS = (
    "alarm.raised",
    "alarm.cleared",
    "alarm.acknowledged",
    "alarm.unsuppressed",
    "alarm.unshelved",
    "alarm.in_service",
    "alarm.ended",
)
AT_ONCE = 500
UNSEEN: tuple[object, ...] = ("not looked at yet",)
_MARK = re.compile(r" ?\(alarm ([a-z0-9_]+)@(.+) (\S+-[0-9]+)\)$")
_SHOWN: dict[str, Standing] = {
    State.UNACKNOWLEDGED: "unacknowledged",
    State.ACKNOWLEDGED: "acknowledged",
    State.SHELVED: "aside",
    State.SUPPRESSED: "aside",
    State.OUT_OF_SERVICE: "aside",
    State.NORMAL: "over",
    State.RTN_UNACKNOWLEDGED: "over",
}


_ANEW = {
    "alarm.unshelved": ("its shelf ran out", "{by} took it off the shelf"),
    "alarm.unsuppressed": ("its suppression ended", "its suppression ended"),
    "alarm.in_service": ("it was put back in service", "{by} put it back in service"),
}
"""What announces an alarm anew, without a name and with one."""


class Watching:
    """Looks at one station."""

    def __init__(self, home: Home, clock: Clock, *, simulated: bool) -> None:
        """Look at the station in `home`; nothing is opened yet."""
        self._home, self._clock, self._simulated = home, clock, simulated
        self._changed_s = clock.monotonic()
        """When the poller's sign of life was another one than before."""
        self._beat: tuple[object, ...] | None = UNSEEN
        self._is_alive = False
        self._stamp: tuple[int, ...] = ()
        self._standing: list[Sighting] | None = None
        self.problems: dict[str, str] = {}
        """What cannot be read, by what it is."""

    def standing(self) -> list[Sighting] | None:
        """Return how every alarm stands that was ever raised; None while that is not known.

        The same list as before where nothing was written since.
        """
        stamp = _stamp(self._home.alarms)
        if stamp != self._stamp or self._standing is None:
            self._stamp = stamp
            try:
                saved = alarm_file.read(self._home.alarms, simulated=self._simulated)
            except StoreError as exc:
                self.problems["alarms"], self._standing = str(exc), None
                return None
            self.problems.pop("alarms", None)
            if saved is None:
                self._standing = None
            else:
                self._standing = [_sighting(one) for one in saved.alarms.alarms.values() if one.occurrence]
        return self._standing

    def last_event(self) -> int:
        """Return the number of the last event; 0 without any, -1 without a history."""
        with self._asking():
            if not self._home.history.exists():
                return -1
            return HistoryReader(self._home.history).last_event()
        return 0

    def events(self, after: int) -> list[Noted]:
        """Return the events of alarms behind this number, oldest first; at most `AT_ONCE`."""
        with self._asking():
            if not self._home.history.exists():
                return []
            return HistoryReader(self._home.history).events_after(after, KINDS, AT_ONCE)
        return []

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
            self.problems.pop("history", None)
        except StoreError as exc:
            self.problems["history"] = str(exc)
        except OSError as exc:  # the medium fails
            self.problems["history"] = f"{self._home.history}: cannot be read ({exc.strerror or exc})"

    def poller(self, known: list[Occurrence]) -> Sighting | None:
        """Return that the poller has fallen silent, or is back; None where neither is news.

        Silent is who has left no new sign of life for `SILENT_S` of our own time, which no setting of the
        clock moves: also one whose last sign is of before a boot, damaged, or gone.
        """
        beat = heartbeat.read(self._home.heartbeat)
        if beat is not None and bool(beat.get("simulated")) != self._simulated:
            return None
        mark = None if beat is None else (beat.get("at_ms"), beat.get("mono_ms"))
        now_s, now_ms = self._clock.monotonic(), self._clock.now_ms()
        if self._beat is not UNSEEN and mark is not None and mark != self._beat:
            self._changed_s, self._is_alive = now_s, True
        self._beat = mark
        last_ms = 0 if beat is None else int(beat.get("at_ms") or 0)
        ours = next((one for one in known if one.rule == POLLER), None)
        silent_s = now_s - self._changed_s
        if silent_s < SILENT_S:
            if ours is None or not self._is_alive:
                return None  # after a start of ours the poller has to have its chance
            over_ms = last_ms if ours.since_ms <= last_ms <= now_ms else now_ms
            return Sighting(ours.id, POLLER, "station", "over", ours.since_ms, over_ms=over_ms)
        if ours is not None:
            return None
        is_stopped = beat is not None and beat.get("state") == "stopped"
        stopped = "it was stopped" if is_stopped else "it has left no word"
        why = f"{stopped}; no meter is read, no alarm is watched, and what the screens show is old"
        since_ms = last_ms if 0 < last_ms <= now_ms else now_ms - round(silent_s * 1000)
        return Sighting(f"{POLLER}-{now_ms}", POLLER, "station", "unacknowledged", since_ms, why=why)


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        status = os.stat(path)  # noqa: PTH116 - of a medium that fails, too
    except OSError:
        return (0,)
    return status.st_ino, status.st_mtime_ns, status.st_size


def _sighting(one: Alarm) -> Sighting:
    state: Standing = _SHOWN[one.shown] if one.active else "over"
    over_ms = None if one.active else one.cleared_ms
    since_ms = one.since_ms if one.since_ms is not None else over_ms or 0
    kind, _, number = one.subject.partition(":")
    meter_id = int(number) if kind == "meter" and number.isdecimal() else None
    return Sighting(
        *(one.occurrence, one.rule, one.subject, state, since_ms, meter_id, one.why, one.acked_by, over_ms),
        *(_anew(told.id, told.at_ms, told.kind, told.words) if (told := one.announced) else ()),
    )


def _anew(own: str, at_ms: int, kind: str, words: str) -> tuple[str, int | None, str]:
    """Return id, time and reason of an announcement that is not of the raise itself."""
    if kind not in _ANEW:
        return "", None, ""
    by = words.removeprefix("by ").partition(":")[0] if words.startswith("by ") else ""
    return own, at_ms, _ANEW[kind][bool(by)].replace("{by}", by)


def from_event(noted: Noted, known: list[Occurrence]) -> Sighting | None:
    """Return what an event says of an occurrence; None: nothing that concerns a message.

    Only a raise names its occurrence, by its own id. What comes later belongs to the last raise of the same
    alarm with a lower number.
    """
    event = noted.event
    mark = _MARK.search(event.detail)
    if mark is None:
        return None
    rule, subject, own = mark.groups()
    words = event.detail[: mark.start()].partition(": ")[2]
    state: Standing = _SHOWN.get(event.new, "over")
    if event.kind == "alarm.raised":
        return Sighting(own, rule, subject, state, event.at_ms, event.meter_id, words)
    uid, number = sequence(own)
    before = [
        one
        for one in known
        if (one.rule, one.subject) == (rule, subject)
        and sequence(one.id)[0] == uid
        and sequence(one.id)[1] < number
    ]
    if not before:
        return None
    of = max(before, key=lambda one: sequence(one.id)[1])
    if event.kind in ("alarm.cleared", "alarm.ended"):
        return Sighting(of.id, rule, subject, "over", of.since_ms, event.meter_id, over_ms=event.at_ms)
    if of.announced and number < sequence(of.announced)[1]:
        return None  # of before it was announced anew
    by = words.removeprefix("by ").partition(":")[0] if "acknowledged" in event.kind else ""
    announced = _anew(own, event.at_ms, event.kind, words) if state == "unacknowledged" else ()
    return Sighting(of.id, rule, subject, state, of.since_ms, event.meter_id, "", by, None, *announced)
