"""A way out of the station: what is handed to it, what came of that, and a thread that waits for it.

A network without an end or a modem without a network keeps whoever asks waiting for a minute. So each way
has a thread of its own, which takes one message at a time; the queue is written by the messenger alone. A
thread that does not come back in time is given up, and another one goes on: a gateway that answers a letter
every few seconds would keep everybody's messages back for ever, since no time-out of a library counts all of
it together.
"""

import contextlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from substation.clock import Clock
from substation.messages.wording import Text

GATEWAY_S = 90.0
"""All of one message through a gateway: connecting, asking, reading the answer."""
SMS_S = 360.0
"""All of one text: its own steps end after some 230 s (three parts, 65 s each), and a write may wait."""
MOST_HANGING = 3
"""So many threads that were given up still hang: no address of theirs gets another one."""
REST_S = 600.0
"""For so long an address is not tried again after a thread for it was given up that still hangs."""
NOT_THIS = "the gateway does not take this message"
"""How the words begin where it is the message that is refused, not who sends it: mostly it is too long."""
HANGS = "an earlier message still waits for the end of its answer"


@dataclass(frozen=True, slots=True)
class Job:
    """One message for one address."""

    number: int
    recipient: str
    address: str = field(repr=False)
    """A secret."""
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


@dataclass(frozen=True, slots=True, eq=False)
class _Worker:
    """A thread, by the messages that it is given."""

    jobs: "queue.SimpleQueue[Job | None]"


@dataclass(frozen=True, slots=True)
class _Hanging:
    """A thread that was given up."""

    worker: _Worker
    address: str = field(repr=False)
    since_s: float


class Threaded:
    """A way whose work waits for the outside, each message for so long at most."""

    def __init__(
        self, name: str, send: Callable[[Job], Outcome], clock: Clock, limit_s: float = GATEWAY_S
    ) -> None:
        """Send with `send`, in a thread that is started with the first message.

        Args:
            name: of the thread.
            send: does it, and returns what came of it; several at a time where one hangs.
            clock: the time.
            limit_s: after so long a message is given back as one that perhaps went out.
        """
        self._name, self._send, self._clock, self._limit_s = name, send, clock, limit_s
        self._done: queue.SimpleQueue[tuple[_Worker, Outcome]] = queue.SimpleQueue()
        self._at_once: list[Outcome] = []
        self._job: Job | None = None
        self._since_s = 0.0
        self._worker: _Worker | None = None
        self._hanging: list[_Hanging] = []
        self._late: Outcome | None = None
        """The message that is being sent again has arrived by its earlier try."""

    def is_free(self) -> bool:
        """Whether it takes a message now."""
        return self._job is None

    def hand(self, job: Job) -> None:
        """Take a message; returns at once."""
        self._job, self._since_s = job, self._clock.monotonic()
        if self._rests(job.address):
            self._at_once.append(Outcome(job.number, False, HANGS))
            return
        if self._worker is None:
            worker = _Worker(queue.SimpleQueue())
            try:
                threading.Thread(target=self._work, args=(worker,), name=self._name, daemon=True).start()
            except RuntimeError:  # the system has no thread to spare
                self._at_once.append(Outcome(job.number, False, "the computer has no thread left for it"))
                return
            self._worker = worker
        self._worker.jobs.put(job)

    def _rests(self, address: str) -> bool:
        given_up = [one.since_s for one in self._hanging if one.address == address]
        if not given_up:
            return False
        return len(self._hanging) >= MOST_HANGING or self._clock.monotonic() - given_up[-1] < REST_S

    def outcomes(self) -> list[Outcome]:
        """Return what came of what was handed over since the last call.

        Also that one has arrived after all of which an earlier answer was that nobody knows.
        """
        found: list[Outcome] = []
        with contextlib.suppress(queue.Empty):
            while True:
                worker, outcome = self._done.get_nowait()
                if worker is self._worker:
                    self._at_once.append(outcome)
                    continue
                self._hanging = [one for one in self._hanging if one.worker is not worker]
                if outcome.arrived and self._job is not None and self._job.number == outcome.number:
                    self._late = outcome
                elif outcome.arrived:  # a late failure says no more than is known: perhaps it went out
                    found.append(outcome)
        worked_s = self._clock.monotonic() - self._since_s
        if self._job is not None and not self._at_once and worked_s > self._limit_s:
            self._at_once.append(self._give_up(self._job))
        if self._at_once:
            found += [self._late or one for one in self._at_once]
            self._at_once, self._job, self._late = [], None, None
        return found

    def _give_up(self, job: Job) -> Outcome:
        if self._worker is not None:
            self._worker.jobs.put(None)  # should it ever come back, it ends
            self._hanging.append(_Hanging(self._worker, job.address, self._clock.monotonic()))
            self._worker = None
        return Outcome(job.number, False, f"no whole answer came within {self._limit_s:.0f} s", sure=False)

    def busy_s(self) -> float:
        """Return for how long it has been working on one message.

        Where so many threads hang that some addresses are tried no more: at least for how long that is so.
        """
        now_s = self._clock.monotonic()
        busy_s = 0.0 if self._job is None else now_s - self._since_s
        if len(self._hanging) >= MOST_HANGING:
            busy_s = max(busy_s, now_s - self._hanging[MOST_HANGING - 1].since_s)
        return busy_s

    def close(self) -> None:
        """Take no more; its thread ends when it is free."""
        if self._worker is not None:
            self._worker.jobs.put(None)

    def _work(self, worker: _Worker) -> None:
        while (job := worker.jobs.get()) is not None:
            try:
                outcome = self._send(job)
            except BaseException as exc:  # noqa: BLE001 - somebody else's code; its words may hold the address
                outcome = Outcome(job.number, False, f"it failed inside ({type(exc).__name__})", sure=False)
            self._done.put((worker, outcome))
