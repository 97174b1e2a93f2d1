"""CT and PT factors: what a meter says, in the quantities of the circuit it measures. Pure.

A meter that was told its transformers' ratio reports the circuit's own volts and amperes and needs no
factor. One that was not reports what it has at its terminals: voltages are then multiplied by the
PT's factor, currents by the CT's, powers and energies by both; power factor and frequency stay.
Each entry of `Meter.transformers` holds from the site's midnight of its day on.
"""

import datetime as dt
import functools
from collections.abc import Mapping
from dataclasses import dataclass

from substation.quantities import QUANTITIES, Ratings
from substation.settings.model import Meter, Transformers


@dataclass(frozen=True, slots=True)
class Factors:
    """What a meter's values are multiplied by."""

    voltage: float = 1.0
    current: float = 1.0

    def of(self, unit: str) -> float:
        """Return the factor of a value in this unit; 1 for what transformers do not change."""
        match unit:
            case "V":
                return self.voltage
            case "A":
                return self.current
            case _ if unit.removeprefix("k") in _POWERS:
                return self.voltage * self.current
        return 1.0


@dataclass(frozen=True, slots=True)
class Change:
    """The factor of a meter's powers and energies is another from a midnight on."""

    at_ms: int
    before: float
    after: float


_POWERS = frozenset(("W", "var", "VA", "Wh", "varh", "VAh"))
UNCHANGED = Factors()
UNITS: Mapping[str, str] = {quantity.key: quantity.unit for quantity in QUANTITIES}
"""The unit of each quantity; `Profile.units` knows those of a model's extras too."""


def factors(meter: Meter, at_ms: int, zone: dt.tzinfo) -> Factors:
    """Return the factors in force at a moment (UTC, ms); before the first entry's day 1 x 1."""
    entry = _entry(meter.transformers, at_ms, zone)
    return Factors(entry.voltage_factor, entry.current_factor) if entry else UNCHANGED


def changes(meter: Meter, zone: dt.tzinfo) -> tuple[Change, ...]:
    """Return when the factor of a meter's energies was set to another, oldest first."""
    found = []
    for at_ms in sorted(_starts(meter.transformers, zone)):
        before, after = (factors(meter, at, zone).of("Wh") for at in (at_ms - 1, at_ms))
        if before != after:
            found.append(Change(at_ms, before, after))
    return tuple(found)


def changed_ms(meter: Meter, zone: dt.tzinfo) -> tuple[int, ...]:
    """Return at which midnights that was, UTC ms: there the registers of the circuit begin anew."""
    return tuple(change.at_ms for change in changes(meter, zone))


def rated_kva_at(meter: Meter, at_ms: int, zone: dt.tzinfo) -> float:
    """Return the circuit's rating at a moment, kVA: the entry's in force, else the meter's own."""
    entry = _entry(meter.transformers, at_ms, zone)
    return meter.rated_kva if entry is None or entry.rated_kva is None else entry.rated_kva


def ratings_at(meter: Meter, nominal_v: float, phases: int, at_ms: int, zone: dt.tzinfo) -> Ratings:
    """Return what was normal on the meter's circuit at a moment.

    Args:
        meter: whose circuit.
        nominal_v: line to line, V (`Settings.nominal_v`).
        phases: that the meter measures, by its profile.
        at_ms: UTC, ms.
        zone: of the site, for the days from which ratings hold.
    """
    return Ratings(rated_kva_at(meter, at_ms, zone) * 1000, nominal_v, phases)


def scaled(
    values: Mapping[str, float | None], found: Factors, units: Mapping[str, str] = UNITS
) -> Mapping[str, float | None]:
    """Return the values of the circuit; None stays None, and without factors it is the same object.

    Args:
        values: by key, in the unit of the key, as the meter said them.
        found: what `factors` returned.
        units: by key; `Profile.units` where extras are among the values.
    """
    if found == UNCHANGED:
        return values
    return {
        key: None if value is None else value * found.of(units.get(key, "")) for key, value in values.items()
    }


def _entry(transformers: tuple[Transformers, ...], at_ms: int, zone: dt.tzinfo) -> Transformers | None:
    """Return the entry of the latest day that has begun; no two are of one day."""
    if not transformers:
        return None
    begun = [(start, at) for at, start in enumerate(_starts(transformers, zone)) if start <= at_ms]
    return transformers[max(begun)[1]] if begun else None


@functools.lru_cache(maxsize=512)
def _starts(transformers: tuple[Transformers, ...], zone: dt.tzinfo) -> tuple[int, ...]:
    """Return when each entry begins to hold, UTC ms: this is asked at every reading."""
    starts = []
    for entry in transformers:
        midnight = dt.datetime.combine(dt.date.fromisoformat(entry.since), dt.time(), zone)
        starts.append(round(midnight.timestamp() * 1000))
    return tuple(starts)
