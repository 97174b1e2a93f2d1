"""One line in a thread of its own, so that whatever befalls it befalls no other line.

Where a station has several lines, each has a worker. A worker alone touches its line and the health of
its meters; nothing is shared with the main thread but what is handed over:

- `Delivery`: readings in a queue, as they come, with the changes on the line since the one before;
- `Worker.view`: how line and meters stand, an unchanging picture (`bus.view`);
- `Worker.problems` and `Worker.signs`: one tuple and one number, put in place by one assignment;
- the other way a job (commissioning) and the wish to end, both looked at between two requests.

An exception that nobody foresaw is caught at the top of `run`, named as a problem, and the line goes on.
"""

import collections
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from substation.bus.problems import Problems
from substation.bus.scan import Notice, Scanner
from substation.bus.schedule import Schedule
from substation.bus.seating import Faulty
from substation.bus.view import View, failed_of, view_of
from substation.clock import Clock
from substation.readings import Reading

LINE_RETRY_S = 0.5
"""How often a line that is down is tried again."""
LOOK_S = 0.2
"""How soon a job or the end is noticed, and how often a picture is made at most."""
MOST_WAITING = 100
"""So many deliveries that nobody takes, and the line is not asked for more until somebody does."""

Job = Callable[[Scanner, Callable[[], bool]], Sequence[Reading]]
"""Something else to be done on the line between two rounds; asks, between two requests, whether to end."""

log = logging.getLogger("poller")


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a line hands over."""

    line: str
    readings: tuple[tuple[Reading, str], ...]
    """With the communication status of their meters."""
    notices: tuple[Notice, ...] = ()


def statuses(scanner: Scanner, readings: Sequence[Reading]) -> tuple[tuple[Reading, str], ...]:
    """Return the readings with the communication status that their meters have now."""
    health = {seat.meter.id: seat.health.comm_status for seat in scanner.seats}
    return tuple((reading, health.get(reading.meter_id, "Communication failed")) for reading in readings)


class Worker:
    """Polls one line on its own schedule until it is told to end."""

    def __init__(
        self,
        scanner: Scanner,
        faulty: Sequence[Faulty],
        interval_s: float,
        clock: Clock,
        arrived: Callable[[], None],
    ) -> None:
        """Plan; `start` begins. `arrived` is called, in the worker's thread, when there is a delivery."""
        self.name = scanner.line.settings.name
        self.scanner = scanner
        self.view: View = view_of(scanner)
        self.busy = 0.0
        """Share of its time that the line was busy in the last round with the pause before it, 0 to 1."""
        self.problems: tuple[str, ...] = ()
        self.signs = 0
        """Counts signs of life: one between two requests, one every 0.2 s at rest."""
        self.rounds = 0
        self.round_times_s: collections.deque[float] = collections.deque(maxlen=100_000)
        self.delivered: collections.deque[Delivery] = collections.deque()
        self._faulty = faulty
        self._clock = clock
        self._arrived = arrived
        self._schedule = Schedule(interval_s, clock)
        self._survived = Problems(log)
        self._handed: list[Reading] = []
        self._seen_s = clock.monotonic()
        self._round_end = (self._seen_s, scanner.line.busy_s)
        self._ending = threading.Event()
        self._wake = threading.Event()
        self._job: Job | None = None
        self._thread = threading.Thread(target=self.run, name=f"line {self.name}", daemon=True)
        scanner.took = self._take

    def start(self) -> None:
        """Begin to poll."""
        self._thread.start()

    def end(self) -> None:
        """Tell it to end; the request under way is waited for, and the port given back."""
        self._ending.set()
        self._wake.set()

    def join(self, seconds: float) -> bool:
        """Wait for the end; return whether it came. One that hangs gives its port back when it wakes."""
        if self._thread.ident is None:  # never begun
            self.scanner.line.close()
        else:
            self._thread.join(max(0.0, seconds))
        return not self._thread.is_alive()

    def give(self, job: Job) -> None:
        """Have something else done on the line; polling pauses as soon as the request under way is over."""
        self._job = job
        self._wake.set()

    def run(self) -> None:
        """Poll until told to end: the thread."""
        while not self._ending.is_set():
            with self._survived.survived(self.name):
                self.turn()
            self.problems = tuple(self._survived.words)
            with self._survived.survived(f"{self.name} at rest"):
                self.rest()
            self.problems = tuple(self._survived.words)
            if self.problems:
                self._wake.wait(LINE_RETRY_S)
        with self._survived.survived(self.name):
            self.scanner.line.close()

    def turn(self) -> None:
        """Poll every meter once and hand over what came."""
        if len(self.delivered) >= MOST_WAITING:
            return
        self._schedule.begin()
        self._handed = []
        readings = self.scanner.round(self._schedule.idle_until_s, self._between)
        self._show(settled=True)
        late = self._not_handed(readings)
        if not self._interrupted:
            self.rounds += 1
            if not self.scanner.down:
                self.round_times_s.append(self.scanner.last_round_s)
            self._measure()
            late += [one.reading(self._clock.now_ms()) for one in self._faulty]
        self._hand_over(late)

    def rest(self) -> None:
        """Wait for the next tick, or until the line is back; do the job that came meanwhile."""
        tried_s = self._clock.monotonic()
        while not self._ending.is_set():
            self.signs += 1
            self._wake.clear()
            if self._job is not None:
                self._do_job(self._job)
                continue
            now_s = self._clock.monotonic()
            left_s = self._schedule.due_s - now_s
            if self._schedule.idle_until_s is None:
                left_s = LINE_RETRY_S - (now_s - tried_s) if self.scanner.down else 0.0
            if len(self.delivered) >= MOST_WAITING:
                left_s = max(left_s, LOOK_S)
            if left_s <= 0:
                return
            if self.scanner.down and now_s - tried_s >= LINE_RETRY_S:
                tried_s = now_s
                is_back = self.scanner.reopen()
                self._show(settled=True)
                self._hand_over([])
                if is_back:
                    return
            self._wake.wait(min(left_s, LOOK_S))

    def _do_job(self, job: Job) -> None:
        try:
            found = job(self.scanner, self._sign_of_life)
        finally:
            if self._job is job:  # else the next one has come while this one ended
                self._job = None
        self._show(settled=True)
        self._hand_over(self._not_handed(found))

    def _not_handed(self, readings: Sequence[Reading]) -> list[Reading]:
        early = set(map(id, self._handed))
        return [reading for reading in readings if id(reading) not in early]

    @property
    def _interrupted(self) -> bool:
        return self._ending.is_set() or self._job is not None

    def _sign_of_life(self) -> bool:
        self.signs += 1
        return self._ending.is_set()

    def _between(self) -> bool:
        """Between two requests: show how things stand; say whether to end the round early."""
        self.signs += 1
        if self._clock.monotonic() - self._seen_s > LOOK_S:
            self._show(settled=False)
        return self._interrupted

    def _take(self, reading: Reading) -> None:
        """Hand over a reading with values at once: it waits for no other meter."""
        self._handed.append(reading)
        self._hand_over([reading])

    def _hand_over(self, readings: Sequence[Reading]) -> None:
        notices = tuple(self.scanner.notices())
        if readings or notices:
            self.delivered.append(Delivery(self.name, statuses(self.scanner, readings), notices))
            self._arrived()

    def _show(self, *, settled: bool) -> None:
        self._seen_s = self._clock.monotonic()
        self.view = view_of(self.scanner, failed_of(self.scanner) if settled else self.view.failed)

    def _measure(self) -> None:
        now_s, busy_s = self._clock.monotonic(), self.scanner.line.busy_s
        then_s, was_s = self._round_end
        if now_s > then_s:
            self.busy = round(min(1.0, (busy_s - was_s) / (now_s - then_s)), 3)
        self._round_end = (now_s, busy_s)
