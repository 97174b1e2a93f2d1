"""What the kWh register went on by between two rows of the sheet, and the maximum demand so far. Pure.

Units are differences of what stands in the sheet, in its own decimals: whoever takes one reading from the
next finds the units, and the units of a day add up to closing less opening. Over a rollover or an exchanged
meter the chain of the registers (`energy.chain`) says what was counted, and a note what is lacking.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from substation.energy.chain import Chain
from substation.reports.log_hours import HOUR_MS
from substation.store.moments import At

NO_EARLIER = "no reading earlier on this day"
LACKS = "units without what flowed while the meter was exchanged or reset"
CONTRADICTED = "its register contradicts the readings around it"


def rounded(value: float, decimals: int) -> float:
    """Return a number with so many digits after the point; halves go away from zero."""
    return float(Decimal(value).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))


@dataclass(frozen=True, slots=True)
class Units:
    """What was counted up to a row."""

    value: float | None = None
    """Since the row named by `since`, in the unit of the form."""
    why: str = ""
    """Why it is not known; empty beside None: there is nothing to say (yet)."""
    since: int | None = None
    """Place of the row from which it counts."""
    hours: float = 1.0
    """For so long: more than one where readings lack between."""
    lacks: str = ""
    """In words what a known figure lacks."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A counter's readings at the rows of a sheet, as levels that never fall."""

    at_ms: Sequence[int]
    """Of the rows, UTC ms."""
    levels: Sequence[float | None]
    """By row, in the unit and decimals of the form; None: no reading."""
    whys: Sequence[str]
    """By row why there is no level."""
    cuts: Sequence[tuple[int, int, bool, str]] = ()
    """From and to when, UTC ms, the chain is cut, whether that is sure, and why."""
    reads: Sequence[int | None] = ()
    """By row when it was read, UTC ms."""
    decimals: int = 0

    def units(self, place: int, since: int | None = None) -> Units:
        """Return what was counted up to a row, since the row `since` or the last one with a reading."""
        level = self.levels[place]
        if level is None:
            return Units(why=self.whys[place])
        if since is None:
            since = next((at for at in range(place - 1, -1, -1) if self.levels[at] is not None), None)
        before = None if since is None else self.levels[since]
        if since is None or before is None:
            return Units(why=NO_EARLIER if since is None else self.whys[since])
        first, last = self.reads[since] or 0, self.reads[place] or 0
        cuts = [cut for cut in self.cuts if cut[0] >= first and cut[1] <= last]
        doubts = [cut[3] for cut in cuts if not cut[2]]
        if doubts:
            return Units(why=doubts[0])
        lacks = LACKS if cuts else ""
        hours = (self.at_ms[place] - self.at_ms[since]) / HOUR_MS
        return Units(rounded(level - before, self.decimals), "", since, hours, lacks)


def counted(
    at_ms: Sequence[int], reads: Sequence[At | None], chain: Chain | None, divisor: float, decimals: int
) -> Counted:
    """Return a counter's readings at the rows.

    Args:
        at_ms: of the rows.
        reads: by row what was read; None: nothing is to be read (yet).
        chain: of the counter, with these readings among its registers.
        divisor: what a register is divided by.
        decimals: of the form.
    """
    totals = {} if chain is None else dict(
        zip((one.at_ms for one in chain.registers), chain.totals, strict=True)
    )  # fmt: skip
    base: float | None = None
    levels: list[float | None] = []
    whys: list[str] = []
    for at in reads:
        total = None if at is None or at.read_ms is None else totals.get(at.read_ms)
        if at is None or at.value is None or total is None:
            levels.append(None)
            whys.append("" if at is None else at.why or CONTRADICTED)
            continue
        base = at.value - total if base is None else base
        levels.append(rounded((base + total) / divisor, decimals))
        whys.append("")
    cuts = [] if chain is None else [(c.after.at_ms, c.until.at_ms, c.sure, c.why) for c in chain.cuts]
    return Counted(at_ms, levels, whys, cuts, [None if at is None else at.read_ms for at in reads], decimals)
