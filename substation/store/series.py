"""Values over time for charts: from the coarsest table that still gives a point a pixel."""

import itertools
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from substation.clock import day_start_ms
from substation.quantities import BY_KEY, Quantity
from substation.store import rollup, schema
from substation.store.rows import BITS

_EMPTY_BEYOND = 2.5
"""A hole of more than so many polls is a gap."""


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one meter over time.

    Instants are means and counters last values of [at, at + step); None is a gap: nothing that can be
    trusted was read. Implausible values are left out.
    """

    table: str
    """Where it comes from: `reading`, `minute`, `quarter`, `hour`, `day`."""
    at_ms: list[int]
    """UTC ms at which each step begins: a regular grid of `step_s`, but site midnights in `day`, and, where
    `step_s` is no longer than the polls are apart, the polls themselves."""
    step_s: float
    values: dict[str, list[float | None]]
    low: dict[str, list[float | None]]
    """Least value in each step; from `minute`, which keeps no extremes, the least mean of a minute."""
    high: dict[str, list[float | None]]


@dataclass(frozen=True, slots=True)
class Span:
    """What a chart shows: one meter in [start, end), `points` pixels wide."""

    meter_id: int
    start_ms: int
    end_ms: int
    points: int

    @property
    def pixel_ms(self) -> int:
        """Time that one pixel stands for."""
        return max(1, (self.end_ms - self.start_ms) // max(1, self.points))

    def keys(self, from_ms: int | None = None) -> tuple[int, int, int]:
        """Return the parameters of `_IN_SPAN`."""
        return (self.start_ms if from_ms is None else from_ms) << 8, self.end_ms << 8, self.meter_id


_IN_SPAN = "key >= ? AND key < ? AND key & 255 = ?"


def empty(keys: Sequence[str]) -> Series:
    """Return a series without a point."""
    return Series("minute", [], 60.0, {k: [] for k in keys}, {k: [] for k in keys}, {k: [] for k in keys})


def between(db: sqlite3.Connection, span: Span, keys: Sequence[str]) -> Series:
    """Return the series of the known quantities `keys`."""
    quantities = [BY_KEY[key] for key in keys]
    table = _table(db, span)
    if table != "reading":
        return _from_rollup(db, table, span, quantities)
    spacing_ms = _spacing_ms(db, span)
    if span.pixel_ms < spacing_ms * _EMPTY_BEYOND:
        return _polls(db, span, quantities, spacing_ms)
    return _from_readings(db, span, quantities)


def _table(db: sqlite3.Connection, span: Span) -> str:
    fits = [table for table, step_s in schema.ROLLUPS.items() if step_s * 1000 <= span.pixel_ms]
    table = fits[-1] if fits else "reading"
    if table == "reading" and span.start_ms < schema.meta_number(db, schema.RAW_FROM):
        table = "minute"  # what finer rows there were went by retention
    if table == "minute" and span.start_ms < schema.meta_number(db, schema.MINUTE_FROM):
        table = "quarter"
    return table


class _Steps:
    """Collects values into steps."""

    def __init__(self, count: int, quantities: Sequence[Quantity]) -> None:
        self.values: dict[str, list[float | None]] = {q.key: [None] * count for q in quantities}
        self.low: dict[str, list[float | None]] = {q.key: [None] * count for q in quantities}
        self.high: dict[str, list[float | None]] = {q.key: [None] * count for q in quantities}

    def put(self, key: str, place: int, value: float, low: float, high: float) -> None:
        self.values[key][place], self.low[key][place], self.high[key][place] = value, low, high


def _from_rollup(db: sqlite3.Connection, table: str, span: Span, quantities: Sequence[Quantity]) -> Series:
    zone = ZoneInfo(schema.meta(db, "zone") or "UTC")
    origin = rollup.period_start(table, span.start_ms, zone)
    step_ms = schema.ROLLUPS[table] * 1000
    if table == "day":
        grid = _days(origin, span.end_ms, zone)
    else:
        step_ms *= max(1, span.pixel_ms // step_ms)
        grid = list(range(origin, span.end_ms, step_ms))
    days = {at: place for place, at in enumerate(grid)} if table == "day" else None
    steps = _Steps(len(grid), quantities)
    for q in quantities:
        groups: dict[int, list[_Part]] = {}
        for at, n, odd, value, low, high in db.execute(_rollup_query(table, q), span.keys(origin)):
            place = (at - origin) // step_ms if days is None else days.get(at)
            if place is not None:  # else a day of the calendar of another zone, from before a change
                count = n if odd is None else json.loads(odd).get(q.key, (n,))[0]
                groups.setdefault(place, []).append((value, count, low, high))
        for place, group in groups.items():
            steps.put(q.key, place, *_summed(q, group))
    return Series(table, grid, step_ms / 1000, steps.values, steps.low, steps.high)


def _rollup_query(table: str, q: Quantity) -> str:
    present = f"last_{q.key}" if q.kind == "counter" else f"sum_{q.key}"
    extremes = "NULL, NULL" if q.kind == "counter" or table == "minute" else f"min_{q.key}, max_{q.key}"
    return (
        f"SELECT key >> 8, n, odd, {present}, {extremes} FROM {table} "  # noqa: S608 - names of ours
        f"WHERE {_IN_SPAN} AND {present} IS NOT NULL ORDER BY key"
    )


_Part = tuple[int, int, int | None, int | None]
"""Sum (of a counter: the last value), count, least and greatest, in steps."""


def _summed(q: Quantity, group: list[_Part]) -> tuple[float, float, float]:
    per_unit = q.steps_per_unit
    if q.kind == "counter":
        last = group[-1][0] / per_unit
        return last, last, last
    mean = sum(part[0] for part in group) / (sum(part[1] for part in group) * per_unit)
    lows = [part[2] for part in group if part[2] is not None]
    highs = [part[3] for part in group if part[3] is not None]
    if lows and highs:
        return mean, min(lows) / per_unit, max(highs) / per_unit
    means = [part[0] / (part[1] * per_unit) for part in group]
    return mean, min(means), max(means)


def _days(origin: int, end_ms: int, zone: ZoneInfo) -> list[int]:
    grid, at = [], origin
    while at < end_ms:
        grid.append(at)
        at = day_start_ms(at, zone, -1)
    return grid


def _from_readings(db: sqlite3.Connection, span: Span, quantities: Sequence[Quantity]) -> Series:
    step_ms = max(1000, span.pixel_ms // 1000 * 1000)
    grid = list(range(span.start_ms, span.end_ms, step_ms))
    steps = _Steps(len(grid), quantities)
    place = f"((key >> 8) - {span.start_ms}) / {step_ms}"
    instants = [q for q in quantities if q.kind == "instant"]
    if instants:
        good = [_good(q) for q in instants]
        columns = ", ".join(f"sum({v}), count({v}), min({v}), max({v})" for v in good)
        query = f"SELECT {place}, {columns} FROM reading WHERE {_IN_SPAN} GROUP BY 1"  # noqa: S608
        for at, *sums in db.execute(query, span.keys()):
            for i, q in enumerate(instants):
                total, count, low, high = sums[4 * i : 4 * i + 4]
                if count:
                    per = q.steps_per_unit
                    steps.put(q.key, at, total / (count * per), low / per, high / per)
    for q in quantities:
        if q.kind == "counter":
            query = (
                f"SELECT {place}, max(key), {q.key} FROM reading "  # noqa: S608 - names of ours
                f"WHERE {_IN_SPAN} AND {_good(q)} IS NOT NULL GROUP BY 1"
            )
            for at, _, value in db.execute(query, span.keys()):
                steps.put(q.key, at, *[value / q.steps_per_unit] * 3)
    return Series("reading", grid, step_ms / 1000, steps.values, steps.low, steps.high)


def _good(q: Quantity) -> str:
    return f"iif(implausible & {BITS[q.key]}, NULL, {q.key})"


def _spacing_ms(db: sqlite3.Connection, span: Span) -> int:
    """Return how far apart this meter's polls usually are in the newest part of the span."""
    newest = f"SELECT key >> 8 FROM reading WHERE {_IN_SPAN} ORDER BY key DESC LIMIT 40"  # noqa: S608
    times = [at for (at,) in db.execute(newest, span.keys())]
    apart = sorted(newer - older for newer, older in itertools.pairwise(times))
    return apart[len(apart) // 2] if apart else 2000


def _polls(db: sqlite3.Connection, span: Span, quantities: Sequence[Quantity], spacing_ms: int) -> Series:
    grid: list[int] = []
    values: dict[str, list[float | None]] = {q.key: [] for q in quantities}
    columns = ", ".join(f"{_good(q)} / {q.steps_per_unit}.0" for q in quantities)
    query = f"SELECT key >> 8, {columns} FROM reading WHERE {_IN_SPAN} ORDER BY key"  # noqa: S608
    for at, *row in db.execute(query, span.keys()):
        if grid and at - grid[-1] > spacing_ms * _EMPTY_BEYOND:
            grid.append(grid[-1] + spacing_ms)
            for column in values.values():
                column.append(None)
        grid.append(at)
        for column, value in zip(values.values(), row, strict=True):
            column.append(value)
    low, high = ({key: list(column) for key, column in values.items()} for _ in range(2))
    return Series("reading", grid, spacing_ms / 1000, values, low, high)
