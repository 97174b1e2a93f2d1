"""Reads what can still be read of a damaged history, by ranges of keys; nothing in it is changed.

SQLite stops at the first page that makes no sense. So a range is read from its beginning up to there, then
from its end down to there, and what is left between is halved and tried again, down to the length of one
period: that much is passed over. What comes of it are candidates: a page may be whole and its content not.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from substation.errors import Busy
from substation.store import door, schema
from substation.store.digest import DATED, EVENT_COLUMNS

CandidateRow = tuple[Any, ...]
AT_ONCE = 2000
LAST_KEY = (1 << 63) - 1
MOST_BARREN = 12
"""A range in which so many halvings brought no row at all is passed over: 1 in 4096 of what is dark."""
MOST_EVENTS = 10_000_000
_DAY = 86_400_000 << 8
_FINEST = {"reading": 1000 << 8, "minute": 60_000 << 8, "event": 1, "clock_span": 1}
"""Ranges of keys that are not halved any more; 900 s of all others."""
_COLUMNS = {
    "event": ("id", *EVENT_COLUMNS),
    "clock_span": ("id", "boot", "skew_ms", "begin_ms", "end_ms", "offset_ms", "corrected_ms"),
}
_SMALL = {
    "meta": ("key", "value"),
    "sync": ("name", "last_key", "at_ms"),
    "digest": ("tbl", "day", "rows", "sum"),
    "schema_migration": ("name", "at_ms"),
}


class Source:
    """A damaged history, opened read-only together with its log."""

    def __init__(self, path: Path, tick: Callable[[], None] = lambda: None) -> None:
        """Open it; `tick` is called again and again while it is read.

        A log that cannot be read is left out. A file that cannot be opened at all has no rows.
        """
        self._path, self._tick = path, tick
        self.holes: dict[str, list[tuple[int, int]]] = {}
        """Ranges of keys that could not be read, by table; both ends included."""
        self.small_holes: set[str] = set()
        """Small tables that could not be read to their end."""
        self._db = self._opened("mode=ro") or self._opened("mode=ro&immutable=1")
        self.readable = self._db is not None

    def _opened(self, how: str) -> sqlite3.Connection | None:
        with contextlib.ExitStack() as on_error:
            db = sqlite3.connect(
                f"{self._path.absolute().as_uri()}?{how}", uri=True, isolation_level=None, timeout=5
            )
            on_error.callback(db.close)
            db.text_factory = _text
            try:
                # a file whose end was cut off, or whose schema is damaged in part, opens none the less
                db.execute("PRAGMA writable_schema = ON")
                db.execute("PRAGMA cell_size_check = ON")
                db.execute("PRAGMA cache_size = -8192")
                if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'reading'").fetchone():
                    return None
            except sqlite3.DatabaseError as exc:
                _prove_damage(exc, self._path)
                return None
            on_error.pop_all()
            return db

    def columns(self, table: str) -> tuple[str, ...]:
        """Return the columns in the order of `rows`."""
        return _COLUMNS.get(table) or schema.columns_of(table)

    def rows(self, table: str) -> Iterator[list[CandidateRow]]:
        """Yield what can be read of a table with a number for its key, some rows at a time."""
        self.holes[table] = []
        if self._db is None:
            self.holes[table].append((0, LAST_KEY))
            return
        finest = _FINEST.get(table, 900_000 << 8)
        low, high = self._span(table)
        ranges = [(high + 1, LAST_KEY, MOST_BARREN), (low, high, 0), (0, low - 1, MOST_BARREN)]
        while ranges:
            low, high, barren = ranges.pop()
            self._tick()
            reached = low
            for part in self._part(table, low, high, "ASC"):
                yield part
                reached = max(reached, _inside(part, low, high, max) + 1)
            if self._at_end:
                continue
            down = high
            for part in self._part(table, reached, high, "DESC"):
                yield part
                down = min(down, _inside(part, reached, high, min) - 1)
            if self._at_end or down < reached:
                continue
            barren = barren + 1 if (reached, down) == (low, high) else 0
            if down - reached < finest or barren > MOST_BARREN:
                self._hole(table, reached, down)
                continue
            middle = (reached + down) // 2
            ranges += [(middle + 1, down, barren), (reached, middle, barren)]

    def _span(self, table: str) -> tuple[int, int]:
        """Return between which keys a table has its rows, as far as anything tells."""
        if table in _COLUMNS:
            return 1, MOST_EVENTS
        found: list[int] = []
        db = self._db
        if db is None:
            return 0, LAST_KEY - 1
        for name in DATED:
            for order in ("ASC", "DESC"):
                question = f"SELECT key FROM {name} WHERE key > 0 ORDER BY key {order} LIMIT 1"  # noqa: S608
                with contextlib.suppress(sqlite3.DatabaseError):
                    found += [key for (key,) in db.execute(question) if isinstance(key, int)]
        return (min(found) - _DAY, max(found) + _DAY) if found else (0, LAST_KEY - 1)

    def small(self, table: str) -> list[CandidateRow]:
        """Return what can be read of a table of names; `small_holes` tells whether that is all."""
        found: list[CandidateRow] = []
        if self._db is None:
            self.small_holes.add(table)
            return found
        for question in (
            f"SELECT {', '.join(_SMALL[table])} FROM {table} NOT INDEXED",  # noqa: S608 - names of ours
            f"SELECT {', '.join(_SMALL[table])} FROM {table} ORDER BY rowid DESC",  # noqa: S608
        ):
            try:
                for row in self._db.execute(question):
                    found.append(row)
            except sqlite3.DatabaseError as exc:
                _prove_damage(exc, self._path)
                self.small_holes.add(table)
            else:
                break
        return list(dict.fromkeys(found))

    def close(self) -> None:
        """Close it."""
        if self._db is not None:
            self._db.close()

    def _part(self, table: str, low: int, high: int, order: str) -> Iterator[list[CandidateRow]]:
        """Yield rows until the range or what can be read of it ends; `_at_end` tells which."""
        self._at_end = False
        if self._db is None:
            return
        rows: list[CandidateRow] = []
        columns = self.columns(table)
        question = (
            f"SELECT {', '.join(columns)} FROM {table} "  # noqa: S608 - names of ours
            f"WHERE {columns[0]} BETWEEN ? AND ? ORDER BY {columns[0]} {order}"
        )
        try:
            for row in self._db.execute(question, (low, high)):
                rows.append(row)
                if len(rows) >= AT_ONCE:
                    self._tick()
                    yield rows
                    rows = []
            self._at_end = True
        except sqlite3.DatabaseError as exc:
            _prove_damage(exc, self._path)
        if rows:
            yield rows

    def _hole(self, table: str, low: int, high: int) -> None:
        holes = self.holes[table]
        if holes and holes[-1][1] + 1 == low:
            holes[-1] = (holes[-1][0], high)
        else:
            holes.append((low, high))


def _inside(part: list[CandidateRow], low: int, high: int, end: Callable[..., int]) -> int:
    """Return the last or first key of the range among the rows; a damaged page may hold others."""
    keys = [row[0] for row in part if isinstance(row[0], int) and low <= row[0] <= high]
    return end(keys) if keys else (low - 1 if end is max else high + 1)


def _text(raw: bytes) -> str | bytes:
    # text that is none any more: whoever looks at the types sees it
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _prove_damage(exc: sqlite3.DatabaseError, path: Path) -> None:
    """Raise what is no damage: that the file is held, that memory is short."""
    code = getattr(exc, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        raise Busy(f"{path} is held by another process") from exc
    if code == sqlite3.SQLITE_NOMEM:
        with door.explained(path):
            raise exc
