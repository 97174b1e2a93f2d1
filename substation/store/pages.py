"""Rows of one table of the history, page by page: for whoever reads more than fits into memory.

Each page is a short read of its own, from the last key on. So a reader that stalls for an hour holds no
transaction open and keeps the writer from no checkpoint; and what changes meanwhile is noticed: a history
that was replaced, or rows that retention took before they were read, end the reading with words.

Values come in units, means rounded to the whole steps in which readings are stored.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from substation.clock import Clock, SystemClock, iso
from substation.errors import Damaged, StoreError
from substation.quantities import INSTANTS, QUANTITIES, Quantity
from substation.store import pool, schema
from substation.store.rows import key_of

T = TypeVar("T")
PAGE_ROWS = 5000
LONGEST_S = 60.0
"""A page that takes longer, on whatever card, is given up."""
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
    if wanted.table == "reading":
        return ("key", "quality", "reason", "implausible", *(_in_unit(q.key, q) for q in QUANTITIES))
    found = ["key", "quality", "rows", "n"]
    found += [_in_unit(f"last_{q.key}", q) if q.kind == "counter" else _mean(q) for q in QUANTITIES]
    if wanted.extremes:
        instants = [q for q in QUANTITIES if q.key in INSTANTS]
        found += [_in_unit(f"{what}_{q.key}", q) for q in instants for what in ("min", "max")]
    return tuple(found)


class Pages:
    """Reads the rows once, oldest first."""

    def __init__(
        self, path: Path, wanted: Wanted, clock: Clock | None = None, page_rows: int = PAGE_ROWS
    ) -> None:
        """Name file and rows; nothing is read yet."""
        self._path, self._wanted, self._page_rows = path, wanted, page_rows
        self._clock = clock or SystemClock()
        self._query = f"SELECT {', '.join(columns(wanted))} FROM {wanted.table}"  # noqa: S608 - names of ours

    def facts(self) -> Facts | None:
        """Return what there is to read; None without a history. Raises StoreError as `HistoryReader`."""
        return self._ask(self._facts)

    def rows(self, facts: Facts) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the rows in pages, up to the last one that `facts` knows.

        Raises:
            Damaged: Rows that were known cannot be found any more.
            StoreError: The history cannot be read, was replaced or moved meanwhile, or retention took rows
                before they were read. What was yielded before is then not the whole.
        """
        if facts.last_key is None:
            return
        upper = facts.last_key
        last = key_of(self._wanted.start_ms, 0) - 1
        while last < upper:
            page = self._ask(partial(self._page, facts=facts, last=last, upper=upper))
            if page is None:
                raise StoreError(f"{self._path} was moved or deleted while it was read; bring it back")
            last, rows = page
            if rows:
                yield rows

    def sample(self, facts: Facts, count: int = 20) -> list[tuple[Any, ...]]:
        """Return some of the newest rows: how long a row is, told in a moment."""
        bound = -1 if facts.last_key is None else facts.last_key
        query = f"{self._query} WHERE key <= ? ORDER BY key DESC LIMIT ?"
        return self._ask(lambda db: db.execute(query, (bound, count)).fetchall()) or []

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
        self, db: sqlite3.Connection, facts: Facts, last: int, upper: int
    ) -> tuple[int, list[tuple[Any, ...]]]:
        """Return the key that was read up to, and the wanted rows until there."""
        self._refuse_another(db, facts, last)
        wanted = self._wanted
        if not wanted.meter_ids:
            query = f"{self._query} WHERE key > ? AND key <= ? ORDER BY key LIMIT ?"
            rows = db.execute(query, (last, upper, self._page_rows)).fetchall()
            if not rows:
                raise self._ended_early(db, last, upper)
            return rows[-1][0], rows
        # counted over all meters, so that a meter without rows does not make one long read of it all
        keys = f"SELECT key FROM {wanted.table} WHERE key > ? AND key <= ? ORDER BY key LIMIT ?"  # noqa: S608
        (end,) = db.execute(
            f"SELECT max(key) FROM ({keys})",  # noqa: S608
            (last, upper, self._page_rows),
        ).fetchone()
        if end is None:
            raise self._ended_early(db, last, upper)
        places = ", ".join("?" * len(wanted.meter_ids))
        query = f"{self._query} WHERE key > ? AND key <= ? AND key & 255 IN ({places}) ORDER BY key"
        return end, db.execute(query, (last, end, *wanted.meter_ids)).fetchall()

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
        return pool.ask(self._path, self._clock, LONGEST_S, question)


def _in_unit(column: str, q: Quantity) -> str:
    return column if q.steps_per_unit == 1 else f"{column} / {q.steps_per_unit}.0"


def _mean(q: Quantity) -> str:
    """Return the expression of a mean, rounded to whole steps: so it is never a negative zero either."""
    return f"round(sum_{q.key} * 1.0 / ({schema.count_of(q.key)})) / {q.steps_per_unit}.0"
