"""A meter profile that does not exist is refused where it is typed, not first by the poller."""

import io
import sys
from pathlib import Path

import pytest

from substation.commands import configuration
from substation.commands.configuration_make import make_station
from substation.meters import profile
from substation.settings import files, names

PASSWORDS = {"admin": "four quiet herons wade", "export": "under nine copper moons"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CREDENTIALS_DIRECTORY", "SUBSTATION_CONFIG_KEY_FILE", "VISUAL"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    monkeypatch.setenv("SUBSTATION_HOME", str(folder))
    make_station(folder, simulated=False, passwords=PASSWORDS, overrides={"lines.0.port": "/dev/null"})
    return folder


def profiles(home: Path) -> list[str]:
    return [meter.profile for meter in files.load(home).settings.meters]


@pytest.mark.parametrize("name", ["nosuch", "../profile", ""])
def test_set_refuses_it_with_file_setting_and_the_known_names_and_leaves_the_file(
    home: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    content = (home / "config.json").read_bytes()
    assert configuration.main(["set", "meters.1.profile", name]) == 78
    said = capsys.readouterr().err
    assert "config.json: meters.1.profile: " in said
    assert all(known in said for known in profile.names())
    assert "Remedy: python3 encrypt_config.py set meters.1.profile <name>" in said
    assert (home / "config.json").read_bytes() == content


def test_a_fault_in_the_stations_own_file_is_mended_in_that_file(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = home / "profiles" / "panel.toml"
    own.parent.mkdir()
    own.write_text('model = "A panel"\n')
    assert configuration.main(["set", "meters.1.profile", "panel"]) == 78
    assert f"Remedy: correct {own}, or python3 encrypt_config.py set" in capsys.readouterr().err


def test_edit_refuses_it_and_leaves_the_file(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "editor.py"
    script.write_text(
        "import sys, pathlib; p = pathlib.Path(sys.argv[1]); t = p.read_text()\n"
        'p.write_text(t.replace(\'"profile": "elmeasure_lgplus"\', \'"profile": "nosuch"\', 1))\n'
    )
    monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    content = (home / "config.json").read_bytes()
    assert configuration.main(["edit"]) == 78
    assert "config.json: meters.0.profile: meter profile 'nosuch' does not exist" in capsys.readouterr().err
    assert (home / "config.json").read_bytes() == content


def test_one_that_stood_there_already_keeps_nobody_from_other_settings(home: Path) -> None:
    broken = {"meters.0.profile": "nosuch", "meters.1.profile": "nosuch"}
    files.update(home, lambda current: names.with_values(current, broken))
    assert configuration.main(["check"]) == 78
    assert configuration.main(["set", "poll.interval_s", "5"]) == 0
    assert configuration.main(["set", "meters.1.profile", "elmeasure_lgplus"]) == 0
    assert configuration.main(["set", "meters.2.profile", "nosuch"]) == 78
    assert profiles(home)[:3] == ["nosuch", "elmeasure_lgplus", "elmeasure_lgplus"]
    assert configuration.main(["set", "meters.0.profile", "elmeasure_lgplus"]) == 0
    assert configuration.main(["check"]) == 0


OWN = """
model = "Front of the meter"
source = "manual, page 12"
verified = false
base = "elmeasure_lgplus"
"""


def test_a_model_of_the_stations_own_is_taken_and_its_fault_is_named_with_the_line(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "profiles").mkdir()
    (home / "profiles" / "front.toml").write_text(OWN + 'word_order = "CDBA"\n')
    assert configuration.main(["set", "meters.1.profile", "front"]) == 78
    assert "front.toml: line 6: word_order: 'CDBA' is none of ABCD, CDAB" in capsys.readouterr().err
    (home / "profiles" / "front.toml").write_text(OWN)
    assert configuration.main(["set", "meters.1.profile", "front"]) == 0
    assert profiles(home)[1] == "front"
    assert configuration.main(["check"]) == 0
    assert "front was not yet read from a real meter" in capsys.readouterr().err
    (home / "profiles" / "front.toml").unlink()
    assert configuration.main(["check"]) == 78
    assert "meters.1.profile: meter profile 'front' does not exist" in capsys.readouterr().err


def test_check_warns_of_a_model_whose_map_is_unsure(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert configuration.main(["set", "meters.1.profile", "schneider_em6436h"]) == 0
    assert configuration.main(["check"]) == 0
    said = capsys.readouterr().err
    assert (
        "Note: meters.1.profile: schneider_em6436h: the register map of Schneider EM6436H is not sure" in said
    )
    assert "compare every value with the meter's own display" in said


def test_an_address_typed_for_a_serial_line_is_taken_with_a_note_of_the_kind(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert configuration.main(["set", "lines.0.port", "192.168.1.5:502"]) == 0
    assert "looks like an address" in (said := capsys.readouterr().err)
    assert "set lines.0.kind tcp" in said
    assert configuration.main(["set", "lines.0.kind", "tcp"]) == 0
    assert "looks like" not in capsys.readouterr().err
