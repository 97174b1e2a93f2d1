"""What a look at a history has found, and the words for it."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from substation.clock import utc
from substation.store.digest import DAY_MS, Digest

WHOLE, DAMAGED, UNREADABLE = "whole", "damaged", "unreadable"
MOST_DAMAGES = 200
"""More than these are counted, not named one by one."""
TABLE_WORDS = {
    "reading": "single polls",
    "minute": "minutes",
    "quarter": "quarter hours",
    "hour": "hours",
    "day": "days",
    "event": "events",
    "schema_migration": "changes of form",
    "meta": "station facts",
    "clock_span": "clock spans",
    "sync": "marks of what was taken over",
}
"""What people call the tables of a history."""
LAST_MS = 253_402_300_799_999
"""The end of the year 9999: no clock is set later."""


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that is wrong."""

    table: str
    """Of the history; empty for what concerns the whole file."""
    start_ms: int | None
    """UTC: the rows from here ..."""
    end_ms: int | None
    """... to before here; None for both where no time can be told."""
    words: str

    def __str__(self) -> str:
        """Say it in one line."""
        where = f"{TABLE_WORDS.get(self.table, self.table)}: " if self.table else ""
        return f"{where}{self.words}"


@dataclass(slots=True)
class Found:
    """What a look has found."""

    path: Path
    quick: bool
    at_ms: int
    uid: str = ""
    state: str = WHOLE
    """`whole`, `damaged`, or `unreadable`: it could not be looked at."""
    words: str = ""
    """The outcome in one sentence."""
    damages: list[Damage] = field(default_factory=list)
    more: int = 0
    """Damages beyond those in the list."""
    digests: list[Digest] = field(default_factory=list)
    """Of finished days that agree with themselves and have no digest yet."""
    notes: list[str] = field(default_factory=list)
    """What is unusual but changes no answer."""
    looked: dict[str, int] = field(default_factory=dict)
    """Rows looked at, by table."""
    days: int = 0
    """UTC days looked at."""
    took_s: float = 0.0

    def damaged(self, table: str, start_ms: int | None, end_ms: int | None, words: str) -> None:
        """Add a damage."""
        self.state = DAMAGED
        if len(self.damages) < MOST_DAMAGES:
            self.damages.append(Damage(table, start_ms, end_ms, words))
        else:
            self.more += 1

    def damaged_day(self, table: str, day: int, words: str) -> None:
        """Add a damage of a UTC day of a table."""
        self.damaged(table, day * DAY_MS, (day + 1) * DAY_MS, f"{day_words(day)}: {words}")

    def count(self, table: str, rows: int) -> None:
        """Note that rows were looked at."""
        self.looked[table] = self.looked.get(table, 0) + rows


def day_words(day: int) -> str:
    """Return a UTC day's name."""
    if 0 <= day <= LAST_MS // DAY_MS:
        return f"{utc(day * DAY_MS):%Y-%m-%d} (UTC)"
    return f"day {day}, which no clock has"


def row_words(table: str, key: int) -> str:
    """Return a row's name, its day left away: `minute 05:30 (UTC) of meter 1`."""
    if 0 <= key >> 8 <= LAST_MS:
        return f"{table} {utc(key >> 8):%H:%M} (UTC) of meter {key & 0xFF}"
    return f"{table} {key}, a time that no clock has,"


def cause(exc: sqlite3.Error) -> str | None:
    """Return in words what SQLite says of a damaged file; None where it is another trouble (no card)."""
    code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or isinstance(exc, sqlite3.DataError):
        return str(exc)
    if code in (sqlite3.SQLITE_ERROR, 0):  # a column or table that is not there, text that is no text
        return str(exc)
    if getattr(exc, "sqlite_errorcode", 0) == sqlite3.SQLITE_IOERR_SHORT_READ:
        return "it ends in the middle of a page"
    return None


def typed(table: str, row: Sequence[Any]) -> bool:
    """Return whether every column holds what this program would store in it."""
    if table == "reading":
        key, quality, reason, mask = row[:4]
        head = quality.__class__ is int and 0 <= quality <= 4 and mask.__class__ is int and mask >= 0
        if not (head and (reason is None or reason.__class__ is str)):
            return False
        kinds = set(map(type, row[4:]))
    else:
        key, quality, rows, n, last, odd, counters_ms = row[:7]
        if not all(value.__class__ is int for value in (quality, rows, n)):
            return False
        if not (0 <= quality <= 4 and 0 <= n <= rows and rows > 0 and (last is None) == (n == 0)):
            return False
        if not (odd is None or odd.__class__ is str) or not {type(last), type(counters_ms)} <= _WHOLE:
            return False
        kinds = set(map(type, row[7:]))
    first_ms = -86_400_000 if table in ("hour", "day") else 0  # of 1970, east of Greenwich
    return kinds <= _NUMBERS and first_ms << 8 <= key <= LAST_MS << 8 | 255


_WHOLE = {int, type(None)}
_NUMBERS = {int, float, type(None)}
