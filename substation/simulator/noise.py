"""Smooth noise: the same for the same seed and time, without jumps, at any time in any order."""

import math
import zlib

_MASK = (1 << 64) - 1


def _lattice(stream: int, index: int) -> float:
    """Return a number in -1..1 that looks random and depends only on its arguments (splitmix64)."""
    x = (stream + index * 0x9E3779B97F4A7C15) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return (x ^ (x >> 31)) / (1 << 63) - 1.0


_RIPPLE_BELOW_S = 60
_GOLDEN = 1.618034


class Noise:
    """Slow and fast swings laid over each other, within -1..1.

    A slow swing has a new target every period and an S-curve from one target to the next. A swing
    below a minute, too small and fast for an eye to follow, is two sines whose periods never meet:
    a tenth of the cost where a year is made minute by minute.
    """

    __slots__ = ("_cells", "_ripples", "_swings")

    def __init__(self, seed: int, name: str, swings: dict[float, float]) -> None:
        """Take `swings` as {period in s: part}; the parts are scaled so that they sum to 1."""
        whole = sum(swings.values())
        self._swings: list[tuple[int, int, float]] = []
        self._ripples: list[tuple[float, float, float]] = []
        for period_s, part in swings.items():
            stream = zlib.crc32(f"{seed}/{name}/{period_s}".encode()) << 16
            if period_s < _RIPPLE_BELOW_S:
                phase = math.pi * _lattice(stream, 0)
                self._ripples.append((math.tau / period_s / 1000, phase, part / whole / 2))
            else:
                self._swings.append((stream, round(period_s * 1000), part / whole))
        self._cells = [(0.0, 0.0, 0.0, 0.0)] * len(self._swings)

    def at(self, ms: int) -> float:
        """Return the noise at a time, -1..1; the same whenever and in whichever order it is asked."""
        total = 0.0
        for place, (begin_ms, per_ms, low, rise) in enumerate(self._cells):
            x = (ms - begin_ms) * per_ms
            if 0.0 < x < 1.0:
                total += low + rise * x * x * (3.0 - 2.0 * x)
            else:
                total += self._next(place, ms)
        for per_ms, phase, size in self._ripples:
            angle = ms * per_ms + phase
            total += size * (math.sin(angle) + math.sin(angle * _GOLDEN))
        return total

    def _next(self, place: int, ms: int) -> float:
        """Go to the cell that holds `ms`, remember it, and return the swing there."""
        stream, period_ms, size = self._swings[place]
        index, rest = divmod(ms, period_ms)
        low = _lattice(stream, index) * size
        rise = _lattice(stream, index + 1) * size - low
        # One assignment of a whole tuple: another thread sees the old cell or the new one.
        self._cells[place] = (index * period_ms, 1.0 / period_ms, low, rise)
        x = rest / period_ms
        return low + rise * x * x * (3.0 - 2.0 * x)
