"""What a generator gave in one run: units, mean and highest load, or why one of them is not known.

Its register stands still before and after a run, so a reading from the quarter of an hour around it will do,
as long as no other run lies in between. Where retention has left quarters of an hour alone, two runs in one
of them cannot be told apart: then there is a dash with its reason, never the load of the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from substation.alarms.dg_runs import DgRun
from substation.alarms.interruptions import Stretch
from substation.clock import site_time
from substation.meters import ratio
from substation.settings.model import Meter, Settings
from substation.store.reader import HistoryReader

QUARTER_MS, HOUR_MS = 900_000, 3_600_000
POINTS = 4000
"""Of the curve in which the greatest load of a run is looked for."""
LITTLE = 0.02
"""So much of a run may be missing from its units, or of another one be in them: as unsure is its length."""
NOT_READ = "its register was not read before and after it"
BESIDE = "its register was not kept between it and the run beside it"
NO_LOAD = "no load was read"
SAME_QUARTER = "another run lies in the same quarter of an hour"


@dataclass(frozen=True, slots=True)
class Load:
    """What a generator gave in one run."""

    wh: float | None = None
    """From its register; None: unknown."""
    why: str = ""
    """Why that is unknown, or what it lacks."""
    mean_w: tuple[float, float] | None = None
    """Units by time run: the least and the most, by the bounds of that time; equal where those are close."""
    highest_w: float | None = None
    why_highest: str = ""
    """Why that is unknown."""
    whole: bool = True
    """False: the units lack so much of the run that no mean and no kWh per litre follow from them."""

    @property
    def whole_wh(self) -> float | None:
        """The units, where they are those of the whole run."""
        return self.wh if self.whole else None


def of_run(
    settings: Settings,
    history: HistoryReader,
    run: DgRun,
    every: Sequence[DgRun],
    until_ms: int,
    *,
    moduli: Mapping[int, Mapping[str, float]],
) -> Load:
    """Return what a set gave in a run.

    Args:
        settings: ratings, and the site's time.
        history: the station's.
        run: which.
        every: all runs that are known, of any set, those before and after the time asked for as well.
        until_ms: so far all is known.
        moduli: by meter where its counters begin again at 0.

    Raises:
        StoreError: the history cannot be read, or answers too slowly.
    """
    meter = settings.meter(run.meter_id)
    if meter is None:
        return Load(why="the meter is not configured now")
    beside = [one for one in every if one.meter_id == meter.id and one.key != run.key]
    begun_ms, last_ms = run.time.begun_ms, _last_ms(run.time)
    next_ms = min((r.time.begun_ms for r in beside if r.time.begun_ms > begun_ms), default=until_ms)
    before_ms = max((_last_ms(r.time) for r in beside if r.time.begun_ms < begun_ms), default=0)
    counted_ms = last_ms if run.time.ended_ms is None else min(next_ms, last_ms + QUARTER_MS)
    zone = settings.site.zone
    energy = history.energy(
        meter.id,
        begun_ms,
        counted_ms,
        _rated_va(meter, last_ms, zone),
        moduli=moduli.get(meter.id),
        changed=ratio.changed_ms(meter, zone),
    )
    wh = energy.used.get("wh_received")
    why = energy.doubts.get("wh_received") or energy.marks.get("wh_received") or ""
    crowded = _crowded(run.time, beside)
    little_ms = LITTLE * max(0, run.time.ended_after_ms - begun_ms)
    first_ms, closing_ms = energy.bounds.get("wh_received", (begun_ms, last_ms))
    if wh is not None and before_ms - first_ms > little_ms:
        wh, why = None, BESIDE
    if wh is None and not why:
        why = BESIDE if crowded else NOT_READ
    missing_ms = max(0, first_ms - begun_ms) + max(0, run.time.ended_after_ms - closing_ms)
    whole = wh is None or missing_ms <= little_ms
    if not whole:
        why = "; ".join(filter(None, (_between(first_ms, closing_ms, zone), why)))
    highest_w, why_highest = _highest_w(history, meter.id, begun_ms, max(last_ms, begun_ms + 1), crowded)
    return Load(wh, why, _mean_w(wh, run.time) if whole else None, highest_w, why_highest, whole)


def _last_ms(time: Stretch) -> int:
    return time.ended_after_ms if time.ended_ms is None else time.ended_ms


def _crowded(time: Stretch, beside: Sequence[DgRun]) -> bool:
    """Return whether another run of the set touches a quarter of an hour of this one."""
    start_ms = time.begun_ms - time.begun_ms % QUARTER_MS
    end_ms = _last_ms(time) + -_last_ms(time) % QUARTER_MS
    return any(r.time.begun_ms < end_ms and _last_ms(r.time) > start_ms for r in beside)


def _between(first_ms: int, last_ms: int, zone: ZoneInfo) -> str:
    first, last = site_time(first_ms, zone), site_time(last_ms, zone)
    form = "%H:%M:%S" if first.date() == last.date() else "%d %b %H:%M:%S"
    return f"counted only between {first:{form}} and {last:{form}}"


def _highest_w(
    history: HistoryReader, meter_id: int, start_ms: int, end_ms: int, crowded: bool
) -> tuple[float | None, str]:
    """Return the greatest load that was read; never a mean of a minute, which is less than that."""
    curve = history.series(meter_id, ("watts_total",), start_ms, end_ms, POINTS)
    if curve.table == "reading":
        highest_w = max((watts for watts in curve.high["watts_total"] if watts is not None), default=None)
    elif crowded:
        return None, SAME_QUARTER
    else:
        # single polls are gone; the quarters of an hour keep the greatest, and beside a run there is no load
        found = history.extremes(meter_id, ("watts_total",), start_ms - start_ms % QUARTER_MS, end_ms)
        extreme = found["watts_total"]
        highest_w = extreme.high if extreme is not None else None
    return highest_w, "" if highest_w is not None else NO_LOAD


def _mean_w(wh: float | None, time: Stretch) -> tuple[float, float] | None:
    if wh is None:
        return None
    noted = time.noted_ms
    least, most = (noted, noted) if noted is not None else (time.least_ms, time.most_ms)
    return (wh * HOUR_MS / most, wh * HOUR_MS / least) if least and most else None


def _rated_va(meter: Meter, at_ms: int, zone: ZoneInfo) -> float:
    return ratio.rated_kva_at(meter, at_ms, zone) * 1000
