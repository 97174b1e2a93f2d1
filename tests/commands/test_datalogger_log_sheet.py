"""`datalogger.py log-sheet`: the sheet of a day without a browser, audited, refused in words."""

import sqlite3

import pytest

from substation.clock import day_start_ms
from substation.commands import datalogger
from substation.settings import vault
from substation.settings.files import load, write_new
from substation.settings.model import CARD_METERS, Settings
from substation.store import entries
from substation.store.entries import Place
from substation.store.history import History
from substation.store.operator_db import OperatorDb
from tests.store.readings import a_reading

HOUR_MS = 3_600_000


@pytest.fixture
def station(tmp_path, monkeypatch, clock):
    monkeypatch.setenv("SUBSTATION_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    vault.write_key(tmp_path / "config_key.key", vault.new_key())
    write_new(tmp_path, Settings(simulated=True, meters=CARD_METERS))
    loaded = load(tmp_path)
    zone = loaded.settings.site.zone
    midnight_ms = day_start_ms(clock.now_ms(), zone, 1)
    store = History(loaded.home.history, True, clock, zone)
    store.add([a_reading(midnight_ms + h * HOUR_MS, 1, wh_received=5e7 + h * 1.2e5) for h in range(4)])
    store.commit()
    store.close()
    place = Place("log_sheet", "meter:1", midnight_ms + HOUR_MS, "oil_temperature")
    database = OperatorDb(loaded.home.operator, True)
    first = entries.write(database, clock, place, "26", "amal")
    entries.write(database, clock, place, "62", "amal", instead_of=first)
    database.close()
    return loaded


def run(capsys, clock, *argv):
    code = datalogger.main(["log-sheet", *argv], clock)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_yesterdays_sheet_is_written_once_and_noted(station, clock, capsys, tmp_path):
    code, out, _ = run(capsys, clock, "--meter", "1", "--form", "csv")
    (name,) = [one.name for one in tmp_path.glob("log-sheet-*-1.csv")]
    assert code == 0 and f"{name}: " in out and "Transformer" in out
    text = (tmp_path / name).read_text(encoding="utf-8-sig")
    (row,) = [line.split(",") for line in text.splitlines() if line.startswith("01:00")]
    assert {"50120", "120", "62"} <= set(row)
    assert "Corrected, the earlier values are kept: 01:00 oil by amal" in text and "SIMULATED" in text
    (line,) = [one for one in station.home.audit.read_text().splitlines() if '"log_sheet.made"' in one]
    assert '"form":"csv"' in line.replace(" ", "")
    code, _, err = run(capsys, clock, "--meter", "1", "--form", "csv")
    assert code == 78 and "is there already and is not replaced" in err


def test_wrong_days_meters_and_stations_are_refused(station, clock, capsys):
    code, _, err = run(capsys, clock, "--day", "2026-13-01")
    assert code == 64 and "'2026-13-01' is no day" in err
    code, _, err = run(capsys, clock, "--day", "2031-01-01")
    assert code == 78 and "has not come yet" in err
    code, _, err = run(capsys, clock, "--meter", "9")
    assert code == 78 and "there is no meter 9; this station has 1, 2, 3, 4, 5" in err
    with sqlite3.connect(station.home.history) as db:
        db.execute("UPDATE meta SET value = 'no' WHERE key = 'simulated'")
    code, _, err = run(capsys, clock, "--form", "csv", "--out", "other.csv")
    assert code == 78 and "not of the same kind of station" in err
