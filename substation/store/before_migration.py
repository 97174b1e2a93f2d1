"""A copy of the history before its shape is changed: `daily_data.db.before-0005`, proved before anything is.

A new, empty history needs none. One that is large (`is_slow`) is not changed when it is opened: its copy
takes minutes, so the poller lets `datalogger.py migrate` do it beside the polling (`migration_duty`), and
the live file keeps what is read meanwhile. The copy goes some weeks later, when a check has found the
changed history whole (`old_copies`).
"""

import contextlib
import errno
import fcntl
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from substation.clock import Clock
from substation.errors import Busy, Damaged, StoreError
from substation.store import door, schema

MARK = ".before-"
LOCK = "migrate.lock"
"""In `state/`: see `alone`."""
QUICK_BYTES = 32 * 1024 * 1024
"""Up to this size copy and migration take a few seconds even on a card."""
RESERVE_BYTES = 64 * 1024 * 1024
"""What must stay free beside the copy: the migration's own log, and the polling goes on."""
PAGES_A_STEP = 512
KEPT_DAYS = 30
DAY_MS = 86_400_000
_TABLES = ("reading", *schema.ROLLUPS, "event")

Tick = Callable[[str], None]
"""Takes how far it is, in words."""


def quiet(_: str) -> None:
    """Say nothing of how far it is."""


def pending(path: Path) -> list[str]:
    """Return the migrations that a history lacks; none where there is nothing to change or nothing known.

    Raises StoreError as `door.open_to_read` does.
    """
    try:
        db, _ = door.open_to_read(path)
    except FileNotFoundError:
        return []
    with contextlib.closing(db), door.explained(path):
        return _lacking(db)


def is_slow(path: Path) -> bool:
    """Return whether a history waits for a change that takes too long for whoever polls.

    Raises StoreError as `door.open_to_read` does: what cannot be asked is not taken for a quick one.
    """
    with door.explained(path):
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            return False
    return size > QUICK_BYTES and bool(pending(path))


@contextlib.contextmanager
def alone(path: Path, lock: Path) -> Iterator[None]:
    """Hold the right to change the form of a history: whoever opens it to write holds it meanwhile too.

    Args:
        path: the history.
        lock: `state/migrate.lock`; free again when its holder dies.

    Raises:
        Busy: it is being changed by another process.
        StoreError: the lock cannot be made.
    """
    handle = _opened(lock)
    try:
        if handle is not None:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy(
                    f"{path} is being opened or brought to this version's form by another process "
                    "(datalogger.py migrate); nobody else writes to it meanwhile, and what is read waits in "
                    "the live file. It goes on by itself when that has ended"
                ) from None
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _opened(lock: Path) -> int | None:
    """Open the lock; None where a medium that takes no new file has none: there nobody can migrate."""
    with door.explained(lock):
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            return os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as exc:
            if exc.errno not in {errno.EROFS, errno.ENOSPC, errno.EDQUOT}:
                raise
        try:
            return os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None


def waiting_words(path: Path) -> str:
    """Return what is said while a large history waits for its change."""
    return (
        f"{path} is being brought to this version's form, after a copy of it; "
        "live values go on, and what is read meanwhile waits in the live file"
    )


def copy_of(path: Path, migration: str, folder: Path | None = None) -> Path:
    """Return where the copy before this migration stands."""
    return (folder or path.parent) / f"{path.name}{MARK}{migration.split(maxsplit=1)[0]}"


def prepare(
    db: sqlite3.Connection, path: Path, *, folder: Path | None = None, tick: Tick = quiet
) -> Path | None:
    """Make sure that a copy stands before `schema.migrate`; None where none is needed.

    Args:
        db: the writer's connection; nobody else writes.
        path: the history.
        folder: where the copy goes; by default beside the history.
        tick: is told how far it is, several times a second.

    Raises:
        Damaged: the history itself is not sound.
        StoreError: there is no room for it, it cannot be made, or is not as the history is; nothing was
            changed.
    """
    with door.explained(path):
        lacking = _lacking(db)
        if not lacking or _is_empty(db):
            return None
        copy = copy_of(path, lacking[0], folder)
        if copy.exists() and _tells_the_same(db, copy):
            return copy
        needed = _pages(db) * _page_bytes(db)
        _need_room(path, copy, needed, lacking[0])
        _make(db, path, copy, tick)
    return copy


def old_copies(path: Path, now_ms: int, checked_ms: int) -> list[Path]:
    """Return the copies that may go: KEPT_DAYS old, and a check since then found the history whole.

    Args:
        path: the history.
        now_ms: the newest time that somebody vouched for, UTC ms; not just the machine's.
        checked_ms: when the last check found it whole; 0 = never.
    """
    found = []
    for copy in path.parent.glob(f"{path.name}{MARK}*"):
        made_ms = int(copy.stat().st_mtime * 1000)
        if now_ms - made_ms > KEPT_DAYS * DAY_MS and made_ms < checked_ms <= now_ms + DAY_MS:
            found.append(copy)
    return found


def _lacking(db: sqlite3.Connection) -> list[str]:
    tables = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'schema_migration'").fetchone()
    known = {name for (name,) in db.execute("SELECT name FROM schema_migration")} if tables else set()
    return [name for name in schema.MIGRATIONS if name not in known]


def _is_empty(db: sqlite3.Connection) -> bool:
    there = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return not any(
        db.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone()  # noqa: S608 - names of ours
        for table in _TABLES
        if table in there
    )


def _need_room(path: Path, copy: Path, needed: int, migration: str) -> None:
    free = shutil.disk_usage(copy.parent).free
    lacking = needed + RESERVE_BYTES - free
    if lacking > 0:
        raise StoreError(
            f"{path} is to be changed ({migration}), and a copy of it is made before. That needs "
            f"{_mb(needed + RESERVE_BYTES)} MB in {copy.parent}, and {_mb(free)} MB are free: free "
            f"{_mb(lacking)} MB there, then it goes on by itself. Or make the copy elsewhere: "
            f"python3 datalogger.py migrate --copy-in FOLDER (--without-copy, if you have one already)"
        )


def _make(db: sqlite3.Connection, path: Path, copy: Path, tick: Tick) -> None:
    part = copy.with_name(copy.name + ".part")
    for rest in (part, door.journal_of(part), door.index_of(part)):
        rest.unlink(missing_ok=True)  # of one that was broken off

    def step(_: int, left: int, whole: int) -> None:
        done = 1 - left / whole if whole else 1.0
        tick(f"copying {path.name} before it is changed: {done:.0%} of {_mb(whole * page)} MB")

    page = _page_bytes(db)
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o640))
        with contextlib.closing(sqlite3.connect(part, isolation_level=None)) as target:
            target.execute("PRAGMA synchronous = OFF")  # brought to the medium below, whole
            db.backup(target, pages=PAGES_A_STEP, progress=step)
            # a file by itself, without a log beside it
            target.execute("PRAGMA journal_mode = DELETE")
        tick(f"proving the copy {copy.name}")
        _prove(db, part)
        door.to_medium(part)
        part.replace(copy)
        with contextlib.suppress(OSError):  # a share that cannot be asked for it
            door.to_medium(copy.parent)
    finally:
        part.unlink(missing_ok=True)


def _prove(db: sqlite3.Connection, part: Path) -> None:
    """Raise StoreError unless SQLite finds the copy sound and it has as many rows as the history."""
    with contextlib.closing(sqlite3.connect(f"{part.absolute().as_uri()}?mode=ro", uri=True)) as copy:
        if _is_sound(copy) and _rows(copy) == _rows(db):
            return
    if not _is_sound(db):
        raise Damaged("the history is damaged, and was not changed. Look at it: python3 datalogger.py check")
    raise StoreError(
        f"the copy {part.name} did not turn out as the history is; nothing was changed. Make it on another "
        "medium: python3 datalogger.py migrate --copy-in FOLDER"
    )


def _tells_the_same(db: sqlite3.Connection, copy: Path) -> bool:
    """Return whether a copy that stands there is of this very history as it is now."""
    try:
        there, _ = door.open_to_read(copy)
    except StoreError:
        return False
    with contextlib.closing(there):
        try:
            return _newest(there) == _newest(db) and _lacking(there) == _lacking(db)
        except sqlite3.Error:
            return False


def _newest(db: sqlite3.Connection) -> list[object]:
    marks: list[object] = [schema.meta(db, "uid")]
    for table in _TABLES:
        column = "id" if table == "event" else "key"
        marks.append(db.execute(f"SELECT max({column}) FROM {table}").fetchone()[0])  # noqa: S608 - ours
    return marks


def _is_sound(db: sqlite3.Connection) -> bool:
    return bool(db.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")


def _rows(db: sqlite3.Connection) -> list[int]:
    return [db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in _TABLES]  # noqa: S608 - ours


def _pages(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA page_count").fetchone()[0])


def _page_bytes(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA page_size").fetchone()[0])


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f}"


def migrate(
    path: Path,
    simulated: bool,
    clock: Clock,
    *,
    folder: Path | None = None,
    without_copy: bool = False,
    tick: Tick = quiet,
) -> tuple[list[str], Path | None]:
    """Bring a history to this program's form; return the migrations made, and where the copy stands.

    Raises:
        StoreError: as `prepare`, or the history cannot be used; nothing was changed.
    """
    db = door.open_to_write(path)
    with contextlib.closing(db):
        door.prove_stamp(db, path, simulated)
        with door.explained(path):
            copy = None if without_copy else prepare(db, path, folder=folder, tick=tick)
            tick(f"changing {path.name}")
            return schema.migrate(db, clock), copy
