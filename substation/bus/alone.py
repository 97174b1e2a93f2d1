"""The one line of a station, polled in the caller's own thread: cheapest, and nothing to hand over."""

from collections import deque
from collections.abc import Callable, Sequence

from substation.bus.scan import Scanner
from substation.bus.seating import Faulty
from substation.bus.view import View, advice_of, failed_of, view_of
from substation.bus.worker import Delivery, Job, statuses
from substation.clock import Clock
from substation.readings import Reading

KEPT_ROUNDS = 100_000
"""Round times kept for the summary: more than two days at one round / 2 s."""


class Alone:
    """Drives one line."""

    several = False
    still: tuple[str, ...] = ()
    alive = True
    """Where this thread hangs, nobody asks."""

    def __init__(self, scanner: Scanner, faulty: Sequence[Faulty], clock: Clock) -> None:
        """Take the line; nothing is opened yet."""
        self._scanner, self._faulty, self._clock = scanner, faulty, clock
        self._waiting: deque[Delivery] = deque()
        self._times_s: deque[float] = deque(maxlen=KEPT_ROUNDS)
        self._busy = (clock.monotonic(), scanner.line.busy_s)
        self._share = 0.0

    @property
    def views(self) -> list[View]:
        """The line as it stands now."""
        return [view_of(self._scanner)]

    @property
    def failed(self) -> frozenset[int]:
        """Meters whose communication has failed."""
        return failed_of(self._scanner)

    @property
    def down(self) -> frozenset[str]:
        """The line's name when it is down."""
        return frozenset({self._scanner.line.settings.name} if self._scanner.down else ())

    @property
    def news(self) -> bool:
        """Whether a reading waits that was made outside a round."""
        return bool(self._waiting)

    @property
    def advice(self) -> list[str]:
        """What somebody should look at."""
        return advice_of(self._scanner)

    def rounds(self, number: int) -> int:
        """Return how many rounds there were: as many as the caller made."""
        return number

    def round(self, idle_until_s: float | None, stopping: Callable[[], bool]) -> list[deque[Delivery]]:
        """Ask every meter once, or hand on what a job has read; return what there is to hand on."""
        if self._waiting:
            return [self._waiting]
        readings = self._scanner.round(idle_until_s, stopping)
        if self._scanner.last_round_s:
            self._times_s.append(self._scanner.last_round_s)
        readings += [one.reading(self._clock.now_ms()) for one in self._faulty]
        self._add(readings)
        return [self._waiting]

    def reopen(self) -> bool:
        """Try the line if it is down; return whether it came back."""
        return bool(self._scanner.down) and self._scanner.reopen()

    def give(self, line: str, job: Job, stopping: Callable[[], bool]) -> None:
        """Do a job on the line; what it read is handed on with the next round."""
        found = job(self._scanner, stopping)
        if found:
            self._add(found)

    def _add(self, readings: Sequence[Reading]) -> None:
        """Lay readings, with what has changed on the line, where the next round takes them."""
        name, notices = self._scanner.line.settings.name, tuple(self._scanner.notices())
        self._waiting.append(Delivery(name, statuses(self._scanner, readings), notices))

    def share(self, line: str, *, within_round: bool) -> float:
        """Return the share of time that the line was busy since the last call, 0 to 1.

        A call within a round returns the last figure again and counts as none: a round without the
        pause after it is always busy.
        """
        if not within_round:
            now_s, busy_s = self._clock.monotonic(), self._scanner.line.busy_s
            then_s, was_s = self._busy
            share = (busy_s - was_s) / (now_s - then_s) if now_s > then_s else 0.0
            self._busy, self._share = (now_s, busy_s), round(min(1.0, share), 3)
        return self._share

    def times_s(self, line: str) -> list[float]:
        """Return how long the rounds took."""
        return list(self._times_s)

    def close(self) -> frozenset[str]:
        """Give the port back."""
        self._scanner.line.close()
        return frozenset()
