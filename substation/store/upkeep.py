"""Retention: old rows go, in slices short enough that a round of polling never waits.

A clock that jumped must not cost a history. So days are counted, not seconds: a table keeps its newest
`days` full days *that hold rows* and the day under way, and of older rows only those go that are too old by
the clock as well. A clock that runs a year ahead for an hour then pushes out one day, not fourteen; a clock
that runs behind pushes out nothing.
"""

import sqlite3
from collections.abc import Callable

from substation.clock import Clock
from substation.store import digest, schema

DAY_MS = 86_400_000
_SMALLEST, _LARGEST = 32, 1024


class Pace:
    """Divides work into slices that fit a budget; remembers from call to call how much fits."""

    def __init__(self, clock: Clock) -> None:
        """Start with small slices."""
        self._clock = clock
        self.size = 128
        """Rows for the next slice."""

    def begin(self, budget_s: float) -> None:
        """Start a call that may last `budget_s`."""
        self._budget_s = budget_s
        self._end = self._clock.monotonic() + budget_s
        self._slice_began = self._clock.monotonic()

    def slice_done(self) -> bool:
        """Note the end of a slice; return whether the budget has room for another."""
        now = self._clock.monotonic()
        took = now - self._slice_began
        if took > self._budget_s / 3:
            self.size = max(_SMALLEST, self.size // 2)
        elif took < self._budget_s / 8:
            self.size = min(_LARGEST, self.size * 2)
        self._slice_began = now
        return now + took < self._end


def cut_ms(db: sqlite3.Connection, days: int, now_ms: int) -> int:
    """Return the time before which rows may go; 0 when none may."""
    starts = [
        start
        for (start,) in db.execute("SELECT DISTINCT key >> 8 FROM day ORDER BY key DESC LIMIT ?", (days + 1,))
    ]
    if len(starts) <= days:
        return 0
    return min(int(starts[-1]), now_ms - days * DAY_MS)


def oldest_day(db: sqlite3.Connection, now_ms: int) -> tuple[int, int] | None:
    """Return when the oldest single poll was made and where its day ends; None in the day under way.

    That is the newest day with rows; where the clock has been ahead meanwhile, the one by the clock.
    """
    (oldest,) = db.execute("SELECT min(key) >> 8 FROM reading").fetchone()
    (newest,) = db.execute("SELECT max(key) >> 8 FROM day").fetchone()
    (today,) = db.execute("SELECT max(key) >> 8 FROM day WHERE key <= ?", (now_ms << 8 | 255,)).fetchone()
    if oldest is None or newest is None:
        return None
    (end,) = db.execute("SELECT min(key) >> 8 FROM day WHERE key > ?", (oldest << 8 | 255,)).fetchone()
    if end is None or end > (newest if today is None else today):
        return None
    return int(oldest), int(end)


def room_within(db: sqlite3.Connection) -> int:
    """Return how many bytes the file can take before it has to grow: deleting does not make it shorter."""
    (pages,) = db.execute("PRAGMA freelist_count").fetchone()
    (size,) = db.execute("PRAGMA page_size").fetchone()
    return int(pages) * int(size)


def trim(
    db: sqlite3.Connection,
    table: str,
    mark: str,
    cut: int,
    pace: Pace,
    *,
    gone: Callable[[str, set[int]], None],
) -> bool:
    """Delete rows of `table` that began before `cut`; return False when the budget ended first.

    `mark` is the row in `meta` that says from when on the table is whole. `pace` has begun. `gone` is told
    the UTC days that lose rows (`digest.Ledger`): a digest does not outlive the rows that it was of.
    """
    bound = cut << 8
    oldest = f"SELECT key FROM {table} WHERE key < ? ORDER BY key LIMIT ?"  # noqa: S608
    if not db.execute(oldest, (bound, 1)).fetchone():
        return True
    with schema.transaction(db):  # one a call: on a card a commit costs as much as a thousand rows
        while keys := db.execute(oldest, (bound, pace.size)).fetchall():
            last = keys[-1][0]
            db.execute(f"DELETE FROM {table} WHERE key <= ?", (last,))  # noqa: S608
            gone(table, {digest.day_of(key) for (key,) in keys})
            db.execute(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = "
                "max(CAST(value AS INTEGER), CAST(excluded.value AS INTEGER))",
                (mark, str((last >> 8) + 1)),
            )
            if not pace.slice_done():
                return False
    return True
