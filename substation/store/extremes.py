"""The least and the greatest good value of a time, and when each was read first.

The values come from the rows of quarters of an hour, which stay for ever, so each is true of every reading.
The time is that of the reading; where single readings are gone by retention, of its quarter.
A reading whose own time nobody vouched for (`clock_spans`) is none of that time: a quarter whose end is one
is looked through reading by reading, and left out where these are gone.
A power factor is as low as its magnitude; its sign, of lag or lead, is kept. Where single readings are gone,
the least of a quarter that had both lag and lead is the smaller of its two ends.
A frequency or a power factor of 0 is none (`quantities.NOTHING`) and no least: a quarter with one is looked
through too, and has no least where its single readings are gone.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from substation.quantities import BY_KEY, INSTANTS, NOTHING
from substation.store import clock_spans
from substation.store.rows import BITS

QUARTER_MS = 900_000
BY_SIZE = frozenset(key for key in INSTANTS if key.startswith("pf_"))
"""Their sign only tells leading from lagging: what is reached counts by magnitude."""


@dataclass(frozen=True, slots=True)
class Reached:
    """What a quantity reached, in its unit, and when, UTC ms."""

    low: float
    low_ms: int
    high: float
    high_ms: int
    low_for_ms: int = 0
    """Within so long from `low_ms` on it was read: a quarter of an hour, where single readings are gone."""
    high_for_ms: int = 0


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
            (low, low_ms, low_for_ms), (high, high_ms, high_for_ms) = ends[0], ends[1]
            per_unit = quantity.steps_per_unit
            found[key] = Reached(low / per_unit, low_ms, high / per_unit, high_ms, low_for_ms, high_for_ms)
    return found


def _end(
    db: sqlite3.Connection, key: str, within: tuple[int, int, int], way: str
) -> tuple[int, int, int] | None:
    """Return the least (`min`) or the greatest (`max`) value in steps, when it was read, within how long."""
    size, sign = f"{way}_{key}", 1 if way == "min" else -1
    if key in BY_SIZE:
        ends = f"abs(min_{key}), abs(max_{key})"
        size = f"max({ends})"
        if way == "min":  # between lag and lead lies anything: only the readings know the least
            size = f"CASE WHEN min_{key} < 0 AND max_{key} > 0 THEN 0 ELSE min({ends}) END"
    some = f"AND (min_{key} <> 0 OR max_{key} <> 0) " if key in NOTHING else ""
    best: tuple[int, int, int] | None = None
    quarters = db.execute(
        f"SELECT {size}, key >> 8, min_{key}, max_{key} FROM quarter "  # noqa: S608 - names of ours
        f"WHERE key >= ? AND key < ? AND key & 255 = ? AND {way}_{key} IS NOT NULL {some}"
        f"ORDER BY 1 {'ASC' if way == 'min' else 'DESC'}, key",
        within,
    )
    for bound, quarter_ms, *both in quarters:
        if best is not None and (sign * _size(key, best[0]), best[1]) <= (sign * bound, quarter_ms):
            break
        pick = min(both, key=lambda steps: sign * _size(key, steps))
        found = _in_quarter(db, key, (quarter_ms, within[2], pick), sign, bound)
        if found is not None and (
            best is None or (sign * _size(key, found[0]), found[1]) < (sign * _size(key, best[0]), best[1])
        ):
            best = found
    quarters.close()
    return best


def _size(key: str, steps: int) -> int:
    return abs(steps) if key in BY_SIZE else steps


def _in_quarter(
    db: sqlite3.Connection, key: str, of: tuple[int, int, int], sign: int, bound: int
) -> tuple[int, int, int] | None:
    """Return the end of a quarter that was read at a time somebody vouched for, when, and within how long.

    Args:
        db: the history.
        key: the instant.
        of: when the quarter begins, the meter, and what it reached by its row.
        sign: 1 for the least, -1 for the greatest.
        bound: size of what it can have reached.
    """
    quarter_ms, meter_id, steps = of
    good = (
        f"SELECT {key}, key >> 8, reason FROM reading WHERE key >= ? AND key < ? AND key & 255 = ? "  # noqa: S608
        f"AND quality = 0 AND implausible & {BITS[key]} = 0"
    )
    if key in NOTHING:
        good += f" AND {key} <> 0"
    within = (quarter_ms << 8, (quarter_ms + QUARTER_MS) << 8, meter_id)
    size = f"abs({key})" if key in BY_SIZE else key
    found = db.execute(f"{good} AND {size} = ? ORDER BY key LIMIT 1", (*within, _size(key, steps))).fetchone()
    if found is not None and clock_spans.span_of(found[2]) is None and _size(key, steps) == bound:
        return found[0], found[1], 0
    if found is not None or (key in NOTHING and not steps):
        polls = db.execute(f"{good} AND {key} IS NOT NULL ORDER BY key", within)
        vouched = [(value, at, 0) for value, at, why in polls if clock_spans.span_of(why) is None]
        return min(vouched, key=lambda one: sign * _size(key, one[0]), default=None)
    is_doubted = any(
        one.corrected_ms is None and one.begin_ms < quarter_ms + QUARTER_MS and one.end_ms >= quarter_ms
        for one in clock_spans.spans(db)
    )
    return None if is_doubted else (steps, quarter_ms, QUARTER_MS)
