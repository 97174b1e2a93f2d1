"""Keeps the history writable on a medium that fills up: the oldest single polls go first.

SQLite never gives a file's room back, but it uses again what was deleted in it. So with little room left the
history lives on what it gives up: whole days of single polls, never the day under way, never a minute or a
coarser row. Where the medium is full all the same the ballast goes first, since DELETE needs room too. What
is not ours to delete (a day's log, a file set aside, the original's) is only named.
"""

import contextlib
import logging
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

from substation.clock import Clock, iso, site_time
from substation.settings.model import Home
from substation.store import room
from substation.store.ballast import Ballast
from substation.store.history import History
from substation.store.room import Room

LOOK_S = 60.0
SLACK_BYTES = 8 * 1024 * 1024
"""So much room is made within the history at least: a third of a day of five meters at 2 s."""
PART_OF_MEDIUM = 32

log = logging.getLogger("poller")


class Events(Protocol):
    """Where a change of state is noted: the `Keeper`."""

    def event(
        self, kind: str, *, at_ms: int | None = None, old: str = "", new: str = "", detail: str = ""
    ) -> None:
        """Note a change of state, by default as of now."""


@dataclass(slots=True)
class _Giving:
    """A day of single polls on its way out."""

    from_ms: int
    to_ms: int


class Relief:
    """Looks after the room of one station's history."""

    def __init__(self, home: Home, clock: Clock, zone: ZoneInfo) -> None:
        """Nothing is looked at before the first `look`."""
        self._home, self._clock, self._zone = home, clock, zone
        self._ballast = Ballast(home.ballast)
        self._pace = room.Pace(clock)
        self._looked_s: float | None = None
        self._pressed = False
        self._used_up = False
        self._giving: _Giving | None = None
        self._kept_from_ms = 0
        self._large = ""
        self.found: Room | None = None
        """The room at the last look."""
        self.days_left: float | None = None

    @property
    def low(self) -> bool:
        """Whether so little is left that single polls have to go."""
        return self._pressed or (self.found is not None and self.found.free < self.found.reserve)

    def full(self, events: Events) -> bool:
        """Take that a write found the medium full; return whether room was made, so that it may work now."""
        self._pressed, self._looked_s = True, None
        freed = self._ballast.free()
        if not freed:
            self._used_up = True
            return False
        log.warning("the medium was full: %s held in reserve were freed", room.in_words(freed))
        events.event(
            "store.relief", new="ballast", detail=f"the medium was full: {room.in_words(freed)} freed"
        )
        return True

    def look(self, history: History, budget_s: float, events: Events) -> None:
        """Look how much room is left, and make some where that is little. Raises StoreError."""
        now_s = self._clock.monotonic()
        if self.low or self._looked_s is None or now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            self._measure(events)
        if self.low:
            self._make_room(history, budget_s, events)

    def _measure(self, events: Events) -> None:
        self.found = found = room.room_of(self._home.history.parent)
        if found is None:
            return
        self._pace.note(found.free)
        self.days_left = self._pace.days_left(found)
        self._large = room.largest(self._home) if self._is_worth_saying else ""
        with contextlib.suppress(OSError):  # a medium that takes nothing is told of by who has to write
            if self._ballast.make(found.reserve):
                if self._used_up or self._pressed:
                    log.info("there is room again: %s", room.in_words(found.free))
                    events.event("store.room", detail=f"{room.in_words(found.free)} free")
                self._pressed = self._used_up = False
                self._kept_from_ms = 0

    def _make_room(self, history: History, budget_s: float, events: Events) -> None:
        total = self.found.total if self.found else SLACK_BYTES * PART_OF_MEDIUM
        if self._giving is None and history.room_within() >= min(SLACK_BYTES, total // PART_OF_MEDIUM):
            if self.found is not None and self.found.free >= self.found.reserve:
                self._pressed = False  # of a quota only a write can tell
            return
        given = history.give_up_oldest(self._clock.now_ms(), budget_s)
        if given is None:
            self._giving = None
            return
        from_ms, to_ms, done = given
        self._giving = self._giving or _Giving(from_ms, to_ms)
        if done:
            begun, self._giving = self._giving.from_ms, None
            self._kept_from_ms = to_ms
            log.warning("little room is left: the single polls of %s were given up", self._day(begun))
            detail = "little room is left: these single polls were given up, their minutes and hours are kept"
            events.event("store.relief", old=iso(begun), new=iso(to_ms), detail=detail)

    @property
    def _is_worth_saying(self) -> bool:
        return self.low or (self.days_left is not None and self.days_left < room.FEW_DAYS)

    @property
    def advice(self) -> list[str]:
        """What somebody should do, in words for the state line."""
        found = self.found
        if found is None or not self._is_worth_saying:
            return []
        largest = f" Largest here: {self._large}." if self._large else ""
        left = room.in_words(found.free)
        if not self.low:
            days = max(1, round(self.days_left or 0))
            return [
                f"{self._home.folder}: {left} free, full in about {days} day{'s' if days > 1 else ''} at the "
                f"pace of the last day. Free some space, or give it a larger medium.{largest}"
            ]
        since = f", those before {self._day(self._kept_from_ms)} are gone" if self._kept_from_ms else ""
        is_quota = found.free >= found.reserve
        left = f"{left} free, and yet full: a quota?" if is_quota else f"only {left} free."
        return [
            f"{self._home.folder}: {left} The oldest single polls make room for new ones{since}; "
            f"minutes and hours are kept. Free some space.{largest}"
        ]

    def _day(self, at_ms: int) -> str:
        return site_time(at_ms, self._zone).strftime("%d %b %Y")
