"""Boards and feeds of a made-up station in every state, for the tests of the screens."""

from typing import Any

from substation.dashboard.board import Board
from substation.dashboard.feed import TodayFigures
from substation.dashboard.sample_days import SampleFeed
from substation.dashboard.samples import STATES, board

NO_FIGURES = TodayFigures(None, None, None, None, None)
ZONE = SampleFeed().settings.site.zone


def in_state(name: str) -> Board:
    """Return the board of a state, by its name on the patterns page."""
    return board(STATES[name])


def feed_in(name: str, **how: Any) -> Any:
    """Return a feed of a state; an empty store has no day either."""
    if name in ("empty store", "first round"):
        how = {"today_until_h": None, "past": False, **how}
    return SampleFeed(STATES[name], **how)
