"""A dead meter never slows the others: the figures, on a clock that a test moves."""

import random

import pytest

from substation.bus.scan import Scanner
from substation.settings.model import CARD_METERS, Line
from tests.bus.fake_wire import FakeWire
from tests.bus.models import grouped
from tests.bus.rounds import Rounds
from tests.fake_clock import FakeClock

PROFILE = grouped()
ROUND_S = 0.929
"""Of five meters, 58 registers each, at 9600 baud and 30 ms."""
LIVE = (1, 2, 4, 5)


@pytest.fixture
def wire(clock: FakeClock) -> FakeWire:
    return FakeWire(Line(), clock)


@pytest.fixture
def scanner(wire: FakeWire, clock: FakeClock) -> Scanner:
    return Scanner(wire, [(meter, PROFILE) for meter in CARD_METERS], clock, slow_interval_s=60)


@pytest.fixture(params=[2.0, 0], ids=["every 2 s", "without pause"])
def rounds(request: pytest.FixtureRequest, scanner: Scanner, wire: FakeWire, clock: FakeClock) -> Rounds:
    return Rounds(scanner, wire, clock, request.param)


def allowed_gap_s(rounds: Rounds) -> float:
    return max(ROUND_S, rounds.schedule.interval_s) + 0.3


def test_with_one_dead_the_live_ones_lose_nothing_and_no_gap_is_long(rounds: Rounds, wire: FakeWire) -> None:
    rounds.run(300)
    healthy = rounds.updates(*LIVE)
    rounds.forget()
    wire.dead = {3}
    rounds.run(300)
    assert rounds.updates(*LIVE) >= 0.98 * healthy
    assert rounds.worst_gap_s(*LIVE) <= allowed_gap_s(rounds) + 0.005


def test_with_three_dead_neither(rounds: Rounds, wire: FakeWire) -> None:
    rounds.run(300)
    healthy = rounds.updates(1, 4)
    rounds.forget()
    for meter_id in (2, 3, 5):
        wire.dead.add(meter_id)
        rounds.run(100)
    assert rounds.updates(1, 4) >= 0.98 * healthy
    assert rounds.worst_gap_s(1, 4) <= allowed_gap_s(rounds) + 0.005


def test_two_dead_behind_a_slow_gateway_are_probed_one_at_a_time(
    scanner: Scanner, wire: FakeWire, clock: FakeClock
) -> None:
    """Each probe costs what the gateway waits, not what we wait."""
    rounds = Rounds(scanner, wire, clock, 2.0)
    rounds.run(100)
    wire.dead, wire.held_s = {2, 3}, 0.8
    rounds.run(10)
    rounds.forget()
    rounds.run(100)
    assert rounds.worst_gap_s(1, 4, 5) <= allowed_gap_s(rounds) + 0.005


def test_a_death_is_known_within_three_polls(rounds: Rounds, wire: FakeWire, scanner: Scanner) -> None:
    rounds.run(60)
    wire.dead = {3}
    before = scanner.seats[2].health.counts["asked"]
    while not scanner.seats[2].health.lost:
        rounds.one()
    assert scanner.seats[2].health.counts["asked"] - before <= 3


@pytest.mark.parametrize("dead", [{3}, {2, 3, 5}, {1, 2, 3, 4, 5}], ids=["one", "three", "all"])
@pytest.mark.parametrize("away_s", [20, 600])
def test_a_return_is_seen_within_five_seconds(
    rounds: Rounds, wire: FakeWire, dead: set[int], away_s: float
) -> None:
    rounds.run(30)
    wire.dead = set(dead)
    rounds.run(away_s)
    for meter_id in dead:
        wire.dead.remove(meter_id)
        back_ms = rounds.clock.now_ms()
        rounds.forget()
        while not rounds.good_ms[meter_id]:
            rounds.one()
            assert rounds.clock.now_ms() - back_ms < 60_000
        assert rounds.good_ms[meter_id][0] - back_ms <= 5000


def test_a_meter_that_has_become_slow_is_found_again(rounds: Rounds, wire: FakeWire) -> None:
    rounds.run(30)
    wire.turnaround_s[3] = 0.4
    rounds.forget()
    rounds.run(60)
    assert rounds.updates(3) >= 10


@pytest.mark.parametrize("kind", ["crc", "timeout"])
def test_with_two_per_cent_of_bad_replies_nearly_every_poll_succeeds_in_its_round(
    rounds: Rounds, wire: FakeWire, kind: str
) -> None:
    if kind == "timeout" and not rounds.schedule.interval_s:
        pytest.skip("without idle time a lost reply is a lost poll")
    dice = random.Random(1)

    def spoil(meter_id: int) -> None:
        wire.faults[meter_id] = [kind] if dice.random() < 0.02 else []

    wire.on_ask = spoil
    polls = good = 0
    for _ in range(400):
        readings = rounds.one().values()
        polls += len(readings)
        good += sum(reading.answered for reading in readings)
    assert polls == 2000
    assert good >= 0.99 * polls
    assert sum(seat.health.kinds.get(kind, 0) for seat in rounds.scanner.seats) > 20


def test_waiting_for_the_silent_is_told_from_being_answered(rounds: Rounds, wire: FakeWire) -> None:
    rounds.run(60)
    assert rounds.scanner.waited_s == 0
    busy_s = wire.busy_s
    wire.dead = {1, 2, 3, 4, 5}
    rounds.run(60)
    assert rounds.scanner.waited_s == pytest.approx(wire.busy_s - busy_s)


def test_a_line_with_no_time_to_spare_still_reads_its_energies_and_finds_the_lost(
    scanner: Scanner, wire: FakeWire, clock: FakeClock
) -> None:
    rounds = Rounds(scanner, wire, clock, interval_s=0.95)  # 20 ms of idle time
    rounds.run(60)
    assert all(seat.identity for seat in scanner.seats)
    assert rounds.updates(1) >= 0.9 * 60 / 0.95
    wire.dead = {3}
    rounds.run(30)
    wire.dead = set()
    rounds.forget()
    rounds.run(5)
    assert rounds.good_ms[3]
