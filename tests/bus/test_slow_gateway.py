"""A gateway that is more patient than we are: what it does for a dead meter costs the live ones nothing."""

from collections.abc import Callable, Iterator

import pytest

from substation.bus import line as lines
from substation.bus import modbus_tcp
from substation.bus.line import Line
from substation.errors import LinkError
from substation.meters.blocks import Block
from substation.settings.model import Line as LineSettings
from tests.bus.played import PlayedGateway
from tests.fake_clock import FakeClock

OURS_S = 0.05
"""Our patience: long for a live meter, short beside the gateway's."""
THEIRS_S = 0.4


@pytest.fixture
def behind(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    def played(settings: LineSettings, may_leave: Callable[[bytes], bool], _: FakeClock) -> PlayedGateway:
        return PlayedGateway(settings, may_leave, clock, THEIRS_S)

    monkeypatch.setattr(lines, "TcpTransport", played)
    line = Line(LineSettings(kind="tcp", port="127.0.0.1:502"), clock)
    line.open()
    yield line
    line.close()


@pytest.fixture
def slow(behind: Line) -> PlayedGateway:
    assert isinstance(behind._transport, PlayedGateway)
    return behind._transport


def silent(line: Line, block: Block, meter_id: int = 3) -> str:
    with pytest.raises(LinkError) as caught:
        line.probe(meter_id, block, OURS_S)
    return caught.value.kind


def test_a_dead_meter_behind_a_slow_gateway_costs_no_live_one_an_answer(
    slow: PlayedGateway, behind: Line, block: Block, clock: FakeClock
) -> None:
    """What is asked while the gateway still waits for the dead one queues inside it."""
    slow.dead.add(3)
    for _ in range(2):
        assert silent(behind, block) == "timeout"
        for meter_id in (1, 2, 4, 5):
            behind.read(meter_id, block, OURS_S)
    assert slow.hung_up == 0
    assert behind.held_s == pytest.approx(THEIRS_S), "what a probe of it costs the line"
    assert silent(behind, block) == "timeout"
    clock.advance(THEIRS_S + 0.2)
    behind.read(1, block, OURS_S)
    assert behind.held_s == pytest.approx(THEIRS_S), "not how long its word lay there until we looked"


def test_a_gateway_without_a_word_of_its_own_is_not_waited_for_for_ever(
    slow: PlayedGateway, behind: Line, block: Block
) -> None:
    slow.silent = True
    waits_s = []
    for _ in range(modbus_tcp.MOST_WORDLESS + 4):
        before_s = behind.busy_s
        silent(behind, block)
        waits_s.append(behind.busy_s - before_s)
    assert len(slow.sent) == len(waits_s)
    for_words_s = waits_s[1 : modbus_tcp.MOST_WORDLESS + 1]
    assert min(for_words_s) >= modbus_tcp.WORD_S, "before the next request, for the word on the last"
    assert max(waits_s[modbus_tcp.MOST_WORDLESS + 1 :]) < 2 * OURS_S, "its own 50 ms, and no wait for a word"


def test_a_gateway_that_finds_its_word_again_is_waited_for_again(
    slow: PlayedGateway, behind: Line, block: Block
) -> None:
    exchange = behind._exchange
    assert isinstance(exchange, modbus_tcp.TcpExchange)
    exchange._wordless = modbus_tcp.MOST_WORDLESS
    slow.dead.add(3)
    silent(behind, block)
    assert silent(behind, block, 4) == "timeout", "queued behind the dead one"
    behind.read(5, block, 1.0)
    silent(behind, block)
    behind.read(4, block, OURS_S)
