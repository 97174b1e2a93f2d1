"""The poller's two stores together: what lies in the inbox is taken, or refused for its own faults only."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from substation.errors import Busy, Full
from substation.settings.model import CARD_METERS, Home, Settings
from substation.store import quarantine
from substation.store.history import History, HistoryReader
from substation.store.keeper import Keeper
from substation.store.live import LiveRow
from tests.fake_clock import FakeClock
from tests.store.readings import BEGIN_MS, a_reading

SETTINGS = Settings(simulated=True, meters=CARD_METERS)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    (home.state / "inbox").mkdir(parents=True)
    return home


@pytest.fixture
def keeper(home: Home, clock: FakeClock) -> Iterator[Keeper]:
    made = Keeper(home, SETTINGS, clock)
    made.open()
    yield made
    made._live = None
    made._history = None


@pytest.fixture
def brought(home: Home, clock: FakeClock) -> Path:
    """A good history in the inbox."""
    return lay_in(home, clock)


def lay_in(home: Home, clock: FakeClock, *, simulated: bool = True) -> Path:
    path = home.state / "inbox" / "brought.db"
    history = History(path, simulated, clock)
    history.add(a_reading(BEGIN_MS + n * 2000) for n in range(2000))
    history.event("supply", at_ms=BEGIN_MS, meter_id=1, old="a", new="b")
    history.close()
    return path


def inbox(home: Home) -> list[str]:
    """Return what lies there, without the logs that SQLite keeps beside an open database."""
    names = (path.name for path in (home.state / "inbox").iterdir())
    return sorted(name for name in names if not name.endswith(("-wal", "-shm")))


def ours(keeper: Keeper) -> sqlite3.Connection:
    assert keeper._history
    return keeper._history._db


def take_all(keeper: Keeper, home: Home) -> None:
    for _ in range(100):
        keeper.absorb(1.0)
        if not inbox(home):
            return


def test_a_history_in_the_inbox_is_taken_and_removed(keeper: Keeper, home: Home, brought: Path) -> None:
    take_all(keeper, home)
    assert inbox(home) == []
    reader = HistoryReader(home.history)
    assert reader.tables()["reading"].rows == 2000
    assert len(reader.events(BEGIN_MS, BEGIN_MS + 1)) == 1


def hold(keeper: Keeper, home: Home) -> sqlite3.Connection:
    ours(keeper).execute("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(home.history, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other


def test_a_held_database_of_ours_is_not_the_sources_fault(
    keeper: Keeper, home: Home, brought: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = hold(keeper, home)
    with pytest.raises(Busy, match=home.history.name):
        keeper.absorb(1.0)
    assert (inbox(home), caplog.messages) == (["brought.db"], [])
    other.close()
    take_all(keeper, home)
    assert inbox(home) == []


def test_a_full_medium_is_not_the_sources_fault(keeper: Keeper, home: Home, brought: Path) -> None:
    (pages,) = ours(keeper).execute("PRAGMA page_count").fetchone()
    ours(keeper).execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(Full, match=home.history.name):
        keeper.absorb(1.0)
    assert inbox(home) == ["brought.db"]


def test_damage_in_our_database_is_not_the_sources_fault_and_sets_ours_aside(
    keeper: Keeper, home: Home, brought: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ours(keeper).execute("PRAGMA wal_checkpoint(TRUNCATE)")
    ours(keeper).execute("PRAGMA shrink_memory")
    data = bytearray(home.history.read_bytes())
    for page in range(1, len(data) // 4096):
        data[page * 4096 : page * 4096 + 64] = os.urandom(64)
    home.history.write_bytes(bytes(data))
    keeper.absorb(1.0)
    assert inbox(home) == ["brought.db"]
    (said,) = caplog.messages
    assert said.startswith("daily_data.db is damaged and set aside as daily_data.db.corrupt-2026")
    assert not home.history.exists()
    assert quarantine.waiting(home.history)


def rubbish(home: Home, clock: FakeClock) -> Path:
    path = home.state / "inbox" / "brought.db"
    path.write_bytes(b"rubbish " * 1000)
    return path


def of_a_real_station(home: Home, clock: FakeClock) -> Path:
    return lay_in(home, clock, simulated=False)


def damaged(home: Home, clock: FakeClock) -> Path:
    path = lay_in(home, clock)
    data = bytearray(path.read_bytes())
    for page in range(len(data) // 8192, len(data) // 4096):
        data[page * 4096 : page * 4096 + 64] = os.urandom(64)
    path.write_bytes(bytes(data))
    return path


def with_words_for_numbers(home: Home, clock: FakeClock) -> Path:
    path = lay_in(home, clock)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE reading SET v_r = 'high'")
    db.close()
    return path


def without_tables(home: Home, clock: FakeClock) -> Path:
    path = lay_in(home, clock)
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE event")
    db.close()
    return path


@pytest.mark.parametrize(
    "make", [rubbish, of_a_real_station, damaged, with_words_for_numbers, without_tables]
)
def test_a_source_with_a_fault_of_its_own_is_refused_and_named_once(
    keeper: Keeper, home: Home, clock: FakeClock, caplog: pytest.LogCaptureFixture, make: object
) -> None:
    assert callable(make)
    make(home, clock)
    for _ in range(20):
        keeper.absorb(1.0)
    assert "brought.refused" in inbox(home)
    assert "brought.db" not in inbox(home)
    (said,) = caplog.messages
    assert "brought.db refused" in said


def test_readings_without_a_free_millisecond_are_told_once_an_hour(
    keeper: Keeper,
    home: Home,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(at_ms: int) -> None:
        raise Busy("held by another process")

    def poll(first: int, count: int) -> None:
        readings = [a_reading(BEGIN_MS, v_r=float(volts)) for volts in range(first, first + count)]
        keeper.keep_history([LiveRow(reading, "OK", "OK") for reading in readings])
        keeper.commit()

    poll(0, 101)
    poll(101, 2)  # within the hour: counted only
    assert keeper._history
    with monkeypatch.context() as patched, pytest.raises(Busy):
        patched.setattr(keeper._history._pen.ledger, "write", fails)
        poll(103, 1)  # tried twice, counted once
    clock.advance(3600)
    keeper.commit()
    keeper.commit()
    told = HistoryReader(home.history).events(0, 2 * BEGIN_MS)
    assert [(event.kind, event.new) for event in told] == [("store.given_up", "1"), ("store.given_up", "3")]
    assert caplog.text.count("given up for good: ") == 2
