"""The one door that pages read through: live values, the day's figures, the day's curves.

All viewers share one board, recomputed at most four times a second, so that a hundred browsers cost the
stores no more than one.
"""

import dataclasses
import datetime as dt
import threading
from collections.abc import Callable, Collection, Mapping, Sequence

from substation.clock import Clock, day_start_ms
from substation.dashboard import events_past, tongue
from substation.dashboard.alarm_book import AlarmBook, Known
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
from substation.dashboard.figures import FIGURES_S, DayFigures, TodayFigures, YesterdayFigures
from substation.dashboard.line_counts import LineDay
from substation.dashboard.minmax import MinMax
from substation.dashboard.shared import Shared
from substation.dashboard.strip import Strip
from substation.errors import StoreError
from substation.meters.profile import Profile
from substation.reports import log_book, log_hours, supply_entries, supply_record
from substation.reports.log_source import ReadDay
from substation.reports.statement import Statement
from substation.reports.statement_source import statement_of
from substation.reports.supply_record import Record
from substation.settings import demo_past
from substation.settings.model import Home, Meter, Settings
from substation.store import entries, heartbeat
from substation.store.event_pages import Noted, Wanted
from substation.store.history import HistoryReader, Series
from substation.store.moments import At

__all__ = [
    "FIGURES_S",
    "Board",
    "Feed",
    "Freshness",
    "LineState",
    "LiveMeter",
    "LiveValue",
    "MinMax",
    "PollerState",
    "TodayFigures",
    "YesterdayFigures",
    "current",
    "set_current",
]

BOARD_S = 0.25
"""A board is shared for so long."""
TROUBLE_S = 2 * FIGURES_S
"""What a question of the history met is told for so long after it; each new one tells anew."""
CURVES = 6
"""Days kept for charts; the largest takes 0.5 MB for each of `TOGETHER` meters."""
TOGETHER = 5
"""Meters whose day is read with one question."""
POINTS_A_DAY = 1440
STATEMENT_S = 120.0
"""A month's statement takes a second of work; it is shared for so long."""
LAST_EVENT_S = 2.0
"""Whether there are new events is looked up so often."""


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
        self._alarm_book = AlarmBook(settings, home)
        self._troubles: dict[tuple[str, int], tuple[float, str]] = {}
        self._days = self._make_days()
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
            self._alarm_book = AlarmBook(settings, home)
            self._board, self._troubles = None, {}
            self._days = self._make_days()
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
                with tongue.speaking(tongue.ENGLISH):  # it is of all viewers
                    self._board = self._make_board()
                self._board_at = now
            return self._board

    def alarms(self) -> Known:
        """Return the alarms as the poller saved them; whether it still does says the board."""
        return self._alarm_book.known()

    def today(self, meter_id: int) -> TodayFigures:
        """Return the day's sums of one meter; at most `FIGURES_S` old."""
        return self._days.today(meter_id)

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

    def oldest_ms(self) -> int | None:
        """Return when the first stored day began, UTC ms; at most `FIGURES_S` old."""
        return self._figures.get("oldest", self._history().oldest_ms)

    def complete(self, meter_ids: Collection[int], start_ms: int, end_ms: int) -> Mapping[int, float | None]:
        """Return by meter in which part of [start, end) it answered, 0 to 1; at most `FIGURES_S` old."""
        ids = tuple(meter_ids)
        history = self._history()
        return self._figures.get(
            ("complete", ids, start_ms, end_ms),
            lambda: {one: history.completeness(one, start_ms, end_ms).share for one in ids},
        )

    def doubted(self, start_ms: int, end_ms: int) -> list[tuple[int, int]]:
        """Return from when to when within [start, end) nobody vouched for the clock that stamped readings.

        What was moved to its true times since then is not told of. Raises StoreError as `day` does.
        """
        return [
            (max(span.begin_ms, start_ms), min(span.end_ms, end_ms))
            for span in self._figures.get("clock spans", self._history().clock_spans)
            if span.is_off and span.begin_ms < end_ms and span.end_ms >= start_ms
        ]

    def _neighbours(self, meter_id: int) -> tuple[int, ...]:
        """Return the meters whose day is read with this one's: of one model, so that they have the same."""
        meter = self._settings.meter(meter_id)
        if meter is None:
            return (meter_id,)
        alike = [other.id for other in self._settings.meters if other.profile == meter.profile]
        first = alike.index(meter_id) // TOGETHER * TOGETHER
        return tuple(alike[first : first + TOGETHER])

    @property
    def is_past_made(self) -> bool:
        """Whether a demo's past is still being made."""
        return self._settings.simulated and demo_past.is_being_made(self._home)

    def minmax_today(self, meter_id: int, keys: Sequence[str]) -> dict[str, MinMax]:
        """Return lowest and highest of today by key; at most `FIGURES_S` old."""
        return self._days.minmax(meter_id, keys)

    def yesterday(self, meter_id: int) -> YesterdayFigures:
        """Return what a meter's today is compared with."""
        return self._days.yesterday(meter_id)

    def sparks(self, meter_id: int) -> dict[str, str]:
        """Return by quantity a small line of today: see `sparks.lines`."""
        return self._days.sparks(meter_id)

    def answered(self, meter_id: int) -> Strip | None:
        """Return how well a meter answered since this time yesterday; None where that cannot be read."""
        return self._days.answered(meter_id)

    def line_day(self, meter_id: int) -> LineDay | None:
        """Return how a meter did on its line today; None where that cannot be read."""
        return self._days.line_day(meter_id)

    def registers(self, meter_id: int) -> dict[int, At]:
        """Return by hour of the day, at the shifts, what a meter's kWh register read."""
        return self._days.registers(meter_id)

    def log_day(self, day: dt.date, meter: Meter | None) -> ReadDay:
        """Return a day of the hourly log sheet, of one meter or with None of all; at most `FIGURES_S` old.

        Raises:
            SettingsError: the station's own form cannot be used.
            StoreError: as `day`.
        """
        settings, home, now_ms = self._settings, self._home, self._clock.now_ms()
        meters = settings.meters if meter is None else (meter,)
        settled = now_ms // log_hours.HOUR_MS, now_ms % log_hours.HOUR_MS >= log_hours.SETTLED_MS

        def work() -> ReadDay:
            return log_book.read_day(settings, home, self.profile, day=day, now_ms=now_ms, meters=meters)

        # an hour that is settled by now was not at the last look
        return self._figures.get(("log", day, tuple(one.id for one in meters), settled), work)

    def noted(self, wanted: Wanted, limit: int, *, oldest_first: bool = False) -> list[Noted]:
        """Return a page of events. Raises StoreError when the history cannot be read."""
        return self._history().noted(wanted, limit, oldest_first=oldest_first)

    def last_event(self) -> int:
        """Return the number of the event that was written last, 0 without any or without a history."""

        def work() -> int:
            try:
                return self._history().last_event()
            except StoreError:
                return 0

        return self._figures.get(("last event",), work, LAST_EVENT_S)

    def past(self) -> Past:
        """Return when supply last failed and a DG set last ran; worked out anew when there is an event."""
        board, history = self.board(), self._history()
        sources = tuple((m.id, m.supply, m.since_ms) for m in board.meters if m.role != "feeder")
        wanted = events_past.wanted(meter_id for meter_id, _, _ in sources)

        def work() -> Past:
            try:
                noted = history.noted(wanted, events_past.LOOKED_AT)
            except StoreError as exc:
                return Past(trouble=trouble(exc))
            return events_past.past(noted, board, whole=len(noted) < events_past.LOOKED_AT)

        return self._figures.get(("past", self.last_event(), sources, board.poller.state), work)

    def statement(self, month: str) -> Statement:
        """Return the statement of a month, `2026-11`; at most `STATEMENT_S` old.

        Worked out anew when there is an event, or something was written into the DG log.

        All viewers get the same object: read it only. Raises StoreError when the history or what is written
        in the DG log cannot be read, RequestError for a month that has not begun.
        """
        settings, home, clock = self._settings, self._home, self._clock
        known = self.last_event(), entries.last(home.operator, supply_entries.DG_LOG)
        return self._figures.get(
            ("statement", month, known), lambda: statement_of(settings, home, clock, month), STATEMENT_S
        )

    def supply_record(self, start_ms: int, end_ms: int) -> Record:
        """Return interruptions and runs of generators in [start, end); at most `FIGURES_S` old.

        Worked out anew when there is an event. Raises StoreError when the history cannot be read.
        """
        settings, history, now_ms = self._settings, self._history(), self._clock.now_ms()

        def work() -> Record:
            moduli = {meter.id: self._days.moduli(meter, now_ms) for meter in settings.meters}
            return supply_record.of_time(settings, history, start_ms, end_ms, now_ms, moduli=moduli)

        return self._figures.get(("supply record", start_ms, end_ms, self.last_event()), work)

    def _make_board(self) -> Board:
        problems = [words for source in self._complaints if (words := source())]
        now_s = self._clock.monotonic()
        problems += [words for at_s, words in list(self._troubles.values()) if now_s - at_s < TROUBLE_S]
        problems += [words for meter in self._settings.meters if (words := self._days.doubts.get(meter.id))]
        beat = heartbeat.read(self._home.heartbeat)
        found, now_ms = self._newest.answers(problems, beat), self._clock.now_ms()
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

    def _make_days(self) -> DayFigures:
        return DayFigures(self._settings, self._home, self._clock, self.profile, self._met)

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
