"""The feed's look back: the day's sums, curves and extremes, and meters silent for long."""

import math
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from substation.clock import day_start_ms
from substation.dashboard import panels, sparks, words
from substation.dashboard.feed import Feed, MinMax, TodayFigures
from substation.errors import StoreError
from substation.readings import Reading
from substation.store import pool
from substation.store.history import History, HistoryReader
from tests.dashboard import tree
from tests.dashboard.conftest import Browser, Station, no_answer, page_request, reading

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


@pytest.fixture
def history(station: Station) -> Iterator[History]:
    made = History(station.home.history, True, station.clock, station.settings.site.zone)
    yield made
    made.close()


def midnight(station: Station, days_back: int = 0) -> int:
    return day_start_ms(station.clock.now_ms(), station.settings.site.zone, days_back)


def fill(history: History, start_ms: int, end_ms: int, **changes: float) -> None:
    """Write a reading of meter 1 each minute: 60 kW, so the register goes on by 1 kWh a minute."""
    rows = []
    for at_ms in range(start_ms, end_ms, MINUTE_MS):
        energy = (at_ms - start_ms) / MINUTE_MS * 1000
        rows.append(
            reading(1, at_ms, wh_received=1_000_000 + energy, vah_received=1_000_000 + energy, **changes)
        )
    history.add(rows)
    history.commit()


def test_a_station_without_a_history_has_no_figures_and_no_points(feed: Feed) -> None:
    assert feed.today(1) == TodayFigures(None, None, None, None, None), "0 % would be a figure too"
    assert feed.day(1, ("v_r",)).at_ms == []
    assert feed.minmax_today(1, ("v_r",)) == {"v_r": MinMax(None, None, None, None)}


def test_a_damaged_history_costs_the_figures_and_not_the_page(station: Station, feed: Feed) -> None:
    station.home.history.write_bytes(b"not a database " * 500)
    station.read(no_answer(1, station.clock.now_ms()))
    assert feed.today(1) == TodayFigures(None, None, None, None, None)
    assert feed.minmax_today(1, ("v_r",))["v_r"].low is None
    assert any("history" in words for words in feed.board().problems)


def test_a_damaged_history_is_told_even_when_all_meters_answer(station: Station, feed: Feed) -> None:
    station.read()
    station.beat()
    station.home.history.write_bytes(b"not a database " * 500)
    feed.today(1)
    assert any("history cannot be read" in words for words in feed.board().problems)
    station.home.history.unlink()
    station.clock.advance(16)
    feed.today(1)
    assert feed.board().problems == ()


@pytest.mark.parametrize(("silent_min", "about"), [(2, False), (12, True), (40, True)])
def test_a_days_energy_whose_register_was_not_read_at_midnight_is_only_nearly_right(
    station: Station, feed: Feed, history: History, silent_min: int, about: bool
) -> None:
    yesterday, today = midnight(station, 1), midnight(station)
    history.add(
        reading(1, at, wh_received=1_000_000 + (at - yesterday) / MINUTE_MS * 1000)
        for at in range(yesterday, station.clock.now_ms(), MINUTE_MS)
        if abs(at - today) >= silent_min * MINUTE_MS // 2
    )
    history.commit()
    figures = feed.today(1)
    assert (figures.about_today, figures.about_yesterday) == (about, about)
    card = words.meter_parts(feed.board(), feed.board().meters[0], figures, station.settings.site.zone)
    assert card["kwh"][0].startswith("≈") is about


def test_energy_is_counted_by_the_sites_calendar_day(station: Station, feed: Feed, history: History) -> None:
    now = station.clock.now_ms()
    yesterday, today = midnight(station, 1), midnight(station)
    fill(history, yesterday, now)
    figures = feed.today(1)
    assert figures.kwh_yesterday == pytest.approx(24 * 60, abs=2)
    assert figures.kwh_today == pytest.approx((now - today) / MINUTE_MS, abs=2)
    assert figures.max_demand_va == pytest.approx(60_000, rel=0.05)
    assert figures.max_demand_at_ms is not None
    assert today <= figures.max_demand_at_ms < now


def test_yesterday_is_told_up_to_this_time_of_day_with_its_highest_demand(
    station: Station, feed: Feed, history: History
) -> None:
    now, yesterday, today = station.clock.now_ms(), midnight(station, 1), midnight(station)
    fill(history, yesterday, now)
    found = feed.yesterday(1)
    assert found.kwh_by_now == pytest.approx((now - today) / MINUTE_MS, abs=2)
    assert found.max_demand_va == pytest.approx(60_000, rel=0.05)
    assert found.max_demand_at_ms is not None
    assert yesterday <= found.max_demand_at_ms < today
    assert not found.about_by_now
    assert feed.today(1).used["wh_received"] == pytest.approx((now - today) / MINUTE_MS * 1000, abs=2000)


def test_registers_at_the_shifts_are_readings_or_say_why_not(
    station: Station, feed: Feed, history: History
) -> None:
    today = midnight(station)
    history.add([reading(1, today + 1000, wh_received=5e6), reading(1, today + 6 * HOUR_MS, wh_received=6e6)])
    history.commit()
    station.clock.advance((today + 14 * HOUR_MS + 30_000 - station.clock.now_ms()) / 1000)
    found = feed.registers(1)
    assert {hour: (one.value, one.why) for hour, one in found.items()} == {
        0: (5e6, ""),
        6: (6e6, ""),
        14: (None, "not yet"),
        22: (None, "not yet"),
    }
    station.clock.advance(120)
    assert feed.registers(1)[14].why == "not polled within a minute"


def test_the_strip_and_the_small_lines_come_from_stored_minutes_and_quarters(
    station: Station, feed: Feed, history: History
) -> None:
    now = station.clock.now_ms()
    history.add([reading(1, now - 20 * MINUTE_MS), no_answer(1, now - 40 * MINUTE_MS)])
    history.commit()
    strip = feed.answered(1)
    assert strip is not None
    assert (strip.count("all"), strip.count("none"), strip.count("blank")) == (1, 1, 142)
    assert feed.sparks(1)["v_r"].startswith("--line:url(")
    assert feed.sparks(2)["v_r"] == sparks.NOTHING


def test_a_damaged_history_costs_the_figures_of_the_past_and_says_so(station: Station, feed: Feed) -> None:
    station.home.history.write_bytes(b"not a database " * 500)
    assert feed.yesterday(1).kwh_by_now is None
    assert feed.answered(1) is None
    assert feed.sparks(1) == {}
    assert {one.why for one in feed.registers(1).values()} == {"the history cannot be read"}
    assert any("history" in words for words in feed.board().problems)


def test_the_days_power_factor_is_one_of_energies(station: Station, feed: Feed, history: History) -> None:
    today = midnight(station)
    for number in range(11):
        at_ms, loaded = today + number * MINUTE_MS, number > 5
        energy = {"wh_received": 1e6 + number * (950 if loaded else 300), "vah_received": 1e6 + number * 1000}
        history.add([reading(1, at_ms, pf_average=0.95 if loaded else 0.3, **energy)])
    history.commit()
    found = feed.today(1).factor
    assert (found.value, found.basis) == (0.95, "kWh/kVAh")


@pytest.mark.parametrize("jump", [499_000_000.0, -900_000.0])
def test_over_an_exchanged_meter_the_days_energy_is_marked_and_says_what_it_lacks(
    station: Station, feed: Feed, history: History, jump: float
) -> None:
    now, today = station.clock.now_ms(), midnight(station)
    fill(history, midnight(station, 1), now - 2 * HOUR_MS)
    register = 1_000_000 + (now - midnight(station, 1)) / HOUR_MS * 60_000 + jump
    history.add(
        reading(1, at, wh_received=register, vah_received=register)
        for at in range(now - HOUR_MS, now, MINUTE_MS)
    )
    history.commit()
    figures = feed.today(1)
    assert figures.kwh_today == pytest.approx((now - 2 * HOUR_MS - today) / MINUTE_MS, abs=2)
    assert (figures.about_today, figures.about_yesterday) == (True, False)
    assert figures.kwh_yesterday == pytest.approx(24 * 60, abs=2)
    assert figures.mark.startswith("without what flowed while the meter was exchanged (between ")
    assert figures.max_demand_va == pytest.approx(60_000, rel=0.05)
    assert figures.max_demand_at_ms is not None
    assert today <= figures.max_demand_at_ms < now - 2 * HOUR_MS
    station.read()
    station.beat()
    assert feed.board().problems == (f"Transformer: today's energy is given {figures.mark}.",)
    assert feed.today(2).mark == ""


def test_while_a_register_is_in_doubt_the_days_energy_is_unknown_and_says_so(
    station: Station, feed: Feed, history: History
) -> None:
    now = station.clock.now_ms()
    fill(history, midnight(station), now - HOUR_MS)
    history.add([reading(1, now - MINUTE_MS, wh_received=9e9, vah_received=9e9)])
    history.commit()
    figures = feed.today(1)
    assert figures.kwh_today is None
    assert "register" in figures.doubt
    station.read()
    station.beat()
    assert feed.board().problems == (f"Transformer: today's energy is not known: {figures.doubt}.",)


def test_completeness_is_the_part_of_minutes_with_an_answer(
    station: Station, client: Browser, feed: Feed, history: History
) -> None:
    now, today = station.clock.now_ms(), midnight(station)
    fill(history, today, today + (now - today) // 2)
    assert feed.today(1).completeness == pytest.approx(0.5, abs=0.01)
    assert feed.today(2).completeness == 0.0
    for meter_id, share in ((1, "50.0 %"), (2, "0.0 %")):
        shown = client.post("/_dash-update-component", json=page_request(f"/meter/{meter_id}"))
        assert f"{share} of its minutes" in shown.text
    assert words.answered(0.99996) == "99.9 % of its minutes"
    assert words.answered(0.29) == "29.0 % of its minutes"
    assert words.answered(None) == "\u2014"


def test_figures_are_shared_for_a_while(station: Station, feed: Feed, history: History) -> None:
    before = feed.today(1)
    fill(history, midnight(station), station.clock.now_ms())
    assert feed.today(1) is before
    station.clock.advance(16)
    assert feed.today(1).kwh_today is not None


def test_a_new_day_begins_at_the_sites_midnight_and_not_when_an_answer_grows_old(
    station: Station, feed: Feed, history: History
) -> None:
    new_day = midnight(station, -1)
    station.clock.advance((new_day - station.clock.now_ms()) / 1000 - 5)
    fill(history, new_day - HOUR_MS, new_day - MINUTE_MS)
    assert feed.today(1).kwh_today == pytest.approx(59, abs=2)
    assert feed.minmax_today(1, ("v_r",))["v_r"].high == 239.5
    assert None not in feed.day(1, ("v_r",)).values["v_r"][-30:-1]
    history.add([reading(1, new_day - 4_000, v_r=250.0, wh_received=1_060_000.0)])
    history.commit()
    station.clock.advance(6)
    assert feed.today(1).kwh_today is None
    assert feed.today(1).kwh_yesterday == pytest.approx(60, abs=2)
    assert feed.minmax_today(1, ("v_r",))["v_r"].high is None
    assert set(feed.day(1, ("v_r",)).values["v_r"]) <= {None}
    assert feed.day(1, ("v_r",), 1).values["v_r"][-1] == 250.0


def test_a_day_is_a_calendar_day_of_the_site(station: Station, feed: Feed, history: History) -> None:
    now, today, yesterday = station.clock.now_ms(), midnight(station), midnight(station, 1)
    fill(history, yesterday - HOUR_MS, now)
    series = feed.day(1, ("v_r", "watts_total"), days_back=1)
    known = [at for at, value in zip(series.at_ms, series.values["v_r"], strict=True) if value is not None]
    assert known[0] == yesterday
    assert today - 2 * MINUTE_MS <= known[-1] < today
    assert len(known) >= 1430
    until_now = feed.day(1, ("v_r",))
    assert today <= until_now.at_ms[0]
    assert until_now.at_ms[-1] <= now


def test_extremes_are_those_of_single_polls_with_their_times(
    station: Station, feed: Feed, history: History
) -> None:
    today = midnight(station)
    fill(history, today, today + 6 * HOUR_MS)
    low_at, high_at = today + 2 * HOUR_MS + 7_000, today + 3 * HOUR_MS + 1_234
    history.add([reading(1, low_at, v_r=201.5), reading(1, high_at, v_r=262.25, frequency=0.0)])  # dead: none
    history.commit()
    found = feed.minmax_today(1, ("v_r", "frequency"))
    assert found["v_r"] == MinMax(201.5, low_at, 262.25, high_at)
    assert (found["frequency"].low, found["frequency"].high) == (50.01, 50.01)


def test_a_doubted_value_is_no_extreme(station: Station, feed: Feed, history: History) -> None:
    today = midnight(station)
    fill(history, today, today + HOUR_MS)
    odd = reading(1, today + 30_500, v_r=812.0)
    history.add([Reading(1, odd.at_ms, odd.values, implausible=frozenset({"v_r"}))])
    history.commit()
    assert feed.minmax_today(1, ("v_r",))["v_r"].high == 239.5


def test_a_meter_silent_for_more_than_the_live_file_holds_shows_its_last_answer(
    station: Station, feed: Feed, history: History
) -> None:
    now = station.clock.now_ms()
    fill(history, now - 5 * HOUR_MS, now - 4 * HOUR_MS)
    station.read(*(no_answer(1, now) if n == 1 else reading(n, now) for n in range(1, 6)))
    station.beat(meter_1={"comm_status": "Communication failed", "status": "Unknown", "supply": "unknown"})
    shown = feed.board().meter(1)
    assert shown is not None
    assert (shown.freshness, shown.values["v_r"].value, shown.values["v_r"].quality) == (
        "stale",
        239.5,
        "stale",
    )
    assert shown.age_s is not None
    assert math.isclose(shown.age_s, 4 * 3600 + 60)


def test_a_hundred_browsers_cost_the_history_as_much_as_one(
    station: Station, feed: Feed, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(history, midnight(station, 1), station.clock.now_ms())
    asked: list[str] = []
    for name in ("series", "series_of", "energy", "energy_and_demand", "completeness", "latest"):
        whole = getattr(HistoryReader, name)

        def counted(
            self: HistoryReader, *args: object, _name: str = name, _whole: Any = whole, **named: object
        ) -> Any:
            asked.append(_name)
            return _whole(self, *args, **named)

        monkeypatch.setattr(HistoryReader, name, counted)

    def look() -> None:
        feed.board()
        feed.today(1)
        feed.day(1, ("v_r",))
        feed.day(1, ("v_r",), 1)
        feed.minmax_today(1, ("v_r",))

    look()
    once = len(asked)
    threads = [threading.Thread(target=look) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == once
    del asked[:]
    station.clock.advance(16)
    feed.today(1)
    assert asked == [], "nothing was written since"
    history.add([reading(1, station.clock.now_ms())])
    history.commit()
    station.clock.advance(16)
    feed.today(1)
    assert asked == ["energy_and_demand", "completeness"], "yesterday is over"
    station.clock.advance(61)
    look()
    assert {"series", "series_of", "energy", "energy_and_demand", "completeness"} <= set(asked)


def test_a_failed_answer_is_asked_for_again(station: Station, feed: Feed) -> None:
    station.home.history.write_bytes(b"not a database " * 500)
    with pytest.raises(StoreError):
        feed.day(1, ("v_r",))
    station.home.history.unlink()
    assert feed.day(1, ("v_r",)).at_ms == []


def test_one_question_reads_the_day_of_all_meters_of_a_model(
    station: Station, feed: Feed, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = station.clock.now_ms()
    history.add(
        reading(meter_id, at, v_r=230.0 + meter_id)
        for meter_id in range(1, 6)
        for at in range(now - HOUR_MS, now, MINUTE_MS)
    )
    history.commit()
    questions: list[object] = []
    whole = HistoryReader.series_of

    def counted(self: HistoryReader, *args: Any) -> Any:
        questions.append(args)
        return whole(self, *args)

    monkeypatch.setattr(HistoryReader, "series_of", counted)
    newest = {meter_id: feed.day(meter_id, ("v_r",)).values["v_r"][-2] for meter_id in range(1, 6)}
    assert newest == {meter_id: 230.0 + meter_id for meter_id in range(1, 6)}
    assert len(questions) == 1
    assert feed.day(99, ("v_r",)).values["v_r"][-2] is None


def test_a_history_that_answers_too_slowly_costs_the_charts_and_not_the_page(
    station: Station, feed: Feed, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(history, midnight(station), station.clock.now_ms())
    station.read()
    station.beat()
    meter = feed.board().meters[0]
    monkeypatch.setattr(pool, "_OPERATIONS_BETWEEN_LOOKS", 100)
    over = HistoryReader(station.home.history, limit_s=-1.0)  # before it began
    monkeypatch.setattr(feed, "_history", lambda: over)
    with pytest.raises(StoreError, match="took too long and was stopped; ask for less"):
        feed.day(1, ("v_r",))
    shown = panels.charts_of(feed, meter, [("voltage", panels.ALL_PHASES)])
    assert "reading the history took too long and was stopped" in tree.text(shown)
    assert "239.5" in tree.text(shown)
