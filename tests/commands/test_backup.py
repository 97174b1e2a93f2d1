"""`datalogger.py backup`, `verify` and `restore` as a person types them."""

import json
import shutil

import pytest

from substation import audit
from substation.bus.lock import PollerLock
from substation.commands import datalogger
from substation.settings import vault
from substation.settings.files import load, write_new
from substation.settings.model import CARD_METERS, Settings
from substation.store.history import History
from substation.store.operator_db import OperatorDb
from tests.store.copied import files, rows, same
from tests.store.readings import BEGIN_MS, rounds


@pytest.fixture
def station(tmp_path, monkeypatch, clock):
    home, stick = tmp_path / "home", tmp_path / "stick"
    home.mkdir()
    stick.mkdir()
    monkeypatch.setenv("SUBSTATION_HOME", str(home))
    vault.write_key(home / "config_key.key", vault.new_key())
    write_new(home, Settings(simulated=True, meters=CARD_METERS, backup={"folder": str(stick)}))
    loaded = load(home)
    history = History(loaded.home.history, True, clock, loaded.settings.site.zone, site="Karjat")
    for answers in rounds(BEGIN_MS - 7_200_000, 20, 300_000):
        history.add(answers)
    log = logged(loaded, clock)
    log.write("start")
    log.write("login", user="admin")
    history.event("audit.anchor", at_ms=BEGIN_MS, new="{}:{}".format(*log.anchor()))
    history.close()
    people = OperatorDb(loaded.home.operator, True)
    with people.transaction() as db:
        db.execute("INSERT INTO audit_anchor VALUES (?, ?, ?, ?)", (*log.anchor(), BEGIN_MS, "test"))
    people.close()
    return loaded


def logged(loaded, clock):
    return audit.Audit.of_station(loaded.home.folder, loaded.settings, "poller", clock)


def run(capsys, clock, *argv):
    code = datalogger.main(list(argv), clock)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def noted(loaded):
    """The events of the audit log."""
    return [json.loads(line)["event"] for line in loaded.home.audit.read_text().splitlines()]


def moved(station, tmp_path, monkeypatch):
    """Return another home with the same configuration and key, as the kit makes it."""
    new = tmp_path / "new"
    new.mkdir()
    for path in (station.home.config, station.home.key):
        shutil.copy(path, new)
    monkeypatch.setenv("SUBSTATION_HOME", str(new))
    return load(new)


def test_a_lost_machine_comes_back_whole(station, tmp_path, monkeypatch, clock, capsys):
    """S46: with the audit log, whose chain holds."""
    code, out, err = run(capsys, clock, "backup")
    assert (code, err) == (0, "")
    assert "days are copied" in out
    new = moved(station, tmp_path, monkeypatch)
    begun = logged(new, clock)
    begun.write("start")  # something was started there already
    code, out, err = run(capsys, clock, "restore", str(tmp_path / "stick"))
    assert (code, err) == (0, "")
    assert "Karjat: the history is back as it was at 2026-11-24 11:30:00, Asia/Kolkata" in out
    assert " single polls, " in out
    assert "put back: dashboard_audit.log, operator.db" in out
    assert "Start the station: ./start.sh" in out
    same(station.home.history, new.home.history)
    assert rows(new.home.operator, "audit_anchor") == rows(station.home.operator, "audit_anchor")
    assert noted(new) == ["start", "login", "backup.restored"]
    assert len(list(new.home.folder.glob("dashboard_audit.log.before-restore-*"))) == 1
    code, out, err = run(capsys, clock, "audit", "verify")
    assert (code, err) == (0, "")
    assert "The chain of 3 lines is whole" in out
    assert "Compared with 2 numbers noted elsewhere" in out


def test_a_closed_audit_log_comes_back_with_the_chain(station, tmp_path, monkeypatch, clock, capsys):
    log = audit.Audit.of_station(station.home.folder, station.settings, "poller", clock)
    clock.advance(40 * 86_400)
    log.write("stop")  # in another month: the log is closed
    assert len(list(station.home.folder.glob("dashboard_audit-*.log"))) == 1
    run(capsys, clock, "backup")
    moved(station, tmp_path, monkeypatch)
    assert run(capsys, clock, "restore", str(tmp_path / "stick"))[0] == 0
    code, out, _ = run(capsys, clock, "audit", "verify")
    assert (code, "is whole" in out) == (0, True)


def test_only_whole_lines_of_the_audit_log_are_copied(station, tmp_path, monkeypatch, clock, capsys):
    with station.home.audit.open("ab") as log:
        log.write(b'{"seq": 3, "half')
    run(capsys, clock, "backup")
    new = moved(station, tmp_path, monkeypatch)
    run(capsys, clock, "restore", str(tmp_path / "stick"))
    assert noted(new)[:2] == ["start", "login"]


def test_verify_says_what_was_proved_and_writes_it_down(station, clock, capsys):
    run(capsys, clock, "backup")
    clock.advance(3600)
    code, out, err = run(capsys, clock, "verify")
    assert (code, err) == (0, "")
    assert "Karjat (simulated, " in out
    assert "rows restored, up to 2026-11-24 11:05:00, Asia/Kolkata: whole" in out
    assert out.strip().endswith(": whole")
    assert noted(station)[-1] == "backup.verified"
    proof = json.loads(station.home.copied.read_text())["proof"]
    assert (proof["at_ms"], proof["whole_ms"], proof["ok"]) == (clock.now_ms(), clock.now_ms(), True)


def test_verify_of_a_damaged_copy_is_1_and_names_it(station, tmp_path, clock, capsys):
    run(capsys, clock, "backup")
    (path,) = (tmp_path / "stick").rglob("minutes-*.gz")
    path.write_bytes(path.read_bytes()[:-9])
    code, out, err = run(capsys, clock, "verify", str(tmp_path / "stick"))
    assert code == 1
    assert path.name in err
    assert out.strip().endswith("1 problems")
    assert json.loads(station.home.copied.read_text())["proof"]["ok"] is False
    code, _, err = run(capsys, clock, "backup")
    assert code == 0, "the card still has the day: copied anew"


def test_a_copy_to_another_folder_is_written_down_and_leaves_the_report_alone(
    station, tmp_path, clock, capsys
):
    run(capsys, clock, "backup")
    before = station.home.copied.read_bytes()
    assert noted(station) == ["start", "login"], "what the poller does by itself is no news"
    (tmp_path / "other").mkdir()
    clock.advance(60)
    assert run(capsys, clock, "backup", "--to", str(tmp_path / "other"))[0] == 0
    assert station.home.copied.read_bytes() == before
    assert noted(station)[-1] == "backup.taken"
    assert files(tmp_path / "other")


def test_another_machine_is_taken_over_from_by_name_and_that_is_written_down(
    station, tmp_path, clock, capsys, monkeypatch
):
    run(capsys, clock, "backup")
    station.home.copied.unlink()
    monkeypatch.setattr("substation.store.copies.writer.identity", lambda _: "another")
    code, out, err = run(capsys, clock, "backup")
    assert (code, out, "another machine copied Karjat there" in err) == (78, "", True)
    code, out, err = run(capsys, clock, "backup", "--take-over")
    assert (code, err) == (0, "")
    assert json.loads(station.home.audit.read_text().splitlines()[-1])["d"]["take_over"] is True


def test_a_station_that_runs_is_not_restored_into(station, tmp_path, monkeypatch, clock, capsys):
    run(capsys, clock, "backup")
    new = moved(station, tmp_path, monkeypatch)
    lock = PollerLock(new.home.poller_lock)
    lock.take()
    code, _, err = run(capsys, clock, "restore", str(tmp_path / "stick"))
    lock.release()
    assert (code, "stop it first" in err) == (75, True)
    assert not new.home.history.exists()


def test_no_restore_beside_a_salvage(station, tmp_path, monkeypatch, clock, capsys):
    run(capsys, clock, "backup")
    new = moved(station, tmp_path, monkeypatch)
    lock = PollerLock(new.home.state / "salvage.lock")
    lock.take()
    code, _, err = run(capsys, clock, "restore", str(tmp_path / "stick"))
    lock.release()
    assert (code, "a salvage of this station is under way" in err) == (75, True)
    assert not new.home.history.exists()
    assert run(capsys, clock, "restore", str(tmp_path / "stick"))[0] == 0


def test_a_home_with_a_history_is_refused(station, tmp_path, clock, capsys):
    run(capsys, clock, "backup")
    code, _, err = run(capsys, clock, "restore", str(tmp_path / "stick"))
    assert (code, "a restore never replaces a history" in err) == (78, True)


def test_copies_of_a_simulated_station_never_come_into_a_real_one(
    station, tmp_path, monkeypatch, clock, capsys
):
    run(capsys, clock, "backup")
    real = tmp_path / "real"
    real.mkdir()
    vault.write_key(real / "config_key.key", vault.new_key())
    write_new(real, Settings(simulated=False, meters=CARD_METERS))
    monkeypatch.setenv("SUBSTATION_HOME", str(real))
    code, _, err = run(capsys, clock, "restore", str(tmp_path / "stick"))
    assert (code, "copies of a simulated station and this one is real" in err) == (78, True)
    assert not (real / "daily_data.db").exists()


def test_without_a_configuration_the_kit_is_named(station, tmp_path, monkeypatch, clock, capsys):
    run(capsys, clock, "backup")
    bare = tmp_path / "bare"
    bare.mkdir()
    monkeypatch.setenv("SUBSTATION_HOME", str(bare))
    code, out, _ = run(capsys, clock, "restore", str(tmp_path / "stick"))
    assert (code, "Open the kit: python3 datalogger.py kit --open FILE" in out) == (0, True)
    assert rows(bare / "daily_data.db", "minute")


def test_something_lacking_is_said_and_is_1(station, tmp_path, monkeypatch, clock, capsys):
    run(capsys, clock, "backup")
    (path,) = (tmp_path / "stick").rglob("readings-*.gz")
    path.unlink()
    moved(station, tmp_path, monkeypatch)
    code, _, err = run(capsys, clock, "restore", str(tmp_path / "stick"))
    assert code == 1
    assert f"lacking: {path} is missing: readings of 2026-11-24" in err


def test_without_a_second_medium_the_way_is_named(station, tmp_path, monkeypatch, clock, capsys):
    bare = tmp_path / "bare"
    bare.mkdir()
    vault.write_key(bare / "config_key.key", vault.new_key())
    write_new(bare, Settings(simulated=True, meters=CARD_METERS))
    monkeypatch.setenv("SUBSTATION_HOME", str(bare))
    for command in ("backup", "verify"):
        code, _, err = run(capsys, clock, command)
        assert (code, "set backup.folder" in err) == (78, True)
    a_file = str(bare / "config.json")
    for argv in (("verify", a_file), ("restore", a_file)):
        code, _, err = run(capsys, clock, *argv)
        assert (code, "config.json is a file; name the folder" in err) == (78, True)


@pytest.mark.parametrize("command", ["backup", "verify", "restore"])
def test_each_has_help(clock, capsys, command):
    code, out, _ = run(capsys, clock, command, "--help")
    assert (code, f"usage: datalogger.py {command}" in out) == (0, True)
    assert "exit codes" in out
