import random
import sqlite3
import zoneinfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from substation.clock import day_start_ms, utc
from substation.quantities import BY_KEY, COUNTERS, INSTANTS
from substation.readings import Quality, Reading, missing
from substation.store import rollup, schema
from substation.store.history import History
from substation.store.live_row import LiveRow
from substation.store.rows import BITS
from tests.fake_clock import FakeClock
from tests.store.readings import BEGIN_MS, a_reading, rounds

INDIA = zoneinfo.ZoneInfo("Asia/Kolkata")
LONDON = zoneinfo.ZoneInfo("Europe/London")


def recomputed(path, zone):
    """Every rollup row computed in the plainest way from `reading`."""
    tables = {}
    with sqlite3.connect(path) as db:
        rows = db.execute(f"{schema.select('reading')} ORDER BY key").fetchall()
    for table in schema.ROLLUPS:
        groups = {}
        for row in rows:
            start = rollup.period_start(table, row[0] >> 8, zone)
            groups.setdefault(start << 8 | row[0] & 255, []).append(row)
        tables[table] = {key: _account(table, group) for key, group in groups.items()}
    return tables


def _account(table, rows):
    answered = [row for row in rows if row[1] == 0]
    worst = max(1 if row[1] == 0 and row[3] else row[1] for row in rows)
    account = {"quality": worst, "rows": len(rows), "n": len(answered)}
    for place, key in enumerate(BY_KEY):
        good = [row for row in answered if row[4 + place] is not None and not row[3] & BITS[key]]
        values = [row[4 + place] for row in good]
        if key in COUNTERS or table != "minute":
            account[f"last_{key}"] = values[-1] if values else None
        if key in INSTANTS:
            account[f"sum_{key}"] = sum(values) if values else None
            account[f"count_{key}"] = len(values)
            if table != "minute":
                account[f"min_{key}"] = min(values, default=None)
                account[f"max_{key}"] = max(values, default=None)
    return account


def stored(path):
    tables = {}
    with sqlite3.connect(path) as db:
        for table in schema.ROLLUPS:
            columns = schema.columns_of(table)
            tables[table] = {
                row[0]: _plain(table, dict(zip(columns, row, strict=True)))
                for row in db.execute(schema.select(table))
            }
    return tables


def _plain(table, row):
    account = rollup.from_columns(table, list(row.values()))
    for place, key in enumerate(BY_KEY):
        if key in INSTANTS:
            row[f"count_{key}"] = account.counts[place]
    for name in ("key", "last_ms", "odd"):
        del row[name]
    return row


def some_readings(seed, count=60, step_ms=14_000):
    """Rounds that cross midnight, with failures and meters that lack registers."""
    chance = random.Random(seed)
    start = day_start_ms(BEGIN_MS, INDIA, -1) - count // 2 * step_ms
    found = [reading for answers in rounds(start, count, step_ms, seed) for reading in answers]
    for place, reading in enumerate(found):
        if reading.answered and chance.random() < 0.1:
            keys = chance.sample(sorted(reading.values), 30)
            found[place] = Reading(
                reading.meter_id, reading.at_ms, {key: reading.values[key] for key in keys}
            )
    return found


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(1, 200), min_size=1, max_size=8))
def test_rollups_equal_a_recomputation_from_readings_late_replayed_and_absorbed(tmp_path_factory, seed, cuts):
    folder = tmp_path_factory.mktemp("history")
    readings = some_readings(seed)
    chance = random.Random(seed)
    chance.shuffle(readings)  # everything may come late
    apart, rest = readings[: len(readings) // 4], readings[len(readings) // 4 :]
    other = History(folder / "other.db", True, FakeClock(), INDIA)
    other.add(apart + rest[:40])  # both sides have some of the same rows
    other.close()
    history = History(folder / "daily_data.db", True, FakeClock(), INDIA)
    while rest:
        size = chance.choice(cuts)
        some, rest = rest[:size], rest[size:]
        history.add(some)
        history.commit()
        history.replay([LiveRow(reading, "OK", "OK") for reading in some[: size // 2]])  # twice
    history.absorb(folder / "other.db", 60.0)
    history.absorb(folder / "other.db", 60.0)
    history.close()
    assert stored(folder / "daily_data.db") == recomputed(folder / "daily_data.db", INDIA)


def test_the_order_of_arrival_leaves_no_trace_in_the_file(tmp_path):
    readings = some_readings(3)
    files = []
    for name, order in (("a.db", readings), ("b.db", list(reversed(readings)))):
        history = History(tmp_path / name, True, FakeClock(), INDIA)
        for begin in range(0, len(order), 17):
            history.add(order[begin : begin + 17])
            history.commit()
        history.close()
        with sqlite3.connect(tmp_path / name) as db:
            files.append([db.execute(f"{schema.select(t)} ORDER BY key").fetchall() for t in schema.ROLLUPS])
    assert files[0] == files[1]


def test_implausible_and_missing_values_stay_out_of_the_means(tmp_path):
    history = History(tmp_path / "h.db", True, FakeClock(), INDIA)
    doubted = a_reading(BEGIN_MS + 2000, v_r=9000.0)
    history.add(
        [
            a_reading(BEGIN_MS, v_r=230.0),
            Reading(1, doubted.at_ms, doubted.values, implausible=frozenset({"v_r"})),
            a_reading(BEGIN_MS + 4000, v_r=None),
            missing(1, BEGIN_MS + 6000, Quality.NO_ANSWER, "timeout"),
            a_reading(BEGIN_MS + 8000, v_r=231.0),
        ]
    )
    history.close()
    with sqlite3.connect(tmp_path / "h.db") as db:
        for view in schema.VIEW_OF.values():
            rows = db.execute(f"SELECT v_r, v_y, quality FROM {view}").fetchall()  # noqa: S608
            assert rows == [(230.5, 0.5, "no_answer")]
        assert db.execute("SELECT min_v_r, max_v_r, rows, n FROM hour").fetchone() == (23000, 23100, 5, 4)


@pytest.mark.parametrize(
    ("table", "at", "start"),
    [
        ("minute", "2026-11-24T06:07:59.999", "2026-11-24T06:07:00"),
        ("quarter", "2026-11-24T06:29:59.999", "2026-11-24T06:15:00"),
        ("hour", "2026-11-24T06:29:59.999", "2026-11-24T05:30:00"),  # 11:00 in India
        ("hour", "2026-11-24T06:30:00.000", "2026-11-24T06:30:00"),
        ("day", "2026-11-24T18:29:59.999", "2026-11-23T18:30:00"),  # midnight in India
        ("day", "2026-11-24T18:30:00.000", "2026-11-24T18:30:00"),
        ("day", "2028-02-29T00:00:00.000", "2028-02-28T18:30:00"),
    ],
)
def test_hours_and_days_begin_on_the_sites_clock(table, at, start):
    def ms(text):
        return round(zoneinfo_utc(text).timestamp() * 1000)

    assert rollup.period_start(table, ms(at), INDIA) == ms(start)


def zoneinfo_utc(text):
    return utc(0).fromisoformat(text + "+00:00")


def test_both_hours_of_the_hour_that_comes_twice_are_kept(tmp_path):
    first = round(zoneinfo_utc("2026-10-25T00:30:00").timestamp() * 1000)
    history = History(tmp_path / "h.db", True, FakeClock(), LONDON)
    history.add([a_reading(first, v_r=230.0), a_reading(first + 3_600_000, v_r=240.0)])
    history.close()
    with sqlite3.connect(tmp_path / "h.db") as db:
        assert db.execute("SELECT at, v_r FROM hours_v ORDER BY at").fetchall() == [
            ("2026-10-25T00:00:00.000Z", 230.0),
            ("2026-10-25T01:00:00.000Z", 240.0),
        ]
        assert db.execute("SELECT at, v_r FROM days_v").fetchall() == [("2026-10-24T23:00:00.000Z", 235.0)]


def test_a_day_of_25_hours_is_one_day():
    begin = round(zoneinfo_utc("2026-10-24T23:00:00").timestamp() * 1000)
    hours = [rollup.period_start("day", begin + hour * 3_600_000, LONDON) for hour in range(26)]
    assert hours == [begin] * 25 + [begin + 25 * 3_600_000]
