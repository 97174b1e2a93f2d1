"""Values over time for charts: from the coarsest table that still gives a point a pixel."""

import itertools
import operator
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
_PORTION = 2000
_SORTED_STEPS = 100
"""Steps of a chart that SQLite groups at once: what it sorts for that stays in the processor's cache."""
_LARGEST_BIT = 62
"""Integers of SQLite have 63 bits and a sign."""
_Rows = list[tuple[Any, ...]]
_Columns = dict[str, list[float | None]]


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one meter over time. Several may share lists: read only.

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
    """What charts show: meters in [start, end), each `points` pixels wide."""

    meter_ids: tuple[int, ...]
    start_ms: int
    end_ms: int
    points: int

    @property
    def pixel_ms(self) -> int:
        """Time that one pixel stands for."""
        return max(1, (self.end_ms - self.start_ms) // max(1, self.points))

    @property
    def within(self) -> str:
        """The condition for rows of these meters; `keys` has its parameters."""
        # rows of all meters lie side by side: one pass finds several meters as fast as one
        if len(self.meter_ids) == 1:
            meters = "key & 255 = ?"
        elif self._bits is not None:
            meters = "? >> (key & 255) & 1"
        else:
            meters = f"key & 255 IN ({', '.join('?' * len(self.meter_ids))})"
        return f"key >= ? AND key < ? AND {meters}"

    def keys(self, from_ms: int | None = None) -> tuple[int, ...]:
        """Return the parameters of `within`."""
        meters = self.meter_ids if self._bits is None else (self._bits,)
        return (self.start_ms if from_ms is None else from_ms) << 8, self.end_ms << 8, *meters

    @property
    def _bits(self) -> int | None:
        """Several meters as bits of a number that SQLite can hold: a day of readings in 3/4 of IN's time."""
        if len(self.meter_ids) < 2 or max(self.meter_ids) > _LARGEST_BIT:
            return None
        return sum({1 << meter_id for meter_id in self.meter_ids})

    def of(self, *meter_ids: int) -> "Span":
        """Return the same time of some of the meters."""
        return replace(self, meter_ids=meter_ids)


def empty(keys: Sequence[str]) -> Series:
    """Return a series without a point."""
    return Series("minute", [], 60.0, {k: [] for k in keys}, {k: [] for k in keys}, {k: [] for k in keys})


def between(db: sqlite3.Connection, span: Span, keys: Sequence[str]) -> dict[int, Series]:
    """Return by meter the series of the known quantities `keys`."""
    quantities = [BY_KEY[key] for key in keys]
    table = _table(db, span)
    if table != "reading":
        return _from_rollup(db, table, span, quantities)
    spacing_ms = {meter: _spacing_ms(db, span.of(meter), quantities) for meter in span.meter_ids}
    near = [meter for meter, apart in spacing_ms.items() if span.pixel_ms < apart * _EMPTY_BEYOND]
    far = [meter for meter in span.meter_ids if meter not in near]
    found = _polls(db, span.of(*near), quantities, spacing_ms) if near else {}
    return found | (_from_readings(db, span.of(*far), quantities) if far else {})


def _table(db: sqlite3.Connection, span: Span) -> str:
    fits = [table for table, step_s in schema.ROLLUPS.items() if step_s * 1000 <= span.pixel_ms]
    table = fits[-1] if fits else "reading"
    if table == "reading" and span.start_ms < schema.meta_number(db, schema.RAW_FROM):
        table = "minute"  # what finer rows there were went by retention
    if table == "minute" and span.start_ms < schema.meta_number(db, schema.MINUTE_FROM):
        table = "quarter"
    return table


def _from_rollup(
    db: sqlite3.Connection, table: str, span: Span, quantities: Sequence[Quantity]
) -> dict[int, Series]:
    zone = ZoneInfo(schema.meta(db, "zone") or "UTC")
    origin = rollup.period_start(table, span.start_ms, zone)
    period_ms = schema.ROLLUPS[table] * 1000
    many = 1 if table == "day" else max(1, span.pixel_ms // period_ms)
    step_ms = period_ms * many
    grid = _days(origin, span.end_ms, zone) if table == "day" else list(range(origin, span.end_ms, step_ms))
    code = "key" if table == "day" else _code(origin, step_ms)
    places = {at: place for place, at in enumerate(grid)} if table == "day" else None
    steps = _Steps(span.meter_ids, len(grid), places)

    instants = [q for q in quantities if q.kind == "instant"]
    if instants:
        columns = ", ".join(_rolled_up(table, q, many > 1) for q in instants)
        end = "GROUP BY 1" if many > 1 else "ORDER BY key"
        query = f"SELECT {code}, {columns} FROM {table} WHERE {span.within} {end}"  # noqa: S608 - names of ours
        each = 1 if many == 1 and table == "minute" else 3
        steps.fill(instants, each, _portions(db.execute(query, span.keys(origin))))
    for q in quantities:
        if q.kind == "counter":
            query = (
                f"SELECT {code}, {_in_unit(f'last_{q.key}', q)}, max(key) FROM {table} "  # noqa: S608
                f"WHERE {span.within} AND last_{q.key} IS NOT NULL GROUP BY 1"
            )
            steps.fill([q], 1, _portions(db.execute(query, span.keys(origin))))
    return steps.series(table, grid, step_ms)


def _code(origin: int, step_ms: int) -> str:
    """Return the expression for place in the grid and meter: `place << 8 | meter`, as keys are."""
    return f"(((key >> 8) - {origin}) / {step_ms} << 8) | (key & 255)"


def _in_unit(column: str, q: Quantity) -> str:
    return f"{column} / {q.steps_per_unit}.0"


def _rolled_up(table: str, q: Quantity, grouped: bool) -> str:
    """Return mean, least and greatest of an instant, in its unit; over several rows where `grouped`.

    The mean alone where it is all three: of one row of a minute.
    """
    total, low, high = f"sum_{q.key}", _in_unit(f"min_{q.key}", q), _in_unit(f"max_{q.key}", q)
    count = schema.count_of(q.key)
    mean = f"{total} / (({count}) * {q.steps_per_unit}.0)"
    if table == "minute":
        low = high = mean
    if not grouped:
        return mean if table == "minute" else f"{mean}, {low}, {high}"
    counted = f"sum(iif({total} IS NULL, 0, {count}))"
    return f"sum({total}) / ({counted} * {q.steps_per_unit}.0), min({low}), max({high})"


class _Steps:
    """Lays what queries found into the steps of a grid; what they did not find stays None."""

    def __init__(self, meter_ids: Iterable[int], count: int, places: Mapping[int, int] | None = None) -> None:
        self._count, self._places = count, places
        self._found: dict[int, tuple[_Columns, _Columns, _Columns]] = {
            meter_id: ({}, {}, {}) for meter_id in meter_ids
        }

    def fill(self, quantities: Sequence[Quantity], each: int, portions: Iterable[_Rows]) -> None:
        """Take rows of place and meter (`_code`), then the columns of each quantity.

        `each` is 3 for mean, least and greatest, 1 where one value is all of them; what follows is ignored.
        """
        for meter_id, (codes, *columns) in _columns(
            self._found, 1 + each * len(quantities), portions
        ).items():
            places = [code >> 8 for code in codes]
            if self._places is not None:
                # a day of another zone's calendar, from before a change, has no place
                places = [self._places.get(at, -1) for at in places]
            for number, q in enumerate(quantities):
                laid = [self._laid(places, column) for column in columns[each * number :][:each]]
                for kept, column in zip(self._found[meter_id], laid * (3 // each), strict=True):
                    kept[q.key] = column

    def _laid(self, places: Sequence[int], column: Sequence[float | None]) -> list[float | None]:
        if len(places) == self._count and -1 not in places:
            return list(column)
        laid: list[float | None] = [None] * (self._count + 1)
        for place, value in zip(places, column, strict=True):
            laid[place] = value
        return laid[: self._count]

    def series(self, table: str, grid: list[int], step_ms: int) -> dict[int, Series]:
        """Return what was laid, by meter."""
        return {
            meter_id: Series(table, grid, step_ms / 1000, *columns)
            for meter_id, columns in self._found.items()
        }


def _days(origin: int, end_ms: int, zone: ZoneInfo) -> list[int]:
    grid, at = [], origin
    while at < end_ms:
        grid.append(at)
        at = day_start_ms(at, zone, -1)
    return grid


def _portions(cursor: sqlite3.Cursor) -> Iterator[_Rows]:
    """Yield the rows in portions that fit the processor's cache: that saves a third of the time."""
    return iter(lambda: cursor.fetchmany(_PORTION), [])


def _columns(meter_ids: Iterable[int], width: int, portions: Iterable[_Rows]) -> dict[int, list[list[Any]]]:
    """Return by meter the first `width` columns of rows that begin with a key, or a `_code`."""
    found: dict[int, list[list[Any]]] = {meter_id: [[] for _ in range(width)] for meter_id in meter_ids}
    for portion in portions:
        by_meter: dict[int, _Rows] = {meter_id: [] for meter_id in found}
        for row in portion:
            by_meter[row[0] & 255].append(row)
        for meter_id, own in by_meter.items():
            for kept, column in zip(found[meter_id], zip(*own, strict=True), strict=False):
                kept.extend(column)
    return found


def _from_readings(db: sqlite3.Connection, span: Span, quantities: Sequence[Quantity]) -> dict[int, Series]:
    step_ms = max(1000, span.pixel_ms // 1000 * 1000)
    grid = list(range(span.start_ms, span.end_ms, step_ms))
    steps = _Steps(span.meter_ids, len(grid))
    code = _code(span.start_ms, step_ms)
    instants = [q for q in quantities if q.kind == "instant"]
    if instants:
        columns = ", ".join(
            _in_unit(f"{how}({_good(q)})", q) for q in instants for how in ("avg", "min", "max")
        )
        query = f"SELECT {code}, {columns} FROM reading WHERE {span.within} GROUP BY 1"  # noqa: S608
        bounds = itertools.pairwise([*grid[::_SORTED_STEPS], span.end_ms])
        parts = (replace(span, start_ms=first, end_ms=end) for first, end in bounds)
        found = (_portions(db.execute(query, part.keys())) for part in parts)
        steps.fill(instants, 3, itertools.chain.from_iterable(found))
    for q in quantities:
        if q.kind == "counter":
            query = (
                f"SELECT {code}, {_in_unit(q.key, q)}, max(key) FROM reading "  # noqa: S608
                f"WHERE {span.within} AND {_good(q)} IS NOT NULL GROUP BY 1"
            )
            steps.fill([q], 1, _portions(db.execute(query, span.keys())))
    return steps.series("reading", grid, step_ms)


def _good(q: Quantity) -> str:
    return f"iif(implausible & {BITS[q.key]}, NULL, {q.key})"


def _polled(quantities: Sequence[Quantity]) -> str:
    """Return the condition for polls that should have brought one of these quantities: no counter in most."""
    mask = sum(BITS[q.key] for q in quantities)
    there = " OR ".join(f"{q.key} IS NOT NULL" for q in quantities)
    return f"(quality <> 0 OR {there} OR implausible & {mask})"


def _spacing_ms(db: sqlite3.Connection, span: Span, quantities: Sequence[Quantity]) -> int:
    """Return how far apart a meter's polls for these quantities usually are, newest first."""
    newest = (
        f"SELECT key >> 8 FROM reading WHERE {span.within} AND {_polled(quantities)} "  # noqa: S608
        "ORDER BY key DESC LIMIT 40"
    )
    times = [at for (at,) in db.execute(newest, span.keys())]
    apart = sorted(newer - older for newer, older in itertools.pairwise(times))
    return apart[len(apart) // 2] if apart else 2000


def _polls(
    db: sqlite3.Connection, span: Span, quantities: Sequence[Quantity], spacing_ms: Mapping[int, int]
) -> dict[int, Series]:
    columns = ", ".join(_in_unit(_good(q), q) for q in quantities)
    query = (
        f"SELECT key, {columns} FROM reading WHERE {span.within} AND {_polled(quantities)} "  # noqa: S608
        "ORDER BY key"
    )
    found = _columns(span.meter_ids, 1 + len(quantities), _portions(db.execute(query, span.keys())))
    return {meter: _each_poll(columns, quantities, spacing_ms[meter]) for meter, columns in found.items()}


def _each_poll(found: list[list[Any]], quantities: Sequence[Quantity], spacing_ms: int) -> Series:
    codes, *columns = found
    grid = [code >> 8 for code in codes]
    values: _Columns = {q.key: column for q, column in zip(quantities, columns, strict=True)}
    for place, apart_ms in reversed(_holes(grid, spacing_ms)):
        grid.insert(place, grid[place - 1] + apart_ms)
        for column in values.values():
            column.insert(place, None)
    return Series("reading", grid, spacing_ms / 1000, values, low=values, high=values)


def _holes(times: Sequence[int], spacing_ms: int) -> list[tuple[int, int]]:
    """Return which polls come after a gap, and how far apart the polls around it are.

    The interval may have been changed within the span, so each hole is judged by the polls on its two
    sides: by the slower side, for the hole may be where the interval became longer.
    """
    apart = list(map(operator.sub, times[1:], times))
    surely_none = _EMPTY_BEYOND * min(apart, default=0)
    holes = []
    for at in [at for at, wide in enumerate(apart) if wide > surely_none]:  # few, told cheaply
        wide = apart[at]
        sides = (apart[max(0, at - _NEIGHBOURS) : at], apart[at + 1 : at + 1 + _NEIGHBOURS])
        usual = max((sorted(side)[len(side) // 2] for side in sides if side), default=spacing_ms)
        if wide > _EMPTY_BEYOND * usual:
            holes.append((at + 1, usual))
    return holes
