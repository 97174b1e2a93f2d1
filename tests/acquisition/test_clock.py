"""The poller and its clock: set, wrong, trusted; over midnight, summer time, the turn of the year."""

import datetime as dt
import itertools
import sqlite3
import zoneinfo
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from substation.acquisition.spine import Poller
from substation.acquisition.timekeeper import Timekeeper
from substation.bus.lock import PollerLock
from substation.bus.plant import Plant
from substation.clock_trust import ClockTrust
from substation.commands import datalogger
from substation.dashboard import health_store
from substation.dashboard.board import make_board
from substation.dashboard.store_facts import Facts
from substation.settings import files
from substation.settings.model import Home, Poll, Site
from substation.store import heartbeat
from substation.store.history import HistoryReader
from tests.bus.fake_wire import FakeWire
from tests.fake_clock import FakeClock

HOUR_MS = 3_600_000
TABLES = ("minute", "quarter", "hour", "day")


class Station:
    """A poller on a line without a wire, whose hours pass in a moment."""

    def __init__(self, home: Home, clock: FakeClock, *, trusted: bool = True, boot: str = "one") -> None:
        self.home, self.clock = home, clock
        self.root = home.folder / "root"
        self.poller = Poller(files.load(home.folder), clock)
        self.poller.plant = Plant(self.poller.settings, clock, make_line=FakeWire)
        if not trusted:
            trust = ClockTrust(clock, home.clock_word, self.root, boot)
            self.poller.timekeeper = Timekeeper(clock, self.poller.keeper, trust)

    def rounds(self, number: int) -> None:
        self.poller.run(self.poller.number + number)

    def vouch(self) -> None:
        mark = self.root / "run/systemd/timesync/synchronized"
        mark.parent.mkdir(parents=True)
        mark.touch()

    @property
    def problems(self) -> list[str]:
        return (heartbeat.read(self.home.heartbeat) or {})["problems"]

    def table(self, what: str, table: str) -> list[tuple]:
        return self.rows(f"SELECT {what} FROM {table}")  # noqa: S608 - names of this file

    def rows(self, sql: str, *parameters: object) -> list[tuple]:
        with sqlite3.connect(self.home.history) as db:
            return db.execute(sql, parameters).fetchall()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def station(
    home: Home, changed: Callable[..., None], clock: FakeClock, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Station]]:
    made: list[Station] = []

    def make(*, interval_s: float = 2.0, timezone: str = "Asia/Kolkata", **how: object) -> Station:
        changed(poll=Poll(interval_s=interval_s), site=Site(timezone=timezone))
        made.append(Station(home, clock, **how))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.poller.stop()


def test_a_reading_is_marked_while_nobody_vouches_for_its_time(
    station: Callable[..., Station], clock: FakeClock
) -> None:
    one = station(trusted=False)
    one.rounds(3)
    one.poller.keeper.commit()
    assert {reason for (reason,) in one.rows("SELECT reason FROM reading")} == {"clock 1"}
    assert {quality for (quality,) in one.rows("SELECT quality FROM readings_v")} == {"implausible"}
    assert {quality for (quality,) in one.rows("SELECT quality FROM minute")} == {1}
    details = one.rows("SELECT detail FROM event WHERE kind = 'supply'")
    assert details
    assert all("(clock 1)" in detail for (detail,) in details)
    assert any("times may be wrong" in words and "clock trust" in words for words in one.problems)
    assert told_of_the_clock(one) == (True, "nobody vouches for it: times may be wrong")


def told_of_the_clock(station: "Station") -> tuple[bool, str]:
    """Return whether a page shows its times as doubtful, and what it says of the clock on Health."""
    station.poller.heartbeat()
    beat = heartbeat.read(station.home.heartbeat)
    assert beat is not None
    board = make_board(station.poller.settings, beat, {}, station.clock.now_ms())
    facts = Facts(station.clock.now_ms(), clock=beat["clock"])
    rows = health_store.store(station.poller.settings, facts).rows
    return board.times_doubted, rows[health_store.STORE_ROWS.index("Clock")].words


def test_with_a_time_server_the_offset_is_known_and_the_marks_end(
    station: Callable[..., Station], clock: FakeClock
) -> None:
    one = station(trusted=False)
    one.rounds(5)
    clock.step(7200)
    one.vouch()
    one.rounds(5)
    assert told_of_the_clock(one) == (False, "trusted: time server")
    one.poller.keeper.commit()
    (span,) = HistoryReader(one.home.history, clock).clock_spans()
    assert span.offset_ms == 7_200_000
    assert one.poller.timekeeper.trusted
    marked = [reason for (reason,) in one.rows("SELECT reason FROM reading ORDER BY key")]
    assert marked == ["clock 1"] * 25 + [None] * 25
    assert one.rows("SELECT new FROM event WHERE kind = 'clock.trusted'") == [("time server",)]
    assert not any("times may be wrong" in words for words in one.problems)


def test_every_set_of_an_untrusted_clock_begins_a_span_of_its_own(
    station: Callable[..., Station], clock: FakeClock
) -> None:
    one = station(trusted=False)
    one.rounds(2)
    clock.step(-600)
    one.rounds(2)
    clock.step(4200)
    one.vouch()
    one.rounds(1)
    spans = HistoryReader(one.home.history, clock).clock_spans()
    assert [span.offset_ms for span in spans] == [3_600_000, 4_200_000]


def test_a_restart_in_the_same_start_of_the_machine_goes_on_with_the_span(
    station: Callable[..., Station], clock: FakeClock
) -> None:
    one = station(trusted=False)
    one.rounds(2)
    one.poller.stop()
    clock.advance(10)
    two = station(trusted=False)
    two.rounds(2)
    assert two.poller.timekeeper.span == 1
    two.poller.stop()
    three = station(trusted=False, boot="two")
    three.rounds(2)
    assert three.poller.timekeeper.span == 2


def test_a_battery_clock_that_lies_before_the_newest_reading_is_not_believed(
    station: Callable[..., Station], clock: FakeClock
) -> None:
    one = station()
    one.rounds(3)
    one.poller.stop()
    clock.step(-86_400)
    two = station(trusted=False, boot="two")
    two.vouch()
    two.rounds(2)
    assert not two.poller.timekeeper.trusted


def test_corrected_readings_are_as_if_the_clock_had_been_right(
    station: Callable[..., Station],
    home: Home,
    clock: FakeClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SUBSTATION_HOME", str(home.folder))
    began_ms = clock.ms
    clock.step(-5400)
    one = station(trusted=False, interval_s=20.0)
    one.rounds(30)
    clock.step(5400)
    one.vouch()
    one.rounds(30)
    one.poller.stop()
    assert datalogger.main(["clock", "correct"], clock) == 0
    assert "150 readings moved by +5400.0 s" in capsys.readouterr().out

    keys = [key for (key,) in one.rows("SELECT key FROM reading ORDER BY key")]
    assert len(keys) == 300
    assert keys[0] >> 8 >= began_ms
    assert one.rows("SELECT count(*) FROM reading WHERE reason IS NOT NULL") == [(0,)]
    assert one.rows("SELECT count(*) FROM event WHERE detail LIKE '%(clock %'") == [(0,)]
    assert min(at for (at,) in one.rows("SELECT at_ms FROM event WHERE kind = 'supply'")) >= began_ms
    for table in TABLES:
        assert one.table("sum(rows), sum(n), max(quality)", table) == [(300, 300, 0)], table
        assert min(key for (key,) in one.table("key", table)) >> 8 > began_ms - 24 * HOUR_MS
    first_minute = min(key for (key,) in one.rows("SELECT key FROM minute")) >> 8
    assert first_minute == began_ms - began_ms % 60_000

    again = station(interval_s=20.0)  # the live file still holds the rows by their wrong times
    again.rounds(1)
    again.poller.stop()
    assert again.rows("SELECT count(*) FROM reading") == [(305,)]
    assert datalogger.main(["clock", "correct"], clock) == 0
    assert "nothing to move" in capsys.readouterr().out


def test_the_gap_before_a_wrong_clock_begins_where_it_did_and_ends_where_it_did(
    station: Callable[..., Station], home: Home, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUBSTATION_HOME", str(home.folder))
    one = station()
    one.rounds(5)
    one.poller.stop()
    clock.advance(21_600)  # a power cut of six hours
    clock.step(-21_540)  # and a clock that goes on where it was
    two = station(trusted=False, boot="two")
    two.rounds(2)
    clock.step(21_540)
    two.vouch()
    two.rounds(1)
    two.poller.stop()
    assert datalogger.main(["clock", "correct"], clock) == 0
    ((at_ms, new, detail),) = two.rows("SELECT at_ms, new, detail FROM event WHERE kind = 'station.gap'")
    seen = [ms for (ms,) in two.rows("SELECT DISTINCT key >> 8 FROM reading ORDER BY key")]
    before, after = max(itertools.pairwise(seen), key=lambda pair: pair[1] - pair[0])
    seconds = (after - before) / 1000
    assert seconds > 21_000
    assert abs(at_ms - before) < 2000
    assert abs(dt.datetime.fromisoformat(new).timestamp() * 1000 - after) < 2000
    assert abs(int(detail.split("no samples for ")[1].split()[0]) - seconds) < 2
    assert "clock" not in detail


def test_a_span_that_nobody_knows_the_offset_of_is_moved_by_the_administrators_number(
    station: Callable[..., Station],
    home: Home,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SUBSTATION_HOME", str(home.folder))
    one = station(trusted=False)
    one.rounds(3)
    one.poller.stop()
    first = one.rows("SELECT min(key) FROM reading")[0][0] >> 8
    assert datalogger.main(["clock", "correct"], clock) == 0
    assert "offset not known" in capsys.readouterr().out
    assert datalogger.main(["clock", "correct", "--offset-s", "60"], clock) == 64
    assert datalogger.main(["clock", "correct", "--span", "9"], clock) == 64
    assert datalogger.main(["clock", "correct", "--span", "1", "--offset-s", "-90.5"], clock) == 0
    assert one.rows("SELECT min(key) FROM reading")[0][0] >> 8 == first - 90_500


def test_nothing_is_moved_while_a_poller_writes(
    station: Callable[..., Station],
    home: Home,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SUBSTATION_HOME", str(home.folder))
    one = station(trusted=False)
    one.rounds(2)
    lock = PollerLock(home.poller_lock)
    lock.take()
    assert datalogger.main(["clock", "correct"], clock) == 75
    assert "only while no poller writes" in capsys.readouterr().err
    lock.release()


@pytest.mark.parametrize("step_s", [3600.0, -3600.0, 2.5, -86_400.0 * 400])
def test_a_set_of_the_clock_loses_no_reading_and_moves_no_poll(
    station: Callable[..., Station], clock: FakeClock, step_s: float
) -> None:
    one = station()
    one.rounds(20)
    before_s = clock.mono
    clock.step(step_s)
    one.rounds(20)
    assert clock.mono - before_s == pytest.approx(20 * 2.0, abs=2.0)
    one.poller.keeper.commit()
    assert one.rows("SELECT count(*) FROM reading") == [(200,)]
    for table in TABLES:
        assert one.table("sum(rows)", table) == [(200,)], table
    (words,) = [detail for (detail,) in one.rows("SELECT detail FROM event WHERE kind = 'clock.step'")]
    assert f"{abs(step_s):.1f} s" in words
    assert ("forward" if step_s > 0 else "back") in words


@pytest.mark.parametrize(
    ("begin", "timezone", "hours"),
    [
        ("2026-10-25", "Europe/London", 25),
        ("2027-03-28", "Europe/London", 23),
        ("2026-12-31", "Asia/Kolkata", 24),
        ("2028-02-29", "Europe/London", 24),
    ],
)
def test_a_day_of_the_site_has_its_own_hours(
    station: Callable[..., Station], clock: FakeClock, begin: str, timezone: str, hours: int
) -> None:
    zone = zoneinfo.ZoneInfo(timezone)
    midnight = dt.datetime.combine(dt.date.fromisoformat(begin), dt.time(), zone)
    start_ms = int(midnight.timestamp() * 1000)
    clock.ms = start_ms - HOUR_MS
    one = station(interval_s=600.0, timezone=timezone)
    for _ in range(6 * (hours + 2)):  # without the rest between rounds, which looks up five times a second
        for step in one.poller.steps:
            step()
        clock.ms += 600_000
        clock.mono += 600
    one.poller.keeper.commit()
    days = one.rows("SELECT key >> 8, rows FROM day WHERE key & 255 = 1 ORDER BY key")
    assert [rows for _, rows in days] == [6, 6 * hours, 6]
    assert days[1][0] == start_ms
    assert days[2][0] == start_ms + hours * HOUR_MS
    assert one.rows("SELECT count(*) FROM hour WHERE key & 255 = 1") == [(hours + 2,)]


def gaps(one: Station) -> list[tuple]:
    return one.rows("SELECT at_ms, old, new, detail FROM event WHERE kind = 'station.gap'")


@pytest.mark.parametrize("ahead_s", [60, -600])
def test_the_stations_gap_waits_until_somebody_vouches_for_the_clock(
    station: Callable[..., Station], clock: FakeClock, ahead_s: float
) -> None:
    one = station()
    one.rounds(40)
    one.poller.stop()
    (last_ms,) = one.rows("SELECT max(key) >> 8 FROM reading")[0]
    clock.advance(6 * 3600)
    clock.step(-6 * 3600 + ahead_s)  # the machine wakes with about the time of its end
    two = station(trusted=False, boot="two")
    two.rounds(60)
    assert gaps(two) == []
    clock.step(6 * 3600 - ahead_s)
    two.vouch()
    two.rounds(5)
    two.poller.stop()
    ((at_ms, _, until, detail),) = gaps(two)
    assert at_ms == last_ms
    until_ms = dt.datetime.fromisoformat(until).timestamp() * 1000
    assert until_ms - at_ms == pytest.approx(6 * HOUR_MS, abs=5000)
    assert "no samples for 216" in detail
    assert "(clock" not in detail


def test_a_gap_that_ends_by_a_clock_before_its_beginning_is_told_and_corrected_afterwards(
    station: Callable[..., Station], home: Home, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUBSTATION_HOME", str(home.folder))
    one = station()
    one.rounds(40)
    one.poller.stop()
    clock.advance(6 * 3600)
    clock.step(-6 * 3600 - 600)
    two = station(trusted=False, boot="two")
    two.rounds(330)  # nobody vouches for ten minutes
    two.poller.keeper.commit()
    ((at_ms, _, _, detail),) = gaps(two)
    assert "a time that is not known" in detail
    clock.step(6 * 3600 + 600)
    two.vouch()
    two.rounds(5)
    two.poller.stop()
    assert datalogger.main(["clock", "correct"], clock) == 0
    ((moved_ms, _, until, detail),) = gaps(two)
    assert moved_ms == at_ms
    until_ms = dt.datetime.fromisoformat(until).timestamp() * 1000
    assert until_ms - at_ms == pytest.approx(6 * HOUR_MS, abs=5000)
    assert "no samples for 216" in detail


def test_an_event_stamped_in_a_span_is_marked_also_when_it_is_told_afterwards(
    station: Callable[..., Station], clock: FakeClock
) -> None:
    one = station(trusted=False)
    one.rounds(3)
    stamped_ms = clock.ms
    one.rounds(1)
    clock.step(7200)
    one.vouch()
    one.rounds(1)
    one.poller.keeper.event("supply", at_ms=stamped_ms, detail="told late")
    one.poller.keeper.event("supply", at_ms=stamped_ms - 3_600_000, detail="of before the span")
    one.poller.keeper.event("supply", detail="of now")
    one.poller.keeper.commit()
    assert one.rows("SELECT detail FROM event WHERE kind = 'supply' ORDER BY id DESC LIMIT 3")[::-1] == [
        ("told late (clock 1)",),
        ("of before the span",),
        ("of now",),
    ]


def test_a_clock_that_was_right_all_along_asks_for_nothing(station: Callable[..., Station]) -> None:
    one = station(trusted=False)
    one.rounds(3)
    one.vouch()
    one.rounds(3)
    one.poller.keeper.commit()
    ((detail,),) = one.rows("SELECT detail FROM event WHERE kind = 'clock.offset'")
    assert detail.startswith("the times of clock span 1 were right")
