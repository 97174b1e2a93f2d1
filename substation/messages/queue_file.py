"""The file of the queue: how it is made, opened and judged, and what its faults are called."""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from substation.errors import Busy, Damaged, Full, StoreError, WrongStation

APPLICATION_ID = 0x53534D53
"""`SSMS`."""
VERSION = 2
_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE occurrence (id TEXT PRIMARY KEY, rule TEXT NOT NULL, subject TEXT NOT NULL, meter_id INTEGER,
 priority TEXT NOT NULL, title TEXT NOT NULL, action TEXT NOT NULL, since_ms INTEGER NOT NULL,
 why TEXT NOT NULL, state TEXT NOT NULL, seen_ms INTEGER, over_ms INTEGER, by TEXT NOT NULL,
 settled INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE message (id INTEGER PRIMARY KEY AUTOINCREMENT, recipient TEXT NOT NULL, sort TEXT NOT NULL,
 urgent INTEGER NOT NULL, state TEXT NOT NULL, made_ms INTEGER NOT NULL, next_ms INTEGER NOT NULL,
 tries INTEGER NOT NULL DEFAULT 0, twice INTEGER NOT NULL DEFAULT 0, why TEXT NOT NULL DEFAULT '',
 done_ms INTEGER);
CREATE INDEX message_state ON message (state, recipient);
CREATE TABLE note (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, recipient TEXT NOT NULL,
 sort TEXT NOT NULL, occurrence TEXT NOT NULL, step INTEGER, priority TEXT NOT NULL,
 at_ms INTEGER NOT NULL, made_ms INTEGER NOT NULL, long TEXT NOT NULL, short TEXT NOT NULL,
 held TEXT NOT NULL DEFAULT '', message_id INTEGER);
CREATE INDEX note_open ON note (recipient, sort) WHERE message_id IS NULL;
CREATE INDEX note_of ON note (occurrence);
CREATE INDEX note_in ON note (message_id);
"""
_SECOND = """
ALTER TABLE occurrence ADD COLUMN announced TEXT NOT NULL DEFAULT '';
ALTER TABLE occurrence ADD COLUMN announced_ms INTEGER;
ALTER TABLE occurrence ADD COLUMN anew TEXT NOT NULL DEFAULT '';
ALTER TABLE note ADD COLUMN announced TEXT NOT NULL DEFAULT '';
ALTER TABLE note ADD COLUMN twice INTEGER NOT NULL DEFAULT 0;
"""
"""Of version 2: an alarm may be announced anew, and a note may be one that went out before."""


def set_aside(path: Path, now_ms: int) -> None:
    """Move a damaged queue out of the way, with the files beside it. Raises OSError."""
    for end in ("", "-wal", "-shm"):
        one = path.with_name(f"{path.name}{end}")
        with contextlib.suppress(FileNotFoundError):
            one.rename(path.with_name(f"{path.name}.corrupt-{now_ms}{end}"))


def set_aside_ms(path: Path) -> int | None:
    """Return when a queue was last set aside here, UTC; None: never. Raises OSError."""
    ends = [one.name.rpartition("-")[2] for one in path.parent.glob(f"{path.name}.corrupt-*[0-9]")]
    return max((int(end) for end in ends if end.isdecimal()), default=None)


def opened(path: Path, *, simulated: bool) -> sqlite3.Connection:
    """Open the file, or make it where there is none; raises as `Queue` does."""
    with explained(path):
        if not path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        db = sqlite3.connect(path, timeout=5, isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            _settle(db, path, "yes" if simulated else "no")
        except BaseException:
            db.close()
            raise
        return db


def _settle(db: sqlite3.Connection, path: Path, stamp: str) -> None:
    if not db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} {_SECOND} PRAGMA application_id = {APPLICATION_ID};")
        db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("INSERT INTO meta VALUES ('simulated', ?)", (stamp,))
        db.execute("COMMIT")
    (found,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if found != APPLICATION_ID:
        raise Damaged(f"{path}: is no queue of messages; move it away, a new one is made")
    if version > VERSION:
        raise StoreError(f"{path}: was written by a newer version of this program; use that version")
    if db.execute("SELECT value FROM meta WHERE key = 'simulated'").fetchone() != (stamp,):
        raise WrongStation(f"{path}: belongs to a station of the other kind; simulated and real never mix")
    if version < VERSION:
        db.executescript(f"BEGIN IMMEDIATE; {_SECOND} PRAGMA user_version = {VERSION}; COMMIT;")


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system say into this program's errors."""
    try:
        yield
    except sqlite3.Error as exc:
        code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Busy(f"{path}: another process holds it; it is tried again") from exc
        if code == sqlite3.SQLITE_FULL:
            raise Full(f"{path}: no space left; nothing can be sent until there is some") from exc
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise Damaged(f"{path}: is damaged ({exc})") from exc
        raise StoreError(f"{path}: cannot be used ({exc}); nothing can be sent meanwhile") from exc
    except OSError as exc:
        raise StoreError(f"{path}: cannot be used ({exc.strerror or exc})") from exc


class QueueFile:
    """The open file: transactions, and what is remembered by a word. Not for several threads."""

    def __init__(self, path: Path, *, simulated: bool, before: Callable[[], None] = lambda: None) -> None:
        """Open it, or make it where there is none.

        Args:
            path: of the file.
            simulated: whether the station is; a file of the other kind is refused.
            before: called before each commit; a test kills the process there.

        Raises:
            WrongStation: it belongs to a station of the other kind.
            Damaged: it is no queue of messages.
        """
        self.path, self._before = path, before
        self._db = opened(path, simulated=simulated)

    def close(self) -> None:
        """Close it; what was committed is kept."""
        self._db.close()

    @contextlib.contextmanager
    def step(self) -> Iterator[None]:
        """Do all of it, or nothing."""
        with explained(self.path):
            self._run("BEGIN IMMEDIATE")
            try:
                yield
                self._before()
                self._run("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _run(self, sql: str, *values: object) -> sqlite3.Cursor:
        return self._db.execute(sql, values)

    def _rows(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        with explained(self.path):
            return self._db.execute(sql, values).fetchall()

    def meta(self, key: str) -> str:
        """Return what was remembered under this key; nothing where it never was."""
        rows = self._rows("SELECT value FROM meta WHERE key = ?", key)
        return str(rows[0][0]) if rows else ""

    def remember(self, key: str, value: str) -> None:
        """Remember a word; within `step`."""
        self._run("INSERT OR REPLACE INTO meta VALUES (?, ?)", key, value)
