"""One poller a station: a lock file that names its holder and is free again when the holder dies."""

import contextlib
import errno
import fcntl
import os
from pathlib import Path

from substation.errors import Busy, StoreError


class PollerLock:
    """`state/poller.lock`, held from `take` until `release` or the end of the process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = -1

    def take(self) -> None:
        """Take the lock, or raise Busy with the holder's pid. Makes the folder when it is missing.

        Raises StoreError when the file cannot be made.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle = self._opened()
        except OSError as exc:
            raise StoreError(f"{self._path} cannot be opened ({exc.strerror}); check its folder") from exc
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            content = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
            os.close(handle)
            pid = int(content) if content.isdigit() else None
            who = f"process {pid}" if pid else "another process"
            raise Busy(f"a poller of this station already runs: {who}; stop it first", pid) from None
        self._handle = handle
        self._name(f"{os.getpid()}\n")

    def _opened(self) -> int:
        try:
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as exc:
            if exc.errno != errno.EROFS:
                raise
            # a card that has turned read-only holds a lock all the same, if the file is there
            return os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)

    def _name(self, holder: str) -> None:
        with contextlib.suppress(OSError):  # a full or read-only medium: held is held, named or not
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, holder.encode("ascii"), 0)

    def release(self) -> None:
        """Give the lock back; the file stays, so that nobody can hold a lock on a removed one."""
        if self._handle >= 0:
            self._name("")
            os.close(self._handle)
            self._handle = -1
