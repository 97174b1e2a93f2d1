"""What is done with the line after every meter was asked: in this order, as far as the time goes.

1. A meter that failed just now is probed, and read if it answers; one that was busy is asked again.
2. A meter that refused a block is asked for parts of it, until the bad register is known.
3. Slow and once-read registers whose turn has come, and lost meters: by turns first.

A line that is polled without pause, or whose rounds are longer than the interval, has no idle time.
There, all this together adds 0.3 s at most to what a round takes with all meters present, and to a round
of many meters a share of it, so that their counters come in time; lost meters are probed in their own
free slots: so the live ones are never slower than when all are there.
"""

from collections.abc import Callable, Sequence

from substation.bus.asking import Asker, RefusedBlock
from substation.bus.errands import Errand
from substation.bus.health import LONGEST_TIMEOUT_S
from substation.bus.inquiries import Inquiries
from substation.bus.refusal import BUSY, SEARCHED
from substation.bus.seat import Seat
from substation.clock import Clock
from substation.errors import LineDown, LinkError
from substation.meters.blocks import Block
from substation.quantities import BY_KEY
from substation.readings import Reading

EXTRA_S = 0.3
"""So much longer may a round without pause take for what is no reading."""
EXTRA_SHARE = 0.08
"""By this share may it become longer, where that is more."""
EXTRA_MARGIN = 1.25
"""By so many times its part of the slow quantities, where that is more: they come in time on a full line."""
OVERDUE_S = 10.0
"""A slow value that has waited so long for idle time does not wait any more."""
LAG_S = 2.0
"""A slow value that comes so much later than a whole round after the fast ones is not of their time."""
CREDIT_S = 2.0
"""So much line time can lost meters save up for their probes."""

Poll = Callable[[Seat, float | None], Reading]
"""Asks a meter; with a time-out it is probed first, for so long."""


class Budget:
    """The line time that is left in one round."""

    def __init__(
        self, clock: Clock, until_s: float, *, idle: bool, round_s: float, stopping: Callable[[], bool]
    ) -> None:
        """Take monotonic `until_s`; `idle` = a pause follows; `round_s` = how long asking all took."""
        self.idle = idle
        self.round_s = round_s
        self.stopping = stopping
        self._clock = clock
        self._until_s = until_s
        self._begun_s = clock.monotonic() - round_s
        self._overran = False

    def widen(self, all_s: float, counters_s: float) -> None:
        """Allow a round of many meters more; one that ends within the interval keeps to it.

        `all_s` = what asking all takes when they are there; `counters_s` = a round's part of their slow
        quantities.
        """
        if self.idle and self.left_s >= 0:
            return
        extra_s = max(EXTRA_S, EXTRA_SHARE * all_s, EXTRA_MARGIN * counters_s)
        self._until_s = max(self._until_s, self._begun_s + all_s + extra_s)

    @property
    def left_s(self) -> float:
        """Seconds left; negative when the time is over."""
        return self._until_s - self._clock.monotonic()

    def allows(self, cost_s: float, *, overdue: bool = False) -> bool:
        """Whether so much may be spent. What is overdue may run over, one request a round."""
        if self.stopping():
            return False
        if cost_s <= self.left_s:
            return True
        if overdue and not self._overran:
            self._overran = True
            return True
        return False


class Spare:
    """Uses the rest of each round of one line."""

    def __init__(self, asker: Asker, clock: Clock, poll: Poll, inquiries: Inquiries) -> None:
        self._asker = asker
        self._clock = clock
        self._poll = poll
        self._inquiries = inquiries
        self._turn = 0
        self._credit_s = 0.0

    def use(self, seats: Sequence[Seat], found: dict[int, Reading], budget: Budget) -> None:
        """Spend the time; `found` are the round's readings, which it adds to. Raises LineDown."""
        self._turn += 1
        budget.widen(sum(seat.slot_s() for seat in seats), sum(map(_counters_s, seats)))
        self._come_again(seats, found, budget)
        self._inquire(seats, found, budget)
        if self._turn % 2:
            self._run_errands(seats, found, budget)
            self._probe_lost(seats, found, budget)
        else:
            self._probe_lost(seats, found, budget)
            self._run_errands(seats, found, budget)

    def _come_again(self, seats: Sequence[Seat], found: dict[int, Reading], budget: Budget) -> None:
        for seat in seats:
            health, reading = seat.health, found.get(seat.meter.id)
            if reading is None or health.lost:
                continue
            if health.failures:
                if budget.idle and budget.allows(self._asker.probe_s(seat, health.timeout_s)):
                    found[seat.meter.id] = self._poll(seat, health.timeout_s)
            elif busy(reading) and budget.allows(seat.slot_s()):
                found[seat.meter.id] = self._poll(seat, None)

    def _inquire(self, seats: Sequence[Seat], found: dict[int, Reading], budget: Budget) -> None:
        for seat in seats:
            if seat.health.lost or seat.meter.id not in found:
                continue
            planned_anew = self._inquiries.go_on(seat, budget.allows)
            if planned_anew and not found[seat.meter.id].answered and budget.allows(seat.slot_s()):
                found[seat.meter.id] = self._poll(seat, None)

    def _run_errands(self, seats: Sequence[Seat], found: dict[int, Reading], budget: Budget) -> None:
        now_s = self._clock.monotonic()
        due = [
            (not _kept(errand), errand.due_s, place, seat, errand)
            for place, seat in enumerate(seats)
            if seat.awaiting and seat.blocks and seat.inquiry is None and not seat.accused
            for errand in seat.errands
            if errand.due_s <= now_s
        ]
        last = {seat.meter.id: seat.blocks[-1].count for seat in seats if seat.blocks}
        for _, due_s, _, seat, errand in sorted(due, key=lambda one: one[:3]):
            now_s = self._clock.monotonic()
            until_s = seat.fast_s + budget.round_s + LAG_S
            reading = found[seat.meter.id]
            if not reading.answered or seat.accused or now_s > until_s:
                continue
            count, first = errand.block.count, seat.blocks[0].count
            between = spacer(seat, count) if count in (last[seat.meter.id], first) else ()
            cost_s = seat.slot_s((errand.block, *between))
            if not budget.allows(cost_s, overdue=now_s - due_s >= OVERDUE_S):
                continue
            joined = None
            try:
                if count == last[seat.meter.id]:
                    self._space(seat, between)
                last[seat.meter.id] = count
                joined = self._asker.beside(seat, errand.block, reading, until_s)
                if count == first:
                    self._space(seat, between)
                    last[seat.meter.id] = between[0].count if between else count
            except LineDown:
                raise
            except RefusedBlock as exc:
                if exc.code in SEARCHED:
                    seat.accused = (exc.block, exc.code)
            except LinkError:
                pass  # counted; the reading stands without it, and it is tried again
            if joined is None:
                seat.turns.failed(errand, self._clock.monotonic())
            else:
                found[seat.meter.id] = joined
                seat.cleared(errand.block)
                seat.turns.done(errand, self._clock.monotonic())

    def _space(self, seat: Seat, between: Sequence[Block]) -> None:
        """Ask for what nobody needs, so that no two requests of one length follow each other.

        A gateway that asked twice passes the reply left over on as the next answer: here it is told.
        """
        for block in between:
            try:
                self._asker.code(seat, block)
            except LineDown:
                raise
            except LinkError:
                pass  # counted; nothing was wanted of it

    def _probe_lost(self, seats: Sequence[Seat], found: dict[int, Reading], budget: Budget) -> None:
        away = [seat for seat in seats if seat.health.lost]
        lost = [seat for seat in away if seat.meter.id not in found]
        self._credit_s = min(CREDIT_S, self._credit_s + sum(seat.slot_s() for seat in away))
        first = self._turn % len(lost) if lost else 0
        lost = [*lost[first:], *lost[:first]]
        costs_s = [self._asker.probe_s(seat, seat.health.timeout_s) for seat in lost]
        patient = True
        for place, (seat, cost_s) in enumerate(zip(lost, costs_s, strict=True)):
            wait_s = seat.health.timeout_s
            if len(away) < len(seats) or budget.idle:
                due_s = self._clock.monotonic() - seat.health.probe_due_s
                due = due_s >= 0 and self._credit_s >= cost_s
                overdue = due and (budget.idle or due_s >= OVERDUE_S)
                if not (due or budget.idle) or not budget.allows(cost_s, overdue=overdue):
                    continue
                self._credit_s -= min(self._credit_s, cost_s)
                most_s = budget.left_s - sum(costs_s[place + 1 :]) - (cost_s - wait_s)
            elif budget.stopping():
                return
            else:  # nobody is there whom it could slow
                most_s = LONGEST_TIMEOUT_S
            if patient and seat.health.patient:
                wait_s, patient = max(wait_s, min(LONGEST_TIMEOUT_S, most_s)), False
            found[seat.meter.id] = self._poll(seat, wait_s)


def spacer(seat: Seat, count: int) -> tuple[Block, ...]:
    """Return the shortest of the meter's requests in another length; empty when it has none."""
    asked = (*seat.blocks, *seat.groups.slow)
    return tuple(sorted((block for block in asked if block.count != count), key=lambda one: one.count)[:1])


def _kept(errand: Errand) -> bool:
    """Whether its values go into the history: energies go before extras."""
    return any(key in BY_KEY for key in errand.block.keys)


def _counters_s(seat: Seat) -> float:
    """Return a round's part of the line time that a meter's slow quantities take, s."""
    slow = tuple(errand.block for errand in seat.errands if _kept(errand) and not errand.once)
    return seat.slot_s(slow) / max(1.0, seat.rounds or 1.0) if not seat.health.lost else 0.0


def busy(reading: Reading) -> bool:
    """Whether the meter asked to come again later."""
    return reading.reason in {f"exception_{code}" for code in BUSY}
