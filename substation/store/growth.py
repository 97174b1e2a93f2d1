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
SPARSE = 0.1
"""A smaller part of the rows that lacks is an outage here and there, no time that is still to be filled."""


@dataclass(frozen=True, slots=True)
class Growth:
    """Of a history."""

    bytes_a_day: float
    """Now."""
    days_left: float
    """Until so many bytes are taken; infinite when that never comes."""


def growth(
    settings: Settings,
    held_days: Mapping[str, float],
    free_bytes: float,
    held_rows: Mapping[str, float] | None = None,
    polls_a_day: float | None = None,
) -> Growth:
    """Return how the history goes on growing.

    Args:
        settings: what is polled, how often, and how long it is kept.
        held_days: for how many days the rows of `reading` and `minute` reach back.
        free_bytes: what the medium has left for it.
        held_rows: how many rows they hold: few rows that reach far back leave most of it to be filled.
        polls_a_day: single polls a day at the pace of late; by default what the settings ask for.
    """
    kept = {"reading": settings.store.raw_days, "minute": settings.store.minute_days}
    interval_s = max(settings.poll.interval_s, SHORTEST_ROUND_S)
    meters = len(settings.meters)
    paces = {
        table: meters * DAY_S / (interval_s if table == "reading" else ROLLUPS[table]) * BYTES_A_ROW[table]
        for table in BYTES_A_ROW
    }
    if polls_a_day:
        paces["reading"] = polls_a_day * BYTES_A_ROW["reading"]
    growing = dict.fromkeys(("reading", "minute", *COARSE), float("inf"))
    for table, days in kept.items():
        growing[table] = max(0.0, days - held_days.get(table, 0.0))
        if held_rows is not None:
            lacking = days - held_rows.get(table, 0.0) * BYTES_A_ROW[table] / paces[table]
            if lacking > days * SPARSE:
                growing[table] = max(growing[table], lacking)
    now = sum(pace for table, pace in paces.items() if growing[table] > 0)
    left, passed = max(0.0, free_bytes), 0.0
    for end in sorted(set(growing.values()) - {0.0}):
        pace = sum(one for table, one in paces.items() if growing[table] >= end)
        if pace * (end - passed) >= left:
            return Growth(now, passed + left / pace)
        left -= pace * (end - passed)
        passed = end
    return Growth(now, float("inf"))
