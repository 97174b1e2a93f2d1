"""R16, R17: a medium that is full, read-only or gone: what is kept, how it goes on, what is noted."""

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from substation.errors import StoreError
from substation.readings import Reading
from substation.settings.model import CARD_METERS, Home, Settings
from substation.store import endurance, heartbeat, history, live, live_places, medium, spare
from substation.store.history import HistoryReader
from substation.store.keeper import Keeper
from substation.store.live import LiveRow
from tests.fake_clock import FakeClock
from tests.store.readings import BEGIN_MS, a_reading

SETTINGS = Settings(simulated=True, meters=CARD_METERS)


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand-in for the folder in memory."""
    folder = tmp_path / "memory"
    monkeypatch.setattr(spare, "folders", lambda: [folder])
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.state.mkdir(parents=True)
    home.config.write_text("{}")
    return home


@pytest.fixture
def keeper(home: Home, clock: FakeClock) -> Iterator[Keeper]:
    made = Keeper(home, SETTINGS, clock)
    made.open()
    yield made
    made._live.close()
    if made._history:
        made._history._db.close()


def a_round(clock: FakeClock, *, step_s: float = 2.0) -> list[LiveRow]:
    clock.advance(step_s)
    return [LiveRow(a_reading(clock.now_ms(), meter.id), "OK", "OK") for meter in CARD_METERS]


def poll(keeper: Keeper, clock: FakeClock, rounds: int, *, step_s: float = 2.0) -> None:
    """Do with each round what the spine does with it."""
    for _ in range(rounds):
        rows = a_round(clock, step_s=step_s)
        keeper.keep_live(rows)
        keeper.keep_history(rows)


def stored(home: Home) -> int:
    return HistoryReader(home.history).tables()["reading"].rows


def gaps(home: Home) -> list[history.events.Event]:
    return HistoryReader(home.history).of_kind("store.gap")


class Broken:
    """A medium that answers every write with one error, until it is mended."""

    def __init__(self, patch: pytest.MonkeyPatch, home: Home, number: int) -> None:
        self._patch, self._home, self._number = patch, home, number
        self._write, self._open = os.write, os.open
        patch.setattr(os, "write", self.write)
        patch.setattr(os, "open", self.open)
        patch.setattr(history.History, "commit", self.commit)
        self.hanging = 0

    def error(self) -> OSError:
        return OSError(self._number, os.strerror(self._number), str(self._home.live))

    def write(self, fd: int, data: bytes) -> int:
        if Path(f"/proc/self/fd/{fd}").resolve().is_relative_to(self._home.folder):
            self.hanging += 1
            raise self.error()
        return self._write(fd, data)

    def open(self, path: str, flags: int, *rest: object, **more: object) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR) and Path(path).is_relative_to(self._home.folder):
            raise self.error()
        return self._open(path, flags, *rest, **more)  # type: ignore[arg-type]

    def commit(self, *_: object) -> int:
        with live._explained(self._home.history):
            raise self.error()


@pytest.fixture
def broken(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], pytest.MonkeyPatch]]:
    """Break the medium: `broken(errno.EROFS)`; what is returned mends it by `undo()`."""
    patch = pytest.MonkeyPatch()

    def breaks(number: int) -> pytest.MonkeyPatch:
        Broken(patch, home, number)
        return patch

    yield breaks
    patch.undo()


def commits(keeper: Keeper) -> bool:
    """Try to commit, as the spine does; return whether that worked."""
    try:
        keeper.commit(10.0)
    except StoreError:
        return False
    return True


@pytest.mark.parametrize(
    ("number", "word"),
    [(errno.ENOSPC, "full"), (errno.EDQUOT, "full"), (errno.EROFS, "read-only"), (errno.EIO, "failing")],
)
def test_what_a_failing_medium_refuses_is_kept_and_written_when_it_takes_it_again(
    keeper: Keeper, home: Home, clock: FakeClock, broken: Callable, number: int, word: str
) -> None:
    poll(keeper, clock, 3)
    assert commits(keeper)
    mended = broken(number)
    began_ms = clock.now_ms()
    poll(keeper, clock, 100)
    assert not commits(keeper)
    assert keeper.medium_beat["state"] == word
    assert keeper.medium_beat["waiting"] >= 500
    assert len(live.read(Path(keeper.medium_beat["live"]))) == 500
    assert any("since" in words and "wait in memory" in words for words in keeper.advice)
    mended.undo()
    poll(keeper, clock, 3)
    assert commits(keeper)
    assert stored(home) == 5 * 106
    keeper.upkeep(0.1)
    assert keeper.medium_beat["state"] == "well"
    assert keeper.medium_beat["live"] is None
    assert keeper.advice == []
    assert spare.places(home.live) == []
    (gap,) = gaps(home)
    assert 0 <= gap.at_ms - began_ms <= 4000
    assert word in gap.detail
    assert "no reading was lost" in gap.detail


def test_a_gone_folder_is_not_made_anew_in_the_place_where_the_medium_was(
    keeper: Keeper, home: Home, clock: FakeClock
) -> None:
    pulse = heartbeat.Pulse(home.heartbeat, clock, lambda: keeper.endurance.is_there)
    poll(keeper, clock, 3)
    assert commits(keeper)
    away = home.folder.with_name("away")
    home.folder.rename(away)
    home.folder.mkdir()  # the empty folder that a medium is mounted in
    poll(keeper, clock, 10)
    pulse.write({"state": "running"})
    assert not commits(keeper)
    with pytest.raises(StoreError, match="gone"):
        keeper.open()
    assert list(home.folder.iterdir()) == []
    assert keeper.medium_beat["state"] == "gone"
    assert heartbeat.read(home.heartbeat) is not None
    home.folder.rmdir()
    away.rename(home.folder)
    poll(keeper, clock, 3)
    assert commits(keeper)
    assert stored(home) == 5 * 16
    assert "gone" in gaps(home)[0].detail


def test_another_history_that_comes_back_is_not_written_to(
    keeper: Keeper, home: Home, clock: FakeClock, broken: Callable
) -> None:
    poll(keeper, clock, 1)
    mended = broken(errno.EIO)
    assert not commits(keeper)
    mended.undo()
    for path in home.folder.glob("daily_data.db*"):
        path.unlink()
    history.History(home.history, True, clock).close()
    with pytest.raises(StoreError, match="not the history that stood there before"):
        keeper.commit(10.0)
    assert stored(home) == 0


def test_what_was_kept_in_memory_outlives_the_poller(
    keeper: Keeper, home: Home, clock: FakeClock, broken: Callable
) -> None:
    mended = broken(errno.EROFS)
    poll(keeper, clock, 50)
    assert not commits(keeper)
    heartbeat.Pulse(home.heartbeat, clock, lambda: False).write(
        {"simulated": True, "medium": keeper.medium_beat}
    )
    began_ms = keeper.medium_beat["since_ms"]
    mended.undo()  # killed here: what it held is lost
    after = Keeper(home, SETTINGS, clock)
    after.open()
    poll(after, clock, 1)
    assert commits(after)
    assert stored(home) == 5 * 51
    assert spare.places(home.live) == []
    (gap,) = gaps(home)
    assert (gap.at_ms, "read-only" in gap.detail) == (began_ms, True)
    after.close()


def test_nothing_grows_without_end_while_the_medium_fails(
    keeper: Keeper,
    home: Home,
    clock: FakeClock,
    broken: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(history, "MOST_BUFFERED", 1000)
    monkeypatch.setattr(history, "MOST_EVENTS", 50)
    monkeypatch.setattr(live_places, "LARGEST_SPARE_BYTES", 200_000)
    mended = broken(errno.EIO)
    sizes = []
    for _ in range(10):
        poll(keeper, clock, 50, step_s=60.0)
        keeper.event("supply", meter_id=1)
        for number in range(20):
            keeper.event("supply", meter_id=1, new=str(number))
        assert not commits(keeper)
        sizes.append(Path(keeper.medium_beat["live"]).stat().st_size)
    assert max(sizes) <= 200_000
    assert keeper._history is not None
    assert keeper._history.pending <= 1050
    assert keeper.medium_beat["lost"] == 1500
    assert "1500 readings were given up" in " ".join(keeper.advice)
    mended.undo()
    poll(keeper, clock, 1, step_s=60.0)
    assert commits(keeper)
    assert stored(home) == 1000
    assert "lost" in gaps(home)[0].detail


def test_a_place_that_fails_is_not_asked_in_every_round(
    keeper: Keeper, home: Home, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def slow(*_: object) -> None:
        asked.append(clock.monotonic())
        with live._explained(home.live):
            raise OSError(errno.EIO, "Input/output error")

    keeper._live.close()
    monkeypatch.setattr(live_places.LivePlaces, "open", slow)
    poll(keeper, clock, 30)
    assert len(asked) <= 1 + 60 / live_places.RETRY_S


def test_a_backlog_is_written_in_pieces_that_a_round_can_wait_for(
    keeper: Keeper, home: Home, clock: FakeClock, broken: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "BACKLOG_A_COMMIT", 100)
    mended = broken(errno.ENOSPC)
    poll(keeper, clock, 300)
    assert not commits(keeper)
    mended.undo()
    poll(keeper, clock, 1)
    keeper.commit(0.0)
    assert stored(home) == 100
    keeper.keep_live(a_round(clock))
    assert not keeper.behind  # while it lasts, every few seconds
    for _ in range(40):
        keeper.commit(0.0)
    assert stored(home) == 5 * 301
    assert len(gaps(home)) == 1


def test_a_fault_that_is_not_the_mediums_is_said_as_it_is(
    keeper: Keeper, home: Home, clock: FakeClock
) -> None:
    home.live.unlink(missing_ok=True)
    home.live.mkdir()
    for _ in range(3):
        with pytest.raises(StoreError, match="is no file; move it away"):
            keeper.keep_live(a_round(clock))
    assert not keeper.endurance.medium.failing


def test_the_medium_is_asked_what_is_wrong_with_it_since_sqlite_does_not_know(
    home: Home, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = sqlite3.OperationalError("disk I/O error")
    said.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE  # type: ignore[misc]
    error = StoreError("daily_data.db cannot be used: disk I/O error")
    error.__cause__ = said
    found = medium.Medium(home, clock, SETTINGS.site.zone)
    assert found.failed(error)
    assert found.reason == "failing"
    monkeypatch.setattr(medium, "_read_only", lambda _: True)
    assert found.failed(error)
    assert found.reason == "read-only"
    over = found.well()
    assert over is not None
    assert "failing and read-only" in over.was


def test_without_memory_the_trouble_itself_is_said(
    keeper: Keeper, clock: FakeClock, broken: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spare, "folders", list)
    broken(errno.EROFS)
    with pytest.raises(StoreError, match="Read-only file system"):
        keeper.keep_live(a_round(clock))


def test_readings_of_the_history_are_in_order_and_once_after_all(
    keeper: Keeper, home: Home, clock: FakeClock, broken: Callable
) -> None:
    for _ in range(3):
        poll(keeper, clock, 5)
        mended = broken(errno.ENOSPC)
        poll(keeper, clock, 5)
        assert not commits(keeper)
        mended.undo()
        poll(keeper, clock, 5)
        assert commits(keeper)
    with sqlite3.connect(home.history) as db:
        keys = [key for (key,) in db.execute("SELECT key FROM reading WHERE key & 255 = 1 ORDER BY key")]
        (counted,) = db.execute("SELECT sum(n) FROM minute").fetchone()
    db.close()
    assert [key >> 8 for key in keys] == [clock.now_ms() - 2000 * back for back in range(44, -1, -1)]
    assert counted == 225


def test_the_beat_of_a_medium_that_is_well(keeper: Keeper, clock: FakeClock) -> None:
    keeper.upkeep(0.1)
    beat = keeper.medium_beat
    assert set(beat) == {"state", "since_ms", "live", "free", "total", "days_left", "waiting", "lost"}
    assert (beat["state"], beat["live"], beat["lost"]) == ("well", None, 0)
    assert 0 < beat["free"] <= beat["total"]
    assert endurance.BACKLOG > 0


def test_a_reading_is_what_it_was_after_all(keeper: Keeper, home: Home, clock: FakeClock) -> None:
    poll(keeper, clock, 1)
    assert commits(keeper)
    newest = HistoryReader(home.history).latest()[1]
    assert isinstance(newest, Reading)
    assert newest.at_ms == clock.now_ms() > BEGIN_MS


def test_a_journal_that_could_not_be_taken_at_once_is_taken_later_and_not_cut_before(
    keeper: Keeper, home: Home, clock: FakeClock, broken: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_places, "PIECE", 20)
    poll(keeper, clock, 30, step_s=200.0)  # longer than the hour that is kept otherwise
    mended = broken(errno.ENOSPC)
    after = Keeper(home, SETTINGS, clock)  # the one before was killed
    with pytest.raises(StoreError):
        after.open()
    for _ in range(3):
        after.open()
    assert after.medium_beat["waiting"] == 20
    mended.undo()
    after.compact()
    poll(after, clock, 1)
    assert commits(after)
    after.open()
    assert stored(home) == 5 * 31
    after.compact()
    assert len(live.read(home.live)) < 5 * 31
    after.close()
