"""One meter's energy registers as they come: advance, rollover, reset, swap, false reading. Pure.

At the time of a reading not everything can be known. What is done at once, and what afterwards:

1. Every register follows the last one (`registers.step`): believed. Through its modulus, and no other
   register of the meter is out of place: *rollover*.
2. A register is out of place: a **doubt**. The reading is kept, the register flagged as implausible (so no
   rollup and no figure takes it), and the next readings decide:
   - they follow the last believed ones: what was doubted was a *false reading*
   - they follow each other, `CONFIRM` of them, and count, or have stood for `STILL_MS`: the new level is
     true since the first of them. All that fell are about at zero: *reset*. Otherwise, or where the serial
     number changed: *swap*
   - they are out of place again: the doubt begins anew
3. A reading that was believed is taken back by the next, which follows the one before it: *false reading*,
   found too late to be flagged; the figures leave it out by the same rule (`chain`).

A reading without a number in some registers (not read in this round, NaN) says nothing about those. The
last registers are found again after a restart (`Watch.recall`), so an exchange while nobody polled is seen.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from substation.energy.chain import ABOUT_ZERO, STILL_MS
from substation.energy.registers import HOUR_MS, Limits, Register, Step, step
from substation.quantities import BY_KEY, COUNTERS

SERIAL = "serial number"
CONFIRM = 3
"""So many readings at a new level, the first included, before it is believed."""
PAUSE_MS = 300_000
"""A meter may have been exchanged in a silence of this length; a shorter one is a lost answer."""

Kind = Literal["rollover", "reset", "swap", "false_reading"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was recognised of a meter's registers; becomes the event `energy.<kind>`."""

    kind: Kind
    at_ms: int
    """UTC, ms: the first reading at the new level, or the false one."""
    old: Mapping[str, Register]
    """The registers concerned, before."""
    new: Mapping[str, Register]
    why: str
    """The evidence, in words."""
    serial: tuple[str, str] | None = None
    """The old and the new serial number, where that is the evidence."""

    @property
    def after_ms(self) -> int:
        """When the last register before was read, UTC, ms."""
        return max((register.at_ms for register in self.old.values()), default=self.at_ms)


@dataclass(frozen=True, slots=True)
class Judged:
    """What one reading's registers are."""

    doubted: frozenset[str] = frozenset()
    """Registers to flag as implausible."""
    findings: tuple[Finding, ...] = ()


@dataclass(slots=True)
class _Doubt:
    """Registers that do not follow the last believed ones."""

    first: dict[str, Register]
    latest: dict[str, Register]
    readings: int = 1
    counts: bool = False
    """Whether a register went on at the new level."""
    contradicted: int = 0
    """So many doubtful readings before it, one after the other, that do not follow each other either."""


@dataclass(slots=True)
class Watch:
    """The registers of one meter."""

    last: dict[str, Register] = field(default_factory=dict)
    """The last believed register of each counter."""
    serial: str = ""
    """The meter's serial number, where the model has one."""
    _before: dict[str, Register] = field(default_factory=dict)
    """The believed ones before those."""
    _doubt: _Doubt | None = None
    _pause: tuple[dict[str, Register], int] = field(default_factory=lambda: ({}, 0))
    """The believed registers before the last long silence, and when the first reading after it came."""

    @classmethod
    def recall(cls, last: Mapping[str, Register], serial: str = "") -> "Watch":
        """Go on where another poller ended."""
        return cls(dict(last), serial)

    @property
    def baffled(self) -> bool:
        """Whether no reading follows any other: the circuit carries more than its rating allows."""
        return self._doubt is not None and self._doubt.contradicted >= CONFIRM

    def stood_still_since(self, at_ms: int) -> None:
        """Take that the registers were read again and again, but not renewed since then, UTC ms."""
        self.last = {key: replace(one, at_ms=min(one.at_ms, at_ms)) for key, one in self.last.items()}

    @property
    def doubted(self) -> frozenset[str]:
        """The counters whose registers are in doubt now."""
        return frozenset(self._doubt.latest) if self._doubt else frozenset()

    def read(
        self,
        at_ms: int,
        values: Mapping[str, float | None],
        limits: Mapping[str, Limits],
        serial: str = "",
    ) -> Judged:
        """Judge one reading.

        Args:
            at_ms: UTC, ms.
            values: what was read, by quantity key; keys that are no counters are passed over.
            limits: by counter; one without an entry is judged by falls alone.
            serial: the meter's serial number; empty: not known.
        """
        now = _registers(at_ms, values)
        if not now:
            return Judged()
        if self.last and at_ms - _at_ms(self.last) >= PAUSE_MS:
            self._pause = dict(self.last), at_ms
        if serial and self.serial and serial != self.serial:
            return self._exchanged(at_ms, now, serial)
        self.serial = serial or self.serial
        steps = {
            key: step(self.last[key], new, limits.get(key, Limits()))
            for key, new in now.items()
            if key in self.last
        }
        odd = {key for key, way in steps.items() if not way.good or self._is_nearer(now[key], key, way)}
        if odd:
            odd |= {key for key, way in steps.items() if way.way == "rollover"}
            return self._odd(now, odd, limits)
        findings = self._cleared(now)
        findings += [
            _rolled_over(key, self.last[key], now[key], way)
            for key, way in steps.items()
            if way.way == "rollover"
        ]
        self._believe(now)
        return Judged(self.doubted & now.keys(), tuple(findings))

    def _is_nearer(self, new: Register, key: str, way: Step) -> bool:
        """Return whether a register that follows the last believed one is nearer to the doubted one."""
        doubted = self._doubt.latest.get(key) if self._doubt else None
        return doubted is not None and 0 <= new.value - doubted.value < way.rise

    def _exchanged(self, at_ms: int, now: dict[str, Register], serial: str) -> Judged:
        """Take another meter; its number may be read some time after its first registers."""
        before, since_ms = self._pause
        old = before if before and at_ms - since_ms <= HOUR_MS else self.last
        serials, why = (self.serial, serial), f"its {SERIAL} is another"
        begun_ms = since_ms if old is before else at_ms
        self.serial, self._before, self._doubt, self.last = serial, {}, None, dict(now)
        return Judged(findings=(Finding("swap", begun_ms, old, now, why, serials),))

    def _cleared(self, now: Mapping[str, Register]) -> list[Finding]:
        """Return the doubts that these registers end by following the believed ones, as a false reading."""
        doubt = self._doubt
        ended = {key: doubt.first.pop(key) for key in now if key in doubt.first} if doubt else {}
        if doubt is None or not ended:
            return []
        for key in ended:
            del doubt.latest[key]
        if not doubt.first:
            self._doubt = None
        return [self._false(ended, _TAKEN_BACK)]

    def _false(self, registers: Mapping[str, Register], why: str) -> Finding:
        old = {key: self.last[key] for key in registers}
        return Finding("false_reading", _began_ms(registers), old, dict(registers), why)

    def _odd(self, now: dict[str, Register], odd: set[str], limits: Mapping[str, Limits]) -> Judged:
        """Judge a reading of which some registers do not follow the believed ones."""
        if self._doubt is None and self._takes_back(now, odd, limits):
            false = {key: self.last[key] for key in odd}
            old = {key: self._before[key] for key in odd}
            self._believe(now)
            return Judged(findings=(Finding("false_reading", _began_ms(false), old, false, _TAKEN_BACK),))
        findings = self._cleared({key: new for key, new in now.items() if key not in odd})
        self._believe({key: new for key, new in now.items() if key not in odd})
        new = {key: now[key] for key in sorted(odd)}
        doubt = self._doubt
        if doubt is None:
            self._doubt = _Doubt(new, dict(new))
            return Judged(frozenset(odd), tuple(findings))
        ways = {
            key: step(doubt.latest[key], one, limits.get(key, Limits()))
            for key, one in new.items()
            if key in doubt.latest
        }
        if not all(way.way == "advance" for way in ways.values()):
            if not doubt.contradicted:  # said once: where the rating is wrong, every reading is odd
                findings.append(self._false(doubt.first, _CONTRADICTED))
            self._doubt = _Doubt(new, dict(new), contradicted=doubt.contradicted + 1)
            return Judged(frozenset(odd), tuple(findings))
        doubt.first = new | doubt.first
        doubt.latest |= new
        doubt.readings += 1
        doubt.counts |= any(way.rise > 0 for way in ways.values())
        stood_ms = _at_ms(new) - _began_ms(doubt.first)
        if doubt.readings < CONFIRM or not (doubt.counts or stood_ms >= STILL_MS):
            return Judged(frozenset(odd), tuple(findings))
        return Judged(findings=(*findings, self._confirmed(doubt)))

    def _takes_back(self, now: Mapping[str, Register], odd: set[str], limits: Mapping[str, Limits]) -> bool:
        """Return whether the odd registers follow those before the last: then the last ones were false."""
        for key in odd:
            before, last = self._before.get(key), self.last[key]
            if before is None or before.value == last.value or before.at_ms == last.at_ms:
                return False
            if now[key].value > last.value > before.value:
                return False
            if not step(before, now[key], limits.get(key, Limits())).good:
                return False
        return True

    def _confirmed(self, doubt: _Doubt) -> Finding:
        old = {key: self.last[key] for key in doubt.first}
        is_reset = all(
            new.value < old[key].value and new.value <= max(1, old[key].value * ABOUT_ZERO)
            for key, new in doubt.first.items()
        )
        self._doubt = None
        self._believe(doubt.latest)
        self._before = {key: one for key, one in self._before.items() if key not in doubt.latest}
        kind: Kind = "reset" if is_reset else "swap"
        return Finding(kind, _began_ms(doubt.first), old, doubt.first, _RESET if is_reset else _SWAP)

    def _believe(self, now: Mapping[str, Register]) -> None:
        for key, new in now.items():
            if key in self.last:
                self._before[key] = self.last[key]
            self.last[key] = new


_TAKEN_BACK = "the next reading goes on from the one before it"
_CONTRADICTED = "it does not follow the reading before it, nor the next one it"
_RESET = "the registers fell about to zero and count on from there"
_SWAP = (
    "the registers stand at other levels than the circuit can have brought them to, and count on from there: "
    "the meter was exchanged, or its ratio or its registers were set"
)


def _registers(at_ms: int, values: Mapping[str, float | None]) -> dict[str, Register]:
    return {
        key: Register(at_ms, round(value))
        for key in COUNTERS
        if (value := values.get(key)) is not None and math.isfinite(value)
    }


def _began_ms(registers: Mapping[str, Register]) -> int:
    return min(register.at_ms for register in registers.values())


def _at_ms(registers: Mapping[str, Register]) -> int:
    return max(register.at_ms for register in registers.values())


def _rolled_over(key: str, old: Register, new: Register, way: Step) -> Finding:
    unit = BY_KEY[key].unit
    why = (
        f"the register is full at {way.modulus} {unit} and begins again at 0; {way.rise} {unit} were counted"
    )
    return Finding("rollover", new.at_ms, {key: old}, {key: new}, why)
