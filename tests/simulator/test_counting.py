"""Registers that freeze, begin anew, belong to another meter or roll over, as they cross the wire."""

import pytest

from substation.meters.decode import number
from substation.meters.profile import Profile
from substation.simulator.faults import Faults
from substation.simulator.line import SimulatedLine
from tests.fake_clock import FakeClock
from tests.simulator.master import Master, request


@pytest.fixture
def faults(line: SimulatedLine) -> Faults:
    return line.faults


def wh(master: Master, profile: Profile, key: str = "wh_received") -> float:
    """Return a register of meter 3 as it reads now."""
    reply = master.ask(request(3))
    place = profile.place(key)
    at = 3 + 2 * (place.address - 100)
    words = [int.from_bytes(reply[at + 2 * n : at + 2 * n + 2]) for n in range(place.words)]
    value = number(words, place.word_order, place.encoding, place.scale)
    assert value is not None
    return value


def test_a_frozen_meter_repeats_itself_to_the_bit_until_it_is_freed(
    master: Master, faults: Faults, clock: FakeClock
) -> None:
    before = master.ask(request(3))
    faults.order(3, "frozen")
    for _ in range(3):
        clock.advance(60)
        assert master.ask(request(3)) == before
        assert master.ask(request(4))[0] == 4
    faults.clear(3)
    assert master.ask(request(3)) != before


def test_a_reset_register_counts_on_from_zero(
    master: Master, faults: Faults, clock: FakeClock, profile: Profile
) -> None:
    before = wh(master, profile)
    faults.order(3, "reset", times=1)
    assert wh(master, profile) == 0
    clock.advance(3600)
    assert 1000 < wh(master, profile) < 160_000 < before


def test_only_the_ordered_registers_are_reset(master: Master, faults: Faults, profile: Profile) -> None:
    faults.order(3, "reset", times=1, keys=["vah_received"])
    assert wh(master, profile) > 0
    assert wh(master, profile, "vah_received") == 0


def test_an_exchanged_meter_counts_on_from_its_own_level(
    master: Master, faults: Faults, clock: FakeClock, profile: Profile
) -> None:
    faults.order(3, "swap", times=1, level=123_456)
    assert wh(master, profile) == 123_456
    assert wh(master, profile, "wh_delivered") == 0
    clock.advance(3600)
    assert 124_456 < wh(master, profile) < 283_456


def test_a_register_rolls_over_at_its_modulus(
    master: Master, faults: Faults, clock: FakeClock, profile: Profile
) -> None:
    faults.order(3, "rollover", times=1, modulus=1e6, short=100)
    assert wh(master, profile) == 999_900
    clock.advance(3600)
    assert 900 < wh(master, profile) < 160_000


def test_a_wild_value_is_there_for_one_answer(master: Master, faults: Faults, profile: Profile) -> None:
    before = wh(master, profile)
    faults.order(3, "wild", times=1, level=0)
    assert wh(master, profile) == 0
    assert wh(master, profile) == before
