"""Made-up days for the patterns page and the tests: a feed whose curves are drawn, not read."""

import datetime as dt
import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from substation.clock import Clock, day_start_ms
from substation.dashboard import events_past, sample_alarms, sample_events, sample_log, samples, sparks, strip
from substation.dashboard.alarm_book import Known
from substation.dashboard.board import Board
from substation.dashboard.events_past import Past
from substation.dashboard.feed import MinMax, TodayFigures, YesterdayFigures
from substation.dashboard.figures import SHIFT_HOURS
from substation.dashboard.line_counts import LineDay
from substation.dashboard.strip import Strip
from substation.energy.power_factor import PeriodFactor
from substation.meters import profile
from substation.meters.profile import Profile
from substation.quantities import COUNTERS, KEYS
from substation.reports import supply_record
from substation.reports.log_source import ReadDay
from substation.reports.statement import Statement, worked_out
from substation.reports.supply_record import Record
from substation.settings.model import CARD_METERS, Meter, Settings
from substation.store.answered import Minute
from substation.store.event_pages import Noted, Wanted
from substation.store.moments import At

HOUR_MS = 3_600_000
STEP_MS = 300_000


@dataclass(frozen=True, slots=True)
class SampleCurves:
    """A day of one meter, a row every five minutes."""

    at_ms: list[int]
    step_s: int = 300
    values: Mapping[str, list[float | None]] = field(default_factory=dict)
    low: Mapping[str, list[float | None]] = field(default_factory=dict)
    high: Mapping[str, list[float | None]] = field(default_factory=dict)


class StillClock:
    """A clock that stands."""

    def now_ms(self) -> int:
        """Return the moment of the samples, UTC ms."""
        return samples.NOW_MS

    def monotonic(self) -> float:
        """Return a point of its own."""
        return 0.0

    def sleep(self, seconds: float) -> None:
        """Do nothing: nobody waits by this clock."""


class SampleFeed:
    """What pages read through, with made-up content."""

    def __init__(self, change: samples.Change | None = None, *, today_until_h: float | None = 24.0,
                 gap_h: tuple[float, float] | None = None, past: bool = True) -> None:  # fmt: skip
        """Make a feed in the state that `change` leads to.

        Args:
            change: as in `samples.STATES`.
            today_until_h: site's hour of the last stored row of today; None: nothing is stored today.
            gap_h: from and to which hour today nothing is stored.
            past: whether yesterday is stored.
        """
        self._board = samples.board(change)
        self._until_h, self._gap_h, self._past = today_until_h, gap_h, past
        self.settings: Settings = samples.SETTINGS
        self.is_past_made = False
        self.clock: Clock = StillClock()

    def board(self) -> Board:
        """Return the state."""
        return self._board

    def alarms(self) -> Known:
        """Return made-up alarms where the made-up poller counts some."""
        return sample_alarms.known(self._board)

    def noted(self, wanted: Wanted, limit: int, *, oldest_first: bool = False) -> list[Noted]:
        """Return made-up events; none where nothing is stored."""
        return sample_events.noted(wanted, limit, oldest_first=oldest_first, held=self._past)

    def last_event(self) -> int:
        """Return the number of the newest one."""
        return max((one.id for one in self.noted(Wanted(), 100)), default=0)

    def supply_record(self, start_ms: int, end_ms: int) -> Record:
        """Return the register of the made-up events."""
        history = sample_events.SampleHistory(held=self._past)
        return supply_record.of_time(self.settings, history, start_ms, end_ms, samples.NOW_MS)

    def oldest_ms(self) -> int | None:
        """Return when the first stored day began."""
        zone = self.settings.site.zone
        return day_start_ms(samples.NOW_MS, zone, 40) if self._past else None

    def statement(self, month: str) -> Statement:
        """Return a month of the made-up events, without readings."""
        history = sample_events.SampleHistory(held=self._past)
        return worked_out(self.settings, history, month, samples.NOW_MS, written={}, profiles={})

    def past(self) -> Past:
        """Return when supply last failed and the DG set last ran."""
        return events_past.past(self.noted(Wanted(), 100), self._board, whole=True)

    def profile(self, meter_id: int) -> Profile | None:
        """Return the profile of a meter."""
        meter = self.settings.meter(meter_id)
        return None if meter is None else profile.load(meter.profile)

    def today(self, meter_id: int) -> TodayFigures:
        """Return the day's sums; none where nothing is stored."""
        if self._until_h is None:
            return TodayFigures(None, None, None, None, None)
        share = samples.AMPS[meter_id] / 226.0
        at = samples.NOW_MS - 3 * HOUR_MS - 1_208_000
        used = dict.fromkeys(COUNTERS, 0.0) | {
            "wh_received": 2_262_000.0 * share,
            "vah_received": 2_403_000.0 * share,
        }
        factor = (
            PeriodFactor(0.941, "kWh/kVAh", 0.001) if share else PeriodFactor(None, None, None, "no load")
        )
        return TodayFigures(
            2262.0 * share, 3310.0 * share, 183_000.0 * share, at, 1.0, factor=factor, used=used
        )

    def yesterday(self, meter_id: int) -> YesterdayFigures:
        """Return what today is compared with."""
        if not self._past:
            return YesterdayFigures()
        share = samples.AMPS[meter_id] / 226.0
        at = day_start_ms(samples.NOW_MS, self.settings.site.zone, 1) + 19 * HOUR_MS + HOUR_MS // 2
        return YesterdayFigures(190_000.0 * share, at, 2194.0 * share)

    def sparks(self, meter_id: int) -> dict[str, str]:
        """Return small lines of the drawn day."""
        zone = self.settings.site.zone
        return sparks.lines(self.day(meter_id, KEYS), samples.NOW_MS, zone) if self._until_h else {}

    def answered(self, meter_id: int) -> Strip:
        """Return a day in which two questions were not answered, or in which none was asked."""
        start_ms, end_ms = strip.bounds(samples.NOW_MS)
        asked = range(start_ms, end_ms, 60_000) if self._past else ()
        lost = {start_ms + 8 * HOUR_MS, start_ms + 16 * HOUR_MS}
        found = [Minute(at, 30, 29 if at in lost else 30) for at in asked]
        return strip.strip(found, start_ms, end_ms)

    def line_day(self, meter_id: int) -> LineDay:
        """Return a day with a few failures, or one that has just begun."""
        failures = {"timeout": 11, "crc": 4, "short": 2}
        return LineDay(29_404, 29_387, failures) if self._until_h else LineDay(0, 0)

    def registers(self, meter_id: int) -> dict[int, At]:
        """Return what the kWh register read at the shifts of today."""
        start_ms = day_start_ms(samples.NOW_MS, self.settings.site.zone)
        if self._until_h is None:
            return dict.fromkeys(SHIFT_HOURS, At(None, None, "there is no history yet"))
        told = {
            hour: At(1_843_207_000.0 + hour * 1e5, start_ms + hour * HOUR_MS + 12_000) for hour in SHIFT_HOURS
        }
        return {**told, 22: At(None, None, "not yet")}

    def log_day(self, day: dt.date, meter: Meter | None) -> ReadDay:
        """Return a day of the log sheet; without anything where nothing is stored."""
        meters = self.settings.meters if meter is None else (meter,)
        return sample_log.day(day, meters, self.settings, samples.NOW_MS, held=self._until_h is not None)

    def doubted(self, start_ms: int, end_ms: int) -> list[tuple[int, int]]:
        """Return the last hours where nobody vouches for the clock."""
        now_ms = samples.NOW_MS
        return [(now_ms - 4 * HOUR_MS, now_ms)] if self._board.times_doubted and end_ms >= now_ms else []

    def minmax_today(self, meter_id: int, keys: Sequence[str]) -> dict[str, MinMax]:
        """Return lowest and highest of the sample values."""
        meter = self._board.meter(meter_id)
        at = samples.NOW_MS - 5 * HOUR_MS
        found = {}
        for key in keys:
            value = meter.values[key].value if meter is not None else None
            none = MinMax(None, None, None, None)
            found[key] = none if value is None else MinMax(value * 0.7, at, value * 1.2, at + HOUR_MS)
        return found

    def day(self, meter_id: int, keys: Sequence[str], days_back: int = 0) -> SampleCurves:
        """Return a drawn day."""
        zone = self.settings.site.zone
        start = day_start_ms(samples.NOW_MS, zone, days_back)
        until = 24.0 if days_back else min(self._until_h or 0.0, (samples.NOW_MS - start) / HOUR_MS)
        if days_back and not self._past:
            until = 0.0
        at_ms, hours = [], []
        for place in range(round(until * HOUR_MS / STEP_MS)):
            hour = place * STEP_MS / HOUR_MS
            if not days_back and self._gap_h is not None and self._gap_h[0] <= hour < self._gap_h[1]:
                continue
            at_ms.append(start + place * STEP_MS)
            hours.append(hour)
        base = samples.values(samples.SETTINGS.meter(meter_id) or CARD_METERS[0])
        values = {key: _curve(base[key], key, tuple(hours), days_back) for key in keys}
        return SampleCurves(at_ms, values=values, low=values, high=values)


def _curve(base: float | None, key: str, hours: tuple[float, ...], days_back: int) -> list[float | None]:
    return list(_drawn_at(base, key, hours, days_back))


@functools.cache
def _drawn_at(
    base: float | None, key: str, hours: tuple[float, ...], days_back: int
) -> tuple[float | None, ...]:
    """Return a curve of the samples, which are the same in every state."""
    return tuple(_drawn(base, key, hour, days_back) for hour in hours)


def _drawn(base: float | None, key: str, hour: float, days_back: int) -> float | None:
    if base is None:
        return None
    ripple = math.sin(hour * 5.1 + days_back * 2.0) + 0.6 * math.sin(hour * 17.3 + days_back)
    if key.startswith(("v_", "vl")):
        return base * (1 + 0.004 * ripple)
    if key.startswith("pf"):
        return base * (1 + 0.004 * ripple)
    load = 0.75 + 0.35 * math.exp(-((hour - 7.5) ** 2) / 4) + 0.4 * math.exp(-((hour - 19.5) ** 2) / 6)
    return base * (load - 0.04 * days_back + 0.015 * ripple)
