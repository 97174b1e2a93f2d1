"""A clock that a test moves by hand."""


class FakeClock:
    """Implements `substation.clock.Clock`; sleeping moves it and costs nothing."""

    def __init__(self, now_ms: int = 1_795_500_000_000, monotonic: float = 1000.0) -> None:
        self.ms = now_ms
        self.mono = monotonic
        self.slept: list[float] = []

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.mono

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if seconds > 0:
            self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self.mono += seconds
        self.ms += round(seconds * 1000)

    def step(self, seconds: float) -> None:
        """Set the wall clock, as NTP or a person does; the monotonic clock does not notice."""
        self.ms += round(seconds * 1000)
