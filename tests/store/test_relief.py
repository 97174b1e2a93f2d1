"""R16: room: held in reserve, watched, made where there is none; what is given up, and what never is."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from substation.errors import Full
from substation.settings.model import Home
from substation.store import ballast, relief, room, upkeep
from substation.store.ballast import Ballast
from substation.store.history import History, HistoryReader
from substation.store.relief import Relief
from substation.store.room import Room
from tests.fake_clock import FakeClock
from tests.store.readings import BEGIN_MS, a_reading

ZONE = ZoneInfo("Asia/Kolkata")
MB = 1_000_000
DAY_MS = 86_400_000


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.state.mkdir()
    return home


@pytest.fixture
def medium(monkeypatch: pytest.MonkeyPatch) -> list[Room]:
    """What the medium says of its room; the last one counts."""
    said = [Room(10_000 * MB, 16_000 * MB)]
    for module in (room, ballast):
        monkeypatch.setattr(module, "room_of", lambda _: said[-1])
    return said


@pytest.fixture
def history(home: Home, clock: FakeClock) -> Iterator[History]:
    """Six days of single polls, the last one under way."""
    made = History(home.history, True, clock)
    for day in range(-5, 1):
        made.add(a_reading(BEGIN_MS + day * DAY_MS + n * 2000) for n in range(600))
    made.commit()
    clock.ms = BEGIN_MS + 600 * 2000
    yield made
    made._db.close()


class Notes(list[dict[str, str]]):
    def event(self, kind: str, **more: str) -> None:
        self.append({"kind": kind, **more})


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def watch(home: Home, clock: FakeClock) -> Relief:
    return Relief(home, clock, ZONE)


def days(home: Home) -> list[int]:
    with sqlite3.connect(home.history) as db:
        found = db.execute(
            "SELECT DISTINCT ((key >> 8) - ?) / ? - 9 FROM reading ORDER BY 1",
            (BEGIN_MS - 9 * DAY_MS, DAY_MS),
        )
        kept = [day for (day,) in found]
    db.close()
    return kept


# ballast


def test_the_ballast_is_really_allocated_and_free_again(home: Home, medium: list[Room]) -> None:
    held = Ballast(home.ballast)
    assert held.make(0)
    assert held.held >= ballast.LARGEST_BYTES == home.ballast.stat().st_size
    assert not held.make(0)
    assert held.free() >= ballast.LARGEST_BYTES
    assert (held.held, held.free(), home.ballast.exists()) == (0, 0, False)


def test_it_is_allocated_where_the_file_system_cannot_do_that_itself(
    home: Home, medium: list[Room], monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "not supported")

    monkeypatch.setattr(os, "posix_fallocate", cannot)
    assert Ballast(home.ballast).make(0)
    assert home.ballast.stat().st_blocks * 512 >= ballast.LARGEST_BYTES


@pytest.mark.parametrize(
    ("total", "free", "size"),
    [(16_000 * MB, 8_000 * MB, 16 << 20), (8 << 20, 7 << 20, 256 << 10), (1 << 20, 1 << 20, None)],
)
def test_it_is_small_on_a_tiny_medium(
    home: Home, medium: list[Room], total: int, free: int, size: int | None
) -> None:
    medium.append(Room(free, total))
    assert Ballast(home.ballast).make(medium[-1].reserve) is (size is not None)
    assert size is None or home.ballast.stat().st_size == size


def test_it_is_not_made_of_the_last_room(home: Home, medium: list[Room]) -> None:
    medium.append(Room(40 * MB, 16_000 * MB))
    assert not Ballast(home.ballast).make(medium[-1].reserve)


def test_nothing_of_it_stays_where_the_medium_does_not_take_it(
    home: Home, medium: list[Room], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        Ballast(home.ballast).make(0)
    assert list(home.state.iterdir()) == []


# what is given up


def test_with_room_nothing_is_given_up(
    watch: Relief, history: History, medium: list[Room], notes: Notes, home: Home
) -> None:
    watch.look(history, 1.0, notes)
    assert (days(home), notes, watch.advice, watch.low) == ([-5, -4, -3, -2, -1, 0], [], [], False)
    assert home.ballast.exists()


def test_the_oldest_single_polls_go_before_the_medium_is_full(
    watch: Relief,
    history: History,
    medium: list[Room],
    notes: Notes,
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    medium.append(Room(20 * MB, 16_000 * MB))
    monkeypatch.setattr(relief, "SLACK_BYTES", 100_000)
    before = HistoryReader(home.history).tables()
    for _ in range(20):
        watch.look(history, 1.0, notes)
    assert history.room_within() >= 100_000
    kept = days(home)
    assert 0 < len(kept) < 6
    assert kept[-1] == 0
    after = HistoryReader(home.history).tables()
    for table in ("minute", "quarter", "hour", "day"):
        assert after[table] == before[table]
    assert {note["kind"] for note in notes} == {"store.relief"}
    assert len(notes) == 6 - len(kept)
    assert "single polls" in notes[0]["detail"]
    (words,) = watch.advice
    assert "only 20 MB free" in words
    assert "Largest here: daily_data.db" in words
    raw_from = int(HistoryReader(home.history).facts()["raw_from_ms"])
    assert raw_from > BEGIN_MS - 5 * DAY_MS


def test_the_day_under_way_is_never_given_up(
    watch: Relief, history: History, medium: list[Room], notes: Notes, home: Home
) -> None:
    medium.append(Room(0, 16_000 * MB))
    for _ in range(50):
        watch.look(history, 1.0, notes)
    assert days(home) == [0]


def test_nor_where_the_clock_was_ahead_meanwhile(
    watch: Relief, history: History, medium: list[Room], notes: Notes, home: Home
) -> None:
    history.add([a_reading(BEGIN_MS + 400 * DAY_MS)])
    history.commit()
    medium.append(Room(0, 16_000 * MB))
    for _ in range(50):
        watch.look(history, 1.0, notes)
    assert days(home) == [0, 400]


def test_a_day_goes_in_slices(
    watch: Relief,
    history: History,
    medium: list[Room],
    notes: Notes,
    home: Home,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    medium.append(Room(0, 16_000 * MB))
    monkeypatch.setattr(upkeep.Pace, "slice_done", lambda _: False)
    watch.look(history, 0.05, notes)
    left = HistoryReader(home.history).tables()["reading"].rows
    assert 3600 - 300 <= left < 3600
    assert (days(home)[0], notes) == (-5, [])


def test_a_full_history_goes_on_in_the_room_of_what_was_given_up(
    watch: Relief, history: History, medium: list[Room], notes: Notes, clock: FakeClock, home: Home
) -> None:
    (pages,) = history._db.execute("PRAGMA page_count").fetchone()
    history._db.execute(f"PRAGMA max_page_count = {pages}")
    medium.append(Room(20 * MB, 16_000 * MB))
    newest = BEGIN_MS + 600 * 2000
    stored = 0
    for number in range(30):
        history.add(a_reading(newest + (number * 50 + n) * 2000) for n in range(50))
        clock.advance(100)
        try:
            stored += history.commit()
        except Full:
            watch.full(notes)
        watch.look(history, 1.0, notes)
    history.commit()
    assert HistoryReader(home.history).tables()["minute"].rows == 6 * 20 + 50
    with sqlite3.connect(home.history) as db:
        (found,) = db.execute("SELECT count(*) FROM reading WHERE key >= ?", (newest << 8,)).fetchone()
    db.close()
    assert found == 1500
    assert days(home)[-1] == 0


def test_the_ballast_goes_first_and_comes_back_with_the_room(
    watch: Relief, history: History, medium: list[Room], notes: Notes, clock: FakeClock, home: Home
) -> None:
    watch.look(history, 1.0, notes)
    medium.append(Room(0, 16_000 * MB))
    assert watch.full(notes)
    assert not home.ballast.exists()
    assert (notes[0]["kind"], notes[0]["new"]) == ("store.relief", "ballast")
    assert not watch.full(notes)  # there is none any more
    watch.look(history, 1.0, notes)
    assert watch.low
    medium.append(Room(9_000 * MB, 16_000 * MB))
    clock.advance(relief.LOOK_S)
    watch.look(history, 1.0, notes)
    assert home.ballast.exists()
    assert (notes[-1]["kind"], watch.low, watch.advice) == ("store.room", False, [])


# looking ahead


def test_somebody_is_warned_days_before(
    watch: Relief, history: History, medium: list[Room], notes: Notes, clock: FakeClock
) -> None:
    for hour in range(30):
        medium.append(Room((1_000 - 4 * hour) * MB, 16_000 * MB))
        watch.look(history, 1.0, notes)
        clock.advance(3600)
    assert watch.days_left == pytest.approx(8.9, abs=0.6)
    (words,) = watch.advice
    assert "full in about 9 days at the pace of the last day" in words
    assert notes == []


def test_a_pace_is_believed_after_hours_only_and_ends_with_the_filling(
    watch: Relief, history: History, medium: list[Room], notes: Notes, clock: FakeClock
) -> None:
    for minute in range(60):
        medium.append(Room((1_000 - 10 * minute) * MB, 16_000 * MB))
        watch.look(history, 1.0, notes)
        clock.advance(60)
    assert (watch.days_left, watch.advice) == (None, [])
    for _ in range(60):
        watch.look(history, 1.0, notes)
        clock.advance(3600)
    assert watch.days_left is None


def test_what_is_large_is_named(home: Home) -> None:
    (home.folder / "daily_data.db.corrupt-20261122-101500").write_bytes(bytes(300_000))
    (home.folder / "original").mkdir()
    (home.folder / "original" / "meter_data.csv").write_bytes(bytes(200_000))
    (home.folder / "small").write_bytes(b"x")
    words = room.largest(home, 2)
    assert words.startswith("daily_data.db.corrupt-20261122-101500 30")
    assert "original 20" in words


@pytest.mark.parametrize(
    ("size", "words"), [(12, "12 bytes"), (64_000, "64 kB"), (380 * MB, "380 MB"), (1_200 * MB, "1.2 GB")]
)
def test_sizes_are_written_as_people_do(size: int, words: str) -> None:
    assert room.in_words(size) == words
