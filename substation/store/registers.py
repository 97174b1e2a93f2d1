"""Energy and demand from the meters' own counters: differences of registers, never sums of power.

Here they are read from the history; the room `energy` judges them, quarter by quarter.
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

from substation.energy import demand
from substation.energy.registers import QUARTER_MS, Register, doubtful_steps, in_order
from substation.quantities import COUNTERS
from substation.store import schema


@dataclass(frozen=True, slots=True)
class Energy:
    """How far the counters went on, and why that is not known."""

    used: dict[str, float | None]
    """By counter, in its unit; None: unknown."""
    doubts: dict[str, str]
    """In words, for each counter whose registers contradict each other."""
    bounds: dict[str, tuple[int, int]] = field(default_factory=dict)
    """When the first and the last register were read, UTC ms, for each counter in `used` that is known."""

    def off_ms(self, key: str, start_ms: int, end_ms: int | None = None) -> int:
        """Return by how much the figure covers another time than asked, the greater of both ends, ms."""
        if key not in self.bounds:
            return 0
        first, last = self.bounds[key]
        return max(abs(first - start_ms), 0 if end_ms is None else abs(end_ms - last))


def energy(
    db: sqlite3.Connection, meter_id: int, start_ms: int, end_ms: int, rated_va: float | None = None
) -> Energy:
    """Return how far each counter went on between two times; the bounds count in whole minutes.

    From the last register in the quarter of an hour before `start_ms`, or where nobody read it then, from
    the first one after it: the rest is unknown, not guessed. None without two registers, and None when a
    step between two quarters cannot be what the circuit used: a difference would be false. With `rated_va`
    (three-phase, VA) a rise that needs more than `MOST_LOAD` times that is such a step.
    """
    table = "quarter" if start_ms < schema.meta_number(db, schema.MINUTE_FROM) else "minute"
    before = (start_ms - QUARTER_MS << 8, start_ms << 8, meter_id)
    meanwhile = (start_ms << 8, end_ms << 8, meter_id)
    quarters = _quarters(db, meter_id, start_ms - 2 * QUARTER_MS, end_ms + QUARTER_MS)
    kept = [key for key in COUNTERS if quarters[key]]  # few models have all eight
    first = _registers(db, table, before, kept, "DESC")
    later = _registers(db, table, meanwhile, kept, "ASC")
    last = _registers(db, table, meanwhile, kept, "DESC")
    used: dict[str, float | None] = {}
    doubts: dict[str, str] = {}
    bounds: dict[str, tuple[int, int]] = {}
    for key in COUNTERS:
        begin, end = first.get(key, later.get(key)), last.get(key)
        used[key] = None
        if begin is None or end is None:
            continue
        found = doubtful_steps(in_order([begin, *quarters[key], end]), rated_va)
        false = [why for a, b, why in found if a.at_ms >= begin.at_ms and b.at_ms <= end.at_ms]
        if false:
            doubts[key] = false[0]
        elif end.value >= begin.value:
            used[key] = float(end.value - begin.value)
            bounds[key] = (begin.at_ms, end.at_ms)
    return Energy(used, doubts, bounds)


def max_demand(
    db: sqlite3.Connection,
    meter_id: int,
    start_ms: int,
    end_ms: int,
    block_minutes: int,
    *,
    rated_va: float | None = None,
) -> tuple[float, int] | None:
    """Return the greatest mean apparent power of a whole block, VA, and when it began (`energy.demand`)."""
    read = _quarters(db, meter_id, start_ms - 2 * QUARTER_MS, end_ms + QUARTER_MS, ("vah_received",))
    return demand.max_demand(read["vah_received"], start_ms, end_ms, block_minutes, rated_va=rated_va)


def _registers(
    db: sqlite3.Connection, table: str, where: tuple[int, int, int], keys: Sequence[str], order: str
) -> dict[str, Register]:
    """Return by counter the first register found, going up (ASC) or down (DESC) in time."""
    found: dict[str, Register] = {}
    if not keys:
        return found
    lasts = [f"last_{key}" for key in keys]
    rows = db.execute(
        f"SELECT key >> 8, {schema.counters_ms(db)}, odd, {', '.join(lasts)} FROM {table} "  # noqa: S608
        f"WHERE key >= ? AND key < ? AND key & 255 = ? AND coalesce({', '.join(lasts)}, NULL) IS NOT NULL "
        f"ORDER BY key {order}",
        where,
    )
    for start_ms, read_ms, odd, *values in rows:
        for key, register in _read(start_ms, read_ms, odd, keys, values):
            found.setdefault(key, register)
        if len(found) == len(keys):
            break
    rows.close()
    return found


def _quarters(
    db: sqlite3.Connection,
    meter_id: int,
    start_ms: int,
    end_ms: int,
    keys: Sequence[str] = COUNTERS,
) -> dict[str, list[Register]]:
    """Return by counter the last register of each quarter of an hour, oldest first."""
    found: dict[str, list[Register]] = {key: [] for key in keys}
    rows = db.execute(
        f"SELECT key >> 8, {schema.counters_ms(db)}, odd, {', '.join(f'last_{key}' for key in keys)} "  # noqa: S608
        "FROM quarter WHERE key >= ? AND key < ? AND key & 255 = ? AND n > 0 ORDER BY key",
        (start_ms << 8, end_ms << 8, meter_id),
    )
    for begin_ms, read_ms, odd, *values in rows:
        for key, register in _read(begin_ms, read_ms, odd, keys, values):
            found[key].append(register)
    return found


def _read(
    begin_ms: int, read_ms: int, odd: str | None, keys: Sequence[str], values: Sequence[int | None]
) -> list[tuple[str, Register]]:
    """Return the registers of one row of a rollup, each with the time when it was read.

    `read_ms` is when most of them were, ms after `begin_ms`; `odd` names those that were not.
    """
    own = json.loads(odd) if odd else {}
    return [
        (key, Register(begin_ms + own.get(key, (0, read_ms))[1], value))
        for key, value in zip(keys, values, strict=True)
        if value is not None
    ]
