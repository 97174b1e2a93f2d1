"""`messenger.py` as a process: started by its door, ended by a signal; what it never loads."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from substation.commands.doors import PROJECT
from substation.messages import process
from substation.settings.messages import Messages
from substation.store import heartbeat
from tests.messages.station import Station, who
from tests.notify_spy import spying


def test_a_station_with_nobody_to_tell_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Station(tmp_path / "home", Messages())
    monkeypatch.setenv("SUBSTATION_HOME", str(tmp_path / "home"))
    assert process.main([]) == 78
    said = capsys.readouterr().err
    assert "config.json: messages.recipients: is empty" in said
    assert "Remedy: python3 encrypt_config.py edit" in said
    assert not (tmp_path / "home" / "messages.db").exists()


def test_it_starts_lives_and_ends_as_a_service_does(tmp_path: Path) -> None:
    here = Station(tmp_path / "home", Messages(recipients=(who(),)))
    environment = {**os.environ, "SUBSTATION_HOME": str(here.folder), "SUBSTATION_VENV": sys.prefix}
    with spying(str(tmp_path / "notify")) as spy:
        running = subprocess.Popen(
            [sys.executable, str(PROJECT / "messenger.py")],
            env={**environment, "NOTIFY_SOCKET": spy.address},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            spy.wait_for("READY=1", seconds=60)
            spy.wait_for("WATCHDOG=1", seconds=60)
            with pytest.raises(Exception, match="already runs"), process.alone(here.home.messenger_lock):
                pass
        finally:
            running.send_signal(signal.SIGTERM)
            _, err = running.communicate(timeout=60)
    assert running.returncode == 0, err
    beat = heartbeat.read(here.home.messenger)
    assert beat is not None
    assert beat["state"] == "stopped"
    lines = [json.loads(line) for line in here.home.audit.read_text().splitlines()]
    assert [(line["svc"], line["event"]) for line in lines] == [("messenger", "start"), ("messenger", "stop")]


def test_apprise_is_loaded_by_one_file_and_that_only_when_something_is_sent() -> None:
    room = Path(process.__file__).parent
    loads = {
        path.name for path in room.glob("*.py") if re.search(r"^\s*import apprise", path.read_text(), re.M)
    }
    assert loads == {"gateway.py"}
    needs = re.compile(r"^from substation.messages import .*gateway|^from substation.messages.gateway", re.M)
    assert not [path.name for path in room.glob("*.py") if needs.search(path.read_text())]
