"""For what must come at once: what the history has not answered after a short time is left out and said.

The document of a page holds a picture of it (`first`), and must not wait for a slow history as the page
itself may. Who waits `within` a time waits so long for all answers together; a question that is under way
then goes on by itself, and whoever asks it next has the answer (`shared`).
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

from substation.clock import Clock
from substation.dashboard.tongue import say
from substation.errors import TooSlow


class Hurried(TooSlow):
    """The answer was not there in the short time there was for it; the question is not stopped."""


class _Time:
    """What is left of the time, seconds."""

    def __init__(self, seconds: float) -> None:
        self.left_s = seconds


_time: ContextVar[_Time | None] = ContextVar("hurry", default=None)


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Wait, in this thread, for all answers that others work out no longer than so many seconds."""
    token = _time.set(_Time(seconds))
    try:
        yield
    finally:
        _time.reset(token)


def left_s() -> float | None:
    """Return how long may still be waited, seconds; None: as long as it takes."""
    time = _time.get()
    return None if time is None else time.left_s


@contextlib.contextmanager
def waiting(clock: Clock) -> Iterator[float]:
    """Take what is waited meanwhile from the time that is left; all of it when it was not enough."""
    time = _time.get() or _Time(0.0)
    began = clock.monotonic()
    try:
        yield time.left_s
        time.left_s = max(time.left_s - (clock.monotonic() - began), 0.0)
    except Hurried:
        time.left_s = 0.0
        raise


def unread() -> str:
    """Return in words why there is nothing of the history: it cannot be read, or is not read yet."""
    return say("the history is being read") if left_s() == 0 else say("the history cannot be read")
