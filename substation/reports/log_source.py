"""What the history says of a day, as the log sheet needs it: every question is asked here."""

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from substation.energy.chain import Chain
from substation.energy.registers import QUARTER_MS, Register
from substation.meters import counters, ratio
from substation.meters.profile import Profile
from substation.quantities import BY_KEY, COUNTERS
from substation.reports.log_form import LogForm
from substation.reports.log_hours import Hour, Shift
from substation.settings.model import Meter, Settings
from substation.store.extremes import Reached
from substation.store.moments import NEVER_MS, At, Moment
from substation.store.reader import HistoryReader
from substation.store.schema import RAW_FROM

UNITS_OF = "wh_received"
DEMAND_OF = "vah_received"
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class MeterDay:
    """What was read of a meter on a day."""

    readings: Mapping[int, Moment]
    """By hour, UTC ms, of those that are settled; and of the begin of the shift in which the day begins."""
    chains: Mapping[str, Chain] = field(default_factory=dict)
    """By counter."""
    reached: Mapping[str, Reached] = field(default_factory=dict)
    """By instant, of all readings of the day."""
    lacking: frozenset[str] = frozenset()
    """Quantities that this model does not have."""
    coarse_ms: int = 0
    """Up to when single readings of the day are kept no longer, UTC ms; 0: they are all kept."""
    doubted: Sequence[tuple[int, int]] = ()
    """From and to when, UTC ms, nobody vouched for the clock; nothing read then stands in a figure."""


@dataclass(frozen=True, slots=True)
class ReadDay:
    """A day as it was read: everything of its sheets but what people wrote."""

    day: dt.date
    form: LogForm
    hours: Sequence[Hour]
    """First and last its two midnights."""
    shifts: Sequence[Shift]
    """Those that touch the day."""
    days: Mapping[int, MeterDay]
    """By meter."""

    @property
    def written_from_ms(self) -> int:
        """From when entries belong to the day, UTC ms: the begin of the shift in which it begins."""
        return min(self.hours[0].at_ms, *(shift.begin_ms for shift in self.shifts))

    @property
    def written_to_ms(self) -> int:
        """Until before when, UTC ms; its last midnight is part of it."""
        return self.hours[-1].at_ms + 1


def keys_of(form: LogForm, meter: Meter) -> tuple[str, ...]:
    """Return the quantities that the form asks of a meter."""
    columns = [column for column in form.column if meter.role in column.roles]
    keys = [column.quantity for column in columns if column.quantity]
    if any(column.computed == "units" for column in columns):
        keys.append(UNITS_OF)
    return tuple(dict.fromkeys(keys))


def meter_day(
    history: HistoryReader,
    settings: Settings,
    meter: Meter,
    form: LogForm,
    *,
    hours: Sequence[Hour],
    profile: Profile | None,
    from_ms: int | None = None,
) -> MeterDay:
    """Return what the history holds of a meter's day.

    Args:
        history: of the station.
        settings: of the station.
        meter: whose day.
        form: for what is asked.
        hours: of the day, first and last its two midnights.
        profile: of the meter's model; None where its file cannot be read.
        from_ms: when the shift began in which the day begins, UTC ms; None: at its midnight.

    Raises:
        StoreError: the history cannot be read, or answers too slowly.
    """
    keys, zone = keys_of(form, meter), settings.site.zone
    start_ms, end_ms = hours[0].at_ms, hours[-1].at_ms
    settled = [one.at_ms for one in hours if one.state == "past"]
    if not settled or not keys:
        return MeterDay({})
    changed = ratio.changed_ms(meter, zone)
    # over a change of the transformers' factor a day's rows are of its own factor, both midnights' too
    span = start_ms if start_ms in changed else 0, end_ms if end_ms in changed else NEVER_MS
    readings = history.readings_at(meter.id, settled, keys, span)
    begin_ms = start_ms if from_ms is None else from_ms
    if begin_ms < start_ms:
        readings = {**readings, **history.readings_at(meter.id, [begin_ms], keys)}
    also: dict[str, list[Register]] = {key: [] for key in COUNTERS if key in keys}
    for moment in readings.values():
        for key, registers in also.items():
            at = moment[key]
            if at.value is not None and at.read_ms is not None:
                registers.append(Register(at.read_ms, round(at.value * BY_KEY[key].steps_per_unit)))
    last_ms = end_ms - 1  # what holds from its last midnight on is the next day's
    rated_va = ratio.rated_kva_at(meter, last_ms, zone) * 1000
    moduli = {} if profile is None else counters.moduli(profile, ratio.factors(meter, last_ms, zone))
    chains = history.counted(meter.id, begin_ms, end_ms, also, rated_va, moduli=moduli, changed=changed)
    reached = history.reached(meter.id, [key for key in keys if key not in COUNTERS], start_ms, end_ms)
    doubted = [
        (one.begin_ms, one.end_ms)
        for one in history.clock_spans()
        if one.corrected_ms is None and one.begin_ms < end_ms and one.end_ms >= start_ms
    ]
    for key in also:
        if key in chains:
            bounds = [at_ms for at_ms in (start_ms, end_ms) if at_ms in readings and at_ms != span[0]]
            readings = _with_bounds(readings, key, _vouched(chains[key], doubted).registers, bounds)
    if doubted and DEMAND_OF in chains:
        chains[DEMAND_OF] = _vouched(chains[DEMAND_OF], doubted)
    lacking = frozenset() if profile is None else frozenset({*keys, DEMAND_OF} - profile.registers.keys())
    raw_from_ms = int(history.facts().get(RAW_FROM, "0"))
    coarse_ms = min(raw_from_ms, end_ms) if raw_from_ms > start_ms else 0
    return MeterDay(readings, chains, reached, lacking, coarse_ms, doubted)


def _with_bounds(
    readings: Mapping[int, Moment], key: str, registers: Sequence[Register], bounds: Sequence[int]
) -> dict[int, Moment]:
    """Return the readings with those of a counter at its day's bounds as statements take them.

    That is the last believed register in the quarter of an hour before midnight (`energy.account.ends`).
    """
    found = dict(readings)
    for bound_ms in bounds:
        before = [one for one in registers if bound_ms - QUARTER_MS <= one.at_ms < bound_ms]
        if before:
            last = max(before, key=lambda one: one.at_ms)
            found[bound_ms] = {
                **found[bound_ms],
                key: At(last.value / BY_KEY[key].steps_per_unit, last.at_ms),
            }
    return found


def _vouched(chain: Chain, doubted: Sequence[tuple[int, int]]) -> Chain:
    """Return a chain without the registers that were read while nobody vouched for the clock."""
    kept = [
        (one, total)
        for one, total in zip(chain.registers, chain.totals, strict=True)
        if not any(begin_ms <= one.at_ms <= end_ms for begin_ms, end_ms in doubted)
    ]
    return dataclasses.replace(
        chain, registers=tuple(one for one, _ in kept), totals=tuple(total for _, total in kept)
    )
