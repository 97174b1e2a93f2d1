"""Wall: all normal, or the one thing that is not; kW of each branch. Large, without any controls."""

from typing import Any

import dash

from substation.dashboard import screen, wall
from substation.dashboard.feed import current


def layout(**_: Any) -> Any:
    """Return the page."""
    feed = current()
    board = feed.board()
    names = ["station", "bus", "wall", *[f"m{meter.id}" for meter in board.meters]]
    return wall.content(feed, board, screen.groups(feed, board, names))


dash.register_page(__name__, path="/wall", name="Wall", order=9, layout=layout, first=True)
