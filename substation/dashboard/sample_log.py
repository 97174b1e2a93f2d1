"""A made-up day of the log sheet, for the tests of the page."""

import datetime as dt
from collections.abc import Sequence

from substation.dashboard import samples
from substation.energy.chain import chain
from substation.energy.registers import Limits, Register
from substation.quantities import BY_KEY
from substation.reports import log_form, log_hours
from substation.reports.log_source import DEMAND_OF, UNITS_OF, MeterDay, ReadDay, keys_of
from substation.settings.model import Meter, Settings
from substation.store.extremes import Reached
from substation.store.moments import NOT_POLLED, At

LOST_HOUR = 3
"""At this hour nobody answered."""
QUARTER_MS = 900_000


def day(day: dt.date, meters: Sequence[Meter], settings: Settings, now_ms: int, *, held: bool) -> ReadDay:
    """Return a day of some meters; nothing was read where nothing is `held`."""
    form, zone = log_form.load(), settings.site.zone
    hours = log_hours.hours(day, zone, now_ms)
    days = {one.id: _meter_day(one, form, hours, held=held) for one in meters}
    return ReadDay(day, form, hours, log_hours.shifts(day, zone, form.shifts), days)


def _meter_day(
    meter: Meter, form: log_form.LogForm, hours: Sequence[log_hours.Hour], *, held: bool
) -> MeterDay:
    keys, settled = keys_of(form, meter), [one for one in hours if one.state == "past"]
    if not held:
        nothing = dict.fromkeys(keys, At(None, None, "there is no history yet"))
        return MeterDay({one.at_ms: nothing for one in settled})
    base, start_ms = samples.values(meter), hours[0].at_ms

    def counter(key: str, at_ms: int) -> int:
        return round((base[key] or 0.0) + 40.0 * meter.rated_kva * (at_ms - start_ms) / 900_000)

    def at(key: str, one: log_hours.Hour) -> At:
        if one.number == LOST_HOUR:
            return At(None, None, NOT_POLLED)
        value = counter(key, one.at_ms) if BY_KEY[key].kind == "counter" else base[key]
        return At(None, None, "not known") if value is None else At(float(value), one.at_ms)

    readings = {one.at_ms: {key: at(key, one) for key in keys} for one in settled}
    times = range(start_ms - 1000, settled[-1].at_ms + 1 if settled else start_ms, QUARTER_MS)
    chains = {}
    for key in (UNITS_OF, DEMAND_OF):
        registers = {Register(ms, counter(key, ms)) for ms in times}
        registers |= {Register(one.at_ms, counter(key, one.at_ms)) for one in settled}
        chains[key] = chain(sorted(registers, key=lambda one: one.at_ms), Limits())
    reached = {
        key: Reached(value * 0.7, start_ms, value * 1.2, start_ms + QUARTER_MS)
        for key in keys
        if BY_KEY[key].kind == "instant" and settled and (value := base[key]) is not None
    }
    return MeterDay(readings, chains, reached)
