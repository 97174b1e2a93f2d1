"""The profiles in the guide "Add a meter model" are what it says they are."""

import re
from pathlib import Path

import pytest

from substation.commands.doors import PROJECT
from substation.meters.blocks import plan
from substation.meters.profile import load

GUIDE = (PROJECT / "docs" / "how-to" / "add-a-meter-model.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```toml\n(.*?)^```", GUIDE, re.M | re.S)


@pytest.mark.parametrize("example", EXAMPLES, ids=["whole", "base"])
def test_a_model_of_the_guide_can_be_used(tmp_path: Path, example: str) -> None:
    (tmp_path / "front_panel.toml").write_text(example, encoding="utf-8")
    profile = load("front_panel", tmp_path)
    assert profile.verified is False
    assert plan(profile, profile.keys)


def test_the_first_is_read_as_its_manual_says(tmp_path: Path) -> None:
    (tmp_path / "front_panel.toml").write_text(EXAMPLES[0], encoding="utf-8")
    profile = load("front_panel", tmp_path)
    frequency = profile.place("frequency")
    assert (frequency.function, frequency.address, frequency.words) == (4, 70, 1)
    assert profile.place("wh_received").scale == 1000
    assert "certainty medium" in profile.warning


def test_the_second_shows_more_than_its_base_and_reads_the_other_order(tmp_path: Path) -> None:
    (tmp_path / "front_panel.toml").write_text(EXAMPLES[1], encoding="utf-8")
    profile = load("front_panel", tmp_path)
    assert profile.place("watts_total").word_order == "ABCD"
    assert "thd_v_r" in profile.group("slow")
    assert "rpm" not in profile.keys
