"""What happens to a meter's registers: it freezes, is reset, exchanged, rolls over, says one wild value."""

import math
from collections.abc import Mapping

from substation.quantities import COUNTERS
from substation.simulator.faults import Fault

BEGINNINGS = ("reset", "swap", "rollover")
"""Faults that last."""


class Counting:
    """The registers of every meter of one line, as they are shown."""

    def __init__(self) -> None:
        self._offsets: dict[int, dict[str, float]] = {}
        self._moduli: dict[int, float] = {}
        self._said: dict[int, dict[str, float]] = {}

    def shown(self, meter_id: int, values: Mapping[str, float], fault: Fault | None) -> dict[str, float]:
        """Return what the meter shows while its circuit is so; a reset or an exchange stays for ever."""
        kind = fault.kind if fault else ""
        if kind == "frozen" and meter_id in self._said:
            return dict(self._said[meter_id])
        if fault and kind in BEGINNINGS:
            self._begin_anew(meter_id, values, fault)
        offsets, modulus = self._offsets.get(meter_id, {}), self._moduli.get(meter_id, math.inf)
        shown = dict(values)
        for key in COUNTERS:
            value = values.get(key, 0.0) + offsets.get(key, 0.0)
            shown[key] = value if value < modulus else math.fmod(value, modulus)
        self._said[meter_id] = shown
        if fault and kind == "wild":
            return shown | dict.fromkeys(fault.keys or COUNTERS, fault.level)
        return shown

    def _begin_anew(self, meter_id: int, values: Mapping[str, float], fault: Fault) -> None:
        offsets = self._offsets.setdefault(meter_id, {})
        for key in fault.keys or COUNTERS:
            now = values.get(key, 0.0)
            match fault.kind:
                case "reset":
                    offsets[key] = -now
                case "swap":
                    offsets[key] = fault.level - now if now else 0.0
                case "rollover":
                    offsets[key] = fault.modulus - fault.short - now if now else 0.0
        if fault.kind == "rollover":
            self._moduli[meter_id] = fault.modulus
