"""The one door that pages read through: live values, the day's figures, the day's curves.

All viewers share one board, recomputed at most twice a second, so that a hundred browsers cost the
stores no more than one.
"""

import threading
from dataclasses import dataclass
from typing import Any

from substation.clock import Clock
from substation.dashboard.board import (
    Board,
    Freshness,
    LineState,
    LiveMeter,
    LiveValue,
    PollerState,
    make_board,
)
from substation.settings.model import Home, Settings

__all__ = [
    "Board",
    "Feed",
    "Freshness",
    "LineState",
    "LiveMeter",
    "LiveValue",
    "MinMax",
    "PollerState",
    "TodayFigures",
    "current",
    "set_current",
]

BOARD_S = 0.5
"""A board is shared for so long."""


@dataclass(frozen=True, slots=True)
class TodayFigures:
    """The day's sums of one meter, by the site's calendar day."""

    kwh_today: float | None
    kwh_yesterday: float | None
    max_demand_va: float | None
    """Highest 30-minute block of today."""
    max_demand_at_ms: int | None
    completeness: float | None
    """Part of today's minutes that have a reading, 0 to 1."""


@dataclass(frozen=True, slots=True)
class MinMax:
    """Lowest and highest of today with their times, in the quantity's unit."""

    low: float | None
    low_at_ms: int | None
    high: float | None
    high_at_ms: int | None


class Feed:
    """Reads the stores for all viewers. Safe to use from many threads."""

    def __init__(self, settings: Settings, home: Home, clock: Clock) -> None:
        """Read the station in `home`; nothing is opened before it is asked for."""
        self._settings = settings
        self._home = home
        self._clock = clock
        self._lock = threading.Lock()
        self._board: Board | None = None
        self._board_at = 0.0

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._settings

    @property
    def clock(self) -> Clock:
        """The clock that ages are counted by."""
        return self._clock

    def board(self) -> Board:
        """Return what is known now; the same object to all who ask within half a second."""
        with self._lock:
            now = self._clock.monotonic()
            if self._board is None or now - self._board_at >= BOARD_S:
                self._board = make_board(self._settings, None, {}, self._clock.now_ms())
                self._board_at = now
            return self._board

    def today(self, meter_id: int) -> TodayFigures:
        """Return the day's sums of one meter."""
        return TodayFigures(None, None, None, None, None)

    def day(self, meter_id: int, keys: tuple[str, ...], days_back: int = 0) -> Any:
        """Return the curves of a calendar day of the site, 0 = today."""
        raise NotImplementedError

    def minmax_today(self, meter_id: int, keys: tuple[str, ...]) -> dict[str, MinMax]:
        """Return lowest and highest of today by key."""
        return dict.fromkeys(keys, MinMax(None, None, None, None))


_current: Feed | None = None


def current() -> Feed:
    """Return the feed of this process's dashboard. Raises RuntimeError before `create_app`."""
    if _current is None:
        raise RuntimeError("no feed yet: create_app() sets it before the pages are asked")
    return _current


def set_current(feed: Feed) -> None:
    """Make `feed` the one that pages read; called by `create_app` and by tests."""
    global _current  # noqa: PLW0603  one dashboard a process: pages are module-level in Dash
    _current = feed
