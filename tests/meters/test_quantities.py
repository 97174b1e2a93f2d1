"""The vocabulary: 38 quantities, one truth."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from substation.meters.profile import load
from substation.quantities import BY_KEY, COUNTERS, INSTANTS, KEYS, QUANTITIES, Ratings


def test_there_are_38_quantities_in_the_order_of_their_registers() -> None:
    assert len(KEYS) == len(set(KEYS)) == 38
    assert [quantity.register for quantity in QUANTITIES] == list(range(40101, 40177, 2))
    assert len({quantity.label for quantity in QUANTITIES}) == 38
    assert set(INSTANTS) | set(COUNTERS) == set(KEYS)
    assert len(COUNTERS) == 8


def test_the_registers_of_the_card_are_those_of_its_profile() -> None:
    assert {key: row.printed for key, row in load("elmeasure_lgplus").registers.items()} == {
        q.key: q.register for q in QUANTITIES
    }


@given(st.sampled_from(KEYS), st.integers(-(2**40), 2**40))
def test_steps_come_back_as_they_went(key: str, steps: int) -> None:
    quantity = BY_KEY[key]
    assert quantity.to_steps(quantity.from_steps(steps)) == steps


@given(st.sampled_from(KEYS), st.floats(-1e9, 1e9))
def test_storing_loses_at_most_half_a_step_and_never_the_sign(key: str, value: float) -> None:
    quantity = BY_KEY[key]
    back = quantity.from_steps(quantity.to_steps(value))
    assert back == pytest.approx(value, abs=quantity.resolution / 2 + abs(value) * 1e-12)
    assert back == 0 or (back < 0) == (value < 0)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_never_stored(value: float) -> None:
    with pytest.raises(ValueError, match="not a number to store"):
        BY_KEY["frequency"].to_steps(value)
    assert BY_KEY["frequency"].to_steps(None) is None


def test_rated_current_follows_from_rating_and_voltage() -> None:
    assert Ratings(500_000, 415).rated_a == pytest.approx(695.6, abs=0.05)
