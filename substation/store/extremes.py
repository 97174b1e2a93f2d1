"""The least and the greatest good value of a time, and when each was read first.

The values come from the rows of quarters of an hour, which stay for ever, so each is true of every reading.
The time is that of the reading; where single readings are gone by retention, of its quarter.
A reading whose own time nobody vouched for (`clock_spans`) is none of that time: a quarter whose end is one
is looked through reading by reading, and left out where these are gone.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from substation.quantities import BY_KEY
from substation.store import clock_spans
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
    sign = 1 if way == "min" else -1
    best: tuple[int, int] | None = None
    quarters = db.execute(
        f"SELECT {way}_{key}, key >> 8 FROM quarter "  # noqa: S608 - names of ours
        f"WHERE key >= ? AND key < ? AND key & 255 = ? AND {way}_{key} IS NOT NULL "
        f"ORDER BY {way}_{key} {order}, key",
        within,
    )
    for steps, quarter_ms in quarters:
        if best is not None and sign * best[0] < sign * steps:
            break
        found = _in_quarter(db, key, (quarter_ms, within[2], steps), order)
        if found is not None and (best is None or (sign * found[0], found[1]) < (sign * best[0], best[1])):
            best = found
        if found is not None and found[0] == steps:
            break
    quarters.close()
    return best


def _in_quarter(
    db: sqlite3.Connection, key: str, of: tuple[int, int, int], order: str
) -> tuple[int, int] | None:
    """Return the end of a quarter that was read at a time somebody vouched for; `of`: begin, meter, steps."""
    quarter_ms, meter_id, steps = of
    good = (
        f"SELECT {key}, key >> 8, reason FROM reading WHERE key >= ? AND key < ? AND key & 255 = ? "  # noqa: S608
        f"AND quality = 0 AND implausible & {BITS[key]} = 0"
    )
    within = (quarter_ms << 8, (quarter_ms + QUARTER_MS) << 8, meter_id)
    first = db.execute(f"{good} AND {key} = ? ORDER BY key LIMIT 1", (*within, steps)).fetchone()
    if first is not None and clock_spans.span_of(first[2]) is None:
        return steps, first[1]
    if first is not None:
        polls = db.execute(f"{good} AND {key} IS NOT NULL ORDER BY {key} {order}, key", within).fetchall()
        return next(((value, at) for value, at, why in polls if clock_spans.span_of(why) is None), None)
    is_doubted = any(
        one.corrected_ms is None and one.begin_ms < quarter_ms + QUARTER_MS and one.end_ms >= quarter_ms
        for one in clock_spans.spans(db)
    )
    return None if is_doubted else (steps, quarter_ms)
