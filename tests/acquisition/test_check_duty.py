"""The whole history is checked every night; a damaged one is set aside, a proved one gets its digests."""

import datetime as dt
import json
import sqlite3
import sys

import pytest

from substation.acquisition.check_duty import SETTLE_S, CheckDuty
from substation.clock import utc
from substation.commands import datalogger
from substation.errors import Damaged
from substation.settings import files, vault
from substation.settings.model import CARD_METERS, Settings
from substation.store import digest, door
from substation.store.check import report as check_report
from substation.store.copies import report as copies_report
from substation.store.keeper import Keeper
from substation.store.salvage import report as salvage_report
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
    assert checked(duty, clock, capsys) == 0
    whole_ms = clock.now_ms()
    clock.advance(86_400)
    with sqlite3.connect(home.history) as db:
        db.execute("DELETE FROM reading WHERE key = (SELECT min(key) FROM reading)")
    assert checked(duty, clock, capsys) == 1
    assert not home.history.exists()
    assert any(home.folder.glob("daily_data.db.corrupt-*"))
    report = salvage_report.read(home)
    assert report is not None
    assert report.whole_ms == whole_ms
    assert f"; it was whole when it was checked on {utc(whole_ms):%Y-%m-%d at %H:%M} UTC" in report.words
    assert salvage_report.of_damage(home, "the next", clock.now_ms(), "").whole_ms == 0, "another"
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
    assert "single polls" in said
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


def test_what_a_check_by_hand_found_damaged_is_looked_at_at_once_also_after_a_restart(
    home, keeper, clock, history, capsys
):
    with sqlite3.connect(home.history) as db:
        db.execute("DELETE FROM reading WHERE key = (SELECT min(key) FROM reading)")
    assert datalogger.main(["check"], clock) == 1
    for duty in (CheckDuty(home, clock, keeper), CheckDuty(home, clock, keeper)):
        assert duty.due(SETTINGS) is not None, "not only after the minutes that the start is given"
        assert "a check found the history damaged (single polls: " in duty.advice[0]
        assert "the 1 readings of minute 06:00 (UTC) of meter 1 are missing" in duty.advice[0]
        assert duty.due(SETTINGS) is None, "once"
    arguments = ["--watch", duty._watch]
    clock.advance(1)
    assert datalogger.main(["check", *arguments], clock) == 1
    duty.done(1, "")
    assert not home.history.exists()
    assert duty.advice == []
    keeper._history = history  # as after a salvage: the old report tells of what is salvaged already
    assert CheckDuty(home, clock, keeper).due(SETTINGS) is None
    keeper._history = None


def test_a_copy_that_misses_rows_has_the_history_checked_at_once(home, keeper, clock, history, capsys):
    words = f"{home.history}: its table reading has other rows than its digest says"
    duty = CheckDuty(home, clock, keeper)
    copies_report.write(home.copied, {"at_ms": clock.now_ms(), "ok": False, "words": words})
    assert duty.due(SETTINGS) is not None
    assert duty.advice[0].startswith("a copy met damage in the history; it is looked at again now")


def test_a_copy_that_met_damage_has_the_history_checked_at_once(home, keeper, clock, history, capsys):
    duty = CheckDuty(home, clock, keeper)
    assert duty.due(SETTINGS) is None
    with pytest.raises(Damaged) as met, door.explained(home.history):
        raise malformed()
    words = f"readings of 2026-11-22 not copied, an earlier copy stays: {met.value}"
    copies_report.write(home.copied, {"at_ms": clock.now_ms(), "ok": False, "words": words})
    assert checked(duty, clock, capsys) == 0
    assert duty.advice == []
    assert CheckDuty(home, clock, keeper).due(SETTINGS) is None, "it was looked at since"


def malformed():
    fault = sqlite3.DatabaseError("database disk image is malformed")
    fault.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return fault


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100])
def test_a_file_that_no_poller_would_set_aside_is_refused_and_is_no_damage(home, clock, capsys, content):
    home.history.write_bytes(content)
    assert datalogger.main(["check"], clock) == 78
    out, err = capsys.readouterr()
    assert "salvages" not in out + err
    assert str(home.history) in err
    assert not home.checked.exists()


def test_on_a_terminal_the_outcome_is_said_once(home, keeper, clock, history, capsys, monkeypatch):
    with sqlite3.connect(home.history) as db:
        db.execute("DELETE FROM reading WHERE key = (SELECT min(key) FROM reading)")
    for stream in (sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    assert datalogger.main(["check"], clock) == 1
    out, err = capsys.readouterr()
    assert "DAMAGED" in out
    assert "single polls: " not in err
