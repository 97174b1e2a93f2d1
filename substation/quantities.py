"""THE vocabulary: what is measured, in which unit, at which resolution.

The keys are the names in the API, the views, the profiles and the code; the labels are the CSV
header and the words of the manual (Elmeasure LG+ communication manual, 40101 family).
"""

import math
from dataclasses import dataclass
from typing import Literal

Kind = Literal["instant", "counter"]
Scale = Literal["rated_va", "rated_a", "nominal_v", "unit"]
"""What a plausible range is counted in; `unit` is the quantity's own unit."""


@dataclass(frozen=True, slots=True)
class Ratings:
    """What is normal for one meter's circuit: the scale of its plausible ranges and bars."""

    rated_va: float
    """Rating of the whole circuit, VA."""
    nominal_v: float
    """Nominal voltage, line to line, V."""
    phases: int = 3
    """Of the circuit: 1 or 3."""

    @property
    def rated_a(self) -> float:
        """Rated phase current, A: S / (phases V_LN), which for three is S / (sqrt 3 V_LL)."""
        return self.rated_va / (self.phases * self.nominal_v / math.sqrt(3))


@dataclass(frozen=True, slots=True)
class Quantity:
    """One measured quantity.

    `resolution` is the step in which the history stores it; a value is kept as a whole number of
    steps, so file, database and screen agree to the digit.
    """

    key: str
    register: int
    """As printed in the Elmeasure manual; other models say their own in their profile."""
    label: str
    unit: str
    kind: Kind
    phase: Literal["total", "R", "Y", "B", "RY", "YB", "BR"]
    steps_per_unit: int
    decimals: int
    """Digits after the point on screen, in the unit of the screen."""
    low: float
    high: float
    scale: Scale
    """Plausible from `low` to `high` times this."""

    @property
    def resolution(self) -> float:
        """The step in which the history stores it, in `unit`."""
        return 1 / self.steps_per_unit

    def to_steps(self, value: float | None) -> int | None:
        """Return the value as a whole number of steps (half to even), or None for None.

        Raises ValueError on NaN and infinity: those must be None with a reason by now.
        """
        if value is None:
            return None
        if not math.isfinite(value):
            raise ValueError(f"{self.key}: {value} is not a number to store")
        return round(value * self.steps_per_unit)

    def from_steps(self, steps: int | None) -> float | None:
        """Return the value that a number of steps stands for, in `unit`."""
        return None if steps is None else steps / self.steps_per_unit

    def plausible(self, value: float, ratings: Ratings) -> bool:
        """Return whether the value can be true on a circuit with these ratings. NaN never is."""
        if not math.isfinite(value):
            return False
        if self.key == "frequency" and value == 0:  # a meter on a dead circuit reports 0 Hz
            return True
        low, high = self.limits(ratings)
        return low <= value <= high

    def limits(self, ratings: Ratings) -> tuple[float, float]:
        """Return between which values, in `unit`, a circuit with these ratings can lie."""
        factor: float = 1.0 if self.scale == "unit" else getattr(ratings, self.scale)
        return self.low * factor, self.high * factor


def _power(key: str, register: int, label: str, unit: str, low: float) -> Quantity:
    phase = _phase_of(key)
    return Quantity(key, register, label, unit, "instant", phase, 10, 1, low, 3, "rated_va")


def _phase_of(key: str) -> Literal["total", "R", "Y", "B", "RY", "YB", "BR"]:
    last = key.rpartition("_")[2]
    match last:
        case "r":
            return "R"
        case "y":
            return "Y"
        case "b":
            return "B"
        case "ry":
            return "RY"
        case "yb":
            return "YB"
        case "br":
            return "BR"
    return "total"


def _factor(key: str, register: int, label: str) -> Quantity:
    return Quantity(key, register, label, "1", "instant", _phase_of(key), 10_000, 3, -1, 1, "unit")


def _volts(key: str, register: int, label: str) -> Quantity:
    return Quantity(key, register, label, "V", "instant", _phase_of(key), 100, 1, 0, 1.5, "nominal_v")


def _amps(key: str, register: int, label: str) -> Quantity:
    return Quantity(key, register, label, "A", "instant", _phase_of(key), 100, 2, 0, 3, "rated_a")


def _counter(key: str, register: int, label: str, unit: str) -> Quantity:
    return Quantity(key, register, label, unit, "counter", "total", 1, 0, 0, math.inf, "unit")


QUANTITIES: tuple[Quantity, ...] = (
    _power("watts_total", 40101, "Watts Total", "W", -3),
    _power("watts_r", 40103, "Watts R phase", "W", -3),
    _power("watts_y", 40105, "Watts Y phase", "W", -3),
    _power("watts_b", 40107, "Watts B phase", "W", -3),
    _power("var_total", 40109, "VAR Total", "var", -3),
    _power("var_r", 40111, "VAR R phase", "var", -3),
    _power("var_y", 40113, "VAR Y phase", "var", -3),
    _power("var_b", 40115, "VAR B phase", "var", -3),
    _factor("pf_average", 40117, "PF Avg (instant)"),
    _factor("pf_r", 40119, "PF R phase"),
    _factor("pf_y", 40121, "PF Y phase"),
    _factor("pf_b", 40123, "PF B phase"),
    _power("va_total", 40125, "VA Total", "VA", 0),
    _power("va_r", 40127, "VA R phase", "VA", 0),
    _power("va_y", 40129, "VA Y phase", "VA", 0),
    _power("va_b", 40131, "VA B phase", "VA", 0),
    _volts("vll_average", 40133, "VLL Average"),
    _volts("v_ry", 40135, "Vry Phase"),
    _volts("v_yb", 40137, "Vyb Phase"),
    _volts("v_br", 40139, "Vbr Phase"),
    _volts("vln_average", 40141, "VLN Average"),
    _volts("v_r", 40143, "V R phase"),
    _volts("v_y", 40145, "V Y phase"),
    _volts("v_b", 40147, "V B phase"),
    _amps("current_total", 40149, "Current Total"),
    _amps("current_r", 40151, "Current R phase"),
    _amps("current_y", 40153, "Current Y phase"),
    _amps("current_b", 40155, "Current B phase"),
    Quantity("frequency", 40157, "Frequency", "Hz", "instant", "total", 1000, 2, 40, 70, "unit"),
    _counter("wh_received", 40159, "Wh Received (Import)", "Wh"),
    _counter("vah_received", 40161, "VAh Received (Import)", "VAh"),
    _counter("varh_ind_received", 40163, "VARh Ind Received (Import)", "varh"),
    _counter("varh_cap_received", 40165, "VARh Cap Received (Import)", "varh"),
    _counter("wh_delivered", 40167, "Wh Delivered", "Wh"),
    _counter("vah_delivered", 40169, "VAh Delivered", "VAh"),
    _counter("varh_ind_delivered", 40171, "VARh Ind Delivered", "varh"),
    _counter("varh_cap_delivered", 40173, "VARh Cap Delivered", "varh"),
    _factor("pf_average_received", 40175, "PF Average Received"),
)

KEYS: tuple[str, ...] = tuple(quantity.key for quantity in QUANTITIES)
BY_KEY: dict[str, Quantity] = {quantity.key: quantity for quantity in QUANTITIES}
INSTANTS: tuple[str, ...] = tuple(q.key for q in QUANTITIES if q.kind == "instant")
COUNTERS: tuple[str, ...] = tuple(q.key for q in QUANTITIES if q.kind == "counter")

NOTHING: dict[str, str] = {"frequency": "no voltage"} | {
    key: "no load" for key in INSTANTS if BY_KEY[key].unit == "1"
}
"""What a circuit can be without, and why: a meter says 0 for no frequency and for no power factor."""


def is_nothing(key: str, value: float | None) -> bool:
    """Return whether a good value only says that there is none: it is no lowest, no mean and no figure.

    What the meter said stays in the history and in exports as it was said.
    """
    return value == 0 and key in NOTHING
