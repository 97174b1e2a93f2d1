"""The generated year of the benchmarks is one that the writer could have made."""

import sqlite3

import pytest

from benchmarks.year import DAY_MS, END_MS, METERS, ZONE, make_year
from substation.store import rollup, schema
from substation.store.history import HistoryReader


@pytest.fixture(scope="module")
def year(tmp_path_factory):
    path = tmp_path_factory.mktemp("year") / "daily_data.db"
    make_year(path, days=3, raw_days=2, poll_s=60)
    return path


def test_every_rollup_row_is_what_its_readings_add_up_to(year):
    with sqlite3.connect(year) as db:
        readings = [
            (key, code, reason, mask, values)
            for key, code, reason, mask, *values in db.execute(schema.select("reading"))
        ]
        wanted = rollup.roll_up(readings, ZONE)
        for table, accounts in wanted.items():
            stored = db.execute(f"{schema.select(table)} WHERE key >= ?", (END_MS - 2 * DAY_MS << 8,))
            rows = [rollup.to_columns(table, key, account) for key, account in sorted(accounts.items())]
            assert stored.fetchall() == rows
    assert len(readings) == 2 * 1440 * len(METERS)


def test_registers_go_on_from_day_to_day_and_the_older_readings_went(year):
    reader = HistoryReader(year)
    whole = reader.energy(1, END_MS - 3 * DAY_MS, END_MS)
    days = [reader.energy(1, END_MS - n * DAY_MS, END_MS - (n - 1) * DAY_MS) for n in (1, 2, 3)]
    assert not whole.doubts
    assert whole.used["wh_received"] == pytest.approx(sum(day.used["wh_received"] for day in days), rel=0.01)
    assert whole.used["wh_received"] > 1_000_000
    assert reader.facts()["raw_from_ms"] == str(END_MS - 2 * DAY_MS)
    assert reader.tables()["day"].rows == 3 * len(METERS)


def test_what_is_no_whole_day_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no whole days"):
        make_year(tmp_path / "x.db", end_ms=END_MS + 1)
