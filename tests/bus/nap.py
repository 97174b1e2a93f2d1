"""What a thread waits on, played by a clock: waiting costs nothing, and the test stays in one thread."""

from tests.fake_clock import FakeClock


class Nap:
    """Stands in for a `threading.Event` that nobody sets while it is waited for."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.waited: list[float] = []

    def wait(self, timeout: float) -> bool:
        self.waited.append(timeout)
        self._clock.advance(timeout)
        return False

    def set(self) -> None: ...

    def clear(self) -> None: ...
