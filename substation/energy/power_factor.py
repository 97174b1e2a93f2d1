"""The power factor of a period, from energies: never a mean of instantaneous power factors. Pure.

A mean of readings of the power factor weighs an idle hour at 0.3 like a full one at 0.95. What the supplier
bills, and what the load did, is the quotient of energies: kWh / kVAh, or kWh / sqrt(kWh² + kvarh²) with the
lagging reactive energy alone where only lag is billed (Central Electricity Authority's meters record both;
tariff orders say which). Where a meter has no such registers, means of power stand for them, and `basis`
says so.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Basis = Literal["kWh/kVAh", "kWh/kvarh lag", "means of W and VA"]
LEAST_STEPS = 50
"""Below so many steps of the apparent energy's register the quotient is known to less than about 0.03."""
APART = 0.01
"""Registers whose times differ by more than this share of the period do not belong together."""


@dataclass(frozen=True, slots=True)
class PeriodFactor:
    """The power factor of a period, or why there is none."""

    value: float | None
    """0 to 1, and above 1 by no more than `within`; without a sign: energy received."""
    basis: Basis | None
    """What it was made of."""
    within: float | None
    """The registers' resolution allows it to be off by so much."""
    why: str = ""
    """In words, where there is none."""


NO_FACTOR = PeriodFactor(None, None, None, "not known")


@dataclass(frozen=True, slots=True)
class Means:
    """Mean powers over the same time, for meters without the energies; None: not measured."""

    watts: float | None
    va: float | None


def of_period(
    used: Mapping[str, float | None],
    bounds: Mapping[str, tuple[int, int]],
    means: Means,
    *,
    lag_only: bool = False,
) -> PeriodFactor:
    """Return the power factor of what was received in a period.

    Args:
        used: by counter how far it went on, in its unit (`store.registers.Energy.used`).
        bounds: when the first and the last register of each were read, UTC ms.
        means: of active and apparent power over the period, W and VA.
        lag_only: with lagging reactive energy, as tariffs with "lag only" want it.
    """
    other = "varh_ind_received" if lag_only else "vah_received"
    basis: Basis = "kWh/kvarh lag" if lag_only else "kWh/kVAh"
    wh, beside = used.get("wh_received"), used.get(other)
    if wh is None or beside is None:
        return _of_means(means, lag_only)
    if not _together(bounds["wh_received"], bounds[other]):
        return PeriodFactor(
            None, None, None, "the registers of active and other energy were read at other times"
        )
    whole = math.hypot(wh, beside) if lag_only else beside
    if whole < LEAST_STEPS:
        return _none("too little energy to tell a power factor")
    value, within = wh / whole, 2 / whole
    if value > 1 + within:
        return PeriodFactor(
            None, None, None, "more active than apparent energy: the registers contradict each other"
        )
    return PeriodFactor(value, basis, within)


def _of_means(means: Means, lag_only: bool) -> PeriodFactor:
    if lag_only or means.watts is None or means.va is None:
        return _none("this meter tells no such energies")
    if means.va <= 0:
        return _none("no load")
    if not 0 <= means.watts <= means.va * 1.01:
        return _none("means of active and apparent power contradict each other")
    return PeriodFactor(means.watts / means.va, "means of W and VA", None)


def _none(why: str) -> PeriodFactor:
    return PeriodFactor(None, None, None, why)


def _together(one: tuple[int, int], other: tuple[int, int]) -> bool:
    most_ms = APART * max(1, one[1] - one[0])
    return abs(one[0] - other[0]) <= most_ms and abs(one[1] - other[1]) <= most_ms
