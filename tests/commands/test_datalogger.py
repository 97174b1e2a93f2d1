import sqlite3

import pytest

from substation import audit
from substation.commands import datalogger
from substation.readings import Quality, missing
from substation.settings import vault
from substation.settings.files import load, write_new
from substation.settings.model import CARD_METERS, Settings
from substation.store.history import History
from tests.store.readings import a_reading


@pytest.fixture
def station(tmp_path, monkeypatch):
    monkeypatch.setenv("SUBSTATION_HOME", str(tmp_path))
    vault.write_key(tmp_path / "config_key.key", vault.new_key())
    write_new(tmp_path, Settings(simulated=True, meters=CARD_METERS))
    return load(tmp_path)


@pytest.fixture
def history(station, clock):
    store = History(station.home.history, True, clock, station.settings.site.zone)
    yield store
    store.close()


def run(capsys, clock, *argv):
    code = datalogger.main(list(argv), clock)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_status_tells_rows_times_and_completeness(station, history, clock, capsys):
    now = clock.now_ms()
    history.add([a_reading(now - 3_600_000 + n * 2000, 1) for n in range(1800)])
    history.add([missing(2, now - 60_000, Quality.NO_ANSWER, "timeout")])
    history.commit()
    code, out, _ = run(capsys, clock, "status")
    assert code == 0
    assert "(SIMULATED), times in Asia/Kolkata" in out
    assert "simulated readings" in out
    (polls,) = (line.split() for line in out.splitlines() if line.startswith("single polls"))
    assert polls == ["single", "polls", "1801", "2026-11-24", "10:30:00", "2026-11-24", "11:29:58"]
    assert "1 Transformer              4.2 %  60 of 1440 minutes" in out
    assert "2 EssentialLoad            0.0 %  0 of 1440 minutes" in out


def test_status_of_a_damaged_history_says_so_in_words(station, history, clock, capsys):
    history.add([a_reading(clock.now_ms() - 60_000, 1)])
    history.commit()
    with sqlite3.connect(station.home.history) as db:
        db.execute("UPDATE reading SET key = -3396095769600000000")  # a page whose bytes were changed
    code, out, err = run(capsys, clock, "status")
    assert code == 1
    assert "cannot be told" in out
    assert "is damaged: single polls of no possible time" in err
    assert "datalogger.py check" in err


def test_status_of_a_station_without_history_is_no_error(station, clock, capsys):
    code, out, _ = run(capsys, clock, "status")
    assert code == 0
    assert "no history yet" in out


def test_status_of_a_foreign_file_says_so(station, clock, capsys):
    station.home.history.write_bytes(b"")
    code, _, err = run(capsys, clock, "status")
    assert code == 78
    assert "empty (0 bytes)" in err


def test_without_a_configuration_the_way_on_is_named(tmp_path, monkeypatch, clock, capsys):
    monkeypatch.setenv("SUBSTATION_HOME", str(tmp_path))
    code, _, err = run(capsys, clock, "status")
    assert code == 78
    assert "encrypt_config.py" in err


def test_events_are_sentences_in_the_sites_time(station, history, clock, capsys):
    at = clock.now_ms() - 1000
    history.event("supply", at_ms=at, meter_id=1, old="live", new="dead", detail="RY 0.0 V of 415 V")
    history.event("supply", at_ms=at - 20 * 86_400_000, meter_id=1, old="dead", new="live")
    history.event("poller", at_ms=at, new="start")
    history.commit()
    code, out, _ = run(capsys, clock, "events")
    assert code == 0
    assert out.splitlines() == [
        "2026-11-24 11:29:59  1 Transformer: supply live -> dead (RY 0.0 V of 415 V)",
        "2026-11-24 11:29:59  poller start",
    ]
    assert len(run(capsys, clock, "events", "--days", "30")[1].splitlines()) == 3


def test_an_event_whose_time_nobody_vouched_for_says_so(station, history, clock, capsys):
    at = clock.now_ms() - 1000
    history.event("supply", at_ms=at, meter_id=1, old="live", new="dead", detail="RY 0.0 V (clock 3)")
    history.event("poller", at_ms=at, new="start", detail="(clock 1)")
    history.commit()
    assert [line[21:] for line in run(capsys, clock, "events")[1].splitlines()] == [
        "1 Transformer: supply live -> dead (RY 0.0 V), time not trusted (span 3)",
        "poller start, time not trusted (span 1)",
    ]


def test_no_events_are_said_in_words(station, clock, capsys):
    assert run(capsys, clock, "events") == (0, "no events in the last 7 days\n", "")


def keep_audit(station, clock):
    key = vault.derive(vault.read_key(station.home.folder), audit.KEY_INFO)
    log = audit.Audit(station.home.audit, key, "poller", clock, station.settings.site.zone)
    log.write("start")
    log.write("login", user="admin")
    log.write("stop")


def test_a_whole_audit_log_is_verified(station, clock, capsys):
    keep_audit(station, clock)
    code, out, _ = run(capsys, clock, "audit", "verify")
    assert (code, out.startswith("The chain of 3 lines is whole")) == (0, True)


def test_a_changed_audit_log_is_named(station, clock, capsys):
    keep_audit(station, clock)
    station.home.audit.write_bytes(station.home.audit.read_bytes().replace(b"admin", b"nobod"))
    code, out, _ = run(capsys, clock, "audit", "verify")
    assert code == 1
    assert "line 2: was edited" in out


def test_a_missing_audit_log_is_unreadable(station, clock, capsys):
    code, _, err = run(capsys, clock, "audit", "verify")
    assert code == 2
    assert "cannot be read" in err


def test_the_tail_of_the_audit_log_is_for_a_person(station, clock, capsys):
    keep_audit(station, clock)
    code, out, _ = run(capsys, clock, "audit", "tail", "-n", "2")
    assert code == 0
    assert out.splitlines() == ["2026-11-24 11:30:00 poller login admin", "2026-11-24 11:30:00 poller stop"]


@pytest.mark.parametrize(
    "argv", [(), ("nonsense",), ("audit",), ("events", "--days", "0"), ("events", "--days", "x")]
)
def test_wrong_usage_is_64(clock, capsys, argv):
    code, _, err = run(capsys, clock, *argv)
    assert code == 64
    assert "--help" in err


@pytest.mark.parametrize("wrong", ["0", "x", "1000001", "-3", "²"])
def test_a_wrong_number_is_refused_in_words(clock, capsys, wrong):
    _, _, err = run(capsys, clock, "events", f"--days={wrong}")
    assert f"'{wrong}' is no whole number from 1 to 1000000" in err
    assert "See datalogger.py events --help" in err


@pytest.mark.parametrize(
    "argv", [(), ("status",), ("events",), ("audit",), ("audit", "verify"), ("audit", "tail")]
)
def test_every_command_has_help(clock, capsys, argv):
    code, out, _ = run(capsys, clock, *argv, "--help")
    assert (code, out.startswith("usage: datalogger.py")) == (0, True)
