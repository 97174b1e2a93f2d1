"""What a file is: a store of the original system, one of ours, or neither; and the rows of the former."""

import datetime as dt
import sqlite3
import zoneinfo
from pathlib import Path

import pytest

from substation.errors import Damaged, StoreError
from substation.quantities import KEYS
from substation.store.history import History
from substation.store.live import LiveFile, LiveRow
from substation.store.original import look, recognise
from substation.store.original_rows import Raw, Source
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


def all_rows(path: Path) -> tuple[Source, list[Raw]]:
    source = Source(path)
    return source, list(source.rows())


def test_every_form_tells_the_same_rows(tmp_path: Path) -> None:
    polls = list(originals.polled(DAY, 700))
    polls[7] = (*polls[7][:2], [None] * 38)
    forms = [
        originals.database(tmp_path / "a.db", polls),
        originals.table(tmp_path / "b.csv", polls),
        originals.export(tmp_path / "c.csv", polls),
    ]
    database, table, export = (all_rows(path) for path in forms)
    assert len(database[1]) == 3500
    assert database[1] == table[1] == export[1]
    assert database[0].keys == table[0].keys == KEYS
    assert database[1][7].values == [None] * 38
    assert {source.done for source, _ in (database, table, export)} == {1.0}
    assert abs(table[0].estimated_rows - 3500) < 100


def test_a_number_that_the_originals_library_bent_on_its_way_through_text_is_the_same(tmp_path: Path) -> None:
    path = originals.table(tmp_path / "t.csv", originals.polled(DAY, 1))
    text = path.read_text().replace(",50.01,", ",50.010000000000005,", 1)
    path.write_text(text)
    _, (first, *_) = all_rows(path)
    assert first.values is not None
    assert first.values[KEYS.index("frequency")] == 50.01


def test_torn_and_damaged_lines_are_told_and_the_others_read(tmp_path: Path) -> None:
    path = originals.table(tmp_path / "t.csv", originals.polled(DAY, 2))
    header, *lines = path.read_text().splitlines()
    changed_time = lines[3].replace("2025-09-18 10:00:00", "2025-09-18 10:00:01")
    no_number = lines[4].replace(",50.01,", ",5O.01,")
    only_pythons = lines[5].replace(",50.01,", ",5_0.01,")
    whole = [header, lines[0], lines[1][:200] + lines[2], "", header, changed_time, no_number, only_pythons]
    path.write_text("\n".join([*whole, lines[6], lines[7][:300]]))  # the last line was being written
    _, rows = all_rows(path)
    good = [row for row in rows if row.values is not None and row.time]
    assert [row.meter for row in good] == ["1", "2"]
    assert len(rows) == 7
    assert sum(row.values is None for row in rows) == 4
    assert sum(not row.time for row in rows) == 3


def test_a_database_with_odd_cells_is_read_to_its_end(tmp_path: Path) -> None:
    path = originals.database(tmp_path / "t.db", originals.polled(DAY, 2))
    with sqlite3.connect(path) as db:
        db.execute("UPDATE meter_readings SET \"Frequency\" = 'high' WHERE Meter_ID = 1")
        db.execute('UPDATE meter_readings SET "Frequency" = 9e999 WHERE Meter_ID = 2')
        db.execute("UPDATE meter_readings SET DateTime = NULL WHERE Meter_ID = 3")
        db.execute("UPDATE meter_readings SET \"Frequency\" = x'00' WHERE Meter_ID = 4")
    db.close()
    _, rows = all_rows(path)
    assert len(rows) == 10
    by_meter = {row.meter: row for row in rows}
    assert [by_meter[name].values is None for name in "12345"] == [True, True, False, True, False]
    assert by_meter["3"].time == ""


def test_a_table_without_some_columns_gives_the_others(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("DateTime,Meter_ID,Watts Total,Colour\n2025-09-18 10:00:00,1,5.50,red\n")
    source, rows = all_rows(path)
    assert source.keys == ("watts_total",)
    assert rows == [Raw("2025-09-18 10:00:00", "1", [5.5])]


def test_what_is_no_store_of_the_original_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("a,b\n1,2\n")
    with pytest.raises(StoreError, match="a text of another program"):
        Source(tmp_path / "other")


def test_a_database_that_was_killed_in_a_write_is_recognised_but_not_read_torn(tmp_path: Path) -> None:
    path = originals.database(tmp_path / "daily_data.db", originals.polled(DAY, 300))
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA cache_size = 1")
    db.execute("BEGIN")
    db.execute("UPDATE meter_readings SET Date = 'x'")  # more than its memory: it has begun to write
    killed = tmp_path / "killed"
    killed.mkdir()
    for name in ("daily_data.db", "daily_data.db-journal"):
        (killed / name).write_bytes((tmp_path / name).read_bytes())
    db.close()
    assert "original system" in (recognise(killed / "daily_data.db") or "")
    with pytest.raises(StoreError, match=r"in the middle of a write .*quick_check"):
        Source(killed / "daily_data.db")
    with sqlite3.connect(killed / "daily_data.db") as mended:  # the remedy
        assert mended.execute("PRAGMA quick_check").fetchone() == ("ok",)
    mended.close()
    _, rows = all_rows(killed / "daily_data.db")
    assert all(row.time for row in rows)


def test_damage_on_the_way_is_told_with_the_file(tmp_path: Path) -> None:
    path = originals.database(tmp_path / "t.db", originals.polled(DAY, 500))
    data = bytearray(path.read_bytes())
    for page in range(len(data) // 8192, len(data) // 4096):
        data[page * 4096 : page * 4096 + 64] = b"\x07" * 64
    path.write_bytes(bytes(data))
    assert "with damage in it" in (recognise(path) or "")
    with pytest.raises(StoreError, match=r"t\.db cannot be read"):
        all_rows(path)


def test_the_originals_live_file_under_our_name_is_left_as_it_is_and_the_remedy_named(tmp_path: Path) -> None:
    path = originals.table(tmp_path / "meter_data.csv", originals.polled(DAY, 3))
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"original system's live file.*datalogger\.py import"):
        LiveFile(path, INDIA, False)
    assert path.read_bytes() == before


def test_the_originals_database_under_our_name_is_left_as_it_is_and_the_remedy_named(tmp_path: Path) -> None:
    path = originals.database(tmp_path / "daily_data.db", originals.polled(DAY, 3))
    before = path.read_bytes()
    with pytest.raises(Damaged, match=r"original system .*datalogger\.py import"):
        History(path, False, FakeClock())
    assert path.read_bytes() == before
