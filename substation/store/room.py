"""How much room the medium has, how long that lasts, and what of ours takes most of it."""

import contextlib
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from substation.clock import Clock
from substation.settings.model import Home

RESERVE_BYTES = 32 * 1024 * 1024
"""With less room than this beside the ballast the oldest single polls are given up."""
PART_OF_MEDIUM = 16
DAY_S = 86_400.0
SAMPLE_S = 1800.0
SAMPLES = 49
"""Half-hourly: the pace of the last day."""
LEAST_S = 6 * 3600.0
"""A pace is believed after so long."""
FEW_DAYS = 14.0
"""With fewer days until it is full somebody is warned."""


@dataclass(frozen=True, slots=True)
class Room:
    """The room on a medium, bytes."""

    free: int
    total: int

    @property
    def reserve(self) -> int:
        """How much of it is kept free, as far as that lies with us."""
        return min(RESERVE_BYTES, self.total // PART_OF_MEDIUM)


def room_of(folder: Path) -> Room | None:
    """Return the room on a folder's medium, for a user without privileges; None where that is not known."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    if not found.f_blocks:  # a file system that does not count
        return None
    return Room(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)


class Pace:
    """How fast the room goes, by half-hourly looks; forgotten with the process."""

    def __init__(self, clock: Clock) -> None:
        """Begin without a look."""
        self._clock = clock
        self._looks: deque[tuple[float, int]] = deque(maxlen=SAMPLES)

    def note(self, free: int) -> None:
        """Take a look, if the last one was long enough ago."""
        now_s = self._clock.monotonic()
        if not self._looks or now_s - self._looks[-1][0] >= SAMPLE_S:
            self._looks.append((now_s, free))

    def days_left(self, found: Room) -> float | None:
        """Return in how many days only the reserve is left at the pace of the last day.

        None before a pace is known, and while the room does not shrink.
        """
        if not self._looks:
            return None
        then_s, free = self._looks[0]
        past_s = self._clock.monotonic() - then_s
        gone = free - found.free
        if past_s < LEAST_S or gone <= 0:
            return None
        return max(0, found.free - found.reserve) / gone * past_s / DAY_S


def largest(home: Home, most: int = 3) -> str:
    """Return what of the station takes most room, in words: `daily_data.db 380 MB, ...`."""
    sizes = sorted(((_size(path), path) for path in _own(home)), reverse=True)
    named = [f"{path.relative_to(home.folder)} {in_words(size)}" for size, path in sizes[:most] if size]
    return ", ".join(named)


def in_words(size: int) -> str:
    """Return a size as people write it: `380 MB`, `1.2 GB`, `12 kB`."""
    for unit, of in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= of:
            value = size / of
            return f"{value:.1f} {unit}" if value < 10 and unit == "GB" else f"{value:.0f} {unit}"
    return f"{size} bytes"


def _own(home: Home) -> Iterator[Path]:
    """Yield what lies in the station's folder; what was set aside, and the original's, as a whole."""
    with contextlib.suppress(OSError):
        for path in home.folder.iterdir():
            if path != home.state:
                yield path
    with contextlib.suppress(OSError):
        yield from (path for path in home.state.iterdir() if path != home.ballast)


def _size(path: Path) -> int:
    try:
        if path.is_symlink():
            return 0
        if not path.is_dir():
            return path.stat().st_blocks * 512
        return sum(one.lstat().st_blocks * 512 for one in path.rglob("*"))
    except OSError:
        return 0
