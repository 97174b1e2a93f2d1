"""Values over time for charts: from the coarsest table that still gives a point a pixel."""

import itertools
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from substation.clock import day_start_ms
from substation.quantities import BY_KEY, Quantity
from substation.store import rollup, schema
from substation.store.rows import BITS

_EMPTY_BEYOND = 2.5
"""A hole of more than so many polls is a gap."""
_NEIGHBOURS = 5
"""Polls before a hole, and as many after it, that tell how far apart polls were then."""


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
    `step_s` is no longer than the polls are apart, the polls themselves, without those that were not asked
    for any of the quantities."""
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


def _polled(quantities: Sequence[Quantity]) -> str:
    """Return the condition for polls that should have brought one of these quantities: no counter in most."""
    mask = sum(BITS[q.key] for q in quantities)
    there = " OR ".join(f"{q.key} IS NOT NULL" for q in quantities)
    return f"{_IN_SPAN} AND (quality <> 0 OR {there} OR implausible & {mask})"


def empty(keys: Sequence[str]) -> Series:
    """Return a series without a point."""
    return Series("minute", [], 60.0, {k: [] for k in keys}, {k: [] for k in keys}, {k: [] for k in keys})


def between(db: sqlite3.Connection, span: Span, keys: Sequence[str]) -> Series:
    """Return the series of the known quantities `keys`."""
    quantities = [BY_KEY[key] for key in keys]
    table = _table(db, span)
    if table != "reading":
        return _from_rollup(db, table, span, quantities)
    spacing_ms = _spacing_ms(db, span, quantities)
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


def _from_rollup(db: sqlite3.Connection, table: str, span: Span, quantities: Sequence[Quantity]) -> Series:
    zone = ZoneInfo(schema.meta(db, "zone") or "UTC")
    origin = rollup.period_start(table, span.start_ms, zone)
    period_ms = schema.ROLLUPS[table] * 1000
    many = 1 if table == "day" else max(1, span.pixel_ms // period_ms)
    step_ms = period_ms * many
    grid = _days(origin, span.end_ms, zone) if table == "day" else list(range(origin, span.end_ms, step_ms))
    place = "key >> 8" if table == "day" else f"((key >> 8) - {origin}) / {step_ms}"
    group = "GROUP BY 1" if many > 1 else "ORDER BY 1"
    steps = _Steps(len(grid), {at: number for number, at in enumerate(grid)} if table == "day" else None)
    instants = [q for q in quantities if q.kind == "instant"]
    if instants:
        columns = ", ".join(_rolled_up(table, q, many > 1) for q in instants)
        query = f"SELECT {place}, {columns} FROM {table} WHERE {_IN_SPAN} {group}"  # noqa: S608 - names of ours
        steps.fill(instants, db.execute(query, span.keys(origin)).fetchall())
    for q in quantities:
        if q.kind == "counter":
            last = f"last_{q.key} / {q.steps_per_unit}.0"
            query = (
                f"SELECT {place}, {last}, {last}, {last}, max(key) FROM {table} "  # noqa: S608
                f"WHERE {_IN_SPAN} AND last_{q.key} IS NOT NULL GROUP BY 1"
            )
            steps.fill([q], [row[:4] for row in db.execute(query, span.keys(origin))])
    return Series(table, grid, step_ms / 1000, steps.values, steps.low, steps.high)


def _rolled_up(table: str, q: Quantity, grouped: bool) -> str:
    """Return mean, least and greatest of an instant, in its unit; over several rows where `grouped`."""
    per = f"{q.steps_per_unit}.0"
    total, low, high = f"sum_{q.key}", f"min_{q.key} / {per}", f"max_{q.key} / {per}"
    count = schema.count_of(q.key)
    mean = f"{total} / (({count}) * {per})"
    if table == "minute":
        low = high = mean
    if not grouped:
        return f"{mean}, {low}, {high}"
    counted = f"sum(iif({total} IS NULL, 0, {count}))"
    return f"sum({total}) / ({counted} * {per}), min({low}), max({high})"


class _Steps:
    """Lays what a query found into the steps of a grid; what it did not find stays None."""

    def __init__(self, count: int, places: dict[int, int] | None = None) -> None:
        self._count, self._places = count, places
        self.values: dict[str, list[float | None]] = {}
        self.low: dict[str, list[float | None]] = {}
        self.high: dict[str, list[float | None]] = {}

    def fill(self, quantities: Sequence[Quantity], rows: list[Any]) -> None:
        """Take rows of place, then mean, least and greatest of each quantity."""
        columns = list(zip(*rows, strict=True)) or [()] * (1 + 3 * len(quantities))
        places = columns[0]
        if self._places is not None:
            # a day of another zone's calendar, from before a change, has no place
            places = tuple(self._places.get(at, -1) for at in places)
        for number, q in enumerate(quantities):
            low_to_high = columns[1 + 3 * number : 4 + 3 * number]
            for kept, column in zip((self.values, self.low, self.high), low_to_high, strict=True):
                kept[q.key] = self._laid(places, column)

    def _laid(self, places: tuple[int, ...], column: tuple[float | None, ...]) -> list[float | None]:
        if len(places) == self._count and -1 not in places:
            return list(column)
        laid: list[float | None] = [None] * (self._count + 1)
        for place, value in zip(places, column, strict=True):
            laid[place] = value
        return laid[: self._count]


def _days(origin: int, end_ms: int, zone: ZoneInfo) -> list[int]:
    grid, at = [], origin
    while at < end_ms:
        grid.append(at)
        at = day_start_ms(at, zone, -1)
    return grid


def _from_readings(db: sqlite3.Connection, span: Span, quantities: Sequence[Quantity]) -> Series:
    step_ms = max(1000, span.pixel_ms // 1000 * 1000)
    grid = list(range(span.start_ms, span.end_ms, step_ms))
    steps = _Steps(len(grid))
    place = f"((key >> 8) - {span.start_ms}) / {step_ms}"
    instants = [q for q in quantities if q.kind == "instant"]
    if instants:
        columns = ", ".join(
            f"avg({_good(q)}) / {per}, min({_good(q)}) / {per}, max({_good(q)}) / {per}"
            for q, per in ((q, f"{q.steps_per_unit}.0") for q in instants)
        )
        query = f"SELECT {place}, {columns} FROM reading WHERE {_IN_SPAN} GROUP BY 1"  # noqa: S608
        steps.fill(instants, db.execute(query, span.keys()).fetchall())
    for q in quantities:
        if q.kind == "counter":
            last = f"{q.key} / {q.steps_per_unit}.0"
            query = (
                f"SELECT {place}, {last}, {last}, {last}, max(key) FROM reading "  # noqa: S608
                f"WHERE {_IN_SPAN} AND {_good(q)} IS NOT NULL GROUP BY 1"
            )
            steps.fill([q], [row[:4] for row in db.execute(query, span.keys())])
    return Series("reading", grid, step_ms / 1000, steps.values, steps.low, steps.high)


def _good(q: Quantity) -> str:
    return f"iif(implausible & {BITS[q.key]}, NULL, {q.key})"


def _spacing_ms(db: sqlite3.Connection, span: Span, quantities: Sequence[Quantity]) -> int:
    """Return how far apart polls for these quantities usually are in the newest part of the span."""
    where = _polled(quantities)
    newest = f"SELECT key >> 8 FROM reading WHERE {where} ORDER BY key DESC LIMIT 40"  # noqa: S608
    times = [at for (at,) in db.execute(newest, span.keys())]
    apart = sorted(newer - older for newer, older in itertools.pairwise(times))
    return apart[len(apart) // 2] if apart else 2000


def _polls(db: sqlite3.Connection, span: Span, quantities: Sequence[Quantity], spacing_ms: int) -> Series:
    columns = ", ".join(f"{_good(q)} / {q.steps_per_unit}.0" for q in quantities)
    query = f"SELECT key >> 8, {columns} FROM reading WHERE {_polled(quantities)} ORDER BY key"  # noqa: S608
    found = list(zip(*db.execute(query, span.keys()), strict=True)) or [()] * (1 + len(quantities))
    grid: list[int] = list(found[0])
    values = {q.key: list(column) for q, column in zip(quantities, found[1:], strict=True)}
    for place, apart_ms in reversed(_holes(grid, spacing_ms)):
        grid.insert(place, grid[place - 1] + apart_ms)
        for column in values.values():
            column.insert(place, None)
    low, high = ({key: column.copy() for key, column in values.items()} for _ in range(2))
    return Series("reading", grid, spacing_ms / 1000, values, low, high)


def _holes(times: Sequence[int], spacing_ms: int) -> list[tuple[int, int]]:
    """Return which polls come after a gap, and how far apart the polls around it are.

    The interval may have been changed within the span, so each hole is judged by the polls on its two
    sides: by the slower side, for the hole may be where the interval became longer.
    """
    apart = [b - a for a, b in itertools.pairwise(times)]
    surely_none = _EMPTY_BEYOND * min(apart, default=0)
    holes = []
    for at, wide in enumerate(apart):
        if wide <= surely_none:  # the usual case, told cheaply
            continue
        sides = (apart[max(0, at - _NEIGHBOURS) : at], apart[at + 1 : at + 1 + _NEIGHBOURS])
        usual = max((sorted(side)[len(side) // 2] for side in sides if side), default=spacing_ms)
        if wide > _EMPTY_BEYOND * usual:
            holes.append((at + 1, usual))
    return holes
