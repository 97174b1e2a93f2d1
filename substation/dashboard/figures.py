"""The figures of one meter's day, asked from the history: sums, extremes, registers, how well it answered.

`Feed` is the door to them. Each answer is shared between all viewers for a while, and nobody may change it. A
history that is damaged or too slow gives no figure, and the state line says so (`met`).
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from substation.clock import Clock, day_start_ms, site_time
from substation.dashboard import minmax, sparks, strip
from substation.dashboard.line_counts import LineDay
from substation.dashboard.minmax import MinMax
from substation.dashboard.shared import Shared
from substation.dashboard.strip import Strip
from substation.energy.power_factor import NO_FACTOR, PeriodFactor
from substation.errors import StoreError
from substation.meters import counters, ratio
from substation.meters.profile import Profile
from substation.quantities import KEYS
from substation.settings.model import Home, Meter, Settings
from substation.store import door
from substation.store.history import HistoryReader, Series
from substation.store.moments import At

FIGURES_S = 15.0
"""The day's sums are shared for so long."""
SLOW_S = 60.0
"""What hardly changes, as yesterday's figures, is shared for so long."""
QUARTER_MS = 900_000
LOOSE_S = 180
"""A day's energy whose registers were read further from its ends than this is shown as a nearly right one."""
SHIFT_HOURS = (0, 6, 14, 22)
"""When the log sheet's shifts begin, and the day."""
NOT_YET, UNREADABLE = "not yet", "the history cannot be read"
WRITTEN_MS = 90_000
"""After so long the reading of a moment is in the history."""


@dataclass(frozen=True, slots=True)
class TodayFigures:
    """The day's sums of one meter, by the site's calendar day."""

    kwh_today: float | None
    kwh_yesterday: float | None
    max_demand_va: float | None
    """Highest block of today, of `site.demand_minutes`."""
    max_demand_at_ms: int | None
    completeness: float | None
    """Part of today's whole minutes in which the meter answered, 0 to 1; None before the first."""
    about_today: bool = False
    """`kwh_today` begins more than LOOSE_S before or after midnight: nobody read the register then; or it
    lacks what `mark` says."""
    about_yesterday: bool = False
    """The same of yesterday and either end of it."""
    doubt: str = ""
    """In words why `kwh_today` is unknown although the meter answers: its registers contradict each other."""
    mark: str = ""
    """In words what `kwh_today` lacks: what flowed while the meter was reset or exchanged."""
    factor: PeriodFactor = NO_FACTOR
    """Of today so far, from energies where the meter counts them."""
    used: Mapping[str, float] = field(default_factory=dict)
    """By counter how far it went on today, in its unit, where that is known."""


UNKNOWN = TodayFigures(None, None, None, None, None)


@dataclass(frozen=True, slots=True)
class YesterdayFigures:
    """What today is compared with."""

    max_demand_va: float | None = None
    """Highest block, of `site.demand_minutes`."""
    max_demand_at_ms: int | None = None
    kwh_by_now: float | None = None
    """What had flowed yesterday by this time of day."""
    about_by_now: bool = False
    """As `TodayFigures.about_yesterday`."""


@dataclass(frozen=True, slots=True)
class _Held:
    """Figures, and what the history was when they were made."""

    state: tuple[int, ...]
    at_s: float
    figures: TodayFigures


class DayFigures:
    """Asks the history for the figures of meters. Safe to use from many threads."""

    def __init__(
        self,
        settings: Settings,
        home: Home,
        clock: Clock,
        profile: Callable[[int], Profile | None],
        met: Callable[[tuple[str, int], StoreError | None], None],
    ) -> None:
        """Read the station in `home`.

        Args:
            settings: which meters there are.
            home: where the history is.
            clock: what time it is.
            profile: of a meter, by its number.
            met: told why a question was not answered, or that it was.
        """
        self._settings, self._home, self._clock = settings, home, clock
        self._profile, self._met = profile, met
        self._shared, self._slow = Shared(clock, FIGURES_S), Shared(clock, SLOW_S)
        self._held: dict[int, _Held] = {}
        self.doubts: dict[int, str] = {}
        """By meter a sentence on today's energy, where that is not known or lacks something."""

    def today(self, meter_id: int) -> TodayFigures:
        """Return the day's sums; at most `FIGURES_S` old, or `SLOW_S` while the history is not written."""
        start_ms = self._start_ms(0)
        question = ("today", meter_id, start_ms)
        return self._shared.get(question, lambda: self._today_or_held(meter_id, start_ms), instead=UNKNOWN)

    def yesterday(self, meter_id: int) -> YesterdayFigures:
        """Return what today is compared with; at most `SLOW_S` old."""
        start_ms = self._start_ms(0)
        return self._slow.get(
            ("yesterday", meter_id, start_ms),
            lambda: self._yesterday(meter_id, start_ms),
            instead=YesterdayFigures(),
        )

    def minmax(self, meter_id: int, keys: Sequence[str]) -> dict[str, MinMax]:
        """Return lowest and highest of today by key; at most `FIGURES_S` old."""
        chosen, start_ms = tuple(keys), self._start_ms(0)
        return self._shared.get(
            ("minmax", meter_id, chosen, start_ms),
            lambda: self._minmax(meter_id, chosen, start_ms),
            instead=dict.fromkeys(chosen, MinMax(None, None, None, None)),
        )

    def sparks(self, meter_id: int) -> dict[str, str]:
        """Return by quantity a small line of today (`sparks.lines`); at most `SLOW_S` old."""
        start_ms, zone = self._start_ms(0), self._settings.site.zone

        def work() -> dict[str, str]:
            now_ms = self._clock.now_ms()
            try:
                found = sparks.lines(self._quarters(meter_id, KEYS, start_ms, now_ms), now_ms, zone)
            except StoreError as exc:
                self._met(("sparks", meter_id), exc)
                return {}
            self._met(("sparks", meter_id), None)
            return found

        return self._slow.get(("sparks", meter_id, start_ms), work, instead={})

    def answered(self, meter_id: int) -> Strip | None:
        """Return how well the meter answered since this time yesterday; None where that cannot be read."""
        start_ms, end_ms = strip.bounds(self._clock.now_ms())

        def work() -> Strip | None:
            try:
                found = self._history().minutes(meter_id, start_ms, end_ms)
            except StoreError as exc:
                self._met(("answered", meter_id), exc)
                return None
            self._met(("answered", meter_id), None)
            return strip.strip(found, start_ms, end_ms)

        return self._slow.get(("answered", meter_id, end_ms), work, instead=None)

    def line_day(self, meter_id: int) -> LineDay | None:
        """Return how the meter did on its line today; None where that cannot be read."""
        start_ms, end_ms = self._start_ms(0), self._clock.now_ms()

        def work() -> LineDay | None:
            history = self._history()
            try:
                minutes = history.minutes(meter_id, start_ms, end_ms)
                failures = history.failures(meter_id, start_ms, end_ms)
            except StoreError as exc:
                self._met(("line day", meter_id), exc)
                return None
            self._met(("line day", meter_id), None)
            asked, answered = sum(one.asked for one in minutes), sum(one.answered for one in minutes)
            return LineDay(asked, answered, failures)

        return self._slow.get(("line day", meter_id, start_ms), work, instead=None)

    def registers(self, meter_id: int, key: str = "wh_received") -> dict[int, At]:
        """Return by hour of SHIFT_HOURS what a register read today, or why that is not known."""
        start_ms, zone = self._start_ms(0), self._settings.site.zone
        midnight = site_time(start_ms, zone)
        moments = {
            hour: round(midnight.replace(hour=hour).timestamp() * 1000) if hour else start_ms
            for hour in SHIFT_HOURS
        }

        def work() -> dict[int, At]:
            now_ms = self._clock.now_ms()
            due = [at for at in moments.values() if at <= now_ms]
            try:
                found = self._history().readings_at(meter_id, due, [key])
            except StoreError as exc:
                self._met(("registers", meter_id), exc)
                return dict.fromkeys(moments, At(None, None, UNREADABLE))
            self._met(("registers", meter_id), None)
            told = {}
            for hour, at in moments.items():
                one = found[at][key] if at in found else None
                too_soon = one is None or (one.value is None and now_ms - at < WRITTEN_MS)
                told[hour] = At(None, None, NOT_YET) if one is None or too_soon else one
            return told

        unread = dict.fromkeys(moments, At(None, None, UNREADABLE))
        return self._slow.get(("registers", meter_id, key, start_ms), work, instead=unread)

    def _today_or_held(self, meter_id: int, start_ms: int) -> TodayFigures:
        """Return the figures of before while nothing was written since; what ages in them does so slowly."""
        state = start_ms, *_state(self._home.history), *_state(door.journal_of(self._home.history))
        now_s = self._clock.monotonic()
        held = self._held.get(meter_id)
        if held is not None and held.state == state and now_s - held.at_s < SLOW_S:
            return held.figures
        figures = self._today(meter_id, start_ms)
        if figures.completeness is not None:  # else it was not answered, or there is nothing yet
            self._held[meter_id] = _Held(state, now_s, figures)
        return figures

    def _today(self, meter_id: int, start_ms: int) -> TodayFigures:
        history, end_ms, before_ms = self._history(), self._clock.now_ms(), self._start_ms(1)
        meter = self._settings.meter(meter_id)
        rated_va, moduli = self._circuit(meter, end_ms)
        changed = () if meter is None else ratio.changed_ms(meter, self._settings.site.zone)
        block = self._settings.site.demand_minutes
        try:
            if history.oldest_ms() is None:  # nothing is stored: of nothing no part was answered, nor none
                self._met(("today", meter_id), None)
                return UNKNOWN
            today, demand = history.energy_and_demand(
                meter_id, start_ms, end_ms, block, rated_va=rated_va, moduli=moduli, changed=changed
            )
            yesterday = self._slow.get(  # it is over, and asked for as today's is would cost most of all
                ("used yesterday", meter_id, before_ms),
                lambda: history.energy(
                    meter_id, before_ms, start_ms, rated_va, moduli=moduli, changed=changed
                ),
            )
            completeness = history.completeness(meter_id, start_ms, end_ms)
            factor = history.power_factor(meter_id, start_ms, end_ms, known=today)
        except StoreError as exc:
            self._met(("today", meter_id), exc)
            return UNKNOWN
        self._met(("today", meter_id), None)
        shifted = self._shifted(history, before_ms, end_ms)
        doubt, mark = today.doubts.get("wh_received", ""), today.marks.get("wh_received", "")
        if meter is not None:
            is_known = f"is given {mark}" if mark else ""
            words = f"is not known: {doubt}" if doubt else is_known
            self.doubts[meter_id] = f"{meter.name}: today's energy {words}." if words else ""
        return TodayFigures(
            _kilo(today.used.get("wh_received")),
            _kilo(yesterday.used.get("wh_received")),
            None if demand is None else demand[0],
            None if demand is None else demand[1],
            completeness.share,
            bool(mark) or shifted > start_ms or today.off_ms("wh_received", start_ms) > LOOSE_S * 1000,
            "wh_received" in yesterday.marks
            or bool(shifted)
            or yesterday.off_ms("wh_received", before_ms, start_ms) > LOOSE_S * 1000,
            doubt,
            mark,
            factor,
            {key: used for key, used in today.used.items() if used is not None},
        )

    def _yesterday(self, meter_id: int, start_ms: int) -> YesterdayFigures:
        history, before_ms, zone = self._history(), self._start_ms(1), self._settings.site.zone
        now_ms = self._clock.now_ms()
        # the same time by the wall clock, also over a change to summer time
        then = site_time(now_ms, zone) - dt.timedelta(days=1)
        then_ms = min(round(then.timestamp() * 1000), start_ms)
        meter = self._settings.meter(meter_id)
        rated_va, moduli = self._circuit(meter, now_ms)
        changed = () if meter is None else ratio.changed_ms(meter, zone)
        block = self._settings.site.demand_minutes
        try:
            demand = history.max_demand(
                meter_id, before_ms, start_ms, block, rated_va=rated_va, moduli=moduli, changed=changed
            )
            used = history.energy(meter_id, before_ms, then_ms, rated_va, moduli=moduli, changed=changed)
        except StoreError as exc:
            self._met(("yesterday", meter_id), exc)
            return YesterdayFigures()
        self._met(("yesterday", meter_id), None)
        return YesterdayFigures(
            None if demand is None else demand[0],
            None if demand is None else demand[1],
            _kilo(used.used.get("wh_received")),
            "wh_received" in used.marks or used.off_ms("wh_received", before_ms, then_ms) > LOOSE_S * 1000,
        )

    def _shifted(self, history: HistoryReader, start_ms: int, end_ms: int) -> int:
        """Return when readings of this time were last stamped by a clock that was far off; 0 for never."""
        far_ms = LOOSE_S * 1000
        return max(
            (
                max(span.end_ms, span.end_ms + (span.offset_ms or 0))
                for span in history.clock_spans()
                if span.is_off
                and (span.offset_ms is None or abs(span.offset_ms) > far_ms)
                and min(span.begin_ms, span.begin_ms + (span.offset_ms or 0)) < end_ms
                and max(span.end_ms, span.end_ms + (span.offset_ms or 0)) >= start_ms
            ),
            default=0,
        )

    def moduli(self, meter: Meter, at_ms: int) -> Mapping[str, float]:
        """Return by counter of a meter where it begins again at 0, as far as that is known."""
        return self._circuit(meter, at_ms)[1]

    def _circuit(self, meter: Meter | None, at_ms: int) -> tuple[float | None, Mapping[str, float]]:
        """Return a meter's rating, VA, and by counter where it begins again at 0, as far as that is known."""
        if meter is None:
            return None, {}
        zone = self._settings.site.zone
        rated_va = ratio.rated_kva_at(meter, at_ms, zone) * 1000
        profile = self._profile(meter.id)
        moduli = {} if profile is None else counters.moduli(profile, ratio.factors(meter, at_ms, zone))
        return rated_va, moduli

    def _minmax(self, meter_id: int, keys: tuple[str, ...], start_ms: int) -> dict[str, MinMax]:
        try:
            found = minmax.between(self._history(), meter_id, keys, start_ms, self._clock.now_ms())
        except StoreError as exc:
            self._met(("minmax", meter_id), exc)
            return dict.fromkeys(keys, MinMax(None, None, None, None))
        self._met(("minmax", meter_id), None)
        return found

    def _quarters(self, meter_id: int, keys: Sequence[str], start_ms: int, end_ms: int) -> Series:
        points = max(1, (end_ms - start_ms) // QUARTER_MS)
        return self._history().series(meter_id, keys, start_ms, end_ms, points)

    def _start_ms(self, days_back: int) -> int:
        return day_start_ms(self._clock.now_ms(), self._settings.site.zone, days_back)

    def _history(self) -> HistoryReader:
        return HistoryReader(self._home.history)


def _state(path: Path) -> tuple[int, ...]:
    """Return what changes whenever a file is written; nothing for one that is not there."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _kilo(value: float | None) -> float | None:
    return None if value is None else value / 1000
