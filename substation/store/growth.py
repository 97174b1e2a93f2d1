"""How fast a history grows and how long its medium lasts, from what is polled and how long it is kept. Pure.

About: other programs and logs share the medium. A station that has just begun grows faster than one whose
oldest polls and minutes go as new ones come.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from substation.settings.model import Settings
from substation.store.schema import COARSE, ROLLUPS

DAY_S = 86_400.0
BYTES_A_ROW = {"reading": 126.0, "minute": 126.0, "quarter": 570.0, "hour": 570.0, "day": 570.0}
"""Measured on a generated year of five meters, free pages and keys included."""
SHORTEST_ROUND_S = 1.0
"""Of a line that is polled without pause."""


@dataclass(frozen=True, slots=True)
class Growth:
    """Of a history."""

    bytes_a_day: float
    """Now."""
    days_left: float
    """Until so many bytes are taken; infinite when that never comes."""


def growth(settings: Settings, held_days: Mapping[str, float], free_bytes: float) -> Growth:
    """Return how the history goes on growing.

    Args:
        settings: what is polled, how often, and how long it is kept.
        held_days: for how many days the rows of `reading` and `minute` reach back.
        free_bytes: what the medium has left for it.
    """
    kept = {"reading": settings.store.raw_days, "minute": settings.store.minute_days}
    interval_s = max(settings.poll.interval_s, SHORTEST_ROUND_S)
    meters = len(settings.meters)
    paces = {
        table: meters * DAY_S / (interval_s if table == "reading" else ROLLUPS[table]) * BYTES_A_ROW[table]
        for table in BYTES_A_ROW
    }
    growing = {
        table: max(0.0, days - held_days.get(table, 0.0)) if (days := kept.get(table)) else float("inf")
        for table in ("reading", "minute", *COARSE)
    }
    now = sum(pace for table, pace in paces.items() if growing[table] > 0)
    left, passed = max(0.0, free_bytes), 0.0
    for end in sorted(set(growing.values()) - {0.0}):
        pace = sum(one for table, one in paces.items() if growing[table] >= end)
        if pace * (end - passed) >= left:
            return Growth(now, passed + left / pace)
        left -= pace * (end - passed)
        passed = end
    return Growth(now, float("inf"))
