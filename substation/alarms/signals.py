"""What is known of everything that a rule can watch: from readings, their quality, verdicts and health. Pure.

A value that the meter did not say, that physics doubts, or that is too old is unknown, with its reason: never
zero, never the last one for ever. A circuit that is seen without voltage has no frequency, no unbalance, no
low voltage: such an alarm is over, and that it has no supply is an alarm of its own.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from substation.alarms import mains
from substation.alarms.engine import Known, Signal
from substation.alarms.plan import of_line, of_meter
from substation.alarms.supply import Verdict
from substation.alarms.vocabulary import LIGHT, Condition
from substation.quantities import Ratings
from substation.readings import Reading
from substation.settings.model import Meter, Settings

Unbalance = Callable[[Sequence[float]], float | None]
"""NEMA's of three magnitudes (`energy.unbalance.nema`): the rooms of one floor do not know each other."""

_TO_LINE, _TO_NEUTRAL = ("v_ry", "v_yb", "v_br"), ("v_r", "v_y", "v_b")
_CURRENTS = ("current_r", "current_y", "current_b")
_ALIVE = 0.10
"""Below this part of nominal in the mean there is no voltage that could be unbalanced (IEC 61000-4-30)."""
_QUALITY_WORDS = {
    "no_answer": "the meter did not answer",
    "refused": "the meter refused to be read",
    "disabled": "this meter does not say it",
    "implausible": "what the meter said cannot be true",
}


@dataclass(frozen=True, slots=True)
class Circuit:
    """What is known of one meter's circuit in a step."""

    meter: Meter
    ratings: Ratings
    reading: Reading | None
    """The newest, answered or not; None before the first."""
    verdict: Verdict | None
    silent: bool
    """Whether its communication has failed."""


@dataclass(frozen=True, slots=True)
class Station:
    """What is known beside the circuits."""

    down: Mapping[str, str]
    """Lines that are down, and why."""
    health: Mapping[str, Signal]
    """`disk`, `copies`, `clock`, `audit_chain`; what is missing is not known."""


def known(
    settings: Settings,
    circuits: Sequence[Circuit],
    station: Station,
    unbalance: Unbalance,
    *,
    now_ms: int,
    fresh_ms: int,
) -> Known:
    """Return the signals and conditions of every subject.

    Args:
        settings: the lines, and whether the bus sections have couplers.
        circuits: of every meter.
        station: lines that are down, and the monitoring's own health.
        unbalance: the formula.
        now_ms: UTC, ms.
        fresh_ms: an older reading says nothing about now.
    """
    signals: dict[str, Mapping[str, Signal]] = {"station": station.health}
    for line in settings.lines:
        why = station.down.get(line.name, "")
        signals[of_line(line.name)] = {
            "adapter_lost": Signal(bool(why), now_ms, 0.0, why or "the line works")
        }
    conditions: dict[str, Mapping[Condition, bool | None]] = {}
    verdicts = {circuit.meter.id: circuit.verdict for circuit in circuits}
    meters, coupled = [circuit.meter for circuit in circuits], settings.site.bus_coupler
    for circuit in circuits:
        subject = of_meter(circuit.meter.id)
        values = _Values(circuit, now_ms, fresh_ms)
        signals[subject] = {**_states(circuit, now_ms), **_numbers(values, unbalance)}
        dead = mains.is_dead(circuit.verdict)
        is_source = circuit.meter.role == "incomer"
        unfed = False if is_source else mains.without_mains(circuit.meter, meters, verdicts, coupled=coupled)
        conditions[subject] = {
            "incomer_dead": mains.incomer_dead(circuit.meter, meters, verdicts, coupled=coupled),
            "circuit_dead": dead,
            "meter_unfed": _any(dead, unfed) if circuit.meter.aux_supply == "own" else False,
            "load_below_tenth": _is_light(values),
            "line_down": circuit.meter.line in station.down,
        }
    return Known(signals, conditions)


class _Values:
    """One reading's values, each with its quality."""

    def __init__(self, circuit: Circuit, now_ms: int, fresh_ms: int) -> None:
        reading = circuit.reading
        self.ratings, self.now_ms = circuit.ratings, now_ms
        self._reading, self._why = reading, ""
        if reading is None:
            self._why = "not read yet"
        elif not reading.answered:
            self._why = _QUALITY_WORDS.get(reading.quality.value, reading.quality.value)
        elif abs(now_ms - reading.at_ms) > fresh_ms:
            self._why = "it was not read of late"
        self.at_ms = reading.at_ms if reading else now_ms

    def of(self, key: str) -> float | None:
        """Return a value that can be believed, or None."""
        reading = self._reading
        if self._why or reading is None or key in reading.implausible:
            return None
        return reading.values.get(key)

    def every(self, keys: Sequence[str]) -> list[float] | None:
        """Return those of the values that the meter has; None where one of them cannot be believed."""
        reading = self._reading
        if self._why or reading is None:
            return None
        found = [self.of(key) for key in keys if key in reading.values]
        good = [value for value in found if value is not None]
        return good if good and len(good) == len(found) else None

    def why(self, *keys: str) -> str:
        """Return why a value is not known."""
        if self._why or self._reading is None:
            return self._why
        has = any(key in self._reading.values for key in keys)
        return _QUALITY_WORDS["implausible" if has else "disabled"]

    def signal(self, value: float | None, *keys: str, base: float = 0.0, absent: str = "") -> Signal:
        """Return a signal made of the values of these keys; `absent` says why there can be none."""
        if value is None:
            return Signal(None, self.at_ms, base, absent or self.why(*keys), bool(absent))
        return Signal(value, self.at_ms, base)


def _states(circuit: Circuit, now_ms: int) -> dict[str, Signal]:
    verdict = circuit.verdict
    if verdict is None or verdict.supply == "unknown":
        why = verdict.evidence if verdict else "not read yet"
        unknown = Signal(None, now_ms, 0.0, why)
        supply = {"supply_dead": unknown, "phase_lost": unknown}
    else:
        since_ms, why = verdict.since_ms, verdict.evidence
        supply = {
            "supply_dead": Signal(verdict.supply == "dead", since_ms, 0.0, why),
            "phase_lost": Signal(verdict.supply == "phase_lost", since_ms, 0.0, why),
        }
    if circuit.silent:
        silent_ms = verdict.silent_ms if verdict and verdict.silent_ms is not None else now_ms
        why = verdict.evidence if verdict and verdict.supply == "unknown" else "no valid answer"
        return {**supply, "communication_lost": Signal(True, silent_ms, 0.0, why)}
    if circuit.reading is None:
        return {**supply, "communication_lost": Signal(None, now_ms, 0.0, "not read yet")}
    return {**supply, "communication_lost": Signal(False, now_ms, 0.0, "it answers")}


def _numbers(values: _Values, unbalance: Unbalance) -> dict[str, Signal]:
    ratings = values.ratings
    to_line = values.every(_TO_LINE)
    voltages = to_line or values.every(_TO_NEUTRAL)
    nominal_v = ratings.nominal_v if to_line else ratings.nominal_v / math.sqrt(3)
    currents = values.every(_CURRENTS)
    alive = voltages is not None and sum(voltages) / len(voltages) >= _ALIVE * nominal_v
    no_voltage = "" if voltages is None or alive else "there is no voltage"
    frequency, power_factor = values.of("frequency"), values.of("pf_average")
    keys = (*_TO_LINE, *_TO_NEUTRAL)
    return {
        "voltage_lowest": values.signal(
            min(voltages) if voltages and alive else None, *keys, base=nominal_v, absent=no_voltage
        ),
        "voltage_highest": values.signal(max(voltages) if voltages else None, *keys, base=nominal_v),
        "voltage_unbalance": values.signal(
            unbalance(voltages) if voltages and alive and len(voltages) == len(_TO_LINE) else None,
            *keys,
            absent=no_voltage,
        ),
        "current_highest": values.signal(
            max(currents) if currents else None, *_CURRENTS, base=ratings.rated_a
        ),
        "current_unbalance": values.signal(
            unbalance(currents) if currents and len(currents) == len(_CURRENTS) else None, *_CURRENTS
        ),
        "apparent_power": values.signal(values.of("va_total"), "va_total", base=ratings.rated_va),
        "active_power": values.signal(values.of("watts_total"), "watts_total", base=ratings.rated_va),
        "power_factor": values.signal(None if power_factor is None else abs(power_factor), "pf_average"),
        "frequency": values.signal(frequency or None, "frequency", absent=no_voltage),
    }


def _is_light(values: _Values) -> bool | None:
    """Return whether the load is below a tenth of the rating, by apparent power, else by current."""
    va = values.of("va_total")
    if va is not None:
        return va < LIGHT * values.ratings.rated_va
    currents = values.every(_CURRENTS)
    return None if currents is None else sum(currents) / len(currents) < LIGHT * values.ratings.rated_a


def _any(one: bool | None, other: bool | None) -> bool | None:
    """Return whether one of them is true; None where that is not known."""
    return True if one or other else None if None in (one, other) else False
