"""R18, R19: a damaged history is moved out of the way whole; an empty, foreign or original file never is."""

import itertools
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from substation.errors import Damaged, StoreError
from substation.settings.model import Home
from substation.store import door, quarantine
from substation.store.history import HistoryReader
from substation.store.keeper import Keeper
from substation.store.live import LiveRow
from substation.store.salvage import report as salvage_report
from substation.store.salvage import salvaging
from tests.fake_clock import FakeClock
from tests.store import damages
from tests.store.damages import SETTINGS
from tests.store.readings import BEGIN_MS, rounds


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.state.mkdir(parents=True)
    return made


@pytest.fixture
def damaged(home: Home, clock: FakeClock) -> Home:
    """A home as a kill left it: database and log; then its first page is destroyed."""
    keeper = polled(home, clock)
    assert keeper._history is not None
    keeper._history._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    kept = Home(home.folder.with_name("killed"))
    shutil.copytree(home.folder, kept.folder)
    keeper.close()
    data = bytearray(kept.history.read_bytes())
    data[:4096] = bytes(range(256)) * 16
    kept.history.write_bytes(bytes(data))
    return kept


def polled(home: Home, clock: FakeClock, count: int = 20) -> Keeper:
    keeper = Keeper(home, SETTINGS, clock)
    keeper.open()
    for answers in rounds(clock.ms, count, 60_000):
        keeper.keep_live([LiveRow(reading, "OK", "OK") for reading in answers])
        keeper.keep_history([LiveRow(reading, "OK", "OK") for reading in answers])
    keeper.commit()
    clock.advance(count * 60)
    return keeper


def names(home: Home) -> list[str]:
    return sorted(path.name for path in home.folder.glob("daily_data.db*"))


def test_a_history_whose_first_page_is_destroyed_is_known_by_its_uid(damaged: Home, clock: FakeClock) -> None:
    uid = salvage_report.identity(damaged)["uid"]
    keeper = Keeper(damaged, SETTINGS, clock)
    keeper.open()
    aside = quarantine.waiting(damaged.history)
    assert aside is not None
    assert names(damaged)[:2] == [aside.name, f"{aside.name}-shm"]
    assert not damaged.history.exists()
    keeper.open()
    assert not damaged.history.exists(), "no new history while a salvage waits"
    salvaging.run(damaged, SETTINGS, clock, aside)
    assert HistoryReader(damaged.history).facts()["uid"] == uid


@pytest.mark.parametrize("kind", ["empty", "stub", "text", "foreign", "original"])
def test_what_is_no_history_is_refused_and_stays(home: Home, clock: FakeClock, kind: str) -> None:
    polled(home, clock).close()  # whose history stood here is known
    home.history.unlink()
    if kind in ("foreign", "original"):
        with sqlite3.connect(home.history) as db:
            db.execute(f"CREATE TABLE {'meter_readings' if kind == 'original' else 'songs'} (a)")
        db.close()
    else:
        content = {"empty": b"", "stub": b"SQLite format 3", "text": b"no database at all\n" * 300}
        home.history.write_bytes(content[kind])
    before = home.history.read_bytes()
    keeper = Keeper(home, SETTINGS, clock)
    with pytest.raises(Damaged):
        keeper.open()
    assert home.history.read_bytes() == before
    assert quarantine.kept(home.history) == []


def test_a_move_that_is_cut_short_anywhere_is_brought_to_its_end(
    damaged: Home, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = [damaged.history, door.journal_of(damaged.history), door.index_of(damaged.history)]
    content = [path.read_bytes() for path in parts]
    rename = Path.rename
    for last in range(4):
        for path in damaged.folder.glob("daily_data.db*"):
            path.unlink()
        for path, data in zip(parts, content, strict=True):
            path.write_bytes(data)
        counter = itertools.count()

        def killed(path: Path, target: Path, counter: Any = counter, last: int = last) -> Path:
            if next(counter) == last:
                raise KeyboardInterrupt
            return rename(path, target)

        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt) if last < 3 else _nothing():
            patched.setattr(Path, "rename", killed)
            quarantine.set_aside(damaged.history, clock)
        if last == 0:
            quarantine.set_aside(damaged.history, clock)  # nothing had happened: it is found damaged again
        aside = quarantine.waiting(damaged.history)
        assert aside is not None
        moved = [aside, door.journal_of(aside), door.index_of(aside)]
        assert [path.read_bytes() for path in moved] == content
        assert names(damaged) == sorted(path.name for path in moved)


class _nothing:  # noqa: N801 - stands in for a context
    def __enter__(self) -> None:
        return None

    def __exit__(self, *error: object) -> None:
        return None


def test_while_a_salvage_waits_the_live_file_is_the_journal_and_events_are_kept(
    damaged: Home, clock: FakeClock
) -> None:
    keeper = Keeper(damaged, SETTINGS, clock)
    keeper.open()
    for answers in rounds(clock.ms, 10, 2000, seed=3):
        keeper.keep_live([LiveRow(reading, "OK", "OK") for reading in answers])
        keeper.keep_history([LiveRow(reading, "OK", "OK") for reading in answers])
    keeper.event("supply", meter_id=2, old="live", new="dead", at_ms=clock.ms)
    left = damaged.left_events.read_bytes() + b'[false, 1, "supp'  # as a kill tears it
    damaged.left_events.write_bytes(left)
    keeper._live.close()
    keeper = Keeper(damaged, SETTINGS, clock)  # the poller was killed, and is started again
    keeper.open()
    keeper.event("supply", meter_id=3, old="live", new="dead", at_ms=clock.ms)
    clock.advance(20)
    keeper.commit()
    aside = quarantine.waiting(damaged.history)
    assert aside is not None
    salvaging.run(damaged, SETTINGS, clock, aside)
    keeper.open()
    left = damaged.left_events.read_bytes()
    keeper.commit()
    assert not damaged.left_events.exists()
    damaged.left_events.write_bytes(left)  # a kill after the commit: they are there, and come not again
    keeper.close()
    keeper = Keeper(damaged, SETTINGS, clock)
    keeper.open()
    keeper.commit()
    assert not damaged.left_events.exists()
    reader = HistoryReader(damaged.history)
    kinds = [event.kind for event in reader.events(BEGIN_MS, clock.ms + 1000)]
    assert kinds.count("supply") == 2
    assert {"store.damaged", "store.salvaged"} <= set(kinds)
    assert (reader.tables()["reading"].newest_ms or 0) > BEGIN_MS + 20 * 60_000
    rows, _ = damages.contents(damaged.history)
    assert sum(row[2] for row in rows["day"].values()) >= 50, "what was polled meanwhile is in the rollups"
    keeper.close()


def test_damage_that_a_commit_meets_is_set_aside_and_what_waited_comes_into_the_new_history(
    home: Home, clock: FakeClock
) -> None:
    keeper = polled(home, clock)
    history = keeper._history
    assert history is not None
    history._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    history._db.execute("PRAGMA shrink_memory")
    data = bytearray(home.history.read_bytes())
    for page in range(1, len(data) // 4096):
        data[page * 4096 : page * 4096 + 12] = bytes(12)
    home.history.write_bytes(bytes(data))
    (answers,) = rounds(clock.ms, 1)
    keeper.keep_live([LiveRow(reading, "OK", "OK") for reading in answers])
    keeper.keep_history([LiveRow(reading, "OK", "OK") for reading in answers])
    keeper.commit()
    aside = quarantine.waiting(home.history)
    assert aside is not None
    report = salvage_report.read(home)
    assert report is not None
    assert (report.state, report.file) == ("found", aside.name)
    assert "damaged" in report.words
    salvaging.run(home, SETTINGS, clock, aside)
    keeper.open()
    keeper.close()
    rows, _ = damages.contents(home.history)
    assert {reading.at_ms << 8 | reading.meter_id for reading in answers} <= rows["reading"].keys()


def test_where_nothing_can_be_read_a_new_history_begins_and_says_so(home: Home, clock: FakeClock) -> None:
    polled(home, clock).close()
    home.live.unlink()
    salvage_report.remember(home, {})
    home.history.write_bytes(home.history.read_bytes()[:100] + bytes(100_000))
    keeper = Keeper(home, SETTINGS, clock)
    keeper.open()
    aside = quarantine.waiting(home.history)
    assert aside is not None
    report = salvaging.run(home, SETTINGS, clock, aside)
    assert report.state == salvage_report.NOTHING
    keeper.open()
    kinds = [event.kind for event in HistoryReader(home.history).events(BEGIN_MS, clock.ms + 1000)]
    assert {"store.damaged", "store.salvaged", "store.new"} <= set(kinds)
    assert aside.exists()
    keeper.close()


def test_a_second_damage_gets_a_name_of_its_own(home: Home, clock: FakeClock) -> None:
    for _ in range(2):
        keeper = polled(home, clock)
        keeper.set_aside("for the test")
        aside = quarantine.waiting(home.history)
        assert aside is not None
        salvaging.run(home, SETTINGS, clock, aside)
    assert len(quarantine.kept(home.history)) == 2
    assert quarantine.waiting(home.history) is None
    assert quarantine.bytes_kept(home.history) > 100_000


def test_a_salvage_replaces_nothing(home: Home, clock: FakeClock) -> None:
    keeper = polled(home, clock)
    with pytest.raises(StoreError, match="replaces nothing"):
        salvaging.run(home, SETTINGS, clock, home.folder / "daily_data.db.corrupt-20260101-000000")
    keeper.close()


def test_a_salvage_that_is_cut_short_leaves_what_the_next_one_needs(home: Home, clock: FakeClock) -> None:
    aside = polled(home, clock).set_aside("for the test")
    before = aside.read_bytes()
    for cut in range(1, 7, 2):
        count = itertools.count(1)

        def tick(words: str, count: Any = count, cut: int = cut) -> None:
            if next(count) == cut:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            salvaging.run(home, SETTINGS, clock, aside, tick)
        assert quarantine.waiting(home.history) == aside
    assert aside.read_bytes() == before
    assert salvaging.run(home, SETTINGS, clock, aside).state == "done"
    assert quarantine.waiting(home.history) is None
