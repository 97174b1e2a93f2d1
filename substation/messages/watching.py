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
from substation.clock import Clock, boot_id
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


class Watching:
    """Looks at one station."""

    def __init__(self, home: Home, clock: Clock, *, simulated: bool) -> None:
        """Look at the station in `home`; nothing is opened yet."""
        self._home, self._clock, self._simulated = home, clock, simulated
        self._since_s = clock.monotonic()
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
        """Return that the poller has fallen silent, or is back; None where neither is news."""
        beat = heartbeat.read(self._home.heartbeat)
        ours = next((one for one in known if one.rule == POLLER), None)
        if beat is None or bool(beat.get("simulated")) != self._simulated:
            return None
        mono_ms, at_ms = (int(beat.get(key) or 0) for key in ("mono_ms", "at_ms"))
        boot = boot_id()  # empty where a service may not see it
        if boot and beat.get("boot") == boot:
            silent_s = self._clock.monotonic() - mono_ms / 1000
        else:
            silent_s = (self._clock.now_ms() - at_ms) / 1000
        if silent_s < SILENT_S:
            if ours is None:
                return None
            return Sighting(ours.id, POLLER, "station", "over", ours.since_ms, over_ms=at_ms)
        if ours is not None or self._clock.monotonic() - self._since_s < SILENT_S:
            return None  # after a boot the poller has to have its chance
        stopped = "it was stopped" if beat.get("state") == "stopped" else "it has left no word"
        why = f"{stopped}; no meter is read, no alarm is watched, and what the screens show is old"
        return Sighting(f"{POLLER}-{at_ms}", POLLER, "station", "unacknowledged", at_ms, why=why)


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
        one.occurrence, one.rule, one.subject, state, since_ms, meter_id, one.why, one.acked_by, over_ms
    )


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
    by = words.removeprefix("by ").partition(":")[0] if "acknowledged" in event.kind else ""
    return Sighting(of.id, rule, subject, state, of.since_ms, event.meter_id, by=by)
