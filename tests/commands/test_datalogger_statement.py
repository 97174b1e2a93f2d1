"""`datalogger.py statement`: whole or not there, audited, and never of another kind of station."""

import io
import sqlite3

import openpyxl
import pytest

from substation.commands import datalogger
from substation.settings import vault
from substation.settings.files import load, write_new
from substation.settings.model import CARD_METERS, Settings
from substation.store.history import History
from tests.store.readings import a_reading


@pytest.fixture
def station(tmp_path, monkeypatch, clock):
    monkeypatch.setenv("SUBSTATION_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    vault.write_key(tmp_path / "config_key.key", vault.new_key())
    write_new(tmp_path, Settings(simulated=True, meters=CARD_METERS))
    loaded = load(tmp_path)
    store = History(loaded.home.history, True, clock, loaded.settings.site.zone)
    now = clock.now_ms()
    store.add([a_reading(now - hours * 3_600_000, 1, wh_received=5e7 - hours * 1e5) for hours in range(9)])
    store.commit()
    store.close()
    return loaded


def run(capsys, clock, *argv):
    code = datalogger.main(["statement", *argv], clock)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_a_statement_is_written_once_and_noted(station, clock, capsys, tmp_path):
    code, out, _ = run(capsys, clock, "--month", "2026-11", "--form", "xlsx", "--out", "november.xlsx")
    assert code == 0 and "november.xlsx: November 2026, measured NOT IN FULL" in out
    sheet = openpyxl.load_workbook(io.BytesIO((tmp_path / "november.xlsx").read_bytes())).worksheets[0]
    assert "SIMULATED" in sheet.title and 700.0 in [cell.value for row in sheet.iter_rows() for cell in row]
    (line,) = [one for one in station.home.audit.read_text().splitlines() if '"statement.made"' in one]
    assert '"month":"2026-11"' in line.replace(" ", "") and '"form":"xlsx"' in line.replace(" ", "")
    code, _, err = run(capsys, clock, "--month", "2026-11", "--form", "xlsx", "--out", "november.xlsx")
    assert code == 78 and "is there already and is not replaced" in err
    code, out, _ = run(capsys, clock, "--form", "csv")
    assert code == 0 and "statement-2026-10.csv: October 2026" in out  # the last whole month


def test_wrong_months_and_stations_are_refused(station, clock, capsys, tmp_path):
    code, _, err = run(capsys, clock, "--month", "2026-13")
    assert code == 64 and "'2026-13' is no month; write year and month, such as 2026-11" in err
    code, _, err = run(capsys, clock, "--month", "2027-01", "--out", "later.pdf")
    assert code == 78 and "January 2027 has not begun yet" in err
    with sqlite3.connect(station.home.history) as db:
        db.execute("UPDATE meta SET value = 'no' WHERE key = 'simulated'")
    code, _, err = run(capsys, clock, "--month", "2026-11", "--out", "other.pdf")
    assert code == 78 and "not of the same kind of station" in err
    assert not [one.name for one in tmp_path.iterdir() if one.suffix in (".pdf", ".part")]
