"""For how long something has lasted that began at a time of the clock: once seen, no setting of it counts."""

from collections.abc import Collection, Hashable

from substation.clock import Clock


class Passed:
    """Remembers of each thing when it began by the clock that never steps."""

    def __init__(self, clock: Clock) -> None:
        """Know of nothing yet."""
        self._clock = clock
        self._begun_s: dict[Hashable, float] = {}

    def passed_s(self, key: Hashable, begun_ms: int) -> float:
        """Return the seconds since something began; the time of day is believed at the first question alone.

        Args:
            key: of what.
            begun_ms: when, UTC; one ahead of the clock counts as now.
        """
        now_s = self._clock.monotonic()
        if key not in self._begun_s:
            self._begun_s[key] = now_s - max(0, self._clock.now_ms() - begun_ms) / 1000
        return now_s - self._begun_s[key]

    def keep(self, keys: Collection[object]) -> None:
        """Forget all but these."""
        self._begun_s = {key: begun_s for key, begun_s in self._begun_s.items() if key in keys}
