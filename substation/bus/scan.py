"""One round over all meters of a line, in their order; then, in spare line time, the rest.

What a round does:

1. Every meter that is not lost is asked for its fast registers; a damaged reply is asked for once more
   at once.
2. In the time that is left until the next round (`bus.spare`) a meter that failed just now is probed, and
   read if it answers: so one lost reply costs no reading, and a dead meter is known within one round.
   Slow registers have their turn, refused ones are searched for.
3. Lost meters are probed, as many as fit: a dead meter never slows the others.

One thread drives a scanner. It may be looked at from another through `bus.view` only.
"""

import datetime as dt
from collections import deque
from collections.abc import Callable, Iterable

from substation.bus.asking import Asker, RefusedBlock
from substation.bus.errands import Turns
from substation.bus.health import LONGEST_TIMEOUT_S, reading_reason, span
from substation.bus.inquiries import Inquiries
from substation.bus.notice import Notice
from substation.bus.refusal import BUSY, SEARCHED
from substation.bus.seat import Seat
from substation.bus.spare import EXTRA_S, Budget, Spare, busy
from substation.bus.wire import Wire
from substation.clock import Clock
from substation.errors import LineDown, LinkError, Refused
from substation.meters.profile import Profile
from substation.readings import Reading, missing
from substation.settings.model import Meter

__all__ = ["Notice", "Scanner", "Seat", "Wire"]

GUESSED_PERIOD_S = 2.0
"""From one round to the next, before there were two."""
SMOOTH = 0.1
"""Share by which a round's period moves the known one."""
LONG_AWAY_S = 60.0
"""A meter that was lost for so long may be another one: what is read once is read anew."""

ANSWERED_FOR = (
    "perhaps the gateway answers for a silent meter: look at the meter's supply, its id and the wires "
    "behind the gateway"
)


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
        """Plan the requests; nothing is opened yet.

        Args:
            line: where the meters hang.
            meters: each with its model.
            clock: for everything.
            slow_interval_s: how often slow registers are read; 0 = in every round.
            zone: of the site, for the days from which ratios hold.
        """
        self.line = line
        self.slow_interval_s = slow_interval_s
        self.down: str | None = "port not opened yet"
        """Why the line is down, in words; None while it is up."""
        self.last_round_s = 0.0
        """How long asking every meter for its fast registers took, s."""
        self.took: Callable[[Reading], None] = lambda reading: None
        """Told each reading with values as soon as it is whole, in the middle of a round."""
        self._clock = clock
        self._asker = Asker(line, clock, zone)
        self._notices: deque[Notice] = deque()
        self._inquiries = Inquiries(self._asker, clock, self._notices.append)
        self._spare = Spare(self._asker, clock, self._poll, self._inquiries)
        self._down_since_s: float | None = None
        self._period_s = GUESSED_PERIOD_S
        self._started_s: float | None = None
        now_s = clock.monotonic()
        named = list(meters)
        self.seats = [
            Seat(
                meter,
                profile,
                line.pace,
                Turns(now_s, slow_interval_s, place / len(named)),
                self._rounds_per_turn,
            )
            for place, (meter, profile) in enumerate(named)
        ]
        for seat in self.seats:
            seat.plan(now_s)
            line.gaps_s[seat.meter.modbus_id] = seat.gap_s

    @property
    def limit_s(self) -> float:
        """The least time one round can take on this wire with the meters that take part, s.

        Counts the shortest turnaround that each meter ever had, so that it never flatters us.
        """
        return sum(seat.slot_s(least=True) for seat in self.seats if not seat.health.lost)

    @property
    def waited_s(self) -> float:
        """Seconds of the line's `busy_s` that went into waiting for meters that stayed silent."""
        return self._asker.waited_s

    @property
    def _rounds_per_turn(self) -> float | None:
        return max(1.0, self.slow_interval_s / self._period_s) if self.slow_interval_s else None

    def notices(self) -> list[Notice]:
        """Return what has changed since the last call."""
        return [self._notices.popleft() for _ in range(len(self._notices))]

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
            self.last_round_s, self._started_s = 0.0, None
            return [self._unreachable(seat) for seat in self.seats]
        self._learn_period(started_s)
        found: dict[int, Reading] = {}
        try:
            for seat in self.seats:
                if not seat.health.lost and not stopping():
                    found[seat.meter.id] = self._poll(seat)
            self.last_round_s = self._clock.monotonic() - started_s
            self._spare.use(self.seats, found, self._budget(started_s, idle_until_s, stopping))
        except LineDown as exc:
            self.last_round_s = self._clock.monotonic() - started_s
            self._line_lost(exc)
            for seat in self.seats:
                if seat.meter.id not in found:
                    found[seat.meter.id] = self._unreachable(seat)
        self._close_round(found)
        return [found[seat.meter.id] for seat in self.seats if seat.meter.id in found]

    def ask_now(self, meter_id: int) -> Reading | None:
        """Probe one meter and read it, whether it is lost or not; None for one that is not on this line."""
        seat = next((seat for seat in self.seats if seat.meter.id == meter_id), None)
        if seat is None:
            return None
        if not self.reopen():
            return self._unreachable(seat)
        try:
            return self._poll(seat, LONGEST_TIMEOUT_S if seat.health.lost else seat.health.timeout_s)
        except LineDown as exc:
            self._line_lost(exc)
            return self._unreachable(seat)
        finally:
            seat.awaiting = False  # this reading is handed on as it is

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

    def resume(self, before: "Scanner") -> None:
        """Take over whether the line was up from the scanner before, who gave the port back just now."""
        self.down, self._down_since_s = before.down, before._down_since_s

    def _budget(self, started_s: float, idle_until_s: float | None, stopping: Callable[[], bool]) -> Budget:
        """Return what may be spent on the rest of this round."""
        until_s = idle_until_s
        if until_s is None:
            until_s = started_s + sum(seat.slot_s() for seat in self.seats) + EXTRA_S
        return Budget(
            self._clock,
            until_s,
            idle=idle_until_s is not None,
            round_s=self.last_round_s,
            stopping=stopping,
        )

    def _learn_period(self, started_s: float) -> None:
        if self._started_s is not None:
            self._period_s += SMOOTH * (max(0.05, started_s - self._started_s) - self._period_s)
        self._started_s = started_s

    def _close_round(self, found: dict[int, Reading]) -> None:
        """Hand on what was held back; say who was busy to the end; plan anew where that is cheaper."""
        now_s = self._clock.monotonic()
        for seat in self.seats:
            reading = found.get(seat.meter.id)
            if reading and seat.awaiting and reading.answered:
                self.took(reading)
            if reading and busy(reading) and not seat.health.lost:
                self._inquiries.refuses(seat)
            seat.awaiting = False
            seat.reconsider(self._rounds_per_turn, now_s)

    def _poll(self, seat: Seat, probe_s: float | None = None) -> Reading:
        """Return the meter's reading, or the record of why there is none. Raises LineDown only.

        With `probe_s` the meter is probed first, and waited for so long.
        """
        health, meter_id = seat.health, seat.meter.id
        try:
            if probe_s is not None:
                self._asker.probe(seat, probe_s)
            reading = self._asker.reading(seat)
        except LineDown:
            raise
        except RefusedBlock as exc:
            if self._asker.may_speak_for_another(exc):
                return self._failed(seat, exc)
            health.refused(exc)
            if exc.code in SEARCHED:
                seat.accused = (exc.block, exc.code)
            elif exc.code not in BUSY:
                self._inquiries.refuses(seat)
            return missing(meter_id, self._clock.now_ms(), *reading_reason(exc))
        except LinkError as exc:
            return self._failed(seat, exc)
        self._welcome(seat, reading)
        return reading

    def _failed(self, seat: Seat, error: LinkError) -> Reading:
        """Return the record of a failed poll; say it when the meter is lost by it."""
        health, now_s = seat.health, self._clock.monotonic()
        if self._asker.may_speak_for_another(error):
            error = Refused(f"{error}; {ANSWERED_FOR}", error.code)
            lost = health.perhaps_silent(error, now_s)
            if not health.lost and error.code not in BUSY:
                self._inquiries.refuses(seat)
        else:
            lost = health.failed(error, now_s)
        if lost:
            words = f"{seat.named} lost: {health.failures} polls without a valid answer ({error})"
            self._notices.append(Notice("lost", words, seat.meter.id))
        return missing(seat.meter.id, self._clock.now_ms(), *reading_reason(error))

    def _welcome(self, seat: Seat, reading: Reading) -> None:
        """Take a good reading: say what has changed by it; hand it on unless slow values are to join it."""
        now_s = self._clock.monotonic()
        if seat.said_refusing:
            self._notices.append(Notice("answers", f"{seat.named} answers again", seat.meter.id))
        away_s = seat.health.good(now_s, reading.at_ms)
        if away_s is not None:
            words = f"{seat.named} back after {span(away_s)}"
            self._notices.append(Notice("back", words, seat.meter.id))
            if away_s >= LONG_AWAY_S:
                seat.ask_once_more(now_s)
        if seat.doubt and not seat.said_doubt:
            self._notices.append(Notice("doubt", f"{seat.named}: {seat.doubt}", seat.meter.id))
        elif seat.said_doubt and not seat.doubt:
            words = f"{seat.named}: the word order is in doubt no more"
            self._notices.append(Notice("sure", words, seat.meter.id))
        seat.said_refusing, seat.said_doubt = False, seat.doubt
        seat.cleared(*seat.blocks)
        seat.awaiting = any(errand.due_s <= now_s for errand in seat.errands)
        if not seat.awaiting:
            self.took(reading)

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
