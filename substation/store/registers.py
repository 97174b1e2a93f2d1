"""Energy and demand from the meters' own counters: differences of registers, never sums of power.

A register can also lie: a meter is exchanged or reset, one reading is wild, one poll says 0. So the way from
one register to the next is judged quarter by quarter (`_doubts`), and a figure over a doubted step is None.
"""

import itertools
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from substation.quantities import COUNTERS
from substation.store import schema

QUARTER_MS = 900_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
NEAR_MS = 90_000
"""A register read this close before a block's bound stands for the bound; the true times are used."""
MOST_LOAD = 3.0
"""No circuit carries more for long than so many times its rating: a fuse or breaker would have opened."""
FLOAT_STEP = 2.0**-22
"""A register comes as float32 and is off by up to so much of itself when it goes on by one step."""

FELL = "its register fell: meter exchanged, reset, or one false reading"
JUMPED = "its register jumped: meter exchanged, or one false reading"


@dataclass(frozen=True, slots=True)
class Energy:
    """How far the counters went on, and why that is not known."""

    used: dict[str, float | None]
    """By counter, in its unit; None: unknown."""
    doubts: dict[str, str]
    """In words, for each counter whose registers contradict each other."""


@dataclass(frozen=True, slots=True)
class _Register:
    """A counter as it was read at a time, UTC ms."""

    at_ms: int
    value: int


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
    first = _registers(db, table, before, "DESC")
    later = _registers(db, table, meanwhile, "ASC")
    last = _registers(db, table, meanwhile, "DESC")
    quarters = _quarters(db, meter_id, start_ms - 2 * QUARTER_MS, end_ms + QUARTER_MS)
    used: dict[str, float | None] = {}
    doubts: dict[str, str] = {}
    for key in COUNTERS:
        begin, end = first.get(key, later.get(key)), last.get(key)
        used[key] = None
        if begin is None or end is None:
            continue
        found = _doubts(_in_order([begin, *quarters[key], end]), rated_va)
        false = [why for a, b, why in found if a.at_ms >= begin.at_ms and b.at_ms <= end.at_ms]
        if false:
            doubts[key] = false[0]
        elif end.value >= begin.value:
            used[key] = float(end.value - begin.value)
    return Energy(used, doubts)


def max_demand(
    db: sqlite3.Connection,
    meter_id: int,
    start_ms: int,
    end_ms: int,
    block_minutes: int,
    *,
    rated_va: float | None = None,
) -> tuple[float, int] | None:
    """Return the greatest mean apparent power of a whole block, VA, and when that block began, UTC ms.

    Blocks of `block_minutes` (15, 30, 45, 60) follow each other from `start_ms`, a whole quarter of an hour.
    D = (VAh_end - VAh_begin) x 60 / T; a block whose registers were not read near both bounds is left out,
    and so is one with a step in it that the circuit cannot have used (as in `energy`).
    """
    block_ms = block_minutes * MINUTE_MS
    if block_ms % QUARTER_MS or block_ms <= 0:
        raise ValueError(f"a demand block of {block_minutes} min is no whole number of quarter hours")
    read = _quarters(db, meter_id, start_ms - 2 * QUARTER_MS, end_ms + QUARTER_MS, ("vah_received",))
    registers = read["vah_received"]
    false = [(a.at_ms, b.at_ms) for a, b, _ in _doubts(registers, rated_va)]
    at_bound = {
        (register.at_ms // QUARTER_MS + 1) * QUARTER_MS: register
        for register in registers
        if QUARTER_MS - register.at_ms % QUARTER_MS <= NEAR_MS
    }
    best: tuple[float, int] | None = None
    for block in range(start_ms, end_ms - block_ms + 1, block_ms):
        begin, end = at_bound.get(block), at_bound.get(block + block_ms)
        if begin is None or end is None:
            continue
        if any(begin.at_ms < until and since < end.at_ms for since, until in false):
            continue
        demand = (end.value - begin.value) * HOUR_MS / (end.at_ms - begin.at_ms)
        if best is None or demand > best[0]:
            best = demand, block
    return best


def _doubts(registers: Sequence[_Register], rated_va: float | None) -> list[tuple[_Register, _Register, str]]:
    """Return the steps from one register to the next that the circuit cannot have used, and why.

    Falls; rises beyond what it can carry; and, told even where the rating is unknown, one false reading:
    the rise that makes good a fall just before, and the rise that the next register takes back.
    """
    found = []
    for at, (a, b) in enumerate(itertools.pairwise(registers), 1):
        before = registers[at - 2] if at > 1 else a
        after = registers[at + 1] if at + 1 < len(registers) else b
        if b.value < a.value:
            found.append((a, b, FELL))
            continue
        taken_back = a.value < before.value <= b.value or a.value <= after.value < b.value
        if taken_back or (rated_va is not None and b.value - a.value > _most(a, b, rated_va)):
            found.append((a, b, JUMPED))
    return found


def _most(a: _Register, b: _Register, rated_va: float) -> float:
    # a meter renews its registers when it likes, so no step counts as shorter than a minute
    hours = max(b.at_ms - a.at_ms, MINUTE_MS) / HOUR_MS
    return MOST_LOAD * rated_va * hours + b.value * FLOAT_STEP + 1


def _in_order(registers: Sequence[_Register]) -> list[_Register]:
    """Return each register once, oldest first."""
    return sorted(set(registers), key=lambda register: register.at_ms)


def _registers(
    db: sqlite3.Connection, table: str, where: tuple[int, int, int], order: str
) -> dict[str, _Register]:
    """Return by counter the first register found, going up (ASC) or down (DESC) in time."""
    found: dict[str, _Register] = {}
    rows = db.execute(
        f"SELECT key >> 8, last_ms, odd, {_LASTS} FROM {table} "  # noqa: S608 - names of ours
        f"WHERE key >= ? AND key < ? AND key & 255 = ? AND n > 0 ORDER BY key {order}",
        where,
    )
    for start_ms, last_ms, odd, *values in rows:
        for key, register in _read(start_ms, last_ms, odd, COUNTERS, values):
            found.setdefault(key, register)
        if len(found) == len(COUNTERS):
            break
    rows.close()
    return found


def _quarters(
    db: sqlite3.Connection,
    meter_id: int,
    start_ms: int,
    end_ms: int,
    keys: Sequence[str] = COUNTERS,
) -> dict[str, list[_Register]]:
    """Return by counter the last register of each quarter of an hour, oldest first."""
    found: dict[str, list[_Register]] = {key: [] for key in keys}
    for begin_ms, last_ms, odd, *values in db.execute(
        f"SELECT key >> 8, last_ms, odd, {', '.join(f'last_{key}' for key in keys)} "  # noqa: S608
        "FROM quarter WHERE key >= ? AND key < ? AND key & 255 = ? AND n > 0 ORDER BY key",
        (start_ms << 8, end_ms << 8, meter_id),
    ):
        for key, register in _read(begin_ms, last_ms, odd, keys, values):
            found[key].append(register)
    return found


def _read(
    begin_ms: int, last_ms: int, odd: str | None, keys: Sequence[str], values: Sequence[int | None]
) -> list[tuple[str, _Register]]:
    """Return the registers of one row of a rollup, each with the time when it was read."""
    own = json.loads(odd) if odd else {}
    return [
        (key, _Register(begin_ms + own.get(key, (0, last_ms))[1], value))
        for key, value in zip(keys, values, strict=True)
        if value is not None
    ]


_LASTS = ", ".join(f"last_{key}" for key in COUNTERS)
