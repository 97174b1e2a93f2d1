"""A history made anew from rows of another is the same history."""

import sqlite3

import pytest

from substation.errors import Busy, StoreError
from substation.store import absorb, schema
from substation.store.history import History
from substation.store.rebuild import SUFFIX, Rebuild
from tests.store.readings import BEGIN_MS, rounds


@pytest.fixture
def path(tmp_path):
    return tmp_path / "daily_data.db"


@pytest.fixture
def old(tmp_path, clock, zone):
    there = tmp_path / "old.db"
    history = History(there, True, clock, zone, site="Karjat")
    for answers in rounds(BEGIN_MS, 100, 20_000):
        history.add(answers)
    history.event("supply", at_ms=BEGIN_MS, meter_id=3, old="live", new="dead")
    history.close()
    return there


def rows(path, table):
    with sqlite3.connect(path) as db:
        return db.execute(f"{schema.select(table)} ORDER BY key").fetchall()


def test_rows_come_back_as_they_were(old, path, clock, zone):
    with sqlite3.connect(old) as db:
        facts = dict(db.execute("SELECT key, value FROM meta").fetchall())
        events = absorb.events_of(db)
    with Rebuild(path, clock, facts) as fresh:
        for table in ("reading", *schema.ROLLUPS):
            there = rows(old, table)
            assert fresh.add(table, there) == len(there)
            assert fresh.add(table, there) == 0, "a row that comes twice is taken once"
        fresh.events(events)
        fresh.events(events)
        assert not path.exists()
        fresh.finish()
    assert all(rows(path, table) == rows(old, table) for table in ("reading", *schema.ROLLUPS))
    again = History(path, True, clock, zone, site="Karjat")  # ours, of the same site, and it goes on
    again.add(next(iter(rounds(BEGIN_MS + 86_400_000, 1, 20_000))))
    assert again.commit() == 5
    again.close()
    assert list(path.parent.glob(f"*{SUFFIX}*")) == []


def test_what_was_not_finished_leaves_nothing(path, clock):
    with Rebuild(path, clock, {"simulated": "yes", "uid": "1"}):
        pass
    assert list(path.parent.iterdir()) == []


def test_nothing_that_stands_there_is_replaced(old, clock):
    fresh = Rebuild(old, clock, {"simulated": "yes", "uid": "1"})
    with fresh, pytest.raises(StoreError, match="stands there already"):
        fresh.finish()
    assert len(rows(old, "reading")) == 500


def test_a_history_without_a_stamp_is_not_made(path, clock):
    with pytest.raises(StoreError, match="simulated is not known"):
        Rebuild(path, clock, {"uid": "1"})


def test_only_one_is_made_at_a_time(path, clock):
    facts = {"simulated": "yes", "uid": "1"}
    with Rebuild(path, clock, facts) as first:
        with pytest.raises(Busy, match="being made anew already"):
            Rebuild(path, clock, facts)
        first.finish()
    path.unlink()
    with Rebuild(path, clock, facts):
        first.drop()  # a late word of the first leaves the second one's file alone
        assert path.with_name(path.name + SUFFIX).exists()


def test_another_file_under_its_name_is_not_taken_for_it(path, clock):
    with Rebuild(path, clock, {"simulated": "yes", "uid": "1"}) as fresh:
        made = path.with_name(path.name + SUFFIX)
        other = made.with_name("other")
        other.write_bytes(made.read_bytes())
        other.replace(made)
        with pytest.raises(StoreError, match="somebody replaced it"):
            fresh.finish()
    assert not path.exists()
