"""One step of a counter, from a register to the next: what it tells, and whether it can be true. Pure.

A counter only rises, at most as fast as its circuit can carry, and begins again at zero where its register
is full. So a step is one of:

- *advance*: it rose by what the circuit can have used
- *rollover*: it fell, but went on through its modulus by what the circuit can have used
- *fell*, *jumped*: neither; the meter was reset or exchanged, or one of the two readings is false. Only
  the registers around the step can tell which (`watch` as they come, `chain` afterwards)

What a circuit can carry is `MOST_LOAD` times its rating. A breaker trips at 1.30 times its setting within
two hours (IEC 60947-2, conventional tripping current), a fuse melts at 1.6 times its rating (IEC 60269-1,
gG): three times leaves room for motors that start and for a rating that was put down too low, and still
tells an exchanged meter within a minute.

A modulus is what the profile says (`counter_modulus`) or the encoding holds; beside it every power of ten,
because displays roll over at their last digit, and what a 31 or 32 bit register holds at usual scales.
A guessed modulus is believed only for a step of at most 1 % of it.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

QUARTER_MS = 900_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
MOST_LOAD = 3.0
"""No circuit carries more for long than so many times its rating: a fuse or breaker would have opened."""
FLOAT_STEP = 2.0**-22
"""A register comes as float32 (IEEE 754) and is off by up to so much of itself when it goes on by a step:
8 Wh beyond 67 MWh, 64 Wh beyond 537 MWh."""
DIGITS = range(6, 14)
"""Powers of ten at which displays roll over: 1 MWh to 10 TWh, in Wh."""
BITS = (2**31, 2**32)
SCALES = (1, 10, 100, 1000)
"""Usual steps of an integer register, in Wh."""
GUESSED = tuple(
    sorted({*(10**n for n in DIGITS), *(top * by for top, by in itertools.product(BITS, SCALES))})
)
GUESS_SHARE = 0.01
KNOWN_SHARE = 0.5
"""A step through the modulus longer than this share of it is not believed: one cannot tell how often it
went round."""

Way = Literal["advance", "rollover", "fell", "jumped"]


@dataclass(frozen=True, slots=True)
class Register:
    """A counter as it was read at a time, UTC ms."""

    at_ms: int
    value: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What is known of a counter and its circuit."""

    rated_va: float | None = None
    """Three-phase rating of the circuit, VA; None: unknown, then no rise is too steep."""
    modulus: float | None = None
    """Where the register begins again at 0, in the quantity's unit, where the profile or encoding tells."""
    resolution: float = 1.0
    """The register's own step, in the quantity's unit: a circuit may seem to use so much at once."""

    def most(self, a: Register, b: Register) -> float:
        """Return by how much the counter can have gone on between two registers."""
        if self.rated_va is None:
            return float("inf")
        # a meter renews its registers when it likes, so no step counts as shorter than a minute
        hours = max(b.at_ms - a.at_ms, MINUTE_MS) / HOUR_MS
        return MOST_LOAD * self.rated_va * hours + max(a.value, b.value) * FLOAT_STEP + self.resolution

    def _moduli(self) -> Iterator[tuple[int, float]]:
        """Yield each modulus with the longest step that is believed through it."""
        if self.modulus is not None:
            yield round(self.modulus), self.modulus * KNOWN_SHARE
        for guessed in GUESSED:
            yield guessed, guessed * GUESS_SHARE


@dataclass(frozen=True, slots=True)
class Step:
    """The way from one register to the next."""

    way: Way
    rise: int = 0
    """By how much the counter went on; 0 where that cannot be told."""
    modulus: int = 0
    """Of a rollover."""

    @property
    def good(self) -> bool:
        """Whether the counter went on."""
        return self.way in ("advance", "rollover")


def step(a: Register, b: Register, limits: Limits) -> Step:
    """Return what the step from `a` to `b` is, judged by these two alone."""
    rise = b.value - a.value
    most = limits.most(a, b)
    if rise >= 0:
        return Step("advance", rise) if rise <= most else Step("jumped")
    for modulus, longest in limits._moduli():
        if b.value >= 0 and a.value < modulus and rise + modulus <= min(most, longest):
            return Step("rollover", rise + modulus, modulus)
    return Step("fell")


def in_order(registers: list[Register]) -> list[Register]:
    """Return each register once, oldest first."""
    return sorted(set(registers), key=lambda register: register.at_ms)
