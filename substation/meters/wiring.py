"""Is a meter wired and set right? Told from what it measures, or said that there is too little to tell. Pure.

What a fault does to the values:

- a reversed CT turns the power of its phase by 180 degrees, swapped phases turn it by 120; so the angle
  between W and var a phase is compared over the phases, and the simplest change of wires is looked for
  that brings them together again;
- a blown fuse takes the voltage of one phase away but leaves its current;
- a wrong ratio breaks the balance between incomer and feeders, or the nominal voltage.

A finding must stand in every reading that was taken. A healthy circuit, also one with little load, with
leading current or without supply, has none.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from substation.meters.finding import Finding
from substation.meters.wiring_angles import PHASES, directions

Values = Mapping[str, float | None]

LOADED = 0.02
"""Of the rated current: below it no phase is judged by its current."""
LEAST_A = 0.5
"""The same where no rating is known, A."""
LEAST_V = 20.0
DEAD_BELOW = 0.4
"""Of the nominal voltage: below it, and without current, a circuit is dead, whatever is induced into it."""
BLOWN = 0.6
"""Of the other phases' voltage."""
NOT_NOMINAL = 1.25
OVERLOAD = 1.5

NO_VOLTAGE = "no voltage: nothing can be told of phases and direction"
"""The note of a meter on a dead circuit."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """What is known of the circuit that the meter measures."""

    nominal_v: float | None = None
    """Line to line, V."""
    rated_a: float | None = None
    role: str = "feeder"


@dataclass(frozen=True, slots=True)
class Check:
    """The result for one meter."""

    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    """What could not be told, and why."""


def check(readings: Sequence[Values], circuit: Circuit) -> Check:
    """Return what is wrong with one meter's wiring and setting.

    Args:
        readings: of one meter, one after the other, in the quantities of the circuit.
        circuit: what is normal there.
    """
    each = [_Look(values, circuit) for values in readings]
    found = [list(look.findings()) for look in each]
    kinds = set.intersection(*({_same(one) for one in findings} for findings in found)) if found else set()
    last = found[-1] if found else []
    return Check(
        tuple(one for one in last if _same(one) in kinds),
        tuple(each[-1].notes()) if each else ("no reading",),
    )


def _same(finding: Finding) -> tuple[str, str]:
    return finding.kind, finding.what


class _Look:
    """One reading, looked at."""

    def __init__(self, values: Values, circuit: Circuit) -> None:
        self._values = values
        self._circuit = circuit
        nominal = circuit.nominal_v
        self._v = {p: values.get(f"v_{p}") for p in PHASES}
        self._i = {p: values.get(f"current_{p}") for p in PHASES}
        known = [volts for volts in self._v.values() if volts is not None]
        self._top_v = max(known, default=0.0)
        self._least_a = LOADED * circuit.rated_a if circuit.rated_a else LEAST_A
        dead = DEAD_BELOW * nominal / math.sqrt(3) if nominal else LEAST_V
        self._dead = self._top_v < LEAST_V or (
            self._top_v < dead and not any(self._loaded(p) for p in PHASES)
        )

    def findings(self) -> Iterator[Finding]:
        """Yield what is wrong."""
        if self._dead:
            yield from self._currents_alone()
            return
        blown = self._blown()
        yield from blown
        if not blown:
            yield from self._connection()
            yield from self._not_nominal()
        phases = [p for p in PHASES if self._loaded(p) and (self._v[p] or 0) >= BLOWN * self._top_v]
        turned = list(directions(self._values, phases, generates=self._circuit.role == "generator"))
        yield from turned
        if not blown and not any(one.kind == "phases_swapped" for one in turned):  # that reverses it as well
            yield from self._sequence()
        yield from self._beyond_rating()

    def notes(self) -> Iterator[str]:
        """Yield what could not be told."""
        if self._dead:
            yield NO_VOLTAGE
            return
        light = [p.upper() for p in PHASES if self._i[p] is not None and not self._loaded(p)]
        if all(self._i[p] is None for p in PHASES):
            yield "no currents in this model's map: only voltages were looked at"
        elif light:
            least = f"{self._least_a:.3g} A"
            yield f"too little load on {', '.join(light)} to tell (below {least}): check again under load"
        has_phases = self._v["y"] is not None or self._i["y"] is not None
        if has_phases and not self._values.get("v_angle_y"):
            yield "the phase sequence cannot be told without angles: look at the meter's own display"

    def _loaded(self, p: str) -> bool:
        return (self._i[p] or 0.0) >= self._least_a

    def _currents_alone(self) -> Iterator[Finding]:
        loaded = [p for p in PHASES if self._loaded(p)]
        if loaded:
            amps = ", ".join(f"{p.upper()} {self._i[p]:.1f} A" for p in loaded)
            yield Finding(
                "no_voltage",
                "current flows, but the meter sees no voltage",
                "sure",
                f"{amps} at {self._top_v:.0f} V",
                "the meter's voltage fuses and the voltage leads to its terminals",
            )

    def _blown(self) -> list[Finding]:
        found = []
        for p in PHASES:
            volts = self._v[p]
            others = [self._v[o] for o in PHASES if o != p]
            if volts is None or any(other is None or other < 0.8 * self._top_v for other in others):
                continue
            if volts >= BLOWN * self._top_v:
                continue
            current = self._i[p]
            sure = self._loaded(p)
            carries = f", but its current is {current:.1f} A" if current is not None else ""
            found.append(
                Finding(
                    "fuse",
                    f"voltage of {p.upper()} missing at the meter: fuse blown or lead open",
                    "sure" if sure else "possible",
                    f"{p.upper()} {volts:.1f} V beside {self._top_v:.1f} V{carries}",
                    f"the voltage fuse and lead of {p.upper()} at the meter"
                    + ("" if sure else "; without load it may also be the supply that has lost the phase"),
                )
            )
        return found

    def _connection(self) -> Iterator[Finding]:
        """Line to line against line to neutral."""
        lines = [self._values.get(key) for key in ("v_ry", "v_yb", "v_br")]
        phases = [self._v[p] for p in PHASES]
        if any(volts is None for volts in (*lines, *phases)):
            return
        vll, vln = [v or 0.0 for v in lines], [v or 0.0 for v in phases]
        mean_ll, mean_ln = sum(vll) / 3, sum(vln) / 3
        if not mean_ln or mean_ll < LEAST_V:
            return
        shown = f"V LL {', '.join(f'{v:.1f}' for v in vll)} V, V LN {', '.join(f'{v:.1f}' for v in vln)} V"
        spread_ll, spread_ln = (max(v) - min(v) for v in (vll, vln))
        if spread_ll <= 0.04 * mean_ll and spread_ln > 0.12 * mean_ln:
            yield Finding(
                "neutral",
                "the neutral at the meter floats: open or wrongly connected",
                "likely",
                shown,
                "the neutral lead at the meter's terminal",
            )
        elif abs(mean_ll / mean_ln - math.sqrt(3)) > 0.1:
            yield Finding(
                "connection",
                "line-to-line and line-to-neutral voltage do not fit together: wrong connection type",
                "likely",
                f"{shown}: ratio {mean_ll / mean_ln:.2f} instead of 1.73",
                "the connection type set in the meter (four wires, three wires, single phase), the PT wiring",
            )

    def _not_nominal(self) -> Iterator[Finding]:
        nominal = self._circuit.nominal_v
        volts = self._values.get("vll_average") or math.sqrt(3) * (self._values.get("vln_average") or 0.0)
        if not volts:
            known = [v for v in self._v.values() if v]
            volts = math.sqrt(3) * sum(known) / len(known) if known else 0.0
        if not nominal or not volts:
            return
        factor = nominal / volts
        if max(factor, 1 / factor) > NOT_NOMINAL:
            yield Finding(
                "ratio",
                "voltage ratio (PT) or nominal voltage wrong",
                "likely",
                f"{volts:.1f} V line to line where {nominal:g} V is nominal: factor {factor:.3g}",
                "the PT ratio set in the meter, transformers.*.voltage_factor and nominal_voltage_v",
            )

    def _sequence(self) -> Iterator[Finding]:
        y, b = self._values.get("v_angle_y"), self._values.get("v_angle_b")
        if y and b and abs(y % 360 - 120) < 20 and abs(b % 360 - 240) < 20:
            yield Finding(
                "sequence",
                "phase sequence reversed (R-B-Y)",
                "possible",
                f"voltage of Y stands at {y:.0f} degrees, of B at {b:.0f}",
                "the order of the voltage leads; models that count angles backwards show the same",
            )

    def _beyond_rating(self) -> Iterator[Finding]:
        rated = self._circuit.rated_a
        top = max((amps or 0.0 for amps in self._i.values()), default=0.0)
        if rated and top > OVERLOAD * rated:
            yield Finding(
                "ratio",
                "current beyond the circuit's rating: CT ratio or rating wrong",
                "likely" if top > 2 * OVERLOAD * rated else "possible",
                f"{top:.1f} A where {rated:.0f} A is rated: {top / rated:.2g} x",
                "the CT ratio set in the meter, transformers.*.current_factor and rated_kva",
            )
