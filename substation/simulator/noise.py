"""Smooth noise: the same for the same seed and time, without jumps, at any time in any order."""

import zlib

_MASK = (1 << 64) - 1


def _lattice(stream: int, index: int) -> float:
    """Return a number in -1..1 that looks random and depends only on its arguments (splitmix64)."""
    x = (stream + index * 0x9E3779B97F4A7C15) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return (x ^ (x >> 31)) / (1 << 63) - 1.0


class _Octave:
    """One swing: a new target every `period_ms`, an S-curve between the targets."""

    __slots__ = ("_cell", "_period_ms", "_size", "_stream")

    def __init__(self, stream: int, period_ms: int, size: float) -> None:
        self._stream = stream
        self._period_ms = period_ms
        self._size = size
        self._cell = (0, _lattice(stream, 0) * size, _lattice(stream, 1) * size)

    def at(self, ms: int) -> float:
        index, rest = divmod(ms, self._period_ms)
        cell = self._cell
        if cell[0] != index:
            known = {cell[0]: cell[1], cell[0] + 1: cell[2]}
            low, high = (
                known[i] if i in known else _lattice(self._stream, i) * self._size for i in (index, index + 1)
            )
            cell = (index, low, high)
            self._cell = cell  # one assignment: another thread sees the old cell or the new one
        x = rest / self._period_ms
        return cell[1] + (cell[2] - cell[1]) * x * x * (3.0 - 2.0 * x)


class Noise:
    """Slow and fast swings laid over each other, within -1..1."""

    __slots__ = ("_octaves",)

    def __init__(self, seed: int, name: str, swings: dict[float, float]) -> None:
        """Take `swings` as {period in s: part}; the parts are scaled so that they sum to 1."""
        whole = sum(swings.values())
        self._octaves = tuple(
            _Octave(
                zlib.crc32(f"{seed}/{name}/{period_s}".encode()) << 16, round(period_s * 1000), part / whole
            )
            for period_s, part in swings.items()
        )

    def at(self, ms: int) -> float:
        """Return the noise at a time, -1..1; the same whenever and in whichever order it is asked."""
        total = 0.0
        for octave in self._octaves:
            total += octave.at(ms)
        return total
