"""Asking one meter: every request of a round passes here, is counted, and teaches its meter's turnaround."""

import datetime as dt
import math
from collections.abc import Mapping
from typing import TypeGuard

from substation.bus.groups import fitted, other_lengths
from substation.bus.line import BABBLE_S, PROBE_COUNTS, Answer
from substation.bus.seat import Seat
from substation.bus.wire import Wire
from substation.clock import Clock
from substation.errors import LineDown, LinkError, NoAnswer, Refused
from substation.meters.blocks import Block
from substation.meters.ratio import factors
from substation.readings import Reading

PROBE_REGISTERS = 2
"""Of the shortest probe; what its time on the wire is reckoned by."""

GATEWAYS_OWN = frozenset((4, 6))
"""Exceptions that some gateways answer for a silent meter, where the specification has 10 and 11."""

NOT_ASKED = "an earlier reply of this length may still come; not asked"


class RefusedBlock(Refused):
    """A meter refused a block: says which."""

    def __init__(self, block: Block, error: Refused) -> None:
        super().__init__(str(error), error.code)
        self.block = block


class Asker:
    """The requests of one line."""

    def __init__(self, line: Wire, clock: Clock, zone: dt.tzinfo) -> None:
        self.line = line
        self.waited_s = 0.0
        """Seconds of the line's `busy_s` that went into waiting for meters that stayed silent."""
        self._clock = clock
        self._zone = zone

    def probe_s(self, seat: Seat, timeout_s: float) -> float:
        """Return how long a probe takes that is not answered, s."""
        silent_s = max(timeout_s, self.line.held_s)
        return self.line.pace.transaction_s(PROBE_REGISTERS, silent_s) + seat.gap_s

    def probe(self, seat: Seat, timeout_s: float) -> None:
        """Return when the meter is there, be it to refuse; raise LinkError when it is not."""
        block = seat.blocks[0]
        try:
            self._once(seat, block, timeout_s, probe=True)
        except Refused as exc:
            if seat.health.lost and self.may_speak_for_another(exc):
                raise
            return

    def may_speak_for_another(self, error: LinkError) -> TypeGuard[Refused]:
        """Whether a refusal may be a gateway's, for a meter that it cannot hear."""
        return self.line.settings.kind == "tcp" and isinstance(error, Refused) and error.code in GATEWAYS_OWN

    def ask(self, seat: Seat, block: Block) -> Answer:
        """Return the answer; a damaged one is asked for again at once, a second time not."""
        try:
            return self._once(seat, block, seat.health.timeout_s)
        except LinkError as exc:
            if exc.kind != "crc":
                raise
        return self._once(seat, block, seat.health.timeout_s)

    def reading(self, seat: Seat) -> Reading:
        """Return the reading of all blocks of the round.

        Raises LinkError; also when so long a pause of ours (stopped, suspended) lay between two of
        them that the first is too old to be stamped with the time of the last.
        """
        found: dict[str, float | None] = {}
        at_ms, due_s = 0, math.inf
        for planned in seat.blocks:
            for block in self._in_free_lengths(seat, planned):
                longest_s = 2 * (
                    self.line.pace.transaction_s(block.count, seat.health.timeout_s) + seat.gap_s
                )
                due_s += longest_s + BABBLE_S
                try:
                    answer = self.ask(seat, block)
                except Refused as exc:
                    raise _blamed(planned, block, exc) from exc
                now_s = self._clock.monotonic()
                if now_s > due_s:
                    raise NoAnswer(f"meter {seat.meter.id}: we were held up within a reading; not used")
                found.update(self._values(seat, block, answer))
                at_ms, due_s = answer.at_ms, now_s
        seat.fast_s = self._clock.monotonic()
        return Reading(seat.meter.id, at_ms, found, implausible=_doubted(seat, found))

    def beside(self, seat: Seat, planned: Block, reading: Reading, until_s: float) -> Reading | None:
        """Return the reading with the values of a slow block joined to it; its time stays.

        None when the answer came after `until_s`, too late to be of the same moment. Raises LinkError.
        A damaged answer is not asked for again: there is another round.
        """
        found = dict(reading.values)
        for block in self._in_free_lengths(seat, planned):
            try:
                answer = self._once(seat, block, seat.health.timeout_s)
            except Refused as exc:
                raise _blamed(planned, block, exc) from exc
            if self._clock.monotonic() > until_s:
                return None
            found.update(self._values(seat, block, answer))
        return Reading(reading.meter_id, reading.at_ms, found, implausible=_doubted(seat, found))

    def code(self, seat: Seat, block: Block) -> int:
        """Return with which exception a part of a block is refused, 0 for an answer; raise LinkError."""
        if block.count in self.line.owed(seat.meter.modbus_id):
            raise NoAnswer(
                f"meter {seat.meter.id}: an earlier reply of this length may still come; not asked"
            )
        try:
            self.ask(seat, block)
        except Refused as exc:
            return exc.code
        return 0

    def _values(self, seat: Seat, block: Block, answer: Answer) -> Mapping[str, float | None]:
        """Return the quantities in an answer, of the circuit: with the ratios of the answer's day."""
        return seat.take(block, answer.words, answer.at_ms, factors(seat.meter, answer.at_ms, self._zone))

    def _in_free_lengths(self, seat: Seat, planned: Block) -> tuple[Block, ...]:
        """Return the block, or pieces of it while a late reply could be taken for the whole.

        Probes are repeated in lengths that are owed; so a piece keeps out of their lengths as well.
        Raises NoAnswer when there is no such way.
        """
        owed = self.line.owed(seat.meter.modbus_id)
        if planned.count not in owed:
            return (planned,)
        free = other_lengths(fitted(seat.profile, seat.limits), planned, owed.union(PROBE_COUNTS))
        if not free:
            raise NoAnswer(f"meter {seat.meter.id}: {NOT_ASKED}")
        return free

    def _once(self, seat: Seat, block: Block, timeout_s: float, *, probe: bool = False) -> Answer:
        call = self.line.probe if probe else self.line.read
        asked_s = self._clock.monotonic()
        try:
            answer = call(seat.meter.modbus_id, block, timeout_s)
        except LineDown:
            raise
        except LinkError as exc:
            seat.health.unanswered(exc.kind)
            if isinstance(exc, NoAnswer):
                self.waited_s += self._clock.monotonic() - asked_s
            raise
        seat.health.heard(answer.turnaround_s, noise=answer.noise, within_s=timeout_s)
        return answer


def _blamed(planned: Block, block: Block, error: Refused) -> LinkError:
    """Return what a refusal means: nothing for the profile where more was asked for than is wanted."""
    if block.count > planned.count:
        return NoAnswer(f"{error}; asked for {block.count} registers, since an earlier reply is owed")
    return RefusedBlock(block, error)


def _doubted(seat: Seat, found: Mapping[str, float | None]) -> frozenset[str]:
    """Return the values that are flagged: all of them while the meter's word order is in doubt."""
    if not seat.doubt:
        return frozenset()
    return frozenset(key for key, value in found.items() if value is not None)
