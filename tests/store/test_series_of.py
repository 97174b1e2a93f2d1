"""Charts of several meters: one question finds to the last digit what a plain recomputation finds."""

import random
import sqlite3
import tempfile
import zoneinfo
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from substation.clock import day_start_ms
from substation.errors import StoreError
from substation.quantities import BY_KEY, COUNTERS
from substation.readings import Quality, Reading, missing
from substation.store import pool, rollup, schema, series
from substation.store.history import History, HistoryReader
from substation.store.rows import BITS
from tests.fake_clock import FakeClock
from tests.store.readings import BEGIN_MS, a_reading

INDIA = zoneinfo.ZoneInfo("Asia/Kolkata")
MIDNIGHT_MS = day_start_ms(BEGIN_MS, INDIA)
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
KEYS = ("v_r", "watts_total", "pf_average_received", "wh_received")
METERS = (1, 2, 7)


def wandering(seed, count, step_ms):
    """Three meters: failures, doubts, counters in some rounds, one meter that is polled seldom."""
    chance = random.Random(seed)
    for number in range(count):
        for meter_id in METERS:
            at_ms = MIDNIGHT_MS + number * step_ms + meter_id * 200
            if meter_id == 7 and number % 11:
                continue
            if chance.random() < 0.1:
                yield missing(meter_id, at_ms, Quality.NO_ANSWER, "timeout")
                continue
            whole = a_reading(
                at_ms,
                meter_id,
                v_r=chance.uniform(-300, 300),
                watts_total=chance.uniform(-1e6, 1e6),
                pf_average_received=chance.uniform(0, 1),
                wh_received=1000.0 + number,
            )
            rare = number % chance.choice((1, 3, 15))
            keys = set(whole.values) - ({*COUNTERS, "pf_average_received"} if rare else set())
            if chance.random() < 0.1:
                keys -= {chance.choice(KEYS)}
            doubted = keys & {chance.choice(KEYS)} if chance.random() < 0.1 else set()
            values = {key: value for key, value in whole.values.items() if key in keys}
            yield Reading(meter_id, at_ms, values, implausible=frozenset(doubted))


def stored(path, start_ms, end_ms):
    """By meter the rows in a time, as they lie in the file."""
    found = {meter_id: [] for meter_id in METERS}
    with sqlite3.connect(path) as db:
        query = f"{schema.select('reading')} WHERE key >= ? AND key < ? ORDER BY key"
        for row in db.execute(query, (start_ms << 8, end_ms << 8)):
            found[row[0] & 255].append(dict(zip(schema.READING_COLUMNS, row, strict=True)))
    return found


def good(row, key):
    return None if row["implausible"] & BITS[key] else row[key]


def a_step(rows, key):
    """Mean, least and greatest of the rows of a step; of a counter the last value."""
    per = BY_KEY[key].steps_per_unit
    values = [value for row in rows if (value := good(row, key)) is not None]
    if not values:
        return None, None, None
    if BY_KEY[key].kind == "counter":
        return (values[-1] / per,) * 3
    return sum(values) / len(values), min(values) / per, max(values) / per


def plainly(rows, table, grid, step_ms, zone):
    """By key the three columns of a chart, worked out row by row."""
    columns = {key: ([], [], []) for key in KEYS}
    by_step = {at: [] for at in grid}
    for row in rows:
        at = row["key"] >> 8
        first = at - (at - grid[0]) % step_ms
        by_step.setdefault(rollup.period_start(table, at, zone) if table == "day" else first, []).append(row)
    for mine in map(by_step.get, grid):
        for key, (means, lows, highs) in columns.items():
            per = BY_KEY[key].steps_per_unit
            mean, low, high = a_step(mine, key)
            if mean is not None and BY_KEY[key].kind == "instant":
                values = [value for row in mine if (value := good(row, key)) is not None]
                # of readings a mean of steps, in units; of a rollup its sum by its count
                mean = mean / per if table == "reading" else sum(values) / (len(values) * per)
                if table == "minute":
                    minutes = {}
                    for row in mine:
                        minutes.setdefault((row["key"] >> 8) // MINUTE_MS, []).append(good(row, key))
                    each = [[v for v in minute if v is not None] for minute in minutes.values()]
                    each = [sum(minute) / (len(minute) * per) for minute in each if minute]
                    low, high = min(each), max(each)
            for column, value in zip((means, lows, highs), (mean, low, high), strict=True):
                column.append(value)
    return columns


def each_poll(rows):
    """By key each good value of the polls that should have brought one of them."""
    mask = sum(BITS[key] for key in KEYS)
    polls = [
        row
        for row in rows
        if row["quality"] or row["implausible"] & mask or any(row[key] is not None for key in KEYS)
    ]
    values = {
        key: [None if (v := good(row, key)) is None else v / BY_KEY[key].steps_per_unit for row in polls]
        for key in KEYS
    }
    return [row["key"] >> 8 for row in polls], values


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    step_ms=st.sampled_from([2000, 5000, 61_000, 600_000]),
    hours=st.sampled_from([0.1, 1, 5, 30]),
    points=st.sampled_from([1, 2, 5, 29, 90, 400, 3000]),
)
def test_every_chart_equals_a_plain_recomputation(seed, step_ms, hours, points):
    start_ms, end_ms = MIDNIGHT_MS + 2000, MIDNIGHT_MS + 2000 + round(hours * HOUR_MS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "daily_data.db"
        history = History(path, True, FakeClock(), INDIA)
        history.add(wandering(seed, 120, step_ms))
        history.close()
        reader = HistoryReader(path)
        found = reader.series_of(METERS, KEYS, start_ms, end_ms, points)
        alone = {meter: reader.series(meter, KEYS, start_ms, end_ms, points) for meter in METERS}
        rows = stored(path, start_ms, end_ms)
        whole = stored(path, 0, end_ms + 2 * DAY_MS)
    assert found == alone
    for meter_id, chart in found.items():
        step = round(chart.step_s * 1000)
        if chart.table != "reading":
            own = [row for row in whole[meter_id] if row["key"] >> 8 < _end(chart, end_ms)]
            wanted = plainly(own, chart.table, chart.at_ms, step, INDIA)
        elif len(chart.at_ms) > 1 and chart.at_ms == list(range(start_ms, end_ms, step)):
            wanted = plainly(rows[meter_id], "reading", chart.at_ms, step, INDIA)
        else:
            times, values = each_poll(rows[meter_id])
            holes = [place for place, at in enumerate(chart.at_ms) if at not in times]
            assert [at for at in chart.at_ms if at in times] == times
            for key in KEYS:
                assert all(chart.values[key][place] is None for place in holes)
                kept = [v for place, v in enumerate(chart.values[key]) if place not in holes]
                assert kept == values[key]
                assert chart.low[key] == chart.high[key] == chart.values[key]
            continue
        for key in KEYS:
            assert (chart.values[key], chart.low[key], chart.high[key]) == wanted[key]


def _end(chart, end_ms):
    """A row of a rollup that begins before the end counts whole."""
    return rollup.period_start(chart.table, end_ms - 1, INDIA) + schema.ROLLUPS[chart.table] * 1000


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "daily_data.db"
    history = History(path, True, FakeClock(), INDIA)
    history.add(wandering(1, 100, 60_000))
    history.close()
    return path


def test_all_meters_are_found_in_one_pass_over_the_rows(path, monkeypatch):
    asked = []
    whole = series.between

    def watched(db, span, keys):
        db.set_trace_callback(asked.append)
        try:
            return whole(db, span, keys)
        finally:
            db.set_trace_callback(None)

    monkeypatch.setattr(series, "between", watched)
    HistoryReader(path).series_of(METERS, ("v_r", "v_y"), MIDNIGHT_MS, MIDNIGHT_MS + HOUR_MS, 60)
    assert sum("FROM minute" in statement for statement in asked) == 1


def test_a_meter_asked_for_twice_is_answered_once_and_one_that_is_not_there_has_gaps(path):
    reader = HistoryReader(path)
    found = reader.series_of((1, 9, 1), ("v_r",), MIDNIGHT_MS, MIDNIGHT_MS + 3 * MINUTE_MS, 3)
    assert list(found) == [1, 9]
    assert found[9].values == {"v_r": [None] * 3}
    assert found[1].values["v_r"] != [None] * 3
    assert reader.series_of((), ("v_r",), MIDNIGHT_MS, MIDNIGHT_MS + MINUTE_MS, 1) == {}


@pytest.mark.parametrize("asked", [(1, 62), (62, 63), (1, 63, 127, 247), (63, 247)])
def test_each_of_several_meters_is_found_whatever_its_address(tmp_path, asked):
    history = History(tmp_path / "addresses.db", True, FakeClock(), INDIA)
    addresses = (1, 2, 61, 62, 63, 64, 126, 127, 191, 247)
    history.add(a_reading(MIDNIGHT_MS + meter_id, meter_id, v_r=float(meter_id)) for meter_id in addresses)
    history.close()
    found = HistoryReader(tmp_path / "addresses.db").series_of(
        asked, ("v_r",), MIDNIGHT_MS, MIDNIGHT_MS + MINUTE_MS, 1
    )
    assert {meter_id: one.values["v_r"] for meter_id, one in found.items()} == {
        meter_id: [float(meter_id)] for meter_id in asked
    }


def test_a_station_without_a_history_has_no_points_of_any_meter(tmp_path):
    found = HistoryReader(tmp_path / "none.db").series_of(METERS, ("v_r",), 0, HOUR_MS, 60)
    assert {meter: one.at_ms for meter, one in found.items()} == {1: [], 2: [], 7: []}


def test_an_unknown_quantity_of_several_meters_is_refused(path):
    with pytest.raises(ValueError, match="no such quantity: v_rr"):
        HistoryReader(path).series_of(METERS, ("v_rr",), 0, 1, 1)


class Racing(FakeClock):
    """Each look at it costs ten seconds."""

    def monotonic(self) -> float:
        self.advance(10)
        return self.mono


def test_a_chart_of_several_meters_that_takes_too_long_is_stopped_with_words(path, monkeypatch):
    monkeypatch.setattr(pool, "_OPERATIONS_BETWEEN_LOOKS", 100)
    with pytest.raises(StoreError, match="took too long and was stopped; ask for less"):
        HistoryReader(path, Racing()).series_of(METERS, KEYS, MIDNIGHT_MS, MIDNIGHT_MS + HOUR_MS, 3600)
