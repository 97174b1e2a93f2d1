"""A meter model's file: a fault is named with file, line and remedy."""

import os
from pathlib import Path

import pytest

from substation.errors import ProfileError
from substation.meters.blocks import plan, values
from substation.meters.profile import load, load_file, names

GOOD = """
model = "Any"
source = "none"
verified = false
[registers]
watts_total = 40101
frequency = 40103
"""


def written(tmp_path: Path, text: str, name: str = "any_meter") -> Path:
    path = tmp_path / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def fault(path: Path) -> str:
    with pytest.raises(ProfileError) as caught:
        load_file(path)
    return str(caught.value)


def test_a_register_as_printed_becomes_an_address_on_the_wire(tmp_path: Path) -> None:
    profile = load_file(written(tmp_path, GOOD))
    assert profile.address("watts_total") == 100
    inputs = load_file(written(tmp_path, GOOD.replace("[", "function = 4\n[").replace("40", "30")))
    assert inputs.address("watts_total") == 100
    listed = load_file(written(tmp_path, GOOD.replace("[", "printed_from = 1\n[")))
    assert listed.address("watts_total") == 40100
    mixed = GOOD.replace("frequency = 40103", "frequency = { register = 30103, function = 4 }")
    place = load_file(written(tmp_path, mixed)).place("frequency")
    assert (place.function, place.address) == (4, 102)


def test_what_a_row_does_not_say_follows_from_the_head(tmp_path: Path) -> None:
    rows = (
        'frequency = { register = 40103, encoding = "uint16", word_order = "ABCD", scale = 0.1, '
        'group = "slow", certainty = "low" }\nwh_received = 40105\n'
        '[extras]\nserial_number = { register = 40107, label = "Serial number", group = "once" }\n'
        'thd_v_r = { register = 40109, label = "THD", unit = "%" }'
    )
    text = GOOD.replace("frequency = 40103", rows).replace("[registers]", 'word_order = "CDAB"\n[registers]')
    profile = load_file(written(tmp_path, text))
    place = profile.place("frequency")
    assert (place.words, place.encoding, place.word_order, place.scale) == (1, "uint16", "ABCD", 0.1)
    assert (place.group, place.certainty) == ("slow", "low")
    place = profile.place("watts_total")
    assert (place.words, place.encoding, place.word_order, place.scale) == (2, "float32", "CDAB", 1.0)
    assert (place.group, place.certainty) == ("fast", "high")
    assert profile.group("slow") == ("frequency", "wh_received", "thd_v_r")
    assert profile.group("fast", "once") == ("watts_total", "serial_number")
    assert profile.units["thd_v_r"] == "%"
    assert profile.units["wh_received"] == "Wh"


def test_a_row_is_never_surer_than_its_file(tmp_path: Path) -> None:
    text = GOOD.replace("[registers]", 'certainty = "low"\n[registers]').replace(
        "frequency = 40103", 'frequency = { register = 40103, certainty = "high" }'
    )
    profile = load_file(written(tmp_path, text))
    assert profile.place("frequency").certainty == "low"
    assert "certainty low" in profile.warning


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("frequency = 40103", "frequency = 40102", "line 7: registers.frequency: 40102 overlaps watts_total"),
        (
            "frequency =",
            "freqency =",
            "line 7: registers.freqency: no such quantity (did you mean 'frequency'?)",
        ),
        (
            "frequency = 40103",
            "frequency = 103",
            "line 7: registers.frequency: 103 is no register of function 03",
        ),
        (
            "frequency = 40103",
            "frequency = '40103'",
            "line 7: registers.frequency: is '40103'; write the register",
        ),
        (
            "frequency = 40103",
            "frequency = { register = 40103, scal = 0.1 }",
            "line 7: registers.frequency.scal: is not known here (did you mean 'scale'?)",
        ),
        (
            "frequency = 40103",
            "frequency = { register = 40103, encoding = 'flot32' }",
            "line 7: registers.frequency.encoding: 'flot32' is none of float32,",
        ),
        (
            "frequency = 40103",
            "frequency = { register = 40103, scale = -0.1 }",
            "line 7: registers.frequency.scale: is -0.1; write a number above 0",
        ),
        (
            "frequency = 40103",
            "[registers.frequency]\nscale = 0.1",
            "line 7: registers.frequency.register: is missing",
        ),
        ("frequency = 40103", "[extras]\nthd = 40105", "line 8: extras.thd: is 40105; write { register ="),
        (
            "frequency = 40103",
            "[extras]\nfrequency = { register = 40103, label = 'f' }",
            "line 8: extras.frequency: is",
        ),
        (
            "verified = false",
            "verified = 'no'",
            "line 4: verified: is 'no'; write true or false, without quotes",
        ),
        ("model =", "modell =", "line 2: modell: is not known here (did you mean 'model'?)"),
        ("model =", "modell =", "model: is missing"),
        ("[registers]", "[register]", "line 5: register: is not known here (did you mean 'registers'?)"),
        (
            "[registers]",
            "word_order = 'CDBA'\n[registers]",
            "line 5: word_order: 'CDBA' is none of ABCD, CDAB,",
        ),
        ("[registers]", "function = 5\n[registers]", "line 5: function: 5 is none of 3, 4"),
        (
            "[registers]",
            "max_registers = 126\n[registers]",
            "line 5: max_registers: is 126; write a number at most 125",
        ),
        ("[registers]", "max_registers = 1\n[registers]", "float32 has 2 registers, but max_registers is 1"),
        (
            "[registers]",
            "barriers = [40102]\n[registers]",
            "registers.watts_total: 40101 is cut by a barrier",
        ),
        ("[registers]", "barriers = ['a']\n[registers]", "line 5: barriers.0: is 'a'; write a whole number"),
        ("source =", "source", "line 3: not readable as TOML: Expected '=' after a key"),
        (
            "frequency = 40103",
            "frequency = 40103\nfrequency = 40105",
            "line 8: not readable as TOML: Cannot overwrite",
        ),
        ("[registers]", "notes = '''a\n[registers]", "at its end: not readable as TOML"),
        (
            "frequency = 40103",
            "frequency = { register = 40103, coding = 'four_quadrant' }",
            "line 7: registers.frequency.coding: four_quadrant is for power factors only",
        ),
    ],
)
def test_a_fault_is_named_with_its_line(tmp_path: Path, before: str, after: str, words: str) -> None:
    said = fault(written(tmp_path, GOOD.replace(before, after, 1)))
    assert said.startswith("any_meter.toml: ")
    assert words in said


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    said = fault(written(tmp_path, GOOD.replace("frequency = 40103", "freq = 40103\nvolt = 40102")))
    assert "registers.freq: no such quantity" in said
    assert "registers.volt: no such quantity" in said
    assert "line 8: registers.volt: 40102 overlaps watts_total" in said


def test_a_model_without_registers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="name at least one quantity"):
        load_file(written(tmp_path, GOOD.split("watts_total", maxsplit=1)[0]))


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "any_meter.toml"
    path.write_bytes(b'model = "\xb5"')
    assert "is not written in UTF-8" in fault(path)


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "any_meter.toml"
    path.mkdir()
    assert fault(path).startswith("any_meter.toml: cannot be read: ")


@pytest.mark.parametrize("name", ["no_such_meter", "../secrets", ""])
def test_an_unknown_model_lists_the_known_ones(name: str) -> None:
    with pytest.raises(ProfileError, match="elmeasure_lgplus"):
        load(name)


def test_a_misspelt_model_is_told_the_right_name() -> None:
    with pytest.raises(ProfileError, match="did you mean 'elmeasure_lgplus'"):
        load("elmeasure_lgpluss")


class TestOwnFolder:
    """The station's own profiles go before the shipped ones, and are read again when they change."""

    def test_it_goes_before_the_shipped_one_and_is_listed(self, tmp_path: Path) -> None:
        written(tmp_path, GOOD)
        written(tmp_path, GOOD, "elmeasure_lgplus")
        assert load("any_meter", tmp_path).model == "Any"
        assert load("elmeasure_lgplus", tmp_path).model == "Any"
        assert load("elmeasure_lgplus").model == "Elmeasure LG+"
        assert load("lt_wl4405", tmp_path).model == "L&T WL4405"
        assert "any_meter" in names(tmp_path)
        assert "any_meter" not in names()
        assert names(tmp_path / "absent") == names()

    def test_the_same_object_comes_back_until_the_file_changes(self, tmp_path: Path) -> None:
        path = written(tmp_path, GOOD)
        first = load("any_meter", tmp_path)
        assert load("any_meter", tmp_path) is first
        written(tmp_path, GOOD.replace("Any", "New"))
        os.utime(path, ns=(1, 1))
        assert load("any_meter", tmp_path).model == "New"

    def test_a_file_that_was_mended_is_taken(self, tmp_path: Path) -> None:
        written(tmp_path, GOOD.replace("frequency", "freqency"))
        with pytest.raises(ProfileError):
            load("any_meter", tmp_path)
        written(tmp_path, GOOD)
        assert "frequency" in load("any_meter", tmp_path).registers

    def test_a_file_that_went_is_missed(self, tmp_path: Path) -> None:
        path = written(tmp_path, GOOD)
        load("any_meter", tmp_path)
        path.unlink()
        with pytest.raises(ProfileError, match="'any_meter' does not exist"):
            load("any_meter", tmp_path)

    def test_a_changed_base_is_taken_too(self, tmp_path: Path) -> None:
        base = written(tmp_path, GOOD, "below")
        heir = 'model = "Heir"\nsource = "none"\nverified = false\nbase = "below"\n'
        written(tmp_path, heir, "heir")
        assert load("heir", tmp_path).address("frequency") == 102
        written(tmp_path, GOOD.replace("40103", "40105"), "below")
        os.utime(base, ns=(1, 1))
        assert load("heir", tmp_path).address("frequency") == 104

    def test_a_base_that_appears_in_the_own_folder_goes_before_the_shipped_one(self, tmp_path: Path) -> None:
        heir = 'model = "Heir"\nsource = "none"\nverified = false\nbase = "elmeasure_lgplus"\n'
        written(tmp_path, heir, "heir")
        assert load("heir", tmp_path).address("frequency") == 156
        written(tmp_path, GOOD, "elmeasure_lgplus")
        assert load("heir", tmp_path).address("frequency") == 102


def test_a_changed_copy_forgets_what_was_made_ready() -> None:
    profile = load("elmeasure_lgplus")
    (block,) = plan(profile, ("frequency",))
    words = [0x0000, 0x4248]
    assert values(profile, block, words) == {"frequency": 50.0}
    other = profile.model_copy(update={"word_order": "ABCD"})
    assert other.place("frequency").word_order == "ABCD"
    assert values(other, block, words)["frequency"] != 50.0
    assert values(profile, block, words) == {"frequency": 50.0}
    assert profile.model_copy() == profile
