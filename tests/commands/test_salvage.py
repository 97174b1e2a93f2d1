"""`datalogger.py salvage` and the duty that runs it: from damage to a history that is polled on."""

import json
import re
from pathlib import Path

import pytest

from substation.acquisition.salvage_duty import RETRY_S, SalvageDuty
from substation.bus.lock import PollerLock
from substation.commands import datalogger
from substation.errors import EXIT_BUSY, EXIT_OK, EXIT_USAGE
from substation.settings import files, vault
from substation.settings.model import CARD_METERS, Home, Settings
from substation.store import quarantine
from substation.store.history import HistoryReader
from substation.store.keeper import Keeper
from tests.fake_clock import FakeClock
from tests.store.readings import BEGIN_MS, rounds

SETTINGS = Settings(simulated=True, meters=CARD_METERS)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    vault.write_key(folder / "config_key.key", vault.new_key())
    files.save(folder, SETTINGS)
    monkeypatch.setenv("SUBSTATION_HOME", str(folder))
    return Home(folder)


@pytest.fixture
def keeper(home: Home, clock: FakeClock) -> Keeper:
    """Its history was set aside just now."""
    made = Keeper(home, SETTINGS, clock)
    made.open()
    assert made._history is not None
    for answers in rounds(BEGIN_MS, 30, 60_000):
        made._history.add(answers)
    made.commit()
    clock.advance(1800)
    made.set_aside("page 7 makes no sense")
    return made


def test_a_history_that_stands_there_is_salvaged_when_it_is_damaged_and_the_station_stopped(
    home: Home, keeper: Keeper, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    assert datalogger.main(["salvage"], clock) == EXIT_OK
    clock.advance(3600)
    assert datalogger.main(["salvage"], clock) == EXIT_OK
    assert "daily_data.db is whole; there is nothing to salvage" in capsys.readouterr().out
    assert len(quarantine.kept(home.history)) == 1
    data = home.history.read_bytes()
    home.history.write_bytes(data[: len(data) // 2])
    lock = PollerLock(home.poller_lock)
    lock.take()
    assert datalogger.main(["salvage"], clock) == EXIT_BUSY
    lock.release()
    assert home.history.stat().st_size == len(data) // 2
    assert datalogger.main(["salvage", str(home.history)], clock) == EXIT_OK
    assert len(quarantine.kept(home.history)) == 2
    out = capsys.readouterr().out
    assert re.search(r"saved \d+ (minutes|hours|days|events).*; lost: [\d-]+: .*rows of single polls", out), (
        out
    )
    assert datalogger.main(["salvage"], clock) == EXIT_OK
    assert "daily_data.db is whole" in capsys.readouterr().out


def test_a_refused_salvage_writes_no_report(home: Home, keeper: Keeper, clock: FakeClock) -> None:
    keeper.close()
    home.salvaged.unlink(missing_ok=True)
    assert datalogger.main(["salvage", str(home.folder / "nothing")], clock) != EXIT_OK
    assert not home.salvaged.exists()


def test_the_duty_says_what_happens_runs_the_command_and_opens_what_comes_of_it(
    home: Home, keeper: Keeper, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    duty = SalvageDuty(home, clock, keeper)
    assert duty.due(SETTINGS) == ()
    (said,) = duty.advice
    assert "was damaged and is set aside as daily_data.db.corrupt-2026" in said
    assert "is being salvaged" in said
    assert datalogger.main(["salvage"], clock) == EXIT_OK
    assert "nothing is lost" in capsys.readouterr().out
    duty.done(0, "")
    assert keeper.has_history
    assert duty.due(SETTINGS) is None
    (said,) = duty.advice
    assert "is kept" in said
    assert "MB are free when you remove it" in said
    report = json.loads(home.salvaged.read_text())
    assert report["state"] == "done"
    assert report["saved"]["reading"] == 150
    found = {event.kind: event for event in HistoryReader(home.history).events(BEGIN_MS, clock.ms + 1000)}
    assert found["store.damaged"].detail == "page 7 makes no sense"
    assert "nothing is lost" in found["store.salvaged"].detail
    for path in quarantine.kept(home.history):
        path.unlink()
    assert duty.due(SETTINGS) is None
    assert duty.advice == []
    keeper.close()


def test_a_salvage_that_fails_is_told_and_tried_again(home: Home, keeper: Keeper, clock: FakeClock) -> None:
    duty = SalvageDuty(home, clock, keeper)
    assert duty.due(SETTINGS) == ()
    duty.done(78, "no space left")
    assert duty.due(SETTINGS) is None
    (said,) = duty.advice
    assert "failed and is tried again: no space left" in said
    clock.advance(RETRY_S + 1)
    assert duty.due(SETTINGS) == ()


def test_two_salvages_never_run_at_once(
    home: Home, keeper: Keeper, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    other = PollerLock(home.state / "salvage.lock")
    other.take()
    assert datalogger.main(["salvage"], clock) == EXIT_BUSY
    assert "is under way" in capsys.readouterr().err
    other.release()
    assert not home.history.exists()


def test_without_a_damaged_history_there_is_nothing_to_do(
    home: Home, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    assert datalogger.main(["salvage"], clock) == EXIT_USAGE
    assert "nothing waits to be salvaged" in capsys.readouterr().err
