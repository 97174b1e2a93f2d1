"""Readers see one consistent state and never block the writer, however long they take."""

import zoneinfo

import pytest

from substation.clock import day_start_ms
from substation.store import pool, series
from substation.store.history import History, HistoryReader
from tests.fake_clock import FakeClock
from tests.store.readings import BEGIN_MS, a_reading

INDIA = zoneinfo.ZoneInfo("Asia/Kolkata")
MIDNIGHT_MS = day_start_ms(BEGIN_MS, INDIA)
HOUR_MS = 3_600_000
METERS = (1, 2, 3)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "daily_data.db"


@pytest.fixture
def history(path):
    made = History(path, True, FakeClock(), INDIA)
    made._db.execute("PRAGMA busy_timeout = 0")  # whoever blocks it is seen at once
    yield made
    made.close()


def keep(history, start_ms, count=600):
    history.add(a_reading(start_ms + n * 2000 + m, m, v_r=230.0) for n in range(count) for m in METERS)
    history.commit()


def checkpoint(history):
    """Return whether it was kept from it, pages in the log, pages of them brought into the database."""
    return history._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


def test_the_writer_commits_and_checkpoints_while_a_long_question_is_open(history, path, monkeypatch):
    keep(history, MIDNIGHT_MS)
    checkpoint(history)
    whole, seen = series.between, []

    def slowly(db, span, keys):
        first = whole(db, span, keys)
        for number in range(1, 6):  # meanwhile, in the middle of its answer
            keep(history, MIDNIGHT_MS + number * HOUR_MS // 2)
            seen.append(checkpoint(history))
        assert whole(db, span, keys) == first
        return first

    monkeypatch.setattr(series, "between", slowly)
    reader = HistoryReader(path)
    span = (MIDNIGHT_MS, MIDNIGHT_MS + 6 * HOUR_MS, 360)
    before = reader.series_of(METERS, ("v_r",), *span)
    monkeypatch.undo()
    assert [blocked for blocked, _, _ in seen] == [0] * 5
    assert seen[-1][1] > seen[0][1] > 0  # it wrote on into its log, past what the reader still needs
    assert sum(value is not None for value in before[1].values["v_r"]) == 20
    after = reader.series_of(METERS, ("v_r",), *span)
    assert sum(value is not None for value in after[1].values["v_r"]) == 120
    _, in_log, brought = checkpoint(history)
    assert in_log == brought  # nothing of the question pins the log any more


def test_a_question_that_is_stopped_pins_nothing_and_the_next_one_is_answered(history, path, monkeypatch):
    class Racing(FakeClock):
        def monotonic(self) -> float:
            self.advance(10)
            return self.mono

    monkeypatch.setattr(pool, "_OPERATIONS_BETWEEN_LOOKS", 100)
    keep(history, MIDNIGHT_MS)
    span = (MIDNIGHT_MS, MIDNIGHT_MS + HOUR_MS, 60)
    with pytest.raises(pool.StoreError, match="took too long and was stopped; ask for less"):
        HistoryReader(path, Racing()).series_of(METERS, ("v_r",), *span)
    keep(history, MIDNIGHT_MS + HOUR_MS // 2)
    _, in_log, brought = checkpoint(history)
    assert in_log == brought
    found = HistoryReader(path).series_of(METERS, ("v_r",), *span)
    assert sum(value is not None for value in found[3].values["v_r"]) == 40


def test_no_reader_can_write_or_checkpoint(history, path):
    keep(history, MIDNIGHT_MS, 10)
    reader = HistoryReader(path)
    with pytest.raises(pool.StoreError, match="readonly"):
        reader._ask(lambda db: db.execute("DELETE FROM minute"))
    size = path.stat().st_size, path.stat().st_mtime_ns
    with pytest.raises(pool.StoreError):
        reader._ask(lambda db: (db.execute("ROLLBACK"), db.execute("PRAGMA wal_checkpoint").fetchall()))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == size
