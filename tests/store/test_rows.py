import math

from hypothesis import given

from substation.quantities import BY_KEY, INSTANTS, KEYS
from substation.readings import Quality, Reading
from substation.store.rows import BITS, to_reading, to_row
from tests.store.readings import BEGIN_MS, a_reading
from tests.store.strategies import any_reading


@given(any_reading())
def test_it_returns_every_value_in_steps_of_its_resolution(reading):
    back = to_reading(to_row(reading))
    assert (back.meter_id, back.at_ms, back.quality, back.reason) == (
        reading.meter_id,
        reading.at_ms,
        reading.quality,
        reading.reason,
    )
    for key in KEYS:
        value = reading.values.get(key)
        if value is None or not reading.answered:
            assert back.values.get(key) is None
        elif abs(value) < 1e9:
            assert back.values[key] == round(value * BY_KEY[key].steps_per_unit) / BY_KEY[key].steps_per_unit
        else:
            assert math.isclose(back.values[key], value)


@given(any_reading())
def test_it_keeps_the_quality_of_each_value(reading):
    back = to_reading(to_row(reading))
    for key in KEYS:
        value = reading.values.get(key)
        expected = reading.quality_of(key)
        if value is not None and abs(value) > 1e30:
            expected = Quality.IMPLAUSIBLE
        assert back.quality_of(key) is expected


@given(any_reading())
def test_a_row_that_went_through_a_reading_is_the_same_row(reading):
    row = to_row(reading)
    again = to_row(to_reading(row))
    assert [*again[:4], *again[4]] == [*row[:4], *row[4]]


def test_it_keeps_the_sign_of_reverse_power_and_leading_power_factor():
    back = to_reading(to_row(a_reading(watts_total=-1234.5, pf_average=-0.0412)))
    assert (back.values["watts_total"], back.values["pf_average"]) == (-1234.5, -0.0412)


def test_a_small_negative_value_is_zero_without_a_sign():
    back = to_reading(to_row(a_reading(watts_total=-0.04)))
    assert math.copysign(1, back.values["watts_total"]) == 1.0


def test_what_is_not_a_number_is_none_and_implausible():
    back = to_reading(to_row(a_reading(v_r=math.nan, v_y=math.inf)))
    assert back.values["v_r"] is None
    assert back.values["v_y"] is None
    assert back.quality_of("v_r") is Quality.IMPLAUSIBLE


def test_a_register_that_the_meter_has_not_stays_disabled():
    values = {"v_r": 230.0}
    back = to_reading(to_row(Reading(1, BEGIN_MS, values)))
    assert back.quality_of("v_y") is Quality.DISABLED
    assert back.values == values


def test_a_round_without_counters_lies_in_a_row_as_a_whole_one_does():
    whole = a_reading(v_r=230.0, pf_average_received=0.87, wh_received=7000.0)
    asked = dict(reversed([(key, whole.values[key]) for key in INSTANTS]))  # whatever their order
    *_, mask, steps = to_row(Reading(1, BEGIN_MS, asked, implausible=frozenset({"v_r", "wh_received"})))
    *_, all_steps = to_row(whole)
    assert steps == [all_steps[at] if key in asked else None for at, key in enumerate(KEYS)]
    assert mask == BITS["v_r"]  # what was not asked cannot be doubted


def test_what_no_vocabulary_knows_is_left_out_of_the_row():
    *_, steps = to_row(Reading(1, BEGIN_MS, {"thd_v_r": 3.2, "v_r": 230.0}))
    assert [count for count in steps if count is not None] == [23_000]


def test_an_answer_with_no_value_at_all_is_a_row_too():
    back = to_reading(to_row(Reading(1, BEGIN_MS, {})))
    assert (back.answered, back.values) == (True, {})
