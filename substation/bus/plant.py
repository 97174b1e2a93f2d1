"""All lines of the station with their meters: what the poller drives, and how the heartbeat sees it.

One line is polled in the caller's own thread (`bus.alone`). Several have a worker each (`bus.crew`), so
that none can hold another up, not even one that hangs where no time-out reaches.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from substation.alarms.supply import Verdict
from substation.bus.alone import Alone
from substation.bus.crew import Crew
from substation.bus.health import Health
from substation.bus.line import Line
from substation.bus.scan import Notice, Scanner, Seat, Wire
from substation.bus.seating import Faulty, seat, signature
from substation.bus.summary import summary_of
from substation.bus.view import View, beat_of, faulty_meter, line_beat
from substation.bus.worker import Job
from substation.clock import Clock
from substation.readings import Reading
from substation.settings.model import Line as LineSettings
from substation.settings.model import Settings


class Plant:
    """Every line of one configuration."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        *,
        before: "Plant | None" = None,
        make_line: Callable[[LineSettings, Clock], Wire] = Line,
        profiles: Path | None = None,
    ) -> None:
        """Plan the lines; nothing is opened yet, and no thread begins before the first round.

        Args:
            settings: lines, meters, how often.
            clock: for everything but the waiting of threads.
            before: the plant until now. Its ports are given back; what was learned of a meter that is
                still the same is kept, and so is what may still be owed on a port, whatever the line's name.
            make_line: makes a line; a test's stand-in.
            profiles: the station's own folder of meter profiles. A meter whose profile cannot be used
                is not polled, and says so (`advice`, heartbeat, its readings).
        """
        self._profiles, self._signature = profiles, signature(profiles)
        hung = before.close() if before else frozenset()
        wires = {
            scanner.line.settings: scanner.line
            for scanner in (before.scanners if before else ())
            if scanner.line.settings.name not in hung
        }
        self.faulty: list[Faulty] = []
        self.scanners: list[Scanner] = []
        for line in settings.lines:
            fit, faulty = seat([meter for meter in settings.meters if meter.line == line.name], profiles)
            self.faulty += faulty
            wire = wires.get(line) or self._made(line, clock, make_line, before)
            slow_s, zone = settings.poll.slow_interval_s, settings.site.zone
            self.scanners.append(Scanner(wire, fit, clock, slow_interval_s=slow_s, zone=zone))
        if before:
            self._take_over(before, hung)
        self._drive: Alone | Crew = (
            Crew(self.scanners, self.faulty, settings.poll.interval_s, clock)
            if len(self.scanners) > 1
            else Alone(self.scanners[0], self.faulty, clock)
        )
        self._paused: Mapping[str, str] = {}
        self._notices: list[tuple[str, Notice]] = []
        self._statuses: dict[int, str] = {}

    @staticmethod
    def _made(
        line: LineSettings,
        clock: Clock,
        make_line: Callable[[LineSettings, Clock], Wire],
        before: "Plant | None",
    ) -> Wire:
        """Return a new line, told what the one before on its port may still be owed."""
        wire = make_line(line, clock)
        for scanner in before.scanners if before else ():
            old = scanner.line
            same = (old.settings.kind, old.settings.port) == (line.kind, line.port)
            if same and isinstance(wire, Line) and isinstance(old, Line):
                wire.take_over(old)
        return wire

    def _take_over(self, before: "Plant", hung: frozenset[str]) -> None:
        lines = {id(scanner.line): scanner for scanner in before.scanners}
        for scanner in self.scanners:
            if (same := lines.get(id(scanner.line))) is not None:
                scanner.resume(same)
        known = {seat.meter.id: seat for seat in before.seats if seat.meter.line not in hung}
        for place in self.seats:
            old = known.get(place.meter.id)
            if old and _connection(old) == _connection(place):
                place.health = old.health
                if old.profile == place.profile:
                    place.inherit(old)

    @property
    def several(self) -> bool:
        """Whether there are several lines, each with a thread and a schedule of its own."""
        return self._drive.several

    @property
    def profiles_changed(self) -> bool:
        """Whether the station's own profiles are others by now than those in use."""
        return signature(self._profiles) != self._signature

    @property
    def seats(self) -> list[Seat]:
        """Every polled meter's place, line by line. Not while workers run: they change it."""
        return [seat for scanner in self.scanners for seat in scanner.seats]

    @property
    def health(self) -> dict[int, Health]:
        """How each polled meter is doing, by its number. Not while workers run."""
        return {seat.meter.id: seat.health for seat in self.seats}

    def comm_status(self, meter_id: int) -> str:
        """Return the communication status that the meter had when its last reading was handed over."""
        return self._statuses.get(meter_id, "Communication failed")

    @property
    def failed(self) -> frozenset[int]:
        """Meters whose communication has failed; with several lines as of the end of each one's round."""
        failed = self._drive.failed
        if not self.several:
            return failed
        return frozenset(key for key in failed if self._statuses.get(key) != "OK")

    @property
    def down_lines(self) -> frozenset[str]:
        """Names of the lines that are down."""
        return self._drive.down

    @property
    def down(self) -> bool:
        """Whether a line is down."""
        return bool(self.down_lines)

    @property
    def alive(self) -> bool:
        """Whether any line moves: the watchdog is fed as long as one does (`bus.crew`)."""
        return self._drive.alive

    @property
    def still(self) -> tuple[str, ...]:
        """Names of the lines whose thread stands still, several lines given."""
        return self._drive.still

    @property
    def has_news(self) -> bool:
        """Whether a reading waits that was made outside a round of the one line."""
        return self._drive.news

    @property
    def round_s(self) -> float:
        """How long the last round of the slowest line took, s, without what was done in idle line time."""
        return max(seen.round_s for seen in self._drive.views)

    @property
    def limit_s(self) -> float:
        """The least a round of the slowest line can take on its wire, s."""
        return max(seen.limit_s for seen in self._drive.views)

    def rounds(self, number: int) -> int:
        """Return how many rounds every line has made; `number` is how often `round` was called."""
        return self._drive.rounds(number)

    def round(self, idle_until_s: float | None, stopping: Callable[[], bool]) -> tuple[Reading, ...]:
        """Return what the meters said, at most one reading each.

        One line: every meter is asked once. Several: as soon as a line hands something over, five times
        a second at most; empty after a second in which none did.

        Args:
            idle_until_s: monotonic time until which the one line is free; None = polled without pause.
            stopping: asked between requests, or every 0.2 s; True ends the round early.
        """
        found: dict[int, Reading] = {}
        for queue in self._drive.round(idle_until_s, stopping):
            while queue and not any(reading.meter_id in found for reading, _ in queue[0].readings):
                delivery = queue.popleft()
                self._notices += [(delivery.line, notice) for notice in delivery.notices]
                for reading, status in delivery.readings:
                    found[reading.meter_id] = reading
                    self._statuses[reading.meter_id] = status
        return tuple(found.values())

    def reopen(self) -> bool:
        """Try the one line if it is down; return whether it came back. Workers do it by themselves."""
        return self._drive.reopen()

    def give(self, line: str, words: str, job: Job, stopping: Callable[[], bool]) -> None:
        """Have a job done on a line while its polling pauses; `words` say so until `resumed`.

        One line: done when this returns. Several: begun. What the job reads is part of a later round.
        """
        self._paused = {**self._paused, line: words}
        self._drive.give(line, job, stopping)

    def resumed(self, line: str) -> None:
        """Take that a line is polled again."""
        self._paused = {name: words for name, words in self._paused.items() if name != line}

    def notices(self) -> list[tuple[str, Notice]]:
        """Return what has changed since the last call, each with the name of its line."""
        said, self._notices = self._notices, []
        return said

    def advice(self) -> list[str]:
        """Return what somebody should look at, in words for the state line."""
        return list(dict.fromkeys([*(one.words for one in self.faulty), *self._drive.advice]))

    def beat(self, verdicts: Mapping[int, Verdict], *, within_round: bool = False) -> dict[str, Any]:
        """Return what the heartbeat says of the lines and their meters."""
        views = self._drive.views
        meters = {key: said for seen in views for key, said in seen.meters.items()}
        meters |= {one.meter.id: faulty_meter(one) for one in self.faulty}
        return {
            "round_s": round(max(seen.round_s for seen in views), 4),
            "limit_s": round(max(seen.limit_s for seen in views), 4),
            "lines": self._lines(views, within_round=within_round),
            "meters": [beat_of(key, said, verdicts.get(key)) for key, said in meters.items()],
        }

    def lines(self, *, within_round: bool = False) -> list[dict[str, Any]]:
        """Return the lines as they stand in the heartbeat; `within_round` as `Alone.share` wants it."""
        return self._lines(self._drive.views, within_round=within_round)

    def _lines(self, views: Sequence[View], *, within_round: bool) -> list[dict[str, Any]]:
        shown = []
        for scanner, seen in zip(self.scanners, views, strict=True):
            line = scanner.line.settings
            share = self._drive.share(line.name, within_round=within_round)
            shown.append(line_beat(line, seen, share, self._paused.get(line.name, "")))
        return shown

    def close(self) -> frozenset[str]:
        """End what polls and give every port back; return the lines that hang and could not be."""
        return self._drive.close()

    @property
    def reached(self) -> bool:
        """Whether any line has made a round on its wire, be it to silent meters."""
        return any(self._drive.times_s(scanner.line.settings.name) for scanner in self.scanners)

    def summary(self) -> str:
        """Return what `--rounds` prints: of each line its speed against the wire, then its meters."""
        parts = [
            summary_of(scanner, self._drive.times_s(scanner.line.settings.name), named=self.several)
            for scanner in self.scanners
        ]
        return "\n".join([*parts, *(one.words for one in self.faulty)])


def _connection(place: Seat) -> tuple[str, int, str]:
    return place.meter.line, place.meter.modbus_id, place.meter.profile
