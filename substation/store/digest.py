"""Digests: what a day's rows add up to, so that one changed bit in a finished day is found years later.

    rows, total = digest.of_rows(rows)         rows as `schema.columns_of(table)` has them, in any order
    ledger = digest.Ledger(db)                 the writer's: keeps the digests right while rows come and go

Of each row the canonical text is hashed (JSON without spaces, ASCII only; BLAKE2b of 8 bytes, big endian) and
the hashes are added modulo 2**63: the sum does not depend on the order of the rows, nor on the version of
Python, and a row that comes late is added to it without looking at the others.

In table `digest`, a row is one UTC day of one table: of `reading` and the rollups by their keys, of `event`
by its time. `meta`, `sync`, `clock_span` and the shape of the file itself (`schema`) have one each, day 0.
Digests of readings and rollups are not kept with every commit, that would cost the card as much as the rows:
the nightly check (`check.py`) proves a finished day by recomputation, then its digest is stored, and from
there on every change of that day remakes or drops it in the same transaction.
"""

import hashlib
import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from substation.store import schema

DAY_MS = 86_400_000
_MASK = 2**63 - 1
DATED = ("reading", *schema.ROLLUPS)
"""Tables whose rows are named by `start_ms << 8 | meter`."""
EVENT_COLUMNS = ("at_ms", "kind", "meter_id", "old", "new", "detail")
FACTS = {
    "meta": "SELECT key, value FROM meta",
    "sync": "SELECT name, last_key, at_ms FROM sync",
    "schema_migration": "SELECT name, at_ms FROM schema_migration",
    "clock_span": "SELECT id, boot, skew_ms, begin_ms, end_ms, offset_ms, corrected_ms FROM clock_span",
}
"""Small tables that have one digest as a whole, made anew whenever something in them changes."""
SHAPE = "schema"
"""Not a table: tables, views, triggers and indexes of the file, as far as they are ours."""
LOST = "lost"
"""Not a table: of this UTC day it is known that rows were lost (salvage), so nobody recomputes it."""

Digest = tuple[str, int, int, int]
"""Table, day, rows, sum."""


def _as_text(value: object) -> str:
    # only a damaged file holds such a value
    return value.hex() if isinstance(value, bytes) else repr(value)


_canonical = json.JSONEncoder(separators=(",", ":"), check_circular=False, default=_as_text).encode


def of_row(row: Sequence[Any]) -> int:
    """Return the hash of one row, 0 to 2**63 - 1."""
    text = _canonical(tuple(row)).encode("ascii")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") & _MASK


def of_rows(rows: Iterable[Sequence[Any]]) -> tuple[int, int]:
    """Return how many rows there are, and the sum of their hashes modulo 2**63."""
    count = total = 0
    for row in rows:
        count += 1
        total += of_row(row)
    return count, total & _MASK


def together(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    """Return the digest of both sets of rows, which have none in common."""
    return one[0] + other[0], (one[1] + other[1]) & _MASK


def of_facts(db: sqlite3.Connection, table: str) -> tuple[int, int]:
    """Return the digest of a table in `FACTS`, or of the file's `SHAPE`, as it is now."""
    return of_rows(schema.shape(db) if table == SHAPE else db.execute(FACTS[table]))


def day_of(key: int) -> int:
    """Return the UTC day number of a row's key."""
    return (key >> 8) // DAY_MS


def has_digests(db: sqlite3.Connection) -> bool:
    """Return whether the file has the table; one that no poller of this version has opened has it not."""
    return schema.has_migration(db, schema.DIGESTS)


def stored(db: sqlite3.Connection, table: str, day: int) -> tuple[int, int] | None:
    """Return a day's digest as it was stored, or None."""
    found = db.execute("SELECT rows, sum FROM digest WHERE tbl = ? AND day = ?", (table, day)).fetchone()
    return None if found is None else (found[0], found[1])


def drop(db: sqlite3.Connection, table: str, day: int) -> None:
    """Drop a day's digest; in the transaction that changes the day."""
    db.execute("DELETE FROM digest WHERE tbl = ? AND day = ?", (table, day))


def note_lost(db: sqlite3.Connection, days: Iterable[int], at_ms: int) -> None:
    """Note UTC days of which rows were lost for good; in the transaction of whoever mends the file.

    What is left of such a day cannot agree with itself any more, so the check does not ask for that; its
    digests are stored as of any other day, and from then on it is guarded like any other.
    """
    rows = [(LOST, day, 0, 0, at_ms) for day in days]
    db.executemany("INSERT OR REPLACE INTO digest VALUES (?, ?, ?, ?, ?)", rows)


def lost_days(db: sqlite3.Connection) -> frozenset[int]:
    """Return the UTC days of which rows are known to be lost."""
    if not has_digests(db):
        return frozenset()
    return frozenset(day for (day,) in db.execute("SELECT day FROM digest WHERE tbl = ?", (LOST,)))


class Ledger:
    """The writer's account of what happens to rows of days that have a digest.

    `touched` holds the days that were written to since `watch`: what a check has proposed of them is old.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        """Learn which days have a digest."""
        self._db = db
        self._known: set[tuple[str, int]] = set()
        self._changes: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0])
        self._events: list[Sequence[Any]] = []
        self._touched: set[tuple[str, int]] | None = None
        self.reload()

    def reload(self) -> None:
        """Look again which days have a digest, and forget what was not written."""
        self._known = set(self._db.execute("SELECT tbl, day FROM digest"))
        self.forget()

    def forget(self) -> None:
        """Forget what was not written: the transaction failed."""
        self._changes.clear()
        self._events.clear()

    def watch(self) -> None:
        """Note from now on which days are written to."""
        self._touched = set()

    def is_touched(self, table: str, day: int) -> bool:
        """Return whether a day was written to since `watch`, or nobody watched."""
        return self._touched is None or (table, day) in self._touched

    def changed(self, table: str, new: Sequence[Any] | None = None, old: Sequence[Any] | None = None) -> None:
        """Take that a row of a reading or rollup came, went, or became another one of the same key."""
        row = new if new is not None else old
        if row is None:
            return
        where = (table, day_of(row[0]))
        if self._touched is not None:
            self._touched.add(where)
        if where not in self._known:
            return
        change = self._changes[where]
        if new is not None:
            change[0] += 1
            change[1] += of_row(new)
        if old is not None:
            change[0] -= 1
            change[1] -= of_row(old)

    def gone(self, table: str, days: Iterable[int]) -> None:
        """Drop the digests of days that lose rows by retention; inside its transaction."""
        for day in days:
            if self._touched is not None:
                self._touched.add((table, day))
            drop(self._db, table, day)

    def happened(self, events: Iterable[Sequence[Any]]) -> None:
        """Take events that are about to be written; to be called before they are."""
        for event in events:
            self._events.append(event)
            where = ("event", event[0] // DAY_MS)
            if self._touched is not None:
                self._touched.add(where)
            if where not in self._changes:
                self._changes[where] = [0, 0]
                self._known.discard(where)
                if self._event_base(where[1]):
                    self._known.add(where)

    def _event_base(self, day: int) -> bool:
        """Remember what a day's events add up to, before the trigger drops it; False when nobody knows."""
        base = stored(self._db, "event", day)
        if base is None:
            bounds = (day * DAY_MS, (day + 1) * DAY_MS)
            there = self._db.execute("SELECT 1 FROM event WHERE at_ms >= ? AND at_ms < ? LIMIT 1", bounds)
            if there.fetchone():
                return False  # of an older program; the nightly check makes the digest
            base = (0, 0)
        self._changes["event", day] = list(base)
        return True

    def write(self, at_ms: int) -> None:
        """Bring the digests up to date; at the end of each transaction of the writer, inside it."""
        for event in self._events:
            change = self._changes["event", event[0] // DAY_MS]
            change[0] += 1
            change[1] += of_row(event)
        for (table, day), (rows, total) in self._changes.items():
            if (table, day) not in self._known:
                continue
            if table == "event":
                self._put((table, day, rows, total & _MASK), at_ms)
            elif (there := stored(self._db, table, day)) is not None:
                self._put((table, day, there[0] + rows, there[1] + total & _MASK), at_ms)
        self._changes.clear()
        self._events.clear()
        for table in (*FACTS, SHAPE):
            if stored(self._db, table, 0) is None:
                self._put((table, 0, *of_facts(self._db, table)), at_ms)

    def take(self, digests: Iterable[Digest], at_ms: int) -> None:
        """Store what a check has proposed, of days that nobody touched since `watch`; in a transaction."""
        for table, day, rows, total in digests:
            if not self.is_touched(table, day) and stored(self._db, table, day) is None:
                self._put((table, day, rows, total), at_ms)

    def _put(self, digest: Digest, at_ms: int) -> None:
        self._db.execute("INSERT OR REPLACE INTO digest VALUES (?, ?, ?, ?, ?)", (*digest, at_ms))
        self._known.add(digest[:2])
