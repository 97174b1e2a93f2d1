"""Words to numbers: golden frames, and the identity over all four word orders."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from substation.meters.decode import (
    ORDERS,
    Encoding,
    Layout,
    Row,
    WordOrder,
    bounds,
    float32,
    no_number,
    number,
    words_in,
    words_of,
    words_of_float32,
)

FLOATS: tuple[Encoding, ...] = ("float32", "float64")
INTEGERS: tuple[Encoding, ...] = ("int16", "uint16", "int32", "uint32", "int64", "uint64")
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


@st.composite
def integers(draw: st.DrawFn) -> tuple[Encoding, int]:
    """An encoding, and a whole number that it can hold."""
    encoding = draw(st.sampled_from(INTEGERS))
    low, high = bounds(encoding)
    return encoding, draw(st.integers(int(low) + 1, int(high) - 1))


@given(held=integers(), order=st.sampled_from(ORDERS))
def test_an_integer_that_is_encoded_comes_back(held: tuple[Encoding, int], order: WordOrder) -> None:
    encoding, value = held
    words = words_of(value, order, encoding)
    assert len(words) == words_in(encoding)
    assert number(words, order, encoding) == float(value)


@given(value=st.floats(allow_nan=False, allow_infinity=False), order=st.sampled_from(ORDERS))
def test_a_double_that_is_encoded_comes_back(value: float, order: WordOrder) -> None:
    assert number(words_of(value, order, "float64"), order, "float64") == value


@given(
    steps=st.integers(-32_000, 32_000),
    scale=st.sampled_from((0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)),
    encoding=st.sampled_from(("int16", "int32", "int64", "float32", "float64")),
    order=st.sampled_from(ORDERS),
)
def test_a_scaled_value_comes_back_to_a_step_of_its_encoding(
    steps: int, scale: float, encoding: Encoding, order: WordOrder
) -> None:
    value = (steps + 0.3) * scale
    found = number(words_of(value, order, encoding, scale), order, encoding, scale)
    step = 1e-7 * abs(value) if encoding in FLOATS else 0.5 * scale
    assert found == pytest.approx(value, abs=step + 1e-12)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("encoding", [*FLOATS, *INTEGERS])
def test_not_available_is_none_in_every_encoding(order: WordOrder, encoding: Encoding) -> None:
    assert number(no_number(order, encoding), order, encoding, 0.1) is None


@pytest.mark.parametrize(
    ("encoding", "big"),
    [
        ("uint16", "ffff"),
        ("int16", "8000"),
        ("int16", "7fff"),
        ("uint32", "ffffffff"),
        ("int32", "80000000"),
        ("int32", "7fffffff"),
        ("uint64", "ffffffffffffffff"),
        ("int64", "8000000000000000"),
        ("float64", "7ff8000000000000"),
        ("float64", "fff0000000000000"),
        ("float64", "ffffffffffffffff"),
    ],
)
def test_the_patterns_of_not_available_and_overflow(encoding: Encoding, big: str) -> None:
    data = bytes.fromhex(big)
    assert (
        number([int.from_bytes(data[at : at + 2]) for at in range(0, len(data), 2)], "ABCD", encoding) is None
    )


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("ABCD", (0x0123, 0x4567, 0x89AB, 0xCDEF)),
        ("CDAB", (0xCDEF, 0x89AB, 0x4567, 0x0123)),
        ("BADC", (0x2301, 0x6745, 0xAB89, 0xEFCD)),
        ("DCBA", (0xEFCD, 0xAB89, 0x6745, 0x2301)),
    ],
)
def test_64_bits_in_every_order(order: WordOrder, words: tuple[int, ...]) -> None:
    assert words_of(0x0123456789ABCDEF, order, "int64") == words
    assert number(words_of(1_234_567, order, "uint64"), order, "uint64") == 1_234_567.0


@pytest.mark.parametrize(
    ("raw", "value"), [(0.95, 0.95), (1.05, 0.95), (-1.05, -0.95), (-0.95, -0.95), (1.0, 1.0)]
)
def test_a_power_factor_in_four_quadrants(raw: float, value: float) -> None:
    words = words_of_float32(raw, "ABCD")
    assert number(words, "ABCD", coding="four_quadrant") == pytest.approx(value, abs=1e-6)
    assert number(words, "ABCD") == pytest.approx(raw, abs=1e-6)


@given(value=st.floats(-1, 1, width=32), leading=st.booleans(), order=st.sampled_from(ORDERS))
def test_a_power_factor_comes_back_from_its_quadrant(value: float, leading: bool, order: WordOrder) -> None:
    words = words_of(value, order, coding="four_quadrant", leading=leading)
    assert number(words, order, coding="four_quadrant") == pytest.approx(value, abs=2e-7)
    assert (abs(float32(words, order)) > 1) == (leading and abs(value) < 1 - 1e-7)


@pytest.mark.parametrize(("encoding", "value"), [("uint16", -1.0), ("int16", 40_000.0), ("float32", 1e39)])
def test_what_an_encoding_cannot_hold_is_refused(encoding: Encoding, value: float) -> None:
    with pytest.raises((struct.error, OverflowError)):
        words_of(value, "ABCD", encoding)


@pytest.mark.parametrize("words", [(0,), (0, 0, 0)])
def test_another_number_of_registers_is_refused(words: tuple[int, ...]) -> None:
    with pytest.raises(struct.error):
        number(words, "CDAB")


def test_a_layout_reads_what_stands_side_by_side_in_any_order() -> None:
    layout = Layout(
        9,
        (
            Row("volts", 6, "uint32", "CDAB", 0.1),
            Row("hertz", 0, "uint16", "ABCD", 0.01),
            Row("energy", 1, "int64", "ABCD"),
        ),
    )
    words = [4998, 0, 0, 1, 2, 0xDEAD, 2301, 0, 0xBEEF]
    assert layout.read(words) == pytest.approx({"volts": 230.1, "hertz": 49.98, "energy": 65_538.0})
    assert list(layout.read(words)) == ["volts", "hertz", "energy"]
    with pytest.raises(struct.error):
        layout.read(words[:-1])


def test_all_ones_throughout_is_no_number_even_where_it_would_be_minus_one() -> None:
    layout = Layout(3, (Row("watts", 0, "int32", "CDAB"), Row("pf", 2, "int16", "CDAB", 0.001)))
    assert layout.read([0xFFFF] * 3) == {"watts": None, "pf": None}
    assert layout.read([0xFFFF, 0xFFFF, 950]) == {"watts": -1.0, "pf": 0.95}
