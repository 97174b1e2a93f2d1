"""Tells of readings and events that the history had to give up though its medium was well, once an hour.

A reading finds no free millisecond where a clock is set back again and again, or two pollers with one meter
number fill a history: each of the next hundred milliseconds holds another reading of that meter.
"""

import logging

from substation.clock import Clock
from substation.store.pen import MOST_STEPS
from substation.store.relief import Events

TOLD_S = 3600.0
"""No more often."""

log = logging.getLogger("poller")


class GivenUp:
    """Counts what one history gave up, and notes it in `events`."""

    def __init__(self, clock: Clock, events: Events) -> None:
        """Nothing is given up yet."""
        self._clock, self._events = clock, events
        self._seen = (0, 0)
        self._readings = self._changes = 0
        self._told_s: float | None = None

    def look(self, readings: int, changes: int, *, at_once: bool = False) -> None:
        """Take how many the history has given up so far: readings without a free millisecond, events."""
        now = readings, changes
        more = (n if n < before else n - before for n, before in zip(now, self._seen, strict=True))
        self._readings, self._changes = (
            known + n for known, n in zip((self._readings, self._changes), more, strict=True)
        )
        self._seen = now
        now_s = self._clock.monotonic()
        is_time = at_once or self._told_s is None or now_s - self._told_s >= TOLD_S
        if is_time and (self._readings or self._changes):
            self._told_s = now_s
            self._tell()

    def _tell(self) -> None:
        parts = []
        if self._readings:
            parts.append(
                f"{self._readings} readings found no free place in time: each of the {MOST_STEPS} ms from "
                "their own on holds another reading of the same meter. Look at the machine's clock"
            )
        if self._changes:
            parts.append(
                f"{self._changes} events, the oldest, were pushed out of memory while the history could not "
                "be written"
            )
        words = "; ".join(parts)
        log.error("given up for good: %s", words)
        self._events.event("store.given_up", new=str(self._readings + self._changes), detail=words)
        self._readings = self._changes = 0
