"""The word order is told by the frequency, and by nothing that could be something else."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from substation.meters.blocks import plan
from substation.meters.decode import ORDERS, WordOrder, float32, no_number, words_of_float32
from substation.meters.doubt import block_doubt, doubt_words, order_doubt
from substation.meters.profile import Profile, load

CARD = load("elmeasure_lgplus")


def profile(order: WordOrder) -> Profile:
    return CARD.model_copy(update={"word_order": order})


@pytest.mark.parametrize("said", ORDERS)
@pytest.mark.parametrize("spoken", ORDERS)
@given(hz=st.floats(45, 65, width=32))
def test_a_meter_in_another_order_is_found_out(said: WordOrder, spoken: WordOrder, hz: float) -> None:
    words = words_of_float32(hz, spoken)
    assume(sum(45 <= float32(words, order) <= 65 for order in ORDERS) == 1)
    assert order_doubt(profile(said), words) == (None if said == spoken else spoken)


@given(words=st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF)), said=st.sampled_from(ORDERS))
def test_what_is_named_always_makes_sense_and_what_the_profile_says_does_not(
    words: tuple[int, int], said: WordOrder
) -> None:
    named = order_doubt(profile(said), words)
    if named is not None:
        assert 45 <= float32(words, named) <= 65
        assert not 45 <= float32(words, said) <= 65


@pytest.mark.parametrize("said", ORDERS)
def test_a_dead_circuit_and_no_number_are_no_doubt(said: WordOrder) -> None:
    assert order_doubt(profile(said), (0, 0)) is None
    assert order_doubt(profile(said), no_number(said)) is None
    assert order_doubt(profile(said), (0xFFFF, 0xFFFF)) is None


def test_a_frequency_that_reads_as_no_number_in_the_wrong_order_is_doubted() -> None:
    words = (0x4248, 0xFF90)  # 50.25 Hz as ABCD, NaN as CDAB
    assert order_doubt(profile("CDAB"), words) == "ABCD"


def test_one_that_makes_sense_in_two_other_orders_names_none() -> None:
    words = (0x4850, 0x5042)
    fitting = [order for order in ORDERS if 45 <= float32(words, order) <= 65]
    assert fitting == ["DCBA"]
    both = (0x5048, 0x4248)
    assert [order for order in ORDERS if 45 <= float32(both, order) <= 65] == ["CDAB"]
    assert order_doubt(profile("ABCD"), both) == "CDAB"
    twice = (0x4242, 0x4248)  # sound as ABCD, CDAB and more
    assert sum(45 <= float32(twice, order) <= 65 for order in ORDERS) > 1
    assert order_doubt(profile("ABCD"), twice) is None


def test_a_frequency_of_one_register_can_only_have_swapped_bytes() -> None:
    gavazzi = load("carlo_gavazzi_em24")
    assert order_doubt(gavazzi, (499,)) is None
    assert order_doubt(gavazzi, (int.from_bytes((499).to_bytes(2), "little"),)) == "DCBA"
    assert order_doubt(gavazzi, (12_345,)) is None


def test_a_model_without_frequency_has_nothing_to_tell() -> None:
    assert order_doubt(load("secure_elite30x"), (0, 0x4248)) is None


def test_it_is_found_in_the_answer_to_a_block() -> None:
    (block,) = plan(CARD)
    words = [0] * block.count
    words[56:58] = words_of_float32(49.98, "ABCD")
    assert block_doubt(CARD, block, words) == "ABCD"
    words[56:58] = words_of_float32(49.98, "CDAB")
    assert block_doubt(CARD, block, words) is None
    (volts,) = plan(CARD, ("v_r",))
    assert block_doubt(CARD, volts, words[:2]) is None


def test_what_is_told_names_both_orders_and_what_to_do() -> None:
    said = doubt_words(CARD, "ABCD")
    for words in ("as ABCD, not as CDAB", "Elmeasure LG+", "meter's menu", 'word_order = "ABCD"'):
        assert words in said
