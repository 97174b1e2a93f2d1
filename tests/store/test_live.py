import datetime as dt
import errno
import math
import os
import stat
import threading
import zoneinfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from substation.errors import Full, StoreError, WrongStation
from substation.quantities import INSTANTS, KEYS, QUANTITIES
from substation.readings import Quality, Reading, missing
from substation.store import live, live_row
from substation.store.live import HOUR_MS, LiveFile, LiveRow
from substation.store.live_row import HEADER_LINE
from substation.store.rows import to_row
from tests.store.readings import BEGIN_MS, a_reading, rounds
from tests.store.strategies import any_reading


@pytest.fixture
def path(tmp_path):
    return tmp_path / "meter_data.csv"


@pytest.fixture
def live_file(path, zone):
    file = LiveFile(path, zone, True)
    yield file
    file.close()


def row(reading, comm_status="OK", status="EB supply On"):
    return LiveRow(reading, comm_status, status)


def some_rounds(count=10, start_ms=BEGIN_MS, step_ms=2000):
    return [[row(reading) for reading in answers] for answers in rounds(start_ms, count, step_ms)]


def cells(path, line=1):
    lines = path.read_text().splitlines()
    return dict(zip(lines[0].split(","), lines[line].split(","), strict=True))


def test_the_header_is_the_originals_and_ours_after_it(live_file, path):
    live_file.append([row(a_reading())])
    header = path.read_text().splitlines()[0].split(",")
    assert header[:6] == ["Date", "Time", "DateTime", "Meter_ID", "comm_status", "status"]
    assert header[6:44] == [q.label for q in QUANTITIES]
    assert header[44:] == ["ts_ms", "quality", "simulated"]


def test_cells_are_the_sites_time_and_values_at_their_resolution(live_file, path):
    live_file.append(
        [
            row(
                a_reading(
                    BEGIN_MS + 123, watts_total=-151300.55, pf_average=-0.95, v_r=239.6, wh_received=12.4
                )
            )
        ]
    )
    found = cells(path)
    assert (found["Date"], found["Time"]) == ("2026-11-24", "11:30:00")
    assert found["DateTime"] == "2026-11-24 11:30:00"
    assert (found["Meter_ID"], found["comm_status"], found["status"]) == ("1", "OK", "EB supply On")
    assert (found["Watts Total"], found["PF Avg (instant)"]) == ("-151300.6", "-0.9500")
    assert (found["V R phase"], found["Wh Received (Import)"]) == ("239.60", "12")
    assert (found["ts_ms"], found["quality"], found["simulated"]) == (str(BEGIN_MS + 123), "good", "yes")


def test_a_failed_poll_has_empty_cells_and_its_reason(live_file, path):
    live_file.append(
        [row(missing(2, BEGIN_MS, Quality.NO_ANSWER, "timeout"), "Communication failed", "Unknown")]
    )
    found = cells(path)
    assert {found[q.label] for q in QUANTITIES} == {""}
    assert (found["quality"], found["status"]) == ("no_answer: timeout", "Unknown")


def test_a_small_negative_value_shows_no_sign(live_file, path):
    live_file.append([row(a_reading(watts_total=-0.04, v_r=-0.0))])
    assert (cells(path)["Watts Total"], cells(path)["V R phase"]) == ("0.0", "0.00")


def test_doubted_values_are_named(live_file, path):
    reading = a_reading(v_y=9000.0, v_r=None)
    live_file.append([row(type(reading)(1, BEGIN_MS, reading.values, implausible=frozenset({"v_y"})))])
    assert cells(path)["quality"] == "implausible: v_r v_y"
    (found,) = live.read(path)
    assert found.reading.quality_of("v_y") is Quality.IMPLAUSIBLE
    assert found.reading.quality_of("v_r") is Quality.IMPLAUSIBLE
    assert found.reading.values["v_y"] == 9000.0


@settings(max_examples=60, deadline=None)
@given(st.lists(any_reading(), min_size=1, max_size=5))
def test_what_goes_in_comes_out_as_the_database_would_keep_it(tmp_path_factory, readings):
    path = tmp_path_factory.mktemp("live") / "meter_data.csv"
    file = LiveFile(path, zoneinfo.ZoneInfo("Asia/Kolkata"), False)
    file.append([row(reading) for reading in readings])
    file.close()
    found = live.read(path)
    assert [_steps(r.reading) for r in found] == [_steps(reading) for reading in readings]
    assert {r.simulated for r in found} == {False}


def _steps(reading):
    key, code, reason, mask, values = to_row(reading)
    return key, code, reason, mask, *values


def test_words_cannot_break_a_line(live_file, path):
    live_file.append([row(missing(1, BEGIN_MS, Quality.NO_ANSWER, 'a,b"\n=c'), "x\r\ny", "z,1")])
    assert len(path.read_text().splitlines()) == 2
    (found,) = live.read(path)
    assert (found.comm_status, found.status, found.reading.reason) == ("x y", "z 1", "a b =c")


def test_a_round_is_one_write(live_file, monkeypatch):
    writes = []
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: writes.append(data) or real(fd, data))
    for answers in some_rounds(3):
        live_file.append(answers)
    assert len(writes) == 3
    assert all(data.endswith(b"\n") for data in writes)


def test_a_file_is_not_for_everybody(live_file, path):
    assert stat.S_IMODE(path.stat().st_mode) & 0o007 == 0


@pytest.mark.parametrize("cut", range(1, 400, 7))
def test_a_torn_last_line_is_passed_over_and_sealed(path, zone, cut):
    first = LiveFile(path, zone, True)
    for answers in some_rounds(2):
        first.append(answers)
    first.close()
    whole = live.read(path)
    data = path.read_bytes()
    path.write_bytes(data[:-cut])
    kept = live.read(path)
    assert kept == whole[: len(kept)]
    assert len(whole) - len(kept) <= 2
    second = LiveFile(path, zone, True)
    after = some_rounds(1, BEGIN_MS + 60_000)[0]
    second.append(after)
    second.close()
    found = live.read(path)
    assert len(found) >= len(kept) + 5
    assert [r for r in found if r not in whole] == live.read(path)[-5:]


DAMAGE = {
    "NULs": b"\0" * 5000,
    "NULs inside a row": None,
    "a half line": b"2026-11-24,11:30:00,2026-11-24 11:3\n",
    "a very long line": b"7," * 1_000_000 + b"\n",
    "a very long line without end": b"x" * 3_000_000,
    "not UTF-8": b"\xff\xfe\x80,1,2\n",
    "a number that only Python reads": None,
}


@pytest.mark.parametrize("name", DAMAGE)
def test_good_rows_survive_damage_between_them(live_file, path, name):
    first, second = some_rounds(2)
    live_file.append(first)
    whole = path.read_bytes()
    damage = DAMAGE[name]
    if damage is None:
        line = whole.splitlines()[1]
        middle = line[: len(line) // 2]
        digit = next(i for i in range(len(middle) - 1, 0, -1) if middle[i : i + 1].isdigit())
        bad = b"\0" if name.startswith("NUL") else b"_"
        damage = line[:digit] + bad + line[digit + 1 :] + b"\n"
        if bad == b"_":
            damage = line.replace(b".", b"1_0.", 1) + b"\n"
    with path.open("ab") as file:
        file.write(damage)
    live_file.append(second)
    found = live.read(path)
    assert [r.reading.meter_id for r in found] == [r.reading.meter_id for r in (*first, *second)]
    assert set(live.latest(path)) == {1, 2, 3, 4, 5}


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(live_file, path):
    live_file.append([row(a_reading())])
    before = live.read(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert live.read(path) == before
    assert live.latest(path)[1].newest == before[0]


def test_a_missing_column_costs_only_itself(live_file, path):
    live_file.append([row(a_reading(v_r=239.6))])
    place = HEADER_LINE.split(",").index("V Y phase")
    lines = [line.split(",") for line in path.read_text().splitlines()]
    path.write_text("".join(",".join(c[:place] + c[place + 1 :]) + "\n" for c in lines))
    (found,) = live.read(path)
    assert found.reading.values["v_r"] == 239.6
    assert found.reading.quality_of("v_y") is Quality.DISABLED


def test_a_file_with_other_columns_is_brought_into_ours(path, zone):
    test_a_missing_column_costs_only_itself(_written(path, zone), path)
    before = live.read(path)
    LiveFile(path, zone, True).append([row(a_reading(BEGIN_MS + 2000))])
    assert path.read_text().splitlines()[0] == HEADER_LINE
    found = live.read(path)
    assert len(found) == 2
    assert found[0].reading.values == before[0].reading.values


def _written(path, zone):
    return LiveFile(path, zone, True)


def test_a_missing_file_and_an_empty_one_have_no_rows(path):
    assert (live.read(path), live.latest(path)) == ([], {})
    path.touch()
    assert (live.read(path), live.latest(path)) == ([], {})


def test_an_unreadable_file_is_an_error_with_words(tmp_path):
    with pytest.raises(StoreError, match="directory"):
        live.read(tmp_path)


def test_simulated_and_real_rows_never_meet(live_file, path, zone):
    live_file.append([row(a_reading())])
    with pytest.raises(WrongStation, match="holds simulated readings"):
        LiveFile(path, zone, False)


def test_latest_is_the_newest_row_and_the_newest_answer(live_file, path):
    good = a_reading(BEGIN_MS, 1, v_r=239.6)
    lost = missing(1, BEGIN_MS + 2000, Quality.NO_ANSWER, "timeout")
    live_file.append([row(good)])
    assert live.latest(path)[1].newest is live.latest(path)[1].answered
    live_file.append([row(lost)])
    pair = live.latest(path)[1]
    assert (pair.newest.reading.at_ms, pair.answered.reading.at_ms) == (lost.at_ms, good.at_ms)


def test_latest_follows_the_writing_and_not_a_clock_that_was_set_back(live_file, path):
    live_file.append([row(a_reading(BEGIN_MS))])
    live_file.append([row(a_reading(BEGIN_MS - HOUR_MS // 2))])
    assert live.latest(path)[1].newest.reading.at_ms == BEGIN_MS - HOUR_MS // 2


def test_latest_reads_only_what_is_new(live_file, path, monkeypatch):
    for answers in some_rounds(200):
        live_file.append(answers)
    live.latest(path)
    sizes = []
    real = os.pread

    def spy(fd, count, offset):
        data = real(fd, count, offset)
        sizes.append(len(data))
        return data

    live_file.append([row(a_reading(BEGIN_MS + 10 * 60_000))])
    monkeypatch.setattr(os, "pread", spy)
    assert live.latest(path)[1].newest.reading.at_ms == BEGIN_MS + 10 * 60_000
    assert sum(sizes) < 4000


def test_latest_notices_a_compacted_and_a_replaced_file(live_file, path):
    for answers in some_rounds(50, step_ms=120_000):
        live_file.append(answers)
    newest = live.latest(path)[1].newest
    live_file.compact(BEGIN_MS + 50 * 120_000)
    assert live.latest(path)[1].newest == newest
    path.unlink()
    assert live.latest(path) == {}


def test_compaction_keeps_the_last_hour(live_file, path):
    for answers in some_rounds(100, step_ms=60_000):
        live_file.append(answers)
    now_ms = BEGIN_MS + 99 * 60_000 + 1000
    gone = live_file.compact(now_ms)
    kept = live.read(path)
    assert min(r.reading.at_ms for r in kept) > now_ms - HOUR_MS
    assert len(kept) + gone == 500
    assert len(kept) == 300
    live_file.append([row(a_reading(now_ms))])
    assert len(live.read(path)) == 301
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_compaction_after_a_step_back_keeps_what_was_written_last(live_file, path):
    for answers in some_rounds(10):
        live_file.append(answers)
    assert live_file.compact(BEGIN_MS - 86_400_000) == 0
    assert len(live.read(path)) == 50


def test_a_clock_that_ran_ahead_does_not_keep_its_rows_for_ever(live_file, path):
    year = 365 * 86_400_000
    for answers in some_rounds(5, BEGIN_MS + year):
        live_file.append(answers)
    for answers in some_rounds(70, step_ms=60_000):
        live_file.append(answers)
    live_file.compact(BEGIN_MS + 70 * 60_000)
    assert max(r.reading.at_ms for r in live.read(path)) < BEGIN_MS + year


def test_a_full_medium_keeps_the_old_file_and_loses_no_whole_line(live_file, path, monkeypatch):
    """R16: the live file is never cut short; a compaction that finds no room leaves the old one."""
    for answers in some_rounds(100, step_ms=60_000):
        live_file.append(answers)
    before = path.read_bytes()
    real = os.write

    def full(fd, data):
        if len(data) > 100:
            real(fd, data[:100])
            return 100
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(Full, match="no space left"):
        live_file.compact(BEGIN_MS + 99 * 60_000)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    with pytest.raises(Full):
        live_file.append([row(a_reading())])
    monkeypatch.undo()
    assert len(live.read(path)) == 500
    live_file.append([row(a_reading())])
    assert len(live.read(path)) == 501


def test_a_reader_never_sees_a_half_written_row(live_file, path):
    """R34: READS reads (200, or what the environment says) against a writer that also compacts."""
    stop = threading.Event()

    def write():
        for number, answers in enumerate(rounds(BEGIN_MS, 1_000_000, 120_000)):
            live_file.append([row(reading) for reading in answers])
            if number % 10 == 9:
                live_file.compact(answers[-1].at_ms + 10_000)
            if stop.is_set():
                return

    writer = threading.Thread(target=write)
    live_file.append(some_rounds(1, BEGIN_MS - 120_000)[0])
    writer.start()
    newest = 0
    try:
        for _ in range(int(os.environ.get("READS", "200"))):
            ids = [r.reading.meter_id for r in live.read(path)]
            assert ids == [1 + place % 5 for place in range(len(ids))]
            pairs = live.latest(path)
            assert set(pairs) == {1, 2, 3, 4, 5}
            assert all(len(pair.newest.reading.values) == len(KEYS) for pair in pairs.values())
            before, newest = newest, max(pair.newest.reading.at_ms for pair in pairs.values())
            assert newest >= before
    finally:
        stop.set()
        writer.join()
    assert newest > BEGIN_MS


def test_a_line_without_its_end_is_not_read_yet(live_file, path):
    live_file.append([row(a_reading()), row(a_reading(meter_id=2))])
    path.write_bytes(path.read_bytes().removesuffix(b"\n"))
    assert [r.reading.meter_id for r in live.read(path)] == [1]
    assert set(live.latest(path)) == {1}


@pytest.mark.parametrize(
    ("utc", "date", "time"),
    [
        ("2026-12-31T18:29:58", "2026-12-31", "23:59:58"),
        ("2026-12-31T18:30:00", "2027-01-01", "00:00:00"),
        ("2028-02-28T18:30:00", "2028-02-29", "00:00:00"),
    ],
)
def test_dates_are_the_sites_over_midnight_and_year(live_file, path, utc, date, time):
    at_ms = round(dt.datetime.fromisoformat(utc + "+00:00").timestamp() * 1000)
    live_file.append([row(a_reading(at_ms))])
    assert (cells(path)["Date"], cells(path)["Time"]) == (date, time)


def partial(at_ms, meter_id=1, **values):
    """A round without counters."""
    return Reading(meter_id, at_ms, {**dict.fromkeys(INSTANTS, 1.0), **values})


def asked(path, key, meter_id=1):
    return live.latest(path)[meter_id].asked[key]


def test_a_row_without_counters_has_empty_cells_and_comes_back_without_them(live_file, path):
    live_file.append([row(partial(BEGIN_MS, v_r=230.0))])
    cells = dict(zip(*(line.split(",") for line in path.read_text().splitlines()), strict=True))
    assert [cells[q.label] == "" for q in QUANTITIES] == [q.kind == "counter" for q in QUANTITIES]
    (found,) = live.read(path)
    assert found.reading == partial(BEGIN_MS, v_r=230.0)
    assert found.reading.quality_of("wh_received") is Quality.DISABLED


@pytest.mark.parametrize("at_once", [True, False])
def test_latest_knows_the_newest_answer_for_which_each_quantity_was_asked(live_file, path, at_once):
    older, whole = a_reading(BEGIN_MS, wh_received=6000.0), a_reading(BEGIN_MS + 60_000, wh_received=7000.0)
    newest = partial(BEGIN_MS + 64_000, v_r=230.0)
    for reading in (older, whole, partial(BEGIN_MS + 62_000), newest):
        live_file.append([row(reading)])
        if not at_once:
            live.latest(path)
    live_file.append([row(missing(1, BEGIN_MS + 66_000, Quality.NO_ANSWER, "timeout"))])
    pair = live.latest(path)[1]
    assert (pair.newest.reading.at_ms, pair.answered.reading.at_ms) == (BEGIN_MS + 66_000, newest.at_ms)
    assert (asked(path, "wh_received").at_ms, asked(path, "wh_received").values["wh_received"]) == (
        whole.at_ms,
        7000.0,
    )
    assert asked(path, "v_r").values["v_r"] == 230.0
    assert pair.asked.keys() == set(KEYS)


def test_a_counter_that_was_asked_and_was_no_number_is_the_newest_answer_of_it(live_file, path):
    live_file.append([row(a_reading(BEGIN_MS))])
    nan = a_reading(BEGIN_MS + 2000, wh_received=math.nan)
    live_file.append([row(nan)])
    live_file.append([row(partial(BEGIN_MS + 4000))])
    assert asked(path, "wh_received").at_ms == nan.at_ms
    assert asked(path, "wh_received").quality_of("wh_received") is Quality.IMPLAUSIBLE


def test_a_quantity_that_was_never_asked_is_not_made_up(live_file, path):
    live_file.append([row(partial(BEGIN_MS))])
    assert live.latest(path)[1].asked.keys() == set(INSTANTS)


def test_an_answer_that_left_the_file_by_compaction_is_still_known(live_file, path):
    live_file.append([row(a_reading(BEGIN_MS, wh_received=7000.0))])
    for number in range(1, 40):
        live_file.append([row(partial(BEGIN_MS + number * 120_000))])
    before = live.latest(path)[1]
    assert live_file.compact(BEGIN_MS + 40 * 120_000) > 0
    live_file.append([row(partial(BEGIN_MS + 40 * 120_000))])
    assert asked(path, "wh_received") is before.asked["wh_received"]
    assert live.latest(path)[1].answered.reading.at_ms == BEGIN_MS + 40 * 120_000


def test_another_file_in_its_place_inherits_nothing(live_file, path, zone):
    live_file.append([row(a_reading(BEGIN_MS))])
    live.latest(path)
    path.unlink()
    other = LiveFile(path, zone, True)
    other.append([row(partial(BEGIN_MS + 2000))])
    other.close()
    assert "wh_received" not in live.latest(path)[1].asked


def test_looking_back_for_rare_quantities_reads_few_rows_in_full(live_file, path, monkeypatch):
    live_file.append([row(a_reading(BEGIN_MS)), *[row(partial(BEGIN_MS + n * 2000)) for n in range(1, 900)]])
    read = []
    whole = live_row.Columns.read
    monkeypatch.setattr(live_row.Columns, "read", lambda self, line: read.append(line) or whole(self, line))
    live.latest(path)
    assert len(read) == 2
