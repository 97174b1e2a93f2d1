import contextlib
import sqlite3
import stat
import zoneinfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from substation import clock as clock_room
from substation.clock import day_start_ms
from substation.errors import Damaged, Full, StoreError, WrongStation
from substation.quantities import BY_KEY, KEYS
from substation.readings import Quality, missing
from substation.store import schema
from substation.store.history import History, HistoryReader
from substation.store.live import LiveFile, LiveRow, read
from substation.store.rows import to_reading, to_row
from tests.fake_clock import FakeClock
from tests.store.readings import BEGIN_MS, a_reading, rounds
from tests.store.strategies import any_reading

INDIA = zoneinfo.ZoneInfo("Asia/Kolkata")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "daily_data.db"


@pytest.fixture
def history(path, clock):
    store = History(path, True, clock, INDIA, site="Teststation")
    yield store
    store.close()


def stored(path):
    with sqlite3.connect(path) as db:
        rows = db.execute(f"{schema.select('reading')} ORDER BY key").fetchall()
    return [to_reading((key, code, reason, mask, values)) for key, code, reason, mask, *values in rows]


def steps(reading):
    key, code, reason, mask, values = to_row(reading)
    return key, code, reason, mask, *values


@settings(max_examples=25, deadline=None)
@given(st.lists(any_reading(), max_size=20, unique_by=lambda r: (r.at_ms, r.meter_id)))
def test_what_goes_in_comes_out(tmp_path_factory, readings):
    path = tmp_path_factory.mktemp("h") / "h.db"
    history = History(path, False, FakeClock())
    history.add(readings)
    assert history.commit() == len(readings)
    history.close()
    assert [steps(r) for r in stored(path)] == sorted(steps(to_reading(to_row(r))) for r in readings)


def test_a_row_that_comes_twice_is_there_once(history, path):
    for _ in range(3):
        history.add([a_reading()])
        history.commit()
    assert len(stored(path)) == 1


def test_a_clock_that_was_set_back_costs_no_row(history, path):
    history.add([a_reading(v_r=230.0)])
    history.commit()
    history.add([a_reading(v_r=231.0)])  # the same meter, the same millisecond, another poll
    history.commit()
    history.replay([LiveRow(a_reading(v_r=231.0), "OK", "OK")])
    assert [(r.at_ms - BEGIN_MS, r.values["v_r"]) for r in stored(path)] == [(0, 230.0), (1, 231.0)]
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT n FROM day").fetchone() == (2,)


def test_a_failed_poll_is_nulls_with_its_reason(history, path):
    history.add([missing(3, BEGIN_MS, Quality.REFUSED, "exception_2")])
    history.commit()
    with sqlite3.connect(path) as db:
        at, meter, quality, *values = db.execute("SELECT * FROM readings_v").fetchone()
        assert db.execute("SELECT reason FROM reading").fetchone() == ("exception_2",)
    assert (at, meter, quality) == ("2026-11-24T06:00:00.000Z", 3, "refused")
    assert values == [None] * len(KEYS)


def test_a_failed_commit_keeps_its_rows_for_the_next(history, path):
    history._db.execute("PRAGMA max_page_count = 60")
    history.add(reading for answers in rounds(BEGIN_MS, 400) for reading in answers)
    with pytest.raises(Full, match="no space left"):
        history.commit()
    assert history.pending == 2000
    assert stored(path) == []
    history._db.execute("PRAGMA max_page_count = 100000")
    assert history.commit() == 2000
    assert history.pending == 0


def test_views_show_units_and_utc(history, path):
    reading = a_reading(
        BEGIN_MS + 123, watts_total=-151300.5, pf_average=-0.9512, v_r=239.61, wh_received=7.0
    )
    history.add([reading])
    history.commit()
    with sqlite3.connect(path) as db:
        names = [column[0] for column in db.execute("SELECT * FROM readings_v").description]
        assert names == ["at", "meter_id", "quality", *KEYS]
        for view in schema.VIEW_OF.values():
            columns = db.execute(f"SELECT * FROM {view}").description  # noqa: S608
            assert [column[0] for column in columns] == names
            some = "watts_total, pf_average, v_r, wh_received, quality"
            row = db.execute(f"SELECT {some} FROM {view}").fetchone()  # noqa: S608
            assert row == (-151300.5, -0.9512, 239.61, 7, "good")
        assert db.execute("SELECT at FROM readings_v").fetchone() == ("2026-11-24T06:00:00.123Z",)


@settings(max_examples=200)
@given(ms=st.integers(0, 4_000_000_000_000))
def test_the_views_time_is_the_clocks_iso_time(ms):
    with sqlite3.connect(":memory:") as db:
        shown = db.execute(f"SELECT strftime('%Y-%m-%dT%H:%M:%fZ', {ms} / 1000.0, 'unixepoch')").fetchone()[0]
    assert shown == clock_room.iso(ms)


def test_a_file_keeps_who_it_is(history, path):
    assert HistoryReader(path).facts()["site"] == "Teststation"
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA application_id").fetchone() == (0x53534D53,)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables == {
        *schema.ROLLUPS,
        *("reading", "event", "schema_migration", "sync", "meta", "clock_span", "digest"),
    }
    assert stat.S_IMODE(path.stat().st_mode) & 0o007 == 0


def test_every_commit_reaches_the_medium(history):
    assert history._db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_simulated_and_real_never_mix(history, path, clock):
    history.close()
    before = path.read_bytes()
    with pytest.raises(WrongStation, match="simulated station and this one is real"):
        History(path, False, clock)
    assert path.read_bytes() == before
    History(path, True, clock).close()


def test_it_refuses_to_replay_a_live_file_of_the_other_kind(history):
    with pytest.raises(WrongStation):
        history.replay([LiveRow(a_reading(), "OK", "OK", simulated=False)])


def original_system(path):
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE meter_readings (id INTEGER PRIMARY KEY, timestamp TEXT)")


def another_program(path):
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE invoices (id INTEGER PRIMARY KEY)")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_bytes(b""), "empty .0 bytes."),
        (lambda path: path.write_bytes(b"x"), "cut short .1 bytes."),
        (lambda path: path.write_text("Date,Time\n" * 1000), "damaged or no database"),
        (original_system, r"original system .it holds the table meter_readings.*datalogger\.py import"),
        (another_program, "another program"),
    ],
)
def test_it_refuses_what_is_not_a_history_and_leaves_it_alone(path, clock, make, words):
    """R19: 0 bytes, 1 byte, a text, the original's and another program's database, each by its name."""
    make(path)
    before = path.read_bytes()
    with pytest.raises(Damaged, match=words):
        History(path, True, clock)
    with pytest.raises(Damaged, match=words):
        HistoryReader(path).latest()
    assert path.read_bytes() == before


def test_a_log_without_its_database_is_not_written_over(path, clock):
    journal = path.with_name(path.name + "-wal")
    journal.write_bytes(b"rounds that matter")
    with pytest.raises(Damaged, match="is missing but its log"):
        History(path, True, clock)
    assert journal.read_bytes() == b"rounds that matter"


def test_a_kill_while_it_was_made_leaves_nothing_in_the_way(path, clock):
    path.with_name(path.name + ".new").write_bytes(b"half")
    History(path, True, clock).close()
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_history_of_a_newer_program_is_refused(history, path, clock):
    history.close()
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO schema_migration VALUES ('0999 from the future', 0)")
    with pytest.raises(StoreError, match=r"newer version.*0999 from the future"):
        History(path, True, clock)


def test_a_migration_that_fails_leaves_no_trace(path, clock, monkeypatch):
    def half(db):
        db.execute("CREATE TABLE half_done (x)")
        raise sqlite3.OperationalError("no more")

    History(path, True, clock).close()
    monkeypatch.setitem(schema.MIGRATIONS, "0999 half", half)
    with pytest.raises(StoreError, match="no more"):
        History(path, True, clock)
    monkeypatch.delitem(schema.MIGRATIONS, "0999 half")
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'half_done'").fetchone() == (0,)
    History(path, True, clock).close()


def test_events_are_kept_with_the_next_commit(history, path):
    history.event("supply", at_ms=BEGIN_MS, meter_id=1, old="live", new="dead", detail="RY 0.0 V of 415 V")
    assert history.pending_events == 1
    history.commit()
    (event,) = HistoryReader(path).events(BEGIN_MS, BEGIN_MS + 1)
    assert (event.meter_id, event.old, event.new, event.detail) == (1, "live", "dead", "RY 0.0 V of 415 V")


def test_a_changed_time_zone_is_an_event(history, path, clock):
    history.close()
    History(path, True, clock, zoneinfo.ZoneInfo("Europe/London")).close()
    (event,) = HistoryReader(path).events(0, clock.now_ms() + 1)
    assert (event.kind, event.old, event.new) == ("site.zone", "Asia/Kolkata", "Europe/London")


@settings(max_examples=25, deadline=None)
@given(st.lists(any_reading(), min_size=1, max_size=20, unique_by=lambda r: (r.at_ms, r.meter_id)))
def test_a_replay_from_the_live_file_is_the_same_row_to_the_digit(tmp_path_factory, readings):
    folder = tmp_path_factory.mktemp("h")
    live = LiveFile(folder / "meter_data.csv", INDIA, True)
    live.append([LiveRow(reading, "OK", "EB supply On") for reading in readings])
    live.close()
    history = History(folder / "h.db", True, FakeClock())
    history.add(readings[: len(readings) // 2])
    history.commit()
    assert history.replay(read(folder / "meter_data.csv")) == len(readings) - len(readings) // 2
    history.close()
    assert {steps(r) for r in stored(folder / "h.db")} == {steps(to_reading(to_row(r))) for r in readings}


def test_names_of_columns_are_the_vocabulary():
    assert tuple(BY_KEY) == schema.READING_COLUMNS[4:]


def test_a_history_that_was_deleted_under_the_poller_is_loud(history, path):
    history.add([a_reading()])
    path.unlink()
    with pytest.raises(StoreError, match="moved or deleted while the poller wrote it"):
        history.commit()
    assert history.pending == 1
    history._buffer.clear()


def test_what_a_failed_replay_took_comes_with_the_next_commit(history, path):
    rows = [LiveRow(r, "OK", "OK") for answers in rounds(BEGIN_MS, 400) for r in answers]
    history._db.execute("PRAGMA max_page_count = 60")
    with pytest.raises(Full):
        history.replay(rows)
    history._db.execute("PRAGMA max_page_count = 100000")
    history.commit()
    assert len(stored(path)) == 2000


def test_a_long_replay_is_taken_in_parts(history, path, monkeypatch):
    monkeypatch.setattr("substation.store.history.MOST_A_COMMIT", 70)
    monkeypatch.setattr("substation.store.history.MOST_BUFFERED", 50)
    rows = [LiveRow(r, "OK", "OK") for answers in rounds(BEGIN_MS, 40) for r in answers]
    assert history.replay(rows) == 200
    assert history.given_up == 0
    assert len(stored(path)) == 200


def test_a_medium_that_fails_for_hours_costs_the_oldest_and_says_so(history, path, monkeypatch):
    monkeypatch.setattr("substation.store.history.MOST_BUFFERED", 50)
    history.add(r for answers in rounds(BEGIN_MS, 12) for r in answers)
    assert (history.pending, history.given_up) == (50, 10)
    history.commit()
    assert stored(path)[0].at_ms > BEGIN_MS + 2000


def as_journal(readings):
    return [LiveRow(reading, "OK", "OK") for reading in readings]


def counted(path, table="day"):
    with contextlib.closing(sqlite3.connect(path)) as db:
        return db.execute(f"SELECT sum(rows) FROM {table}").fetchone()[0]  # noqa: S608


def test_a_replay_counts_nothing_twice_whose_single_polls_are_gone(path, clock, zone):
    midnight_ms = day_start_ms(BEGIN_MS, zone, -1)
    polled = [a_reading(midnight_ms + minute * 60_000) for minute in range(-58, 5)]
    ours = History(path, True, clock, zone)
    ours.add(polled)
    ours.commit()
    clock.ms = midnight_ms + 600_000
    assert ours.give_up_oldest(clock.now_ms(), 1.0) is not None
    ours.close()
    again = History(path, True, clock, zone)
    uncommitted = a_reading(midnight_ms - 59 * 60_000)  # of a minute that the history never had
    assert again.replay(as_journal([uncommitted, *polled])) == 1
    again.close()
    assert counted(path) == counted(path, "quarter") == len(polled) + 1


def test_a_minute_that_spans_two_pieces_of_the_journal_is_taken_whole(path, clock, zone):
    ours = History(path, True, clock, zone)
    ours._db.execute("INSERT INTO meta VALUES (?, ?)", (schema.RAW_FROM, str(BEGIN_MS + 86_400_000)))
    begin_ms = BEGIN_MS - BEGIN_MS % 60_000
    polled = as_journal(a_reading(begin_ms + n * 2000) for n in range(20))
    seen = {}
    assert ours.replay(polled[:7], seen) + ours.replay(polled[7:], seen) == 20
    later = as_journal(a_reading(begin_ms + n * 2000) for n in range(25))
    assert ours.replay(later) == 5  # what counts in the minute still stands as single polls
    ours.close()
