"""What a running process remembers of the log: shows at its next line that the end was cut off meanwhile.

A chain goes on after a cut as if nothing had been there. But other processes only ever add lines, and
close files by renaming them: the last line that a process has seen must stand somewhere in the log.
"""

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from substation.audit import chain, rotation
from substation.audit.keys import AuditKey

_BLOCK = 1 << 20
_LOOK_BACK = 200
"""Lines among which another process may have told of the same cut already."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A line that this process has written or seen."""

    seq: int
    mac: str
    end: int
    """Bytes of the file up to its end."""

    @property
    def _ending(self) -> bytes:
        return f'"mac":"{self.mac}"}}\n'.encode("ascii")

    def stands(self, handle: int, path: Path) -> bool:
        """Return whether the line is still in the log: in the file written to now, or in a closed one.

        Costs 2 us while nobody has closed the file; else files are looked through. Asked under the lock.
        """
        if self._at_its_place(handle):
            return True
        closed = rotation.closed_paths(path)
        return (
            any(self._in_file(one, Mark._at_its_place) for one in closed)
            or self._anywhere(handle)
            or any(self._in_file(one, Mark._anywhere) for one in closed)
        )

    def _at_its_place(self, handle: int) -> bool:
        ending = self._ending
        return os.pread(handle, len(ending), max(0, self.end - len(ending))) == ending

    def _anywhere(self, handle: int) -> bool:
        ending = self._ending
        at = 0
        while block := os.pread(handle, _BLOCK, at):
            if ending in block:
                return True
            if len(block) < _BLOCK:
                return False
            at += _BLOCK - len(ending)
        return False

    def _in_file(self, path: Path, look: "Callable[[Mark, int], bool]") -> bool:
        with contextlib.suppress(OSError):  # a file that cannot be read is missed as one that is not there
            handle = rotation.open_to_read(path)
            try:
                return look(self, handle)
            finally:
                os.close(handle)
        return False

    def is_told(self, handle: int, keys: Sequence[AuditKey]) -> bool:
        """Return whether a line at the end of the log tells of this cut already."""
        for _, record in zip(range(_LOOK_BACK), rotation.tail_records(handle), strict=False):
            details = record["d"]
            if record["event"] != "audit.cut" or not isinstance(details, dict):
                continue
            seen = details.get("seen")
            if type(seen) is int and seen >= self.seq and any(chain.fits(key.key, record) for key in keys):
                return True
        return False
