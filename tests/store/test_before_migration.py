"""Before a history is changed there is a copy of it, proved; without room for one nothing is changed."""

import contextlib
import shutil
import sqlite3
from collections import namedtuple

import pytest

from substation.clock import Clock
from substation.errors import Busy, Damaged, StoreError
from substation.settings.model import CARD_METERS, Home, Settings
from substation.store import before_migration, door, schema
from substation.store.event_pages import Wanted
from substation.store.history import History, HistoryReader
from substation.store.keeper import Keeper
from tests.store.readings import a_reading

NEXT = "9001 a column more"
Usage = namedtuple("Usage", "total used free")


def a_column(db: sqlite3.Connection) -> None:
    db.execute("ALTER TABLE event ADD COLUMN more TEXT")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "daily_data.db"


@pytest.fixture
def filled(path, clock):
    store = History(path, True, clock)
    store.add([a_reading(clock.now_ms() - n * 2000, 1 + n % 5) for n in range(300)])
    store.event("station.start", at_ms=clock.now_ms())
    store.close()
    return path


@pytest.fixture
def newer(monkeypatch):
    """A version of the program whose history has another form."""
    monkeypatch.setattr(schema, "MIGRATIONS", {**schema.MIGRATIONS, NEXT: a_column})


def opened(path, clock: Clock) -> None:
    History(path, True, clock).close()


def columns(path) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as db:
        return [row[1] for row in db.execute("PRAGMA table_info(event)")]


def rows(path) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT * FROM reading").fetchall()


def copies(path) -> list[str]:
    return sorted(one.name for one in path.parent.iterdir() if before_migration.MARK in one.name)


def test_a_history_is_changed_after_a_copy_of_it(filled, clock, newer):
    before = rows(filled)
    assert before_migration.pending(filled) == [NEXT]
    opened(filled, clock)
    assert copies(filled) == ["daily_data.db.before-9001"]
    copy = before_migration.copy_of(filled, NEXT)
    assert rows(copy) == rows(filled) == before
    assert ("more" in columns(copy), "more" in columns(filled)) == (False, True)
    assert before_migration.pending(filled) == []


def test_the_copy_is_a_history_that_the_older_program_can_use(filled, clock, monkeypatch, newer):
    opened(filled, clock)
    monkeypatch.setattr(schema, "MIGRATIONS", {k: v for k, v in schema.MIGRATIONS.items() if k != NEXT})
    with pytest.raises(StoreError, match="newer version"):
        opened(filled, clock)
    before_migration.copy_of(filled, NEXT).replace(filled)
    opened(filled, clock)
    assert len(rows(filled)) == 300


def test_a_history_from_before_events_were_found_by_kind_gets_its_index_after_a_copy(
    path, clock, monkeypatch
):
    older = {name: step for name, step in schema.MIGRATIONS.items() if name != schema.BY_KIND}
    with monkeypatch.context() as then:
        then.setattr(schema, "MIGRATIONS", older)
        store = History(path, True, clock)
        store.event("station.start", at_ms=clock.now_ms())
        store.close()
    wanted = Wanted(kinds=("station.start", "station.stop"))
    asked = HistoryReader(path).noted(wanted, 5)
    assert [one.event.kind for one in asked] == ["station.start"], "also before anybody has opened it"
    opened(path, clock)
    assert copies(path) == ["daily_data.db.before-0007"]
    with contextlib.closing(sqlite3.connect(path)) as db:
        by_kind = "SELECT count(*) FROM event INDEXED BY event_kind WHERE kind > ''"
        assert db.execute(by_kind).fetchone() == (1,)
    assert HistoryReader(path).noted(wanted, 5) == asked


def test_an_empty_history_needs_no_copy(path, clock, newer, monkeypatch):
    with monkeypatch.context() as older:
        older.setattr(schema, "MIGRATIONS", {k: v for k, v in schema.MIGRATIONS.items() if k != NEXT})
        opened(path, clock)
    opened(path, clock)
    assert copies(path) == []
    assert "more" in columns(path)


def test_a_history_in_our_form_is_not_copied(filled, clock):
    opened(filled, clock)
    assert copies(filled) == []


def test_without_room_for_the_copy_nothing_is_changed_and_the_words_say_what_helps(
    filled, clock, newer, monkeypatch
):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9 - 50_000_000, 50_000_000))
    with pytest.raises(StoreError, match=r"50 MB are free: free \d\d MB there.*--copy-in FOLDER") as told:
        opened(filled, clock)
    assert NEXT in str(told.value)
    assert (copies(filled), "more" in columns(filled)) == ([], False)
    monkeypatch.undo()


def test_a_copy_that_did_not_turn_out_stops_the_change(filled, clock, newer, monkeypatch):
    monkeypatch.setattr(before_migration, "_rows", lambda db: [id(db)])
    with pytest.raises(StoreError, match="did not turn out as the history is"):
        opened(filled, clock)
    assert (copies(filled), "more" in columns(filled)) == ([], False)


def test_a_damaged_history_is_found_by_its_copy_and_not_changed(filled, clock, newer):
    with contextlib.closing(sqlite3.connect(filled)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (root,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'hour'").fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    with filled.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\x7f" * size)
    with pytest.raises(Damaged):
        opened(filled, clock)
    assert (copies(filled), "more" in columns(filled)) == ([], False)


def test_one_that_was_broken_off_is_made_anew(filled, clock, newer):
    part = filled.with_name(filled.name + ".before-9001.part")
    part.write_bytes(b"half of it")
    opened(filled, clock)
    assert not part.exists()
    assert len(rows(before_migration.copy_of(filled, NEXT))) == 300


def test_a_copy_that_stands_is_taken_when_it_is_of_this_history_as_it_is(filled, clock, newer, monkeypatch):
    with contextlib.closing(door.open_to_write(filled)) as db:
        first = before_migration.prepare(db, filled)
        made = first.stat().st_mtime_ns
        assert before_migration.prepare(db, filled).stat().st_mtime_ns == made
        db.execute("DELETE FROM event")
        assert before_migration.prepare(db, filled).stat().st_mtime_ns > made


def test_the_change_itself_is_one_transaction(filled, clock, monkeypatch):
    def breaks(db: sqlite3.Connection) -> None:
        a_column(db)
        raise sqlite3.OperationalError("no")

    with monkeypatch.context() as newer:
        newer.setattr(schema, "MIGRATIONS", {**schema.MIGRATIONS, NEXT: breaks})
        with pytest.raises(StoreError):
            opened(filled, clock)
        assert "more" not in columns(filled)
        assert copies(filled) == ["daily_data.db.before-9001"]
    opened(filled, clock)


def test_a_large_history_waits_for_a_change_beside_the_polling(filled, clock, newer, monkeypatch):
    assert not before_migration.is_slow(filled)
    monkeypatch.setattr(before_migration, "QUICK_BYTES", 1000)
    assert before_migration.is_slow(filled)
    told: list[str] = []
    names, copy = before_migration.migrate(filled, True, clock, tick=told.append)
    assert (names, copy) == ([NEXT], before_migration.copy_of(filled, NEXT))
    assert any("100%" in words for words in told)
    assert not before_migration.is_slow(filled)


def test_whoever_wants_may_put_the_copy_elsewhere_or_do_without(filled, clock, newer, tmp_path):
    stick = tmp_path / "stick"
    stick.mkdir()
    second = tmp_path / "second"
    second.mkdir()
    shutil.copy(filled, second)
    _, copy = before_migration.migrate(filled, True, clock, folder=stick)
    assert copy == stick / "daily_data.db.before-9001"
    assert copies(filled) == []
    assert before_migration.migrate(second / filled.name, True, clock, without_copy=True) == ([NEXT], None)
    assert [one.name for one in second.iterdir()] == [filled.name]


def test_a_copy_goes_after_weeks_in_which_the_history_was_found_whole(filled, clock, newer):
    opened(filled, clock)
    copy = before_migration.copy_of(filled, NEXT)
    made_ms = int(copy.stat().st_mtime * 1000)
    late_ms = made_ms + 31 * 86_400_000
    assert before_migration.old_copies(filled, late_ms, late_ms - 1000) == [copy]
    assert before_migration.old_copies(filled, late_ms, made_ms - 1000) == []  # not checked since
    assert before_migration.old_copies(filled, late_ms, 0) == []
    assert before_migration.old_copies(filled, made_ms + 86_400_000, made_ms + 1000) == []


def test_one_that_cannot_be_asked_is_not_taken_for_a_quick_one(filled, monkeypatch):
    monkeypatch.setattr(before_migration, "QUICK_BYTES", 1000)
    filled.write_bytes(b"x" * 5000)
    with pytest.raises(StoreError):
        before_migration.is_slow(filled)


def test_nobody_opens_a_history_whose_form_is_being_changed(tmp_path, clock):
    home = Home(tmp_path)
    keeper = Keeper(home, Settings(simulated=True, meters=CARD_METERS), clock)
    lock = home.state / before_migration.LOCK
    with before_migration.alone(home.history, lock):
        with pytest.raises(Busy, match="brought to this version's form by another process"):
            keeper.open()
        with pytest.raises(Busy), before_migration.alone(home.history, lock):
            pass
        assert not keeper.has_history
    keeper.open()
    assert keeper.has_history
    keeper.close()
