"""Slow and once-read registers: their own pace, in idle line time, never at the cost of a fast reading."""

import itertools
import zoneinfo

import pytest

from substation.bus.scan import Scanner
from substation.bus.view import advice_of
from substation.meters.decode import words_of_float32
from substation.meters.profile import load
from substation.quantities import COUNTERS, KEYS
from substation.readings import Quality, Reading
from substation.settings.model import CARD_METERS, Line, Meter, Transformers
from tests.bus.fake_wire import FakeWire
from tests.bus.models import FAST, Registers, grouped
from tests.bus.rounds import Rounds
from tests.fake_clock import FakeClock

ENERGY = (158, 18)
PROFILE = grouped()


@pytest.fixture
def wire(clock: FakeClock) -> FakeWire:
    wire = FakeWire(Line(), clock)
    wire.words = Registers(PROFILE).word
    return wire


@pytest.fixture
def scanner(wire: FakeWire, clock: FakeClock) -> Scanner:
    return Scanner(wire, [(meter, PROFILE) for meter in CARD_METERS], clock, slow_interval_s=60)


@pytest.fixture
def rounds(scanner: Scanner, wire: FakeWire, clock: FakeClock) -> Rounds:
    return Rounds(scanner, wire, clock)


def slow_in(readings: dict[int, Reading]) -> set[int]:
    return {meter_id for meter_id, reading in readings.items() if "wh_received" in reading.values}


def test_after_a_start_all_is_known_soon_and_then_the_turns_are_spread(rounds: Rounds) -> None:
    seen = [slow_in(rounds.one()) for _ in range(120)]  # 4 min
    assert set.union(*seen[:4]) == {1, 2, 3, 4, 5}
    later = seen[5:]
    assert all(len(meters) <= 1 for meters in later)
    for meter_id in range(1, 6):
        turns = [number for number, meters in enumerate(later) if meter_id in meters]
        assert len(turns) in (3, 4)
        assert {after - before for before, after in itertools.pairwise(turns)} == {30}


def test_fast_values_are_always_there_and_slow_ones_say_that_they_were_not_asked(rounds: Rounds) -> None:
    for _ in range(10):
        readings = rounds.one()
    for reading in readings.values():
        assert set(reading.values) == set(FAST)
        assert reading.quality_of("wh_received") is Quality.DISABLED
        assert reading.quality_of("watts_total") is Quality.GOOD


def test_the_round_takes_as_long_as_its_fast_registers(rounds: Rounds, scanner: Scanner) -> None:
    for _ in range(40):
        rounds.one()
        assert scanner.last_round_s == pytest.approx(0.929, abs=1e-3)
        assert scanner.limit_s == pytest.approx(0.929, abs=1e-3)


def test_joined_values_are_those_of_the_meter_and_the_fast_ones_keep_their_time(
    rounds: Rounds, wire: FakeWire
) -> None:
    held = Registers(PROFILE)
    joined = 0
    for _ in range(70):
        for meter_id, reading in rounds.one().items():
            for key in FAST:
                assert reading.values[key] == held.value(meter_id, key, reading.at_ms)
            if "wh_received" in reading.values:
                joined += 1
                near = range(reading.at_ms, reading.at_ms + 3000)
                assert reading.values["wh_received"] in {
                    held.value(meter_id, "wh_received", ms) for ms in near
                }
    assert joined >= 10


@pytest.mark.parametrize("fault", ["timeout", "crc", "short", "exception_4", "exception_6"])
def test_a_slow_block_that_fails_leaves_the_reading_and_is_tried_in_the_next_round(
    rounds: Rounds, wire: FakeWire, scanner: Scanner, fault: str
) -> None:
    def spoil(meter_id: int) -> None:
        is_slow = wire.asked[-1][0] == "read" and wire.blocks[-1] == (3, *ENERGY)
        wire.faults[3] = [fault] if is_slow and spoiled > 0 else []

    spoiled = 1
    wire.on_ask = spoil
    first = rounds.one()
    assert first[3].answered
    assert set(first[3].values) == set(FAST)
    assert {1, 2, 4} <= slow_in(first) <= {1, 2, 4, 5}
    assert scanner.seats[2].health.comm_status == "OK"
    assert scanner.seats[2].health.kinds == {fault: 1}
    spoiled = 0
    assert 3 in slow_in(rounds.one())
    assert rounds.words == []


def test_it_is_tried_three_times_and_then_waits_for_its_turn(rounds: Rounds, wire: FakeWire) -> None:
    def spoil(meter_id: int) -> None:
        wire.faults[3] = ["crc"] if wire.asked[-1][0] == "read" and wire.blocks[-1][1:] == ENERGY else []

    wire.on_ask = spoil
    tried = []
    for _ in range(33):
        rounds.one()
        tried.append(sum(block == (3, *ENERGY) for block in wire.blocks))
    assert tried[:4] == [1, 1, 1, 0]
    assert sum(tried) <= 6


def test_what_comes_after_a_long_pause_of_ours_is_not_joined(
    rounds: Rounds, wire: FakeWire, clock: FakeClock
) -> None:
    def pause(meter_id: int) -> None:
        if wire.asked[-1][0] == "read" and wire.blocks[-1] == (2, *ENERGY):
            wire.on_ask = lambda _: None
            clock.advance(60)

    wire.on_ask = pause
    first = rounds.one()
    assert first[2].answered
    assert "wh_received" not in first[2].values
    assert 2 in slow_in(rounds.one())


def test_identity_is_read_once_and_again_after_the_meter_was_away_for_long(
    rounds: Rounds, wire: FakeWire, scanner: Scanner
) -> None:
    def asked(seconds: float) -> int:
        count, end_s = 0, rounds.clock.monotonic() + seconds
        while rounds.clock.monotonic() < end_s:
            rounds.one()
            count += (2, 300, 2) in wire.blocks
        return count

    assert asked(300) == 1
    assert set(scanner.seats[1].identity) == {"serial"}
    wire.dead = {2}
    asked(20)
    wire.dead = set()
    assert asked(60) == 0  # a moment away: the same meter
    wire.dead = {2}
    asked(120)
    wire.dead = set()
    assert asked(60) == 1


def test_identity_is_asked_for_until_it_is_known(rounds: Rounds, wire: FakeWire, scanner: Scanner) -> None:
    def spoil(meter_id: int) -> None:
        wire.faults[1] = ["timeout"] if wire.asked[-1][0] == "read" and wire.blocks[-1][1] == 300 else []

    wire.on_ask = spoil
    rounds.run(200)
    assert scanner.seats[0].identity == {}
    wire.on_ask = lambda _: None
    wire.faults[1] = []
    rounds.run(62)
    assert set(scanner.seats[0].identity) == {"serial"}


def test_extras_have_their_own_time_and_never_stand_among_the_quantities(
    rounds: Rounds, scanner: Scanner
) -> None:
    started_ms = rounds.clock.now_ms()
    readings = rounds.one()
    rounds.run(4)
    value, at_ms = scanner.seats[0].extras["load_hours"]
    assert value == Registers(PROFILE).value(1, "load_hours", at_ms)
    assert at_ms > started_ms
    assert all(set(reading.values) <= set(KEYS) for reading in readings.values())


def test_a_slow_value_that_is_no_number_is_missing_and_flagged(rounds: Rounds, wire: FakeWire) -> None:
    good = wire.words
    wire.words = lambda meter_id, address, at_ms: (
        0xFFFF if address in (158, 159) else good(meter_id, address, at_ms)
    )
    reading = rounds.one()[1]
    assert reading.values["wh_received"] is None
    assert reading.quality_of("wh_received") is Quality.IMPLAUSIBLE
    assert reading.quality_of("vah_received") is Quality.GOOD


def test_without_pause_slow_reads_cost_a_round_three_tenths_of_a_second_at_most(
    scanner: Scanner, wire: FakeWire, clock: FakeClock
) -> None:
    rounds = Rounds(scanner, wire, clock, interval_s=0)
    rounds.run(180)
    assert rounds.worst_gap_s(1, 2, 3, 4, 5) <= 0.93 + 0.302
    assert rounds.updates(1) >= 0.98 * 180 / 0.929
    assert scanner.seats[4].identity


def test_a_reading_is_told_once_and_whole(rounds: Rounds, scanner: Scanner) -> None:
    told: list[Reading] = []
    scanner.took = told.append
    for _ in range(40):
        told.clear()
        readings = rounds.one()
        assert sorted(map(id, told)) == sorted(map(id, readings.values()))


def test_a_new_plan_is_made_when_the_meter_thinks_longer_than_was_guessed(
    wire: FakeWire, clock: FakeClock
) -> None:
    rows = {"watts_total": 40101, "frequency": 40141}
    profile = grouped(registers=rows, extras={})
    scanner = Scanner(wire, [(CARD_METERS[0], profile)], clock, slow_interval_s=60)
    wire.words = Registers(profile).word
    wire.turnaround_s[1] = 0.09
    rounds = Rounds(scanner, wire, clock)
    assert len(scanner.seats[0].blocks) == 2
    rounds.run(40)
    assert len(scanner.seats[0].blocks) == 1
    assert rounds.one()[1].answered


def test_ratios_hold_from_their_day_at_the_sites_midnight(wire: FakeWire, clock: FakeClock) -> None:
    zone = zoneinfo.ZoneInfo("Asia/Kolkata")
    ratio = Transformers(since="2026-11-25", current_factor=20.0, voltage_factor=2.0)
    meter = CARD_METERS[0].model_copy(update={"transformers": (ratio,)})
    scanner = Scanner(wire, [(meter, PROFILE)], clock, slow_interval_s=60, zone=zone)
    held = Registers(PROFILE)
    rounds = Rounds(scanner, wire, clock)
    before = rounds.one()[1]
    assert before.values["watts_r"] == held.value(1, "watts_r", before.at_ms)
    clock.advance(4 * 86_400)
    wire.words = lambda meter_id, address, at_ms: held.word(meter_id, address, at_ms - 4 * 86_400_000)
    after = rounds.one()[1]
    then_ms = after.at_ms - 4 * 86_400_000
    for key, factor in {"watts_r": 40, "v_r": 2, "current_r": 20, "pf_r": 1, "frequency": 1}.items():
        assert after.values[key] == factor * held.value(1, key, then_ms)
    near = range(then_ms, then_ms + 3000)
    assert after.values["wh_received"] in {40 * held.value(1, "wh_received", ms) for ms in near}


def test_a_doubted_word_order_is_said_and_its_values_are_flagged_as_they_are(
    wire: FakeWire, clock: FakeClock
) -> None:
    turned = grouped(word_order="ABCD")  # the meter sends CDAB
    scanner = Scanner(wire, [(CARD_METERS[0], turned)], clock, slow_interval_s=60)
    rounds = Rounds(scanner, wire, clock)
    reading = rounds.one()[1]
    assert reading.answered
    assert {reading.quality_of(key) for key in reading.values} == {Quality.IMPLAUSIBLE}
    assert "makes sense as CDAB" in scanner.seats[0].doubt
    assert any("meter 1 Transformer: the frequency" in words for words in advice_of(scanner))
    rounds.run(10)
    assert len(rounds.words) == 1
    wire.words = lambda meter_id, address, at_ms: 0x4248 if address == 156 else 0
    assert rounds.one()[1].quality_of("frequency") is Quality.GOOD
    assert rounds.words[1:] == ["meter 1 Transformer: the word order is in doubt no more"]


@pytest.mark.parametrize("hz", [0.0, 50.064727783203125], ids=["dead circuit", "sound in both orders"])
def test_a_doubt_of_the_word_order_outlasts_what_cannot_tell(
    wire: FakeWire, clock: FakeClock, hz: float
) -> None:
    turned = grouped(word_order="ABCD")  # the meter sends CDAB
    rounds = Rounds(Scanner(wire, [(CARD_METERS[0], turned)], clock, slow_interval_s=2), wire, clock)
    for _ in range(3):
        rounds.one()
    held, tells = wire.words, dict(zip((156, 157), words_of_float32(hz, "CDAB"), strict=True))
    wire.words = lambda meter_id, at, at_ms: tells.get(at, held(meter_id, at, at_ms))
    for _ in range(3):
        reading = rounds.one()[1]
        assert "wh_received" in reading.values
        assert {reading.quality_of(key) for key in reading.values} == {Quality.IMPLAUSIBLE}
    assert len(rounds.words) == 1


def test_one_doubtful_frequency_before_a_circuit_goes_dead_is_forgotten(
    wire: FakeWire, clock: FakeClock
) -> None:
    rounds = Rounds(Scanner(wire, [(CARD_METERS[0], PROFILE)], clock), wire, clock)
    held, tells = wire.words, {156: 0x4240, 157: 0x4230}  # a generator at 44.1 Hz, 48.1 Hz turned
    wire.words = lambda meter_id, at, at_ms: tells.get(at, held(meter_id, at, at_ms))
    assert rounds.one()[1].quality_of("frequency") is Quality.IMPLAUSIBLE
    tells.update(dict.fromkeys((156, 157), 0))
    assert rounds.one()[1].quality_of("v_r") is Quality.GOOD


def test_a_round_that_ends_early_after_a_meter_was_asked_beside_it_keeps_what_it_has(
    rounds: Rounds, scanner: Scanner, clock: FakeClock
) -> None:
    rounds.run(10)
    clock.advance(61)  # every slow value is due
    asked = scanner.ask_now(5)
    assert asked is not None
    assert asked.answered
    once = iter((False, True))
    found = scanner.round(clock.monotonic() + 2, lambda: next(once, True))
    assert [reading.meter_id for reading in found if reading.answered] == [1]


def test_the_gap_of_a_meter_reaches_the_wire_and_its_modbus_id_is_used(
    wire: FakeWire, clock: FakeClock
) -> None:
    meter = CARD_METERS[0].model_copy(update={"device_id": 42, "gap_ms": 15.0})
    scanner = Scanner(wire, [(meter, PROFILE)], clock)
    wire.words = lambda meter_id, address, at_ms: 0
    assert wire.gaps_s == {42: 0.015}
    (reading,) = scanner.round()
    assert reading.meter_id == 1
    assert {meter_id for meter_id, _, _ in wire.blocks} == {42}
    assert scanner.last_round_s == pytest.approx(scanner.limit_s)


@pytest.mark.parametrize("key", COUNTERS[:1])
def test_a_configuration_reload_keeps_what_was_learned(scanner: Scanner, rounds: Rounds, key: str) -> None:
    rounds.run(6)
    old = scanner.seats[0]
    fresh = Scanner(rounds.wire, [(CARD_METERS[0], PROFILE)], rounds.clock, slow_interval_s=60)
    fresh.seats[0].inherit(old)
    assert fresh.seats[0].identity == {"serial": old.identity["serial"]}
    (reading,) = fresh.round(rounds.clock.monotonic() + 2)
    assert key in reading.values
    assert (1, 300, 2) not in rounds.wire.blocks


@pytest.mark.parametrize(
    ("meters", "interval_s", "thinks_s", "dead"),
    [(5, 0.0, 0.03, 0), (20, 1.0, 0.2, 5), (32, 0.0, 0.03, 0)],
    ids=["5", "20 slow ones, one dead", "32"],
)
def test_on_a_full_line_every_meters_energies_come_in_time(
    wire: FakeWire, clock: FakeClock, meters: int, interval_s: float, thinks_s: float, dead: int
) -> None:
    profile = load("eastron_sdm630")
    wire.words = lambda meter_id, address, at_ms: 0x4248 if address % 2 == 0 else 0
    wire.dead = {dead}
    ids = range(1, meters + 1)
    wire.turnaround_s = dict.fromkeys(ids, thinks_s)
    named = [(Meter(id=number, name=f"Feeder {number}"), profile) for number in ids]
    scanner = Scanner(wire, named, clock, slow_interval_s=60)
    rounds = Rounds(scanner, wire, clock, interval_s)
    seen_s: dict[int, list[float]] = {number: [] for number in ids if number != dead}
    lengths_s = []
    for _ in range(240 if meters == 5 else 80):
        begun_s = clock.monotonic()
        for meter_id in slow_in(rounds.one()) - {dead}:
            seen_s[meter_id].append(clock.monotonic())
        lengths_s.append(clock.monotonic() - begun_s)
    longest_s = max(lengths_s[20:])
    for times in seen_s.values():
        gaps_s = [later - before for before, later in itertools.pairwise(times) if before >= times[0] + 100]
        assert max(gaps_s) <= 60 + longest_s + 1
    all_s = sum(seat.slot_s() for seat in scanner.seats)
    assert longest_s <= all_s + max(0.302, 0.13 * all_s) + interval_s  # to the next tick
    assert all(seat.extras for seat in scanner.seats if seat.meter.id != dead)


@pytest.mark.parametrize("apart", [40, 80], ids=["two fast", "three fast"])
def test_two_requests_of_one_length_never_follow_each_other(
    wire: FakeWire, clock: FakeClock, apart: int
) -> None:
    rows = {"watts_total": 40001, "watts_r": 40003, "frequency": 40003 + apart, "wh_received": 40501}
    if apart == 80:
        rows |= {"v_r": 40043, "v_y": 40045, "v_b": 40047}
    profile = grouped(registers=rows, extras={})
    wire.words = Registers(profile).word
    rounds = Rounds(Scanner(wire, [(CARD_METERS[0], profile)], clock, slow_interval_s=10), wire, clock)
    asked, slow = [], 0
    for _ in range(60):
        slow += bool(slow_in(rounds.one()))
        asked += [(address, count) for _, address, count in wire.blocks]
    assert slow >= 10
    assert {count for address, count in asked if address in (500, 2 + apart)} == {2}
    for (address, count), (next_address, next_count) in itertools.pairwise(asked):
        assert count != next_count or address == next_address
