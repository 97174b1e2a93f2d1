"""Rounds on an absolute grid."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from substation.bus.schedule import Schedule
from tests.fake_clock import FakeClock


def test_a_thousand_rounds_do_not_drift(clock: FakeClock) -> None:
    start_s = clock.monotonic()
    schedule = Schedule(2.0, clock)
    for number in range(1000):
        assert clock.monotonic() == pytest.approx(start_s + 2.0 * number)
        schedule.begin()
        clock.advance(1.137)
        clock.sleep(schedule.due_s - clock.monotonic())
    assert schedule.skipped == 0


def test_a_slow_round_skips_ticks_and_comes_back_onto_the_grid(clock: FakeClock) -> None:
    start_s = clock.monotonic()
    schedule = Schedule(2.0, clock)
    schedule.begin()
    clock.advance(5.3)
    schedule.begin()
    assert schedule.skipped == 1
    assert schedule.due_s == start_s + 6.0


def test_an_early_round_uses_up_no_tick(clock: FakeClock) -> None:
    start_s = clock.monotonic()
    schedule = Schedule(2.0, clock)
    schedule.begin()
    clock.advance(0.7)
    schedule.begin()
    assert schedule.due_s == start_s + 2.0


@given(st.floats(0.5, 60), st.lists(st.floats(0, 200), max_size=30))
def test_the_next_tick_is_always_ahead_and_on_the_grid(interval_s: float, durations: list[float]) -> None:
    clock = FakeClock()
    start_s = clock.monotonic()
    schedule = Schedule(interval_s, clock)
    for duration_s in durations:
        schedule.begin()
        assert clock.monotonic() < schedule.due_s <= clock.monotonic() + interval_s + 1e-5
        place = (schedule.due_s - start_s) / interval_s
        assert place == pytest.approx(round(place), abs=1e-6)
        clock.advance(duration_s)
        clock.sleep(schedule.due_s - clock.monotonic())


def test_a_step_of_the_wall_clock_moves_nothing(clock: FakeClock) -> None:
    schedule = Schedule(2.0, clock)
    schedule.begin()
    due_s = schedule.due_s
    clock.step(-3600)
    schedule.begin()
    assert schedule.due_s == due_s


def test_without_pause_the_next_round_is_now(clock: FakeClock) -> None:
    schedule = Schedule(0, clock)
    schedule.begin()
    assert schedule.idle_until_s is None
    assert schedule.due_s <= clock.monotonic()


def test_a_chore_gets_a_third_of_the_idle_time_within_bounds(clock: FakeClock) -> None:
    schedule = Schedule(2.0, clock)
    schedule.begin()
    slices = []
    for _ in range(4):
        slices.append(round(schedule.budget_s(), 2))
        clock.advance(0.65)
    assert slices == [0.3, 0.3, 0.23, 0.02]
    assert Schedule(0.0, clock).budget_s() == 0.02
