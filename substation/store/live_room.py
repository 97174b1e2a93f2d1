"""How long the live file may grow while it alone keeps the readings, and what it cost where that had an end.

It is the journal while a damaged history is salvaged or a large one is brought to a new form. That lasts
minutes, or days where the medium lacks room. As long as there is room nothing of it is given up.
"""

import logging

from substation.clock import Clock, iso
from substation.settings.model import Home
from substation.store import ballast, room
from substation.store.live import Cut
from substation.store.live_places import LivePlaces
from substation.store.relief import Events

LEAST_BYTES = 64 * 1024 * 1024
"""So long it may be on any medium: more than a day of five meters at 2 s."""
MOST_BYTES = 512 * 1024 * 1024
"""And no longer on a large one: ten days."""
TOLD_S = 86_400.0

log = logging.getLogger("poller")


class LiveRoom:
    """Bounds the live file of one station."""

    def __init__(self, home: Home, clock: Clock, live: LivePlaces, events: Events) -> None:
        """Look at nothing yet; what is given up is noted in `events`."""
        self._home, self._clock, self._live, self._events = home, clock, live, events
        self._gone: Cut | None = None
        self._gone_s = 0.0

    def bound(self) -> None:
        """Cut the oldest quarter when it is too long, and tell of it. Raises StoreError, OSError."""
        size, found = self._live.bytes(), room.room_of(self._home.live.parent)
        if size <= LEAST_BYTES or size <= self._most(size, found):
            return
        keep = size * 3 // 4
        gone = self._live.cut(keep if found is None else min(keep, found.free * 3 // 4))
        if gone is None:
            return
        self._gone = gone if self._gone is None else self._gone.and_then(gone)
        self._gone_s = self._clock.monotonic()
        old, new = iso(gone.from_ms), iso(gone.to_ms)
        why = f"{self._home.live.name} alone kept the readings, and grew to {room.in_words(size)}"
        left = "" if found is None else f" with {room.in_words(found.free)} free"
        log.error("%d readings from %s to %s were given up: %s", gone.rows, old, new, why + left)
        detail = f"{why}{left}; {gone.rows} readings were lost, the oldest of them"
        self._events.event("store.gap", old=old, new=new, detail=detail)

    @staticmethod
    def _most(size: int, found: room.Room | None) -> int:
        if found is None:
            return LEAST_BYTES
        spare = found.free - found.reserve - ballast.size_for(found.total)
        return min(MOST_BYTES, size + spare)

    @property
    def advice(self) -> list[str]:
        """What somebody should know, in words for the state line; for a day."""
        gone = self._gone
        if gone is None or self._clock.monotonic() - self._gone_s > TOLD_S:
            return []
        return [
            f"{self._home.live.name} alone kept the readings and grew too long: {gone.rows} readings from "
            f"{iso(gone.from_ms)} to {iso(gone.to_ms)} (UTC) were given up. Free some space, so that the "
            f"history can be written again"
        ]
