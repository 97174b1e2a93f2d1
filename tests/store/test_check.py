"""A check finds every damage that changes an answer, and never calls a whole history damaged."""

import contextlib
import dataclasses
import os
import random
import sqlite3
import zoneinfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from substation.errors import Damaged, StoreError
from substation.store import digest, schema
from substation.store.check import looking
from substation.store.history import History
from substation.store.live_row import LiveRow
from tests.fake_clock import FakeClock
from tests.store.readings import BEGIN_MS, a_reading, rounds

INDIA = zoneinfo.ZoneInfo("Asia/Kolkata")
DAY_MS = digest.DAY_MS
MIDNIGHT_MS = BEGIN_MS - BEGIN_MS % DAY_MS


@pytest.fixture
def path(tmp_path):
    return tmp_path / "daily_data.db"


def night(history, path, clock):
    """What the poller does: a check, and its digests stored. Return what was found."""
    watch = history.watch()
    found = looking.look(path, clock)
    assert history.propose(watch, found.digests)
    while not history.upkeep(clock.now_ms(), 60.0):
        pass
    return found


def filled(path, clock, days=3, step_ms=450_000):
    """Days of readings, the newest one under way."""
    history = History(path, True, clock, INDIA, site="Karjat")
    clock.ms = MIDNIGHT_MS + days * DAY_MS
    for answers in rounds(MIDNIGHT_MS + 3_600_000, (days * DAY_MS - 7_200_000) // step_ms, step_ms):
        history.add(answers)
    for number in range(days * 4):
        history.event("supply", at_ms=MIDNIGHT_MS + number * DAY_MS // 4, meter_id=3, old="live", new="dead")
    history.commit()
    return history


def whole(path, clock):
    found = looking.look(path, clock)
    assert (found.damages, found.state) == ([], "whole")
    assert looking.look(path, clock, quick=True).damages == []
    return found


def test_a_whole_history_is_whole_and_its_finished_days_get_digests(under_way, clock):
    path = under_way
    history = History(path, True, clock, INDIA)
    found = night(history, path, clock)
    assert (found.state, found.notes) == ("whole", [])
    assert {(table, day - MIDNIGHT_MS // DAY_MS) for table, day, *_ in found.digests} == {
        *((table, day) for table in digest.DATED if table != "day" for day in (0, 1)),
        *(("day", day) for day in (-1, 0)),  # of India: the last one is under way until 18:30 UTC
    }
    assert found.looked["reading"] > 2700
    again = whole(path, clock)
    assert again.digests == []  # all that is finished has one
    history.close()
    whole(path, clock)


# --- what is damaged is found --------------------------------------------------------------------


@pytest.fixture(scope="module")
def unchecked(tmp_path_factory):
    """A history whose newest day is under way, and that no check has seen; closed. Return its bytes."""
    path = tmp_path_factory.mktemp("unchecked") / "daily_data.db"
    filled(path, FakeClock()).close()
    return path.read_bytes()


@pytest.fixture
def under_way(path, clock, unchecked):
    """A copy of it, at its own time."""
    path.write_bytes(unchecked)
    clock.ms = MIDNIGHT_MS + 3 * DAY_MS
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory, unchecked):
    """A history whose days are all finished and have digests; closed. Return its bytes."""
    folder = tmp_path_factory.mktemp("finished")
    clock = FakeClock(MIDNIGHT_MS + 6 * DAY_MS)
    (folder / "daily_data.db").write_bytes(unchecked)
    history = History(folder / "daily_data.db", True, clock, INDIA, site="Karjat")
    assert night(history, folder / "daily_data.db", clock).state == "whole"
    history.close()
    return (folder / "daily_data.db").read_bytes()


def answers(path):
    """All that the file can be asked; None when it cannot be."""
    try:
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
            tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type <> 'index'")]
            rows = {
                name: db.execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608
                for name in tables
                if name in {*schema.ROLLUPS, *schema.VIEW_OF.values(), "reading", "readings_v"}
                or name in digest.FACTS
            }
            rows["event"] = db.execute("SELECT * FROM event ORDER BY id").fetchall()
            rows["event by time"] = db.execute("SELECT * FROM event ORDER BY at_ms, id").fetchall()
            return rows
    except (sqlite3.Error, ValueError):
        return None


def is_found(path, clock):
    try:
        return looking.look(path, clock).state == "damaged"
    except Damaged:
        return True


@pytest.mark.parametrize("seed", range(int(os.environ.get("DAMAGES", "6"))))
def test_bytes_that_were_changed_are_found_when_they_change_any_answer(path, clock, finished, seed):
    chance = random.Random(seed)
    clock.ms = MIDNIGHT_MS + 7 * DAY_MS
    path.write_bytes(finished)
    before = answers(path)
    damaged = bytearray(finished)
    at = chance.randrange(len(damaged))
    if seed % 4 == 0:  # a bit
        damaged[at] ^= 1 << chance.randrange(8)
    elif seed % 4 == 1:  # some bytes
        damaged[at : at + 16] = chance.randbytes(len(damaged[at : at + 16]))
    elif seed % 4 == 2:  # a page
        page = at // 4096 * 4096
        damaged[page : page + 4096] = chance.choice([bytes(4096), chance.randbytes(4096)])
    else:  # a page that never arrived: another one's content, or the rest of the file
        page, other = (chance.randrange(len(damaged) // 4096) * 4096 for _ in range(2))
        damaged[page : page + 4096] = damaged[other : other + 4096]
        if seed % 8 == 3:
            damaged = damaged[: max(page, 1024)]
    path.write_bytes(damaged)
    found = is_found(path, clock)
    assert found or answers(path) == before


@pytest.mark.parametrize("table", [*digest.DATED, "event", "meta", "clock_span", "schema_migration"])
def test_one_value_of_one_row_that_was_changed_is_found(path, clock, finished, table):
    clock.ms = MIDNIGHT_MS + 7 * DAY_MS
    chance = random.Random(table)
    path.write_bytes(finished)
    with sqlite3.connect(path) as db:
        for name in ("event_update", "meta_update", "schema_migration_update"):
            db.execute(f"DROP TRIGGER {name}")  # what damages a file fires no trigger
        columns = [name for _, name, *_ in db.execute(f"PRAGMA table_info({table})")]
    without = path.read_bytes()
    for column in chance.sample(columns[1:], min(3, len(columns) - 1)):
        path.write_bytes(without)
        with sqlite3.connect(path) as db:
            db.execute("DELETE FROM digest WHERE tbl = 'schema'")
            changed = db.execute(
                f"UPDATE {table} SET {column} = CASE typeof({column}) WHEN 'integer' THEN {column} + 1 "  # noqa: S608
                f"WHEN 'text' THEN {column} || 'x' ELSE {column} END "
                f"WHERE rowid = (SELECT max(rowid) FROM {table} WHERE {column} IS NOT NULL)"
            ).rowcount
        if not changed:
            continue
        tables = {damage.table for damage in looking.look(path, clock).damages}
        assert table in tables, column


@pytest.mark.parametrize("table", digest.DATED)
def test_rows_that_are_not_there_are_found_with_and_without_digests(path, clock, finished, table):
    clock.ms = MIDNIGHT_MS + 7 * DAY_MS
    for digests in (True, False):
        path.write_bytes(finished)
        with sqlite3.connect(path) as db:
            if not digests:
                db.execute("DELETE FROM digest")
            key = db.execute(f"SELECT key FROM {table} ORDER BY key LIMIT 1 OFFSET 4").fetchone()  # noqa: S608
            db.execute(f"DELETE FROM {table} WHERE key = ?", key)  # noqa: S608
        found = looking.look(path, clock)
        assert table in {damage.table for damage in found.damages}
        assert all(damage.words and damage.start_ms is not None for damage in found.damages)


@pytest.mark.parametrize("column", ["v_r", "quality", "wh_received"])
def test_a_reading_of_today_that_was_changed_is_found_by_its_minute(under_way, clock, column):
    path = under_way
    with sqlite3.connect(path) as db:
        db.execute(
            f"UPDATE reading SET {column} = {column} + 1 WHERE key = "  # noqa: S608
            "(SELECT max(key) FROM reading WHERE quality = 0 AND implausible = 0)"
        )
    found = looking.look(path, clock)
    assert found.state == "damaged"
    assert "minute" in {damage.table for damage in found.damages}
    with pytest.raises(Damaged, match="is damaged"):
        looking.prove(path, clock)


def test_a_history_that_lost_readings_is_not_used(under_way, clock):
    path = under_way
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM reading WHERE key = (SELECT min(key) FROM reading)")
    with pytest.raises(Damaged, match=r"readings? of \d+"):
        History(path, True, clock, INDIA)


def test_what_is_empty_or_foreign_is_refused_and_a_short_file_is_damaged(path, clock, finished):
    path.write_bytes(b"")
    with pytest.raises(Damaged, match="empty"):
        looking.look(path, clock)
    path.write_bytes(finished[: len(finished) // 2])
    assert is_found(path, clock)
    path.unlink()
    with pytest.raises(StoreError):
        looking.look(path, clock)


def test_a_view_that_reads_otherwise_is_damage_but_one_of_somebody_else_is_not(path, clock, finished):
    path.write_bytes(finished)
    with sqlite3.connect(path) as db:
        db.execute("CREATE VIEW my_own AS SELECT 1")
    assert looking.look(path, clock).state == "whole"
    with sqlite3.connect(path) as db:
        db.execute("DROP VIEW hours_v")
        db.execute("CREATE VIEW hours_v AS SELECT 2")
    found = looking.look(path, clock, quick=True)
    assert [damage.words for damage in found.damages] == ["the view hours_v is not as the program made it"]


def test_a_day_of_which_salvage_saved_only_some_is_whole_from_then_on(path, clock, finished):
    clock.ms = MIDNIGHT_MS + 7 * DAY_MS
    path.write_bytes(finished)
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("DELETE FROM digest")
        db.execute(
            "DELETE FROM reading WHERE key > ? AND key < ?", (BEGIN_MS << 8, BEGIN_MS + 3_600_000 << 8)
        )
        db.commit()
        assert is_found(path, clock)
        digest.note_lost(db, [BEGIN_MS // DAY_MS], clock.now_ms())
        db.commit()
    history = History(path, True, clock, INDIA)
    assert night(history, path, clock).state == "whole"
    history.close()
    assert whole(path, clock).digests == []
    with sqlite3.connect(path) as db:
        db.execute(
            "DELETE FROM reading WHERE key = (SELECT min(key) FROM reading WHERE key > ?)", (BEGIN_MS << 8,)
        )
    assert is_found(path, clock), "what was saved is guarded"


# --- never a false alarm -------------------------------------------------------------------------


def some_history(path, clock, chance):
    """Adds, late rows, replays, absorbs, clock spans, retention, restarts, checks, in any order."""
    zones = [INDIA] * 3 + [zoneinfo.ZoneInfo("Europe/London"), zoneinfo.ZoneInfo("Asia/Kathmandu")]
    zone = INDIA
    how = {"raw_days": chance.choice([1, 2, 14]), "minute_days": chance.choice([2, 3, 400])}

    def opened():
        return History(path, True, clock, zone, site="Karjat", **how)

    history = opened()
    clock.ms = BEGIN_MS
    for number in range(14):
        act = chance.choice(
            ["add", "add", "add", "late", "replay", "absorb", "clock", "keep", "open", "night"]
        )
        start = clock.ms
        if act == "add":
            for answers in rounds(start, 12, chance.choice([30_000, 400_000, 7_000_000]), number):
                history.add(answers)
                clock.ms = answers[0].at_ms + 1000
                history.event("supply", at_ms=clock.ms, meter_id=2, old="live", new="dead")
                if chance.random() < 0.3:
                    history.commit()
        elif act == "late":
            late = start - chance.randrange(5) * DAY_MS - chance.randrange(DAY_MS)
            history.add(reading for answers in rounds(late, 6, 45_000, number) for reading in answers)
        elif act == "replay":
            again = [reading for answers in rounds(start, 6, 30_000, number) for reading in answers]
            history.add(again)
            history.replay([LiveRow(reading, "OK", "OK") for reading in again])
            history.event("line", at_ms=start - chance.randrange(2 * DAY_MS), old="up", new="down")
        elif act == "absorb":
            other = path.with_name(f"other{number}.db")
            source = History(other, True, clock, zone)
            for answers in rounds(start - 3 * DAY_MS, 20, chance.choice([20_000, 3_000_000]), number):
                source.add(answers)
            source.event("supply", at_ms=start - DAY_MS, meter_id=1, old="live", new="dead")
            source.close()
            history.absorb(other, 60.0)
        elif act == "clock":
            span = history.begin_clock_span("boot", 0)
            wrong = start - chance.randrange(2 * DAY_MS)
            answers = [a_reading(wrong + n * 60_000, n % 5 + 1) for n in range(20)]
            history.add(dataclasses.replace(reading, reason=f"clock {span}") for reading in answers)
            history.event(
                "supply", at_ms=wrong, meter_id=1, old="live", new="dead", detail=f"x (clock {span})"
            )
            history.commit()
            for known in history.vouch_for_clock("boot", start - wrong):
                if known.id == span and known.corrected_ms is None:
                    with contextlib.suppress(StoreError):  # its readings went by retention
                        history.correct_clock(known, start - wrong + 5)
        elif act == "keep":
            history.commit()
            while not history.upkeep(clock.now_ms(), 60.0):
                pass
        elif act == "open":
            history.close()
            zone = chance.choice(zones)
            history = opened()
        else:
            history.commit()
            assert night(history, path, clock).damages == []
        clock.ms += chance.choice([60_000, 3_600_000, DAY_MS])
    return history


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_whatever_befalls_a_history_a_check_finds_it_whole(tmp_path_factory, seed):
    folder = tmp_path_factory.mktemp("history")
    clock = FakeClock()
    history = some_history(folder / "daily_data.db", clock, random.Random(seed))
    history.commit()
    assert night(history, folder / "daily_data.db", clock).damages == []
    assert whole(folder / "daily_data.db", clock)
    history.close()
    clock.ms += 3 * DAY_MS
    assert whole(folder / "daily_data.db", clock)
