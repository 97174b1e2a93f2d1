"""Rows of one table of the history, page by page: for whoever reads more than fits into memory.

Each page is a short read of its own, from the last key on. So a reader that stalls for an hour holds no
transaction open and keeps the writer from no checkpoint; and what changes meanwhile is noticed: a history
that was replaced, or rows that retention took before they were read, end the reading with words. A page that
is stopped because it takes too long, on a slow card beside much else, is asked for again in smaller ones.

Values come in units, means rounded to the whole steps in which readings are stored; or as the cells of CSV.
"""

import itertools
import operator
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from substation.clock import Clock, SystemClock, iso
from substation.errors import Damaged, StoreError, TooSlow
from substation.store import cells, pool, schema
from substation.store.cells import Cell
from substation.store.rows import key_of

T = TypeVar("T")
Row = tuple[Any, ...]
_Read = Callable[[sqlite3.Connection, str, tuple[int, ...]], list[Row]]
"""Reads the rows of a condition and its values."""
PAGE_ROWS = 5000
_SMALLEST = 50
"""Rows: where even so few take too long, the reading is given up."""
_HEADS = {"reading": ("key", "quality", "reason", "implausible")}
_ROLLUP_HEAD = ("key", "quality", "rows", "n")
_FEW = 100
"""Rows without cells are asked for one by one; more of them by reading the page again."""
_MARK_OF = {"reading": schema.RAW_FROM, "minute": schema.MINUTE_FROM}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the history says about itself and about the rows asked for."""

    uid: str
    zone: str
    simulated: bool
    whole_from_ms: int
    """Retention has taken rows of this table before this time; 0: none yet."""
    first_ms: int | None
    """The first row in the range, of any meter; None: there is none."""
    last_key: int | None
    """The last row in the range when it was asked: rows that come later are not read."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Rows of `table` that begin in [start, end)."""

    table: str
    start_ms: int
    end_ms: int
    meter_ids: Sequence[int] = ()
    """None named: every meter that the history knows."""
    extremes: bool = False
    """With the least and the greatest value of each instant; not in `reading` and `minute`."""


def columns(wanted: Wanted) -> tuple[str, ...]:
    """Return the expressions of a row, as `Pages` yields it.

    `reading`: key, quality code, reason, implausible mask, 38 values. Rollups: key, worst quality code,
    rows stored, rows answered, 38 values (mean of instants, last of counters), then with `extremes` least
    and greatest of each instant in turn.
    """
    head = _HEADS.get(wanted.table, _ROLLUP_HEAD)
    return (*head, *(_in_unit(cell) for part in _cells_of(wanted) for cell in part))


def _cells_of(wanted: Wanted) -> tuple[tuple[Cell, ...], tuple[Cell, ...]]:
    return cells.cells_of(wanted.table, extremes=wanted.extremes)


class Pages:
    """Reads the rows once, oldest first."""

    def __init__(
        self, path: Path, wanted: Wanted, clock: Clock | None = None, page_rows: int = PAGE_ROWS
    ) -> None:
        """Name file and rows; nothing is read yet."""
        self._path, self._wanted, self._page_rows = path, wanted, page_rows
        self._clock = clock or SystemClock()
        self._head = ", ".join(_HEADS.get(wanted.table, _ROLLUP_HEAD))
        self._query = f"SELECT {', '.join(columns(wanted))} FROM {wanted.table}"  # noqa: S608 - names of ours
        self._writer = cells.Writer(wanted.table, extremes=wanted.extremes)

    def facts(self) -> Facts | None:
        """Return what there is to read; None without a history. Raises StoreError as `HistoryReader`."""
        return self._ask(self._facts)

    def rows(self, facts: Facts) -> Iterator[list[Row]]:
        """Yield the rows in pages, up to the last one that `facts` knows.

        Raises:
            Damaged: Rows that were known cannot be found any more.
            StoreError: The history cannot be read, was replaced or moved meanwhile, or retention took rows
                before they were read. What was yielded before is then not the whole.
            TooSlow: A few rows take longer than a question may.
        """
        return self._all(facts, self._rows_of)

    def lines(self, facts: Facts) -> Iterator[list[Row]]:
        """Yield the same rows, written: four columns, then the cells of the values as one text.

        With commas between them; with extremes these come behind `cells.BETWEEN`. Raises what `rows` does.
        """
        return self._all(facts, self._lines_of)

    def sample(self, facts: Facts, count: int = 20) -> list[Row]:
        """Return some of the newest rows: how long a row is, told in a moment."""
        bound = -1 if facts.last_key is None else facts.last_key
        ask = partial(self._lines_of, where="key <= ? ORDER BY key DESC LIMIT ?", of=(bound, count))
        return self._ask(ask) or []

    def _all(self, facts: Facts, read: _Read) -> Iterator[list[Row]]:
        if facts.last_key is None:
            return
        upper, count = facts.last_key, self._page_rows
        last = key_of(self._wanted.start_ms, 0) - 1
        while last < upper:
            ask = partial(self._page, read=read, facts=facts, last=last, upper=upper, count=count)
            try:
                page = self._ask(ask)
            except TooSlow:
                if count <= _SMALLEST:
                    raise
                count = max(_SMALLEST, count // 10)
                continue
            if page is None:
                raise StoreError(f"{self._path} was moved or deleted while it was read; bring it back")
            last, rows = page
            if rows:
                yield rows

    def _rows_of(self, db: sqlite3.Connection, where: str, of: tuple[int, ...]) -> list[Row]:
        return db.execute(f"{self._query} WHERE {where}", of).fetchall()

    def _lines_of(self, db: sqlite3.Connection, where: str, of: tuple[int, ...]) -> list[Row]:
        table = self._wanted.table
        query = f"SELECT {self._head}, {self._writer.expression} FROM {table} WHERE {where}"  # noqa: S608
        found = db.execute(query, of).fetchall()
        bare = [row[0] for row in found if row[-1] is None]
        if not bare:
            return found
        if len(bare) <= _FEW:
            where, of = f"key IN ({', '.join(map(str, bare))})", ()
        rows = {row[0]: row[len(_ROLLUP_HEAD) :] for row in self._rows_of(db, where, of)}
        texts = dict(zip(bare, self._writer.write([rows[key] for key in bare], len(found)), strict=True))
        return [row if row[-1] is not None else (*row[:-1], texts[row[0]]) for row in found]

    def _facts(self, db: sqlite3.Connection) -> Facts:
        wanted = self._wanted
        bounds = (key_of(wanted.start_ms, 0), key_of(wanted.end_ms, 0))
        within = f"FROM {wanted.table} WHERE key >= ? AND key < ?"
        # two questions: asked for both at once, SQLite walks all the rows between them
        (first,) = db.execute(f"SELECT min(key) {within}", bounds).fetchone()
        (last,) = db.execute(f"SELECT max(key) {within}", bounds).fetchone()
        mark = _MARK_OF.get(wanted.table)
        return Facts(
            schema.meta(db, "uid") or "",
            schema.meta(db, "zone") or "UTC",
            schema.meta(db, "simulated") == "yes",
            schema.meta_number(db, mark) if mark else 0,
            None if first is None else first >> 8,
            last,
        )

    def _page(
        self, db: sqlite3.Connection, *, read: _Read, facts: Facts, last: int, upper: int, count: int
    ) -> tuple[int, list[Row]]:
        """Return the key that was read up to, and the wanted rows of the next `count` until there."""
        self._refuse_another(db, facts, last)
        wanted = self._wanted
        if not wanted.meter_ids:
            rows = read(db, "key > ? AND key <= ? ORDER BY key LIMIT ?", (last, upper, count))
            if not rows:
                raise self._ended_early(db, last, upper)
            self._prove_order([row[0] for row in rows], last)
            return rows[-1][0], rows
        # counted over all meters, so that a meter without rows does not make one long read of it all
        keys = f"SELECT key FROM {wanted.table} WHERE key > ? AND key <= ? ORDER BY key LIMIT ?"  # noqa: S608
        (end,) = db.execute(
            f"SELECT max(key) FROM ({keys})",  # noqa: S608
            (last, upper, count),
        ).fetchone()
        if end is None:
            raise self._ended_early(db, last, upper)
        places = ", ".join("?" * len(wanted.meter_ids))
        where = f"key > ? AND key <= ? AND key & 255 IN ({places}) ORDER BY key"
        rows = read(db, where, (last, end, *wanted.meter_ids))
        self._prove_order([end], last)
        self._prove_order([row[0] for row in rows], last)
        return end, rows

    def _prove_order(self, keys: Sequence[int], last: int) -> None:
        """Refuse rows out of order: in a damaged tree SQLite finds rows anew that were read, without end."""
        if not all(map(operator.lt, itertools.chain((last,), keys), keys)):
            raise Damaged(
                f"{self._path} is damaged: rows after {iso(last >> 8)} do not stand in the order of their "
                "time. Restore a copy"
            )

    def _ended_early(self, db: sqlite3.Connection, last: int, upper: int) -> StoreError:
        """Return why no row comes before the one that was the last: on some damage SQLite is silent."""
        until = iso(last >> 8)
        there = f"SELECT 1 FROM {self._wanted.table} WHERE key = ?"  # noqa: S608 - a name of ours
        if db.execute(there, (upper,)).fetchone():
            return Damaged(
                f"{self._path} is damaged: rows after {until} cannot be read, though later ones are there. "
                "Restore a copy"
            )
        return StoreError(f"{self._path} was changed after {until} while it was read; ask again")

    def _refuse_another(self, db: sqlite3.Connection, facts: Facts, last: int) -> None:
        if (schema.meta(db, "uid") or "") != facts.uid:
            raise StoreError(f"{self._path} was replaced by another history while it was read; ask again")
        mark = _MARK_OF.get(self._wanted.table)
        whole_from_ms = schema.meta_number(db, mark) if mark else 0
        if whole_from_ms > max(facts.whole_from_ms, last >> 8, self._wanted.start_ms):
            raise StoreError(
                f"{self._path}: retention took rows that were not read yet: reading went on for too long. "
                "Ask again for a shorter time"
            )

    def _ask(self, question: Callable[[sqlite3.Connection], T]) -> T | None:
        return pool.ask(self._path, self._clock, pool.LONGEST_S, question)


def _in_unit(cell: Cell) -> str:
    """Return the expression of a value in its unit.

    A mean is rounded to whole steps: so it is never a negative zero either.
    """
    column, q = cell.column, cell.quantity
    if cell.mean:
        return f"round({column} * 1.0 / ({schema.count_of(q.key)})) / {q.steps_per_unit}.0"
    return column if q.steps_per_unit == 1 else f"{column} / {q.steps_per_unit}.0"
