"""The promise: through every fault the wire can show, no wrong value is ever stored.

500 frames by default, `--frames 10000` for the long run. The station's time moves before each request,
so that no two readings are alike and a late reply of the same meter is a wrong value like any other.
"""

import contextlib
import random

import pytest

from substation.bus import health, owed
from substation.bus.line import Line
from substation.bus.scan import Scanner
from substation.clock import SystemClock
from substation.errors import LinkError
from substation.meters.blocks import Block, span, values
from substation.meters.profile import Profile
from substation.quantities import KEYS
from substation.readings import Quality, Reading
from substation.settings.model import CARD_METERS
from substation.simulator.line import SimulatedLine
from tests.bus.conftest import Truth
from tests.fake_clock import FakeClock

pytestmark = pytest.mark.timeout(3600)

HARMLESS = ("noise_before", "echo", "split")
HARMFUL = ("crc", "noise_inside", "short", "wrong_slave", "wrong_function", "exception")


@pytest.fixture
def frames(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--frames"))


def wrong_values(reading: Reading, truth: dict[str, float]) -> list[str]:
    """Return what the reading claims and the meter did not hold; a missing value claims nothing."""
    if not reading.answered:
        return [key for key, value in reading.values.items() if value is not None]
    assert set(reading.values) == set(KEYS)
    return [key for key, value in reading.values.items() if value is not None and value != truth[key]]


def test_no_wrong_value_through_any_mix_of_faults(
    simulated: SimulatedLine,
    scanner: Scanner,
    station_clock: FakeClock,
    truth: Truth,
    frames: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rounds follow each other twenty times faster than in a station, so replies are owed for less long."""
    monkeypatch.setattr(owed, "OWED_S", 3.0)
    for seed, kind in enumerate((*HARMLESS, *HARMFUL, "nan", "all_ones")):
        simulated.faults.random(kind, 0.02, seed)
    simulated.faults.random("noise_inside", 0.01, 77, insert=True)
    simulated.faults.random("dead", 0.005, 78)
    for number, delay_s in enumerate((0.05, 0.3, 0.45, 0.9)):
        simulated.faults.random("late", 0.005, 90 + number, delay_s=delay_s)
    polls = good = 0
    while simulated.frames < frames:
        station_clock.advance(60)
        for reading in scanner.round(SystemClock().monotonic() + 2.0):
            polls += 1
            good += reading.answered
            assert wrong_values(reading, truth.of(reading.meter_id)) == []
    assert good >= 0.8 * polls, f"only {good} of {polls} polls succeeded"
    for seat in scanner.seats:
        counts = seat.health.counts
        failed = sum(counts[name] for name in ("timeout", "crc", "wrong", "refused"))
        assert counts["asked"] <= counts["ok"] + failed + counts["noise"]


def test_no_stale_value_through_random_delays_of_one_meter(
    simulated: SimulatedLine,
    scanner: Scanner,
    station_clock: FakeClock,
    truth: Truth,
    frames: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The hardest case: the same meter, the same block, a reply that comes at any time after the time-out."""
    monkeypatch.setattr(health, "LEAST_TIMEOUT_S", 0.02)
    monkeypatch.setattr(health, "NEW_TIMEOUT_S", 0.02)
    monkeypatch.setattr(health, "LONGEST_TIMEOUT_S", 0.04)
    dice = random.Random(7)
    late = good = 0
    while late < frames // 10:
        station_clock.advance(60)
        if dice.random() < 0.7:
            simulated.faults.order(3, "late", times=1, delay_s=dice.uniform(0.01, 0.15))
            late += 1
        for reading in scanner.round(SystemClock().monotonic() + 2.0):
            assert wrong_values(reading, truth.of(reading.meter_id)) == []
            good += reading.meter_id == 3 and reading.answered
    assert good > 0


def test_the_silence_is_kept_whatever_the_meters_do(simulated: SimulatedLine, scanner: Scanner) -> None:
    """Late replies apart: one that begins just as we do is nobody's to avoid."""
    for seed, kind in enumerate((*HARMLESS, *HARMFUL, "dead")):
        simulated.faults.random(kind, 0.03, seed)
    for _ in range(15):
        scanner.round(SystemClock().monotonic() + 2.0)
    assert simulated.frames >= 75
    assert simulated.violations == 0


@pytest.fixture
def grouped(line: Line, profile: Profile) -> Scanner:
    """Meters with their energies in a turn of their own, which comes round all the time."""
    meters = [(meter, profile) for meter in CARD_METERS]
    return Scanner(line, meters, SystemClock(), slow_interval_s=0.05)


def test_no_wrong_value_with_groups_through_any_mix_of_faults(
    simulated: SimulatedLine,
    grouped: Scanner,
    station_clock: FakeClock,
    truth: Truth,
    frames: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(owed, "OWED_S", 3.0)
    for seed, kind in enumerate((*HARMLESS, *HARMFUL, "dead", "nan", "all_ones")):
        simulated.faults.random(kind, 0.01, seed)
    for number, delay_s in enumerate((0.05, 0.3, 0.45, 0.9)):
        simulated.faults.random("late", 0.005, 90 + number, delay_s=delay_s)
    seen: set[str] = set()
    while simulated.frames < frames // 3:
        station_clock.advance(60)
        for reading in grouped.round(SystemClock().monotonic() + 2.0):
            true = truth.of(reading.meter_id)
            given = {key: value for key, value in reading.values.items() if value is not None}
            seen |= set(given)
            assert given.items() <= true.items()
    assert seen == set(KEYS), "every group has had its turn"


def test_no_late_reply_of_one_block_passes_for_another_of_its_length(
    simulated: SimulatedLine,
    line: Line,
    block: Block,
    profile: Profile,
    station_clock: FakeClock,
    truth: Truth,
    frames: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Fast and slow block of one meter, equally long: nothing in a reply says which of them it is."""
    monkeypatch.setattr(owed, "OWED_S", 0.25)
    fast, slow = span(profile, block.keys[:10]), span(profile, block.keys[20:30])
    assert (fast.count, fast.function) == (slow.count, slow.function)
    assert fast.address != slow.address
    dice, late, good, shunned = random.Random(11), 0, 0, 0
    while late < frames // 10:
        station_clock.advance(60)
        asked = dice.choice((fast, slow))
        if dice.random() < 0.7:
            simulated.faults.order(3, "late", times=1, delay_s=dice.uniform(0.01, 0.15))
        try:
            answer = line.read(3, asked, 0.02)
        except LinkError as exc:
            shunned += "not asked" in str(exc)
            late += "not asked" not in str(exc)
            with contextlib.suppress(LinkError):
                line.probe(3, asked, 0.02)
        else:
            good += 1
            assert values(profile, asked, answer.words).items() <= truth.of(3).items()
    assert good > 0
    assert shunned > 0


@pytest.mark.parametrize(
    ("fault", "parameters", "kind"),
    [
        ("dead", {}, "timeout"),
        ("late", {"delay_s": 0.6}, "timeout"),
        ("crc", {}, "crc"),
        ("noise_inside", {}, "crc"),
        ("short", {}, "length"),
        ("wrong_slave", {}, "wrong_id"),
        ("wrong_function", {}, "wrong_function"),
        ("noise_before", {}, "noise"),
        ("exception", {"code": 4}, "exception_4"),
        ("exception", {"code": 6}, "exception_6"),
    ],
)
def test_each_kind_of_trouble_is_counted_under_its_own_name_at_its_meter(
    simulated: SimulatedLine, scanner: Scanner, fault: str, parameters: dict, kind: str
) -> None:
    scanner.round()
    simulated.faults.order(3, fault, times=1, **parameters)
    scanner.round()
    for seat in scanner.seats:
        assert seat.health.kinds == ({kind: 1} if seat.meter.id == 3 else {})


@pytest.mark.parametrize("rate", [0.02])
def test_with_two_per_cent_of_damaged_replies_nearly_every_poll_succeeds_in_its_round(
    simulated: SimulatedLine, scanner: Scanner, rate: float
) -> None:
    simulated.faults.random("crc", rate, seed=5)
    answered = [reading.answered for _ in range(60) for reading in scanner.round()]
    assert len(answered) == 60 * len(CARD_METERS)
    assert sum(answered) >= 0.99 * len(answered)
    assert sum(seat.health.counts["crc"] for seat in scanner.seats) > 0


@pytest.mark.parametrize("fault", ["nan", "all_ones"])
def test_what_is_no_number_is_missing_and_says_so(
    simulated: SimulatedLine, scanner: Scanner, fault: str
) -> None:
    simulated.faults.order(2, fault, keys=["frequency", "watts_total"])
    reading = scanner.round()[1]
    assert reading.values["frequency"] is None
    assert reading.values["watts_total"] is None
    assert reading.quality_of("watts_total") is Quality.IMPLAUSIBLE
    assert reading.quality_of("watts_r") is Quality.GOOD


def test_a_line_without_faults_loses_nothing(simulated: SimulatedLine, scanner: Scanner, line: Line) -> None:
    for _ in range(20):
        assert all(reading.answered for reading in scanner.round())
    assert simulated.frames == 20 * len(CARD_METERS)
    assert simulated.violations == 0
    assert line.busy_s > 0
