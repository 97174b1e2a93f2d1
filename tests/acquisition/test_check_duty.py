"""The whole history is checked every night; a damaged one is set aside, a proved one gets its digests."""

import datetime as dt
import json
import sqlite3

import pytest

from substation.acquisition.check_duty import SETTLE_S, CheckDuty
from substation.commands import datalogger
from substation.settings import files, vault
from substation.settings.model import CARD_METERS, Settings
from substation.store import check_report, digest
from substation.store.keeper import Keeper
from tests.store.readings import a_reading

SETTINGS = Settings(simulated=True, meters=CARD_METERS)
DAY_MS = digest.DAY_MS


@pytest.fixture
def home(tmp_path, clock, monkeypatch):
    monkeypatch.setenv("SUBSTATION_HOME", str(tmp_path))
    vault.write_key(tmp_path / "config_key.key", vault.new_key())
    files.write_new(tmp_path, SETTINGS)
    return files.load(tmp_path).home


@pytest.fixture
def keeper(home, clock):
    keeper = Keeper(home, SETTINGS, clock)
    keeper.open()
    yield keeper
    keeper.close()


@pytest.fixture
def history(keeper, clock):
    """Three days of readings."""
    history = keeper._history  # the one that the keeper writes
    history.add(a_reading(clock.now_ms() - 3 * DAY_MS + n * 600_000) for n in range(3 * 144))
    history.commit()
    return history


def digests(home):
    with sqlite3.connect(home.history) as db:
        return {table for (table,) in db.execute("SELECT DISTINCT tbl FROM digest WHERE day > 0")}


def checked(duty, clock, capsys):
    """Have it due, and do what the poller's child does."""
    arguments = duty.due(SETTINGS)
    assert arguments is not None
    code = datalogger.main(["check", *arguments], clock)
    duty.done(code, capsys.readouterr().err)
    return code


def test_it_waits_after_the_start_then_comes_every_night_at_half_past_two(
    home, keeper, clock, history, capsys
):
    duty = CheckDuty(home, clock, keeper)
    assert duty.due(SETTINGS) is None, "the start has enough to do"
    clock.advance(SETTLE_S)
    assert checked(duty, clock, capsys) == 0
    nights = []
    for _ in range(3 * 48):
        clock.advance(1800)
        if (arguments := duty.due(SETTINGS)) is not None:
            duty.done(datalogger.main(["check", *arguments], clock), "")
            nights.append(dt.datetime.fromtimestamp(clock.now_ms() / 1000, SETTINGS.site.zone).time())
    assert len(nights) == 3
    assert all(dt.time(2, 30) <= at < dt.time(3, 0) for at in nights)


def test_what_was_proved_gets_its_digests(home, keeper, clock, history, capsys):
    duty = CheckDuty(home, clock, keeper)
    clock.advance(SETTLE_S)
    assert digests(home) == set()
    assert checked(duty, clock, capsys) == 0
    keeper.upkeep(60.0)
    assert digests(home) == set(digest.DATED)
    said = check_report.read(home)
    assert (said["state"], said["damages"], duty.advice) == ("whole", [], [])


def test_a_day_that_was_written_to_meanwhile_gets_none(home, keeper, clock, history, capsys):
    duty = CheckDuty(home, clock, keeper)
    clock.advance(SETTLE_S)
    arguments = duty.due(SETTINGS)
    assert datalogger.main(["check", *arguments], clock) == 0
    late_ms = clock.now_ms() - 2 * DAY_MS
    history.add([a_reading(late_ms, 2)])
    history.commit()
    duty.done(0, "")
    keeper.upkeep(60.0)
    with sqlite3.connect(home.history) as db:
        days = {day for (day,) in db.execute("SELECT day FROM digest WHERE tbl = 'reading'")}
    assert days == {late_ms // DAY_MS - 1, late_ms // DAY_MS + 1}


def test_a_damaged_history_is_set_aside(home, keeper, clock, history, capsys):
    duty = CheckDuty(home, clock, keeper)
    clock.advance(SETTLE_S)
    with sqlite3.connect(home.history) as db:
        db.execute("DELETE FROM reading WHERE key = (SELECT min(key) FROM reading)")
    assert checked(duty, clock, capsys) == 1
    assert not home.history.exists()
    assert any(home.folder.glob("daily_data.db.corrupt-*"))
    assert check_report.read(home)["damages"][0]["table"] == "reading"
    assert duty.due(SETTINGS) is None


def test_a_check_that_could_not_be_made_is_told_and_tried_again(home, keeper, clock, history, capsys):
    duty = CheckDuty(home, clock, keeper)
    clock.advance(SETTLE_S)
    assert duty.due(SETTINGS) is not None
    duty.done(78, "the card is gone")
    assert duty.advice == ["the history could not be checked: the card is gone"]
    assert duty.due(SETTINGS) is None
    clock.advance(3600)
    assert checked(duty, clock, capsys) == 0
    assert duty.advice == []


def test_a_check_by_hand_neither_stores_digests_nor_sets_anything_aside(home, keeper, clock, history, capsys):
    duty = CheckDuty(home, clock, keeper)
    clock.advance(SETTLE_S)
    assert duty.due(SETTINGS) is not None
    assert datalogger.main(["check"], clock) == 0  # it writes its report over that of the duty's own
    said = capsys.readouterr().out
    assert "nothing wrong was found" in said
    assert "reading" in said
    duty.done(0, "")
    keeper.upkeep(60.0)
    assert digests(home) == set()


def test_the_command_says_what_it_found(home, keeper, clock, history, capsys):
    assert datalogger.main(["check", "--quick"], clock) == 0
    assert not home.checked.exists(), "only a look at everything is kept"
    capsys.readouterr()
    with sqlite3.connect(home.history) as db:
        db.execute("UPDATE minute SET sum_v_r = sum_v_r + 1 WHERE key = (SELECT max(key) FROM minute)")
    assert datalogger.main(["check", "--json"], clock) == 1
    found = json.loads(capsys.readouterr().out)
    assert found == check_report.read(home)
    assert (found["state"], {damage["table"] for damage in found["damages"]}) == ("damaged", {"minute"})
    assert datalogger.main(["check"], clock) == 1
    assert "DAMAGED" in capsys.readouterr().out
