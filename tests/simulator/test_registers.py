"""Registers integrate power, whichever way and however often they are asked."""

import time
import zoneinfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from substation.quantities import COUNTERS
from substation.simulator.site import METERS, Failure, Site

ZONE = zoneinfo.ZoneInfo("Asia/Kolkata")
EPOCH_MS = 1_795_437_000_000
HOUR_MS = 3_600_000
FAILURE = Failure(EPOCH_MS + 1_234_567, EPOCH_MS + 2_345_678, dg_start_s=11.3, dg_stop_s=45.6)
PAIRS = (
    ("wh_received", "watts_total"),
    ("vah_received", "va_total"),
    ("varh_ind_received", "var_total"),
)


def site(*failures: Failure) -> Site:
    return Site(5, epoch_ms=EPOCH_MS, zone=ZONE, failures=failures)


def integral(of: Site, meter: int, power: str, start_ms: int, end_ms: int, step_ms: int) -> float:
    """Return Wh by the midpoint rule, which knows nothing of our grid."""
    middles = range(start_ms + step_ms // 2, end_ms, step_ms)
    return sum(of.at(ms)[meter][power] for ms in middles) * step_ms / HOUR_MS


@pytest.mark.parametrize("start_ms", [EPOCH_MS + 700, EPOCH_MS - 2 * HOUR_MS + 700])
def test_energy_is_the_integral_of_power(start_ms: int) -> None:
    one, end_ms = site(), start_ms + HOUR_MS
    before, after = one.at(start_ms), one.at(end_ms)
    for meter in METERS:
        for counter, power in PAIRS:
            expected = integral(one, meter, power, start_ms, end_ms, 4000)
            assert after[meter][counter] - before[meter][counter] == pytest.approx(
                expected, rel=2e-4, abs=1e-6
            )


def test_a_failure_cuts_energy_to_the_second() -> None:
    one = site(FAILURE)
    start_ms, end_ms = FAILURE.start_ms - 90_000, FAILURE.over_ms + 90_000
    before, after = one.at(start_ms), one.at(end_ms)
    for meter in METERS:
        expected = integral(one, meter, "watts_total", start_ms, end_ms, 250)
        # A quarter of a second at each change-over is what the numeric way can miss: 10 Wh at 150 kW.
        assert after[meter]["wh_received"] - before[meter]["wh_received"] == pytest.approx(expected, abs=10)
    dark = one.at(FAILURE.start_ms), one.at(FAILURE.start_ms + 11_299)
    generator = one.at(FAILURE.end_ms), one.at(FAILURE.over_ms + HOUR_MS)
    for meter in METERS:
        assert dark[0][meter]["wh_received"] == pytest.approx(dark[1][meter]["wh_received"], abs=1e-6)
    assert generator[0][5]["wh_received"] == pytest.approx(generator[1][5]["wh_received"], abs=1e-6)


def test_transformer_registers_count_the_feeders_and_the_losses() -> None:
    one = site()
    before, after = one.at(EPOCH_MS), one.at(EPOCH_MS + 24 * HOUR_MS)
    gained = {m: after[m]["wh_received"] - before[m]["wh_received"] for m in METERS}
    assert 1.005 < gained[1] / (gained[2] + gained[3] + gained[4]) < 1.02
    assert gained[5] == 0
    assert 2_800_000 < gained[1] < 3_800_000  # the day of the picture


@settings(deadline=None, max_examples=60)
@given(
    st.integers(EPOCH_MS - 5 * HOUR_MS, EPOCH_MS + 5 * HOUR_MS),
    st.one_of(st.integers(1, 3000), st.integers(1, 4 * HOUR_MS)),
)
def test_a_register_never_falls(ms: int, later_ms: int) -> None:
    earlier, later = SHARED.at(ms), SHARED.at(ms + later_ms)
    for meter in METERS:
        for counter in COUNTERS:
            assert later[meter][counter] >= earlier[meter][counter]


SHARED = site(FAILURE)


def test_it_never_falls_over_minutes_hours_and_change_overs() -> None:
    one = site(FAILURE)
    last = dict.fromkeys(METERS, 0.0)
    for ms in range(EPOCH_MS - 2 * HOUR_MS, EPOCH_MS + HOUR_MS, 1_700):
        for meter, values in one.at(ms).items():
            assert values["wh_received"] >= last[meter]
            last[meter] = values["wh_received"]


def test_registers_begin_at_believable_figures() -> None:
    values = site().at(EPOCH_MS)
    assert values[1]["wh_received"] == 1_845_469_000
    for meter in METERS:
        assert 0.88 <= values[meter]["pf_average_received"] <= 0.97
        assert values[meter]["vah_received"] > values[meter]["wh_received"]
        assert values[meter]["wh_delivered"] == values[meter]["varh_cap_delivered"] == 0
    feeders = sum(values[meter]["wh_received"] for meter in (2, 3, 4))
    assert 0.98 < feeders / values[1]["wh_received"] < 1


def test_a_failure_still_to_come_changes_nothing_that_was_said() -> None:
    one, now_ms = site(), EPOCH_MS + 12_345
    said = one.at(now_ms)
    one.fail(Failure(now_ms + 50, now_ms + 90_000))
    assert one.at(now_ms) == said
    once_more = site(Failure(now_ms + 50, now_ms + 90_000))
    assert once_more.at(now_ms + HOUR_MS) == one.at(now_ms + HOUR_MS)


@pytest.mark.parametrize("hours", [1, -2])
def test_a_failure_ordered_later_is_as_if_it_had_always_been_known(hours: int) -> None:
    start_ms = EPOCH_MS + hours * HOUR_MS + 600_000
    failure = Failure(start_ms, start_ms + 900_000)
    one, known = site(), site(failure)
    for far_hours in (3, -4):
        one.at(EPOCH_MS + far_hours * HOUR_MS)
    one.at(start_ms + 1_000_000)
    one.fail(failure)
    for after_ms in (1_900_000, -3 * HOUR_MS, 1, 60_000, 901_234, 3 * HOUR_MS):
        assert one.at(start_ms + after_ms) == known.at(start_ms + after_ms)


def test_the_same_to_the_last_bit_by_minutes_and_at_once() -> None:
    by_minutes = site()
    for minute in range(-12 * 60, 1):
        said = by_minutes.at(EPOCH_MS + minute * 60_000)
        if minute % 60 == 30:
            assert said == site().at(EPOCH_MS + minute * 60_000)


def test_a_live_question_costs_less_than_a_millisecond() -> None:
    one = site()
    one.at(EPOCH_MS + 20 * HOUR_MS)
    began = time.thread_time()
    for number in range(300):
        one.at(EPOCH_MS + 20 * HOUR_MS + number * 2000)
    assert (time.thread_time() - began) / 300 < 0.005  # 0.1 ms here: no step through all the minutes
