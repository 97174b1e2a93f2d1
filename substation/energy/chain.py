"""A counter's registers of some time as one chain: what was counted, where it is cut, what was false. Pure.

The registers are taken one after the other. Where one cannot follow the last:

1. It follows an earlier one: what lies between is false and left out, if it stood still (a meter that
   starts says 0 for a while; one reading is wild). No other reading may be left out.
2. Otherwise the chain is cut there: the meter was reset or exchanged. What was counted before and after
   is added; what flowed between is not known and not guessed. So a figure is never more than the truth.
3. A new level is believed when it counts, or has stood for `STILL_MS`; before that it is a doubt, and a
   figure over a doubt is unknown.

Chains of one meter's counters are judged together (`judged`): a counter that falls through zero beside
others that fell was reset and did not roll over; when a meter was exchanged, the rise of a counter whose
new level happens to lie close above the old one is none.
"""

import bisect
import itertools
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from substation.energy.registers import Limits, Register, Step, step

STILL_MS = 300_000
"""A level that does not count is believed after so long; a meter that starts does not say 0 for longer."""
MOST_FALSE = 3
"""So many different false readings may follow each other."""
ENOUGH = 8
"""Registers of so many different values tell the step of the register by what divides them all."""
ABOUT_ZERO = 0.001
"""Of the old level: a register that falls below that was reset, not exchanged."""

FELL = "its register fell: meter exchanged, reset, or one false reading"
JUMPED = "its register jumped: meter exchanged, or one false reading"
Link = Literal["begin", "advance", "rollover", "cut"]


@dataclass(frozen=True, slots=True)
class Cut:
    """Where the registers of a chain do not follow each other."""

    after: Register
    """The last one before."""
    until: Register
    """The first one after."""
    sure: bool
    """Whether the new level is believed."""
    why: str

    @property
    def reset(self) -> bool:
        """Whether the register began again about at zero, at the same meter for all it tells."""
        return self.until.value < self.after.value and self.until.value <= self.after.value * ABOUT_ZERO


@dataclass(slots=True)
class _Run:
    """Registers of the same value, one after the other."""

    times: list[int]
    value: int
    link: Link
    rise: int = 0
    why: str = ""
    loose: list[Register] = field(default_factory=list)
    """Readings left out just before, of which it cannot be told for sure that they were false."""

    @property
    def first(self) -> Register:
        return Register(self.times[0], self.value)

    @property
    def last(self) -> Register:
        return Register(self.times[-1], self.value)


@dataclass(frozen=True, slots=True)
class Chain:
    """What a counter's registers tell together."""

    registers: tuple[Register, ...]
    """Those that are believed, oldest first."""
    totals: tuple[int, ...]
    """What was counted up to each of them since the first."""
    cuts: tuple[Cut, ...] = ()
    rollovers: tuple[tuple[Register, Register], ...] = ()
    left_out: tuple[Register, ...] = ()
    """False readings."""
    loose: tuple[Register, ...] = ()
    """Readings left out that contradict those around them, though each alone could be true."""

    def steps(self, after: Register, until: Register) -> Iterator[tuple[Register, Register]]:
        """Yield the steps that share time with the one from `after` to `until`."""
        at = max(0, bisect.bisect_right(self.registers, after.at_ms, key=_time) - 1)
        for a, b in itertools.pairwise(self.registers[at:]):
            if a.at_ms >= until.at_ms:
                return
            if after.at_ms < b.at_ms:
                yield a, b

    def cuts_between(self, begin: Register, end: Register) -> list[Cut]:
        """Return the cuts between two of the registers."""
        return [c for c in self.cuts if begin.at_ms <= c.after.at_ms and c.until.at_ms <= end.at_ms]


def chain(registers: Sequence[Register], limits: Limits, cuts: Iterable[int] = ()) -> Chain:
    """Return the chain of a counter's registers.

    Args:
        registers: each once, oldest first.
        limits: of counter and circuit; a coarser step of the register is found by itself.
        cuts: times, UTC ms, at which the meter is known to have been exchanged: no step over one counts.
    """
    limits = replace(limits, resolution=max(limits.resolution, _resolution(registers)))
    exchanged = sorted(cuts)
    runs: list[_Run] = []
    left_out: list[Register] = []
    for register in registers:
        left_out += _take(runs, register, limits, exchanged)
    return _told(runs, left_out)


def _resolution(registers: Sequence[Register]) -> float:
    values = {register.value for register in registers}
    return math.gcd(*values) if len(values) >= ENOUGH else 1.0


def _take(runs: list[_Run], new: Register, limits: Limits, exchanged: Sequence[int]) -> list[Register]:
    """Add a register to the runs; return those that it shows to be false."""
    if not runs:
        runs.append(_Run([new.at_ms], new.value, "begin"))
        return []
    top = runs[-1]
    if exchanged and any(top.times[-1] < at_ms <= new.at_ms for at_ms in exchanged):
        runs.append(_Run([new.at_ms], new.value, "cut", why=EXCHANGED))
        return []
    if new.value == top.value:
        top.times.append(new.at_ms)
        return []
    way = step(top.last, new, limits)
    depth = 0 if way.good and top.link != "cut" else _taken_back(runs, new, limits, way)
    if way.good and not depth:
        _append(runs, new, way)
        return []
    if not depth:
        runs.append(_Run([new.at_ms], new.value, "cut", why=FELL if way.way == "fell" else JUMPED))
        return []
    false, runs[-depth:] = runs[-depth:], []
    odd = [Register(at_ms, run.value) for run in false for at_ms in run.times]
    loose = [] if false[0].link == "cut" else odd
    _append(runs, new, step(runs[-1].last, new, limits), loose)
    return odd


EXCHANGED = "its meter was exchanged"


def _append(runs: list[_Run], new: Register, way: Step, loose: Sequence[Register] = ()) -> None:
    if way.rise == 0 and not loose:
        runs[-1].times.append(new.at_ms)
    else:
        link: Link = "rollover" if way.way == "rollover" else "advance"
        runs.append(_Run([new.at_ms], new.value, link, way.rise, loose=list(loose)))


def _taken_back(runs: Sequence[_Run], new: Register, limits: Limits, way: Step) -> int:
    """Return how many runs at the end are false because the new register follows the one before them.

    Where it follows the last one too (`way`), the shorter way is believed.
    """
    for depth in range(1, min(MOST_FALSE, len(runs) - 1) + 1):
        lowest = runs[-depth]
        if lowest.link != "cut" and (depth > 1 or len(lowest.times) > 1):
            return 0  # it counted, or was read again: no false reading
        if lowest.why == EXCHANGED or (way.good and lowest.link != "cut"):
            return 0
        back = step(runs[-depth - 1].last, new, limits)
        if back.good and (not way.good or back.rise < way.rise):
            return depth
    return 0


def _told(runs: Sequence[_Run], left_out: Sequence[Register]) -> Chain:
    registers: list[Register] = []
    totals: list[int] = []
    cuts: list[Cut] = []
    rollovers: list[tuple[Register, Register]] = []
    total = 0
    for at, run in enumerate(runs):
        total += run.rise
        if run.link == "cut":
            cuts.append(Cut(registers[-1], run.first, _believed(runs, at), run.why))
        elif run.link == "rollover":
            rollovers.append((registers[-1], run.first))
        registers += [Register(at_ms, run.value) for at_ms in run.times]
        totals += [total] * len(run.times)
    loose = [register for run in runs for register in run.loose]
    if runs and runs[-1].loose and len(runs[-1].times) == 1:
        # the last register of all took back the one before: which of the two is false, the next will tell
        cuts.append(Cut(registers[-2], registers[-1], False, FELL))
    return Chain(
        tuple(registers), tuple(totals), tuple(cuts), tuple(rollovers), tuple(left_out), tuple(loose)
    )


def _believed(runs: Sequence[_Run], at: int) -> bool:
    """Return whether the level that begins with this run counts or has stood long enough."""
    run = runs[at]
    if run.why == EXCHANGED or run.times[-1] - run.times[0] >= STILL_MS:
        return True
    return at + 1 < len(runs) and (runs[at + 1].link != "cut" or _believed(runs, at + 1))


def judged(
    registers: Mapping[str, Sequence[Register]],
    limits: Mapping[str, Limits],
    cuts: Mapping[str, Collection[int]] = MappingProxyType({}),
) -> dict[str, Chain]:
    """Return the chains of all counters of one meter, judged together.

    Args:
        registers: by counter, each once, oldest first.
        limits: by counter, an entry for each.
        cuts: by counter, as in `chain`.
    """
    chains = {key: chain(read, limits[key], cuts.get(key, ())) for key, read in registers.items()}
    found = [(key, cut) for key, one in chains.items() for cut in one.cuts if cut.sure]
    if not found:
        return chains
    again = {key: _cut_by_others(key, chains, found) for key in chains}
    return {
        key: chain(registers[key], limits[key], {*cuts.get(key, ()), *more}) if more else chains[key]
        for key, more in again.items()
    }


def _cut_by_others(key: str, chains: Mapping[str, Chain], found: Sequence[tuple[str, Cut]]) -> set[int]:
    """Return when a counter has to be cut because others of its meter are."""
    one, more = chains[key], set()
    others = [cut for other, cut in found if other != key]
    for a, b in one.rollovers:
        if any(_overlap(a, b, cut.after, cut.until) for cut in others):
            more.add(b.at_ms)
    for cut in others:
        if not cut.reset and _is_of_all(cut, chains, found):
            more |= {b.at_ms for a, b in one.steps(cut.after, cut.until) if b.value > a.value}
    return more


def _is_of_all(cut: Cut, chains: Mapping[str, Chain], found: Sequence[tuple[str, Cut]]) -> bool:
    """Return whether the meter is another, not a register: at least half of the counters are cut."""
    cut_too = {key for key, other in found if _overlap(cut.after, cut.until, other.after, other.until)}
    went_on = [
        key
        for key, one in chains.items()
        if key not in cut_too and any(a.value > 0 for a, _ in one.steps(cut.after, cut.until))
    ]
    return len(cut_too) >= len(went_on)


def _time(register: Register) -> int:
    return register.at_ms


def _overlap(a: Register, b: Register, c: Register, d: Register) -> bool:
    return a.at_ms < d.at_ms and c.at_ms < b.at_ms
