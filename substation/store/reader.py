"""Reads the history for the screens, and never writes to it.

    reader = HistoryReader(home.history)      costs nothing: connections are shared (`pool.py`)

A station without a history yet has empty answers. Damage, a foreign file and a question that takes too long
raise StoreError.
"""

import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from substation.clock import Clock, SystemClock
from substation.energy.chain import Chain
from substation.energy.power_factor import Means, PeriodFactor, of_period
from substation.energy.registers import Register
from substation.errors import Damaged
from substation.quantities import BY_KEY, COUNTERS
from substation.readings import Reading
from substation.store import (
    answered,
    clock_spans,
    event_pages,
    events,
    extremes,
    moments,
    newest,
    pool,
    registers,
    schema,
    series,
    sights,
)
from substation.store.event_pages import Noted, Wanted
from substation.store.events import Event
from substation.store.registers import Energy
from substation.store.series import Series

__all__ = ["Completeness", "Energy", "Extremes", "HistoryReader", "Series", "TableFacts"]

T = TypeVar("T")
AT_ONCE = 200_000
"""Rows counted by one question: about a second on a slow card."""
_MINUTE_MS = 60_000
_QUARTER_MS = 900_000
_LONG_MS = 3 * 86_400_000
"""The completeness of a longer time is counted in quarters of an hour."""


@dataclass(frozen=True, slots=True)
class Completeness:
    """How much of what should be there is there."""

    found: int
    due: int

    @property
    def share(self) -> float | None:
        """0 for nothing, 1 for all of it, above 1 where more came than was due; None when nothing was due."""
        return self.found / self.due if self.due else None


@dataclass(frozen=True, slots=True)
class Extremes:
    """The least and the greatest good value of a time, in the quantity's unit."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What a table holds."""

    rows: int
    oldest_ms: int | None
    newest_ms: int | None


class HistoryReader:
    """Answers questions about the history."""

    def __init__(self, path: Path, clock: Clock | None = None, limit_s: float = pool.LONGEST_S) -> None:
        """Name the file; nothing is opened before the first question."""
        self._path, self._clock, self._limit_s = path, clock or SystemClock(), limit_s

    def series(self, meter_id: int, keys: Sequence[str], start_ms: int, end_ms: int, points: int) -> Series:
        """Return the values in [start, end) for a chart `points` pixels wide: see `Series`.

        The coarsest table that still gives a point a pixel; where retention has taken the fine rows, the
        next coarser one.
        """
        return self.series_of([meter_id], keys, start_ms, end_ms, points)[meter_id]

    def series_of(
        self, meter_ids: Collection[int], keys: Sequence[str], start_ms: int, end_ms: int, points: int
    ) -> dict[int, Series]:
        """Return by meter what `series` returns of each: one pass over the rows finds all of them."""
        unknown = [key for key in keys if key not in BY_KEY]
        if unknown:
            raise ValueError(f"no such quantity: {', '.join(unknown)}")
        meters = tuple(dict.fromkeys(meter_ids))
        span = series.Span(meters, start_ms, end_ms, points)
        found = self._ask(lambda db: series.between(db, span, keys)) if meters else {}
        return {meter_id: series.empty(keys) for meter_id in meters} if found is None else found

    def latest(self, *, answered: bool = True) -> dict[int, Reading]:
        """Return by meter the newest answered reading, or with `answered=False` the newest at all."""
        return self._ask(lambda db: newest.latest(db, answered)) or {}

    def last_known(self, wanted: Mapping[int, Collection[str]]) -> dict[int, dict[str, Reading]]:
        """Return by meter and quantity the newest answer with a good value of it, as far as `wanted`."""
        return self._ask(lambda db: newest.last_known(db, wanted)) or {}

    def energy(
        self,
        meter_id: int,
        start_ms: int,
        end_ms: int,
        rated_va: float | None = None,
        *,
        moduli: Mapping[str, float] | None = None,
        changed: Collection[int] = (),
    ) -> Energy:
        """Return by counter how far it went on and why that is unknown: see `registers.energy`."""
        asked = partial(registers.energy, rated_va=rated_va, moduli=moduli, changed=changed)
        found = self._ask(lambda db: asked(db, meter_id, start_ms, end_ms))
        return found or Energy(dict.fromkeys(COUNTERS), {})

    def power_factor(
        self,
        meter_id: int,
        start_ms: int,
        end_ms: int,
        rated_va: float | None = None,
        *,
        moduli: Mapping[str, float] | None = None,
        lag_only: bool = False,
        known: Energy | None = None,
    ) -> PeriodFactor:
        """Return the power factor of what was received in [start, end): see `energy.power_factor`.

        `known` is the energy of the same time, where the caller has it already.
        """
        used = known or self.energy(meter_id, start_ms, end_ms, rated_va, moduli=moduli)
        means = self._ask(lambda db: _means(db, meter_id, start_ms, end_ms)) or Means(None, None)
        return of_period(used.used, used.bounds, means, lag_only=lag_only)

    def readings_at(
        self,
        meter_id: int,
        moments_ms: Sequence[int],
        keys: Sequence[str],
        span: tuple[int, int] = (0, moments.NEVER_MS),
    ) -> dict[int, moments.Moment]:
        """Return by moment, UTC ms, what was good near it, as read in `span`: see `moments`."""
        silent = dict.fromkeys(keys, moments.At(None, None, "there is no history yet"))
        found = self._ask(lambda db: moments.readings_at(db, meter_id, moments_ms, keys, span))
        return dict.fromkeys(moments_ms, silent) if found is None else found

    def day_energy(
        self, meter_id: int, start_ms: int, end_ms: int, rated_va: float | None = None
    ) -> dict[str, float | None]:
        """Return by counter how far it went on, in its unit; None: unknown."""
        return self.energy(meter_id, start_ms, end_ms, rated_va).used

    def max_demand(
        self,
        meter_id: int,
        start_ms: int,
        end_ms: int,
        block_minutes: int,
        rated_va: float | None = None,
        *,
        moduli: Mapping[str, float] | None = None,
        changed: Collection[int] = (),
    ) -> tuple[float, int] | None:
        """Return the greatest block demand, VA, and when its block began: see `registers.max_demand`."""
        asked = partial(registers.max_demand, rated_va=rated_va, moduli=moduli, changed=changed)
        return self._ask(lambda db: asked(db, meter_id, start_ms, end_ms, block_minutes))

    def energy_and_demand(
        self,
        meter_id: int,
        start_ms: int,
        end_ms: int,
        block_minutes: int,
        rated_va: float | None = None,
        *,
        moduli: Mapping[str, float] | None = None,
        changed: Collection[int] = (),
    ) -> tuple[Energy, tuple[float, int] | None]:
        """Return `energy` and `max_demand` of one time, at hardly more than the price of one."""
        asked = partial(registers.energy_and_demand, rated_va=rated_va, moduli=moduli, changed=changed)
        found = self._ask(lambda db: asked(db, meter_id, start_ms, end_ms, block_minutes))
        return found or (Energy(dict.fromkeys(COUNTERS), {}), None)

    def counted(
        self,
        meter_id: int,
        start_ms: int,
        end_ms: int,
        also: Mapping[str, Sequence[Register]],
        rated_va: float | None = None,
        *,
        moduli: Mapping[str, float] | None = None,
        changed: Collection[int] = (),
    ) -> dict[str, Chain]:
        """Return by counter the chain of its registers, with those of `also`: see `registers.counted`."""
        asked = partial(registers.counted, rated_va=rated_va, moduli=moduli, changed=changed)
        return self._ask(lambda db: asked(db, meter_id, start_ms, end_ms, also)) or {}

    def reached(
        self, meter_id: int, keys: Sequence[str], start_ms: int, end_ms: int
    ) -> dict[str, extremes.Reached]:
        """Return by instant its least and greatest good value and when each was read: see `extremes`."""
        return self._ask(lambda db: extremes.reached(db, meter_id, keys, start_ms, end_ms)) or {}

    def last_registers(self, meter_id: int) -> dict[str, Register]:
        """Return the last believed register of each counter, where a poller that starts goes on."""
        return self._ask(lambda db: registers.last_registers(db, meter_id)) or {}

    def extremes(
        self, meter_id: int, keys: Sequence[str], start_ms: int, end_ms: int
    ) -> dict[str, Extremes | None]:
        """Return the true least and greatest value of each instant, from whole quarters of an hour.

        None for a counter, and where nothing good was read.
        """
        return self._ask(lambda db: _extremes(db, meter_id, keys, start_ms, end_ms)) or dict.fromkeys(keys)

    def completeness(
        self, meter_id: int, start_ms: int, end_ms: int, interval_s: float | None = None
    ) -> Completeness:
        """Return answered polls found and due in [start, end), counted in whole minutes.

        More may be found than was due by `interval_s`: the interval was another then. Without one (0 or
        None: polled without pause) minutes with an answer are counted instead. Of a long time, and where
        minute rows have gone by retention, whole quarters of an hour are counted.
        """
        period_ms = _MINUTE_MS if end_ms - start_ms <= _LONG_MS else _QUARTER_MS
        answered = self._ask(lambda db: _answered(db, meter_id, start_ms, end_ms, period_ms))
        found = answered or Answered(period_ms, 0, 0)
        periods = max(0, end_ms // found.period_ms - start_ms // found.period_ms)
        if interval_s:
            return Completeness(found.polls, int(periods * found.period_ms / 1000 / interval_s))
        return Completeness(found.periods, periods)

    def minutes(self, meter_id: int, start_ms: int, end_ms: int) -> list[answered.Minute]:
        """Return how often the meter was asked and answered, by minute: see `answered.minutes`."""
        return self._ask(lambda db: answered.minutes(db, meter_id, start_ms, end_ms)) or []

    def failures(self, meter_id: int, start_ms: int, end_ms: int) -> dict[str, int]:
        """Return by kind how often the meter gave no answer: see `answered.failures`."""
        return self._ask(lambda db: answered.failures(db, meter_id, start_ms, end_ms)) or {}

    def events(self, start_ms: int, end_ms: int, limit: int = 1000) -> list[Event]:
        """Return the newest `limit` changes of state in [start, end), oldest first."""
        return self._ask(lambda db: events.between(db, start_ms, end_ms, limit)) or []

    def of_kind(self, kind: str, limit: int = 1000) -> list[Event]:
        """Return the newest `limit` changes of state of one kind, oldest first."""
        return self._ask(lambda db: events.of_kind(db, kind, limit)) or []

    def noted(self, wanted: Wanted, limit: int, *, oldest_first: bool = False) -> list[Noted]:
        """Return the newest `limit` of the wanted events, newest first; or the oldest, oldest first."""
        page = event_pages.oldest if oldest_first else event_pages.newest
        return self._ask(lambda db: page(db, wanted, limit)) or []

    def sights(
        self, meter_id: int, moments_ms: Sequence[int], *, answered: bool = True
    ) -> dict[int, int | None]:
        """Return by moment the last poll of the meter before it, UTC ms: see `sights.before`."""
        found = self._ask(lambda db: sights.before(db, meter_id, moments_ms, answered=answered))
        return dict.fromkeys(moments_ms) if found is None else found

    def last_event(self) -> int:
        """Return the number of the event that was written last; 0 without any. Costs nothing."""
        row = self._ask(lambda db: db.execute("SELECT ifnull(max(id), 0) FROM event").fetchone())
        return int(row[0]) if row else 0

    def events_after(self, last_id: int, kinds: Sequence[str], limit: int) -> list[Noted]:
        """Return events of these kinds that were written behind this number, in that order."""
        return self._ask(lambda db: event_pages.after(db, last_id, kinds, limit)) or []

    def clock_spans(self) -> list[clock_spans.Span]:
        """Return every span in which nobody vouched for the clock, oldest first."""
        return self._ask(clock_spans.spans) or []

    def facts(self) -> dict[str, str]:
        """Return what the file says about itself: `simulated`, `site`, `zone`, `made_ms`, `uid` ..."""
        return self._ask(lambda db: dict(db.execute("SELECT key, value FROM meta").fetchall())) or {}

    def tables(self) -> dict[str, TableFacts]:
        """Return what each table of readings holds, finest first.

        Counts every row: slow on a full card, so by many questions, of which none takes long.
        """
        return {table: found for table in ("reading", *schema.ROLLUPS) if (found := self._table(table))}

    def _table(self, table: str) -> TableFacts | None:
        of_some = f"SELECT key FROM {table} WHERE key > ? ORDER BY key LIMIT ?"  # noqa: S608 - a name of ours
        query = f"SELECT count(*), min(key), max(key) FROM ({of_some})"  # noqa: S608
        rows, first, last = 0, None, -(2**63)  # damage may make a key of any number
        while found := self._ask(partial(_first_row, query=query, of=(last, AT_ONCE))):
            if not found[0]:
                break
            if found[2] <= last:  # else without end
                raise Damaged(
                    f"{self._path} is damaged: rows of {table} do not stand in the order of their time. "
                    "Restore a copy"
                )
            rows, first, last = rows + found[0], found[1] if first is None else first, found[2]
        if found is None:
            return None
        return TableFacts(rows, None if first is None else first >> 8, None if first is None else last >> 8)

    def oldest_ms(self) -> int | None:
        """Return when the first day of which anything is stored began, UTC ms; None without one."""
        first = self._ask(lambda db: db.execute("SELECT min(key) FROM day").fetchone())
        return None if first is None or first[0] is None else int(first[0]) >> 8

    def meter_ids(self) -> list[int]:
        """Return the meters that the history knows."""
        return self._ask(newest.meter_ids) or []

    def _ask(self, question: Callable[[sqlite3.Connection], T]) -> T | None:
        return pool.ask(self._path, self._clock, self._limit_s, question)


@dataclass(frozen=True, slots=True)
class Answered:
    """How often a meter has answered."""

    period_ms: int
    """Counted in whole periods of this length."""
    periods: int
    """Of them, those with an answer."""
    polls: int


def _answered(db: sqlite3.Connection, meter_id: int, start_ms: int, end_ms: int, period_ms: int) -> Answered:
    if start_ms < schema.meta_number(db, schema.MINUTE_FROM):
        period_ms = _QUARTER_MS
    table = "minute" if period_ms == _MINUTE_MS else "quarter"
    begin, end = (at // period_ms * period_ms for at in (start_ms, end_ms))
    periods, polls = db.execute(
        f"SELECT count(*), ifnull(sum(n), 0) FROM {table} "  # noqa: S608 - one of two names
        "WHERE key >= ? AND key < ? AND key & 255 = ? AND n > 0",
        (begin << 8, end << 8, meter_id),
    ).fetchone()
    return Answered(period_ms, int(periods), int(polls))


def _means(db: sqlite3.Connection, meter_id: int, start_ms: int, end_ms: int) -> Means:
    """Return mean active and apparent power in [start, end), whole quarters of an hour."""
    found = []
    for key in ("watts_total", "va_total"):
        count = schema.count_of(key)
        row = db.execute(
            f"SELECT sum(sum_{key}), sum(iif(sum_{key} IS NULL, 0, {count})) FROM quarter "  # noqa: S608 - a key of ours
            "WHERE key >= ? AND key < ? AND key & 255 = ?",
            (start_ms << 8, end_ms << 8, meter_id),
        ).fetchone()
        found.append(row[0] / row[1] / BY_KEY[key].steps_per_unit if row[1] else None)
    return Means(*found)


def _first_row(db: sqlite3.Connection, query: str, of: tuple[int, ...]) -> tuple[Any, ...]:
    row: tuple[Any, ...] = db.execute(query, of).fetchone()
    return row


def _extremes(
    db: sqlite3.Connection, meter_id: int, keys: Sequence[str], start_ms: int, end_ms: int
) -> dict[str, Extremes | None]:
    found: dict[str, Extremes | None] = {}
    for key in keys:
        found[key] = None
        if BY_KEY[key].kind == "counter":
            continue
        per_unit = BY_KEY[key].steps_per_unit
        low, high = db.execute(
            f"SELECT min(min_{key}), max(max_{key}) FROM quarter "  # noqa: S608 - a key of ours
            "WHERE key >= ? AND key < ? AND key & 255 = ?",
            (start_ms << 8, end_ms << 8, meter_id),
        ).fetchone()
        if low is not None:
            found[key] = Extremes(low / per_unit, high / per_unit)
    return found
