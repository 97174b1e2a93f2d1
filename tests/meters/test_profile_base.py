"""A profile that is built on another: its rows and head hold where the file itself is silent."""

from pathlib import Path

import pytest

from substation.errors import ProfileError
from substation.meters.profile import load, load_file
from substation.quantities import KEYS

HEIR = """
model = "Heir"
base = "elmeasure_lgplus"
source = "none"
verified = false
"""


def written(tmp_path: Path, text: str, name: str = "heir") -> Path:
    path = tmp_path / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_it_has_the_rows_and_the_head_of_its_base(tmp_path: Path) -> None:
    heir, base = load_file(written(tmp_path, HEIR)), load("elmeasure_lgplus")
    assert dict(heir.places) == dict(base.places)
    assert heir.model == "Heir"
    assert heir.word_order == "CDAB"


def test_it_changes_adds_and_leaves_out(tmp_path: Path) -> None:
    text = HEIR + (
        'word_order = "ABCD"\nwithout = ["extras", "watts_r"]\n'
        "[registers]\nfrequency = { register = 40401, scale = 0.1 }\n"
        '[extras]\nthd_v_r = { register = 40501, label = "THD", unit = "%" }\n'
    )
    heir = load_file(written(tmp_path, text))
    assert set(heir.registers) == set(KEYS) - {"watts_r"}
    assert tuple(heir.extras) == ("thd_v_r",)
    assert heir.address("frequency") == 400
    assert heir.place("watts_total").word_order == "ABCD"
    assert heir.place("thd_v_r").group == "asked", "the head of the base holds"


def test_its_certainty_and_notes_are_its_own(tmp_path: Path) -> None:
    written(tmp_path, HEIR.replace("elmeasure_lgplus", "unsure"))
    written(tmp_path, HEIR + 'certainty = "low"\nnotes = "look"\n', "unsure")
    heir = load("heir", tmp_path)
    assert (heir.certainty, heir.notes, heir.warning) == ("high", "", "")


def test_a_file_named_as_its_base_is_built_on_the_shipped_one(tmp_path: Path) -> None:
    written(tmp_path, HEIR + 'extras_group = "slow"\n', "elmeasure_lgplus")
    own = load("elmeasure_lgplus", tmp_path)
    assert own.model == "Heir"
    assert own.place("thd_v_r").group == "slow"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            'without = ["watt_r"]',
            "line 6: without: 'watt_r' is no row of elmeasure_lgplus (did you mean 'watts_r'?)",
        ),
        ("[registers]\nfrequency = 40103", "line 7: registers.frequency: 40103 overlaps watts_r (40103)"),
        ("[registers]\nfrequency = 40103", 'or write without = ["watts_r"] where this model lacks that row'),
        (
            "[extras]\nhours = { register = 40102, label = 'h' }",
            "line 7: extras.hours: 40102 overlaps watts_total",
        ),
    ],
)
def test_what_does_not_fit_together_is_named(tmp_path: Path, more: str, words: str) -> None:
    with pytest.raises(ProfileError) as caught:
        load_file(written(tmp_path, HEIR + more))
    assert str(caught.value).startswith("heir.toml: ")
    assert words in str(caught.value)


def test_a_fault_in_a_row_of_the_base_names_the_line_there(tmp_path: Path) -> None:
    written(tmp_path, HEIR.replace("elmeasure_lgplus", "below") + "function = 4\n")
    written(
        tmp_path,
        'model = "Below"\nsource = "none"\nverified = false\n[registers]\nfrequency = 29000\n'.replace(
            "[registers]", "printed_from = 29000\n[registers]"
        ),
        "below",
    )
    written(tmp_path, HEIR.replace("elmeasure_lgplus", "below") + "printed_from = 30001\n")
    with pytest.raises(
        ProfileError, match=r"heir.toml: line 6 of below.toml: registers.frequency: 29000 is no"
    ):
        load("heir", tmp_path)


def test_a_fault_of_the_base_itself_is_told_of_the_base(tmp_path: Path) -> None:
    written(tmp_path, HEIR.replace("elmeasure_lgplus", "below"))
    written(tmp_path, "model = 5\n", "below")
    with pytest.raises(ProfileError, match=r"^below.toml: .*line 1: model: is 5"):
        load("heir", tmp_path)


def test_an_unknown_base_is_told_the_right_name(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"line 3: base: 'elmesure_lgplus' does not exist \(did you mean"):
        load_file(written(tmp_path, HEIR.replace("elmeasure", "elmesure")))


@pytest.mark.parametrize("name", ["../secrets", ""])
def test_a_base_is_a_name_and_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProfileError, match="letters, digits and _ only"):
        load_file(written(tmp_path, HEIR.replace("elmeasure_lgplus", name)))


def test_bases_that_go_round_are_refused(tmp_path: Path) -> None:
    written(tmp_path, HEIR.replace("elmeasure_lgplus", "other"))
    written(tmp_path, HEIR.replace("elmeasure_lgplus", "heir"), "other")
    with pytest.raises(ProfileError, match="goes round: heir on other on heir"):
        load("heir", tmp_path)
