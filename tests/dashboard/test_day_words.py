"""A meter's day in words: what is known of it, and how old that looks."""

import dataclasses

import pytest

from substation.dashboard import day_view, day_words, parameters, screen, station, tongue, words
from substation.dashboard.figures import SHIFT_HOURS, TodayFigures, YesterdayFigures
from substation.dashboard.strip import Strip
from substation.energy.power_factor import PeriodFactor
from substation.store.moments import At
from tests.dashboard.boards import NO_FIGURES, ZONE, feed_in
from tests.dashboard.tree import find, text

NOTHING = dict.fromkeys(SHIFT_HOURS, At(None, None, "not polled within a minute"))


def told_in(state, meter_id):
    feed = feed_in(state)
    return screen.group(feed, feed.board(), f"d{meter_id}")


def test_the_day_stands_beside_yesterday_with_demand_and_power_factor():
    told = told_in("normal", 1)
    assert told["now"] == ("2\u202f262 kWh", "ss-is-fresh")
    assert told["bynow"] == ("2\u202f194 kWh", "")
    assert told["past"] == ("3\u202f310 kWh", "")
    assert told["peak"] == ("183.0 kVA at 13:00", "ss-is-fresh")
    assert told["pastpeak"] == ("190.0 kVA at 19:30", "")
    assert (told["factor"][0], told["factorsays"][0]) == ("0.941", "kWh/kVAh")
    assert told["r6"] == ("1\u202f843\u202f807 kWh", "")
    assert told["r6says"] == ("read 06:00:12", "")
    assert (told["r22"][0], told["r22says"][0]) == ("\u2014", "not yet")


def test_registers_say_how_far_they_went_on_or_that_they_did_not():
    told = told_in("normal", 1)
    assert told["wh_received.used"] == ("+2\u202f262 today", "ss-is-fresh")
    assert told["wh_delivered.used"][0] == "no change"
    assert told_in("empty store", 1)["wh_received.used"] == ("\u2014", "ss-is-never")


@pytest.mark.parametrize(("state", "meter_id"), [("dead meter", 4), ("stopped poller", 1)])
def test_what_today_brought_is_as_old_as_its_meter_and_yesterday_stands(state, meter_id):
    told = told_in(state, meter_id)
    for name in ("now", "peak", "factor", "wh_received.used"):
        assert told[name][1] == "ss-is-stale", name
    assert told["past"][1] == told["pastpeak"][1] == ""


def test_what_is_not_known_is_a_dash_with_its_reason():
    meter = feed_in("normal").board().meters[0]
    today = dataclasses.replace(NO_FIGURES, factor=PeriodFactor(None, None, None, "no load"))
    told = day_words.parts(meter, today, YesterdayFigures(), NOTHING, ZONE)
    dashes = {name for name, (words_of, _) in told.items() if words_of == "\u2014"}
    assert {"now", "bynow", "past", "peak", "pastpeak", "factor", "r0", "r6", "r14", "r22"} <= dashes
    assert told["factorsays"][0] == "no load"
    assert told["r6says"][0] == "not polled within a minute"
    assert not any(any(digit.isdigit() for digit in told[name][0]) for name in dashes)


def test_a_figure_of_nearly_the_day_says_so():
    meter = feed_in("normal").board().meters[0]
    today = TodayFigures(10.0, 20.0, None, None, None, about_today=True, about_yesterday=True)
    told = day_words.parts(meter, today, YesterdayFigures(kwh_by_now=5.0, about_by_now=True), NOTHING, ZONE)
    assert all(told[name][0].startswith("≈") for name in ("now", "past", "bynow"))


def test_the_strip_says_in_words_what_it_shows():
    assert day_words.strip_words(None)[1] == "ss-hatched"
    assert day_words.strip_words(Strip(0, ("blank",) * 144)) == ("nothing stored since then", "ss-hatched")
    found = Strip(0, ("all", "all", "some", "none", "blank"))
    assert day_words.strip_words(found)[0] == (
        "2 of 5 without a gap, 1 with some missing, 1 without an answer, 1 with nothing stored"
    )


def test_each_quantity_has_its_line_and_no_screen_reader_reads_it():
    feed = feed_in("normal")
    board = feed.board()
    parts = screen.groups(feed, board, ["m1", "v1", "x1", "d1", "s1"])
    section = parameters.section(feed, board.meters[0], parts)
    lines = find(section, data_g="s1", aria_hidden="true")
    assert len(lines) == 38
    assert all(line.style["--line"].startswith("url(") for line in lines if "--line" in line.style)
    assert "since the registers began" in text(section)


def test_a_card_says_since_when_and_yesterday_and_not_what_is_unknown():
    feed = feed_in("normal")
    board = feed.board()
    card = words.meter_parts(board, board.meters[0], feed.today(1), ZONE)
    assert card["since"] == ("since 28 Oct 12:20", "")
    assert card["past"] == ("3\u202f310", "")
    silent = feed_in("dead meter").board()
    assert words.meter_parts(silent, silent.meters[3], feed.today(4), ZONE)["since"] == ("", "")


def test_the_station_compares_with_yesterday_by_now():
    feed = feed_in("normal")
    rows = screen.group(feed, feed.board(), "station")
    assert rows["l3"][0] == "Energy today, and yesterday by now"
    assert rows["v3"] == ("2\u202f262 / 2\u202f194 kWh", "")
    assert rows["l5"][0] == "Worst voltage unbalance"
    assert f"v{station.ROWS - 1}" in rows
    assert f"v{station.ROWS}" not in rows


def test_the_day_is_told_in_hindi():
    feed = feed_in("normal")
    meter = feed.board().meters[0]
    with tongue.speaking("hi"):
        section = day_view.section(meter, screen.group(feed, feed.board(), "d1"), 15)
    assert "Energy" not in text(section)
    assert "आज का अधिकतम 15 मिनट" in text(section)
