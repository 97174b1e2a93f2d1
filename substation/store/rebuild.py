"""Makes a history anew from rows of older ones: after damage (`salvage`), from copies (`restore`).

    with Rebuild(home.history, clock, facts) as fresh:
        fresh.add("reading", rows)        rows as `schema.columns_of(table)` has them, in any order
        fresh.add("minute", rows)
        fresh.events(events)
        fresh.finish()                    from here on it stands under its name

Until `finish` it is a file of another name; without it nothing is left. A row that comes twice is taken
once. What is never made up: a rollup row is taken as it was, or made from readings that are all there.

One at a time in a folder: a salvage under way and a restore beside it would write the same file.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from substation.clock import Clock
from substation.errors import Busy, StoreError
from substation.store import absorb, door, schema

SUFFIX = ".rebuilt"


class Rebuild:
    """One history that is being made."""

    def __init__(self, target: Path, clock: Clock, facts: Mapping[str, str]) -> None:
        """Begin.

        Args:
            target: Where it shall stand; nothing may stand there when it is finished.
            clock: Stamps the migrations.
            facts: What goes into `meta`: `simulated` and `uid` at least, as the history had them before.

        Raises:
            Busy: Another one is being made in this folder.
            StoreError: `facts` lack something, or the file cannot be written.
        """
        lacking = {"simulated", "uid"} - facts.keys()
        if lacking:
            raise StoreError(f"{target} cannot be made: {', '.join(sorted(lacking))} is not known of it")
        self._target, self._path = target, target.with_name(target.name + SUFFIX)
        self._lock = _hold(target)
        try:
            self._remove()  # what a killed one has left
            door.make(self._path, clock, facts)
            self._inode = self._path.stat().st_ino
            self._db = door.open_to_write(self._path)
        except (StoreError, OSError):
            self._release()
            raise
        self._db.execute("PRAGMA synchronous = OFF")  # until `finish`, which brings all of it to the medium

    @property
    def db(self) -> sqlite3.Connection:
        """The connection to it, for questions."""
        return self._db

    def add(self, table: str, rows: Iterable[tuple[Any, ...]]) -> int:
        """Take rows of `reading` or a rollup; return how many were new."""
        before = self._db.total_changes
        with door.explained(self._path), schema.transaction(self._db):
            self._db.executemany(schema.insert(table, "INSERT OR IGNORE"), rows)
        return self._db.total_changes - before

    def events(self, events: Iterable[absorb.Event]) -> None:
        """Take events that are not there yet."""
        with door.explained(self._path), schema.transaction(self._db):
            absorb.take_events(self._db, events)

    def facts(self, facts: Mapping[str, str]) -> None:
        """Take facts; one that is there is replaced."""
        with door.explained(self._path), schema.transaction(self._db):
            self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", facts.items())

    def finish(self) -> None:
        """Put it under its name. Raises StoreError when something stands there, or it is not ours."""
        with door.explained(self._path):
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._db.close()
            if self._target.exists() or door.journal_of(self._target).exists():
                raise StoreError(f"{self._target} stands there already; nothing was replaced")
            if not self._path.exists() or self._path.stat().st_ino != self._inode:
                raise StoreError(
                    f"{self._path} is not the file that was made: somebody replaced it meanwhile"
                )
            door.to_medium(self._path)
            self._path.rename(self._target)
            door.to_medium(self._target.parent)

    def drop(self) -> None:
        """Leave nothing of it, and let others begin."""
        self._db.close()
        if self._lock >= 0:
            self._remove()
        self._release()

    def _release(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _remove(self) -> None:
        for rest in (self._path, door.journal_of(self._path), door.index_of(self._path)):
            rest.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop what was not finished."""
        self.drop()


def _hold(target: Path) -> int:
    """Hold the one right to make a history in this folder; nothing is written for it."""
    with door.explained(target.parent):
        handle = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise Busy(
                f"{target} is being made anew already, by a salvage or a restore; wait for its end"
            ) from None
    return handle
