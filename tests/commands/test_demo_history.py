"""The demo's past: made once, joined to the live line, gone on with after a pause."""

import contextlib
import datetime as dt
import itertools
import sqlite3
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from substation.clock import SystemClock
from substation.commands import demo, demo_entries, demo_history
from substation.commands.demo_history import fill, recent_days, to_do
from substation.dashboard.samples import values
from substation.readings import Reading
from substation.reports.supply_record import of_time
from substation.settings import files
from substation.settings.model import CARD_METERS, Home, Settings
from substation.simulator.kept import site_of
from substation.store import entries
from substation.store.history import History, HistoryReader
from tests.fake_clock import FakeClock

RECENT_MS = 72 * 60_000
ALL_MS = 288 * 60_000
PIECE_MS = 100 * 60_000


@pytest.fixture
def short_past(monkeypatch: pytest.MonkeyPatch) -> None:
    """Days are cut down: what is tested does not depend on how many there are."""
    monkeypatch.setattr(demo_history, "RECENT_MS", RECENT_MS)
    monkeypatch.setattr(demo_history, "all_ms", lambda now_ms, zone: ALL_MS)
    monkeypatch.setattr(demo_history, "PIECE_MS", PIECE_MS)
    monkeypatch.setattr(demo_history, "CHUNK_ROUNDS", 50)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    demo.make(tmp_path / "demo")
    result = files.load(tmp_path / "demo").home
    result.state.mkdir()
    return result


@pytest.fixture
def settings(home: Home) -> Settings:
    return files.load(home.folder).settings


def times(path: Path, meter_id: int = 1) -> list[int]:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        rows = connection.execute(
            "SELECT CAST(strftime('%s', at) AS INTEGER) FROM readings_v WHERE meter_id = ? ORDER BY at",
            (meter_id,),
        ).fetchall()
    connection.close()
    return [row[0] for row in rows]


def registers(path: Path, meter_id: int) -> list[float]:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        rows = connection.execute(
            "SELECT wh_received FROM readings_v WHERE meter_id = ? ORDER BY at", (meter_id,)
        ).fetchall()
    connection.close()
    return [row[0] for row in rows]


@pytest.mark.usefixtures("short_past")
def test_a_new_demo_has_its_last_days_at_once_and_the_rest_to_do(settings: Settings, home: Home) -> None:
    clock = FakeClock()
    recent_days(settings, home, clock)
    found = times(home.history)
    assert found[0] * 1000 >= clock.ms - RECENT_MS - 1000
    assert clock.ms / 1000 - found[-1] <= 1  # the poller goes on from now: no minute that nobody polled
    assert len(found) == 73
    assert to_do(home) == (clock.ms - ALL_MS, clock.ms - RECENT_MS)


def laid(home: Home) -> list[Path]:
    """What lies in the inbox, in the order in which the poller takes it."""
    return sorted((home.state / "inbox").glob("*.db"))


@pytest.mark.usefixtures("short_past")
def test_the_background_lays_the_weeks_before_into_the_inbox_the_newest_first(
    settings: Settings, home: Home
) -> None:
    clock = FakeClock()
    recent_days(settings, home, clock)
    count = fill(settings, home, clock)
    pieces = [times(path) for path in laid(home)]
    assert [len(piece) for piece in pieces] == [100, 100, 16]
    assert count == 216 * 5
    assert [path.name for path in (home.state / "inbox").iterdir() if path.suffix != ".db"] == []
    way = [*pieces[2], *pieces[1], *pieces[0], *times(home.history)]
    assert way == sorted(set(way))
    steps = [b - a for a, b in itertools.pairwise(way)]
    assert max(steps) == 60
    assert sum(step < 60 for step in steps) <= 1  # where the last days begin, which end with now
    assert {at % 60 for piece in pieces for at in piece} == {40}  # blocks of demand find their ends
    assert to_do(home) is None
    assert fill(settings, home, clock) == 0


@pytest.mark.usefixtures("short_past")
def test_what_is_long_past_is_told_in_longer_steps(
    settings: Settings, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_history, "OLD_MS", 200 * 60_000)
    clock = FakeClock()
    recent_days(settings, home, clock)
    fill(settings, home, clock)
    steps = [{b - a for a, b in itertools.pairwise(times(path))} for path in laid(home)]
    assert steps == [{60}, {300}, {300}]


@pytest.mark.usefixtures("short_past")
def test_registers_never_step_back_from_weeks_to_days_to_the_live_line(
    settings: Settings, home: Home
) -> None:
    clock = FakeClock()
    recent_days(settings, home, clock)
    fill(settings, home, clock)
    live = site_of(home.folder, settings.site.zone, clock.ms).at(clock.ms)
    for meter_id in range(1, 6):
        past = [registers(path, meter_id) for path in [*reversed(laid(home)), home.history]]
        way = [*itertools.chain.from_iterable(past)]
        assert way == sorted(way), meter_id
        # The meters speak single precision, whose step at these figures is 128 Wh.
        assert live[meter_id]["wh_received"] >= way[-1] - 128


@pytest.mark.usefixtures("short_past")
def test_after_a_short_pause_only_the_pause_is_filled(settings: Settings, home: Home) -> None:
    clock = FakeClock()
    recent_days(settings, home, clock)
    fill(settings, home, clock)
    before = times(home.history)
    clock.advance(1800)
    recent_days(settings, home, clock)
    after = times(home.history)
    assert after[: len(before)] == before
    assert len(after) - len(before) == 30
    assert to_do(home) is None


@pytest.mark.usefixtures("short_past")
def test_a_demo_that_stood_still_while_its_set_ran_says_when_that_ended(
    settings: Settings, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_history, "RECENT_MS", 10 * 60_000)
    clock = FakeClock()
    recent_days(settings, home, clock)
    clock.advance(2)
    with contextlib.closing(History(home.history, True, clock, settings.site.zone, site="x")) as history:
        history.add([Reading(5, clock.now_ms(), values(CARD_METERS[4], volts=240.0))])
        at_ms = clock.now_ms()
        history.event("supply", at_ms=at_ms, meter_id=5, old="DG set Off", new="DG set On", detail="")
    clock.advance(300)
    recent_days(settings, home, clock)
    told = [one for one in HistoryReader(home.history).events(0, clock.now_ms()) if one.meter_id == 5][-2:]
    assert [one.new for one in told] == ["DG set On", "DG set Off"]
    assert told[1].at_ms - told[0].at_ms == 60_000


@pytest.mark.usefixtures("short_past")
def test_after_a_long_pause_the_rest_of_it_is_left_to_the_background(settings: Settings, home: Home) -> None:
    clock = FakeClock()
    recent_days(settings, home, clock)
    fill(settings, home, clock)
    last_ms = max(reading.at_ms for reading in HistoryReader(home.history).latest().values())
    clock.advance(3 * 3600)
    recent_days(settings, home, clock)
    assert to_do(home) == (last_ms + 60_000, clock.ms - RECENT_MS)


@pytest.mark.usefixtures("short_past")
def test_a_filler_that_was_broken_off_begins_again(settings: Settings, home: Home) -> None:
    clock = FakeClock()
    recent_days(settings, home, clock)
    todo = to_do(home)
    (home.state / "demo_history.making").write_bytes(b"half a database")
    assert to_do(home) == todo
    assert fill(settings, home, clock) == 216 * 5


@pytest.mark.usefixtures("short_past")
def test_the_poller_takes_what_the_filler_laid(settings: Settings, home: Home) -> None:
    clock = FakeClock()
    recent_days(settings, home, clock)
    fill(settings, home, clock)
    history = History(home.history, True, clock, settings.site.zone, site=settings.site.name)
    for path in laid(home):
        while not history.absorb(path, 1.0):
            pass
    history.close()
    found = times(home.history)
    assert len(found) == 289
    assert found == sorted(set(found))


def test_the_whole_past_takes_seconds_not_minutes(settings: Settings, home: Home) -> None:
    begun = SystemClock().monotonic()
    recent_days(settings, home, SystemClock())
    assert SystemClock().monotonic() - begun < 15
    found = times(home.history)
    assert max(b - a for a, b in itertools.pairwise(found)) <= 60
    assert SystemClock().now_ms() / 1000 - found[-1] < 62  # the last is of now
    now_ms = SystemClock().now_ms()
    record = of_time(settings, HistoryReader(home.history), now_ms - demo_history.RECENT_MS, now_ms, now_ms)
    (failure,) = record.supply()
    off, on, taken, back, stopped = record.change_over(failure)
    seconds = [(step.at_ms - off.at_ms) / 1000 for step in (on, taken, back, stopped)]
    assert seconds == [10, 10, 540, 570]
    assert {step.at_ms - (step.after_ms or 0) for step in (off, on, back, stopped)} == {2000}
    (run,) = record.begun()
    assert 6_000 < (record.loads[run.key].wh or 0) < 10_000
    assert demo_entries.write(settings, home) == 4 * 3 + 3  # of one run nobody read the dip stick
    assert demo_entries.write(settings, home) == 0
    written = entries.read(home.operator, "interruption", 0, now_ms)
    assert {place.moment_ms for place in written} == {
        one.start_ms for one in site_of(home.folder, settings.site.zone, now_ms).failures
    } - {failure.time.begun_ms}  # yesterday's waits for its cause


def test_the_past_holds_the_whole_of_last_month() -> None:
    zone = ZoneInfo("Asia/Kolkata")
    for now, begin in (("2026-11-23T09:00", "2026-09-30"), ("2026-03-01T00:00", "2026-01-31")):
        now_ms = round(dt.datetime.fromisoformat(now).replace(tzinfo=zone).timestamp() * 1000)
        begun = dt.datetime.fromtimestamp((now_ms - demo_history.all_ms(now_ms, zone)) / 1000, zone)
        assert f"{begun:%Y-%m-%d %H:%M}" == f"{begin} 00:00"
