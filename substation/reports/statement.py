"""A month's statement worked out: readings and units, demand, factors, supply, and the month before it.

    found = worked_out(settings, history, "2026-11", now_ms, written=..., profiles=...)
    found.now, found.before         each a `Month`: of each meter a `MeterMonth`
    found.groups(), found.balance() what they come to together

Every figure comes from the meters' own registers (`energy.account`) and from what was seen of supply
(`supply_record`). What is not known is None with its reason; nothing is estimated. Energies are Wh, VAh,
varh; demands W or VA; times UTC, ms.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from substation.clock import site_time
from substation.energy import demand
from substation.energy.account import Account, account, load_factor
from substation.energy.chain import Chain
from substation.energy.power_factor import NO_FACTOR, PeriodFactor
from substation.errors import RequestError
from substation.meters import counters, ratio
from substation.meters.profile import Profile
from substation.quantities import COUNTERS
from substation.reports import supply_entries, supply_record
from substation.reports.supply_record import Record
from substation.settings.model import Meter, Settings
from substation.store.clock_spans import Span
from substation.store.entries import Entry, Place
from substation.store.reader import Completeness, HistoryReader
from substation.store.registers import Energy

UNITS = "wh_received"
FIRST_YEAR, LAST_YEAR = 2000, 2999
NEAR_MS = 330_000
"""A reading this close to midnight is the month's; one that is further off is told of. Registers are read
once a minute, those of a demo's past and of many imports every five minutes."""
SILENT_MS = 900_000
"""In a month that goes on the last reading may be so old: a few lost answers, a restart of the poller and
minutes in which the statement is shared lack nothing. A meter that is silent for longer is told of."""
NOT_READ = "its register was not read in this month"
NO_BLOCK = "no block was read at both its ends"
CONTRADICT = "the highest block was not measured"
NOTHING = Completeness(0, 0)
INCOMPLETE = "what flowed is not known in full"


@dataclass(frozen=True, slots=True)
class Between:
    """What flowed between a month's closing reading and the next one's opening reading."""

    begin_ms: int
    end_ms: int
    wh: int | None
    """None: unknown."""


@dataclass(frozen=True, slots=True)
class MeterMonth:
    """One meter's month."""

    meter: Meter
    accounts: Mapping[str, Account] = field(default_factory=dict)
    """By counter, of those that were read."""
    demand: tuple[float, int] | None = None
    """The highest block, VA or W, and when it began."""
    demand_in: str = "VA"
    load_factor: float | None = None
    load_why: str = ""
    factor: PeriodFactor = NO_FACTOR
    completeness: Completeness = NOTHING
    """Answered polls, or quarters of an hour with an answer, found and due."""
    between: Between | None = None
    """Before it, where its opening reading is not the closing one of the month before."""
    multiplier: float = 1.0
    """By which the meter's own figures are multiplied (CT x PT); 1: it knows its transformers."""
    changes: Sequence[ratio.Change] = ()
    """When that was set to another, in any month."""

    def units(self, key: str = UNITS) -> int | None:
        """Return what a counter counted; None where that is not known."""
        found = self.accounts.get(key)
        return None if found is None else found.units

    def why(self, key: str = UNITS) -> str:
        """Return in words why that is not known."""
        found = self.accounts.get(key)
        return NOT_READ if found is None else found.doubt


@dataclass(frozen=True, slots=True)
class DgMonth:
    """A generator's month."""

    meter: Meter
    starts: int = 0
    hours: float | None = 0.0
    """As noted, of the runs that began in the month; None: known between bounds only."""
    least_hours: float = 0.0
    most_hours: float | None = 0.0
    """None: of a run nobody knows until when it can have lasted."""
    litres: float | None = None
    """As written into the DG log; None: of at least one run nothing is written, or there was none."""
    unwritten: int = 0
    """Runs of which no litres are written."""
    run_wh: float | None = None
    """What those runs gave, of which litres are written; None: of at least one it is not known as a whole."""


@dataclass(frozen=True, slots=True)
class Month:
    """One month of the station."""

    name: str
    """Such as November 2026."""
    key: str
    """Such as 2026-11."""
    start_ms: int
    end_ms: int
    until_ms: int
    """Now, while it goes on; else its end."""
    meters: Sequence[MeterMonth]
    sets: Sequence[DgMonth]
    record: Record
    doubted: Sequence[Span] = ()
    """When nobody vouched for the clock that stamped the readings."""

    @property
    def short(self) -> str:
        """Its name above a column: Nov 2026."""
        return f"{dt.datetime.strptime(self.key, '%Y-%m'):%b %Y}"

    @property
    def over(self) -> bool:
        """Whether it is."""
        return self.until_ms >= self.end_ms

    def of(self, meter_id: int) -> MeterMonth:
        """Return one meter's; raises StopIteration for one that is not configured."""
        return next(one for one in self.meters if one.meter.id == meter_id)

    def answered(self, some: Iterable[Meter]) -> float:
        """Return in which part of the polls due all of these answered, 0 to 1: that of the worst."""
        return min((min(self.of(meter.id).completeness.share or 0.0, 1.0) for meter in some), default=0.0)

    def is_whole(self, meter: Meter, key: str = UNITS) -> bool:
        """Return whether a register's units are those of the whole month, or of it so far, without a gap."""
        found = self.of(meter.id).accounts.get(key)
        if found is None or found.units is None or found.cuts or self.doubted:
            return False
        return abs(found.opening.at_ms - self.start_ms) <= NEAR_MS and not self.ends_early(found)

    def ends_early(self, found: Account) -> bool:
        """Return whether a register was not read up to the month's end, or up to now while it goes on."""
        return self.until_ms - found.closing.at_ms > (NEAR_MS if self.over else SILENT_MS)

    def sum(self, some: Iterable[Meter], key: str = UNITS) -> int | None:
        """Return what several meters counted together; None where one of them is not known."""
        found = [self.of(meter.id).units(key) for meter in some]
        known = [units for units in found if units is not None]
        return sum(known) if found and len(known) == len(found) else None

    def unknown(self, some: Iterable[Meter], key: str = UNITS) -> str:
        """Return in words of which of them the units are not known."""
        lacking = [meter.name for meter in some if self.of(meter.id).units(key) is None]
        return f"the units of {', '.join(lacking)} are not known" if lacking else "there is no such meter"


@dataclass(frozen=True, slots=True)
class Statement:
    """A month, and the one before it."""

    now: Month
    before: Month
    block_minutes: int

    @property
    def meters(self) -> list[Meter]:
        """Those of the station, in its order."""
        return [one.meter for one in self.now.meters]

    def comparable(self, some: Iterable[Meter], key: str = UNITS) -> bool:
        """Return whether the two months of all these are whole, so that one may be set against the other."""
        months = (self.now, self.before)
        return self.now.over and all(month.is_whole(meter, key) for meter in some for month in months)

    def groups(self) -> dict[str, list[Meter]]:
        """Return the meters by group, in the order of the station."""
        found: dict[str, list[Meter]] = {}
        for meter in self.meters:
            found.setdefault(meter.group_name, []).append(meter)
        return found

    def of_role(self, role: str) -> list[Meter]:
        """Return the meters of a role."""
        return [meter for meter in self.meters if meter.role == role]


def month_before(key: str) -> str:
    """Return the month before one, both as 2026-11."""
    year, month = map(int, key.split("-"))
    return f"{year - (month == 1)}-{month - 1 or 12:02}"


def month_of(at_ms: int, zone: ZoneInfo) -> str:
    """Return the month of the site's calendar in which a moment lies, as 2026-11."""
    return f"{site_time(at_ms, zone):%Y-%m}"


def read_month(text: str) -> str:
    """Return the month that somebody typed, as 2026-11; raises RequestError for anything else."""
    try:
        day = dt.datetime.strptime(text.strip(), "%Y-%m")
    except ValueError:
        day = None
    if day is None or not FIRST_YEAR < day.year < LAST_YEAR:
        raise RequestError(f"'{text[:20]}' is no month; write year and month, such as 2026-11")
    return f"{day:%Y-%m}"


def worked_out(
    settings: Settings,
    history: HistoryReader,
    key: str,
    now_ms: int,
    *,
    written: Mapping[Place, Entry],
    profiles: Mapping[int, Profile],
) -> Statement:
    """Return the statement of a month of the site's calendar; up to now of the one that goes on.

    Args:
        settings: of the station.
        history: of the station.
        key: the month, as `read_month` returns it.
        now_ms: UTC, ms.
        written: what stands in the DG log of both months (`entries`, form `dg_log`).
        profiles: by meter, of those whose file can be read.

    Raises:
        RequestError: the month has not begun.
        StoreError: the history cannot be read, or answers too slowly.
    """
    start_ms, _ = supply_record.month_ms(key, settings.site.zone)
    if start_ms >= now_ms:
        raise RequestError(f"{name_of(key)} has not begun yet")
    work = _Work(settings, history, now_ms, written, profiles)
    before = work.month(month_before(key), None)
    return Statement(work.month(key, before), before, settings.site.demand_minutes)


def name_of(key: str) -> str:
    """Return a month in words: November 2026."""
    return f"{dt.datetime.strptime(key, '%Y-%m'):%B %Y}"


class _Work:
    """Asks the history for whole months."""

    def __init__(
        self,
        settings: Settings,
        history: HistoryReader,
        now_ms: int,
        written: Mapping[Place, Entry],
        profiles: Mapping[int, Profile],
    ) -> None:
        self._settings, self._history, self._now_ms = settings, history, now_ms
        self._written, self._profiles = written, profiles

    def month(self, key: str, before: Month | None) -> Month:
        """Return one month."""
        settings, zone = self._settings, self._settings.site.zone
        start_ms, end_ms = supply_record.month_ms(key, zone)
        until_ms = min(end_ms, self._now_ms)
        meters = [
            self._meter(meter, start_ms, until_ms, None if before is None else before.of(meter.id))
            for meter in settings.meters
        ]
        moduli = {meter.id: self._circuit(meter, until_ms - 1)[1] for meter in settings.meters}
        record = supply_record.of_time(settings, self._history, start_ms, end_ms, self._now_ms, moduli=moduli)
        sets = [self._set(meter, record) for meter in settings.meters if meter.role == "generator"]
        doubted = [
            span
            for span in self._history.clock_spans()
            if span.is_off and span.begin_ms < until_ms and span.end_ms >= start_ms
        ]
        return Month(name_of(key), key, start_ms, end_ms, until_ms, meters, sets, record, doubted)

    def _meter(self, meter: Meter, start_ms: int, until_ms: int, before: MeterMonth | None) -> MeterMonth:
        # what holds from the midnight of its end on is the next month's
        history, last_ms = self._history, until_ms - 1
        rated_va, moduli = self._circuit(meter, last_ms)
        changed = ratio.changed_ms(meter, self._settings.site.zone)
        chains = history.counted(meter.id, start_ms, until_ms, {}, rated_va, moduli=moduli, changed=changed)
        accounts = {
            key: found
            for key in COUNTERS
            if key in chains and (found := account(chains[key], start_ms, until_ms)) is not None
        }
        used = {key: None if one.units is None else float(one.units) for key, one in accounts.items()}
        bounds = {key: (one.opening.at_ms, one.closing.at_ms) for key, one in accounts.items()}
        doubts = {key: one.doubt for key, one in accounts.items() if one.doubt}
        factor = history.power_factor(
            meter.id, start_ms, until_ms, rated_va, moduli=moduli, known=Energy(used, doubts, bounds)
        )
        key, unit = ("vah_received", "VA") if "vah_received" in accounts else (UNITS, "W")
        highest = self._demand(chains.get(key), start_ms, until_ms)
        load, why = _load_factor(accounts.get(key), highest)
        return MeterMonth(
            meter,
            accounts,
            highest,
            unit,
            load,
            why,
            factor,
            self._completeness(meter, start_ms, until_ms),
            None if before is None else self._between(meter, before, accounts.get(UNITS)),
            ratio.factors(meter, last_ms, self._settings.site.zone).of("Wh"),
            ratio.changes(meter, self._settings.site.zone),
        )

    def _circuit(self, meter: Meter, at_ms: int) -> tuple[float, Mapping[str, float]]:
        """Return a meter's rating, VA, and where its counters begin again at 0, as far as that is known."""
        zone, profile = self._settings.site.zone, self._profiles.get(meter.id)
        moduli = {} if profile is None else counters.moduli(profile, ratio.factors(meter, at_ms, zone))
        return ratio.rated_kva_at(meter, at_ms, zone) * 1000, moduli

    def _demand(self, counted: Chain | None, start_ms: int, until_ms: int) -> tuple[float, int] | None:
        if counted is None:
            return None
        return demand.max_demand(counted, start_ms, until_ms, self._settings.site.demand_minutes)

    def _completeness(self, meter: Meter, start_ms: int, until_ms: int) -> Completeness:
        """Return polls found and due; where more came than was due, quarters of an hour with an answer."""
        found = self._history.completeness(meter.id, start_ms, until_ms, self._settings.poll.interval_s)
        if found.share is not None and found.share > 1:  # the interval was another then
            return self._history.completeness(meter.id, start_ms, until_ms)
        return found

    def _between(self, meter: Meter, before: MeterMonth, after: Account | None) -> Between | None:
        """Return what lies between two months that do not join: nobody read the meter at midnight."""
        last = before.accounts.get(UNITS)
        if last is None or after is None or last.closing == after.opening:
            return None
        begin, end = last.closing, after.opening
        rated_va, moduli = self._circuit(meter, end.at_ms)
        span, also = (begin.at_ms, end.at_ms + 1), {UNITS: [begin, end]}
        changed = ratio.changed_ms(meter, self._settings.site.zone)
        chains = self._history.counted(meter.id, *span, also, rated_va, moduli=moduli, changed=changed)
        counted = chains.get(UNITS)
        known = counted is not None and begin in counted.registers and end in counted.registers
        if counted is None or not known or counted.cuts_between(begin, end):
            return Between(begin.at_ms, end.at_ms, None)
        totals = dict(zip(counted.registers, counted.totals, strict=True))
        return Between(begin.at_ms, end.at_ms, totals[end] - totals[begin])

    def _set(self, meter: Meter, record: Record) -> DgMonth:
        runs = [run for run in record.begun() if run.meter_id == meter.id]
        noted = [run.time.noted_ms for run in runs]
        most = [run.time.most_ms for run in runs]
        litres = [supply_entries.consumed(supply_entries.texts(self._written, run)) for run in runs]
        known = [one for one in litres if one is not None]
        given = [record.loads[run.key].whole_wh for run in runs if run.key in record.loads]
        wh = [one for one in given if one is not None]
        return DgMonth(
            meter,
            len(runs),
            None if None in noted else sum(one or 0 for one in noted) / 3_600_000,
            sum(run.time.least_ms for run in runs) / 3_600_000,
            None if None in most else sum(one or 0 for one in most) / 3_600_000,
            sum(known) if runs and len(known) == len(runs) else None,
            len(runs) - len(known),
            sum(wh) if runs and len(wh) == len(runs) else None,
        )


def _load_factor(found: Account | None, highest: tuple[float, int] | None) -> tuple[float | None, str]:
    if found is None:
        return None, NOT_READ
    if highest is None:
        return None, NO_BLOCK
    if found.units is None:
        return None, INCOMPLETE
    factor = load_factor(found.units, highest[0], found.hours)
    return (factor, "") if factor is not None else (None, CONTRADICT if highest[0] else "no load")
