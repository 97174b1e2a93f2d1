"""What a file is: a store of the original system, one of ours, or neither; and the rows of the former."""

import datetime as dt
import sqlite3
import zoneinfo
from pathlib import Path

import pytest

from substation.store.history import History
from substation.store.live import LiveFile, LiveRow
from substation.store.original import look, recognise
from tests.fake_clock import FakeClock
from tests.store import originals
from tests.store.readings import a_reading

INDIA = zoneinfo.ZoneInfo("Asia/Kolkata")
DAY = dt.datetime(2025, 9, 18, 10, 0)


def test_the_originals_stores_are_recognised_and_told_apart(tmp_path: Path) -> None:
    a_day = originals.polled(DAY, 3)
    assert recognise(originals.database(tmp_path / "a", a_day)) == (
        "the original system's database of one day (2025-09-18)"
    )
    a_year = originals.polled(DAY.replace(month=1), 3, step_s=86_400 * 60)
    assert recognise(originals.database(tmp_path / "b", a_year)) == (
        "the original system's database of many days (2025-01-18 to 2025-05-18)"
    )
    assert recognise(originals.database(tmp_path / "c", [])) == (
        "the original system's database without a reading in it"
    )
    assert "live file" in (recognise(originals.table(tmp_path / "d", originals.polled(DAY, 1))) or "")
    assert "export" in (recognise(originals.export(tmp_path / "e", originals.polled(DAY, 1))) or "")


def test_looking_changes_nothing(tmp_path: Path) -> None:
    path = originals.database(tmp_path / "daily_data.db", originals.polled(DAY, 3))
    before = path.read_bytes(), path.stat().st_mtime_ns
    recognise(path)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [each.name for each in tmp_path.iterdir()] == ["daily_data.db"]


def test_our_own_files_are_not_the_originals(tmp_path: Path) -> None:
    History(tmp_path / "ours.db", False, FakeClock()).close()
    live = LiveFile(tmp_path / "ours.csv", INDIA, False)
    live.append([LiveRow(a_reading(), "OK", "OK")])
    live.close()
    for name in ("ours.db", "ours.csv"):
        assert recognise(tmp_path / name) is None
        assert "of this program" in look(tmp_path / name).words


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file (0 bytes)"),
        (b"SQLite format 3\x00 and then nothing of the kind" * 40, "a damaged database"),
        (b"\x00" * 2000, "neither a database nor a table of text"),
        (b"Date,Time,Meter_ID,Watts Total", "neither a database nor a table of text"),  # a torn header
        (b"name,value\nx,1\n", "a text of another program"),
        (b"Meter_ID,Watts Total\n1,5.0\n", "a table without the times"),
        (b"Date,Meter_ID,Watts Total\n2025-09-18,1,5.0\n", "a table without the times"),
        (b"\xff\xfeD\x00a\x00\n", "neither a database nor a table of text"),
    ],
)
def test_what_is_not_the_originals_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert recognise(path) is None
    assert words in look(path).words


def test_databases_of_others_are_named(tmp_path: Path) -> None:
    for name, made in (("other", "CREATE TABLE t (x)"), ("like", "CREATE TABLE meter_readings (x)")):
        with sqlite3.connect(tmp_path / name) as db:
            db.execute(made)
        db.close()
    assert "no table meter_readings" in look(tmp_path / "other").words
    assert "has not the columns" in look(tmp_path / "like").words
    assert recognise(tmp_path / "like") is None


def test_a_folder_and_a_missing_file_are_named(tmp_path: Path) -> None:
    assert look(tmp_path).words == "no file, but a folder or a device"
    assert look(tmp_path / "nowhere").words == "no such file"
    assert recognise(tmp_path / "nowhere") is None
