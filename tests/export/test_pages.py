"""Rows by key ranges: all of them, once, in short reads."""

import contextlib
import itertools
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from substation.clock import day_start_ms
from substation.errors import Damaged, StoreError, TooSlow
from substation.store import pool, reader, schema
from substation.store.check.days import days_of
from substation.store.history import History
from substation.store.pages import Pages, Wanted
from substation.store.reader import HistoryReader
from tests.export.conftest import END_MS
from tests.fake_clock import FakeClock
from tests.store.damages import disordered
from tests.store.readings import BEGIN_MS, a_reading

DAY_MS = 86_400_000


def keys_of(path: Path, wanted: Wanted, page_rows: int = 5000) -> list[int]:
    pages = Pages(path, wanted, page_rows=page_rows)
    facts = pages.facts()
    assert facts is not None
    return [row[0] for page in pages.rows(facts) for row in page]


def stored(path: Path, table: str, condition: str = "1") -> list[int]:
    with sqlite3.connect(path) as db:
        return [key for (key,) in db.execute(f"SELECT key FROM {table} WHERE {condition} ORDER BY key")]  # noqa: S608


@pytest.mark.parametrize("table", ["reading", *schema.ROLLUPS])
@pytest.mark.parametrize("page_rows", [1, 7, 5000])
def test_every_row_comes_once_and_in_order(home, table, page_rows):
    path = home / "daily_data.db"
    count = 200 if page_rows == 1 else 10_000
    begin = day_start_ms(BEGIN_MS, History.__init__.__defaults__[0]) if table in ("hour", "day") else BEGIN_MS
    end = (stored(path, table)[:count][-1] >> 8) + 1
    expected = stored(path, table, f"key < {end << 8}")
    assert len(expected) >= 5
    assert keys_of(path, Wanted(table, begin, end), page_rows) == expected


@pytest.mark.parametrize("page_rows", [3, 5000])
def test_chosen_meters_alone_come(home, page_rows):
    path = home / "daily_data.db"
    end = BEGIN_MS + 600_000
    wanted = Wanted("reading", BEGIN_MS, end, (2, 5))
    expected = stored(path, "reading", f"key < {end << 8} AND key & 255 IN (2, 5)")
    assert keys_of(path, wanted, page_rows) == expected
    assert keys_of(path, Wanted("reading", BEGIN_MS, end, (99,)), page_rows) == []


def test_the_range_holds_its_begin_and_not_its_end(history, tmp_path):
    history.add([a_reading(BEGIN_MS + n * 1000) for n in range(5)])
    history.commit()
    wanted = Wanted("reading", BEGIN_MS + 1000, BEGIN_MS + 3000)
    assert [key >> 8 for key in keys_of(tmp_path / "daily_data.db", wanted)] == [
        BEGIN_MS + 1000,
        BEGIN_MS + 2000,
    ]


def test_rows_that_come_later_are_not_read(history, tmp_path):
    history.add([a_reading(BEGIN_MS)])
    history.commit()
    pages = Pages(tmp_path / "daily_data.db", Wanted("reading", 0, 2 * BEGIN_MS))
    facts = pages.facts()
    history.add([a_reading(BEGIN_MS + 1000)])
    history.commit()
    assert sum(len(page) for page in pages.rows(facts)) == 1


def test_a_reader_that_stalls_keeps_the_writer_from_no_checkpoint(history, tmp_path):
    history.add([a_reading(BEGIN_MS + n * 1000) for n in range(100)])
    history.commit()
    pages = Pages(tmp_path / "daily_data.db", Wanted("reading", 0, 2 * BEGIN_MS), page_rows=10)
    reading = pages.rows(pages.facts())
    next(reading)
    history.add([a_reading(BEGIN_MS - 1000)])
    history.commit()
    with sqlite3.connect(tmp_path / "daily_data.db") as db:
        busy, pages_in_log, _ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert (busy, pages_in_log) == (0, 0)
    assert sum(len(page) for page in reading) == 90


class SlowCard(FakeClock):
    """A clock on which each thousand operations of SQLite take so long."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def monotonic(self) -> float:
        self.advance(self.seconds)
        return self.mono


def test_a_page_that_takes_longer_than_five_seconds_is_stopped_and_comes_in_smaller_ones(home, monkeypatch):
    monkeypatch.setattr(pool, "_OPERATIONS_BETWEEN_LOOKS", 1000)
    path, wanted = home / "daily_data.db", Wanted("reading", BEGIN_MS, BEGIN_MS + 3_600_000)
    pages = Pages(path, wanted, SlowCard(0.1))
    sizes = [len(page) for page in pages.rows(pages.facts())]
    assert sum(sizes) == len(stored(path, "reading", f"key < {wanted.end_ms << 8}"))
    assert max(sizes) == 500


def test_where_even_a_few_rows_take_too_long_the_reading_is_stopped_with_words(home, monkeypatch):
    path = home / "daily_data.db"
    pages = Pages(path, Wanted("reading", BEGIN_MS, END_MS), FakeClock())
    facts = pages.facts()
    monkeypatch.setattr(pool, "_OPERATIONS_BETWEEN_LOOKS", 100)
    slow = Pages(path, Wanted("reading", BEGIN_MS, END_MS), SlowCard(10.0))
    with pytest.raises(TooSlow, match="took too long and was stopped; ask for less"):
        next(slow.rows(facts))


def test_a_station_without_a_history_has_nothing_to_read(tmp_path):
    assert Pages(tmp_path / "daily_data.db", Wanted("quarter", 0, 1)).facts() is None


def test_an_empty_history_has_no_rows(history, tmp_path):
    pages = Pages(tmp_path / "daily_data.db", Wanted("reading", 0, 2 * BEGIN_MS))
    facts = pages.facts()
    assert (facts.first_ms, facts.last_key) == (None, None)
    assert list(pages.rows(facts)) == []


def test_a_history_that_was_replaced_meanwhile_is_told(home, clock, tmp_path):
    path = home / "daily_data.db"
    pages = Pages(path, Wanted("reading", BEGIN_MS, END_MS), page_rows=100)
    reading = pages.rows(pages.facts())
    next(reading)
    other = History(tmp_path / "other.db", True, clock)
    other.add([a_reading(BEGIN_MS + 3_000_000)])
    other.close()
    for beside in home.glob("daily_data.db-*"):
        beside.unlink()
    shutil.move(tmp_path / "other.db", path)
    with pytest.raises(StoreError, match="replaced by another history"):
        list(reading)


def test_a_history_that_was_moved_away_meanwhile_is_told(home):
    path = home / "daily_data.db"
    pages = Pages(path, Wanted("reading", BEGIN_MS, END_MS), page_rows=100)
    reading = pages.rows(pages.facts())
    next(reading)
    path.unlink()
    with pytest.raises(StoreError, match="moved or deleted"):
        list(reading)


def of_many_days(history: History, days: int) -> None:
    history.add([a_reading(BEGIN_MS + day * DAY_MS + n * 1000) for day in range(days) for n in range(20)])
    history.commit()


def test_rows_that_retention_takes_before_they_are_read_are_missed_aloud(history, tmp_path):
    of_many_days(history, 20)
    pages = Pages(tmp_path / "daily_data.db", Wanted("reading", 0, 2 * BEGIN_MS), page_rows=10)
    reading = pages.rows(pages.facts())
    next(reading)
    while not history.upkeep(BEGIN_MS + 20 * DAY_MS, 1.0):
        pass
    with pytest.raises(StoreError, match="retention took rows"):
        list(reading)


def test_rows_that_retention_takes_after_they_were_read_are_no_loss(history, tmp_path):
    of_many_days(history, 20)
    pages = Pages(tmp_path / "daily_data.db", Wanted("reading", 0, 2 * BEGIN_MS), page_rows=190)
    reading = pages.rows(pages.facts())
    got = len(next(reading))
    while not history.upkeep(BEGIN_MS + 20 * DAY_MS, 1.0):
        pass
    assert got + sum(len(page) for page in reading) == 400


def test_what_retention_took_long_ago_is_known_from_the_start(history, tmp_path):
    of_many_days(history, 20)
    while not history.upkeep(BEGIN_MS + 20 * DAY_MS, 1.0):
        pass
    facts = Pages(tmp_path / "daily_data.db", Wanted("reading", 0, 2 * BEGIN_MS)).facts()
    assert 0 < facts.whole_from_ms <= facts.first_ms
    assert Pages(tmp_path / "daily_data.db", Wanted("quarter", 0, 2 * BEGIN_MS)).facts().whole_from_ms == 0


def damage(path: Path) -> None:
    """Overwrite a tenth of the file, in its middle."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(b"\xa5" * (size // 10))


def test_damage_is_told_where_it_is_met(home):
    path = home / "daily_data.db"
    damage(path)
    pages = Pages(path, Wanted("reading", BEGIN_MS, END_MS), page_rows=100)
    found = 0
    with pytest.raises(Damaged, match="is damaged"):
        for page in pages.rows(pages.facts()):
            found += len(page)
    assert 0 < found < len(range(BEGIN_MS, END_MS, 10_000)) * 5


def test_a_damaged_tree_that_leads_back_is_read_neither_twice_nor_for_ever(tmp_path, clock, monkeypatch):
    path = tmp_path / "daily_data.db"
    history = History(path, True, clock)
    history.add(a_reading(BEGIN_MS + n * 3_600_000) for n in range(400))
    history.commit()
    history.close()
    monkeypatch.setattr(reader, "AT_ONCE", 30)
    wanted = Wanted("reading", 0, 2 * BEGIN_MS)
    for _ in disordered(path, "reading"):
        pool.forget(path)
        for meters in ((), (1,)):
            pages = Pages(path, replace(wanted, meter_ids=meters), page_rows=30)
            with pytest.raises(Damaged, match="order of their time"):
                list(itertools.islice(pages.rows(pages.facts()), 100))
        with pytest.raises(Damaged, match="order of their time"):
            HistoryReader(path).tables()
        with contextlib.closing(sqlite3.connect(path)) as db:
            assert len(list(itertools.islice(days_of(db, "reading"), 100))) < 20
    pool.forget(path)
    assert len(keys_of(path, wanted, 30)) == 400
