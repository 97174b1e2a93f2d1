"""The feed: every state of the station is told as it is, and no old value looks new."""

import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from substation.dashboard import board as boards
from substation.dashboard import feed as feeds
from substation.dashboard.feed import Board, Feed, LiveMeter, current
from substation.meters import profile
from substation.quantities import INSTANTS, KEYS
from substation.readings import Reading
from tests.dashboard.conftest import Station, demo_settings, no_answer, reading

FAST = profile.load("elmeasure_lgplus").group("fast")


def meter(board: Board, meter_id: int = 1) -> LiveMeter:
    found = board.meter(meter_id)
    assert found is not None
    return found


def qualities(shown: LiveMeter) -> set[str]:
    return {value.quality for value in shown.values.values()}


def test_an_empty_store_says_that_no_poller_has_run(feed: Feed) -> None:
    board = feed.board()
    assert (board.poller.state, board.poller.age_s) == ("never", None)
    assert board.poller.words
    for shown in board.meters:
        assert (shown.freshness, shown.status, shown.supply) == ("never", "Unknown", "unknown")
        assert shown.age_s is None
        assert qualities(shown) == {"never"}
        assert {value.value for value in shown.values.values()} == {None}


def test_a_fresh_reading_is_good(station: Station, feed: Feed) -> None:
    station.read()
    station.beat()
    shown = meter(feed.board())
    assert (shown.freshness, shown.status, shown.supply, shown.comm_status) == (
        "fresh",
        "EB supply On",
        "live",
        "OK",
    )
    volts = shown.values["v_r"]
    assert (volts.value, volts.unit, volts.quality) == (239.5, "V", "good")
    assert tuple(shown.values) == KEYS
    assert shown.counters["turnaround_ms"] == 30.1
    assert feed.board().lines[0].busy == 0.57


@pytest.mark.parametrize(
    ("age_s", "freshness"),
    [(0, "fresh"), (4.0, "fresh"), (4.1, "late"), (10.0, "late"), (10.1, "stale"), (3000, "stale")],
)
def test_a_value_ages_by_rounds(station: Station, feed: Feed, age_s: float, freshness: str) -> None:
    station.read()
    station.clock.advance(age_s)
    station.beat()
    shown = meter(feed.board())
    assert shown.freshness == freshness
    assert shown.age_s == pytest.approx(age_s)
    expected = "good" if freshness == "fresh" else freshness
    assert {shown.values[key].quality for key in FAST} == {expected}


def test_a_stale_value_keeps_its_number(station: Station, feed: Feed) -> None:
    station.read()
    station.clock.advance(60)
    station.beat()
    value = meter(feed.board()).values["v_r"]
    assert (value.value, value.quality) == (239.5, "stale")


def test_a_poller_that_falls_silent_makes_everything_stale(station: Station, feed: Feed) -> None:
    station.read()
    station.beat()
    station.clock.advance(3.1)
    assert feed.board().poller.state == "running"
    station.clock.advance(0.5)  # 3.6 s after the heartbeat; the reading alone would still be fresh
    board = feed.board()
    assert board.poller.state == "stopped"
    assert "3" in board.poller.words or "4" in board.poller.words
    for shown in board.meters:
        assert (shown.status, shown.supply, shown.freshness) == ("Unknown", "unknown", "stale")
        assert shown.comm_status == "Unknown"
        assert qualities(shown) == {"stale"}
    assert board.lines[0].state == "unknown"


def test_a_poller_that_was_stopped_says_so_at_once(station: Station, feed: Feed) -> None:
    station.read()
    station.beat(state="stopped")
    board = feed.board()
    assert board.poller.state == "stopped"
    assert "was stopped" in board.poller.words
    assert qualities(meter(board)) == {"stale"}


def test_a_dead_meter_is_stale_while_the_others_are_fresh(station: Station, feed: Feed) -> None:
    station.read()
    station.clock.advance(1)
    now = station.clock.now_ms()
    station.read(*(no_answer(3, now) if n == 3 else reading(n, now) for n in range(1, 6)))
    station.beat(meter_3={"comm_status": "Communication failed", "status": "Unknown", "supply": "unknown"})
    board = feed.board()
    dead = meter(board, 3)
    assert (dead.comm_status, dead.status, dead.freshness) == ("Communication failed", "Unknown", "stale")
    assert dead.age_s == pytest.approx(1.0)
    assert qualities(dead) == {"stale"}
    assert dead.values["v_r"].value == 239.5
    assert [shown.freshness for shown in board.meters] == ["fresh", "fresh", "stale", "fresh", "fresh"]


def test_one_missed_poll_does_not_frighten(station: Station, feed: Feed) -> None:
    station.read()
    station.clock.advance(2)
    station.read(no_answer(1, station.clock.now_ms()))
    station.beat()
    shown = meter(feed.board())
    assert (shown.freshness, shown.comm_status, shown.values["v_r"].value) == ("fresh", "OK", 239.5)


def test_a_meter_that_never_answered_has_no_values(station: Station, feed: Feed) -> None:
    now = station.clock.now_ms()
    station.read(no_answer(2, now), reading(1, now))
    station.beat(meter_2={"comm_status": "Communication failed", "status": "Unknown", "supply": "unknown"})
    shown = meter(feed.board(), 2)
    assert (shown.freshness, shown.age_s, qualities(shown)) == ("never", None, {"never"})


def test_a_meter_new_in_the_configuration_is_unknown_until_it_was_asked(station: Station, feed: Feed) -> None:
    station.read()
    station.beat()
    more = (*station.settings.meters, station.settings.meters[0].model_copy(update={"id": 9, "name": "New"}))
    feed.adopt(demo_settings(meters=more), station.home)
    shown = meter(feed.board(), 9)
    assert (shown.freshness, shown.comm_status, shown.comm_detail) == ("never", "Unknown", "not asked yet")


def test_a_doubted_value_stays_doubted_when_it_is_old(station: Station, feed: Feed) -> None:
    now = station.clock.now_ms()
    values = dict(reading(1, now).values)
    doubted = Reading(1, now, {**values, "v_r": 812.0, "v_y": None}, implausible=frozenset({"v_r", "v_y"}))
    station.read(doubted)
    station.beat()
    fresh = meter(feed.board()).values
    assert (fresh["v_r"].value, fresh["v_r"].quality) == (812.0, "implausible")
    assert (fresh["v_y"].value, fresh["v_y"].quality) == (None, "implausible")
    assert fresh["v_b"].quality == "good"
    station.clock.advance(60)
    station.beat()
    old = meter(feed.board()).values
    assert (old["v_r"].quality, old["v_b"].quality) == ("implausible", "stale")


def test_damage_in_the_live_file_costs_only_the_damaged_lines(station: Station, feed: Feed) -> None:
    station.read()
    station.beat()
    with station.home.live.open("ab") as file:
        file.write(b"\x00\xff garbage\n2026-11-24,10:24:31,half a li")
    shown = meter(feed.board())
    assert (shown.freshness, shown.values["v_r"].value) == ("fresh", 239.5)


def test_a_live_file_of_nothing_but_damage_is_named(station: Station, feed: Feed) -> None:
    station.home.live.write_bytes(b"\xff\xfe\x00rubbish\n" * 500)
    station.beat()
    board = feed.board()
    assert any("live file is damaged" in words for words in board.problems)
    assert qualities(meter(board)) == {"never"}


def test_a_folder_in_the_live_files_place_is_a_problem_and_not_a_broken_page(
    station: Station, feed: Feed
) -> None:
    station.beat()
    station.home.live.unlink(missing_ok=True)
    station.home.live.mkdir()
    (problem,) = feed.board().problems
    assert problem.startswith("The live file cannot be read")
    station.home.live.rmdir()
    station.clock.advance(1)
    station.beat()
    assert feed.board().problems == ()


def test_readings_of_another_kind_of_station_are_not_shown(station: Station, feed: Feed) -> None:
    station.read()
    station.beat()
    text = station.home.live.read_text().replace(",yes\n", ",no\n")
    station.home.live.write_text(text)
    board = feed.board()
    assert qualities(meter(board)) == {"never"}
    assert any("another kind of station" in words for words in board.problems)


def test_the_report_of_another_kind_of_station_is_not_believed(station: Station, feed: Feed) -> None:
    station.read()
    station.beat(simulated=False)
    board = feed.board()
    assert board.poller.state == "stopped"
    assert "real station" in board.poller.words
    assert qualities(meter(board)) == {"stale"}


def test_a_report_from_the_future_is_not_believed(station: Station, feed: Feed) -> None:
    station.read()
    station.beat()
    station.clock.step(-3600)
    board = feed.board()
    assert board.poller.state == "stopped"
    assert "clock" in board.poller.words
    assert qualities(meter(board)) == {"stale"}


def test_a_lost_state_folder_does_not_pass_for_a_new_station(station: Station, feed: Feed) -> None:
    station.read()
    board = feed.board()
    assert board.poller.state == "stopped"
    assert qualities(meter(board)) == {"stale"}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"v": 2}', "null", "\x00" * 40])
def test_a_damaged_heartbeat_counts_as_none(station: Station, feed: Feed, content: str) -> None:
    station.read()
    station.home.heartbeat.write_text(content)
    assert feed.board().poller.state == "stopped"


def test_a_heartbeat_with_wrong_types_breaks_nothing(station: Station, feed: Feed) -> None:
    station.read()
    station.beat(
        lines="x", problems=None, interval_s="soon", meters=[1, {"id": "1"}, {"id": 2, "since_ms": "x"}]
    )
    board = feed.board()
    assert board.poller.state == "running"
    assert meter(board, 1).status == "Unknown"
    assert meter(board, 2).since_ms is None


def test_a_wire_too_slow_for_the_interval_sets_the_pace(station: Station, feed: Feed) -> None:
    station.read()
    station.clock.advance(12)
    station.beat(limit_s=8.0)
    assert meter(feed.board()).freshness == "fresh"
    station.clock.advance(10)
    assert feed.board().poller.state == "running"


def test_the_pollers_problems_reach_the_board_only_while_it_runs(station: Station, feed: Feed) -> None:
    station.read()
    station.beat(problems=["The disk is nearly full."])
    assert feed.board().problems == ("The disk is nearly full.",)
    station.clock.advance(60)
    assert feed.board().problems == ()


def test_whoever_complains_is_heard(station: Station, feed: Feed) -> None:
    said = ["The audit log cannot be written."]
    feed.complain(lambda: said[0])
    assert feed.board().problems == ("The audit log cannot be written.",)
    said[0] = ""
    station.clock.advance(1)
    assert feed.board().problems == ()


def test_all_viewers_share_one_board(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Board] = []

    def counted(*args: Any, **more: Any) -> Board:
        made.append(boards.make_board(*args, **more))
        return made[-1]

    monkeypatch.setattr(feeds, "make_board", counted)
    got: list[Board] = []
    threads = [threading.Thread(target=lambda: got.append(feed.board())) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert all(board is made[0] for board in got)


def test_a_board_is_made_anew_after_a_quarter_of_a_second(station: Station, feed: Feed) -> None:
    first = feed.board()
    station.clock.advance(0.2)
    assert feed.board() is first
    station.clock.advance(0.1)
    assert feed.board() is not first


def test_pages_find_the_feed_that_was_set(feed: Feed) -> None:
    assert current() is feed


def test_pages_cannot_read_before_there_is_a_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "_current", None)
    with pytest.raises(RuntimeError, match="create_app"):
        current()


@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    reading_age_s=st.floats(-7200, 90_000),
    beat_age_s=st.floats(-7200, 90_000),
    interval_s=st.sampled_from([0.0, 0.5, 1.0, 2.0, 10.0, 60.0]),
    comm=st.sampled_from(["OK", "Communication failed", "", "Unknown"]),
    state=st.sampled_from(["running", "stopped", "", None]),
)
def test_no_value_looks_good_unless_all_speaks_for_it(
    reading_age_s: float, beat_age_s: float, interval_s: float, comm: str, state: str | None
) -> None:
    now = 1_795_500_000_000
    beat = {
        "v": 1,
        "state": state,
        "at_ms": now - beat_age_s * 1000,
        "simulated": True,
        "interval_s": interval_s,
        "meters": [{"id": 1, "supply": "live", "status": "EB supply On", "comm_status": comm}],
    }
    last = {1: reading(1, now - round(reading_age_s * 1000))}
    shown = meter(boards.make_board(demo_settings(), beat, last, now))
    fresh_s = max(2 * interval_s, 3.0)
    silent_s = max(3.2, 1.6 * interval_s)
    believable = state == "running" and comm == "OK" and -1.001 <= beat_age_s <= silent_s + 0.001
    slow_s = max(2 * interval_s, 120.0)
    for key, value in shown.values.items():
        if value.quality == "good":
            assert believable
            assert -1.001 <= reading_age_s <= (fresh_s if key in INSTANTS else slow_s) + 0.001
    if not believable and beat_age_s != silent_s:
        assert qualities(shown) == {"stale"}
    if state != "running":
        assert (shown.status, shown.supply) == ("Unknown", "unknown")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (14.4, "14 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (18_720, "5 h 12 min"),
        (86_400 * 3, "3 d"),
    ],
)
def test_an_age_is_spelt_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert boards.spell_age(seconds) == words
