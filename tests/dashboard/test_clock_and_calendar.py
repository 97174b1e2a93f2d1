"""R13, R14, R15: what a clock or a calendar does, from the poller's stores to the page and the file."""

import csv
import datetime as dt
import io
import sqlite3
from pathlib import Path

import pytest

from substation.dashboard.feed import Feed
from substation.export import table
from substation.export.order import Order
from substation.export.table import Form, Lines
from substation.settings.model import Site
from substation.store import schema
from substation.store.history import HistoryReader
from substation.store.keeper import Keeper
from substation.store.live import LiveRow
from substation.store.pages import Pages
from tests.dashboard.conftest import Station, demo_settings, reading
from tests.fake_clock import FakeClock

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def ms(text: str) -> int:
    """Return UTC ms of an ISO time with its offset."""
    return round(dt.datetime.fromisoformat(text).timestamp() * 1000)


def in_zone(folder: Path, clock: FakeClock, zone: str) -> Station:
    return Station(folder, demo_settings(site=Site(name="GS Substation", timezone=zone)), clock)


def polled(keeper: Keeper, at_ms: int, v_r: float) -> None:
    """Let meter 1 answer at a moment; as a round of the spine does."""
    rows = [LiveRow(reading(1, at_ms, v_r=v_r), "OK", "EB supply On")]
    keeper.keep_live(rows)
    keeper.keep_history(rows)


def exported(station: Station, begin_ms: int, end_ms: int) -> list[dict[str, str]]:
    order, zone = Order("poll", begin_ms, end_ms), station.settings.site.zone
    form = Form("poll", zone, {1: "Transformer"}, 2.0, True, order.period_s, order.extremes)
    pages, lines = Pages(station.home.history, order.wanted), Lines(form)
    text = table.header(form) + b"".join(lines.of(page) for page in pages.lines(pages.facts()))
    return list(csv.DictReader(io.StringIO(text.decode(), newline="")))


def test_both_hours_of_the_night_that_has_one_twice_reach_every_reader(
    tmp_path: Path, clock: FakeClock
) -> None:
    station = in_zone(tmp_path, clock, "Europe/London")
    keeper = Keeper(station.home, station.settings, clock)
    keeper.open()
    begin_ms, end_ms = ms("2026-10-24T23:00:00+00:00"), ms("2026-10-26T00:00:00+00:00")
    first_ms, second_ms = ms("2026-10-25T00:30:00+00:00"), ms("2026-10-25T01:30:00+00:00")
    moments = range(ms("2026-10-25T00:05:00+00:00"), ms("2026-10-25T02:05:00+00:00"), 5 * MINUTE_MS)
    volts = {at_ms: 230.0 + place * 0.25 for place, at_ms in enumerate(moments)}
    for at_ms, v_r in volts.items():
        clock.ms = at_ms
        polled(keeper, at_ms, v_r)
    lines = [line.split(",") for line in station.home.live.read_text().splitlines()]
    twice = [line for line in lines if line[2] == "2026-10-25 01:30:00"]
    assert len(twice) == 2  # the same local time, told apart by ts_ms
    assert twice[0][-3:-2] != twice[1][-3:-2]
    again = Keeper(station.home, station.settings, clock)  # killed: nothing was committed
    again.open()
    again.close()

    with sqlite3.connect(station.home.history) as db:
        assert [at for (at,) in db.execute("SELECT key >> 8 FROM reading ORDER BY key")] == list(moments)
    series = HistoryReader(station.home.history, clock).series(1, ("v_r",), begin_ms, end_ms, 100_000)
    drawn = dict(zip(series.at_ms, series.values["v_r"], strict=True))
    assert {at: drawn[at] for at in (first_ms, second_ms)} == {at: volts[at] for at in (first_ms, second_ms)}
    clock.advance(600)
    day = Feed(station.settings, station.home, clock).day(1, ("v_r",))
    assert {value for value in day.values["v_r"] if value is not None} == set(volts.values())
    rows = exported(station, begin_ms, end_ms)
    assert [float(row["V R phase"]) for row in rows] == list(volts.values())
    twice_exported = [row["UTC"] for row in rows if row["DateTime"] == "2026-10-25 01:30:00"]
    assert twice_exported == ["2026-10-25T00:30:00.000Z", "2026-10-25T01:30:00.000Z"]


@pytest.mark.parametrize(
    ("zone", "midnight"),
    [
        ("Asia/Kolkata", "2026-11-25T00:00:00+05:30"),
        ("Asia/Kolkata", "2026-12-01T00:00:00+05:30"),
        ("Asia/Kolkata", "2027-01-01T00:00:00+05:30"),
        ("Asia/Kolkata", "2028-02-29T00:00:00+05:30"),
        ("Asia/Kolkata", "2028-03-01T00:00:00+05:30"),
        ("Europe/London", "2026-10-25T00:00:00+01:00"),
        ("Europe/London", "2027-03-29T00:00:00+01:00"),
    ],
)
def test_midnight_parts_today_from_yesterday_on_the_page_by_the_sites_zone(
    tmp_path: Path, clock: FakeClock, zone: str, midnight: str
) -> None:
    station = in_zone(tmp_path, clock, zone)
    clock.ms = ms(midnight) - 2000
    keeper = Keeper(station.home, station.settings, clock)
    keeper.open()
    for place in range(4):  # 23:59:58, 00:00:00, 00:00:02, 00:00:04
        polled(keeper, clock.ms, 230.0 + place)
        clock.advance(2)
    keeper.close()
    dates = [line.split(",")[:2] for line in station.home.live.read_text().splitlines()[1:]]
    assert [time for _, time in dates] == ["23:59:58", "00:00:00", "00:00:02", "00:00:04"]
    assert dates[0][0] != dates[1][0] == midnight[:10]
    feed = Feed(station.settings, station.home, clock)
    today, yesterday = (
        {value for value in feed.day(1, ("v_r",), days_back).values["v_r"] if value is not None}
        for days_back in (0, 1)
    )
    assert yesterday == {230.0}
    assert today == {232.0} or today == {231.0, 232.0, 233.0}  # a minute's mean, or its polls
    extremes = feed.minmax_today(1, ("v_r",))["v_r"]
    assert (extremes.low, extremes.high) == (231.0, 233.0)
    for table_name in ("minute", "quarter", "hour", "day"):
        with sqlite3.connect(station.home.history) as db:
            sql = f"SELECT key >> 8, rows FROM {table_name} ORDER BY key"  # noqa: S608 - a name of ours
            rows = db.execute(sql).fetchall()
        assert [count for _, count in rows] == [1, 3], table_name
        assert rows[1][0] == ms(midnight), table_name


@pytest.mark.parametrize("step_s", [-3600.0, 365 * 86_400.0])
def test_a_clock_that_jumps_costs_no_row_in_any_store_and_retention_deletes_none(
    tmp_path: Path, clock: FakeClock, step_s: float
) -> None:
    station = in_zone(tmp_path, clock, "Asia/Kolkata")
    keeper = Keeper(station.home, station.settings, clock)
    keeper.open()
    days = station.settings.store.raw_days
    begin_ms, made = clock.ms - days * DAY_MS, set[int]()

    def poll(at_ms: int) -> None:
        polled(keeper, at_ms, 230.0)
        made.add(at_ms)

    for place in range(days * 4 + 1):
        poll(begin_ms + place * 6 * HOUR_MS)
    keeper.commit()
    for jump_s in (step_s, -step_s):  # set wrongly, and rightly again
        clock.step(jump_s)
        for _ in range(30):
            clock.advance(2)
            poll(clock.ms)
        keeper.commit()
        keeper.compact()
        for _ in range(50):
            clock.advance(10)
            keeper.upkeep(0.05)
    keeper.close()
    with sqlite3.connect(station.home.history) as db:
        there = {at for (at,) in db.execute("SELECT key >> 8 FROM reading")}
        assert [total for (total,) in db.execute("SELECT sum(rows) FROM day")] == [len(made)]
        lost_from_ms = schema.meta_number(db, schema.RAW_FROM)
    # a day of a false year may push one old day out, never more
    assert {at for at in made - there if at >= begin_ms + DAY_MS} == set()
    assert lost_from_ms <= begin_ms + DAY_MS
