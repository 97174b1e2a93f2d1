"""What a row of the original is worth: nothing that looks right and is not gets through unmarked."""

import datetime as dt
import zoneinfo

import pytest

from substation.clock import site_time
from substation.quantities import KEYS, QUANTITIES
from substation.readings import Quality, Reading
from substation.settings.model import CARD_METERS, Settings
from substation.store import original_judge as judge_room
from substation.store.original_judge import Judge, bent_zeros, utc_ms
from substation.store.original_rows import Raw
from substation.store.rows import to_reading
from tests.store import originals

INDIA = zoneinfo.ZoneInfo("Asia/Kolkata")
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
NOW_MS = 1_795_500_000_000
SETTINGS = Settings(meters=CARD_METERS)
RATINGS = {meter.id: SETTINGS.ratings(meter) for meter in CARD_METERS}
GOOD = originals.values(5)


@pytest.fixture
def judge() -> Judge:
    return Judge(RATINGS, INDIA, NOW_MS)


def raw(time: str = "2025-09-18 10:00:00", meter: str = "1", values: list[float | None] | None = GOOD) -> Raw:
    return Raw(time, meter, values)


def judged(judge: Judge, row: Raw) -> Reading | None:
    found = judge.row(row, KEYS)
    return None if found is None else to_reading(found)


def test_a_reading_comes_with_its_values_and_says_that_it_was_imported(judge: Judge) -> None:
    reading = judged(judge, raw())
    assert reading is not None
    assert (reading.meter_id, reading.quality, reading.reason) == (1, Quality.GOOD, "imported")
    assert site_time(reading.at_ms, INDIA).isoformat() == "2025-09-18T10:00:00+05:30"
    for quantity, given in zip(QUANTITIES, GOOD, strict=True):
        assert given is not None
        assert reading.values[quantity.key] == pytest.approx(given, abs=quantity.resolution)
    assert reading.implausible == frozenset()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (raw(time=""), judge_room.UNREADABLE),
        (raw(time="18-09-2025 10:00:00"), judge_room.UNREADABLE),
        (raw(time="2025-02-30 10:00:00"), judge_room.UNREADABLE),
        (raw(time="2025-09-18 10:00"), judge_room.UNREADABLE),
        (raw(time="2026-11-24 11:30:01"), judge_room.FUTURE),
        (raw(time="1970-01-01 05:31:00"), judge_room.UNSET_CLOCK),
        (raw(meter="6"), judge_room.NO_METER),
        (raw(meter="None"), judge_room.NO_METER),
        (raw(meter="1.5"), judge_room.NO_METER),
        (raw(values=None), judge_room.NO_NUMBER),
    ],
)
def test_a_row_that_cannot_be_trusted_is_refused_with_its_reason(judge: Judge, row: Raw, reason: str) -> None:
    assert judge.row(row, KEYS) is None
    assert judge.tally.refused == {reason: 1}
    assert judge.tally.meters == {}


def test_the_very_present_is_not_the_future(judge: Judge) -> None:
    assert judged(judge, raw(time="2026-11-24 11:30:00")) is not None


def test_unknown_meters_are_counted_by_their_id(judge: Judge) -> None:
    for meter in ("9", "9", "7", "1"):
        judge.row(raw(meter=meter), KEYS)
    assert judge.tally.unknown_meters == {"9": 2, "7": 1}


def test_a_meter_id_that_went_through_a_spreadsheet_is_known(judge: Judge) -> None:
    reading = judged(judge, raw(meter="2.0"))
    assert reading is not None
    assert reading.meter_id == 2


@pytest.mark.parametrize("values", [[None] * 38, [0.0] * 38, [0.0, None] * 19])
def test_a_row_of_nothing_or_noughts_is_a_failed_poll_and_no_power_failure(
    judge: Judge, values: list[float | None]
) -> None:
    reading = judged(judge, raw(values=values))
    assert reading is not None
    assert (reading.quality, reading.reason) == (Quality.NO_ANSWER, "imported_empty")
    assert set(reading.values.values()) == {None}
    assert judge.tally.failed == 1


def test_a_dead_circuit_whose_registers_stand_is_a_reading_of_noughts(judge: Judge) -> None:
    dead = [value if q.kind == "counter" else 0.0 for q, value in zip(QUANTITIES, GOOD, strict=True)]
    for time in ("2025-09-18 10:00:00", "2025-09-18 10:30:00"):  # and again: nothing moves there
        reading = judged(judge, raw(time, values=dead))
        assert reading is not None
        assert (reading.quality, reading.values["v_r"], reading.implausible) == (
            Quality.GOOD,
            0.0,
            frozenset(),
        )


def test_the_same_answer_under_a_new_time_is_no_reading(judge: Judge) -> None:
    times = ["2025-09-18 10:00:00", "2025-09-18 10:30:00", "2025-09-18 11:00:00"]
    qualities = [judged(judge, raw(time)) for time in times]
    judged(judge, raw("2025-09-18 11:30:00", meter="2"))  # another meter may say the same
    assert [(r.quality, r.reason) for r in qualities if r] == [
        (Quality.GOOD, "imported"),
        (Quality.NO_ANSWER, "imported_repeat"),
        (Quality.NO_ANSWER, "imported_repeat"),
    ]
    assert judge.tally.repeats == 2
    fresh = judged(judge, raw("2025-09-18 11:30:00", values=originals.changed(GOOD, v_r=240.0)))
    assert fresh is not None
    assert fresh.quality is Quality.GOOD


def test_polls_within_one_renewal_of_the_registers_may_agree(judge: Judge) -> None:
    readings = [judged(judge, raw(f"2025-09-18 10:00:0{second}")) for second in (0, 2, 4)]
    assert [r.quality for r in readings if r] == [Quality.GOOD] * 3


def test_a_value_that_the_original_dropped_is_asked_but_not_a_number(judge: Judge) -> None:
    reading = judged(judge, raw(values=originals.changed(GOOD, vll_average=None)))
    assert reading is not None
    assert reading.quality_of("vll_average") is Quality.IMPLAUSIBLE
    assert reading.quality_of("v_ry") is Quality.GOOD
    assert judge.tally.dropped == {"vll_average": 1}


def test_a_value_that_the_circuit_cannot_have_is_kept_and_marked(judge: Judge) -> None:
    reading = judged(judge, raw(values=originals.changed(GOOD, current_r=9000.0)))
    assert reading is not None
    assert reading.values["current_r"] == 9000.0
    assert reading.implausible == {"current_r"}
    assert judge.tally.implausible == {"current_r": 1}


def bent(**changes: float) -> frozenset[str]:
    values = dict(zip(KEYS, GOOD, strict=True))
    return bent_zeros({**values, **changes}, 500_000.0)


def test_a_nought_that_its_row_contradicts_is_marked() -> None:
    assert bent() == frozenset()
    # reverse power: P was -0.95 S
    assert bent(watts_total=0.0) == {"watts_total"}
    assert bent(watts_r=0.0, pf_r=0.0) == {"watts_r", "pf_r"}
    # leading: the factor was below zero, and so was Q
    assert bent(pf_average=0.0) == {"pf_average"}
    assert bent(pf_average=0.0, var_total=0.0) == {"pf_average", "var_total"}
    assert bent(pf_y=0.0) == {"pf_y"}


def test_a_nought_that_may_be_true_is_not_marked() -> None:
    s = dict(zip(KEYS, GOOD, strict=True))["va_total"] or 0.0
    assert bent(watts_total=s, var_total=0.0, pf_average=1.0, pf_average_received=1.0) == frozenset()
    assert bent(watts_total=0.0, var_total=s, pf_average=0.0, pf_average_received=0.0) == frozenset()
    assert bent(watts_total=0.0, var_total=0.0, va_total=20.0, pf_average=0.0) == frozenset()  # no load


def test_marked_noughts_are_kept_and_stay_out_of_means(judge: Judge) -> None:
    reading = judged(judge, raw(values=originals.changed(GOOD, watts_total=0.0)))
    assert reading is not None
    assert reading.values["watts_total"] == 0.0
    assert reading.quality_of("watts_total") is Quality.IMPLAUSIBLE
    assert judge.tally.bent == {"watts_total": 1}


def test_local_times_of_a_summer_time_change_are_decided_in_words() -> None:
    assert utc_ms("2025-03-30 01:59:59", BERLIN) == 1_743_296_399_000
    assert utc_ms("2025-03-30 02:30:00", BERLIN) == judge_room.SKIPPED
    assert utc_ms("2025-03-30 03:00:00", BERLIN) == 1_743_296_400_000
    assert utc_ms("2025-10-26 01:59:59", BERLIN) == 1_761_436_799_000
    assert utc_ms("2025-10-26 02:30:00", BERLIN) == judge_room.TWICE
    assert utc_ms("2025-10-26 03:00:00", BERLIN) == 1_761_444_000_000


def test_the_tally_tells_range_and_pace_of_each_meter(judge: Judge) -> None:
    begin = dt.datetime(2025, 9, 18, 10)
    for at, meter, values in originals.polled(begin, 20, step_s=1800):
        judge.row(Raw(f"{at:%Y-%m-%d %H:%M:%S}", str(meter), values), KEYS)
    first = judge.tally.meters[1]
    assert (first.rows, first.usual_gap_s) == (20, 1800)
    assert first.last_ms is not None
    assert first.first_ms is not None
    assert first.last_ms - first.first_ms == 19 * 1_800_000
    assert judge.tally.readable == judge.tally.found == 100
