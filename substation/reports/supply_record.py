"""What happened to supply in a stretch of time: interruptions and runs of the generators, from the history.

    record = of_time(settings, history, start_ms, end_ms, now_ms)
    record.interruptions          every one that touches the time: `alarms.interruptions.Interruption`
    record.of(meter_id)           those of one circuit
    record.total(...)             counts and minutes of one circuit, or of supply, clipped to the time
    record.runs                   runs of generators with hours, units and load

The register on the screen, the month's statement and the files to take along all come from here, so they say
the same. Times are UTC ms; energies Wh, powers W.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from substation.alarms import dg_runs, interruptions, reliability
from substation.alarms.dg_runs import DgRun, Step
from substation.alarms.interruptions import Interruption, Stretch, Total
from substation.alarms.spans import Blind, timeline
from substation.alarms.supply import BLIND_MS
from substation.meters import ratio
from substation.reports import dg_load
from substation.reports.dg_load import Load
from substation.settings.model import Meter, Settings
from substation.store import supply_changes
from substation.store.event_pages import Noted, Wanted
from substation.store.events import Event
from substation.store.reader import HistoryReader
from substation.store.supply_changes import CORRECTED, STATION, SUPPLY

MINUTE_MS = 60_000
MOST_EVENTS = 20_000
"""Changes of supply that are read of one stretch of time: a month with one a minute has more."""
LEAD, MOST_LEAD, AFTER = 12, 12 * 4**4, 400
"""Changes of each meter before it, at first and at most, and of all meters after it, that tell what goes over
its edges. A meter that falls silent again and again within one outage takes many."""
SEEN = ("live", "dead", "phase_lost")
LOOKED_MS = 120_000
"""A poller whose newest poll in the history is older does not run."""


@dataclass(frozen=True, slots=True)
class Record:
    """What happened in [start, end)."""

    start_ms: int
    end_ms: int
    until_ms: int
    """So far it is known: now, or the end of it."""
    momentary_ms: int
    """An interruption up to this length is momentary, a longer one sustained."""
    interruptions: tuple[Interruption, ...] = ()
    runs: tuple[DgRun, ...] = ()
    loads: Mapping[str, Load] = ()  # type: ignore[assignment]
    """By key of the run."""
    whole: bool = True
    """False: there were too many events: the oldest of the time are missing, or what began long before it."""
    blind: tuple[Blind, ...] = ()
    """When nobody looked, within the time: an interruption in it is not known."""

    def supply(self) -> list[Interruption]:
        """Return those of supply."""
        return [one for one in self.interruptions if one.kind == "supply"]

    def of(self, meter_id: int) -> list[Interruption]:
        """Return those of one circuit."""
        return [one for one in self.interruptions if one.meter_id == meter_id]

    def total(self, some: Iterable[Interruption]) -> Total:
        """Return counts and time within the time asked for."""
        return interruptions.total(some, self.start_ms, min(self.end_ms, self.until_ms), self.momentary_ms)

    def begun(self) -> list[DgRun]:
        """Return the runs that began in the time: hours and units of a month are theirs."""
        return [run for run in self.runs if self.start_ms <= run.time.begun_ms < self.end_ms]

    def change_over(self, failure: Interruption) -> list[Step]:
        """Return the steps of a failure of supply, in their order."""
        return dg_runs.change_over(failure, self.runs, self.interruptions)

    def related(self, failure: Interruption) -> list[Interruption]:
        """Return what belongs to a failure of supply."""
        return [one for one in self.interruptions if one.part_of == failure.key]

    @property
    def blind_ms(self) -> int:
        """How long nobody looked."""
        end = min(self.end_ms, self.until_ms)
        return sum(max(0, min(b.end_ms, end) - max(b.start_ms, self.start_ms)) for b in self.blind)


def month_ms(month: str, zone: ZoneInfo) -> tuple[int, int]:
    """Return when a month of the site's calendar, `2026-11`, begins and ends, UTC ms; ValueError for none."""
    first = dt.datetime.strptime(month, "%Y-%m").replace(tzinfo=zone)
    after = dt.datetime(first.year + first.month // 12, first.month % 12 + 1, 1, tzinfo=zone)
    return round(first.timestamp() * 1000), round(after.timestamp() * 1000)


def of_time(
    settings: Settings,
    history: HistoryReader,
    start_ms: int,
    end_ms: int,
    now_ms: int,
    *,
    moduli: Mapping[int, Mapping[str, float]] | None = None,
    loads: bool = True,
) -> Record:
    """Return what happened to supply in [start, end).

    Args:
        settings: roles, ratings, what is momentary.
        history: the station's.
        start_ms: UTC, ms.
        end_ms: UTC, ms.
        now_ms: UTC, ms: until when anything can be known.
        moduli: by meter where its counters begin again at 0 (`meters.counters.moduli`).
        loads: whether units and load of the generators' runs are asked for, a few questions each.

    Raises:
        StoreError: the history cannot be read, or answers too slowly.
    """
    momentary_ms = settings.site.momentary_minutes * MINUTE_MS
    events, until_ms, whole = _events(settings, history, start_ms, end_ms, now_ms)
    spots = [*supply_changes.blind(events), *_not_looking(history, until_ms, now_ms)]
    changes = supply_changes.changes(events)
    rows = {m: timeline(noted, spots, until_ms=until_ms, lasting_ms=BLIND_MS) for m, noted in changes.items()}
    roles = {meter.id: meter.role for meter in settings.meters}
    every = interruptions.found(rows, roles, spots, until_ms, lasting_ms=BLIND_MS)
    ran = dg_runs.found(rows, roles, every, until_ms, blind=spots, lasting_ms=BLIND_MS)
    near = [one for one in every if _touches(one.time, start_ms, end_ms)]
    every_run, ran = ran, [one for one in ran if _touches(one.time, start_ms, end_ms)]
    says = {(e.meter_id, e.at_ms): e.detail for e in events if e.kind == SUPPLY}
    sources = [meter.id for meter in settings.meters if meter.role == "incomer"]
    near = [replace(one, evidence=_evidence(one, says, sources)) for one in near]
    every_time = [(one.meter_id, one.time) for one in near] + [(one.meter_id, one.time) for one in ran]
    seen = _Sights(history, every_time, sources)
    record = Record(
        start_ms,
        end_ms,
        until_ms,
        momentary_ms,
        tuple(replace(one, time=seen.of(one.meter_id, one.time)) for one in near),
        tuple(replace(one, time=seen.of(one.meter_id, one.time)) for one in ran),
        {},
        whole,
        tuple(spot for spot in spots if spot.end_ms > start_ms and spot.start_ms < end_ms),
    )
    if not loads:
        return record
    given = {
        run.key: dg_load.of_run(settings, history, run, every_run, until_ms, moduli=moduli or {})
        for run in record.runs
    }
    return replace(record, loads=given)


def indices(settings: Settings, record: Record) -> reliability.Indices | None:
    """Return the load-based indices of the feeders; None where a feeder's rating was never set.

    An interruption is counted where it began, and is sustained or momentary by all of its length; its time
    counts where it was, as in `Record.total`. What has not ended counts with what was seen of it.
    """
    feeders = [meter for meter in settings.meters if meter.role == "feeder"]
    if not feeders or not all("rated_kva" in meter.model_fields_set for meter in feeders):
        return None
    end_ms = min(record.end_ms, record.until_ms)
    if end_ms <= record.start_ms:
        return None
    zone = settings.site.zone
    events, within = [], []
    for meter in feeders:
        kva = ratio.rated_kva_at(meter, end_ms - 1, zone)
        for one in record.of(meter.id):
            if one.kind != "feeder" or one.time.begun_ms >= end_ms:
                continue
            if record.start_ms <= one.time.begun_ms:
                events.append((one.time.likely_ms / MINUTE_MS, kva))
            if one.time.likely_ms > record.momentary_ms:
                within.append((one.time.likely_within(record.start_ms, end_ms) / MINUTE_MS, kva))
    served = sum(ratio.rated_kva_at(meter, end_ms - 1, zone) for meter in feeders)
    period = (end_ms - record.start_ms) / MINUTE_MS
    return reliability.indices(events, served, period, record.momentary_ms / MINUTE_MS, within=within)


def _events(
    settings: Settings, history: HistoryReader, start_ms: int, end_ms: int, now_ms: int
) -> tuple[list[Event], int, bool]:
    """Return the events that tell of a time, until when they do, and whether none of it is missing."""
    kinds = (SUPPLY, CORRECTED)
    lead: list[Noted] = []
    whole = True
    for meter in settings.meters:
        found, reaches = _lead(history, meter, start_ms)
        lead, whole = lead + found, whole and reaches
    oldest = min((one.event.at_ms for one in lead), default=start_ms)
    station = history.noted(Wanted(kinds=STATION, start_ms=oldest, end_ms=start_ms), MOST_EVENTS)
    lead += station
    every = (*kinds, *STATION)
    within = history.noted(Wanted(kinds=every, start_ms=start_ms, end_ms=end_ms), MOST_EVENTS)
    after = history.noted(Wanted(kinds=every, start_ms=end_ms), AFTER, oldest_first=True)
    until_ms = now_ms if len(after) < AFTER else after[-1].event.at_ms
    events = [one.event for one in sorted([*lead, *within, *after], key=lambda one: one.key)]
    whole = whole and max(len(within), len(station)) < MOST_EVENTS
    return [one for one in events if one.at_ms <= until_ms], until_ms, whole


def _lead(history: HistoryReader, meter: Meter, start_ms: int) -> tuple[list[Noted], bool]:
    """Return the changes of a meter before a time, newest first, and whether they reach back far enough.

    So far back that what went on at that time is seen to begin: else the same outage would have one name in
    this month and another one in the next, and what was written about it would stand with neither.
    """
    wanted, count = Wanted(kinds=(SUPPLY, CORRECTED), meters=(meter.id,), end_ms=start_ms), LEAD
    while True:
        found = history.noted(wanted, count)
        if len(found) < count or _begins(found, meter):
            return found, True
        if count >= MOST_LEAD:
            return found, False
        count *= 4


def _begins(found: Sequence[Noted], meter: Meter) -> bool:
    """Return whether the newest of these changes tell of nothing, or tell from when on it is so."""
    changed = supply_changes.changes([one.event for one in reversed(found)]).get(meter.id, [])
    known = [state for one in reversed(changed) for state in (one.new, one.old) if state in SEEN]
    if meter.role == "generator":  # one that lacks a phase runs as well
        known = ["live" if state in interruptions.RUNNING else state for state in known]
    nothing = "dead" if meter.role == "generator" else "live"
    return bool(known) and (known[0] == nothing or any(state != known[0] for state in known))


def _not_looking(history: HistoryReader, until_ms: int, now_ms: int) -> list[Blind]:
    """Return the blind spot that goes on now: no poll stands in the history for too long."""
    if until_ms < now_ms:
        return []
    newest = max((reading.at_ms for reading in history.latest(answered=False).values()), default=0)
    return [Blind(newest, now_ms)] if newest and now_ms - newest > LOOKED_MS else []


def _touches(time: Stretch, start_ms: int, end_ms: int) -> bool:
    last = time.ended_after_ms if time.ended_ms is None else time.ended_ms
    return time.begun_ms < end_ms and (last > start_ms or time.begun_ms >= start_ms)


def _evidence(one: Interruption, says: Mapping[tuple[int | None, int], str], sources: Sequence[int]) -> str:
    meters = sources if one.meter_id is None else (one.meter_id,)
    return next((says[m, one.time.begun_ms] for m in meters if (m, one.time.begun_ms) in says), "")


class _Sights:
    """Between which polls beginnings and ends lie: each meter asked once."""

    def __init__(
        self, history: HistoryReader, times: Iterable[tuple[int | None, Stretch]], sources: Sequence[int]
    ) -> None:
        begun: dict[int, set[int]] = {}
        ended: dict[int, set[int]] = {}
        self._sources = sources
        for meter_id, time in times:
            for meter in sources if meter_id is None else (meter_id,):
                begun.setdefault(meter, set()).add(time.begun_ms)
                if time.ended_ms is not None:
                    ended.setdefault(meter, set()).add(time.ended_ms)
        self._begun = {m: history.sights(m, sorted(moments)) for m, moments in begun.items()}
        # a poll in vain is a sight as well: of a meter that fell silent with its circuit
        self._ended = {m: history.sights(m, sorted(moments), answered=False) for m, moments in ended.items()}

    def of(self, meter_id: int | None, time: Stretch) -> Stretch:
        """Return the stretch with the polls around its ends."""
        meters = self._sources if meter_id is None else (meter_id,)
        before = [at for m in meters if (at := self._begun.get(m, {}).get(time.begun_ms)) is not None]
        last = (
            [at for m in meters if (at := self._ended.get(m, {}).get(time.ended_ms)) is not None]
            if time.ended_ms is not None
            else []
        )
        return replace(time, before_ms=min(before, default=None), last_ms=min(last, default=None))
