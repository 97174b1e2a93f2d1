"""A question of the history that takes too long is stopped, and whoever asked is told: page, API, export.

The stop is forced: SQLite asks at once whether the time is over, and it always is.
"""

from collections.abc import Callable

import pytest

from substation.dashboard import answers
from substation.dashboard.feed import FIGURES_S, TROUBLE_S, Feed, MinMax, TodayFigures
from substation.store import pool
from substation.store.history import History
from tests.dashboard.conftest import Browser, Station, page_request, reading
from tests.dashboard.export_fakes import RIGHT, ask, events, why

SLOW = "The history answers too slowly: a question was stopped after 5 s"
Slow = Callable[[bool], None]


@pytest.fixture
def slow(station: Station, monkeypatch: pytest.MonkeyPatch) -> Slow:
    """A station with a day of readings, on a card that can be made too slow for any question."""
    with_past = History(station.home.history, True, station.clock, station.settings.site.zone)
    now = station.clock.now_ms()
    with_past.add(reading(1, at) for at in range(now - 7_200_000, now, 30_000))
    with_past.close()
    station.read()
    station.beat()
    alarm = pool._alarm

    def make(is_slow: bool) -> None:
        monkeypatch.setattr(pool, "_OPERATIONS_BETWEEN_LOOKS", 1 if is_slow else 20_000)
        monkeypatch.setattr(pool, "_alarm", (lambda *_: lambda: 1) if is_slow else alarm)

    make(True)
    return make


@pytest.mark.parametrize("path", ["/", "/meter/1", "/health"])
def test_a_page_stands_and_the_next_look_at_the_values_says_why_figures_are_missing(
    station: Station, client: Browser, slow: Slow, path: str
) -> None:
    shown = client.post("/_dash-update-component", json=page_request(path))
    assert shown.status_code == 200
    if path == "/health":
        assert "the question took too long and was stopped" in shown.text
        return
    assert "reading the history took too long and was stopped" in shown.text  # in place of the curves
    station.clock.advance(1)
    told = client.get("/api/live").get_json()
    assert [words for words in told["problems"] if words.startswith(SLOW)] == told["problems"]
    assert len(told["problems"]) == 1, "said once, however many questions were stopped"
    assert {meter["values"]["v_r"]["value"] for meter in told["meters"]} == {239.5}


def test_it_is_told_as_long_as_it_lasts_also_where_another_meter_is_answered(
    station: Station, feed: Feed, slow: Slow
) -> None:
    assert feed.today(1) == TodayFigures(None, None, None, None, None)
    slow(False)
    assert feed.today(2).completeness is not None
    assert [words.startswith(SLOW) for words in feed.board().problems] == [True]
    station.clock.advance(FIGURES_S + 1)
    assert feed.today(1).kwh_today is not None
    assert feed.board().problems == ()


def test_lowest_and_highest_are_no_silent_dashes(station: Station, feed: Feed, slow: Slow) -> None:
    assert feed.minmax_today(1, ("v_r",)) == {"v_r": MinMax(None, None, None, None)}
    assert [words.startswith(SLOW) for words in feed.board().problems] == [True]
    station.clock.advance(TROUBLE_S)  # nobody asked again
    assert feed.board().problems == ()


def test_a_look_for_meters_that_are_silent_tells_its_trouble_until_the_next_look(
    station: Station, feed: Feed, slow: Slow
) -> None:
    station.home.live.unlink()
    station.clock.advance(1)
    for _ in range(3):
        assert any(words.startswith(SLOW) for words in feed.board().problems)
        station.clock.advance(answers.OLD_S / 4)
    slow(False)
    station.clock.advance(answers.OLD_S)
    assert not any(words.startswith(SLOW) for words in feed.board().problems)


def test_an_export_is_refused_in_words(station: Station, client: Browser, slow: Slow) -> None:
    stopped = "the question took too long and was stopped; ask for less"
    looked = client.get("/api/export/estimate?every=hour")
    assert (looked.status_code, stopped in looked.json["error"]) == (503, True)
    asked = ask(client, RIGHT, every="hour")
    assert (asked.status_code, stopped in asked.json["error"]) == (503, True)
    assert (events(station)[-1], why(station)) == ("export.refused", "the history cannot be read")
