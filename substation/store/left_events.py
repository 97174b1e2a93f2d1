"""`state/events.jsonl`: changes of state that came while no history could take them.

While a damaged history is salvaged the live file is the journal of the readings; this is that of the events,
a line each, so that a kill loses none. It is removed when the history has them all. A line that a kill tore,
or that no event can be in, is passed over, and an event that the history holds already is not noted again.
"""

import contextlib
import json
import os
from dataclasses import astuple
from pathlib import Path
from typing import Any

from substation.store.events import Event

MOST_EVENTS = 10_000
"""So many are kept, the newest, in memory; and as many of the first in the file."""
_MOST_BYTES = 32 * 1024 * 1024
_LAST_MS = 253_402_300_799_999
"""The end of the year 9999."""


class LeftEvents:
    """The events of one station that wait for a history."""

    def __init__(self, path: Path, *, simulated: bool) -> None:
        """Take over what the poller before left in `path`; not what a station of the other kind left."""
        self._path, self._stamp = path, simulated
        self._events: dict[Event, None] = dict.fromkeys(_read(path, simulated)[-MOST_EVENTS:])
        self._written = len(self._events)
        self._unwritten: dict[Event, None] = {}
        self._in_file_alone = False

    def __bool__(self) -> bool:
        """Whether any wait."""
        return bool(self._events)

    @property
    def events(self) -> list[Event]:
        """Those that wait, oldest first; the first from the file where they were too many for memory."""
        first = _read(self._path, self._stamp) if self._in_file_alone else []
        return list(dict.fromkeys([*first, *self._events]))

    def note(self, event: Event, *, is_there: bool) -> None:
        """Keep one more, in the file too where the station's folder `is_there`; never raises."""
        if event in self._events:
            return
        if len(self._events) >= MOST_EVENTS:
            del self._events[next(iter(self._events))]
            self._in_file_alone = True
        self._events[event] = None
        if self._written + len(self._unwritten) < MOST_EVENTS:
            self._unwritten[event] = None
        if is_there:
            with contextlib.suppress(OSError):  # a medium that fails: they wait in memory for the next one
                self._write()

    def settle(self) -> None:
        """Let them go: the history has them."""
        if self._events:
            with contextlib.suppress(OSError):  # what stays is known to the history
                self._path.unlink(missing_ok=True)
            self._events.clear()
            self._unwritten.clear()
            self._written, self._in_file_alone = 0, False

    def _write(self) -> None:
        if not self._unwritten:
            return
        lines = [json.dumps([self._stamp, *astuple(event)]) for event in self._unwritten]
        # each begins a line of its own, whatever a write that was cut short left before it
        data = "".join(f"\n{line}\n" for line in lines).encode()
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            if os.write(file, data) < len(data):
                return  # no room: all of it again with the next one, and read once
        finally:
            os.close(file)
        self._written += len(self._unwritten)
        self._unwritten.clear()


def _read(path: Path, simulated: bool) -> list[Event]:
    found = []
    with contextlib.suppress(OSError), path.open("rb") as file:
        for line in file.read(_MOST_BYTES).splitlines():
            with contextlib.suppress(ValueError, TypeError, RecursionError):
                stamp, *fields = json.loads(line)
                if stamp is simulated and _is_event(fields):
                    found.append(Event(*fields))
    return found


def _is_event(fields: list[Any]) -> bool:
    if len(fields) != 6:
        return False
    at_ms, kind, meter_id, *texts = fields
    if not all(type(text) is str for text in (kind, *texts)):
        return False
    "".join((kind, *texts)).encode()  # half a character raises ValueError, as the history would
    return (
        type(at_ms) is int
        and 0 <= at_ms <= _LAST_MS
        and (meter_id is None or (type(meter_id) is int and 0 <= meter_id <= 255))
    )
