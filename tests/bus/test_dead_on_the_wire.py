"""A dead meter beside live ones on the simulated wire, with slow registers on. Figures: test_dead_meters."""

import pytest

from substation.bus.line import Line
from substation.bus.scan import Scanner
from substation.clock import SystemClock
from substation.readings import Reading
from substation.settings.model import CARD_METERS
from substation.simulator.line import SimulatedLine
from tests.bus.models import grouped

IDLE_S = 0.6
LIVE = {1, 2, 4, 5}


@pytest.fixture
def scanner(line: Line) -> Scanner:
    profile = grouped(extras={})
    return Scanner(line, [(meter, profile) for meter in CARD_METERS], SystemClock(), slow_interval_s=0.5)


def one_round(scanner: Scanner) -> dict[int, Reading]:
    readings = scanner.round(SystemClock().monotonic() + IDLE_S)
    return {reading.meter_id: reading for reading in readings}


def test_the_live_ones_are_read_in_every_round_and_the_dead_one_comes_back(
    simulated: SimulatedLine, scanner: Scanner
) -> None:
    assert all(reading.answered for reading in one_round(scanner).values())
    simulated.faults.order(3, "dead")
    health, asked = scanner.seats[2].health, scanner.seats[2].health.counts["asked"]
    joined: set[int] = set()
    for _ in range(5):
        readings = one_round(scanner)
        assert {meter_id for meter_id, reading in readings.items() if reading.answered} == LIVE
        joined |= {meter_id for meter_id, reading in readings.items() if "wh_received" in reading.values}
        if not health.lost:
            assert health.counts["asked"] - asked < 3
    assert health.lost
    assert joined >= LIVE
    assert scanner.waited_s > 0.2
    simulated.faults.clear()
    for _ in range(10):  # the second probe at the latest, unless the machine itself is held up
        if one_round(scanner).get(3, None) and not health.lost:
            break
    assert not health.lost
    assert [notice.kind for notice in scanner.notices()] == ["lost", "back"]
    assert simulated.violations == 0
