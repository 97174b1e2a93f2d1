"""Energy and demand from the meters' own counters: differences of registers, never sums of power."""

import json
import sqlite3

from substation.quantities import COUNTERS
from substation.store import schema

QUARTER_MS = 900_000
MINUTE_MS = 60_000
NEAR_MS = 90_000
"""A register read this close before a block's bound stands for the bound; the true times are used."""


def energy(db: sqlite3.Connection, meter_id: int, start_ms: int, end_ms: int) -> dict[str, float | None]:
    """Return by counter how far it went on between two times; the bounds count in whole minutes.

    From the last register in the quarter of an hour before `start_ms`, or where nobody read it then, from
    the first one after it: the rest is unknown, not guessed. None without two registers, and None when the
    register fell meanwhile (meter exchanged or reset): a difference would be false.
    """
    table = "quarter" if start_ms < schema.meta_number(db, schema.MINUTE_FROM) else "minute"
    before = (start_ms - QUARTER_MS << 8, start_ms << 8, meter_id)
    meanwhile = (start_ms << 8, end_ms << 8, meter_id)
    first = _registers(db, table, before, "DESC")
    later = _registers(db, table, meanwhile, "ASC")
    last = _registers(db, table, meanwhile, "DESC")
    fell = _fell(db, meter_id, start_ms, end_ms)
    differences: dict[str, float | None] = {}
    for key in COUNTERS:
        begin = first.get(key, later.get(key))
        end = last.get(key)
        whole = begin is not None and end is not None and key not in fell and end >= begin
        differences[key] = float(end - begin) if whole and begin is not None and end is not None else None
    return differences


def _registers(db: sqlite3.Connection, table: str, where: tuple[int, int, int], order: str) -> dict[str, int]:
    """Return by counter the first register found, going up (ASC) or down (DESC) in time."""
    found: dict[str, int] = {}
    rows = db.execute(
        f"SELECT {_LASTS} FROM {table} WHERE key >= ? AND key < ? AND key & 255 = ? "  # noqa: S608
        f"AND n > 0 ORDER BY key {order}",
        where,
    )
    for row in rows:
        for key, value in zip(COUNTERS, row, strict=True):
            if value is not None:
                found.setdefault(key, value)
        if len(found) == len(COUNTERS):
            break
    rows.close()
    return found


def _fell(db: sqlite3.Connection, meter_id: int, start_ms: int, end_ms: int) -> set[str]:
    fell: set[str] = set()
    before: dict[str, int] = {}
    for row in db.execute(
        f"SELECT {_LASTS} FROM quarter WHERE key >= ? AND key < ? AND key & 255 = ? ORDER BY key",  # noqa: S608
        (start_ms - QUARTER_MS << 8, end_ms << 8, meter_id),
    ):
        for key, value in zip(COUNTERS, row, strict=True):
            if value is None:
                continue
            if value < before.get(key, value):
                fell.add(key)
            before[key] = value
    return fell


def max_demand(
    db: sqlite3.Connection, meter_id: int, start_ms: int, end_ms: int, block_minutes: int
) -> tuple[float, int] | None:
    """Return the greatest mean apparent power of a whole block, VA, and when that block began, UTC ms.

    Blocks of `block_minutes` (15, 30, 45, 60) follow each other from `start_ms`, a whole quarter of an hour.
    D = (VAh_end - VAh_begin) x 60 / T; a block whose registers were not read near both bounds is left out.
    """
    block_ms = block_minutes * MINUTE_MS
    if block_ms % QUARTER_MS or block_ms <= 0:
        raise ValueError(f"a demand block of {block_minutes} min is no whole number of quarter hours")
    at_bound: dict[int, tuple[int, int]] = {}
    for key, last_ms, odd, value in db.execute(
        "SELECT key, last_ms, odd, last_vah_received FROM quarter WHERE key >= ? AND key < ? "
        "AND key & 255 = ? AND last_vah_received IS NOT NULL",
        (start_ms - QUARTER_MS << 8, end_ms << 8, meter_id),
    ):
        after = json.loads(odd).get("vah_received", (0, last_ms))[1] if odd else last_ms
        if QUARTER_MS - after <= NEAR_MS:
            start = key >> 8
            at_bound[start + QUARTER_MS] = (value, start + after)
    best: tuple[float, int] | None = None
    for block in range(start_ms, end_ms - block_ms + 1, block_ms):
        begin, end = at_bound.get(block), at_bound.get(block + block_ms)
        if begin is None or end is None or end[0] < begin[0]:
            continue
        demand = (end[0] - begin[0]) * 3_600_000 / (end[1] - begin[1])
        if best is None or demand > best[0]:
            best = demand, block
    return best


_LASTS = ", ".join(f"last_{key}" for key in COUNTERS)
