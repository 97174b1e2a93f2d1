"""Some gateways answer for a dead meter with exception 4 or 6, which a meter could say itself."""

import pytest

from substation.bus.scan import Scanner
from substation.meters import profile
from substation.settings.model import CARD_METERS, Line
from tests.bus.fake_wire import FakeWire
from tests.bus.rounds import Rounds
from tests.fake_clock import FakeClock

PROFILE = profile.load("elmeasure_lgplus")


def behind(kind: str, clock: FakeClock) -> Rounds:
    settings = Line() if kind == "serial" else Line(kind=kind, port="10.0.0.9:502")
    wire = FakeWire(settings, clock)
    return Rounds(Scanner(wire, [(meter, PROFILE) for meter in CARD_METERS], clock), wire, clock)


@pytest.mark.parametrize("code", [4, 6])
def test_a_meter_that_its_gateway_answers_for_is_lost_and_found_again(code: int, clock: FakeClock) -> None:
    rounds = behind("tcp", clock)
    rounds.run(4)
    rounds.wire.faults[3] = [f"exception_{code}"] * 1000
    rounds.run(30)
    health = rounds.scanner.seats[2].health
    assert (health.lost, health.comm_status) == (True, "Communication failed")
    assert "the gateway answers for a silent meter" in health.detail
    assert set(health.kinds) == {f"exception_{code}"}, "counted as what it was"
    assert sum("lost" in words for words in rounds.words) == 1
    assert rounds.one()[3].reason == f"exception_{code}"
    assert rounds.wire.asked.count(("read", 3)) == 0, "probed only, like any other that is lost"
    rounds.wire.faults[3] = []
    rounds.run(5)
    assert (health.lost, health.comm_status) == (False, "OK")
    assert any("back after" in words for words in rounds.words)


@pytest.mark.parametrize(
    ("kind", "code"), [("serial", 4), ("serial", 6), ("rtu_tcp", 4), ("tcp", 2), ("tcp", 5)]
)
def test_any_other_refusal_is_the_meters_own(kind: str, code: int, clock: FakeClock) -> None:
    rounds = behind(kind, clock)
    rounds.wire.faults[3] = [f"exception_{code}"] * 1000
    rounds.run(20)
    health = rounds.scanner.seats[2].health
    assert (health.lost, health.comm_status) == (False, "OK")
