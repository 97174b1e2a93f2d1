import itertools
import os
import shutil
import sqlite3
import tempfile
import threading
import zoneinfo
from pathlib import Path

import pytest

from substation.clock import SystemClock, day_start_ms
from substation.errors import Damaged, StoreError, TooSlow
from substation.quantities import COUNTERS, INSTANTS
from substation.readings import Quality, Reading, missing
from substation.store import reader as store_reader
from substation.store import schema
from substation.store.history import History, HistoryReader, Series
from substation.store.pool import _pool
from tests.fake_clock import FakeClock
from tests.store.readings import BEGIN_MS, a_reading

INDIA = zoneinfo.ZoneInfo("Asia/Kolkata")
MIDNIGHT_MS = day_start_ms(BEGIN_MS, INDIA)
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000


@pytest.fixture
def path(tmp_path):
    return tmp_path / "daily_data.db"


@pytest.fixture
def history(path, clock):
    store = History(path, True, clock, INDIA)
    yield store
    store.close()


@pytest.fixture
def reader(path):
    return HistoryReader(path)


def keep(history, readings):
    history.add(readings)
    history.commit()


def a_day(history, step_ms=MINUTE_MS, value=lambda minute: minute % 60):
    keep(
        history,
        [
            a_reading(at, 1, v_r=200.0 + value((at - MIDNIGHT_MS) // MINUTE_MS))
            for at in range(MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS, step_ms)
        ],
    )


def test_a_station_without_history_has_empty_answers(reader):
    assert reader.series(1, ("v_r",), BEGIN_MS, BEGIN_MS + HOUR_MS, 100).values == {"v_r": []}
    assert reader.latest() == {}
    assert reader.day_energy(1, BEGIN_MS, BEGIN_MS + HOUR_MS) == dict.fromkeys(COUNTERS)
    assert reader.max_demand(1, MIDNIGHT_MS, BEGIN_MS, 30) is None
    assert reader.completeness(1, MIDNIGHT_MS, MIDNIGHT_MS + HOUR_MS).share == 0.0
    assert (reader.events(0, BEGIN_MS), reader.tables(), reader.facts()) == ([], {}, {})


def test_a_new_history_has_empty_answers(history, reader):
    assert reader.latest() == {}
    assert set(reader.series(1, ("v_r",), BEGIN_MS, BEGIN_MS + HOUR_MS, 10).values["v_r"]) == {None}
    assert reader.extremes(1, ("v_r",), MIDNIGHT_MS, BEGIN_MS) == {"v_r": None}


@pytest.mark.parametrize(
    ("span_ms", "points", "table", "step_s", "count"),
    [
        (DAY_MS, 1440, "minute", 60, 1440),
        (DAY_MS, 700, "minute", 120, 720),
        (DAY_MS, 24, "hour", 3600, 24),
        (DAY_MS, 50, "quarter", 900, 96),
        (HOUR_MS, 60, "minute", 60, 60),
        (400 * DAY_MS, 400, "day", 86400, 400),
    ],
)
def test_it_takes_the_coarsest_table_that_gives_a_point_a_pixel(
    history, reader, span_ms, points, table, step_s, count
):
    a_day(history, 5 * MINUTE_MS)
    series = reader.series(1, ("v_r",), MIDNIGHT_MS, MIDNIGHT_MS + span_ms, points)
    assert (series.table, series.step_s, len(series.at_ms)) == (table, step_s, count)
    assert len(series.values["v_r"]) == count
    assert series.at_ms[0] == MIDNIGHT_MS
    assert series.at_ms[1] - series.at_ms[0] == step_s * 1000


def test_means_and_extremes_of_an_hour_are_true(history, reader):
    a_day(history)
    series = reader.series(1, ("v_r", "wh_received"), MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS, 24)
    assert set(series.values["v_r"]) == {229.5}
    assert (set(series.low["v_r"]), set(series.high["v_r"])) == ({200.0}, {259.0})
    assert set(series.values["wh_received"]) == {100.0}
    assert reader.extremes(1, ("v_r",), MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS)["v_r"].high == 259.0


def test_a_gap_is_none(history, reader):
    keep(history, [a_reading(MIDNIGHT_MS + minute * MINUTE_MS, v_r=230.0) for minute in (0, 1, 4)])
    keep(history, [missing(1, MIDNIGHT_MS + 3 * MINUTE_MS, Quality.NO_ANSWER, "timeout")])
    series = reader.series(1, ("v_r",), MIDNIGHT_MS, MIDNIGHT_MS + 6 * MINUTE_MS, 6)
    assert series.values["v_r"] == [230.0, 230.0, None, None, 230.0, None]
    assert series.low["v_r"] == series.values["v_r"]


def test_why_a_meter_gave_no_answer_is_counted_by_kind(history, reader):
    at = range(MIDNIGHT_MS, MIDNIGHT_MS + 10 * MINUTE_MS, 20_000)
    silent = {3: "timeout", 4: "timeout clock 7", 12: "crc", 29: "timeout"}
    keep(
        history,
        [
            missing(1, ms, Quality.NO_ANSWER, silent[place]) if place in silent else a_reading(ms, 1)
            for place, ms in enumerate(at)
        ]
        + [missing(2, ms + 1, Quality.NO_ANSWER, "timeout") for ms in at],
    )
    day = MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS
    assert reader.failures(1, *day) == {"timeout": 3, "crc": 1}
    assert reader.failures(1, MIDNIGHT_MS + 5 * MINUTE_MS, day[1]) == {"timeout": 1}
    asked = [(one.asked, one.answered) for one in reader.minutes(1, *day)]
    assert tuple(map(sum, zip(*asked, strict=True))) == (30, 26)


def test_other_meters_stay_out(history, reader):
    keep(history, [a_reading(MIDNIGHT_MS, 1, v_r=230.0), a_reading(MIDNIGHT_MS, 2, v_r=999.0)])
    assert reader.series(1, ("v_r",), MIDNIGHT_MS, MIDNIGHT_MS + MINUTE_MS, 1).values["v_r"] == [230.0]


def test_a_close_look_shows_each_poll_and_the_hole_between(history, reader):
    times = [MIDNIGHT_MS + 2000 * number for number in range(10) if number not in (4, 5, 6)]
    keep(history, [a_reading(at, v_r=230.0) for at in times])
    series = reader.series(1, ("v_r",), MIDNIGHT_MS, MIDNIGHT_MS + 20_000, 100)
    assert series.table == "reading"
    hole = MIDNIGHT_MS + 4 * 2000
    assert series.at_ms == [*times[:4], hole, *times[4:]]
    assert series.values["v_r"] == [230.0] * 4 + [None] + [230.0] * 3


def at_intervals(history, *apart_s):
    """Keep a poll at each end of the intervals, and return when they were."""
    times = [MIDNIGHT_MS + second * 1000 for second in itertools.accumulate(apart_s, initial=0)]
    keep(history, [a_reading(at, v_r=230.0) for at in times])
    return times


@pytest.mark.parametrize(
    ("apart_s", "gaps"),
    [
        ([2] * 100 + [140] + [2] * 100 + [60] * 60, [100]),
        ([60] * 60 + [2] * 100 + [140] + [2] * 100, [160]),
        ([2] * 100 + [60] * 30 + [200] + [60] * 30, [130]),
        ([2] * 50 + [140, 140, 140] + [2] * 50, [50, 51, 52]),
        ([2] * 50 + [140, 2, 140] + [2] * 50, [50, 52]),
        ([2] * 50 + [60] * 5, []),
        ([2, 2, 140, 2], [2]),
        ([140], []),
        ([], []),
    ],
)
def test_a_hole_is_judged_by_the_polls_beside_it(history, reader, apart_s, gaps):
    times = at_intervals(history, *apart_s)
    series = reader.series(1, ("v_r",), MIDNIGHT_MS, MIDNIGHT_MS + 2 * HOUR_MS, 7200)
    assert series.table == "reading"
    empty = [at for at, value in zip(series.at_ms, series.values["v_r"], strict=True) if value is None]
    assert [max(n for n, at in enumerate(times) if at < hole) for hole in empty] == gaps
    assert series.at_ms == sorted({*times, *empty})


def test_polls_are_gathered_into_pixels(history, reader):
    readings = [
        a_reading(MIDNIGHT_MS + 2000 * n, v_r=200.0 + n % 5, wh_received=1000.0 + n) for n in range(600)
    ]
    readings[7] = Reading(1, readings[7].at_ms, {"v_r": 9000.0}, implausible=frozenset({"v_r"}))
    keep(history, readings)
    series = reader.series(1, ("v_r", "wh_received"), MIDNIGHT_MS, MIDNIGHT_MS + 20 * MINUTE_MS, 120)
    assert (series.table, series.step_s, len(series.at_ms)) == ("reading", 10.0, 120)
    assert series.values["v_r"][0] == 202.0
    assert series.values["v_r"][1] == pytest.approx((200 + 201 + 203 + 204) / 4)  # the implausible one is out
    assert (series.low["v_r"][0], series.high["v_r"][0]) == (200.0, 204.0)
    assert series.values["wh_received"][:2] == [1004.0, 1009.0]


def test_where_readings_went_by_retention_minutes_answer(history, reader, path):
    a_day(history)
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM reading")
        db.execute("INSERT INTO meta VALUES ('raw_from_ms', ?)", (str(MIDNIGHT_MS + DAY_MS),))
    series = reader.series(1, ("v_r",), MIDNIGHT_MS, MIDNIGHT_MS + HOUR_MS, 1000)
    assert series.table == "minute"
    assert series.values["v_r"][:2] == [200.0, 201.0]


def test_days_are_the_sites_calendar_days(path, clock, reader):
    london = zoneinfo.ZoneInfo("Europe/London")
    history = History(path, True, clock, london)
    begin = day_start_ms(1_792_800_000_000, london)  # 2026-10-24: the next day has 25 hours
    keep(history, [a_reading(begin + hour * HOUR_MS, v_r=200.0 + hour) for hour in range(24 + 25 + 24)])
    series = reader.series(1, ("v_r",), begin, begin + 73 * HOUR_MS, 3)
    assert series.table == "day"
    assert [at - begin for at in series.at_ms] == [0, 24 * HOUR_MS, 49 * HOUR_MS]
    assert series.low["v_r"] == [200.0, 224.0, 249.0]
    assert series.high["v_r"] == [223.0, 248.0, 272.0]
    history.close()


def test_an_unknown_quantity_is_refused(reader):
    with pytest.raises(ValueError, match="no such quantity: v_rr"):
        reader.series(1, ("v_rr",), 0, 1, 1)


def test_latest_goes_back_to_the_last_answer(history, reader):
    keep(history, [a_reading(MIDNIGHT_MS - 3 * DAY_MS, 2, v_r=231.0), a_reading(MIDNIGHT_MS, 1, v_r=230.0)])
    keep(history, [missing(2, MIDNIGHT_MS, Quality.NO_ANSWER, "timeout")])
    assert reader.latest()[1].values["v_r"] == 230.0
    assert reader.latest()[2].values["v_r"] == 231.0
    assert reader.latest(answered=False)[2].reason == "timeout"
    assert reader.meter_ids() == [1, 2]


def energies(history, figures, meter_id=1):
    keep(history, [a_reading(MIDNIGHT_MS + ms, meter_id, wh_received=wh) for ms, wh in figures])


def test_energy_is_the_difference_of_registers(history, reader):
    energies(history, [(-5000, 1000.0), (1000, 1010.0), (DAY_MS - 3000, 5500.0), (DAY_MS + 1000, 5600.0)])
    assert reader.day_energy(1, MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS)["wh_received"] == 4500.0


def test_energy_of_a_night_without_poller_is_not_todays(history, reader):
    energies(history, [(-4 * HOUR_MS, 1000.0), (6 * HOUR_MS, 3000.0), (7 * HOUR_MS, 3400.0)])
    assert reader.day_energy(1, MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS)["wh_received"] == 400.0


def test_energy_over_an_exchanged_meter_is_what_both_measured_and_never_negative(history, reader):
    read = [
        (-5000, 9000.0),
        (HOUR_MS, 9100.0),
        (2 * HOUR_MS, 5.0),
        (3 * HOUR_MS, 105.0),
        (5 * HOUR_MS, 205.0),
    ]
    energies(history, read)
    found = reader.energy(1, MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS)
    assert found.used["wh_received"] == 300
    assert "between 01:00 and 02:00" in found.marks["wh_received"]


def test_energy_passes_one_false_register_over(history, reader):
    energies(history, [(-5000, 9000.0), (HOUR_MS, 9100.0), (2 * HOUR_MS, 5.0), (5 * HOUR_MS, 9500.0)])
    assert reader.day_energy(1, MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS)["wh_received"] == 500


def test_an_implausible_register_is_not_an_energy(history, reader):
    energies(history, [(-5000, 1000.0), (HOUR_MS, 1100.0)])
    bad = a_reading(MIDNIGHT_MS + 2 * HOUR_MS, wh_received=9e9)
    keep(history, [Reading(1, bad.at_ms, bad.values, implausible=frozenset({"wh_received"}))])
    assert reader.day_energy(1, MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS)["wh_received"] == 100.0


def test_a_meter_that_says_nothing_has_no_energy(history, reader):
    keep(history, [missing(1, MIDNIGHT_MS, Quality.NO_ANSWER, "timeout")])
    assert reader.day_energy(1, MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS)["wh_received"] is None


def demands(history, watts):
    """One register reading a minute while `watts(minute)` VA flow."""
    register, readings = 50_000.0, []
    for minute in range(-1, 181):
        readings.append(a_reading(MIDNIGHT_MS + minute * MINUTE_MS + 58_000, vah_received=round(register)))
        register += watts(minute + 1) / 60
    keep(history, readings)


def test_demand_is_the_greatest_block_and_when_it_began(history, reader):
    demands(history, lambda minute: 300_000 if 90 <= minute < 120 else 60_000)
    va, at_ms = reader.max_demand(1, MIDNIGHT_MS, MIDNIGHT_MS + 3 * HOUR_MS, 30)
    assert va == pytest.approx(300_000, rel=1e-3)
    assert at_ms == MIDNIGHT_MS + 90 * MINUTE_MS


def test_a_block_that_is_not_over_or_not_whole_has_no_demand(history, reader):
    demands(history, lambda minute: 900_000 if minute >= 150 else 60_000)
    va, _ = reader.max_demand(1, MIDNIGHT_MS, MIDNIGHT_MS + 170 * MINUTE_MS, 30)
    assert va == pytest.approx(60_000, rel=1e-3)
    assert reader.max_demand(1, MIDNIGHT_MS + 200 * MINUTE_MS // 15 * 15, MIDNIGHT_MS + DAY_MS, 30) is None


def test_a_demand_block_is_whole_quarters(history, reader):
    with pytest.raises(ValueError, match="20 min"):
        reader.max_demand(1, MIDNIGHT_MS, BEGIN_MS, 20)


def test_completeness_counts_found_and_due(history, reader):
    keep(history, [a_reading(MIDNIGHT_MS + n * 2000) for n in range(0, 1800, 2)])
    keep(history, [missing(1, MIDNIGHT_MS + n * 2000, Quality.NO_ANSWER, "crc") for n in range(1, 1800, 2)])
    polls = reader.completeness(1, MIDNIGHT_MS, MIDNIGHT_MS + 2 * HOUR_MS, 2.0)
    assert (polls.found, polls.due, polls.share) == (900, 3600, 0.25)
    minutes = reader.completeness(1, MIDNIGHT_MS, MIDNIGHT_MS + 2 * HOUR_MS)
    assert (minutes.found, minutes.due) == (60, 120)
    assert reader.completeness(1, MIDNIGHT_MS, MIDNIGHT_MS).share is None


def test_it_reads_beside_the_writer_and_sees_each_commit(history, reader):
    for number in range(5):
        keep(history, [a_reading(MIDNIGHT_MS + number * 2000)])
        assert reader.latest()[1].at_ms == MIDNIGHT_MS + number * 2000


def test_a_reader_cannot_write(history, reader):
    keep(history, [a_reading()])
    with pytest.raises(StoreError, match="readonly"):
        reader._ask(lambda db: db.execute("DELETE FROM reading"))


def test_a_question_that_takes_longer_than_five_seconds_is_stopped(history, path):
    class Slow(SystemClock):
        passed_s = 0.0

        def monotonic(self) -> float:
            self.passed_s += 0.5
            return self.passed_s

    clock = Slow()
    reader = HistoryReader(path, clock)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    with pytest.raises(TooSlow, match="took too long"):
        reader._ask(lambda db: db.execute(endless).fetchone())
    assert 5.0 < clock.passed_s < 7.0


def test_rows_are_counted_by_many_short_questions(history, reader, monkeypatch):
    a_day(history)
    keep(history, [a_reading(MIDNIGHT_MS + 7, 2)])
    whole = reader.tables()
    assert (whole["reading"].rows, whole["hour"].rows) == (24 * 60 + 1, 25)
    assert (whole["reading"].oldest_ms, whole["reading"].newest_ms) == (
        MIDNIGHT_MS,
        MIDNIGHT_MS + DAY_MS - MINUTE_MS,
    )
    monkeypatch.setattr(store_reader, "AT_ONCE", 100)
    asked, ask = [], reader._ask

    def counted(question):
        asked.append(question)
        return ask(question)

    monkeypatch.setattr(reader, "_ask", counted)
    assert reader.tables() == whole
    assert len(asked) > 2 * 24 * 60 / 100


def test_a_file_that_was_replaced_is_read_anew(history, reader, path, clock):
    keep(history, [a_reading(v_r=230.0)])
    assert reader.latest()[1].values["v_r"] == 230.0
    history.close()
    for file in list(path.parent.iterdir()):
        file.rename(path.parent / f"old_{file.name}")
    other = History(path, True, clock, INDIA)
    keep(other, [a_reading(v_r=231.0)])
    assert reader.latest()[1].values["v_r"] == 231.0
    other.close()


def test_many_threads_may_ask(history, reader):
    a_day(history)
    answers: list[Series] = []

    def ask():
        answers.extend(reader.series(1, ("v_r",), MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS, 1440) for _ in range(5))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 40
    assert all(answer == answers[0] for answer in answers)


def test_damage_is_an_error_with_words(history, reader, path):
    a_day(history, 10 * MINUTE_MS)
    history.close()
    data = bytearray(path.read_bytes())
    for page in range(1, len(data) // 4096):
        data[page * 4096 : page * 4096 + 64] = os.urandom(64)
    path.write_bytes(bytes(data))
    with pytest.raises(Damaged, match="is damaged"):
        reader.series(1, ("v_r",), MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS, 1440)


@pytest.fixture
def locked_folder(history, path):
    """A folder with a cleanly closed history, where even root may not write: we are somebody else there."""
    keep(history, [a_reading(v_r=230.0)])
    history.close()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(path, folder)
        (folder / path.name).chmod(0o644)
        folder.chmod(0o555)
        if os.geteuid() == 0:
            os.seteuid(65534)
            yield folder
            os.seteuid(0)
        else:
            yield folder
        folder.chmod(0o755)


def test_a_history_closed_cleanly_in_a_folder_we_may_not_write_opens(locked_folder, path):
    copy = locked_folder / path.name
    with pytest.raises(PermissionError):
        (locked_folder / "x").touch()
    reader = HistoryReader(copy)
    assert reader.latest()[1].values["v_r"] == 230.0
    assert [file.name for file in locked_folder.iterdir()] == [copy.name]
    assert _pool._idle[copy][0].frozen


def test_a_frozen_view_ends_when_a_writer_comes(locked_folder, path):
    copy = locked_folder / path.name
    reader = HistoryReader(copy)
    assert reader.latest()[1].values["v_r"] == 230.0
    if os.geteuid() == 65534:
        os.seteuid(0)
    locked_folder.chmod(0o755)
    again = History(copy, True, FakeClock(), INDIA)
    keep(again, [a_reading(BEGIN_MS + 2000, v_r=231.0)])
    assert reader.latest()[1].values["v_r"] == 231.0
    again.close()


def polled(start_ms, seconds, every=30, **values):
    """Polls each 2 s; counters in every `every`th."""
    for number in range(seconds // 2):
        at_ms = start_ms + number * 2000
        whole = a_reading(at_ms, wh_received=6000.0 + number, **values)
        instants = {key: whole.values[key] for key in INSTANTS}
        yield whole if number % every == 0 else Reading(1, at_ms, instants)


def test_a_close_look_at_a_counter_shows_the_polls_that_asked_for_it(history, reader):
    keep(history, list(polled(MIDNIGHT_MS, 600, v_r=230.0)))
    span = (MIDNIGHT_MS, MIDNIGHT_MS + 10 * MINUTE_MS)
    alone = reader.series(1, ("wh_received",), *span, 600)
    assert (alone.table, alone.step_s) == ("reading", 60.0)
    assert alone.at_ms == [MIDNIGHT_MS + minute * MINUTE_MS for minute in range(10)]
    assert alone.values["wh_received"] == [6000.0 + 30 * minute for minute in range(10)]
    both = reader.series(1, ("v_r", "wh_received"), *span, 600)
    assert len(both.at_ms) == 300
    assert set(both.values["v_r"]) == {230.0}


def test_a_minute_in_which_the_counters_were_not_asked_is_none_and_the_instants_are_there(history, reader):
    keep(history, list(polled(MIDNIGHT_MS, 240, every=60, v_r=230.0)))
    series = reader.series(1, ("v_r", "wh_received"), MIDNIGHT_MS, MIDNIGHT_MS + 4 * MINUTE_MS, 4)
    assert series.values == {"v_r": [230.0] * 4, "wh_received": [6000.0, None, 6060.0, None]}


def test_the_last_known_counters_are_found_under_newer_answers_without_them(history, reader):
    old, new = MIDNIGHT_MS - 3 * DAY_MS, MIDNIGHT_MS + HOUR_MS
    keep(history, [a_reading(old, 1, wh_received=7000.0, wh_delivered=3.0)])
    keep(history, [Reading(1, new, {**dict.fromkeys(INSTANTS, 1.0), "wh_received": 8000.0})])
    keep(history, [Reading(1, new + 2000, dict.fromkeys(INSTANTS, 2.0))])
    assert "wh_received" not in reader.latest()[1].values
    found = reader.last_known({1: {"wh_received", "wh_delivered", "v_r"}, 2: {"v_r"}})
    assert found[2] == {}
    assert {key: (told.at_ms, told.values[key]) for key, told in found[1].items()} == {
        "wh_received": (new, 8000.0),
        "wh_delivered": (old, 3.0),
        "v_r": (new + 2000, 2.0),
    }


def test_completeness_counts_answers_and_not_quantities(history, reader):
    keep(history, list(polled(MIDNIGHT_MS, 600)))
    found = reader.completeness(1, MIDNIGHT_MS, MIDNIGHT_MS + 10 * MINUTE_MS, 2.0)
    assert (found.found, found.due) == (300, 300)
    assert reader.completeness(1, MIDNIGHT_MS, MIDNIGHT_MS + 10 * MINUTE_MS).share == 1.0


def test_more_polls_than_were_due_are_told_as_they_are(history, reader):
    keep(history, [a_reading(MIDNIGHT_MS + 1000 * number) for number in range(60)])
    found = reader.completeness(1, MIDNIGHT_MS, MIDNIGHT_MS + MINUTE_MS, 2.0)
    assert (found.found, found.due, found.share) == (60, 30, 2.0)


def test_where_minutes_have_gone_completeness_is_counted_in_quarters(history, reader):
    keep(history, [a_reading(MIDNIGHT_MS + number * MINUTE_MS) for number in range(20)])
    with schema.transaction(history._db):
        history._db.execute("DELETE FROM minute")
        history._db.execute(
            "INSERT OR REPLACE INTO meta VALUES (?, ?)", (schema.MINUTE_FROM, str(MIDNIGHT_MS + DAY_MS))
        )
    found = reader.completeness(1, MIDNIGHT_MS, MIDNIGHT_MS + HOUR_MS)
    assert (found.found, found.due) == (2, 4)
    found = reader.completeness(1, MIDNIGHT_MS, MIDNIGHT_MS + HOUR_MS, 60.0)
    assert (found.found, found.due) == (20, 60)


def test_the_completeness_of_a_year_is_a_quick_question_of_quarters(history, reader):
    keep(history, [a_reading(MIDNIGHT_MS + number * MINUTE_MS) for number in range(20)])
    found = reader.completeness(1, MIDNIGHT_MS, MIDNIGHT_MS + 365 * DAY_MS, 60.0)
    assert (found.found, found.due) == (20, 365 * 1440)
