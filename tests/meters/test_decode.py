"""Words to numbers: golden frames, and the identity over all four word orders."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from substation.meters.decode import WordOrder, float32, number, words_of_float32

ORDERS: tuple[WordOrder, ...] = ("ABCD", "CDAB", "BADC", "DCBA")
SINGLES = st.floats(width=32, allow_nan=False)


@pytest.mark.parametrize("order", ORDERS)
@given(value=SINGLES)
def test_encode_then_decode_is_identity(order: WordOrder, value: float) -> None:
    assert float32(words_of_float32(value, order), order) == value


@pytest.mark.parametrize("order", ORDERS)
@given(words=st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF)))
def test_decode_then_encode_is_identity(order: WordOrder, words: tuple[int, int]) -> None:
    value = float32(words, order)
    if not math.isnan(value):  # a NaN may change its payload
        assert words_of_float32(value, order) == words


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("ABCD", (0x4248, 0x0000)),
        ("CDAB", (0x0000, 0x4248)),
        ("BADC", (0x4842, 0x0000)),
        ("DCBA", (0x0000, 0x4842)),
    ],
)
def test_fifty_hertz_in_every_order(order: WordOrder, words: tuple[int, int]) -> None:
    assert struct.unpack(">f", bytes.fromhex("42480000")) == (50.0,)
    assert float32(words, order) == 50.0
    assert words_of_float32(50.0, order) == words


def test_the_four_orders_tell_values_apart() -> None:
    assert len({words_of_float32(49.98, order) for order in ORDERS}) == 4


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_none(order: WordOrder, value: float) -> None:
    assert number(words_of_float32(value, order), order) is None
    assert number((0xFFFF, 0xFFFF), order) is None


@pytest.mark.parametrize("order", ORDERS)
def test_minus_zero_is_zero_and_a_tiny_number_stays_itself(order: WordOrder) -> None:
    assert math.copysign(1, number(words_of_float32(-0.0, order), order)) == 1
    assert number(words_of_float32(1e-40, order), order) == pytest.approx(1e-40, rel=1e-3)


@given(value=SINGLES)
def test_the_sign_is_kept(value: float) -> None:
    found = number(words_of_float32(value, "CDAB"), "CDAB")
    if found is not None and value != 0:
        assert math.copysign(1, found) == math.copysign(1, value)


@pytest.mark.parametrize("words", [(0x10000, 0), (-1, 0), (0,), (0, 0, 0)])
def test_what_is_no_pair_of_registers_is_refused(words: tuple[int, ...]) -> None:
    with pytest.raises(struct.error):
        float32(words, "ABCD")
