"""A loosened key or configuration is set back by every program, and never silently."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from substation import audit
from substation.acquisition.audited import AuditedPoller
from substation.acquisition.spine import Ending
from substation.commands import datalogger, demo, simulated_line, station, tunnel
from substation.commands.configuration_make import make_station
from substation.commands.doors import PROJECT
from substation.commands.tunnel import NoTunnel
from substation.errors import SettingsError
from substation.settings import files, names, vault
from substation.settings.model import Home
from tests.commands import original_home
from tests.fake_clock import FakeClock
from tests.station_run import StationRun, free_port

PASSWORDS = {"admin": "four quiet herons wade", "export": "under nine copper moons"}
SAID = "config_key.key: others could read it (mode 0644); set back to 0600"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CREDENTIALS_DIRECTORY", "SUBSTATION_CONFIG_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    monkeypatch.setenv("SUBSTATION_HOME", str(folder))
    overrides = {"lines.0.port": str(tmp_path / "no adapter"), "web.port": free_port()}
    make_station(folder, simulated=False, passwords=PASSWORDS, overrides=overrides)
    (folder / "config_key.key").chmod(0o644)
    return folder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def noted(home: Path) -> list[tuple[str, str]]:
    """Return who wrote a line `key.mode`, and what it says."""
    path = home / "dashboard_audit.log"
    records = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [
        (record["svc"], next(str(words) for words in record["d"].values()))
        for record in records
        if record["event"] == "key.mode"
    ]


@pytest.mark.parametrize(
    "command",
    [["status"], ["events"], ["audit", "verify"], ["audit", "tail"], ["import", "--dry-run"]],
    ids=" ".join,
)
def test_each_command_of_the_datalogger_says_and_notes_it_once(
    home: Path, clock: FakeClock, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    datalogger.main(command, clock)
    assert mode(home / "config_key.key") == 0o600
    assert capsys.readouterr().err.count(f"Warning: {SAID}") == 1
    assert noted(home) == [("datalogger", SAID)]
    datalogger.main(command, clock)
    assert "Warning" not in capsys.readouterr().err
    assert len(noted(home)) == 1


def test_the_start_of_a_real_station_says_and_notes_it_once(home: Path) -> None:
    run = StationRun(home)
    try:
        done = run.start()
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stderr.count(f"Warning: {SAID}") == 1
        assert noted(home) == [("station", SAID)]
        assert mode(home / "config_key.key") == 0o600
    finally:
        run.stop()


def test_a_refused_start_says_and_notes_it_too(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert station.main(["start", "--demo"]) == 78
    said = capsys.readouterr().err
    assert said.count(f"Warning: {SAID}") == 1
    assert "real station" in said
    assert noted(home) == [("station", SAID)]


def test_the_demo_says_and_notes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "demo"
    monkeypatch.setenv("SUBSTATION_HOME", str(folder))
    demo.make(folder)
    (folder / "config_key.key").chmod(0o644)
    demo.refuse_real(folder)
    assert capsys.readouterr().err == f"Warning: {SAID}\n"
    assert noted(folder) == [("station", SAID)]


def test_the_simulated_line_says_and_notes_it(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulated_line.main([]) == 78  # of a real station there is none
    assert f"Warning: {SAID}" in capsys.readouterr().err
    assert noted(home) == [("simulator", SAID)]


def test_the_tunnel_says_and_notes_it(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_: object) -> str:
        raise NoTunnel("no ngrok", "none")

    monkeypatch.setattr(tunnel, "refuse", refuse)
    before = os.umask(0o077)
    try:
        assert tunnel.main([]) == 78
    finally:
        os.umask(before)
    assert f"Warning: {SAID}" in capsys.readouterr().err
    assert noted(home) == [("tunnel", SAID)]


def test_the_poller_says_and_notes_it(home: Path) -> None:
    command = [sys.executable, str(PROJECT / "dmf_reader.py"), "--rounds", "1"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert SAID in done.stderr + done.stdout + (home / "modbus_reader.log").read_text()
    assert noted(home) == [("poller", SAID)]


def test_the_dashboard_says_and_notes_it(home: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, str(PROJECT / "app.py")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    try:
        assert "Dashboard of the station" in process.stdout.readline()
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert SAID in (home / "app.log").read_text()
    assert noted(home) == [("dashboard", SAID)]


def test_whoever_has_nobody_to_tell_leaves_the_mode_to_the_next_program(home: Path) -> None:
    audit.keys_in(home)
    vault.read_key(home)
    files.key_in_force(home)
    files.update(home, lambda settings: names.with_values(settings, {"site.name": "Rampur"}))
    assert mode(home / "config_key.key") == 0o644
    assert files.load(home).warnings == (SAID,)


def test_a_configuration_that_is_refused_tells_of_the_mended_key(home: Path) -> None:
    pending = home / files.UNFINISHED
    pending.parent.mkdir()
    pending.touch()
    with pytest.raises(files.OfOriginal, match="broken off") as caught:
        files.load(home)
    assert SAID in str(caught.value)


def test_a_cut_configuration_keeps_its_mode_and_tells_of_the_mended_key(home: Path) -> None:
    document = json.loads((home / "config.json").read_bytes())
    document["encrypted_data"] = document["encrypted_data"][:-8]
    (home / "config.json").write_text(json.dumps(document))
    (home / "config.json").chmod(0o644)
    with pytest.raises(SettingsError, match="cut or edited") as caught:
        files.load(home)
    assert SAID in str(caught.value)
    assert mode(home / "config.json") == 0o644


@pytest.mark.parametrize("form", ["plain", "sealed", "mixed"])
def test_a_start_changes_nothing_of_an_original_configuration(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    form: original_home.Form,
) -> None:
    folder = tmp_path / "original"
    monkeypatch.setenv("SUBSTATION_HOME", str(folder))
    original_home.make(folder, form)
    before = {path.name: path.stat().st_mode for path in folder.iterdir()}
    assert station.main(["start"]) == 78
    assert "Take it over" in capsys.readouterr().err
    assert {path.name: path.stat().st_mode for path in folder.iterdir()} == before


def test_a_running_tunnel_notes_what_was_loosened_meanwhile(
    home: Path, clock: FakeClock, tmp_path: Path
) -> None:
    loaded = files.load(home)
    log = audit.Audit.of_station(home, loaded.settings, "tunnel", clock)
    keeper = tunnel.Keeper(loaded, str(tmp_path / "ngrok"), 8050, log, clock)
    files.update(home, lambda settings: names.with_values(settings, {"site.name": "Rampur"}))
    Home(home).key.chmod(0o644)
    with pytest.raises(NoTunnel):  # there is no ngrok here
        keeper._take_over_settings()
    log.close()
    assert noted(home) == [("tunnel", SAID)]


def test_a_running_poller_notes_what_was_loosened_meanwhile(home: Path, clock: FakeClock) -> None:
    loaded = files.load(home)
    log = audit.Audit.of_station(home, loaded.settings, "poller", clock)
    poller = AuditedPoller(loaded, clock, Ending(), log)
    files.update(home, lambda settings: names.with_values(settings, {"site.name": "Rampur"}))
    Home(home).key.chmod(0o644)
    poller.reload()
    log.close()
    assert noted(home) == [("poller", SAID)]
