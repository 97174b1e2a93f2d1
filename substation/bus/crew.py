"""Several lines, each with a worker: the caller takes what they hand over, and watches that they move.

A worker that stands still is named. The service manager's watchdog is fed as long as one line moves
(`Crew.alive`): a restart would take the lines that work away for the sake of one that may hang in the
kernel again at once. Only where no line moves any more is a restart all that can help.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence

from substation.bus.frame import MOST_REGISTERS
from substation.bus.health import LONGEST_TIMEOUT_S
from substation.bus.scan import Scanner
from substation.bus.seating import Faulty
from substation.bus.view import View
from substation.bus.worker import Delivery, Job, Worker
from substation.clock import Clock

STILL_S = 30.0
"""A worker without a sign of life for so long stands still; no request takes a tenth of it."""
NAP_S = 0.2
"""How soon a signal is noticed while nothing is handed over, ..."""
GATHER_S = 0.2
"""... how long readings gather at most, so that many lines cost no more than one, ..."""
PATIENCE_S = 1.0
"""... and after how long without any the caller gets its turn for other things."""
END_S = 2.0
"""So long a worker may take to end, ..."""
SPARE_S = 0.7
"""... and so much longer than the longest request takes on its line: below 2400 baud that alone is 2 s."""


class Crew:
    """Drives several lines."""

    several = True
    news = False

    def __init__(
        self,
        scanners: Sequence[Scanner],
        faulty: Sequence[Faulty],
        interval_s: float,
        clock: Clock,
    ) -> None:
        """Make a worker a line; none begins before the first round."""
        self._clock = clock
        self._arrived = threading.Event()
        self.workers = [
            Worker(
                scanner,
                [one for one in faulty if one.meter.line == scanner.line.settings.name],
                interval_s,
                clock,
                self._arrived.set,
            )
            for scanner in scanners
        ]
        self._begun = False
        self._handed_on_s = clock.monotonic() - GATHER_S
        self._looked_s = clock.monotonic()
        self._still: dict[str, tuple[int, float]] = {}

    @property
    def views(self) -> list[View]:
        """Every line as its worker saw it last."""
        return [worker.view for worker in self.workers]

    @property
    def failed(self) -> frozenset[int]:
        """Meters whose communication had failed at the end of their line's last round."""
        return frozenset[int]().union(*(worker.view.failed for worker in self.workers))

    @property
    def down(self) -> frozenset[str]:
        """Names of the lines that are down."""
        return frozenset(worker.name for worker in self.workers if worker.view.down)

    @property
    def still(self) -> tuple[str, ...]:
        """Names of the lines whose worker stands still."""
        return tuple(name for name, (_, still_s) in self._still.items() if still_s > STILL_S)

    @property
    def alive(self) -> bool:
        """Whether any line moves."""
        return len(self.still) < len(self.workers)

    @property
    def advice(self) -> list[str]:
        """What somebody should look at."""
        found = [words for worker in self.workers for words in (*worker.view.advice, *worker.problems)]
        found += [
            f"{name} stands still for more than {STILL_S:.0f} s: its adapter or gateway hangs; take that off "
            "the power for a moment, and restart the poller when this stays"
            for name in self.still
        ]
        return found

    def rounds(self, number: int) -> int:
        """Return how many rounds every line has made; one that stands still is not waited for."""
        still = self.still
        return min((worker.rounds for worker in self.workers if worker.name not in still), default=number)

    def round(self, idle_until_s: float | None, stopping: Callable[[], bool]) -> list[deque[Delivery]]:
        """Wait until a line hands something over, 1 s at most; return what there is to hand on."""
        if not self._begun:
            self._begun = True
            for worker in self.workers:
                worker.start()
        until_s = self._clock.monotonic() + PATIENCE_S
        while not stopping():
            self._look()
            now_s = self._clock.monotonic()
            gather_s = 0.0 if self._crowded else self._handed_on_s + GATHER_S - now_s
            self._arrived.clear()
            if now_s >= until_s or (gather_s <= 0 and any(worker.delivered for worker in self.workers)):
                break
            self._arrived.wait(min(NAP_S, until_s - now_s) if gather_s <= 0 else gather_s)
        self._handed_on_s = self._clock.monotonic()
        return [worker.delivered for worker in self.workers]

    @property
    def _crowded(self) -> bool:
        """Whether a line has handed over more than a round: then nothing gathers, lest it become old."""
        return any(len(worker.delivered) > len(worker.scanner.seats) for worker in self.workers)

    def _look(self) -> None:
        """Look for signs of life. Time counts in our own looks: a suspended machine is no hang."""
        now_s = self._clock.monotonic()
        passed_s = min(now_s - self._looked_s, 2 * PATIENCE_S)
        self._looked_s = now_s
        for worker in self.workers:
            signs, still_s = self._still.get(worker.name, (-1, 0.0))
            self._still[worker.name] = (worker.signs, still_s + passed_s if signs == worker.signs else 0.0)

    def reopen(self) -> bool:
        """Return False: each worker tries its own line."""
        return False

    def give(self, line: str, job: Job, stopping: Callable[[], bool]) -> None:
        """Have a job done by a line's worker; it begins as soon as the request under way is over."""
        for worker in self.workers:
            if worker.name == line:
                worker.give(job)

    def share(self, line: str, *, within_round: bool) -> float:
        """Return the share of time that the line was busy in its last round with the pause before it."""
        return next(worker.busy for worker in self.workers if worker.name == line)

    def times_s(self, line: str) -> list[float]:
        """Return how long the rounds of a line took."""
        return next(list(worker.round_times_s) for worker in self.workers if worker.name == line)

    def close(self) -> frozenset[str]:
        """End the workers, who give their ports back; return the lines that hang."""
        for worker in self.workers:
            worker.end()
        ending_s = self._clock.monotonic()
        return frozenset(
            worker.name
            for worker in self.workers
            if not worker.join(ending_s + _end_s(worker) - self._clock.monotonic())
        )


def _end_s(worker: Worker) -> float:
    """Return how long a worker may take to end: a request that is under way is not broken off."""
    line = worker.scanner.line
    return max(END_S, line.pace.transaction_s(MOST_REGISTERS, LONGEST_TIMEOUT_S) + line.held_s + SPARE_S)
