"""When the next round begins: on an absolute grid of the monotonic clock, so that nothing ever drifts."""

import math

from substation.clock import Clock

IDLE_BUDGET_S = 0.3
"""Of idle line time, for a chore that is cut in slices."""
LEAST_BUDGET_S = 0.02
"""The same where there is no idle time."""
ROUNDING_S = 1e-6
"""So near to its tick a round is on it."""


class Schedule:
    """Ticks every `interval_s` seconds from the start on; with 0 a tick is always now."""

    def __init__(self, interval_s: float, clock: Clock) -> None:
        self.interval_s = interval_s
        self.skipped = 0
        """Ticks that a slow round ran over."""
        self._clock = clock
        self._start_s = clock.monotonic()
        self._tick = 0

    @property
    def due_s(self) -> float:
        """Monotonic time of the coming tick."""
        return self._start_s + self._tick * self.interval_s

    @property
    def idle_until_s(self) -> float | None:
        """Until when a round that begins now may use the line; None = the next begins at once."""
        return self.due_s if self.interval_s else None

    def budget_s(self) -> float:
        """Return how long a slice of a chore may take now, s."""
        if self.idle_until_s is None:
            return LEAST_BUDGET_S
        left_s = self.idle_until_s - self._clock.monotonic()
        return min(IDLE_BUDGET_S, max(LEAST_BUDGET_S, left_s / 3))

    def begin(self) -> None:
        """Take the tick that is due; those that have passed unused are skipped, not caught up with.

        A round that begins before its tick (a line came back) is an extra one, and uses none up.
        """
        if not self.interval_s:
            return
        elapsed_s = self._clock.monotonic() - self._start_s + ROUNDING_S
        passed = math.floor(elapsed_s / self.interval_s)
        self.skipped += max(0, passed - self._tick)
        self._tick = max(self._tick, passed + 1)
