"""A meter model's file: a fault is named with file, row and remedy."""

from pathlib import Path

import pytest

from substation.errors import ProfileError
from substation.meters.profile import load, load_file

GOOD = """
model = "Any"
source = "none"
verified = false
[registers]
watts_total = 40101
frequency = 40103
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "any_meter.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_register_as_printed_becomes_an_address_on_the_wire(tmp_path: Path) -> None:
    profile = load_file(written(tmp_path, GOOD))
    assert profile.address("watts_total") == 100
    inputs = load_file(written(tmp_path, GOOD.replace("[", "function = 4\n[").replace("40", "30")))
    assert inputs.address("watts_total") == 100


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("frequency = 40103", "frequency = 40102", "registers.frequency: 40102 overlaps watts_total"),
        ("frequency =", "freqency =", "registers.freqency: no such quantity"),
        ("frequency = 40103", "frequency = 103", "103 is no register of function 03"),
        ("verified = false", "verified = 'no'", "verified"),
        ("model =", "modell =", "modell"),
        ("[registers]", "word_order = 'CDBA'\n[registers]", "word_order"),
        ("[registers]", "max_registers = 126\n[registers]", "max_registers"),
        ("source =", "source", "not readable as TOML"),
    ],
)
def test_a_fault_is_named(tmp_path: Path, before: str, after: str, words: str) -> None:
    path = written(tmp_path, GOOD.replace(before, after, 1))
    with pytest.raises(ProfileError) as caught:
        load_file(path)
    assert str(caught.value).startswith("any_meter.toml: ")
    assert words in str(caught.value)


def test_a_model_without_registers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="name at least one quantity"):
        load_file(written(tmp_path, GOOD.split("watts_total", maxsplit=1)[0]))


@pytest.mark.parametrize("name", ["no_such_meter", "../secrets", ""])
def test_an_unknown_model_lists_the_known_ones(name: str) -> None:
    with pytest.raises(ProfileError, match="elmeasure_lgplus"):
        load(name)
