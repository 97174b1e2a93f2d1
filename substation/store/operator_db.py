"""What the operators leave behind: `operator.db`. The dashboard is its one writer, the poller reads it.

First light keeps the failed logins here; acknowledgements, notes and requests follow as further
migrations. A file of another kind, an empty one, or one of another station is refused.
"""

import contextlib
import os
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from substation.clock import SystemClock
from substation.errors import Busy, Damaged, Full, StoreError, WrongStation

APPLICATION_ID = 0x53534F50
"""`SSOP`: tells this file from any other SQLite file."""
BUSY_TIMEOUT_S = 5.0
"""So long whoever writes waits for another process ..."""
STEP_S = 0.15
"""... in steps of this length; between them other threads get their turn, ..."""
GAP_S = 0.002
"""... for whoever gives a lock back and takes it at once is always the first."""
_AWAY = (
    "Move it away (mv {name} {name}.corrupt) and start again; "
    "notes and acknowledgements in it are then missing"
)


def _first_light(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")


def _login_failures(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE login_failure (bucket BLOB NOT NULL, at_ms INTEGER NOT NULL)")
    connection.execute("CREATE INDEX login_failure_bucket ON login_failure (bucket, at_ms)")


def _sessions(connection: sqlite3.Connection) -> None:
    """`begun` and `touched` are seconds of the monotonic clock since the start of the machine `boot`."""
    connection.execute(
        "CREATE TABLE session (mark TEXT PRIMARY KEY, user TEXT NOT NULL, source TEXT NOT NULL,"
        " fingerprint TEXT NOT NULL, boot TEXT NOT NULL, begun_ms INTEGER NOT NULL, begun REAL NOT NULL,"
        " touched REAL NOT NULL, ended TEXT NOT NULL) WITHOUT ROWID"
    )


def _audit_anchors(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE audit_anchor (seq INTEGER NOT NULL, mac TEXT NOT NULL, at_ms INTEGER NOT NULL, "
        "why TEXT NOT NULL)"
    )


def _requests(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE request (id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, "
        "kind TEXT NOT NULL, arguments TEXT NOT NULL, asked_by TEXT NOT NULL)"
    )


def _alarm_commands(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE alarm_command (id INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL UNIQUE, "
        "at_ms INTEGER NOT NULL, kind TEXT NOT NULL, rule TEXT NOT NULL, subject TEXT NOT NULL, "
        "asked_by TEXT NOT NULL, words TEXT NOT NULL, minutes INTEGER NOT NULL, occurrence TEXT NOT NULL)"
    )


def _entries(connection: sqlite3.Connection) -> None:
    """By what is looked for: a form's moments."""
    connection.execute(
        "CREATE TABLE entry (id INTEGER PRIMARY KEY AUTOINCREMENT, form TEXT NOT NULL, "
        "subject TEXT NOT NULL, moment_ms INTEGER NOT NULL, item TEXT NOT NULL, text TEXT NOT NULL, "
        "entered_by TEXT NOT NULL, at_ms INTEGER NOT NULL)"
    )
    connection.execute("CREATE INDEX entry_place ON entry (form, moment_ms, subject, item)")


def _message_requests(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE message_request (id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, "
        "recipient TEXT NOT NULL, asked_by TEXT NOT NULL)"
    )


MIGRATIONS: tuple[tuple[str, Callable[[sqlite3.Connection], None]], ...] = (
    ("meta", _first_light),
    ("login_failure", _login_failures),
    ("session", _sessions),
    ("audit_anchor", _audit_anchors),
    ("request", _requests),
    ("alarm_command", _alarm_commands),
    ("entry", _entries),
    ("message_request", _message_requests),
)
"""Named steps, applied once each, in this order; new ones are added at the end."""


class OperatorDb:
    """The operators' database; safe for use from several threads."""

    def __init__(self, path: Path, simulated: bool) -> None:
        """Open the database, or make it where there is none.

        Raises:
            WrongStation: it was made by a simulated station and this one is real, or the reverse.
            Damaged: the file is empty, damaged, or something else.
            StoreError: it cannot be opened or written.
        """
        self.path = path
        self._turn = threading.RLock()
        with _explained(path):
            if not path.exists():
                _make(path, simulated)
            self._connection = _connect(path)
            try:
                _check(self._connection, path, simulated)
                _migrate(self._connection)
            except BaseException:
                self._connection.close()
                raise
            self._connection.execute(f"PRAGMA busy_timeout = {round(STEP_S * 1000)}")

    @contextlib.contextmanager
    def transaction(self, *, hasty: bool = False) -> Iterator[sqlite3.Connection]:
        """Write in one transaction: all of it is kept, or nothing. Others wait their turn.

        Args:
            hasty: wait two steps (0.3 s) at most, for whoever can go on without it; raises Busy then.
        """
        with _explained(self.path):
            self._begin(hasty)
            try:
                try:
                    yield self._connection
                except BaseException:
                    self._connection.execute("ROLLBACK")
                    raise
                self._connection.execute("COMMIT")
            finally:
                self._turn.release()

    def _begin(self, hasty: bool) -> None:
        """Take the turn and begin; raises Busy without it."""
        for left in range(1 if hasty else max(1, round(BUSY_TIMEOUT_S / STEP_S)), 0, -1):
            if not self._turn.acquire(timeout=STEP_S if hasty else -1):
                raise Busy(f"{self.path}: another thread writes to it; try again")
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                return
            except BaseException as exc:
                self._turn.release()
                if left == 1 or getattr(exc, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
            SystemClock().sleep(GAP_S)

    def rows(self, sql: str, parameters: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        """Return the rows of a SELECT."""
        with self._turn, _explained(self.path):
            return list(self._connection.execute(sql, parameters))

    def close(self) -> None:
        """Close it; what was committed is kept."""
        with self._turn, _explained(self.path):
            self._connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _make(path: Path, simulated: bool) -> None:
    """Make the file under another name and put it in place whole, so that a kill leaves none half made."""
    temporary = path.with_name(f"{path.stem}.{secrets.token_hex(6)}.db")
    os.close(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o660))
    try:
        connection = _connect(temporary)
        with contextlib.closing(connection):
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            _migrate(connection)
            connection.execute("INSERT INTO meta VALUES ('simulated', ?)", ("yes" if simulated else "no",))
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        for leftover in (temporary, *(temporary.with_name(temporary.name + end) for end in ("-wal", "-shm"))):
            leftover.unlink(missing_ok=True)


def _check(connection: sqlite3.Connection, path: Path, simulated: bool) -> None:
    (found,) = connection.execute("PRAGMA application_id").fetchone()
    if found != APPLICATION_ID:
        what = "is empty" if path.stat().st_size == 0 else "is no operator database"
        raise Damaged(f"{path}: {what}. {_AWAY.format(name=path.name)}")
    stamp = connection.execute("SELECT value FROM meta WHERE key = 'simulated'").fetchone()
    if stamp is None:
        raise Damaged(f"{path}: does not say which station made it. {_AWAY.format(name=path.name)}")
    if stamp[0] != ("yes" if simulated else "no"):
        theirs, ours = ("simulated", "real") if stamp[0] == "yes" else ("real", "simulated")
        raise WrongStation(
            f"{path}: belongs to a {theirs} station and this one is {ours}; they never mix. "
            "Give each station a folder of its own (SUBSTATION_HOME)"
        )


def _migrate(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_migration (name TEXT PRIMARY KEY, at TEXT NOT NULL) WITHOUT ROWID"
    )
    done = {name for (name,) in connection.execute("SELECT name FROM schema_migration")}
    newer = done - {name for name, _ in MIGRATIONS}
    if newer:
        raise StoreError(
            "operator.db was written by a newer version of this program "
            f"(it knows {', '.join(sorted(newer))}); use that version"
        )
    for name, step in MIGRATIONS:
        if name in done:
            continue
        connection.execute("BEGIN IMMEDIATE")
        try:
            step(connection)
            connection.execute(
                "INSERT INTO schema_migration VALUES (?, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))", (name,)
            )
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system say into this program's errors."""
    try:
        yield
    except sqlite3.Error as exc:
        code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Busy(f"{path}: another process holds it; try again") from exc
        if code == sqlite3.SQLITE_FULL:
            raise Full(f"{path}: no space left; free some and it goes on") from exc
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise Damaged(f"{path}: is damaged ({exc}). {_AWAY.format(name=path.name)}") from exc
        raise StoreError(f"{path}: cannot be used ({exc})") from exc
    except OSError as exc:
        raise StoreError(f"{path}: cannot be used ({exc.strerror or exc})") from exc
