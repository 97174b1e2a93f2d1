"""What a wrongly wired meter reports: its inputs computed from phasors, so that every value still agrees.

The site gives volts, W and var a phase; from them follow the phasors of voltage and current. A fault
changes which phasor reaches which input, in which direction and how large, and the meter then measures
that faithfully: W and var of an input are the real and the imaginary part of V x conj(I). So a wrong
wiring looks here as it looks on site: plausible single values, and physics that tells.
"""

import cmath
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

PHASES = "ryb"
_TURN = {"r": cmath.rect(1, 0), "y": cmath.rect(1, -2 * math.pi / 3), "b": cmath.rect(1, 2 * math.pi / 3)}
"""Phasors of a source that turns right: Y follows R by a third of a turn."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """How one meter is connected; as made, all is well."""

    reversed_cts: str = ""
    """Phases whose CT is reversed: "r", "yb"."""
    currents: str = PHASES
    """Which phase's current reaches the inputs R, Y, B: "yrb" = the CTs of R and Y are swapped."""
    voltages: str = PHASES
    """Which phase's voltage reaches the inputs R, Y, B."""
    blown: str = ""
    """Phases whose voltage fuse is blown: that input sees nothing."""
    ct_factor: float = 1.0
    """Currents as shown / as they are: 2.0 where 200/5 was set and the CTs are 100/5."""
    pt_factor: float = 1.0
    """The same of voltages."""
    _faultless: bool = field(init=False, repr=False, compare=False, default=True)

    def __post_init__(self) -> None:
        for order in (self.currents, self.voltages):
            if sorted(order) != sorted(PHASES):
                raise ValueError(f"'{order}': name each of the phases r, y, b once")
        if not set(self.reversed_cts + self.blown) <= set(PHASES):
            raise ValueError(f"'{self.reversed_cts}{self.blown}': the phases are r, y, b")
        if self.ct_factor <= 0 or self.pt_factor <= 0:
            raise ValueError("a ratio is above 0")
        plain = (self.reversed_cts, self.currents, self.voltages, self.blown, self.ct_factor, self.pt_factor)
        object.__setattr__(self, "_faultless", plain == ("", PHASES, PHASES, "", 1.0, 1.0))

    @classmethod
    def sequence_reversed(cls) -> "Wiring":
        """Return the wiring with Y and B exchanged in voltages and currents alike."""
        return cls(currents="rby", voltages="rby")

    def shown(self, true: Mapping[str, float]) -> dict[str, float]:
        """Return what the meter reports of a circuit with these true quantities (as `Site.at` gives them)."""
        volts = {p: true[f"v_{p}"] * _TURN[p] for p in PHASES}
        amps = {
            p: (complex(true[f"watts_{p}"], true[f"var_{p}"]) / volts[p]).conjugate() if volts[p] else 0j
            for p in PHASES
        }
        if self._faultless:
            return {**true, **_angles(volts, amps)}
        v_in = {
            at: 0j if at in self.blown else volts[source] * self.pt_factor
            for at, source in zip(PHASES, self.voltages, strict=True)
        }
        i_in = {
            at: amps[source] * self.ct_factor * (-1 if at in self.reversed_cts else 1)
            for at, source in zip(PHASES, self.currents, strict=True)
        }
        return {**true, **_measured(v_in, i_in), **_angles(v_in, i_in)}


def _measured(volts: Mapping[str, complex], amps: Mapping[str, complex]) -> dict[str, float]:
    """Return every instant that follows from the phasors at the meter's inputs."""
    found: dict[str, float] = {}
    for p in PHASES:
        power = volts[p] * amps[p].conjugate()
        apparent = abs(power)
        found |= {
            f"v_{p}": abs(volts[p]),
            f"current_{p}": abs(amps[p]),
            f"watts_{p}": power.real,
            f"var_{p}": power.imag,
            f"va_{p}": apparent,
            f"pf_{p}": power.real / apparent if apparent else 0.0,
        }
    for a, b in itertools.pairwise("rybr"):
        found[f"v_{a}{b}"] = abs(volts[a] - volts[b])
    for total, parts in (("watts", "watts"), ("var", "var"), ("va", "va"), ("current", "current")):
        found[f"{total}_total"] = sum(found[f"{parts}_{p}"] for p in PHASES)
    found["vln_average"] = sum(found[f"v_{p}"] for p in PHASES) / 3
    found["vll_average"] = (found["v_ry"] + found["v_yb"] + found["v_br"]) / 3
    apparent = found["va_total"]
    found["pf_average"] = found["watts_total"] / apparent if apparent else 0.0
    return found


def _angles(volts: Mapping[str, complex], amps: Mapping[str, complex]) -> dict[str, float]:
    """Return the angles against V of R, 0 to 360 degrees, as models with such registers give them."""
    base = cmath.phase(volts["r"])
    return {
        f"{name}_angle_{p}": math.degrees(cmath.phase(phasors[p]) - base) % 360
        for name, phasors in (("v", volts), ("current", amps))
        for p in PHASES
    }
