"""Opens `daily_data.db`: proves that a file is ours before anything is read from it or written to it.

One process writes and checkpoints (a fault of SQLite 3.7.0 to 3.51.2 needs two); everybody else opens the
file read-only.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

from substation.clock import Clock
from substation.errors import Busy, Damaged, Full, StoreError, TooSlow, WrongStation
from substation.store.schema import APPLICATION_ID, migrate

_ORIGINAL_TABLE = "meter_readings"
_SHORTEST = 512
"""Bytes of the smallest database that SQLite writes."""


def prove(db: sqlite3.Connection, path: Path) -> None:
    """Raise Damaged unless the file is a history of this program; nothing is changed in it."""
    with explained(path):
        (identity,) = db.execute("PRAGMA application_id").fetchone()
        if identity == APPLICATION_ID:
            return
        original = db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (_ORIGINAL_TABLE,)).fetchone()
    away = f"mv {path.name} original_{path.name}"
    if original:
        raise Damaged(
            f"{path} is the database of the original system (it holds the table {_ORIGINAL_TABLE}). "
            f"Nothing in it was touched. Stop the station; python3 datalogger.py import then "
            f"moves it to original/ and takes its readings over"
        )
    raise Damaged(
        f"{path} is a database of another program (application id {identity:#010x}). "
        f"Nothing in it was touched; give it another name ({away}) and start again"
    )


def prove_stamp(db: sqlite3.Connection, path: Path, simulated: bool) -> None:
    """Raise WrongStation when simulated data would meet real data."""
    with explained(path):
        row = db.execute("SELECT value FROM meta WHERE key = 'simulated'").fetchone()
    stamp = row[0] if row else None
    if stamp != ("yes" if simulated else "no"):
        theirs, ours = ("a simulated", "real") if stamp == "yes" else ("a real", "simulated")
        raise WrongStation(
            f"{path} belongs to {theirs} station and this one is {ours}; they never mix. "
            f"Give each station a folder of its own (SUBSTATION_HOME)"
        )


def make(path: Path, clock: Clock, facts: Mapping[str, str]) -> None:
    """Make an empty history; `facts` go into `meta`. A kill never leaves half of one under this name."""
    fresh = path.with_name(path.name + ".new")
    with explained(path):
        for rest in (fresh, journal_of(fresh), index_of(fresh)):
            rest.unlink(missing_ok=True)
        os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o640))
        with contextlib.closing(sqlite3.connect(fresh, isolation_level=None)) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            migrate(db, clock)
            db.executemany("INSERT INTO meta VALUES (?, ?)", facts.items())
        fresh.replace(path)
        to_medium(path.parent)  # else a power cut could leave the log of a commit without its database


def refuse_lone_log(path: Path) -> None:
    """Raise Damaged where a history is missing and its log is there: a new one would destroy that."""
    journal = journal_of(path)
    if journal.exists():
        raise Damaged(
            f"{path} is missing but its log {journal.name} is there, with readings in it. "
            f"Bring the database back, or move the log away (mv {journal.name} {journal.name}.corrupt)"
        )


def refuse_another(path: Path, inode: int) -> None:
    """Raise StoreError unless the file that was opened still stands under its name.

    SQLite goes on writing into a file that was deleted: every commit would be lost with it.
    """
    if not path.exists() or path.stat().st_ino != inode:
        raise StoreError(
            f"{path} was moved or deleted while the poller wrote it. Bring it back, or restart the "
            f"poller to begin a new history"
        )


def open_to_write(path: Path) -> sqlite3.Connection:
    """Return the writer's connection to an existing history. WAL; every commit reaches the medium."""
    _refuse_stub(path)
    with explained(path):
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=5)
    try:
        prove(db, path)
        with explained(path):
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
    except StoreError:
        db.close()
        raise
    return db


def open_to_read(path: Path) -> tuple[sqlite3.Connection, bool]:
    """Return a read-only connection, and whether it is frozen.

    A history that was closed cleanly, in a folder where we may not write, opens only as `immutable`: frozen
    as it is now, and right only while there is no log beside it. The caller drops such a connection when
    `journal_of(path)` appears: a writer has come.
    """
    _refuse_stub(path)
    uri = path.absolute().as_uri()
    frozen = False
    with explained(path):
        db = sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=5, check_same_thread=False)
        try:
            db.execute("SELECT 1 FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            db.close()
            if journal_of(path).exists():
                raise
            frozen = True
            db = sqlite3.connect(f"{uri}?mode=ro&immutable=1", uri=True, check_same_thread=False)
        except sqlite3.Error:
            db.close()
            raise
    try:
        prove(db, path)
    except StoreError:
        db.close()
        raise
    return db, frozen


def _refuse_stub(path: Path) -> None:
    # SQLite takes an empty file, and one of a few bytes, for a healthy database without tables
    with explained(path):
        size = path.stat().st_size
    if size < _SHORTEST:
        what = "empty (0 bytes)" if size == 0 else f"cut short ({size} bytes)"
        raise Damaged(
            f"{path} is {what}: no history was ever written there, or it was lost. "
            f"Restore a copy, or move it away (mv {path.name} {path.name}.corrupt) to begin a new one"
        )


def journal_of(path: Path) -> Path:
    """Return the name of the write-ahead log beside a history."""
    return path.with_name(path.name + "-wal")


def index_of(path: Path) -> Path:
    """Return the name of the index of that log."""
    return path.with_name(path.name + "-shm")


def to_medium(path: Path) -> None:
    """Wait until a file, or the names in a folder, have reached the medium."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours, in words that say what to do."""
    try:
        yield
    except sqlite3.Error as exc:
        code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            raise Full(f"{path}: no space left; free some space on the medium") from exc
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Busy(f"{path} is held by another process; only the poller writes it") from exc
        if code == sqlite3.SQLITE_INTERRUPT:
            raise TooSlow(f"{path}: the question took too long and was stopped; ask for less") from exc
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise Damaged(
                f"{path} is damaged or no database ({exc}). Restore a copy, or move it away "
                f"(mv {path.name} {path.name}.corrupt) to begin a new one"
            ) from exc
        raise StoreError(f"{path} cannot be used: {exc}") from exc
    except OSError as exc:
        raise StoreError(f"{path} cannot be used: {exc.strerror}") from exc
