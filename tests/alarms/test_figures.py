"""Figures of the alarms, by vectors that were worked out by hand."""

import pytest

from substation.alarms.figures import BLOCK_MS, Announced, Figures, figures, stale

HOUR_MS = 3_600_000


def at(minute: float, key: str = "a", priority: str = "low") -> Announced:
    return Announced(round(minute * 60_000), key, priority)


def test_an_hour_by_hand() -> None:
    """Six blocks of 10 min hold 2, 0, 11, 6, 4, 1 alarms: 24 in all, 4 a block, one flood of two blocks."""
    minutes = [0, 9.99, *range(20, 30), 29.5, *range(30, 36), 40, 42, 44, 46, 59]
    keys = ["a"] * 12 + ["b"] * 6 + [f"c{place}" for place in range(6)]
    mix = ["high"] * 6 + ["medium"] * 6 + ["low"] * 12
    found = figures([at(*one) for one in zip(minutes, keys, mix, strict=True)], 0, HOUR_MS)
    assert (found.count, found.per_block, found.most) == (24, 4.0, 11)
    assert (found.floods, found.flooded) == (1, pytest.approx(2 / 6))  # 11 begins it, 6 goes on, 4 ends it
    assert found.mix == {"low": 0.5, "high": 0.25, "medium": 0.25}
    assert (found.top[:2], found.top_share) == ((("a", 12), ("b", 6)), 1.0)


def test_the_share_of_the_ten_most_frequent() -> None:
    """Eleven alarms, ten of them three times and one twice: 30 of 32."""
    rows = [at(place + 100 * key, f"k{key}") for key in range(10) for place in (0, 20, 40)]
    found = figures([*rows, at(5, "rare"), at(50, "rare")], 0, 24 * HOUR_MS)
    assert (len(found.top), found.top_share) == (10, 30 / 32)
    assert found.chattering == {}


def test_three_times_within_a_minute_chatters() -> None:
    rows = [at(0, "c"), at(0.5, "c"), at(0.99, "c"), at(0, "d"), at(0.5, "d"), at(1, "d"), at(9, "c")]
    assert figures(rows, 0, HOUR_MS).chattering == {"c": 4}


def test_a_flood_goes_on_until_a_block_of_fewer_than_five() -> None:
    """Blocks 10, 5, 9, 10, 4, 10: two floods, five blocks of six."""
    rows = [
        at(10 * block + 0.01 * n) for block, count in enumerate((10, 5, 9, 10, 4, 10)) for n in range(count)
    ]
    found = figures(rows, 0, 6 * BLOCK_MS)
    assert (found.floods, found.flooded) == (2, pytest.approx(5 / 6))


def test_nothing_and_what_lies_outside() -> None:
    assert figures([], 0, HOUR_MS) == Figures()
    assert figures([at(60), at(-1)], 0, HOUR_MS) == Figures()


def test_the_mean_is_of_the_time_in_which_somebody_polled() -> None:
    day_ms = 24 * HOUR_MS
    rows = [at(29 * 24 * 60 + 10 * block) for block in range(144)]
    found = figures(rows, 0, 30 * day_ms, 29 * day_ms)
    assert (found.count, found.per_block) == (144, 1.0)
    flood = [at(29 * 24 * 60 + minute / 4) for minute in range(40 * 72)]
    assert figures(flood, 0, 30 * day_ms, 29 * day_ms).flooded == 0.5
    assert figures(rows, 0, 30 * day_ms, 31 * day_ms).per_block == 144  # less cannot be


def test_what_stands_for_more_than_a_day_is_stale() -> None:
    now_ms = 100 * HOUR_MS
    since = {"new": 99 * HOUR_MS, "day": 76 * HOUR_MS, "old": 70 * HOUR_MS, "older": 10 * HOUR_MS}
    assert stale(since, now_ms) == ("older", "old")
