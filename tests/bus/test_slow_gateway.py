"""A gateway that is more patient than we are: what it does for a dead meter costs the live ones nothing."""

import time
from collections.abc import Iterator

import pytest

from substation.bus import modbus_tcp
from substation.bus.line import Line
from substation.clock import SystemClock
from substation.errors import LinkError
from substation.meters.blocks import Block
from substation.simulator.gateway import Gateway
from substation.simulator.line import SimulatedLine
from tests.bus.conftest import remote_settings

OURS_S = 0.05
"""Our patience: long for a live meter of the simulated line, short beside the gateway's."""


@pytest.fixture
def slow(simulated: SimulatedLine) -> Iterator[Gateway]:
    with Gateway(simulated, patience_s=0.4) as running:
        yield running


@pytest.fixture
def behind(slow: Gateway) -> Iterator[Line]:
    line = Line(remote_settings(slow, "tcp"), SystemClock())
    line.open()
    yield line
    line.close()


def silent(line: Line, block: Block, meter_id: int = 3) -> str:
    with pytest.raises(LinkError) as caught:
        line.probe(meter_id, block, OURS_S)
    return caught.value.kind


def test_a_dead_meter_behind_a_slow_gateway_costs_no_live_one_an_answer(
    simulated: SimulatedLine, slow: Gateway, behind: Line, block: Block
) -> None:
    """What is asked while the gateway still waits for the dead one queues inside it."""
    simulated.faults.order(3, "dead")
    for _ in range(2):
        assert silent(behind, block) == "timeout"
        for meter_id in (1, 2, 4, 5):
            behind.read(meter_id, block, 0.25)
    assert slow.connections == 1
    held_s = behind.held_s
    assert 0.3 <= held_s < 1.2, "what a probe of it costs the line"
    assert silent(behind, block) == "timeout"
    time.sleep(held_s + 0.2)
    behind.read(1, block, 0.25)
    assert behind.held_s <= held_s, "not how long its word lay there until we looked"


def test_a_gateway_without_a_word_of_its_own_is_not_waited_for_for_ever(
    slow: Gateway, behind: Line, block: Block, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modbus_tcp, "WORD_S", 0.2)
    slow.vanish()
    for _ in range(modbus_tcp.MOST_WORDLESS + 1):
        silent(behind, block)
    asked = len(slow.requests)
    waited_s = behind.busy_s
    for _ in range(3):
        silent(behind, block)
    assert len(slow.requests) == asked + 3
    assert behind.busy_s - waited_s < 3 * 0.2, "its own 50 ms each, and no wait for a word"


def test_a_gateway_that_finds_its_word_again_is_waited_for_again(
    simulated: SimulatedLine, behind: Line, block: Block
) -> None:
    exchange = behind._exchange
    assert isinstance(exchange, modbus_tcp.TcpExchange)
    exchange._wordless = modbus_tcp.MOST_WORDLESS
    simulated.faults.order(3, "dead")
    silent(behind, block)
    assert silent(behind, block, 4) == "timeout", "queued behind the dead one"
    behind.read(5, block, 1.0)
    silent(behind, block)
    behind.read(4, block, 0.25)
