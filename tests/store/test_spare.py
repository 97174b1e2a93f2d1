"""The stand-ins in memory: ours alone, one a station, and never taken for now when they are not."""

import json
import os
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from substation.clock import boot_id
from substation.dashboard.answers import Newest
from substation.settings.model import CARD_METERS, Home, Settings
from substation.store import heartbeat, live_places, spare
from substation.store.live import LiveFile, LiveRow
from tests.fake_clock import FakeClock
from tests.store.readings import a_reading

ZONE = ZoneInfo("Asia/Kolkata")


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "memory"
    monkeypatch.setattr(spare, "folders", lambda: [folder])
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.state.mkdir(parents=True)
    return home


def test_two_stations_never_meet_and_one_has_one_name(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to("a")
    one, other, linked = (spare.beside(tmp_path / name / "meter_data.csv") for name in ("a", "b", "link"))
    assert one is not None
    assert one != other
    assert one == linked


def test_the_folder_is_ours_alone(memory: Path, home: Home) -> None:
    place = spare.beside(home.live)
    assert place is not None
    assert place.parent == memory
    assert memory.stat().st_mode & 0o777 == 0o700
    place.touch()
    assert spare.places(home.live) == [place]
    memory.chmod(0o770)
    assert spare.beside(home.live) is None
    assert spare.places(home.live) == []


def test_a_link_in_its_place_is_not_followed(memory: Path, home: Home, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir(mode=0o700)
    memory.symlink_to(tmp_path / "theirs")
    assert spare.beside(home.live) is None


def test_a_folder_of_another_user_is_not_used(
    memory: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.mkdir(mode=0o700)
    monkeypatch.setattr(os, "geteuid", lambda: memory.stat().st_uid + 1)
    assert spare.beside(home.live) is None


def test_the_services_folder_is_never_made_by_us() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spare, "folders", lambda: [spare.SERVICE])
        made = []
        patch.setattr(Path, "mkdir", lambda self, **_: made.append(self))
        spare.beside(Path("/nowhere/meter_data.csv"))
    assert made == []


class Pen:
    """Writes heartbeats; `to_memory` says whether the medium fails."""

    def __init__(self, home: Home, clock: FakeClock) -> None:
        self.is_there = True
        self._clock, self._home = clock, home
        self._pulse = heartbeat.Pulse(home.heartbeat, clock, lambda: self.is_there)

    def beat(self, number: int, after_s: float = 10.0) -> None:
        self._clock.advance(after_s)
        self._pulse.write({"round": number, "at_ms": self._clock.now_ms()})


def seen(home: Home) -> object:
    return (heartbeat.read(home.heartbeat) or {}).get("round")


@pytest.fixture
def pen(home: Home, clock: FakeClock) -> Pen:
    return Pen(home, clock)


def test_a_reader_takes_the_one_that_was_written_last(pen: Pen, home: Home) -> None:
    pen.beat(1)
    pen.is_there = False
    pen.beat(2)
    assert (seen(home), len(spare.places(home.heartbeat))) == (2, 1)
    pen.is_there = True
    pen.beat(3)
    assert (seen(home), spare.places(home.heartbeat)) == (3, [])


def test_a_clock_that_was_set_back_does_not_make_an_old_one_new(
    pen: Pen, home: Home, clock: FakeClock
) -> None:
    pen.beat(1)
    clock.step(-3600)
    pen.is_there = False
    pen.beat(2)
    assert seen(home) == 2


def test_what_was_left_in_memory_never_beats_a_later_one(pen: Pen, home: Home, clock: FakeClock) -> None:
    pen.is_there = False
    pen.beat(1)
    (left,) = spare.places(home.heartbeat)
    old = left.read_bytes()
    pen.is_there = True
    clock.step(-7200)
    pen.beat(2)
    left.write_bytes(old)
    assert seen(home) == 2


def test_of_another_start_of_the_machine_memory_knows_nothing(pen: Pen, home: Home) -> None:
    pen.is_there = False
    pen.beat(1)
    (left,) = spare.places(home.heartbeat)
    assert json.loads(left.read_bytes())["boot"] == boot_id()
    left.write_bytes(left.read_bytes().replace(boot_id().encode(), b"another"))
    assert seen(home) is None


def test_a_heartbeat_of_before_the_machines_start_is_beaten(pen: Pen, home: Home, clock: FakeClock) -> None:
    clock.advance(10_000)
    pen.beat(1)
    home.heartbeat.write_bytes(home.heartbeat.read_bytes().replace(boot_id().encode(), b"another"))
    clock.advance(-9_000)
    pen.is_there = False
    pen.beat(2)
    assert seen(home) == 2


def test_a_torn_stand_in_is_none(pen: Pen, home: Home) -> None:
    pen.beat(1)
    place = spare.beside(home.heartbeat)
    assert place is not None
    place.write_bytes(b'{"v": 1, "boot": "')
    assert seen(home) == 1


def test_where_neither_place_takes_it_the_trouble_is_said(
    pen: Pen, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    pen.is_there = False
    monkeypatch.setattr(spare, "beside", lambda _: None)
    with pytest.raises(OSError, match="folder"):
        pen.beat(1)
    with pytest.raises(OSError, match="heartbeat"):
        pen.beat(2, 0.1)


# what the board reads


@pytest.fixture
def newest(home: Home, clock: FakeClock) -> Newest:
    return Newest(Settings(simulated=True, meters=CARD_METERS), home, clock)


def row(clock: FakeClock, meter_id: int, watts: float) -> LiveRow:
    return LiveRow(a_reading(clock.now_ms(), meter_id, watts_total=watts), "OK", "OK")


def watts(newest: Newest, meter_id: int) -> float | None:
    problems: list[str] = []
    found = newest.answers(problems, heartbeat.read(newest.home.heartbeat)).last.get(meter_id)
    assert problems == []
    return None if found is None else found.values["watts_total"]


def told(home: Home, clock: FakeClock, place: Path | None) -> None:
    heartbeat.Pulse(home.heartbeat, clock).write({"medium": {"live": None if place is None else str(place)}})


@pytest.fixture
def both(home: Home, clock: FakeClock) -> Path:
    """A live file, and a later one in memory that holds meter 1 only; returns the latter."""
    zone = ZONE
    LiveFile(home.live, zone, True).append([row(clock, 1, 100.0), row(clock, 2, 200.0)])
    place = spare.beside(home.live)
    assert place is not None
    clock.advance(2)
    LiveFile(place, zone, True).append([row(clock, 1, 111.0)])
    return place


def test_the_board_follows_the_poller_to_memory(
    newest: Newest, home: Home, clock: FakeClock, both: Path
) -> None:
    told(home, clock, both)
    assert (watts(newest, 1), watts(newest, 2)) == (111.0, 200.0)


def test_what_was_left_in_memory_is_not_shown(
    newest: Newest, home: Home, clock: FakeClock, both: Path
) -> None:
    told(home, clock, None)
    assert watts(newest, 1) == 100.0
    home.heartbeat.unlink()
    assert watts(newest, 1) == 100.0


def test_a_clock_that_was_set_back_does_not_make_the_old_file_new(
    newest: Newest, home: Home, clock: FakeClock, both: Path
) -> None:
    clock.step(-3600)
    LiveFile(both, ZONE, True).append([row(clock, 1, 99.0)])
    told(home, clock, both)
    assert watts(newest, 1) == 99.0


def test_a_file_elsewhere_is_not_read_whoever_names_it(
    newest: Newest, home: Home, clock: FakeClock, both: Path, tmp_path: Path
) -> None:
    told(home, clock, both.rename(tmp_path / both.name))
    assert watts(newest, 1) == 100.0


def test_a_medium_that_cannot_be_read_any_more_leaves_the_board(
    newest: Newest, home: Home, clock: FakeClock, both: Path
) -> None:
    told(home, clock, both)
    home.live.unlink()
    home.live.mkdir()  # reading fails
    assert watts(newest, 1) == 111.0
    assert live_places.latest(home.live, heartbeat.read(home.heartbeat)).keys() == {1}
