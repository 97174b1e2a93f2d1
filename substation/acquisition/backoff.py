"""When something that failed is tried again: after a while, after twice that, and so on up to a limit."""

from substation.clock import Clock


class Backoff:
    """Counts failures in a row, and the time until the next try."""

    def __init__(self, clock: Clock, first_s: float, longest_s: float) -> None:
        """Nothing has failed yet, and nothing is waited for."""
        self._clock, self._first_s, self._longest_s = clock, first_s, longest_s
        self._due_s = clock.monotonic()
        self.failures = 0

    def begin(self, *, failed: bool, well_s: float | None = None) -> None:
        """Wait from now on: after a failure longer each time, else `well_s` (by default the first pause)."""
        if failed:
            pause_s = min(self._longest_s, self._first_s * 2.0 ** min(self.failures, 16))
            self.failures += 1
        else:
            self.failures = 0
            pause_s = self._first_s if well_s is None else well_s
        self.wait(pause_s)

    def wait(self, seconds: float) -> None:
        """Let the next try be in so many seconds."""
        self._due_s = self._clock.monotonic() + seconds

    @property
    def over(self) -> bool:
        """Whether it is time to try again."""
        return self._clock.monotonic() >= self._due_s
