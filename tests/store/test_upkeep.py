import sqlite3
import zoneinfo

import pytest

from substation.clock import day_start_ms
from substation.errors import StoreError, WrongStation
from substation.store import schema
from substation.store.history import History, HistoryReader
from substation.store.upkeep import Pace
from tests.fake_clock import FakeClock
from tests.store.readings import BEGIN_MS, a_reading, rounds

INDIA = zoneinfo.ZoneInfo("Asia/Kolkata")
MIDNIGHT_MS = day_start_ms(BEGIN_MS, INDIA)
DAY_MS = 86_400_000


@pytest.fixture
def path(tmp_path):
    return tmp_path / "daily_data.db"


def open_history(path, clock, **days):
    return History(path, True, clock, INDIA, **days)


def days_of(path, table):
    with sqlite3.connect(path) as db:
        starts = db.execute(f"SELECT DISTINCT key >> 8 FROM {table}").fetchall()  # noqa: S608
    return sorted({(day_start_ms(start, INDIA) - MIDNIGHT_MS) // DAY_MS for (start,) in starts})


def fill(history, days, step_ms=3_600_000):
    for day in days:
        begin = MIDNIGHT_MS + day * DAY_MS
        history.add([a_reading(begin + n * step_ms) for n in range(24 * 3_600_000 // step_ms)])
    history.commit()


def finish(history, now_ms):
    while not history.upkeep(now_ms, 0.05):
        pass


def test_it_keeps_so_many_days_and_today(path, clock):
    history = open_history(path, clock, raw_days=3, minute_days=31)
    fill(history, range(-40, 1))
    finish(history, MIDNIGHT_MS + 12 * 3_600_000)
    history.close()
    assert days_of(path, "reading") == [-3, -2, -1, 0]
    assert days_of(path, "minute") == list(range(-31, 1))
    assert days_of(path, "quarter") == days_of(path, "day") == list(range(-40, 1))


def test_retention_never_deletes_on_a_clock_that_ran_ahead(path, clock):
    history = open_history(path, clock, raw_days=14)
    fill(history, range(-13, 1))
    finish(history, MIDNIGHT_MS + 4000 * DAY_MS)  # the clock alone deletes nothing
    assert days_of(path, "reading") == days_of(path, "minute") == list(range(-13, 1))
    fill(history, [400])  # rows with the false time come in
    finish(history, MIDNIGHT_MS + 400 * DAY_MS)
    fill(history, [1, 2])  # and the clock is right again
    finish(history, MIDNIGHT_MS + 2 * DAY_MS)
    history.close()
    assert days_of(path, "reading") == [*range(-12, 3), 400]
    assert days_of(path, "minute") == [*range(-13, 3), 400]


def test_retention_deletes_nothing_on_a_clock_that_runs_behind(path, clock):
    history = open_history(path, clock, raw_days=2)
    fill(history, range(-5, 1))
    finish(history, MIDNIGHT_MS - 3650 * DAY_MS)
    history.close()
    assert days_of(path, "reading") == list(range(-5, 1))


class SlowClock(FakeClock):
    """Every look at it costs 10 ms."""

    def monotonic(self) -> float:
        self.advance(0.010)
        return self.mono


def test_retention_stays_within_its_budget(path):
    clock = SlowClock()
    history = open_history(path, clock, raw_days=2)
    fill(history, range(-9, 1), 60_000)
    turns = 0
    while True:
        begin = clock.mono
        done = history.upkeep(MIDNIGHT_MS + DAY_MS, 0.05)
        assert clock.mono - begin <= 0.085  # the budget and the looks at the clock
        turns += 1
        if done:
            break
    assert turns > 1
    history.close()
    assert days_of(path, "reading") == [-2, -1, 0]


def test_slices_grow_and_shrink_with_what_fits(clock):
    pace = Pace(clock)
    pace.begin(1.0)
    assert pace.slice_done()
    assert pace.size == 256
    clock.advance(0.9)
    assert not pace.slice_done()
    assert pace.size == 128


def test_readers_know_from_when_on_readings_are_whole(path, clock):
    history = open_history(path, clock, raw_days=2)
    fill(history, range(-5, 1), 60_000)
    finish(history, MIDNIGHT_MS + DAY_MS)
    reader = HistoryReader(path)
    hour = 3_600_000
    old = reader.series(1, ("v_r",), MIDNIGHT_MS - 4 * DAY_MS, MIDNIGHT_MS - 4 * DAY_MS + hour, 1000)
    new = reader.series(1, ("v_r",), MIDNIGHT_MS - DAY_MS, MIDNIGHT_MS - DAY_MS + hour, 1000)
    assert (old.table, new.table) == ("minute", "reading")
    assert old.values["v_r"][0] == 0.5
    history.close()


def other_history(folder, readings, simulated=True, name="other.db"):
    other = History(folder / name, simulated, FakeClock(), INDIA)
    other.add(readings)
    other.event("supply", at_ms=BEGIN_MS, meter_id=1, old="live", new="dead")
    other.close()
    return folder / name


def content(path):
    with sqlite3.connect(path) as db:
        tables = ("reading", *schema.ROLLUPS)
        rows = [db.execute(f"{schema.select(table)} ORDER BY key").fetchall() for table in tables]
        return rows, db.execute("SELECT at_ms, kind, meter_id, old, new FROM event").fetchall()


def test_absorbing_in_slices_equals_having_been_there(path, tmp_path):
    readings = [reading for answers in rounds(MIDNIGHT_MS - 300_000, 300) for reading in answers]
    whole = other_history(tmp_path, readings, name="whole.db")
    source = other_history(tmp_path, readings[:1000])
    before = source.read_bytes()
    history = open_history(path, SlowClock())
    history.add(readings[800:])  # both have some
    history.commit()
    turns = 1
    while not history.absorb(source, 0.02):
        turns += 1
        if turns == 2:  # a restart in between
            history.close()
            history = open_history(path, SlowClock())
    history.close()
    assert turns > 2
    assert content(path) == content(whole)
    assert source.read_bytes() == before


def test_absorbing_again_changes_nothing(path, tmp_path, clock):
    source = other_history(tmp_path, [a_reading(MIDNIGHT_MS + n * 2000) for n in range(100)])
    history = open_history(path, clock)
    assert history.absorb(source, 1.0)
    first = content(path)
    assert history.absorb(source, 1.0)
    history.close()
    assert content(path) == first


def test_what_retention_took_is_not_counted_again(path, tmp_path, clock):
    readings = [a_reading(MIDNIGHT_MS - 9 * DAY_MS + n * 2000) for n in range(100)]
    source = other_history(tmp_path, readings)
    history = open_history(path, clock, raw_days=2)
    assert history.absorb(source, 1.0)
    fill(history, range(-5, 1))
    finish(history, MIDNIGHT_MS)
    assert history.absorb(source, 1.0)
    history.close()
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT n FROM day ORDER BY key").fetchone() == (100,)


def test_a_history_of_the_other_kind_is_not_absorbed(path, tmp_path, clock):
    source = other_history(tmp_path, [a_reading()], simulated=False)
    history = open_history(path, clock)
    with pytest.raises(WrongStation):
        history.absorb(source, 1.0)
    assert HistoryReader(path).latest() == {}
    history.close()


def test_a_history_that_gave_up_readings_is_not_absorbed(path, tmp_path, clock):
    other = open_history(tmp_path / "other.db", clock, raw_days=2)
    fill(other, range(-5, 1))
    finish(other, MIDNIGHT_MS + DAY_MS)
    other.close()
    history = open_history(path, clock)
    with pytest.raises(StoreError, match="given up its oldest readings"):
        history.absorb(tmp_path / "other.db", 1.0)
    with pytest.raises(StoreError, match="does not exist"):
        history.absorb(tmp_path / "nowhere.db", 1.0)
    history.close()
