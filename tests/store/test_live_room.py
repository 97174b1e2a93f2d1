"""The live file as the only store: it grows while there is room, and what is cut at last is told."""

import pytest

from substation.settings.model import CARD_METERS, Home, Settings
from substation.store import ballast, history, keeper, live, live_room, live_tail, room
from substation.store.history import HistoryReader
from substation.store.keeper import Keeper
from substation.store.live import LiveRow
from tests.store.readings import a_reading

SETTINGS = Settings(simulated=True, meters=CARD_METERS)


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path)
    home.state.mkdir()
    return home


@pytest.fixture
def kept(home, clock):
    made = Keeper(home, SETTINGS, clock)
    made.open()
    yield made
    made.close()


def poll(kept, clock, rounds, step_s=60.0):
    for _ in range(rounds):
        clock.advance(step_s)
        rows = [LiveRow(a_reading(clock.now_ms(), meter.id), "OK", "OK") for meter in CARD_METERS]
        kept.keep_live(rows)
        kept.keep_history(rows)


def without_history(home, kept):
    """Leave the poller as a salvage that has no room leaves it."""
    aside = kept.set_aside("a page of it is damaged")
    return lambda: aside.rename(home.history)


def test_the_journal_grows_as_long_as_there_is_room(home, kept, clock, monkeypatch):
    monkeypatch.setattr(live_room, "LEAST_BYTES", 10_000)
    bring_back = without_history(home, kept)
    poll(kept, clock, 200)
    kept.compact()
    bring_back()
    kept.open()
    assert HistoryReader(home.history).tables()["reading"].rows == 200 * len(CARD_METERS)
    assert kept.advice == []


def test_a_journal_that_is_cut_says_how_much_went_and_of_when(home, kept, clock, monkeypatch):
    monkeypatch.setattr(live_room, "LEAST_BYTES", 10_000)
    begin_ms = clock.now_ms()
    bring_back = without_history(home, kept)
    poll(kept, clock, 200)
    monkeypatch.setattr(room, "room_of", lambda _: room.Room(40_000_000, 32_000_000_000))
    kept.compact()
    held = live.read(home.live)
    gone = 200 * len(CARD_METERS) - len(held)
    assert 0.2 < gone / (200 * len(CARD_METERS)) < 0.3
    assert held[-1].reading.at_ms == clock.now_ms()
    (words,) = kept.advice
    assert f"{gone} readings from {live_room.iso(begin_ms + 60_000)} to" in words
    poll(kept, clock, 1)
    bring_back()
    kept.open()
    kept.commit()
    reader = HistoryReader(home.history)
    assert reader.tables()["reading"].rows == len(held) + len(CARD_METERS)
    (event,) = reader.of_kind("store.gap")
    assert event.detail.endswith(f"{gone} readings were lost, the oldest of them")
    assert event.old == live_room.iso(begin_ms + 60_000)


def test_the_limit_leaves_reserve_and_ballast():
    found = room.Room(100_000_000, 32_000_000_000)
    spare = found.free - found.reserve - ballast.size_for(found.total)
    assert live_room.LiveRoom._most(70_000_000, found) == 70_000_000 + spare
    assert live_room.LiveRoom._most(1, room.Room(10**12, 10**13)) == live_room.MOST_BYTES


def test_a_long_journal_is_taken_over_piece_by_piece_between_the_rounds(home, kept, clock, monkeypatch):
    bring_back = without_history(home, kept)
    poll(kept, clock, 30)
    bring_back()
    monkeypatch.setattr(keeper, "FIRST_REPLAY_S", 0.0)
    monkeypatch.setattr(keeper, "REPLAY_S", 0.0)
    monkeypatch.setattr("substation.store.live_places.PIECE", 40)
    kept.open()
    assert kept.is_replaying
    poll(kept, clock, 2)
    kept.commit()
    kept.compact()
    while kept.is_replaying:
        kept.open()
    assert HistoryReader(home.history).tables()["reading"].rows == 32 * len(CARD_METERS)


def test_readings_that_memory_gave_up_come_back_from_the_live_file(home, kept, clock, monkeypatch):
    monkeypatch.setattr(history, "MOST_BUFFERED", 20)
    poll(kept, clock, 30)
    kept.commit()
    assert kept.medium_beat["lost"] == 30 * len(CARD_METERS) - 20
    assert "given up in memory" in kept.advice[0]
    kept.compact()
    kept.open()
    assert HistoryReader(home.history).tables()["reading"].rows == 30 * len(CARD_METERS)
    assert (kept.medium_beat["lost"], kept.advice) == (0, [])


def test_readings_that_are_nowhere_any_more_are_told(home, kept, clock, monkeypatch):
    monkeypatch.setattr(history, "MOST_BUFFERED", 20)
    poll(kept, clock, 30)
    home.live.unlink()
    kept.commit()
    kept.open()
    kept.commit()
    (event,) = HistoryReader(home.history).of_kind("store.gap")
    lost = 30 * len(CARD_METERS) - 20
    assert event.detail.endswith(f"{lost} readings were lost, the oldest of them")


def test_a_history_that_vanished_is_told_and_a_new_station_is_silent(home, kept, clock):
    assert kept.advice == []
    poll(kept, clock, 1)
    uid = kept._history.facts()["uid"]
    kept.close()
    for path in home.folder.glob("daily_data.db*"):
        path.unlink()
    after = Keeper(home, SETTINGS, clock)
    after.open()
    after.commit()
    (event,) = HistoryReader(home.history).of_kind("store.new")
    assert uid in event.detail
    (words,) = after.advice
    assert "restore" in words
    clock.advance(86_401)
    assert after.advice == []
    after.close()


def test_of_a_long_file_only_the_end_is_followed(home, kept, clock, monkeypatch):
    poll(kept, clock, 100)
    monkeypatch.setattr(live_tail, "LONGEST_FOLLOWED", 5_000)
    read = []
    taken = live_tail._Tail._take
    monkeypatch.setattr(
        live_tail._Tail, "_take", lambda tail, data: read.append(len(data)) or taken(tail, data)
    )
    found = live_tail.latest(home.live)
    assert {pair.newest.reading.at_ms for pair in found.values()} == {clock.now_ms()}
    assert sum(read) < 6_000 < home.live.stat().st_size
