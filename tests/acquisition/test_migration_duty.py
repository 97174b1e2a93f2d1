"""A large history is brought to a new form beside the polling, and the poller goes on with it."""

import json
import os

import pytest

from substation.acquisition.migration_duty import MigrationDuty
from substation.commands import datalogger
from substation.errors import StoreError
from substation.settings import files, vault
from substation.settings.model import CARD_METERS, Settings
from substation.store import before_migration, schema
from substation.store.history import History
from substation.store.keeper import Keeper
from tests.store.readings import a_reading

SETTINGS = Settings(simulated=True, meters=CARD_METERS)
NEXT = "9001 a column more"


@pytest.fixture
def home(tmp_path, clock, monkeypatch):
    """A station whose history is large and of an older form."""
    monkeypatch.setenv("SUBSTATION_HOME", str(tmp_path))
    vault.write_key(tmp_path / "config_key.key", vault.new_key())
    files.write_new(tmp_path, SETTINGS)
    home = files.load(tmp_path).home
    store = History(home.history, True, clock)
    store.add([a_reading(clock.now_ms() - n * 2000, 1) for n in range(50)])
    store.close()
    monkeypatch.setattr(before_migration, "QUICK_BYTES", 1000)
    change = {NEXT: lambda db: db.execute("ALTER TABLE event ADD COLUMN more TEXT")}
    monkeypatch.setattr(schema, "MIGRATIONS", {**schema.MIGRATIONS, **change})
    return home


def test_the_poller_waits_with_the_history_only_and_goes_on_with_the_changed_one(home, clock, capsys):
    keeper = Keeper(home, SETTINGS, clock)
    duty = MigrationDuty(home, clock, keeper)
    assert duty.due(SETTINGS) is None
    with pytest.raises(StoreError, match="live values go on"):
        keeper.open()
    assert duty.due(SETTINGS) == ()
    assert datalogger.main(["migrate"], clock) == 0
    assert f"{NEXT}: done" in capsys.readouterr().out
    duty.done(0, "")
    keeper.open()
    assert keeper.newest_trusted_ms() > 0
    clock.advance(10_000)
    assert duty.due(SETTINGS) is None
    assert datalogger.main(["migrate"], clock) == 0
    assert "has this version's form already" in capsys.readouterr().out
    keeper.close()


def test_what_keeps_it_from_being_done_is_said_and_it_is_tried_again(home, clock, monkeypatch, capsys):
    keeper = Keeper(home, SETTINGS, clock)
    with pytest.raises(StoreError):
        keeper.open()
    duty = MigrationDuty(home, clock, keeper)
    assert duty.due(SETTINGS) == ()
    monkeypatch.setattr(before_migration, "RESERVE_BYTES", 10**18)
    assert datalogger.main(["migrate"], clock) == 78
    words = capsys.readouterr().err
    assert "--without-copy" in words
    duty.done(78, words)
    assert duty.advice == [words]
    assert duty.due(SETTINGS) is None
    clock.advance(120)
    assert duty.due(SETTINGS) == ()
    assert datalogger.main(["migrate", "--without-copy"], clock) == 0
    keeper.open()
    assert duty.advice == []
    keeper.close()


def test_a_folder_for_the_copy_has_to_be_there(home, clock, capsys):
    assert datalogger.main(["migrate", "--copy-in", str(home.folder / "stick")], clock) == 78
    assert "is no folder" in capsys.readouterr().err
    (home.folder / "stick").mkdir()
    assert datalogger.main(["migrate", "--copy-in", str(home.folder / "stick")], clock) == 0
    assert (home.folder / "stick" / "daily_data.db.before-9001").exists()


@pytest.mark.parametrize(("state", "stays"), [("whole", False), ("damaged", True)])
def test_an_old_copy_goes_when_a_check_found_the_history_whole(home, clock, state, stays):
    assert datalogger.main(["migrate"], clock) == 0
    copy = before_migration.copy_of(home.history, NEXT)
    newest_s = clock.now_ms() // 1000
    os.utime(copy, (newest_s - 40 * 86_400, newest_s - 40 * 86_400))
    keeper = Keeper(home, SETTINGS, clock)
    keeper.open()
    home.state.mkdir(exist_ok=True)
    home.checked.write_text(json.dumps({"at_ms": clock.now_ms() - 1000, "state": state}))
    duty = MigrationDuty(home, clock, keeper)
    duty.due(SETTINGS)
    assert copy.exists()
    clock.advance(86_400)
    duty.due(SETTINGS)
    assert copy.exists() is stays
    keeper.close()
