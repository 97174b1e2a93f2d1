"""The writer's pen: rows into the history, what they add up to, and what their days' digests become.

One transaction holds all three, so each stored reading is accounted exactly once.
"""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from substation.clock import Clock
from substation.store import digest, door, events, rollup, schema
from substation.store.rows import Row

MOST_STEPS = 100
"""A row whose millisecond is taken by another moves on; after so many ms it is given up."""

_INSERT = f"{schema.insert('reading', 'INSERT')} ON CONFLICT DO NOTHING"
_FIND = f"{schema.select('reading')} WHERE key = ?"


class Pen:
    """Writes through the one connection that may write. All but `transaction` go inside of one."""

    def __init__(self, db: sqlite3.Connection, path: Path, clock: Clock, zone: ZoneInfo) -> None:
        """Write to `path` through `db`; hours and days begin by `zone`."""
        self.db, self._path, self._clock, self._zone = db, path, clock, zone
        self.ledger = digest.Ledger(db)
        self.lost = 0
        """Rows that found no free millisecond."""

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold one transaction: rows, rollups and digests, or nothing of it."""
        lost = self.lost
        try:
            with door.explained(self._path), schema.transaction(self.db):
                yield
                self.ledger.write(self._clock.now_ms())
        except BaseException:
            self.ledger.forget()
            self.lost = lost
            raise

    def take(self, rows: Iterable[Row], *, is_import: bool = False) -> int:
        """Insert what is not there, and account for it; return how many were new.

        An imported row whose meter and moment are known is that row, and never moves on.
        """
        steps = 1 if is_import else MOST_STEPS
        new = [taken for taken in (self._insert(row, steps) for row in rows) if taken is not None]
        self.account(new)
        return len(new)

    def account(self, rows: Iterable[Row]) -> None:
        """Add rows that stand in `reading` to every rollup."""
        for table, accounts in rollup.roll_up(rows, self._zone).items():
            self._add(table, accounts)

    def note(self, noted: Sequence[events.Event]) -> None:
        """Insert changes of state."""
        self.ledger.happened((e.at_ms, e.kind, e.meter_id, e.old, e.new, e.detail) for e in noted)
        events.write(self.db, noted)

    def _insert(self, row: Row, steps: int) -> Row | None:
        key, code, reason, mask, values = row
        for step in range(steps):
            at = key + (step << 8)
            content = (code, reason, mask, *values)
            if self.db.execute(_INSERT, (at, *content)).rowcount:
                self.ledger.changed("reading", (at, *content))
                return at, code, reason, mask, values
            there = self.db.execute(_FIND, (at,)).fetchone()
            if there[1:] == content:
                return None
        self.lost += steps == MOST_STEPS
        return None

    def _add(self, table: str, accounts: dict[int, rollup.Account]) -> None:
        find = f"{schema.select(table)} WHERE key = ?"
        write = schema.insert(table, "INSERT OR REPLACE")
        for key, account in accounts.items():
            there = self.db.execute(find, (key,)).fetchone()
            total = account if there is None else rollup.merged((rollup.from_columns(table, there), account))
            row = rollup.to_columns(table, key, total)
            self.db.execute(write, row)
            self.ledger.changed(table, row, there)
