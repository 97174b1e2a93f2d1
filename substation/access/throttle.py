"""Slows down who guesses passwords, without ever locking anybody out for good."""

import contextlib
import hashlib
import sqlite3
import threading
from collections.abc import Callable, Iterator

from substation.clock import Clock
from substation.errors import Busy, StoreError
from substation.store.operator_db import OperatorDb

FAILURES = 5
"""So many wrong passwords ..."""
WINDOW_S = 300.0
"""... within so many seconds, per user and source, and the next one has to wait."""
MAX_ROWS = 20_000
"""Failures kept. A flood of names cannot push out a younger one: hashing allows about 50 a second."""
PAUSE_S = 5.0
"""So long a database that another process holds is not waited for again."""
_LANES = 64
_DIGEST = 16
_OWN = f"substr(bucket, {_DIGEST + 1}) = ?"
"""The rows of one purpose."""


class Throttle:
    """Counts failed logins per user and source in the operators' database; survives a restart.

    When the database cannot be used (disk full, damaged, held by another process) it goes on counting in
    memory: whoever has his password checked waits for no database.
    """

    def __init__(
        self, store: OperatorDb, clock: Clock, *, purpose: str = "", window_s: float = WINDOW_S
    ) -> None:
        """Count in `store`, by `clock`.

        Args:
            store: the operators' database.
            clock: the wall clock counts, so that a restart forgets nothing.
            purpose: what is guessed at; each purpose counts apart from all others. Empty = the login.
            window_s: for so long a failure counts, s.
        """
        self.last_problem: str | None = None
        self._store = store
        self._clock = clock
        self._purpose = purpose.encode()
        self._window_ms = int(window_s * 1000)
        self._memory: dict[bytes, list[int]] = {}
        self._forgiven: dict[bytes, int] = {}
        self._paused_until = 0.0
        self._turn = threading.Lock()
        self._lanes = [threading.Lock() for _ in range(_LANES)]

    @contextlib.contextmanager
    def turn(self, user: str, source: str) -> Iterator[None]:
        """Hold the turn of this user and source: ask, check and count inside it.

        Otherwise fifty guesses sent at once would all be checked before the first one is counted.
        """
        with self._lanes[self._bucket(user, source)[0] % _LANES]:
            yield

    def retry_after_s(self, user: str, source: str) -> float | None:
        """Return how long this user has to wait at this source, in seconds, or None when he may try."""
        now_ms = self._clock.now_ms()
        latest = self._latest(self._bucket(user, source), now_ms)
        if len(latest) < FAILURES:
            return None
        return (latest[FAILURES - 1] + self._window_ms - now_ms) / 1000

    def failed(self, user: str, source: str) -> None:
        """Count a wrong password."""
        now_ms = self._clock.now_ms()
        bucket = self._bucket(user, source)
        if not self._written(lambda connection: self._insert(connection, bucket, now_ms)):
            self._remember(bucket, now_ms)

    def succeeded(self, user: str, source: str) -> None:
        """Forget the failures of this user at this source."""
        bucket = self._bucket(user, source)
        now_ms = self._clock.now_ms()
        with self._turn:
            self._memory.pop(bucket, None)
        try:
            if not self._store.rows("SELECT 1 FROM login_failure WHERE bucket = ? LIMIT 1", (bucket,)):
                return
        except StoreError as exc:
            self.last_problem = str(exc)
            return
        done = self._written(
            lambda connection: connection.execute("DELETE FROM login_failure WHERE bucket = ?", (bucket,))
        )
        with self._turn:
            self._forgiven.pop(bucket, None)
            if not done:
                self._forgiven[bucket] = now_ms
                while len(self._forgiven) > MAX_ROWS // FAILURES:
                    del self._forgiven[next(iter(self._forgiven))]

    def _written(self, write: Callable[[sqlite3.Connection], object]) -> bool:
        """Return whether this was written; a file that another process holds is left alone for a while."""
        if self._clock.monotonic() < self._paused_until:
            return False
        try:
            with self._store.transaction(hasty=True) as connection:
                write(connection)
        except StoreError as exc:
            self.last_problem = str(exc)
            if isinstance(exc, Busy):
                self._paused_until = self._clock.monotonic() + PAUSE_S
            return False
        self.last_problem = None
        return True

    def _insert(self, connection: sqlite3.Connection, bucket: bytes, now_ms: int) -> None:
        connection.execute(
            f"DELETE FROM login_failure WHERE {_OWN} AND NOT at_ms BETWEEN ? AND ?",  # noqa: S608
            (self._purpose, *self._window(now_ms)),
        )
        connection.execute(
            "DELETE FROM login_failure WHERE rowid IN"  # noqa: S608  the name of a purpose is bound
            f" (SELECT rowid FROM login_failure WHERE {_OWN} ORDER BY at_ms DESC LIMIT -1 OFFSET ?)",
            (self._purpose, MAX_ROWS - 1),
        )
        connection.execute("INSERT INTO login_failure (bucket, at_ms) VALUES (?, ?)", (bucket, now_ms))

    def _latest(self, bucket: bytes, now_ms: int) -> list[int]:
        """Return when the last failures were, the newest first."""
        low, high = self._window(now_ms)
        with self._turn:
            remembered = [at for at in self._memory.get(bucket, ()) if low <= at <= high]
            forgiven = self._forgiven.get(bucket)
        if forgiven is not None and forgiven <= high:  # what the file still holds up to then
            low = max(low, forgiven + 1)
        try:
            rows = self._store.rows(
                "SELECT at_ms FROM login_failure WHERE bucket = ? AND at_ms BETWEEN ? AND ?"
                " ORDER BY at_ms DESC LIMIT ?",
                (bucket, low, high, FAILURES),
            )
        except StoreError as exc:
            self.last_problem = str(exc)
            rows = []
        return sorted([*remembered, *(int(str(at)) for (at,) in rows)], reverse=True)

    def _remember(self, bucket: bytes, now_ms: int) -> None:
        low, high = self._window(now_ms)
        with self._turn:
            kept = [at for at in self._memory.pop(bucket, ()) if low <= at <= high]
            self._memory[bucket] = [*kept[-FAILURES:], now_ms]
            while len(self._memory) > MAX_ROWS // FAILURES:
                del self._memory[next(iter(self._memory))]

    def _bucket(self, user: str, source: str) -> bytes:
        """Return a short name for user and source: bounded in size, and no list of typed names in the file.

        The purpose stands behind its digest, so that one purpose neither counts nor prunes another's.
        """
        text = f"{len(user)}:{user}{source}".encode("utf-8", "surrogatepass")
        return hashlib.sha256(text).digest()[:_DIGEST] + self._purpose

    def _window(self, now_ms: int) -> tuple[int, int]:
        """Return from when to when a failure counts.

        What lies in the future was written before the clock was set back: it is forgotten, since it would
        lock the user out for as long as the clock had been wrong.
        """
        return now_ms - self._window_ms + 1, now_ms
