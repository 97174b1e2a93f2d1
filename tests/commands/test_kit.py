"""`datalogger.py kit`: what an empty home needs, sealed; and nothing of it anywhere else."""

import io
import json
import stat
import sys
from pathlib import Path

import pytest

from substation.commands import datalogger, datalogger_kit
from substation.commands.configuration_make import make_station
from substation.commands.configuration_rotate import rotate_key
from substation.settings import files, kit, vault
from tests.fake_clock import FakeClock

PASSPHRASE = "copper tulip bridge moon"
PROFILE = b'# a meter of our own\nmodel = "Own"\n'


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second of work a passphrase is for attackers."""
    monkeypatch.setattr(kit.Work.__init__, "__defaults__", (1, 64, 1))


@pytest.fixture
def home(tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    make_station(folder, simulated=True, overrides={"site.name": "GS Übergabe 1"}, clock=clock)
    (folder / "profiles").mkdir()
    (folder / "profiles" / "own.toml").write_bytes(PROFILE)
    monkeypatch.setenv("SUBSTATION_HOME", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


def run(monkeypatch, capsys, clock, typed: str, *argv: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    code = datalogger.main(["kit", *argv], clock)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.fixture
def do(monkeypatch, capsys, clock):
    def one(typed: str, *argv: str) -> tuple[int, str, str]:
        return run(monkeypatch, capsys, clock, typed, *argv)

    return one


@pytest.fixture
def made(home, do) -> Path:
    code, _, err = do(f"{PASSPHRASE}\n{PASSPHRASE}\n")
    assert (code, err) == (0, "")
    return home.parent / "gs-ubergabe-1-kit-2026-11-24.json"


def another(home: Path, monkeypatch) -> Path:
    folder = home.parent / "new"
    monkeypatch.setenv("SUBSTATION_HOME", str(folder))
    return folder


def events(home: Path) -> list[str]:
    text = (home / "dashboard_audit.log").read_text().splitlines()
    return [json.loads(line)["event"] for line in text]


def test_an_empty_home_gets_configuration_key_and_profiles_back(home, made, do, monkeypatch):
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    new = another(home, monkeypatch)
    code, out, err = do(f"{PASSPHRASE}\n", "--open", str(made))
    assert (code, err) == (0, "")
    assert "simulated station GS Übergabe 1, made on 2026-11-24" in out
    assert files.load(new).settings == files.load(home).settings
    assert (new / "profiles" / "own.toml").read_bytes() == PROFILE
    for name in ("config.json", "config_key.key", "profiles/own.toml"):
        assert stat.S_IMODE((new / name).stat().st_mode) == 0o600, name
    assert events(home)[-1] == "kit.made"
    assert events(new) == ["kit.opened"]


def test_no_secret_stands_in_the_file_the_output_or_the_log(home, made, do, monkeypatch):
    key = (home / "config_key.key").read_bytes().strip()
    new = another(home, monkeypatch)
    _, out, err = do(f"{PASSPHRASE}\n", "--open", str(made))
    logs = (home / "dashboard_audit.log").read_bytes() + (new / "dashboard_audit.log").read_bytes()
    for place in (made.read_bytes(), out.encode(), err.encode(), logs):
        assert key not in place
        assert PASSPHRASE.encode() not in place


def test_nothing_that_is_there_is_ever_replaced(home, made, do, monkeypatch):
    before = made.read_bytes()
    code, _, err = do(f"{PASSPHRASE}\n{PASSPHRASE}\n")
    assert (code, made.read_bytes()) == (78, before)
    assert "is there already and is not replaced" in err
    config = (home / "config.json").read_bytes()
    code, _, err = do(f"{PASSPHRASE}\n", "--open", str(made))
    assert (code, (home / "config.json").read_bytes()) == (78, config)
    assert "never overwritten" in err
    new = another(home, monkeypatch)
    new.mkdir()
    vault.write_key(new / "config_key.key", vault.new_key())
    key = (new / "config_key.key").read_bytes()
    code, _, err = do(f"{PASSPHRASE}\n", "--open", str(made))
    assert (code, (new / "config_key.key").read_bytes()) == (78, key)
    assert "holds another key" in err
    assert not (new / "config.json").exists()


def test_broken_off_between_key_and_configuration_it_can_be_done_again(home, made, do, monkeypatch):
    new = another(home, monkeypatch)
    new.mkdir()
    vault.write_key(new / "config_key.key", (home / "config_key.key").read_bytes().strip())
    (new / "profiles").mkdir()
    (new / "profiles" / "own.toml").write_bytes(b"# mine\n")
    code, out, _ = do(f"{PASSPHRASE}\n", "--open", str(made))
    assert code == 0
    assert "the same key is there already" in out
    assert "ANOTHER ONE IS there already" in out
    assert (new / "profiles" / "own.toml").read_bytes() == b"# mine\n"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("short\nshort\n", "at least 15"),
        ("substation substation\nsubstation substation\n", "tried first"),
        (f"{PASSPHRASE}\nanother one entirely\n", "differ"),
        ("", "the input ended"),
    ],
)
def test_a_passphrase_that_cannot_be_taken_makes_no_kit(home, do, typed, words):
    code, _, err = do(typed)
    assert code == 64
    assert words in err
    assert [path.name for path in home.parent.iterdir()] == ["home"]
    assert "kit.made" not in events(home)


def test_a_wrong_passphrase_and_a_cut_file_put_nothing_back(home, made, do, monkeypatch):
    new = another(home, monkeypatch)
    code, _, err = do("copper tulip bridge noon\n", "--open", str(made))
    assert code == 78
    assert "passphrase is another one" in err
    made.write_bytes(made.read_bytes()[:-200])
    code, _, err = do(f"{PASSPHRASE}\n", "--open", str(made))
    assert code == 78
    assert "cut or edited" in err
    assert not (new / "config.json").exists()
    assert not (new / "config_key.key").exists()


def test_without_an_audit_line_no_kit_is_made(home, do):
    (home / "dashboard_audit.log").unlink()
    (home / "dashboard_audit.log").mkdir()
    code, _, err = do(f"{PASSPHRASE}\n{PASSPHRASE}\n")
    assert code == 78
    assert "No kit is made that no audit line tells of" in err
    assert [path.name for path in home.parent.iterdir()] == ["home"]


def test_a_fresh_passphrase_is_shown_once_and_opens_it(home, do, monkeypatch):
    shown: list[str] = []
    monkeypatch.setattr(datalogger_kit, "outlet", lambda yes: shown.append)
    code, out, _ = do("", "--fresh", "--output", "kit.json")
    (words,) = shown
    passphrase = words.split()[-1]
    assert (code, passphrase in out) == (0, False)
    another(home, monkeypatch)
    assert do(f"{passphrase}\n", "--open", "kit.json")[0] == 0


def test_where_the_key_lies_apart_it_goes_in_from_there_and_back_to_there(home, do, monkeypatch):
    apart = home.parent / "apart"
    apart.mkdir(mode=0o700)
    (home / "config_key.key").rename(apart / "the.key")
    monkeypatch.setenv("SUBSTATION_CONFIG_KEY_FILE", str(apart / "the.key"))
    assert do(f"{PASSPHRASE}\n{PASSPHRASE}\n", "--output", "kit.json")[0] == 0
    key = (apart / "the.key").read_bytes()
    (apart / "the.key").unlink()
    new = another(home, monkeypatch)
    assert do(f"{PASSPHRASE}\n", "--open", "kit.json")[0] == 0
    assert (apart / "the.key").read_bytes() == key
    assert not (new / "config_key.key").exists()


def test_a_key_that_the_service_manager_hands_over_is_used_and_not_written(home, made, do, monkeypatch):
    credentials = home.parent / "credentials"
    credentials.mkdir()
    (credentials / "config_key").write_bytes((home / "config_key.key").read_bytes())
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    new = another(home, monkeypatch)
    code, out, _ = do(f"{PASSPHRASE}\n", "--open", str(made))
    assert code == 0
    assert "the same key is there already" in out
    assert not (new / "config_key.key").exists()


def test_a_rotation_that_was_broken_off_goes_on_in_the_new_home(home, do, clock, monkeypatch):
    old = vault.read_key(home)
    ring = vault.open_key(home)
    vault.exchange_keys(ring, (vault.new_key(), old))
    assert do(f"{PASSPHRASE}\n{PASSPHRASE}\n", "--output", "kit.json")[0] == 0
    new = another(home, monkeypatch)
    assert do(f"{PASSPHRASE}\n", "--open", "kit.json")[0] == 0
    assert rotate_key(new, clock) is True
    assert files.load(new).key != old


def test_a_name_in_the_kit_never_leads_out_of_the_home(home, do, monkeypatch):
    found = {**datalogger_kit.contents(home), "profiles/../../evil.toml": b"x", "../evil": b"x"}
    Path("kit.json").write_bytes(kit.seal(kit.Label("x", "2026-11-24"), found, PASSPHRASE))
    new = another(home, monkeypatch)
    assert do(f"{PASSPHRASE}\n", "--open", "kit.json")[0] == 0
    assert not list(home.parent.rglob("evil*"))
    assert sorted(path.name for path in new.iterdir() if "lock" not in path.name) == [
        "config.json",
        "config_key.key",
        "dashboard_audit.log",
        "profiles",
    ]


def test_fresh_and_open_do_not_go_together(home, made, do):
    assert do("", "--open", str(made), "--fresh")[0] == 64
