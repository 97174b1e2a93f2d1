"""Read-only connections to the history, kept open between questions and shared by threads.

A question never blocks the writer, sees one consistent state, and is stopped after a time.
"""

import os
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from substation.clock import Clock
from substation.errors import StoreError
from substation.store import door

T = TypeVar("T")
MOST_IDLE = 4
MOST_FILES = 4
LONGEST_S = 5.0
"""A question that takes longer is stopped with a message."""
_OPERATIONS_BETWEEN_LOOKS = 20_000


@dataclass(slots=True)
class _Held:
    identity: tuple[int, int]
    db: sqlite3.Connection
    frozen: bool


class _Pool:
    """Idle connections by file; forgotten after a fork, since a connection must not cross one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._idle: OrderedDict[Path, list[_Held]] = OrderedDict()

    def take(self, path: Path, identity: tuple[int, int]) -> _Held:
        while (held := self._pop(path)) is not None:
            if held.identity == identity and not _outdated(held, path):
                return held
            held.db.close()  # the file was replaced, or its writer has come
        db, frozen = door.open_to_read(path)
        return _Held(identity, db, frozen)

    def _pop(self, path: Path) -> _Held | None:
        with self._lock:
            if self._pid != os.getpid():
                self._pid = os.getpid()
                self._idle.clear()
            idle = self._idle.get(path)
            return idle.pop() if idle else None

    def give_back(self, path: Path, held: _Held) -> None:
        surplus: list[_Held] = []
        with self._lock:
            idle = self._idle.setdefault(path, [])
            self._idle.move_to_end(path)
            (idle if len(idle) < MOST_IDLE else surplus).append(held)
            while len(self._idle) > MOST_FILES:
                surplus += self._idle.popitem(last=False)[1]
        for other in surplus:
            other.db.close()

    def forget(self, path: Path) -> None:
        with self._lock:
            idle = self._idle.pop(path, [])
        for held in idle:
            held.db.close()


_pool = _Pool()


def ask(path: Path, clock: Clock, limit_s: float, question: Callable[[sqlite3.Connection], T]) -> T | None:
    """Return the answer of `question`, or None when there is no file.

    Raises StoreError when the file is damaged or not ours, or when the question takes longer than `limit_s`.
    """
    while True:
        try:
            status = path.stat()
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise StoreError(f"{path} cannot be read: {exc.strerror}") from exc
        held = _pool.take(path, (status.st_dev, status.st_ino))
        held.db.set_progress_handler(_alarm(clock, limit_s), _OPERATIONS_BETWEEN_LOOKS)
        try:
            with door.explained(path):
                held.db.execute("BEGIN")
                answer = question(held.db)
                held.db.execute("ROLLBACK")
        except BaseException:
            held.db.close()
            raise
        if _outdated(held, path):
            held.db.close()  # read beside a writer that came meanwhile: ask again
            continue
        _pool.give_back(path, held)
        return answer


def forget(path: Path) -> None:
    """Close what is kept open of a file.

    All connections of a process share one index of the log: while one is open that was made on a read-only
    medium, a new one cannot write either, even when the medium can be written again.
    """
    _pool.forget(path)


def _alarm(clock: Clock, limit_s: float) -> Callable[[], int]:
    end = clock.monotonic() + limit_s
    return lambda: int(clock.monotonic() > end)


def _outdated(held: _Held, path: Path) -> bool:
    return held.frozen and door.journal_of(path).exists()
