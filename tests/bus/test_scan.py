"""One round, by the book: who is asked when, who is lost, who is back. No wire, no waiting."""

import itertools

import pytest

from substation.bus.scan import Scanner
from substation.bus.schedule import Schedule
from substation.meters.profile import load
from substation.readings import Quality
from substation.settings.model import CARD_METERS, Line
from tests.bus.fake_wire import FakeWire
from tests.fake_clock import FakeClock

ROUND_S = 1.1354


@pytest.fixture
def wire(clock: FakeClock) -> FakeWire:
    return FakeWire(Line(), clock)


@pytest.fixture
def scanner(wire: FakeWire, clock: FakeClock) -> Scanner:
    profile = load("elmeasure_lgplus")
    return Scanner(wire, [(meter, profile) for meter in CARD_METERS], clock)


class Rounds:
    """Rounds on a grid of 2 s, or without pause."""

    def __init__(self, scanner: Scanner, wire: FakeWire, clock: FakeClock, interval_s: float = 2.0) -> None:
        self.scanner, self.wire, self.clock = scanner, wire, clock
        self.schedule = Schedule(interval_s, clock)
        self.words: list[str] = []

    def one(self) -> dict[int, str]:
        """Return each reading's reason, or `good`."""
        self.wire.asked.clear()
        self.schedule.begin()
        readings = self.scanner.round(self.schedule.idle_until_s)
        self.words += [notice.words for notice in self.scanner.notices()]
        self.late_s = self.clock.monotonic() - self.schedule.due_s
        self.clock.sleep(-self.late_s)
        return {reading.meter_id: reading.reason or "good" for reading in readings}


@pytest.fixture
def rounds(scanner: Scanner, wire: FakeWire, clock: FakeClock) -> Rounds:
    return Rounds(scanner, wire, clock)


def test_every_meter_is_asked_once_in_order(rounds: Rounds, wire: FakeWire, scanner: Scanner) -> None:
    assert rounds.one() == dict.fromkeys((1, 2, 3, 4, 5), "good")
    assert wire.asked == [("read", meter_id) for meter_id in (1, 2, 3, 4, 5)]
    assert scanner.last_round_s == pytest.approx(ROUND_S, abs=1e-3)
    assert scanner.limit_s == pytest.approx(ROUND_S, abs=1e-3)
    assert rounds.words == []


def test_a_lost_reply_costs_no_reading(rounds: Rounds, wire: FakeWire, scanner: Scanner) -> None:
    rounds.one()
    wire.faults[3] = ["timeout"]
    assert rounds.one()[3] == "good"
    assert wire.asked[-2:] == [("probe", 3), ("read", 3)]
    assert scanner.seats[2].health.counts["timeout"] == 1
    assert scanner.seats[2].health.comm_status == "OK"
    assert rounds.words == []


def test_a_dead_meter_is_failed_in_its_first_round_and_lost_in_its_second(
    rounds: Rounds, wire: FakeWire, scanner: Scanner
) -> None:
    rounds.one()
    wire.dead = {3}
    assert rounds.one()[3] == "timeout"
    assert scanner.seats[2].health.comm_status == "Communication failed"
    assert not scanner.seats[2].health.lost
    assert rounds.one()[3] == "timeout"
    assert scanner.seats[2].health.lost
    assert rounds.words == [
        "meter 3 NonEssentialLoad lost: 3 polls without a valid answer (meter 3: no answer)"
    ]
    for _ in range(5):
        rounds.one()
        assert wire.asked == [("read", 1), ("read", 2), ("read", 4), ("read", 5), ("probe", 3)]
    assert len(rounds.words) == 1  # said once


def test_a_dead_meter_does_not_slow_the_others(rounds: Rounds, wire: FakeWire, scanner: Scanner) -> None:
    rounds.one()
    wire.dead = {3}
    for _ in range(3):
        rounds.one()
        assert rounds.late_s < 0.3
    rounds.one()
    assert scanner.last_round_s < ROUND_S
    assert rounds.late_s <= 0


def test_a_return_is_seen_within_two_rounds_and_says_how_long(
    rounds: Rounds, wire: FakeWire, scanner: Scanner
) -> None:
    rounds.one()
    wire.dead = {3}
    for _ in range(126):
        rounds.one()
    wire.dead = set()
    assert rounds.one()[3] == "good"
    assert rounds.words[-1] == "meter 3 NonEssentialLoad back after 4 min 12 s"
    assert scanner.seats[2].health.comm_status == "OK"
    assert rounds.one() == dict.fromkeys((1, 2, 3, 4, 5), "good")


def test_without_pause_a_lost_meter_is_probed_every_3_seconds_in_its_own_free_slot(
    scanner: Scanner, wire: FakeWire, clock: FakeClock
) -> None:
    rounds = Rounds(scanner, wire, clock, interval_s=0)
    rounds.one()
    wire.dead = {3}
    probed, ends = [], []
    for _ in range(100):
        rounds.one()
        ends.append(clock.monotonic())
        if ("probe", 3) in wire.asked:
            probed.append(clock.monotonic())
    waits = [later - earlier for earlier, later in itertools.pairwise(probed)]
    assert all(3 <= wait < 4.6 for wait in waits)
    assert max(later - earlier for earlier, later in itertools.pairwise(ends)) <= ROUND_S + 0.301
    assert len(ends) / (ends[-1] - ends[0]) > 1 / ROUND_S  # faster than with all five


def test_all_meters_dead_are_probed_in_turn_and_never_overrun(rounds: Rounds, wire: FakeWire) -> None:
    wire.dead = {1, 2, 3, 4, 5}
    for _ in range(6):
        rounds.one()
    probed = set()
    for _ in range(4):
        rounds.one()
        probed.update(wire.asked)
        assert rounds.late_s <= 0
    assert probed == {("probe", meter_id) for meter_id in (1, 2, 3, 4, 5)}


def test_a_damaged_reply_is_asked_for_again_at_once_but_only_once(
    rounds: Rounds, wire: FakeWire, scanner: Scanner
) -> None:
    wire.faults[2] = ["crc"]
    assert rounds.one()[2] == "good"
    assert wire.asked[1:3] == [("read", 2), ("read", 2)]
    wire.faults[2] = ["crc", "crc", "timeout"]
    assert rounds.one()[2] == "timeout"
    assert scanner.seats[1].health.counts["crc"] == 3
    assert scanner.seats[1].health.counts["ok"] == 1


def test_a_busy_meter_is_asked_again_in_the_same_round(rounds: Rounds, wire: FakeWire) -> None:
    wire.faults[4] = ["exception_6"]
    assert rounds.one()[4] == "good"
    assert wire.asked[-2:] == [("read", 5), ("read", 4)]
    assert rounds.words == []


def test_a_refusal_is_no_silence(rounds: Rounds, wire: FakeWire, scanner: Scanner) -> None:
    wire.faults[4] = ["exception_6"] * 10
    reasons = [rounds.one()[4] for _ in range(6)]
    assert reasons == ["exception_6"] * 5 + ["good"]
    assert scanner.seats[3].health.comm_status == "OK"
    assert rounds.words == [
        "meter 4 ColonyLoad refuses: meter 4: refused",
        "meter 4 ColonyLoad answers again",
    ]
    assert scanner.seats[3].health.counts["refused"] == 10


@pytest.mark.parametrize("interval_s", [0, 2.0])
def test_a_meter_that_reports_a_fault_of_its_own_is_refusing_and_loses_nothing_else(
    scanner: Scanner, wire: FakeWire, clock: FakeClock, interval_s: float
) -> None:
    rounds = Rounds(scanner, wire, clock, interval_s)
    wire.faults[4] = ["exception_4"] * 2
    assert [rounds.one()[4] for _ in range(3)] == ["exception_4", "exception_4", "good"]
    assert len(rounds.words) == 2
    assert scanner.seats[3].disabled == {}


def test_a_failed_poll_has_no_values_and_a_reason(rounds: Rounds, wire: FakeWire, scanner: Scanner) -> None:
    wire.dead = {5}
    reading = scanner.round(None)[4]
    assert (reading.quality, reading.reason) == (Quality.NO_ANSWER, "timeout")
    assert set(reading.values.values()) == {None}


def test_noise_before_an_answer_is_counted_beside_it(wire: FakeWire, scanner: Scanner) -> None:
    wire.faults[1] = ["noise_before"]
    scanner.round(None)
    counts = scanner.seats[0].health.counts
    assert (counts["asked"], counts["ok"], counts["noise"]) == (1, 1, 1)


def test_a_line_that_is_down_is_no_fault_of_the_meters(
    rounds: Rounds, wire: FakeWire, scanner: Scanner
) -> None:
    rounds.one()
    wire.present = False
    assert rounds.one() == dict.fromkeys((1, 2, 3, 4, 5), "line_down")
    assert {seat.health.comm_status for seat in scanner.seats} == {"Communication failed"}
    for _ in range(10):
        rounds.one()
    assert not any(seat.health.lost for seat in scanner.seats)
    assert [seat.health.counts["asked"] for seat in scanner.seats] == [1] * 5
    assert scanner.down == "line 1: port missing"
    wire.present = True
    assert rounds.one() == dict.fromkeys((1, 2, 3, 4, 5), "good")
    assert scanner.down is None
    assert rounds.words == ["line 1: port lost", "line 1 up again after 22 s"]


def test_a_line_lost_in_the_middle_of_a_round_keeps_what_it_had(rounds: Rounds, wire: FakeWire) -> None:
    def pull(meter_id: int) -> None:
        wire.present = meter_id < 3

    wire.on_ask = pull
    assert rounds.one() == {1: "good", 2: "good", 3: "line_down", 4: "line_down", 5: "line_down"}


def test_a_round_ends_early_when_told(scanner: Scanner, wire: FakeWire) -> None:
    readings = scanner.round(None, stopping=lambda: len(wire.asked) >= 2)
    assert [reading.meter_id for reading in readings] == [1, 2]


def test_a_meter_that_owes_its_block_is_read_in_pieces(scanner: Scanner, wire: FakeWire) -> None:
    wire.owing[3] = {76}
    readings = scanner.round(None)
    assert wire.asked == [("read", 1), ("read", 2), ("read", 3), ("read", 3), ("read", 4), ("read", 5)]
    assert len(readings[2].values) == 38


@pytest.mark.parametrize(("pause_s", "quality"), [(0.5, Quality.GOOD), (60.0, Quality.NO_ANSWER)])
def test_pieces_with_a_long_pause_of_ours_between_them_are_no_reading(
    scanner: Scanner, wire: FakeWire, clock: FakeClock, pause_s: float, quality: Quality
) -> None:
    wire.owing[3] = {76}
    wire.on_ask = lambda _: clock.advance(pause_s) if wire.asked[-2:] == [("read", 3)] * 2 else None
    reading = scanner.round(None)[2]
    assert reading.quality is quality
    assert any(value is not None for value in reading.values.values()) == reading.answered
    assert scanner.seats[2].health.failures == (not reading.answered)
