"""Reversed CTs and swapped phases, told by the angles between currents and voltages. Pure.

A reversed CT turns the power of its phase by 180 degrees, a swap of two phases turns it by 120. No load
does that to one phase alone. So the simplest change of wires is looked for behind which every phase
would be a load like the others.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from substation.meters.finding import Certainty, Finding

PHASES = "ryb"
_ANGLE = {"r": 0.0, "y": -120.0, "b": 120.0}
Values = Mapping[str, float | None]

LEADING_MOST, LAGGING_MOST = -60.0, 70.0
"""Between these angles a load on mains lies, degrees."""
TOGETHER = 40.0
"""So near to each other the phases of one circuit are, degrees."""


def directions(values: Values, phases: Sequence[str], *, generates: bool) -> Iterator[Finding]:
    """Yield reversed CTs and swapped phases.

    Args:
        values: one reading.
        phases: of R, Y, B (`ryb`) those with voltage and enough load.
        generates: whether power that flows backwards is normal here.
    """
    watts = {p: values.get(f"watts_{p}") for p in phases}
    if any(value is None for value in watts.values()) or not phases:
        return
    power = {p: watts[p] or 0.0 for p in phases}
    negative = [p for p in phases if power[p] < 0]
    if not negative:
        return
    shown = _shown(values, phases)
    angles = _angles(values, phases)
    if len(negative) == len(phases) and (angles is None or _spread(angles.values()) < TOGETHER):
        if not generates:
            yield Finding(
                "direction",
                "power flows backwards on all phases",
                "possible",
                shown,
                "whether something behind this meter generates; otherwise all CTs are reversed, or "
                "currents and voltages are shifted by one phase",
            )
        return
    if angles is None:
        yield _reversed(negative, shown, "possible")
        return
    found = _undone(angles) if len(phases) == len(PHASES) else None
    if found is None:
        if len(phases) < len(PHASES):
            yield _reversed(negative, shown, "possible")
            return
        yield Finding(
            "phases_swapped",
            "currents and voltages do not belong together",
            "possible",
            shown,
            "which CT and which voltage lead belongs to which phase, and the direction of each CT",
        )
        return
    if not found.swapped:
        yield _reversed(list(found.turned), shown, "likely")
        return
    turned = ", ".join(p.upper() for p in found.turned)
    more = f", and the CT of {turned} reversed" if found.turned else ""
    yield Finding(
        "phases_swapped",
        f"{found.wires} of {found.swapped} swapped{more}",
        "sure" if found.spread < TOGETHER / 2 and not found.turned else "likely",
        f"{shown}; put right, the angles would be {found.angles}",
        f"the {found.wires} of {found.swapped} at the meter's terminals (the CTs' where the voltages are "
        "right, else the voltages'), then the direction of each CT",
    )


def _reversed(phases: Sequence[str], shown: str, certainty: Certainty) -> Finding:
    named = ", ".join(p.upper() for p in phases)
    return Finding(
        "ct_reversed",
        f"CT of {named} reversed",
        certainty,
        shown,
        f"the direction of the CT of {named} (P1 towards the source) and its leads S1, S2; "
        "a source on that phase alone would look the same",
    )


def _angles(values: Values, phases: Sequence[str]) -> dict[str, float] | None:
    """Return by how much the current lags behind its voltage, degrees; None where the map has no var."""
    found = {}
    for p in phases:
        watts, var = values.get(f"watts_{p}"), values.get(f"var_{p}")
        if watts is None or var is None:
            return None
        found[p] = math.degrees(math.atan2(var, watts))
    return found


def _shown(values: Values, phases: Sequence[str]) -> str:
    angles = _angles(values, phases) or {}
    parts = []
    for p in phases:
        watts = (values.get(f"watts_{p}") or 0.0) / 1000
        angle = f" at {angles[p]:.0f} degrees" if p in angles else ""
        parts.append(f"{p.upper()} {watts:.2f} kW{angle}")
    return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class _Undone:
    """A change of wires that would explain the angles."""

    wires: str
    swapped: str
    turned: tuple[str, ...]
    spread: float
    angles: str


def _undone(angles: Mapping[str, float]) -> _Undone | None:
    """Return the simplest change of wires behind which every phase would be a load like the others."""
    best: tuple[tuple[int, float], _Undone] | None = None
    for wires, order, turned in _changes():
        true: dict[str, float] = {}
        for at, source in zip(PHASES, order, strict=True):
            shift = _ANGLE[at] - _ANGLE[source] if wires == "currents" else _ANGLE[source] - _ANGLE[at]
            phase = source if wires == "currents" else at
            true[phase] = _within(angles[at] - shift - (180 if at in turned else 0))
        spread = _spread(true.values())
        if spread >= TOGETHER or not all(LEADING_MOST <= a <= LAGGING_MOST for a in true.values()):
            continue
        moved = [p for p, source in zip(PHASES, order, strict=True) if p != source]
        cost = (len(moved) + len(turned), spread)
        if best is None or cost < best[0]:
            swapped = (
                " and ".join(p.upper() for p in moved) if len(moved) == 2 else "R, Y and B" if moved else ""
            )
            shown = ", ".join(f"{p.upper()} {true[p]:.0f}" for p in PHASES)
            best = (cost, _Undone(wires, swapped, turned, spread, f"{shown} degrees"))
    return best[1] if best else None


def _changes() -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    reversals = [turned for n in range(4) for turned in itertools.combinations(PHASES, n)]
    for order in itertools.permutations(PHASES):
        for turned in reversals:
            yield "currents", order, turned
            if order != tuple(PHASES):
                yield "voltages", order, turned


def _within(angle: float) -> float:
    """Return the angle between -180 and 180 degrees."""
    return (angle + 180) % 360 - 180


def _spread(angles: Iterable[float]) -> float:
    """Return the largest difference between two of the angles, the short way round."""
    return max((abs(_within(a - b)) for a, b in itertools.combinations(angles, 2)), default=0.0)
