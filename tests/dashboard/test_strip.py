"""The strip of answers and the small lines of a day: what they show, and what they leave open."""

import zoneinfo

import pytest

from substation.clock import day_start_ms
from substation.dashboard import line_counts, sparks, strip
from substation.dashboard.sample_days import SampleCurves
from substation.store.answered import Minute

ZONE = zoneinfo.ZoneInfo("Asia/Kolkata")
NOW = 1_795_431_008_000
MINUTE = 60_000
START, END = strip.bounds(NOW)


def minutes(step, count=10, asked=30, answered=30, first=0):
    return [
        Minute(START + step * strip.STEP_MS + at * MINUTE, asked, answered)
        for at in range(first, first + count)
    ]


def test_it_covers_a_day_of_whole_steps_that_are_written():
    assert END - START == 86_400_000
    assert NOW - 12 * MINUTE <= END <= NOW - 2 * MINUTE
    assert END % strip.STEP_MS == 0
    assert len(strip.strip([], START, END).kinds) == 144


def test_a_step_says_whether_all_some_or_none_was_answered_or_nobody_knows():
    found = [
        *minutes(0), *minutes(1),
        *minutes(2, count=9), *minutes(2, count=1, first=9, answered=29),
        *minutes(3, answered=0),
        *minutes(5, count=6),
        *minutes(6), Minute(END, 30, 30), Minute(START - 1, 30, 30),
    ]  # fmt: skip
    told = strip.strip(found, START, END)
    assert told.kinds[:7] == ("all", "all", "some", "none", "blank", "some", "all")
    assert told.count("all") == 3
    assert told.count("blank") == 144 - 6


def test_a_station_that_asks_each_five_minutes_lacks_nothing():
    found = [Minute(at, 1, 1) for at in range(START, END, 5 * MINUTE)]
    assert strip.strip(found, START, END).count("all") == 144


def line(hours_and_values, key="watts_total"):
    start = day_start_ms(NOW, ZONE)
    at = [start + round(hour * 3_600_000) for hour in hours_and_values]
    series = SampleCurves(at, values={key: list(hours_and_values.values())})
    return sparks.lines(series, NOW, ZONE)[key]


def test_a_meters_day_on_its_line_is_told_by_kind():
    found = line_counts.LineDay(300, 291, {"timeout": 4, "gateway_path": 1, "short": 2, "exception": 2})
    told = {name: words for name, (words, _) in line_counts.parts(found).items()}
    assert told == {
        "day.asked": "300", "day.ok": "291", "day.share": "97.00 %",
        "day.timeout": "5", "day.crc": "2", "day.wrong": "0", "day.noise": "0", "day.refused": "2",
    }  # fmt: skip
    assert set(line_counts.parts(None)) == set(told), "unread, each has its dash"


def test_a_line_goes_over_the_whole_day_and_jumps_over_gaps():
    told = line({0: 100.0, 0.25: 200.0, 0.5: None, 0.75: 300.0, 1: 100.0})
    assert "d='M0 15l1 -7M3 1l1 14'" in told
    assert "viewBox='0 0 66 16'" in told  # it is 16:20
    assert told.startswith('--line:url("data:image/svg+xml,%3Csvg')
    assert ";" not in told
    assert "<" not in told


def test_a_lone_step_is_a_dot_and_noise_is_drawn_small():
    assert "d='M8 8h.6'" in line({2: 240.0})
    assert "l1 -2l1 2" in line({2: 50.00, 2.25: 50.01, 2.5: 50.0}, "frequency")
    assert "d='M8 8l1 0'" in line({2: 0.0, 2.25: 0.0})


def test_a_register_that_counts_rises_and_one_that_does_not_is_flat():
    assert "l1 -14" in line({2: 1_845_469_000.0, 2.25: 1_845_470_000.0}, "wh_received")
    assert "l1 0" in line({2: 1_845_469_000.0, 2.25: 1_845_469_000.0}, "wh_received")


def test_without_readings_there_is_no_line():
    assert line({2: None}) == sparks.NOTHING


@pytest.mark.parametrize(("kind", "bars"), [("all", 2), ("none", 1), ("some", 0)])
def test_the_strip_is_drawn_by_kinds(kind, bars):
    told = sparks.cells(strip.Strip(START, ("all", "none", "all", "blank")), kind)
    assert told.count("h.8") == bars
    assert (told != sparks.NOTHING) is bool(bars)
