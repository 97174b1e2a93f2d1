"""What a simulated meter says beyond the 38 quantities: derived from them where physics tells, else 0."""

import math
from collections.abc import Callable, Mapping

Values = Mapping[str, float]

_LIVE_V = 50.0
"""Below this phase voltage a phase has no distortion, no angle and no load."""
_THD_V, _THD_A = 1.8, 6.4
"""Total harmonic distortion of an ordinary low-voltage network, %."""
_SHARE = {"r": 0.34, "y": 0.33, "b": 0.33}
"""Part of a three-phase energy that each phase carries."""
_TURN = {"r": 0.0, "y": 240.0, "b": 120.0}
"""Angle of each phase voltage, degrees."""
_COUNTERS = ("wh", "vah", "varh_ind", "varh_cap")
_SERIAL = 12_345.0


def extra(key: str, unit: str, values: Values) -> float:
    """Return a plausible value of an extra, in its unit."""
    name = key.removesuffix("_float")
    whole = _WHOLE.get(name)
    if whole is not None:
        value = whole(values)
    elif name in ("serial_number", "model_number"):
        value = _SERIAL
    else:
        value = _of_phase(name, values)
    return value / 1000 if unit.startswith("k") else value


def _sum(*keys: str) -> Callable[[Values], float]:
    return lambda values: sum(values.get(key, 0.0) for key in keys)


def _neutral(values: Values) -> float:
    """Return the current in the neutral of three phases at 120 degrees, A."""
    r, y, b = (values.get(f"current_{phase}", 0.0) for phase in "ryb")
    return math.sqrt(max(0.0, r * r + y * y + b * b - r * y - y * b - b * r))


_WHOLE: dict[str, Callable[[Values], float]] = {
    "current_neutral": _neutral,
    "current_sum": _sum("current_r", "current_y", "current_b"),
    "watts_demand": _sum("watts_total"),
    "watts_max_demand": _sum("watts_total"),
    "va_demand": _sum("va_total"),
    "va_max_demand": _sum("va_total"),
    "var_demand": _sum("var_total"),
    "var_max_demand": _sum("var_total"),
    "wh_total": _sum("wh_received", "wh_delivered"),
    "wh_net": lambda values: values.get("wh_received", 0.0) - values.get("wh_delivered", 0.0),
    "varh_received": _sum("varh_ind_received", "varh_cap_received"),
    "varh_delivered": _sum("varh_ind_delivered", "varh_cap_delivered"),
    "varh_total": _sum("varh_ind_received", "varh_cap_received", "varh_ind_delivered", "varh_cap_delivered"),
    "vah_total": _sum("vah_received", "vah_delivered"),
    "varh_ind_total": _sum("varh_ind_received", "varh_ind_delivered"),
}
"""Extras of the circuit as a whole, in base units."""


def _of_phase(name: str, values: Values) -> float:
    """Return an extra of one phase, or 0 for what nothing tells."""
    stem, _, phase = name.rpartition("_")
    if stem in ("thd_v", "thd_current"):
        live = values.get(f"v_{phase[0]}" if phase != "average" else "vln_average", 0.0) > _LIVE_V
        return (_THD_V if stem == "thd_v" else _THD_A) if live else 0.0
    if phase not in _SHARE:
        return 0.0
    if stem.rpartition("_")[0] in _COUNTERS:
        return _SHARE[phase] * values.get(stem, 0.0)
    match stem:
        case "pf_average_received":
            return values.get(f"pf_{phase}", 0.0)
        case "current_average_received":
            return values.get(f"current_{phase}", 0.0)
        case "v_angle":
            return _TURN[phase] if values.get(f"v_{phase}", 0.0) > _LIVE_V else 0.0
    return 0.0
