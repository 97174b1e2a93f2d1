"""A register that a meter refuses is disabled and shown; the meter goes on."""

import pytest

from substation.bus.groups import Limits
from substation.bus.scan import Scanner
from substation.readings import Quality, Reading
from substation.settings.model import CARD_METERS, Line
from tests.bus.fake_wire import FakeWire
from tests.bus.models import FAST, grouped
from tests.bus.rounds import Rounds
from tests.fake_clock import FakeClock

PROFILE = grouped()


@pytest.fixture
def wire(clock: FakeClock) -> FakeWire:
    return FakeWire(Line(), clock)


@pytest.fixture
def scanner(wire: FakeWire, clock: FakeClock) -> Scanner:
    return Scanner(wire, [(meter, PROFILE) for meter in CARD_METERS], clock, slow_interval_s=60)


@pytest.fixture(params=[2.0, 0], ids=["every 2 s", "without pause"])
def rounds(request: pytest.FixtureRequest, scanner: Scanner, wire: FakeWire, clock: FakeClock) -> Rounds:
    return Rounds(scanner, wire, clock, request.param)


def until_good(rounds: Rounds, meter_id: int, seconds: float) -> Reading:
    end_s = rounds.clock.monotonic() + seconds
    while rounds.clock.monotonic() < end_s:
        reading = rounds.one().get(meter_id)
        if reading is not None and reading.answered:
            return reading
    raise AssertionError("never good")


def test_the_bad_register_is_found_disabled_and_said_once(rounds: Rounds, wire: FakeWire) -> None:
    wire.refused[4] = {PROFILE.address("v_yb")}
    reading = until_good(rounds, 4, 10)
    assert set(FAST) - set(reading.values) == {"v_yb"}
    assert reading.quality_of("v_yb") is Quality.DISABLED
    seat = rounds.scanner.seats[3]
    assert seat.disabled == {
        "v_yb": "register 40137 refused with exception 2: register not in this meter"
    } or (seat.disabled == {"v_yb": "register 40137 refused with exception 2, register not in this meter"})
    rounds.run(120)
    assert len(rounds.words) == 1
    assert rounds.words[0].startswith(
        "meter 4 ColonyLoad: refused with exception 2: register 40137 (v_yb); disabled"
    )
    assert seat.health.comm_status == "OK"
    assert not seat.health.refusing


def test_the_others_do_not_notice_the_search(rounds: Rounds, wire: FakeWire) -> None:
    wire.refused[4] = {PROFILE.address(key) for key in ("watts_r", "v_yb", "frequency")}
    rounds.run(60)
    round_s = max(rounds.schedule.interval_s, rounds.scanner.limit_s)
    moved_s = rounds.scanner.seats[3].slot_s()  # of meter 5, whose turn is after that of meter 4
    assert rounds.worst_gap_s(1, 2, 3, 5) <= round_s + 0.3 + moved_s
    assert set(rounds.scanner.seats[3].disabled) == {"watts_r", "v_yb", "frequency"}


def test_a_refused_slow_register_costs_no_fast_reading(rounds: Rounds, wire: FakeWire) -> None:
    wire.refused[2] = {PROFILE.address("wh_delivered"), PROFILE.address("load_hours")}
    seen: set[str] = set()
    end_s = rounds.clock.monotonic() + 75
    while rounds.clock.monotonic() < end_s:
        reading = rounds.one()[2]
        assert reading.answered
        seen |= set(reading.values)
    seat = rounds.scanner.seats[1]
    assert set(seat.disabled) == {"wh_delivered", "load_hours"}
    assert "wh_received" in seen
    assert set(seat.extras) == {"interruptions"}


def test_a_meter_that_refuses_everything_is_refused_as_a_whole(rounds: Rounds, wire: FakeWire) -> None:
    wire.refused[4] = set(range(1000))
    rounds.run(120)
    reading = rounds.one()[4]
    assert (reading.quality, reading.reason) == (Quality.REFUSED, "exception_2")
    seat = rounds.scanner.seats[3]
    assert seat.disabled == {}
    assert rounds.words == ["meter 4 ColonyLoad refuses: meter 4: refused"]
    asked = sum(meter_id == 4 for _, meter_id in wire.asked)
    assert asked == 1  # no search without end
    wire.refused[4] = set()
    until_good(rounds, 4, 5)
    assert rounds.words[1:] == ["meter 4 ColonyLoad answers again"]


def test_a_refusal_that_passes_disables_nothing(scanner: Scanner, wire: FakeWire, clock: FakeClock) -> None:
    rounds = Rounds(scanner, wire, clock, 0)
    wire.refused[4] = {PROFILE.address("v_yb")}
    rounds.one()
    wire.refused[4] = set()
    until_good(rounds, 4, 3)
    rounds.run(10)
    assert scanner.seats[3].disabled == {}
    assert len(scanner.seats[3].blocks) == 1


def test_a_small_block_whose_reply_was_lost_is_read_on_in_another_length(
    wire: FakeWire, clock: FakeClock
) -> None:
    rows = {"watts_total": 40101, "frequency": 40201}
    profile = grouped(registers=rows, extras={})
    scanner = Scanner(wire, [(CARD_METERS[0], profile)], clock)
    rounds = Rounds(scanner, wire, clock)
    rounds.one()
    wire.faults[1] = ["late"]
    assert rounds.one()[1].answered  # probed, and asked again for 3 registers instead of 2
    assert (1, 100, 3) in wire.blocks
    wire.refused[1] = {102}  # what follows is not readable: nothing is known, and nothing disabled
    rounds.run(60)
    assert scanner.seats[0].disabled == {}
    assert rounds.one()[1].answered


def test_a_refusal_by_chance_is_not_believed_after_one_search(wire: FakeWire, clock: FakeClock) -> None:
    scanner = Scanner(wire, [(CARD_METERS[0], PROFILE)], clock, slow_interval_s=60)
    rounds = Rounds(scanner, wire, clock)
    rounds.run(10)
    wire.faults[1] = ["exception_2"] * 6 + [""] * 6
    rounds.run(60)
    assert scanner.seats[0].disabled == {}
    assert scanner.seats[0].limits == Limits()
    assert rounds.words == []


def test_what_is_disabled_is_tried_again_seldom_and_comes_back(wire: FakeWire, clock: FakeClock) -> None:
    scanner = Scanner(wire, [(CARD_METERS[3], PROFILE)], clock, slow_interval_s=60)
    rounds = Rounds(scanner, wire, clock)
    wire.refused[4] = {PROFILE.address("v_yb")}
    until_good(rounds, 4, 10)
    asked = 0
    start_s = rounds.clock.monotonic()
    while rounds.clock.monotonic() < start_s + 2000:
        rounds.one()
        asked += (4, PROFILE.address("v_yb"), 2) in wire.blocks
    assert asked == 1
    wire.refused[4] = set()
    rounds.run(3000)
    assert scanner.seats[0].disabled == {}
    assert len(scanner.seats[0].blocks) == 1
    assert rounds.words[-1] == "meter 4 ColonyLoad: register 40137 (v_yb) answered again"


def test_a_meter_that_answers_short_blocks_only_is_read_in_them(rounds: Rounds, wire: FakeWire) -> None:
    wire.longest[4] = 40
    reading = until_good(rounds, 4, 10)
    assert set(FAST) <= set(reading.values)
    seat = rounds.scanner.seats[3]
    assert (seat.limits.longest, seat.disabled) == (40, {})
    assert len(rounds.words) == 1
    assert "answers 40 registers at most" in rounds.words[0]


def test_an_unreadable_gap_is_read_around(wire: FakeWire, clock: FakeClock) -> None:
    wire.refused[1] = {218}
    scanner = Scanner(wire, [(CARD_METERS[0], PROFILE)], clock, slow_interval_s=60)
    rounds = Rounds(scanner, wire, clock)
    rounds.run(10)
    assert set(scanner.seats[0].extras) == {"load_hours", "interruptions"}
    assert scanner.seats[0].disabled == {}
    assert "across the gap before 40221 (interruptions)" in rounds.words[0]


def test_a_function_that_the_meter_lacks_disables_its_registers_and_shows_the_profile(
    wire: FakeWire, clock: FakeClock
) -> None:
    extras = {"odd": {"register": 30500, "function": 4, "label": "Odd"}}
    profile = grouped(extras=extras)
    scanner = Scanner(wire, [(CARD_METERS[0], profile)], clock, slow_interval_s=60)
    rounds = Rounds(scanner, wire, clock)

    def refuse(meter_id: int) -> None:
        wire.faults[1] = ["exception_1"] if wire.blocks and wire.blocks[-1][1] == 499 else []

    wire.on_ask = refuse
    rounds.run(10)
    assert set(scanner.seats[0].disabled) == {"odd"}
    assert "function not known to this meter" in scanner.seats[0].disabled["odd"]
    assert "profile" in rounds.words[0]
    assert rounds.one()[1].answered
