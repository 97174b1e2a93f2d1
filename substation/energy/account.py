"""A counter's account of a period, as a bill has it: opening reading, closing reading, units. Pure.

    units = sum over the pieces of (closing - opening + what a rollover took)

A piece ends where the meter was reset or exchanged: its own closing reading and the new meter's opening
reading are told, and what flowed between them is in neither. So the units are what the registers counted,
to the last count, and never more. The same registers count as in `store.registers.energy`; that a chain is
judged right is the business of `energy.chain`.
"""

import bisect
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from substation.energy.chain import Chain, Cut
from substation.energy.registers import HOUR_MS, QUARTER_MS, Register

ONCE = "it was read only once in this time"


@dataclass(frozen=True, slots=True)
class Piece:
    """An unbroken stretch of one register. Values are in the counter's unit."""

    opening: Register
    closing: Register
    turned: int = 0
    """What the register began again at, added up over its rollovers: 0 for none."""
    rollovers: tuple[Register, ...] = ()
    """The first reading after each time it began again at 0."""

    @property
    def counted(self) -> int:
        """How far the counter went on: closing - opening, and what its rollovers took."""
        return self.closing.value - self.opening.value + self.turned


@dataclass(frozen=True, slots=True)
class Account:
    """A counter's account of a period."""

    pieces: tuple[Piece, ...]
    """One, or one more for each time at which the meter was reset or exchanged. Never empty."""
    cuts: tuple[Cut, ...] = ()
    """What lies between them."""
    doubt: str = ""
    """In words why the units are not known although there are readings: it is open which are false, or
    there is only one."""
    false: tuple[Register, ...] = ()
    """Readings that were left out because those around them contradict them."""

    @property
    def opening(self) -> Register:
        """The reading with which the period begins."""
        return self.pieces[0].opening

    @property
    def closing(self) -> Register:
        """The reading with which it ends: the next period's opening one, when it is read in time."""
        return self.pieces[-1].closing

    @property
    def units(self) -> int | None:
        """What was counted, in the counter's unit; None with a doubt."""
        return None if self.doubt else sum(piece.counted for piece in self.pieces)

    @property
    def hours(self) -> float:
        """The time in which they were counted: from the opening to the closing reading of each piece."""
        return sum(piece.closing.at_ms - piece.opening.at_ms for piece in self.pieces) / HOUR_MS


def ends(times: Sequence[int], start_ms: int, end_ms: int) -> tuple[int, int]:
    """Return the places of the first and the last register of a period; the first is greater for none.

    The first is the last one in the quarter of an hour before the period, so that periods join without a
    gap; where nobody read it then, the first one in it.
    """
    last = bisect.bisect_left(times, end_ms) - 1
    after = bisect.bisect_left(times, start_ms)
    if after and times[after - 1] >= start_ms - QUARTER_MS and last >= after:
        return after - 1, last
    return after, last


def account(counted: Chain, start_ms: int, end_ms: int) -> Account | None:
    """Return the account of [start, end), UTC ms; None where no register was read in it.

    One reading alone makes an account of which nothing is known: it opens and closes nothing.
    """
    first, last = ends([register.at_ms for register in counted.registers], start_ms, end_ms)
    if first > last:
        return None
    registers = counted.registers[first : last + 1]
    totals = counted.totals[first : last + 1]
    cuts = counted.cuts_between(registers[0], registers[-1])
    begins = [0, *(registers.index(cut.until) for cut in cuts), len(registers)]
    pieces = []
    for begin, end in itertools.pairwise(begins):
        opening, closing = registers[begin], registers[end - 1]
        turned = totals[end - 1] - totals[begin] - (closing.value - opening.value)
        around = tuple(
            after for _, after in counted.rollovers if opening.at_ms < after.at_ms <= closing.at_ms
        )
        pieces.append(Piece(opening, closing, turned, around))
    false = tuple(
        register
        for register in sorted({*counted.left_out, *counted.loose}, key=lambda one: one.at_ms)
        if registers[0].at_ms < register.at_ms < registers[-1].at_ms
    )
    doubt = next((cut.why for cut in cuts if not cut.sure), "" if len(registers) > 1 else ONCE)
    return Account(tuple(pieces), tuple(cuts), doubt, false)


def load_factor(used: float, highest: float, hours: float) -> float | None:
    """Return the load factor of a period, 0 to 1: E / (MD x h).

    IEC 60050-691, 691-10-02: the consumption within a period, to that which would result from continuous
    use of the maximum demand occurring within the same period. Wh go with W, VAh with VA.

    Args:
        used: energy of the period, Wh or VAh.
        highest: its maximum demand, W or VA.
        hours: its length.

    Returns:
        None without demand or time, and above 1.005: then the highest block was not measured.
    """
    if highest <= 0 or hours <= 0:
        return None
    factor = used / (highest * hours)
    return min(factor, 1.0) if factor <= 1.005 else None
