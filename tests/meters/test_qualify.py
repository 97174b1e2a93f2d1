"""Doubt is a flag, never a change."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from substation.meters.qualify import qualify
from substation.quantities import BY_KEY, KEYS, Ratings
from substation.readings import Quality, Reading, missing

RATINGS = Ratings(rated_va=500_000, nominal_v=415)


def reading(**given_values: float | None) -> Reading:
    return Reading(1, 0, given_values)


@pytest.mark.parametrize(
    ("key", "value", "quality"),
    [
        ("watts_total", 151_300.0, Quality.GOOD),
        ("watts_total", -1234.5, Quality.GOOD),  # export is true
        ("watts_total", 2_000_000.0, Quality.IMPLAUSIBLE),
        ("pf_r", -0.83, Quality.GOOD),  # leading is true
        ("pf_r", 1.2, Quality.IMPLAUSIBLE),
        ("v_ry", 415.0, Quality.GOOD),
        ("v_ry", -1.0, Quality.IMPLAUSIBLE),
        ("v_ry", 700.0, Quality.IMPLAUSIBLE),
        ("frequency", 0.0, Quality.GOOD),  # a dead circuit
        ("frequency", 39.0, Quality.IMPLAUSIBLE),
        ("wh_received", -1.0, Quality.IMPLAUSIBLE),
        ("watts_total", None, Quality.IMPLAUSIBLE),
    ],
)
def test_physics_decides(key: str, value: float | None, quality: Quality) -> None:
    judged = qualify(reading(**{key: value}), RATINGS)
    assert judged.quality_of(key) is quality
    assert judged.values[key] == value


@given(st.dictionaries(st.sampled_from(KEYS), st.none() | st.floats(allow_nan=False)))
def test_no_value_is_ever_changed_or_dropped(held: dict[str, float | None]) -> None:
    judged = qualify(Reading(1, 0, held), RATINGS)
    assert judged.values == held
    for key in judged.implausible:
        value = held[key]
        assert value is not None
        assert not BY_KEY[key].plausible(value, RATINGS)


@given(st.sampled_from(KEYS))
def test_infinity_never_passes(key: str) -> None:
    assert not BY_KEY[key].plausible(math.inf, RATINGS)
    assert not BY_KEY[key].plausible(math.nan, RATINGS)


def test_a_poll_without_answer_is_left_alone() -> None:
    silent = missing(1, 0, Quality.NO_ANSWER, "timeout")
    assert qualify(silent, RATINGS) is silent


def test_qualifying_twice_is_qualifying_once() -> None:
    once = qualify(reading(pf_r=1.2, v_ry=415.0), RATINGS)
    assert qualify(once, RATINGS) is once


def test_a_doubt_from_the_wire_stays() -> None:
    doubted = Reading(1, 0, {"frequency": 50.0, "v_ry": 415.0}, implausible=frozenset({"v_ry"}))
    assert qualify(doubted, RATINGS).implausible == {"v_ry"}
