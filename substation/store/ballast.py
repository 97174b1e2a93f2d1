"""Room held back for the moment when there is none: on a full medium even DELETE fails.

A file of zeros, really allocated, that is removed first when a write finds the medium full. The room that
comes free is for the history's log alone; what is deleted with its help makes room for longer.
"""

import contextlib
import os
from pathlib import Path

from substation.store.room import room_of

LARGEST_BYTES = 16 * 1024 * 1024
PART_OF_MEDIUM = 32
SMALLEST_BYTES = 64 * 1024
"""Less would not hold a transaction."""
_CHUNK = 1 << 18


class Ballast:
    """The file `state/ballast`."""

    def __init__(self, path: Path) -> None:
        """Name it; nothing is made."""
        self._path = path

    @property
    def held(self) -> int:
        """How many bytes it holds."""
        try:
            return self._path.stat().st_blocks * 512
        except OSError:
            return 0

    def free(self) -> int:
        """Give its room back; return how many bytes that were. Never raises: 0 then."""
        held = self.held
        try:
            self._path.unlink()
        except OSError:
            return 0
        return held

    def make(self, reserve: int) -> bool:
        """Make it where it is missing, if `reserve` bytes are left beside it; return whether it was made.

        Raises OSError when the medium does not take it; nothing of it is left then.
        """
        if self._path.exists():
            return False
        found = room_of(self._path.parent)
        if found is None:
            return False
        size = size_for(found.total)
        if size < SMALLEST_BYTES or found.free < size + reserve:
            return False
        fresh = self._path.with_name(f"{self._path.name}.new")
        try:
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                _allocate(handle, size)
            finally:
                os.close(handle)
            fresh.replace(self._path)
        except OSError:
            with contextlib.suppress(OSError):
                fresh.unlink(missing_ok=True)
            raise
        return True


def size_for(total: int) -> int:
    """Return the ballast of a medium of `total` bytes: 16 MiB, less on a tiny one."""
    return min(LARGEST_BYTES, total // PART_OF_MEDIUM)


def _allocate(handle: int, size: int) -> None:
    try:
        os.posix_fallocate(handle, 0, size)  # costs a card no wear
    except OSError:
        os.ftruncate(handle, 0)
        zeros = bytes(_CHUNK)
        left = size
        while left > 0:
            left -= os.write(handle, zeros[:left])
        os.fsync(handle)
