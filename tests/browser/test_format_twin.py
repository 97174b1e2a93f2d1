"""The browser writes numbers and ages as `format.py` does, to the letter."""

import random

import pytest

from substation.dashboard import format as f
from tests.browser.conftest import Window

pytestmark = pytest.mark.browser
NUMBERS = (
    0.0,
    -0.0,
    0.05,
    -0.05,
    0.04,
    -0.04,
    0.25,
    0.35,
    2.5,
    999.95,
    999.949,
    1000.0,
    1e6,
    -1234567.891,
    1e15,
)
AGES = (0.0, 0.04, 0.05, 9.99, 10.0, 59.9, 60.0, 61.0, 3599.0, 3600.0, 86399.0, 86400.0, 1e7, -5.0)


def test_numbers_are_written_alike(window: Window) -> None:
    page = window.open()
    chance = random.Random(1)
    cases = [(value, decimals) for value in NUMBERS for decimals in range(4)]
    cases += [(chance.uniform(-1, 1) * 10 ** chance.uniform(-4, 9), chance.randrange(5)) for _ in range(2000)]
    cases += [(chance.randrange(-99999, 99999) / 8, 2) for _ in range(500)]
    written = page.evaluate(
        "cases => cases.map(([value, decimals]) => window.ssLive.number(value, decimals))", cases
    )
    assert written == [f.number(value, decimals) for value, decimals in cases]
    assert page.evaluate("window.ssLive.number(null, 1)") == f.DASH


def test_ages_are_written_alike(window: Window) -> None:
    page = window.open()
    assert page.evaluate("ages => ages.map(window.ssLive.age)", list(AGES)) == [f.age(age) for age in AGES]
    for freshness in ("fresh", "late", "stale", "never"):
        for age in (*AGES, None):
            said = page.evaluate(
                "([state, age]) => window.ssLive.freshnessWords(state, age)", [freshness, age]
            )
            assert said == f.freshness_words(freshness, age)
