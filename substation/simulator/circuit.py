"""What one meter sees of its circuit, and the 38 quantities that it makes of it."""

import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

from substation.simulator.registers import Rates

Phases = tuple[float, float, float]
ZERO: Phases = (0.0, 0.0, 0.0)
INDUCED_V = 2.6
"""What stands, about, on a phase that is lost, by the capacitance of its cable to the other two."""
LEAST_SUPPLY_V = 80.0
"""Of a meter with a supply for 80 to 480 V, as most have; so a single lost phase leaves it awake."""


class Circuit(NamedTuple):
    """What one meter sees, by phase R, Y, B."""

    volts: Phases
    watts: Phases
    vars: Phases
    hz: float


DEAD = Circuit(ZERO, ZERO, ZERO, 0.0)


def powers(circuits: Sequence[Circuit]) -> Rates:
    """Return W, VA and var of each circuit, one after the other: what its registers integrate."""
    result: list[float] = []
    for _, (w_r, w_y, w_b), (q_r, q_y, q_b), _ in circuits:
        va = math.hypot(w_r, q_r) + math.hypot(w_y, q_y) + math.hypot(w_b, q_b)
        result += (w_r + w_y + w_b, va, q_r + q_y + q_b)
    return tuple(result)


def _line_volts(one: float, other: float) -> float:
    """Return V between two phasors 120 degrees apart: sqrt(a^2 + b^2 + ab)."""
    return math.sqrt(one * one + other * other + one * other)


def _amps(va: float, volts: float) -> float:
    return va / volts if va else 0.0


def without(circuit: Circuit, lost: Collection[int], induced: Phases) -> Circuit:
    """Return the circuit without the phases that are lost: no current, no power, a few induced volts."""
    if not lost:
        return circuit
    volts, watts, reactive = list(circuit.volts), list(circuit.watts), list(circuit.vars)
    for phase in lost:
        volts[phase], watts[phase], reactive[phase] = induced[phase], 0.0, 0.0
    return Circuit(
        (volts[0], volts[1], volts[2]),
        (watts[0], watts[1], watts[2]),
        (reactive[0], reactive[1], reactive[2]),
        circuit.hz,
    )


def keeps_awake(circuit: Circuit) -> bool:
    """Return whether a meter that lives from the circuit works: its wide supply lies between phases."""
    (v_r, v_y, v_b) = circuit.volts
    return max(_line_volts(v_r, v_y), _line_volts(v_y, v_b), _line_volts(v_b, v_r)) >= LEAST_SUPPLY_V


def quantities(circuit: Circuit, start: dict[str, float], energies: Rates) -> dict[str, float]:
    """Return the 38 quantities of a circuit, unrounded; `start` is what its registers held at the epoch."""
    (v_r, v_y, v_b), (w_r, w_y, w_b), (q_r, q_y, q_b), hz = circuit
    s_r, s_y, s_b = math.hypot(w_r, q_r), math.hypot(w_y, q_y), math.hypot(w_b, q_b)
    w, q, s = w_r + w_y + w_b, q_r + q_y + q_b, s_r + s_y + s_b
    i_r, i_y, i_b = _amps(s_r, v_r), _amps(s_y, v_y), _amps(s_b, v_b)
    v_ry, v_yb, v_br = _line_volts(v_r, v_y), _line_volts(v_y, v_b), _line_volts(v_b, v_r)
    wh = start["wh_received"] + energies[0]
    vah = start["vah_received"] + energies[1]
    return {
        "watts_total": w,
        "watts_r": w_r,
        "watts_y": w_y,
        "watts_b": w_b,
        "var_total": q,
        "var_r": q_r,
        "var_y": q_y,
        "var_b": q_b,
        "pf_average": w / s if s else 0.0,
        "pf_r": w_r / s_r if s_r else 0.0,
        "pf_y": w_y / s_y if s_y else 0.0,
        "pf_b": w_b / s_b if s_b else 0.0,
        "va_total": s,
        "va_r": s_r,
        "va_y": s_y,
        "va_b": s_b,
        "vll_average": (v_ry + v_yb + v_br) / 3,
        "v_ry": v_ry,
        "v_yb": v_yb,
        "v_br": v_br,
        "vln_average": (v_r + v_y + v_b) / 3,
        "v_r": v_r,
        "v_y": v_y,
        "v_b": v_b,
        "current_total": i_r + i_y + i_b,
        "current_r": i_r,
        "current_y": i_y,
        "current_b": i_b,
        "frequency": hz,
        "wh_received": wh,
        "vah_received": vah,
        "varh_ind_received": start["varh_ind_received"] + energies[2],
        "varh_cap_received": start["varh_cap_received"],  # nothing here ever leads
        "wh_delivered": 0.0,
        "vah_delivered": 0.0,
        "varh_ind_delivered": 0.0,
        "varh_cap_delivered": 0.0,
        "pf_average_received": wh / vah,  # the energy factor since the registers began
    }
