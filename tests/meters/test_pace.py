"""The physical limit."""

import pytest

from substation.meters.pace import Pace


@pytest.mark.parametrize(("baud", "limit_ms"), [(9600, 227.1), (19_200, 128.5), (115_200, 49.3)])
def test_76_registers_take_as_long_as_the_wire_needs(baud: int, limit_ms: float) -> None:
    assert Pace(baud).transaction_s(76, 0.030) * 1000 == pytest.approx(limit_ms, abs=0.06)


@pytest.mark.parametrize(
    ("line_format", "bits"), [("8E1", 11), ("8O1", 11), ("8N1", 10), ("8N2", 11), ("7E1", 10)]
)
def test_a_character_has_the_bits_of_its_format(line_format: str, bits: int) -> None:
    assert Pace.of(9600, line_format).bits == bits


def test_the_silence_is_3_5_characters_up_to_19200_baud_and_fixed_above() -> None:
    assert Pace(9600).silence_s == pytest.approx(3.5 * 11 / 9600)
    assert Pace(19_200).silence_s == pytest.approx(0.002005, abs=1e-6)
    assert Pace(38_400).silence_s == Pace(4_000_000).silence_s == 0.00175
