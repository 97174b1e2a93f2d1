"""How the poller's stores bear a medium that does not take what is written: full, read-only, gone.

Readings wait in memory (`History`), the live file goes to memory too (`LivePlaces`), a full medium gets room
(`Relief`). When everything that waited is written the outage is noted, with its reason and what it cost.
"""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from substation.clock import Clock, iso
from substation.errors import Full, StoreError, WrongStation
from substation.settings.model import Home
from substation.store import heartbeat
from substation.store.history import History
from substation.store.live import LiveRow
from substation.store.live_places import LivePlaces
from substation.store.medium import Medium
from substation.store.relief import Events, Relief

BACKLOG = 1_000
"""With more readings than this waiting the next round goes on with them."""

log = logging.getLogger("poller")


class Endurance:
    """The writing side of one station's stores, as far as the medium has a say in it."""

    def __init__(self, home: Home, clock: Clock, zone: ZoneInfo, *, simulated: bool, events: Events) -> None:
        """Take over an outage from the poller before, if it met one; changes are noted in `events`."""
        self._events, self._clock = events, clock
        self.live = LivePlaces(home.live, zone, simulated, clock)
        self.medium = Medium(home, clock, zone)
        self.relief = Relief(home, clock, zone)
        self._folder = home.folder
        self._has_to_reopen = False
        self._lost = self._given_up_ms = 0
        self.given_up = 0
        """Readings that memory held no longer, though the medium was well; the live file may have them."""
        beat = heartbeat.read(home.heartbeat) or {}
        said = beat.get("medium")
        if isinstance(said, dict) and bool(beat.get("simulated")) == simulated:
            self.medium.went_on(said.get("since_ms"), said.get("state"), said.get("lost"))

    @property
    def is_there(self) -> bool:
        """Whether the station's folder is where it belongs."""
        return self.medium.is_there

    def refuse_if_gone(self) -> None:
        """Raise StoreError where nothing may be made: an empty folder stands where the medium was."""
        if not self.is_there:
            raise StoreError(f"{self._folder}: the station's folder is gone; put the medium back, mount it")

    @contextlib.contextmanager
    def surviving_live(self) -> Iterator[None]:
        """Let pass what is the medium's fault: rows go to memory then."""
        try:
            yield
        except WrongStation:
            raise
        except StoreError as exc:
            if not self._failed(exc):
                raise

    def keep_live(self, rows: Sequence[LiveRow], history: History | None) -> None:
        """Add a round to the live file, wherever that can be. Raises StoreError for faults of its own."""
        trouble = self.live.append(rows, lambda: self.is_there)
        if trouble is None:
            if history is None and self.medium.failing:
                self._over()
        elif not self._failed(trouble) and not self.medium.failing:
            raise trouble

    def commit(self, history: History, budget_s: float | None) -> None:
        """Bring what waits into the history; on a full medium make room and try again. Raises StoreError."""
        try:
            self._commit(history, budget_s)
        except StoreError as exc:
            if self._failed(exc) and not isinstance(exc, Full):
                self._has_to_reopen = True
            if not isinstance(exc, Full) or not self.relief.full(self._events):
                raise
            self._commit(history, budget_s)
        if not history.pending and self.live.spare_path is None and self.medium.failing:
            self._over()
            history.commit()

    def settle(self, history: History) -> None:
        """Let go what memory holds of the live file, when the history has all of it."""
        if not history.pending:
            self.live.settle()

    def _commit(self, history: History, budget_s: float | None) -> None:
        self._count_lost(history)
        if self._has_to_reopen:
            self.refuse_if_gone()
            history.reopen()
            self._has_to_reopen = False
        history.commit(budget_s)

    def _failed(self, error: StoreError) -> bool:
        was_failing = self.medium.failing
        is_ours = self.medium.failed(error)
        if self.medium.failing and not was_failing:
            log.error("%s", self.medium.words)
        return is_ours

    def _count_lost(self, history: History) -> None:
        more, self._lost = history.given_up - self._lost, history.given_up
        if more > 0 and self.medium.failing:
            self.medium.lose(more)
        elif more > 0:
            if not self.given_up:
                self._given_up_ms = self._clock.now_ms()
            self.given_up += more

    def recovered(self, readings: int) -> None:
        """Take that the live file was read again, and gave back so many of the readings `given_up`."""
        lost, self.given_up = self.given_up - readings, 0
        if lost > 0:
            old, new = iso(self._given_up_ms), iso(self._clock.now_ms())
            log.error(
                "%d readings were lost: the history could not be written for long, and memory held only the "
                "newest",
                lost,
            )
            detail = (
                f"the history could not be written for long; {lost} readings were lost, the oldest of them"
            )
            self._events.event("store.gap", at_ms=self._given_up_ms, old=old, new=new, detail=detail)

    def _over(self) -> None:
        over = self.medium.well()
        if over is not None:
            log.warning("the medium was %s for %.0f s; %s", over.was, over.lasted_s, over.cost)
            detail = f"the medium was {over.was} for {over.lasted_s:.0f} s; {over.cost}"
            old, new = iso(over.since_ms), iso(over.until_ms)
            self._events.event("store.gap", at_ms=over.since_ms, old=old, new=new, detail=detail)

    def upkeep(self, history: History, budget_s: float) -> None:
        """Look whether there is room, and make some. Raises StoreError."""
        if not self._has_to_reopen:
            self.relief.look(history, budget_s, self._events)

    def behind(self, history: History | None) -> bool:
        """Whether so much waits that the next round should go on with it."""
        return history is not None and not self.medium.failing and history.pending > BACKLOG

    @property
    def advice(self) -> list[str]:
        """What somebody should know and do, in words for the state line."""
        words = self.medium.words
        mine = [words] if words else []
        if self.given_up:
            mine.append(
                f"{self._folder}: the history could not be written for long; {self.given_up} readings were "
                f"given up in memory, and those that the live file still has are taken over from it"
            )
        return [*mine, *self.relief.advice]

    def beat(self, history: History | None) -> dict[str, Any]:
        """Return the heartbeat's part on the medium.

        `state` is well, low, full, read-only, gone or failing, since `since_ms`; `live` where in memory the
        live file is, or null; `free` and `total` are bytes, `days_left` until only the reserve is left;
        `waiting` readings wait to be stored, `lost` were given up in this outage, or before
        they were taken over from the live file.
        """
        found, place = self.relief.found, self.live.spare_path
        return {
            "state": self.medium.reason or ("low" if self.relief.low else "well"),
            "since_ms": self.medium.since_ms,
            "live": None if place is None else str(place),
            "free": None if found is None else found.free,
            "total": None if found is None else found.total,
            "days_left": self.relief.days_left,
            "waiting": 0 if history is None else history.pending,
            "lost": self.medium.lost + self.given_up,
        }
