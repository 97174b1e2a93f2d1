"""How unequal the three phases are, and what then flows in the neutral. Pure.

All from magnitudes, which is what a meter tells. A meter that is polled every second or two is no instrument
of IEC 61000-4-30 class A or S, whose unbalance is a mean over 10 min: these figures are indicative, polled.
"""

import math
from collections.abc import Sequence

DEAD = 0.10
"""Below this part of nominal in the mean there is no voltage to be unbalanced (IEC 61000-4-30: 5 to 10 %)."""
LIGHT = 0.10
"""Below this part of the rated current an unbalance of the currents is no finding: one lamp makes it."""


def nema(values: Sequence[float]) -> float | None:
    """Return the greatest deviation from the mean, in per cent of the mean; None where the mean is nothing.

    NEMA MG-1 14.36 (line voltage unbalance rate) of line-to-line voltages: 100 max|Vi - Vavg| / Vavg.
    IEEE Std 112 (phase voltage unbalance rate) is the same of phase-to-neutral voltages; practice takes it of
    currents as well.
    """
    mean = sum(values) / len(values)
    if mean <= 0:
        return None
    return 100 * max(abs(value - mean) for value in values) / mean


def iec_u2(v_ry: float, v_yb: float, v_br: float) -> float | None:
    """Return negative by positive sequence, u2 = V2 / V1 in per cent; None without voltage.

    IEC 61000-4-30:2015 5.7.1, from the magnitudes of the line-to-line voltages alone:
    beta = (Vry^4 + Vyb^4 + Vbr^4) / (Vry^2 + Vyb^2 + Vbr^2)^2,
    u2 = 100 sqrt((1 - sqrt(3 - 6 beta)) / (1 + sqrt(3 - 6 beta))).
    Roots of less than nothing, which rounding and three readings of not quite one moment bring, count as 0.
    """
    squares = [v * v for v in (v_ry, v_yb, v_br)]
    whole = sum(squares)
    if whole <= 0:
        return None
    beta = sum(square * square for square in squares) / whole**2
    root = math.sqrt(max(0.0, 3 - 6 * beta))
    return 100 * math.sqrt(max(0.0, (1 - root) / (1 + root)))


def neutral(current_r: float, current_y: float, current_b: float) -> float:
    """Return an estimate of the neutral's current, in the unit of the three.

    IEEE Std 1459-2010, the sum of three phasors: In = sqrt(Ir^2 + Iy^2 + Ib^2 - Ir Iy - Iy Ib - Ib Ir), if
    the currents were 120 degrees apart (equal power factors) and without harmonics. Those of the third order
    add up in a real neutral, which may carry far more.
    """
    r, y, b = current_r, current_y, current_b
    return math.sqrt(((r - y) ** 2 + (y - b) ** 2 + (b - r) ** 2) / 2)  # the same, and 0 for three equal ones


def lag_degrees(watts: float, var: float) -> float | None:
    """Return by how much a phase's current lags its voltage, -180 to 180 degrees; None without power.

    IEEE Std 1459-2010 3.1.1.1: P = V I cos(phi), Q = V I sin(phi), so phi = atan2(Q, P) in all four
    quadrants: above 0 lagging, below 0 leading, beyond 90 degrees power flows back.
    """
    if watts == 0 and var == 0:
        return None
    return math.degrees(math.atan2(var, watts))
