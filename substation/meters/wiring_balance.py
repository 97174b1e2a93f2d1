"""Do incomer and feeders balance, and whose ratio would explain it where they do not? Pure."""

import math
from collections.abc import Mapping

from substation.meters.finding import Finding

BALANCE_LOW, BALANCE_HIGH = 0.9, 1.15
"""Incomer / sum of feeders on a healthy site: losses and what no feeder measures lie between."""
RATIOS = (
    1.2,
    1.25,
    4 / 3,
    1.5,
    1.6,
    5 / 3,
    math.sqrt(3),
    2.0,
    2.5,
    3.0,
    4.0,
    5.0,
    6.0,
    8.0,
    10.0,
    20.0,
    25.0,
)
"""By which two usual transformer ratios differ."""
SNAP = 0.04


def balance(powers: Mapping[str, float], incomer: str) -> list[Finding]:
    """Return whether incomer and feeders agree, and whose ratio would explain it where they do not.

    Args:
        powers: W of the incomer and of all its feeders, by name, taken together.
        incomer: whose name is the incomer's.
    """
    feeders = {name: watts for name, watts in powers.items() if name != incomer}
    total, supplied = sum(feeders.values()), powers[incomer]
    if not feeders or min(total, supplied) <= 0:
        return []
    share = supplied / total
    if BALANCE_LOW <= share <= BALANCE_HIGH:
        return []
    shown = f"{incomer} {supplied / 1000:.1f} kW, feeders together {total / 1000:.1f} kW"
    suspects = []
    for name, watts in powers.items():
        others = total - feeders.get(name, 0.0)
        needed = total if name == incomer else supplied - others
        if watts <= 0 or needed <= 0:
            continue
        factor = needed / watts
        usual = min(RATIOS, key=lambda ratio: abs(math.log(max(factor, 1 / factor) / ratio)))
        off = abs(math.log(max(factor, 1 / factor) / usual))
        suspects.append((off, name, factor))
    near = [f"{name} x {factor:.3g}" for off, name, factor in sorted(suspects) if off <= SNAP]
    far = [f"{name} x {factor:.3g}" for _, name, factor in sorted(suspects)]
    which = f"; it would fit with {' or '.join(near or far)}" if suspects else ""
    missing = share > BALANCE_HIGH
    return [
        Finding(
            "ratio",
            "incomer and feeders do not balance: a CT ratio is wrong"
            + (", or a feeder is not metered" if missing else ""),
            "possible" if missing and not near else "likely",
            f"{shown}: {share:.2f} x{which}",
            "the CT ratio set in each of these meters, transformers.*.current_factor, the CTs' name plates",
        )
    ]
