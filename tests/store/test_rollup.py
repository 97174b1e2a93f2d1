import json
import random
import sqlite3
import zoneinfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from substation.clock import day_start_ms, utc
from substation.errors import StoreError
from substation.quantities import BY_KEY, COUNTERS, INSTANTS
from substation.readings import Quality, Reading, missing
from substation.store import rollup, schema
from substation.store.history import History, HistoryReader
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
        if key in COUNTERS:
            account[f"time_{key}"] = good[-1][0] >> 8 if good else None
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
    for key in BY_KEY:
        if key in INSTANTS:
            row[f"count_{key}"] = account.counts[INSTANTS.index(key)]
        else:
            row[f"time_{key}"] = account.counted[COUNTERS.index(key)]
    for name in ("key", "last_ms", "odd", "counters_ms"):
        del row[name]
    return row


def some_readings(seed, count=60, step_ms=14_000):
    """Rounds that cross midnight, with failures and meters that lack registers."""
    chance = random.Random(seed)
    whole = chance.random() < 0.3  # else counters in every fourth round, as the poller asks
    start = day_start_ms(BEGIN_MS, INDIA, -1) - count // 2 * step_ms
    found = [reading for answers in rounds(start, count, step_ms, seed) for reading in answers]
    for place, reading in enumerate(found):
        if reading.answered and not whole and place // 5 % 4:
            values = {key: value for key, value in reading.values.items() if key not in COUNTERS}
            doubted = reading.implausible & values.keys()
            found[place] = Reading(reading.meter_id, reading.at_ms, values, implausible=doubted)
    for place, reading in enumerate(found):
        if reading.answered and chance.random() < 0.1:
            keys = chance.sample(sorted(reading.values), 25)
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


def once_a_minute(count=90, step_ms=2000, lag_ms=0):
    """Rounds of one meter whose counters are read in every thirtieth round."""
    for number in range(count):
        whole = a_reading(BEGIN_MS + number * step_ms + lag_ms, wh_received=5000.0 + number)
        if number % 30 == 12:
            yield whole
        else:
            instants = {key: whole.values[key] for key in INSTANTS}
            yield Reading(1, whole.at_ms, instants)


def test_counters_read_once_a_minute_cost_a_row_one_number_and_keep_their_time(tmp_path):
    history = History(tmp_path / "h.db", True, FakeClock(), INDIA)
    for reading in once_a_minute():
        history.add([reading])
        history.commit()
    history.close()
    with sqlite3.connect(tmp_path / "h.db") as db:
        minutes = db.execute("SELECT n, last_ms, odd, counters_ms, last_wh_received FROM minute").fetchall()
        assert minutes == [(30, 58_000, None, 24_000, 5012 + 30 * number) for number in range(3)]
        coarse = [
            db.execute(f"SELECT n, odd, counters_ms, last_wh_received FROM {t}").fetchall()  # noqa: S608
            for t in schema.COARSE
        ]
    start = {table: rollup.period_start(table, BEGIN_MS, INDIA) for table in schema.COARSE}
    assert coarse == [[(90, None, BEGIN_MS + 144_000 - start[t], 5072)] for t in schema.COARSE]


def test_a_counter_that_was_doubted_is_named_apart_from_those_read_with_it(tmp_path):
    readings = list(once_a_minute(60))
    doubted = readings[42]
    readings[42] = Reading(1, doubted.at_ms, doubted.values, implausible=frozenset({"wh_received"}))
    history = History(tmp_path / "h.db", True, FakeClock(), INDIA)
    history.add(readings)
    history.close()
    with sqlite3.connect(tmp_path / "h.db") as db:
        row = db.execute(
            "SELECT odd, counters_ms, last_wh_received, last_vah_received FROM quarter"
        ).fetchone()
        account = rollup.from_columns("quarter", db.execute(schema.select("quarter")).fetchone())
    assert row == ('{"wh_received":[60,24000]}', 84_000, 5012, 100)
    assert account.counted == [BEGIN_MS + 24_000, *[BEGIN_MS + 84_000] * 7]


def test_rows_from_before_counters_had_times_of_their_own_are_read_and_added_to(tmp_path):
    path = tmp_path / "h.db"
    history = History(path, True, FakeClock(), INDIA)
    history.add([a_reading(BEGIN_MS + 1000, wh_received=7000.0)])
    history.close()
    with sqlite3.connect(path) as db:  # as an earlier version left it
        for table in schema.ROLLUPS:
            db.execute(f"ALTER TABLE {table} DROP COLUMN counters_ms")
        db.execute("DELETE FROM schema_migration WHERE name = ?", (schema.COUNTER_TIMES,))
    reader = HistoryReader(path)
    assert reader.energy(1, BEGIN_MS, BEGIN_MS + 60_000).bounds["wh_received"] == (BEGIN_MS + 1000,) * 2
    history = History(path, True, FakeClock(), INDIA)
    instants = dict.fromkeys(INSTANTS, 1.0)
    history.add([Reading(1, BEGIN_MS + 3000, instants)])
    history.close()
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT n, last_ms, odd, counters_ms, last_wh_received FROM minute").fetchone() == (
            2,
            3000,
            None,
            1000,
            7000,
        )


def test_a_meter_that_lacks_quantities_has_nothing_odd_about_it(tmp_path):
    history = History(tmp_path / "h.db", True, FakeClock(), INDIA)
    for number in range(3):
        history.add([Reading(1, BEGIN_MS + number * 2000, {"v_r": 230.0, "wh_received": 5.0})])
        history.commit()
    history.close()
    with sqlite3.connect(tmp_path / "h.db") as db:
        for table in schema.ROLLUPS:
            row = db.execute(f"SELECT n, odd, counters_ms, sum_v_r, sum_v_y FROM {table}").fetchone()  # noqa: S608
            assert row == (3, None, None, 69_000, None)


def test_an_instant_that_is_read_with_the_counters_costs_a_row_one_number_and_its_mean_is_true(tmp_path):
    """A profile may read the average of the registers with them, once a minute."""
    rare = "pf_average_received"
    history = History(tmp_path / "h.db", True, FakeClock(), INDIA)
    for number in range(30):
        whole = a_reading(BEGIN_MS + number * 2000, **{rare: 0.87, "v_r": 230.0 + number % 2})
        keys = [key for key in whole.values if number == 12 or key not in {*COUNTERS, rare}]
        history.add([Reading(1, whole.at_ms, {key: whole.values[key] for key in keys})])
        if number % 7 == 0:
            history.commit()
    history.close()
    with sqlite3.connect(tmp_path / "h.db") as db:
        row = db.execute("SELECT odd, counters_ms FROM quarter").fetchone()
        means = [db.execute(f"SELECT {rare}, v_r FROM {v}").fetchone() for v in schema.VIEW_OF.values()]  # noqa: S608
    assert row == ("1", 24_000)
    assert means == [(0.87, 230.5)] * 4
    reader = HistoryReader(tmp_path / "h.db")
    for table, points in (("minute", 1), ("quarter", 1)):
        length = schema.ROLLUPS[table] * 1000
        start = rollup.period_start(table, BEGIN_MS, INDIA)
        found = reader.series(1, (rare, "v_r"), start, start + length, points)
        assert (found.table, found.values) == (table, {rare: [0.87], "v_r": [230.5]})


@pytest.mark.parametrize("before", [False, True])
def test_rows_that_name_it_in_full_are_read_and_added_to(tmp_path, before):
    """As an earlier version left them, before the first poller of this one (`before`) and after it."""
    rare, path = schema.WITH_COUNTERS, tmp_path / "h.db"
    rounds = list(once_a_minute(60))
    for number, reading in enumerate(rounds):
        rounds[number] = Reading(1, reading.at_ms, {k: v for k, v in reading.values.items() if k != rare})
        if number % 30 == 12:
            rounds[number] = Reading(1, reading.at_ms, {**reading.values, rare: 0.8 if number < 30 else 0.9})
    history = History(path, True, FakeClock(), INDIA)
    history.add(rounds[:50])
    history.close()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE minute SET odd = json_object(?, json_array(1, last_ms))", (rare,))
        db.execute("UPDATE quarter SET odd = json_object(?, json_array(2, counters_ms))", (rare,))
        if before:
            db.execute("DELETE FROM schema_migration WHERE name = ?", (schema.SHORT_ODD,))
    reader = HistoryReader(path)
    quarter = rollup.period_start("quarter", BEGIN_MS, INDIA)
    found = reader.series(1, (rare,), quarter, quarter + 900_000, 1)
    assert (found.table, found.values) == ("quarter", {rare: [pytest.approx(0.85)]})
    known = reader.last_known({1: {rare, "wh_received"}})[1]
    assert (known[rare].at_ms, known[rare].values[rare]) == (rounds[42].at_ms, 0.9)
    history = History(path, True, FakeClock(), INDIA)
    history.add(rounds[50:])
    history.close()
    with sqlite3.connect(path) as db:
        full = f'{{"{rare}":[1,58000]}}'
        assert db.execute("SELECT n, odd FROM minute").fetchall() == [(30, full), (30, "1")]
        assert db.execute("SELECT n, odd FROM quarter").fetchall() == [(60, "2")]
        means = [db.execute(f"SELECT {rare} FROM {view}").fetchall() for view in schema.VIEW_OF.values()]  # noqa: S608
    assert means == [[(0.8,), (0.9,)], *[[(pytest.approx(0.85),)]] * 3]


def test_an_older_program_does_not_open_rows_in_short(tmp_path, monkeypatch):
    History(tmp_path / "h.db", True, FakeClock(), INDIA).close()
    monkeypatch.delitem(schema.MIGRATIONS, schema.SHORT_ODD)
    with pytest.raises(StoreError, match="newer version"):
        History(tmp_path / "h.db", True, FakeClock(), INDIA)


def test_one_that_was_doubted_when_the_counters_were_read_last_is_named_in_full(tmp_path):
    rare, history = schema.WITH_COUNTERS, History(tmp_path / "h.db", True, FakeClock(), INDIA)
    readings = list(once_a_minute(60))
    for number in (12, 42):
        doubted = frozenset({rare}) if number == 42 else frozenset()
        values = {**readings[number].values, rare: 0.8}
        readings[number] = Reading(1, readings[number].at_ms, values, implausible=doubted)
    readings = [
        one if "wh_received" in one.values else Reading(1, one.at_ms, {"v_r": 230.0}) for one in readings
    ]
    history.add(readings)
    history.close()
    with sqlite3.connect(tmp_path / "h.db") as db:
        odd, row = db.execute("SELECT odd FROM quarter").fetchone()[0], schema.select("quarter")
        account = rollup.from_columns("quarter", db.execute(row).fetchone())
    assert json.loads(odd)[rare] == [1, 24_000]
    assert account.times[INSTANTS.index(rare)] == readings[12].at_ms
