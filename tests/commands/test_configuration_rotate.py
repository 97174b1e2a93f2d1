"""S29: a new key, at any moment readable with the key file as it is."""

import json
import os
import shutil
import stat
import threading
from pathlib import Path

import pytest

from substation import audit
from substation.audit import Audit
from substation.commands import configuration
from substation.commands import configuration_aside as aside
from substation.commands.configuration_make import make_station
from substation.commands.configuration_rotate import rotate_key
from substation.errors import SettingsError
from substation.settings import files, names, vault
from substation.settings.model import Home
from tests.commands.kills import at_every_step
from tests.fake_clock import FakeClock

NAMES = ["config.json", "config.json.lock", "config_key.key"]
SET_ASIDE = {"telegram_token": "kept"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A station that others copy: hashing passwords takes its time."""
    folder = tmp_path_factory.mktemp("made") / "home"
    make_station(folder, simulated=True, overrides={"site.name": "Rampur"})
    Home(folder).original.mkdir(mode=0o700)
    aside.keep(Home(folder).original / aside.NAME, SET_ASIDE, vault.read_key(folder))
    return folder


@pytest.fixture
def home(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CREDENTIALS_DIRECTORY", "SUBSTATION_CONFIG_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SUBSTATION_HOME", str(tmp_path / "home"))
    shutil.copytree(made, tmp_path / "home")
    return tmp_path / "home"


def keys_in_file(folder: Path) -> tuple[bytes, ...]:
    return vault.open_key(folder).keys


def chain_of(folder: Path) -> audit.Verdict:
    return audit.verify_all(Home(folder).audit, audit.keys_in(folder), ())


def events(folder: Path) -> list[str]:
    paths = sorted(folder.glob("dashboard_audit*.log"), key=lambda path: path.stat().st_mtime_ns)
    return [json.loads(line)["event"] for path in paths for line in path.read_text().splitlines()]


def test_everything_is_sealed_by_a_new_key_and_the_old_one_is_gone(home: Path) -> None:
    (old,) = keys_in_file(home)
    before = files.load(home).settings
    assert configuration.main(["rotate"]) == 0
    (new,) = keys_in_file(home)
    assert new != old
    loaded = files.load(home)
    assert loaded.key == new
    assert loaded.settings.model_copy(update={"audit_keys": ()}) == before
    assert json.loads((home / "config.json").read_text())["kid"] == vault.kid(new)
    with pytest.raises(SettingsError, match="needs the key"):
        vault.unseal(old, json.loads((home / "config.json").read_text()), "config.json")
    assert aside.read(Home(home).original / aside.NAME, vault.open_key(home)) == SET_ASIDE
    assert stat.S_IMODE((home / "config_key.key").stat().st_mode) == 0o600
    for path in home.rglob("*"):
        assert path.is_dir() or old not in path.read_bytes()


def test_the_audit_log_goes_on_under_the_new_key_and_old_lines_are_still_verified(home: Path) -> None:
    for _ in range(3):
        assert configuration.main(["rotate"]) == 0
        assert configuration.main(["set", "site.name", f"Rampur {vault.kid(vault.read_key(home))}"]) == 0
    verdict = chain_of(home)
    assert verdict.ok, verdict.words()
    assert events(home).count("key.rotated") == 3
    retired = files.load(home).settings.audit_keys
    assert len(retired) == 3
    ends = [json.loads(path.read_text().splitlines()[-1]) for path in home.glob("dashboard_audit-*.log")]
    assert {(one.last_seq, one.last_mac) for one in retired} == {(end["seq"], end["mac"]) for end in ends}
    assert all(one.kid not in vault.kid(vault.read_key(home)) for one in files.load(home).settings.audit_keys)


def test_no_key_is_shown_or_logged(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (old,) = keys_in_file(home)
    configuration.main(["rotate"])
    configuration.main(["show"])
    said = "".join(capsys.readouterr())
    retired = files.load(home).settings.audit_keys[0].key
    for secret in (old.decode(), vault.read_key(home).decode(), retired):
        assert secret not in said
        assert secret not in (home / "dashboard_audit.log").read_text()


@pytest.mark.timeout(300)
def test_killed_at_any_step_it_can_be_read_and_be_gone_on_with(home: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(home, whole)

    def prepare() -> None:
        shutil.rmtree(home)
        shutil.copytree(whole, home)

    steps = 0
    half_way = 0
    for number in at_every_step(prepare, lambda: rotate_key(home)):
        steps = number
        assert files.load(home).settings.site.name == "Rampur", number
        assert aside.read(Home(home).original / aside.NAME, vault.open_key(home)) == SET_ASIDE
        # A program that goes on working in this state breaks nothing.
        assert Audit.of_station(home, files.load(home).settings, "dashboard", FakeClock()).write("page")
        files.update(home, lambda settings: names.with_values(settings, {"store.raw_days": 15}))
        verdict = chain_of(home)
        assert verdict.ok, (number, verdict.words())
        half_way += len(keys_in_file(home)) > 1
        rotate_key(home)
        assert len(keys_in_file(home)) == 1, number
        loaded = files.load(home)
        assert loaded.key == vault.read_key(home)
        assert vault.kid(loaded.key) != json.loads((whole / "config.json").read_text())["kid"]
        assert loaded.settings.store.raw_days == 15
        assert chain_of(home).ok, number
        assert sorted(path.name for path in home.glob("config*")) == NAMES, number
    assert steps > 10
    assert half_way > 3


def test_a_rotation_that_was_broken_off_is_said_until_it_is_finished(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ring = vault.open_key(home)
    vault.exchange_keys(ring, (vault.new_key(), ring.primary))
    assert configuration.main(["get", "site.name"]) == 0
    assert "encrypt_config.py rotate" in capsys.readouterr().err
    assert configuration.main(["set", "site.name", "Still sealed by the old key"]) == 0
    assert files.load(home).key == ring.primary
    assert configuration.main(["rotate"]) == 0
    assert "broken off is at its end" in capsys.readouterr().out
    assert configuration.main(["get", "site.name"]) == 0
    assert "rotate" not in capsys.readouterr().err


def test_a_writer_that_runs_goes_on_under_the_new_key(home: Path) -> None:
    running = Audit.of_station(home, files.load(home).settings, "poller", FakeClock())
    assert running.write("start")
    rotate_key(home)
    assert running.write("stop")
    rotate_key(home)
    assert running.write("start")
    verdict = chain_of(home)
    assert verdict.ok, verdict.words()
    new = vault.derive(vault.read_key(home), audit.KEY_INFO)
    last = (home / "dashboard_audit.log").read_bytes().splitlines()[-1]
    record = audit.chain.read_line(last)
    assert record
    assert record["event"] == "start"
    assert audit.chain.fits(new, record)


def test_whoever_reads_meanwhile_never_fails(home: Path) -> None:
    done = threading.Event()
    failed: list[str] = []

    def read() -> None:
        while not done.is_set():
            try:
                files.load(home)
            except SettingsError as exc:
                failed.append(str(exc))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for _ in range(15):
            rotate_key(home)
    finally:
        done.set()
        reader.join()
    assert failed == []


def test_a_copy_that_systemd_handed_over_is_not_rotated(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    shutil.copy(home / "config_key.key", credentials / "config_key")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    before = (home / "config.json").read_bytes()
    assert configuration.main(["rotate"]) == 78
    assert "SUBSTATION_CONFIG_KEY_FILE" in capsys.readouterr().err
    assert (home / "config.json").read_bytes() == before
    assert len(keys_in_file(home)) == 1


def test_root_leaves_no_files_that_the_stations_own_user_cannot_write(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    before = {path: path.read_bytes() for path in home.iterdir() if path.is_file()}
    for path in (home, *home.iterdir()):
        os.chown(path, 12345, -1)
    assert configuration.main(["rotate"]) == 78
    assert "sudo -u #12345" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in before} == before
    assert configuration.main(["set", "site.name", "changed by root"]) == 0
    assert (home / "config.json").stat().st_uid == 12345
    assert len(keys_in_file(home)) == 1


def test_a_key_kept_elsewhere_is_rotated_there(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "config_key.key").rename(tmp_path / "kept.key")
    monkeypatch.setenv("SUBSTATION_CONFIG_KEY_FILE", str(tmp_path / "kept.key"))
    old = (tmp_path / "kept.key").read_bytes()
    assert configuration.main(["rotate"]) == 0
    assert (tmp_path / "kept.key").read_bytes() != old
    assert not (home / "config_key.key").exists()
    assert files.load(home).settings.site.name == "Rampur"


def test_what_was_set_aside_and_cannot_be_read_stops_it_before_anything_is_changed(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (Home(home).original / aside.NAME).write_text("{")
    key, config = (home / "config_key.key").read_bytes(), (home / "config.json").read_bytes()
    assert configuration.main(["rotate"]) == 78
    assert aside.NAME in capsys.readouterr().err
    assert (home / "config_key.key").read_bytes() == key
    assert (home / "config.json").read_bytes() == config
