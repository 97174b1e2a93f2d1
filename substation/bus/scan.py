"""One round over all meters of a line, in their order; then, in idle line time, the doubtful ones.

What a round does:

1. Every meter that is not lost is asked for its block; a damaged reply is asked for once more at once.
2. In the time that is left until the next round, a meter that failed just now is probed, and read if
   it answers: so one lost reply costs no reading, and a dead meter is known within one round.
3. Lost meters are probed, as many as fit. Where none ever fits, each after 2, 4, 8 ... 60 s, at most
   one a round: a dead meter never slows the others.
"""

import datetime as dt
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from substation.bus.health import Health, reading_reason, span
from substation.bus.line import BABBLE_S, PROBE_COUNTS, Answer
from substation.clock import Clock
from substation.errors import LineDown, LinkError, NoAnswer, Refused
from substation.meters.blocks import Block, pieces, plan, values
from substation.meters.pace import Pace
from substation.meters.profile import Profile
from substation.readings import Reading, missing
from substation.settings.model import Line, Meter

GUESSED_TURNAROUND_S = 0.03
"""Of a meter that was never heard, for the limit only."""


class Wire(Protocol):
    """What a round needs of a line: `bus.line.Line`, or a test's stand-in."""

    settings: Line
    pace: Pace
    echoes: bool
    gaps_s: dict[int, float]
    """Silence beyond t3.5 that a meter wants before a request, s, by Modbus id."""

    @property
    def busy_s(self) -> float:
        """Seconds spent on transactions since the start."""
        ...

    @property
    def is_open(self) -> bool:
        """Whether the port is ours."""
        ...

    def open(self) -> None:
        """Open the port, or raise LineDown."""
        ...

    def close(self) -> None:
        """Give it back."""
        ...

    def advice(self) -> list[str]:
        """Return what somebody should look at, in words; empty when nothing is odd."""
        ...

    def owed(self, meter_id: int) -> frozenset[int]:
        """Return the lengths, in registers, of replies of this meter that may still come."""
        ...

    def read(self, meter_id: int, block: Block, timeout_s: float) -> Answer:
        """Return the block, or raise LinkError."""
        ...

    def probe(self, meter_id: int, block: Block, timeout_s: float) -> Answer:
        """Return the beginning of the block, or raise LinkError."""
        ...


@dataclass(frozen=True, slots=True)
class Notice:
    """A change worth a line in the log: said once, not each round."""

    kind: str
    """`lost`, `back`, `refused`, `answers`, `line_down`, `line_up`."""
    words: str
    meter_id: int | None = None

    @property
    def bad(self) -> bool:
        """Whether somebody should look."""
        return self.kind in {"lost", "refused", "line_down"}


@dataclass(slots=True)
class Seat:
    """One meter's place in the round."""

    meter: Meter
    profile: Profile
    blocks: tuple[Block, ...]
    health: Health = field(default_factory=Health)
    disabled: dict[str, str] = field(default_factory=dict)
    """Values that this meter refuses, and why, in words."""
    extras: dict[str, tuple[float | None, int]] = field(default_factory=dict)
    """Values beyond the 38 quantities: value and UTC ms."""
    identity: dict[str, float | None] = field(default_factory=dict)
    """What is read once: serial number, ratios."""
    doubt: str = ""
    """Words of a doubt about the meter's word order; its values are flagged while it lasts."""

    @property
    def named(self) -> str:
        """The meter as the log says it."""
        return f"meter {self.meter.id} {self.meter.name}"


class Scanner:
    """The meters of one line."""

    def __init__(
        self,
        line: Wire,
        meters: Iterable[tuple[Meter, Profile]],
        clock: Clock,
        *,
        slow_interval_s: float = 0.0,
        zone: dt.tzinfo = dt.UTC,
    ) -> None:
        self.line = line
        self.slow_interval_s = slow_interval_s
        self.zone = zone
        self.waited_s = 0.0
        """Seconds of the line's `busy_s` that went into waiting for meters that stayed silent."""
        self.seats = [
            Seat(meter, profile, plan(profile, pace=line.pace, turnaround_s=GUESSED_TURNAROUND_S))
            for meter, profile in meters
        ]
        self.down: str | None = "port not opened yet"
        """Why the line is down, in words; None while it is up."""
        self.last_round_s = 0.0
        self.took: Callable[[Reading], None] = lambda reading: None
        """Told each reading with values as soon as it is there, in the middle of a round."""
        self._down_since_s: float | None = None
        self._clock = clock
        self._notices: list[Notice] = []
        self._turn = 0

    @property
    def limit_s(self) -> float:
        """The least time one round can take on this wire with the meters that take part, s.

        Counts the shortest turnaround that each meter ever had, so that it never flatters us.
        """
        total_s = 0.0
        for seat in self.seats:
            least_s = seat.health.least_turnaround_s
            turnaround_s = GUESSED_TURNAROUND_S if least_s is None else least_s
            if not seat.health.lost:
                total_s += sum(self.line.pace.transaction_s(b.count, turnaround_s) for b in seat.blocks)
        return total_s

    def notices(self) -> list[Notice]:
        """Return what has changed since the last call."""
        said, self._notices = self._notices, []
        return said

    def round(
        self, idle_until_s: float | None = None, stopping: Callable[[], bool] = lambda: False
    ) -> list[Reading]:
        """Ask every meter once; return one reading a meter that was asked, in the meters' order.

        Args:
            idle_until_s: monotonic time until which the line is free; None = polled without pause.
            stopping: asked between requests; True ends the round early.
        """
        started_s = self._clock.monotonic()
        if not self.reopen():
            self.last_round_s = 0.0
            return [self._unreachable(seat) for seat in self.seats]
        found: dict[int, Reading] = {}
        doubtful: list[Seat] = []
        try:
            for seat in self.seats:
                if seat.health.lost or stopping():
                    continue
                found[seat.meter.id] = self._poll(seat)
                if seat.health.failures and not seat.health.lost:
                    doubtful.append(seat)
            self.last_round_s = self._clock.monotonic() - started_s
            self._use_idle_time(found, doubtful, idle_until_s, stopping)
        except LineDown as exc:
            self.last_round_s = self._clock.monotonic() - started_s
            self._line_lost(exc)
            for seat in self.seats:
                if seat.meter.id not in found:
                    found[seat.meter.id] = self._unreachable(seat)
        return [found[seat.meter.id] for seat in self.seats if seat.meter.id in found]

    def ask_now(self, meter_id: int) -> Reading | None:
        """Probe one meter and read it, whether it is lost or not; None for one that is not on this line."""
        seat = next((seat for seat in self.seats if seat.meter.id == meter_id), None)
        if seat is None:
            return None
        if not self.reopen():
            return self._unreachable(seat)
        try:
            return self._poll(seat, probe_first=True)
        except LineDown as exc:
            self._line_lost(exc)
            return self._unreachable(seat)

    def reopen(self) -> bool:
        """Open the port if it is not open; return whether it is."""
        if self.line.is_open:
            return True
        try:
            self.line.open()
        except LineDown as exc:
            self._line_lost(exc)
            return False
        if self._down_since_s is not None:
            away = span(self._clock.monotonic() - self._down_since_s)
            self._notices.append(Notice("line_up", f"{self.line.settings.name} up again after {away}"))
        self.down, self._down_since_s = None, None
        return True

    def _use_idle_time(
        self,
        found: dict[int, Reading],
        doubtful: list[Seat],
        idle_until_s: float | None,
        stopping: Callable[[], bool],
    ) -> None:
        lost = [seat for seat in self.seats if seat.health.lost and seat.meter.id not in found]
        self._turn += 1
        first = self._turn % len(lost) if lost else 0
        overdue_allowed = True
        for seat in (*doubtful, *lost[first:], *lost[:first]):
            now = self._clock.monotonic()
            cost_s = self.line.pace.transaction_s(2, seat.health.timeout_s)
            fits = idle_until_s is not None and now + cost_s <= idle_until_s
            overdue = overdue_allowed and seat.health.lost and now >= seat.health.probe_due_s
            if stopping() or not (fits or overdue):
                continue
            overdue_allowed = overdue_allowed and fits
            found[seat.meter.id] = self._poll(seat, probe_first=True)

    def _poll(self, seat: Seat, *, probe_first: bool = False) -> Reading:
        """Return the meter's reading, or the record of why there is none. Raises LineDown only."""
        health, meter_id = seat.health, seat.meter.id
        try:
            if probe_first:
                self._ask(self.line.probe, seat, seat.blocks[0])
            reading = self._read(seat)
        except LineDown:
            raise
        except Refused as exc:
            if not health.refusing:
                self._notices.append(Notice("refused", f"{seat.named} refuses: {exc}", meter_id))
            health.refused(exc)
            return missing(meter_id, self._clock.now_ms(), *reading_reason(exc))
        except LinkError as exc:
            if health.failed(exc, self._clock.monotonic()):
                words = f"{seat.named} lost: {health.failures} polls without a valid answer ({exc})"
                self._notices.append(Notice("lost", words, meter_id))
            return missing(meter_id, self._clock.now_ms(), *reading_reason(exc))
        if health.refusing:
            self._notices.append(Notice("answers", f"{seat.named} answers again", meter_id))
        away_s = health.good(self._clock.monotonic(), reading.at_ms)
        if away_s is not None:
            self._notices.append(Notice("back", f"{seat.named} back after {span(away_s)}", meter_id))
        self.took(reading)
        return reading

    def _read(self, seat: Seat) -> Reading:
        """Return the reading of all blocks.

        Raises LinkError; also when so long a pause of ours (stopped, suspended) lay between two of
        them that the first is too old to be stamped with the time of the last.
        """
        found: dict[str, float | None] = {}
        at_ms, due_s = 0, math.inf
        for planned in seat.blocks:
            for block in self._in_free_lengths(seat, planned):
                longest_s = 2 * self.line.pace.transaction_s(block.count, seat.health.timeout_s)
                due_s += longest_s + BABBLE_S
                answer = self._ask(self.line.read, seat, block)
                now_s = self._clock.monotonic()
                if now_s > due_s:
                    raise NoAnswer(f"meter {seat.meter.id}: we were held up within a reading; not used")
                found.update(values(seat.profile, block, answer.words))
                at_ms, due_s = answer.at_ms, now_s
        return Reading(seat.meter.id, at_ms, found)

    def _in_free_lengths(self, seat: Seat, planned: Block) -> tuple[Block, ...]:
        """Return the block, or pieces of it while a late reply could be taken for the whole.

        Probes are repeated in lengths that are owed; so a piece keeps out of their lengths as well.
        """
        owed = self.line.owed(seat.meter.id)
        if planned.count not in owed:
            return (planned,)
        return pieces(seat.profile, planned, owed.union(PROBE_COUNTS)) or (planned,)

    def _ask(self, call: Callable[[int, Block, float], Answer], seat: Seat, block: Block) -> Answer:
        """Return the answer; a damaged one is asked for again at once, a second time not."""
        for again in (True, False):
            asked_s = self._clock.monotonic()
            try:
                answer = call(seat.meter.id, block, seat.health.timeout_s)
            except LineDown:
                raise
            except LinkError as exc:
                seat.health.unanswered(exc.kind)
                if isinstance(exc, NoAnswer):
                    self.waited_s += self._clock.monotonic() - asked_s
                if exc.kind != "crc" or not again:
                    raise
            else:
                seat.health.heard(answer.turnaround_s, noise=answer.noise)
                return answer
        raise AssertionError("unreachable: the second attempt answers or raises")

    def _unreachable(self, seat: Seat) -> Reading:
        error = LineDown(self.down or "line down")
        seat.health.unreachable(error)
        return missing(seat.meter.id, self._clock.now_ms(), *reading_reason(error))

    def _line_lost(self, error: LineDown) -> None:
        self.line.close()
        if self._down_since_s is None:
            self._down_since_s = self._clock.monotonic()
            self._notices.append(Notice("line_down", str(error)))
        self.down = str(error)
