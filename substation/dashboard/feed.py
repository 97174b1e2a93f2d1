"""The one door that pages read through: live values, the day's figures, the day's curves.

All viewers share one board, recomputed at most four times a second, so that a hundred browsers cost the
stores no more than one.
"""

import dataclasses
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from substation.clock import Clock, day_start_ms
from substation.dashboard import events_past
from substation.dashboard.answers import Newest, trouble
from substation.dashboard.board import (
    Board,
    Freshness,
    LineState,
    LiveMeter,
    LiveValue,
    PollerState,
    make_board,
)
from substation.dashboard.events_past import Past
from substation.dashboard.shared import Shared
from substation.energy.power_factor import NO_FACTOR, PeriodFactor
from substation.errors import StoreError
from substation.meters import counters, ratio
from substation.meters.profile import Profile
from substation.settings.model import Home, Meter, Settings
from substation.store import heartbeat
from substation.store.event_pages import Noted, Wanted
from substation.store.history import HistoryReader, Series

__all__ = [
    "Board",
    "Feed",
    "Freshness",
    "LineState",
    "LiveMeter",
    "LiveValue",
    "MinMax",
    "PollerState",
    "TodayFigures",
    "current",
    "set_current",
]

BOARD_S = 0.25
"""A board is shared for so long."""
FIGURES_S = 15.0
"""The day's sums are shared for so long."""
TROUBLE_S = 2 * FIGURES_S
"""What a question of the history met is told for so long after it; each new one tells anew."""
CURVES = 6
"""Days kept for charts; the largest takes 0.5 MB for each of `TOGETHER` meters."""
TOGETHER = 5
"""Meters whose day is read with one question."""
POINTS_A_DAY = 1440
QUARTER_MS = 900_000
LAST_EVENT_S = 2.0
"""Whether there are new events is looked up so often."""
LOOSE_S = 180
"""A day's energy whose registers were read further from its ends than this is shown as a nearly right one."""


@dataclass(frozen=True, slots=True)
class TodayFigures:
    """The day's sums of one meter, by the site's calendar day."""

    kwh_today: float | None
    kwh_yesterday: float | None
    max_demand_va: float | None
    """Highest 30-minute block of today."""
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


@dataclass(frozen=True, slots=True)
class MinMax:
    """Lowest and highest of today with their times, in the quantity's unit."""

    low: float | None
    low_at_ms: int | None
    high: float | None
    high_at_ms: int | None


class Feed:
    """Reads the stores for all viewers. Safe to use from many threads."""

    def __init__(self, settings: Settings, home: Home, clock: Clock) -> None:
        """Read the station in `home`; nothing is opened before it is asked for."""
        self._settings = settings
        self._home = home
        self._clock = clock
        self._complaints: list[Callable[[], str | None]] = []
        self._board_lock = threading.Lock()
        self._board: Board | None = None
        self._board_at = 0.0
        self._newest = Newest(settings, home, clock)
        self._troubles: dict[tuple[str, int], tuple[float, str]] = {}
        self._doubts: dict[int, str] = {}
        self._figures = Shared(clock, FIGURES_S)
        self._curves = Shared(clock, FIGURES_S, most=CURVES)
        self._trends = Shared(clock, FIGURES_S, most=CURVES)

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._settings

    @property
    def clock(self) -> Clock:
        """The clock that ages are counted by."""
        return self._clock

    def adopt(self, settings: Settings, home: Home) -> None:
        """Go on with a changed configuration; the next board is made by it."""
        with self._board_lock:
            self._settings, self._home = settings, home
            self._newest = Newest(settings, home, self._clock)
            self._board, self._doubts, self._troubles = None, {}, {}
        self._figures.clear()
        self._curves.clear()
        self._trends.clear()

    def complain(self, source: Callable[[], str | None]) -> None:
        """Ask `source` with each board; its words, when it has any, stand among the problems."""
        self._complaints.append(source)

    def board(self) -> Board:
        """Return what is known now; the same object to all who ask within a quarter of a second."""
        with self._board_lock:
            now = self._clock.monotonic()
            if self._board is None or now - self._board_at >= BOARD_S:
                self._board = self._make_board()
                self._board_at = now
            return self._board

    def today(self, meter_id: int) -> TodayFigures:
        """Return the day's sums of one meter; at most `FIGURES_S` old."""
        bounds = self._day_bounds(0)
        before_ms, _ = self._day_bounds(1)
        return self._figures.get(
            ("today", meter_id, bounds[0]), lambda: self._today(meter_id, before_ms, *bounds)
        )

    def day(self, meter_id: int, keys: Sequence[str], days_back: int = 0) -> Series:
        """Return the curves of a calendar day of the site, 0 = today up to now; at most `FIGURES_S` old.

        All viewers get the same object: read it only. One question finds the meter and its neighbours, since
        it costs the history the same. Raises StoreError when the history is damaged or answers too slowly.
        """
        start_ms, end_ms = self._day_bounds(days_back)
        chosen, together = tuple(keys), self._neighbours(meter_id)

        def work() -> dict[int, Series]:
            found = self._history().series_of(together, chosen, start_ms, end_ms, POINTS_A_DAY)
            return {meter: _lean(series) for meter, series in found.items()}

        # not yet over at the last look, a day that is over now has had more
        return self._curves.get((together, chosen, start_ms, days_back == 0), work)[meter_id]

    def trend(
        self, meter_ids: Collection[int], keys: Sequence[str], start_ms: int, end_ms: int, points: int
    ) -> Mapping[int, Series]:
        """Return by meter the curves of any time: see `HistoryReader.series_of`; at most `FIGURES_S` old.

        All viewers get the same objects: read them only. Raises StoreError as `day` does.
        """
        question = (tuple(meter_ids), tuple(keys), start_ms, end_ms, points)
        return self._trends.get(question, lambda: self._history().series_of(*question))

    def complete(self, meter_ids: Collection[int], start_ms: int, end_ms: int) -> Mapping[int, float | None]:
        """Return by meter in which part of [start, end) it answered, 0 to 1; at most `FIGURES_S` old."""
        ids = tuple(meter_ids)
        history = self._history()
        return self._figures.get(
            ("complete", ids, start_ms, end_ms),
            lambda: {one: history.completeness(one, start_ms, end_ms).share for one in ids},
        )

    def _neighbours(self, meter_id: int) -> tuple[int, ...]:
        """Return the meters whose day is read with this one's: of one model, so that they have the same."""
        meter = self._settings.meter(meter_id)
        if meter is None:
            return (meter_id,)
        alike = [other.id for other in self._settings.meters if other.profile == meter.profile]
        first = alike.index(meter_id) // TOGETHER * TOGETHER
        return tuple(alike[first : first + TOGETHER])

    def minmax_today(self, meter_id: int, keys: Sequence[str]) -> dict[str, MinMax]:
        """Return lowest and highest of today by key; at most `FIGURES_S` old."""
        chosen = tuple(keys)
        start_ms, end_ms = self._day_bounds(0)
        return self._figures.get(
            ("minmax", meter_id, chosen, start_ms), lambda: self._minmax(meter_id, chosen, start_ms, end_ms)
        )

    def noted(self, wanted: Wanted, limit: int, *, oldest_first: bool = False) -> list[Noted]:
        """Return a page of events. Raises StoreError when the history cannot be read."""
        return self._history().noted(wanted, limit, oldest_first=oldest_first)

    def past(self) -> Past:
        """Return when supply last failed and a DG set last ran; worked out anew when there is an event."""
        board, history = self.board(), self._history()
        sources = tuple((m.id, m.supply, m.since_ms) for m in board.meters if m.role != "feeder")
        wanted = events_past.wanted(meter_id for meter_id, _, _ in sources)

        def work() -> Past:
            noted = history.noted(wanted, events_past.LOOKED_AT)
            return events_past.past(noted, board, whole=len(noted) < events_past.LOOKED_AT)

        try:
            last = self._figures.get(("last event",), history.last_event, LAST_EVENT_S)
            return self._figures.get(("past", last, sources, board.poller.state), work)
        except StoreError as exc:
            return Past(trouble=trouble(exc))

    def _make_board(self) -> Board:
        problems = [words for source in self._complaints if (words := source())]
        now_s = self._clock.monotonic()
        problems += [words for at_s, words in list(self._troubles.values()) if now_s - at_s < TROUBLE_S]
        problems += [words for meter in self._settings.meters if (words := self._doubts.get(meter.id))]
        found = self._newest.answers(problems)
        beat, now_ms = heartbeat.read(self._home.heartbeat), self._clock.now_ms()
        return make_board(
            self._settings,
            beat,
            found.last,
            now_ms,
            list(dict.fromkeys(problems)),
            asked=found.asked,
            models=found.models,
        )

    def profile(self, meter_id: int) -> Profile | None:
        """Return the profile of a meter; None when there is no such meter, or its file cannot be read."""
        return self._newest.profile(meter_id)

    def _today(self, meter_id: int, before_ms: int, start_ms: int, end_ms: int) -> TodayFigures:
        history = self._history()
        settings = self._settings
        meter = settings.meter(meter_id)
        zone = settings.site.zone
        rated_va = None if meter is None else ratio.rated_kva_at(meter, end_ms, zone) * 1000
        moduli = self._moduli(meter, end_ms)
        try:
            today = history.energy(meter_id, start_ms, end_ms, rated_va, moduli=moduli)
            yesterday = history.energy(meter_id, before_ms, start_ms, rated_va, moduli=moduli)
            demand = history.max_demand(meter_id, start_ms, end_ms, rated_va=rated_va, moduli=moduli)
            completeness = history.completeness(meter_id, start_ms, end_ms)
            factor = history.power_factor(meter_id, start_ms, end_ms, known=today)
        except StoreError as exc:
            self._met(("today", meter_id), exc)
            return TodayFigures(None, None, None, None, None)
        self._met(("today", meter_id), None)
        doubt, mark = today.doubts.get("wh_received", ""), today.marks.get("wh_received", "")
        if meter is not None:
            is_known = f"is given {mark}" if mark else ""
            words = f"is not known: {doubt}" if doubt else is_known
            self._doubts[meter_id] = f"{meter.name}: today's energy {words}." if words else ""
        return TodayFigures(
            _kilo(today.used.get("wh_received")),
            _kilo(yesterday.used.get("wh_received")),
            None if demand is None else demand[0],
            None if demand is None else demand[1],
            completeness.share,
            bool(mark) or today.off_ms("wh_received", start_ms) > LOOSE_S * 1000,
            "wh_received" in yesterday.marks
            or yesterday.off_ms("wh_received", before_ms, start_ms) > LOOSE_S * 1000,
            doubt,
            mark,
            factor,
        )

    def _moduli(self, meter: Meter | None, at_ms: int) -> Mapping[str, float]:
        """Return by counter where it begins again at 0, as far as the meter's profile tells."""
        profile = None if meter is None else self.profile(meter.id)
        if meter is None or profile is None:
            return {}
        return counters.moduli(profile, ratio.factors(meter, at_ms, self._settings.site.zone))

    def _minmax(self, meter_id: int, keys: tuple[str, ...], start_ms: int, end_ms: int) -> dict[str, MinMax]:
        """Take the extremes from the quarters of an hour, their times from the polls in those quarters."""
        history = self._history()
        try:
            quarters = history.series(
                meter_id, keys, start_ms, end_ms, max(1, (end_ms - start_ms) // QUARTER_MS)
            )
            found = {key: _extremes(quarters, key) for key in keys}
            starts = {
                at for one in found.values() for at in (one.low_at_ms, one.high_at_ms) if at is not None
            }
            step_ms = round(quarters.step_s * 1000)
            polls = {at: history.series(meter_id, keys, at, at + step_ms, step_ms // 1000) for at in starts}
        except StoreError as exc:
            self._met(("minmax", meter_id), exc)
            return dict.fromkeys(keys, MinMax(None, None, None, None))
        self._met(("minmax", meter_id), None)
        return {key: _at_the_poll(one, key, polls) for key, one in found.items()}

    def _met(self, question: tuple[str, int], exc: StoreError | None) -> None:
        """Remember why a question of the history was not answered, or that it was."""
        if exc is None:
            self._troubles.pop(question, None)
        else:
            self._troubles[question] = self._clock.monotonic(), trouble(exc)

    def _day_bounds(self, days_back: int) -> tuple[int, int]:
        now_ms, zone = self._clock.now_ms(), self._settings.site.zone
        start_ms = day_start_ms(now_ms, zone, days_back)
        return start_ms, now_ms if days_back == 0 else day_start_ms(now_ms, zone, days_back - 1)

    def _history(self) -> HistoryReader:
        return HistoryReader(self._home.history)


def _lean(series: Series) -> Series:
    """Keep equal columns once: rows of a minute hold one value, which is also the least and the greatest."""

    def once(column: dict[str, list[float | None]]) -> dict[str, list[float | None]]:
        return {
            key: series.values[key] if kept == series.values[key] else kept for key, kept in column.items()
        }

    return dataclasses.replace(series, low=once(series.low), high=once(series.high))


def _kilo(value: float | None) -> float | None:
    return None if value is None else value / 1000


def _extremes(series: Series, key: str) -> MinMax:
    lows = [(value, at) for value, at in zip(series.low[key], series.at_ms, strict=True) if value is not None]
    highs = [
        (value, -at) for value, at in zip(series.high[key], series.at_ms, strict=True) if value is not None
    ]
    if not lows or not highs:
        return MinMax(None, None, None, None)
    low, high = min(lows), max(highs)  # the first time each was reached
    return MinMax(low[0], low[1], high[0], -high[1])


def _at_the_poll(one: MinMax, key: str, polls: Mapping[int, Series]) -> MinMax:
    return MinMax(
        one.low,
        _first(polls, key, one.low, one.low_at_ms),
        one.high,
        _first(polls, key, one.high, one.high_at_ms),
    )


def _first(polls: Mapping[int, Series], key: str, value: float | None, at_ms: int | None) -> int | None:
    """Return when the value was read first; its quarter where the single polls are no longer kept."""
    if at_ms is None or value not in polls[at_ms].values[key]:
        return at_ms
    quarter = polls[at_ms]
    return quarter.at_ms[quarter.values[key].index(value)]


_current: Feed | None = None


def current() -> Feed:
    """Return the feed of this process's dashboard. Raises RuntimeError before `create_app`."""
    if _current is None:
        raise RuntimeError("no feed yet: create_app() sets it before the pages are asked")
    return _current


def set_current(feed: Feed) -> None:
    """Make `feed` the one that pages read; called by `create_app` and by tests."""
    global _current  # noqa: PLW0603  one dashboard a process: pages are module-level in Dash
    _current = feed
