"""Searches for what a meter refuses, carried on in spare line time, and what follows from them."""

from collections.abc import Callable

from substation.bus.asking import Asker
from substation.bus.notice import Notice
from substation.bus.refusal import Finding, Search, ask_again, named, search
from substation.bus.seat import Inquiry, Seat
from substation.clock import Clock
from substation.errors import LineDown, LinkError, look_at
from substation.meters.blocks import Block


class Inquiries:
    """The searches on one line."""

    def __init__(self, asker: Asker, clock: Clock, say: Callable[[Notice], None]) -> None:
        self._asker = asker
        self._clock = clock
        self._say = say

    def go_on(self, seat: Seat, allows: Callable[[float], bool]) -> bool:
        """Ask on as long as `allows` lets a request of so many seconds pass.

        Returns whether something was found and the meter's requests are planned anew. Raises LineDown.
        """
        now_s = self._clock.monotonic()
        accused, seat.accused = seat.accused, None
        if accused and seat.may_search(now_s):
            block, code = accused
            if self._begin(seat, search(seat.profile, block, code), block):
                return True
        elif accused and seat.inquiry is None:
            self.refuses(seat)
        elif seat.retry_due(now_s):
            self._begin(seat, ask_again(seat.profile, sorted(seat.disabled)), None)
        while seat.inquiry and allows(seat.slot_s((seat.inquiry.block,))):
            inquiry = seat.inquiry
            try:
                code = self._asker.code(seat, inquiry.block)
            except LineDown:
                raise
            except LinkError:
                return False  # counted; the same is asked in the next round
            try:
                inquiry.block = inquiry.search.send(code)
            except StopIteration as end:
                return self._settle(seat, end.value, inquiry.about)
        return False

    def _begin(self, seat: Seat, how: Search, about: Block | None) -> bool:
        """Start a search; some are over before a question is asked. Returns as `go_on`."""
        try:
            seat.inquiry = Inquiry(how, next(how), about)
        except StopIteration as end:
            return self._settle(seat, end.value, about)
        return False

    def _settle(self, seat: Seat, found: Finding, about: Block | None) -> bool:
        profile, meter_id = seat.profile, seat.meter.id
        before = seat.limits
        found = seat.settle(found, about, self._clock.monotonic())
        if seat.hopeless:
            self.refuses(seat)
        if found.empty:
            return False
        for code in sorted(set(found.refused.values())):
            new = [key for key, its in found.refused.items() if its == code and key not in before.refused]
            if new:
                registers = ", ".join(named(profile, key) for key in new)
                words = (
                    f"{seat.named}: refused with exception {code}: register {registers}; disabled, the meter "
                    f"is read without; look at {look_at(f'exception_{code}')}"
                )
                self._say(Notice("disabled", words, meter_id))
        if found.answered:
            registers = ", ".join(named(profile, key) for key in sorted(found.answered))
            self._say(Notice("answers", f"{seat.named}: register {registers} answered again", meter_id))
        if seat.limits.longest < before.longest:
            words = (
                f"{seat.named} answers {seat.limits.longest} registers at most; read in shorter blocks; "
                f"write max_registers = {seat.limits.longest} in its profile"
            )
            self._say(Notice("limits", words, meter_id))
        for key in sorted(found.cuts):
            words = (
                f"{seat.named} refuses a block that reaches across the gap before {named(profile, key)}; "
                "read in two; write that register under barriers in its profile"
            )
            self._say(Notice("limits", words, meter_id))
        return True

    def refuses(self, seat: Seat) -> None:
        """Say once that a meter refuses as a whole."""
        if not seat.said_refusing:
            seat.said_refusing = True
            self._say(Notice("refused", f"{seat.named} refuses: {seat.health.detail}", seat.meter.id))
