"""The least and the greatest good value of a time, and when each was read first.

The values come from the rows of quarters of an hour, which stay for ever, so each is true of every reading.
The time is that of the reading; where single readings are gone by retention, of its quarter.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from substation.quantities import BY_KEY
from substation.store.rows import BITS

QUARTER_MS = 900_000


@dataclass(frozen=True, slots=True)
class Reached:
    """What a quantity reached, in its unit, and when, UTC ms."""

    low: float
    low_ms: int
    high: float
    high_ms: int


def reached(
    db: sqlite3.Connection, meter_id: int, keys: Sequence[str], start_ms: int, end_ms: int
) -> dict[str, Reached]:
    """Return by instant what it reached in [start, end), whole quarters; none without a good value."""
    found = {}
    for key in keys:
        quantity = BY_KEY[key]
        if quantity.kind == "counter":
            continue
        within = (start_ms << 8, end_ms << 8, meter_id)
        ends = [_end(db, key, within, way) for way in ("min", "max")]
        if ends[0] is not None and ends[1] is not None:
            (low, low_ms), (high, high_ms) = ends[0], ends[1]
            per_unit = quantity.steps_per_unit
            found[key] = Reached(low / per_unit, low_ms, high / per_unit, high_ms)
    return found


def _end(db: sqlite3.Connection, key: str, within: tuple[int, int, int], way: str) -> tuple[int, int] | None:
    """Return the least (`min`) or the greatest (`max`) value in steps, and when it was read first."""
    order = "ASC" if way == "min" else "DESC"
    row = db.execute(
        f"SELECT {way}_{key}, key >> 8 FROM quarter "  # noqa: S608 - names of ours
        f"WHERE key >= ? AND key < ? AND key & 255 = ? AND {way}_{key} IS NOT NULL "
        f"ORDER BY {way}_{key} {order}, key LIMIT 1",
        within,
    ).fetchone()
    if row is None:
        return None
    steps, quarter_ms = row
    poll = db.execute(
        "SELECT key >> 8 FROM reading WHERE key >= ? AND key < ? AND key & 255 = ? "  # noqa: S608
        f"AND {key} = ? AND implausible & {BITS[key]} = 0 ORDER BY key LIMIT 1",
        (quarter_ms << 8, (quarter_ms + QUARTER_MS) << 8, within[2], steps),
    ).fetchone()
    return steps, quarter_ms if poll is None else poll[0]
