"""A way out of the station: what is handed to it, what came of that, and a thread that waits for it.

A network without an end or a modem without a network keeps whoever asks waiting for a minute. So each way
has a thread of its own, which takes one message at a time; the queue is written by the messenger alone.
"""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from substation.clock import Clock
from substation.messages.wording import Text


@dataclass(frozen=True, slots=True)
class Job:
    """One message for one address."""

    number: int
    recipient: str
    address: str
    text: Text


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    number: int
    arrived: bool
    """Whether the outside has confirmed that it took it."""
    words: str
    """What the outside said, or why not; never the address."""
    sure: bool = True
    """Where it did not arrive: whether it surely did not go out either."""


class Way(Protocol):
    """A way out, as the messenger uses it."""

    def is_free(self) -> bool:
        """Whether it takes a message now."""
        ...

    def hand(self, job: Job) -> None:
        """Take a message; returns at once."""
        ...

    def outcomes(self) -> list[Outcome]:
        """Return what came of what was handed over since the last call."""
        ...

    def busy_s(self) -> float:
        """Return for how long it has been working on one message."""
        ...

    def close(self) -> None:
        """Take no more; another one comes in its place."""
        ...


class Threaded:
    """A way whose work waits for the outside."""

    def __init__(self, name: str, send: Callable[[Job], Outcome], clock: Clock) -> None:
        """Send with `send`, in a thread that is started with the first message."""
        self._name, self._send, self._clock = name, send, clock
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._since_s: float | None = None
        self._thread: threading.Thread | None = None

    def is_free(self) -> bool:
        """Whether it takes a message now."""
        return self._since_s is None

    def hand(self, job: Job) -> None:
        """Take a message; returns at once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        self._since_s = self._clock.monotonic()
        self._jobs.put(job)

    def outcomes(self) -> list[Outcome]:
        """Return what came of what was handed over since the last call."""
        found = []
        while not self._done.empty():
            found.append(self._done.get())
            self._since_s = None
        return found

    def busy_s(self) -> float:
        """Return for how long it has been working on one message."""
        return 0.0 if self._since_s is None else self._clock.monotonic() - self._since_s

    def close(self) -> None:
        """Take no more; its thread ends when it is free."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                outcome = self._send(job)
            except Exception as exc:  # noqa: BLE001 - somebody else's code; its words may hold the address
                outcome = Outcome(job.number, False, f"it failed inside ({type(exc).__name__})", sure=False)
            self._done.put(outcome)
