"""R12: a meter that repeats itself, and one that truly stands still."""

from collections.abc import Mapping

import pytest

from substation.energy.frozen import FROZEN_ROUNDS, Repeats
from substation.energy.registers import Limits

LIMITS = {"wh_received": Limits(160e3), "vah_received": Limits(160e3)}
FINE: Mapping[str, float] = {
    "v_r": 239.7123,
    "v_y": 240.1544,
    "v_b": 238.9921,
    "current_r": 61.2345,
    "frequency": 49.981,
    "watts_total": 41_234.5,
    "var_r": 0.0,
}
COARSE: Mapping[str, float] = {
    "v_r": 240,
    "v_y": 241,
    "v_b": 239,
    "current_r": 12.3,
    "frequency": 50,
    "pf_r": 0.98,
}
IDLE_ON_A_UPS: Mapping[str, float] = {
    "v_r": 230.1,
    "v_y": 229.9,
    "v_b": 230.2,
    "v_ry": 398.6,
    "v_yb": 398.3,
    "v_br": 398.7,
    "frequency": 50.0,
    **dict.fromkeys(("current_r", "current_y", "current_b", "watts_total", "va_total"), 0.0),
}
DEAD: Mapping[str, float] = dict.fromkeys(FINE, 0.0)


def say(repeats: Repeats, values: Mapping[str, float | None], rounds: int, every_s: float = 2.0) -> None:
    begin = round(repeats._at_s) if repeats._at_s is not None else 0
    for at in range(1, rounds + 1):
        now_s = begin + at * every_s
        repeats.read(round(now_s * 1000), now_s, values, LIMITS)


def test_a_meter_that_says_the_same_for_a_minute_is_frozen_since_it_began() -> None:
    repeats = Repeats()
    say(repeats, FINE, 30)
    assert repeats.frozen_ms is None  # 58 s
    say(repeats, FINE, 1)
    assert repeats.frozen_ms == 2000


def test_seldom_polled_it_takes_ten_rounds() -> None:
    repeats = Repeats()
    say(repeats, FINE, FROZEN_ROUNDS - 1, every_s=60)
    assert repeats.frozen_ms is None
    say(repeats, FINE, 1, every_s=60)
    assert repeats.frozen_ms == 60_000


def test_the_last_digit_of_one_value_shows_that_it_lives() -> None:
    repeats = Repeats()
    for at in range(100):
        say(repeats, {**FINE, "frequency": 49.98 + at % 2 * 0.001}, 1)
    assert repeats.frozen_ms is None


def test_it_thaws_with_the_first_change() -> None:
    repeats = Repeats()
    say(repeats, FINE, 60)
    assert repeats.frozen_ms is not None
    say(repeats, {**FINE, "v_r": 239.7124}, 1)
    assert repeats.frozen_ms is None


@pytest.mark.parametrize("values", [DEAD, COARSE, {"v_r": 240.13}, {}])
def test_what_could_not_move_is_not_frozen(values: Mapping[str, float]) -> None:
    repeats = Repeats()
    say(repeats, values, 1000)
    assert repeats.frozen_ms is None


@pytest.mark.parametrize("load", [{}, {"current_r": 0.3}, {"current_r": 12.3, "watts_total": 8_300.0}])
def test_an_idle_circuit_on_a_ups_may_stand_still_for_minutes(load: Mapping[str, float]) -> None:
    repeats = Repeats()
    say(repeats, {**IDLE_ON_A_UPS, **load}, 450)
    assert repeats.frozen_ms is None  # 898 s
    say(repeats, {**IDLE_ON_A_UPS, **load}, 1)
    assert repeats.frozen_ms == 2000


@pytest.mark.parametrize("load", [{"current_r": 123.4}, {"watts_total": 8_312.0}, {"va_total": -1_234.0}])
def test_a_fine_load_is_never_so_still(load: Mapping[str, float]) -> None:
    repeats = Repeats()
    say(repeats, {**IDLE_ON_A_UPS, **load}, 31)
    assert repeats.frozen_ms == 2000


def test_values_that_are_read_seldom_or_are_no_number_hide_nothing() -> None:
    repeats = Repeats()
    for _ in range(4):
        say(repeats, {**FINE, "pf_average_received": 0.9312, "v_ry": None}, 1)
        say(repeats, FINE, 9)
    assert repeats.frozen_ms == 2000


def test_what_was_frozen_at_the_last_poller_is_frozen_still() -> None:
    repeats = Repeats()
    repeats.resume(FINE, 500, 0.0)
    say(repeats, FINE, 1)
    assert repeats.frozen_ms == 500
    say(repeats, {**FINE, "v_r": 1.0}, 1)
    assert repeats.frozen_ms is None


def moving(at: int, watts: float = 50_000.0) -> dict[str, float | None]:
    return {**FINE, "watts_total": watts, "v_r": 239.0 + at % 7 / 100}


def count(
    repeats: Repeats, rounds: int, wh: float, watts: float = 50_000.0, *, goes_on: bool = False
) -> None:
    """Two seconds a round, the registers each minute."""
    for at in range(rounds):
        values = moving(at, watts)
        if at % 30 == 0:
            values |= {"wh_received": wh + (watts * at / 1800 if goes_on else 0.0)}
        say(repeats, values, 1)


def test_registers_that_stand_still_under_load_are_stuck() -> None:
    repeats = Repeats()
    count(repeats, 300, 1e6, goes_on=True)
    level = 1e6 + 50_000 * 270 / 1800
    begun_s = repeats._at_s
    count(repeats, 180, level)  # 5 kWh at 50 kW: six minutes
    assert repeats.stuck_ms is None
    count(repeats, 60, level)
    assert repeats.stuck_ms is not None
    assert begun_s is not None
    assert repeats.stuck_ms <= begun_s * 1000
    count(repeats, 1, level + 8)
    assert repeats.stuck_ms is None


@pytest.mark.parametrize("watts", [0.0, 1000.0])
def test_an_idle_circuits_registers_stand_still_truly(watts: float) -> None:
    repeats = Repeats()
    count(repeats, 60, 1e6, goes_on=True)
    count(repeats, 43_200, 1e6 + 50_000 / 60, watts)
    assert repeats.stuck_ms is None


def test_a_coarse_register_is_given_the_time_that_its_steps_take() -> None:
    repeats = Repeats()
    for tens in range(3):  # 10 kWh a step, 12 minutes at 50 kW
        count(repeats, 360, 1e6 + tens * 10_000)
    assert repeats.stuck_ms is None


def test_reverse_power_does_not_turn_the_only_register_of_a_meter() -> None:
    repeats = Repeats()
    count(repeats, 60, 1e6, goes_on=True)
    count(repeats, 3600, 1e6 + 50_000 / 60, -50_000.0)
    assert repeats.stuck_ms is None
