"""A reply waits in the kernel while we are stopped, and does not age there: it must not pass as fresh."""

import socket
from collections.abc import Callable, Iterator

import pytest

from substation.bus.line import Line
from substation.bus.scan import Scanner
from substation.clock import SystemClock
from substation.errors import NoAnswer
from substation.meters.blocks import Block, values
from substation.meters.profile import Profile
from substation.settings.model import CARD_METERS
from substation.settings.model import Line as LineSettings
from substation.simulator.gateway import Gateway
from substation.simulator.line import SimulatedLine
from tests.bus.conftest import Truth, remote_settings
from tests.fake_clock import FakeClock

PATIENCE_S = 0.25
PAUSE_S = 60.0


class HaltingClock(SystemClock):
    """The machine's clock, moved on by a pause in which this process did not run."""

    def __init__(self) -> None:
        self.paused_s = 0.0
        self.halt: Callable[[], None] = lambda: None
        """Called in every sleep."""

    def now_ms(self) -> int:
        return super().now_ms() + round(self.paused_s * 1000)

    def monotonic(self) -> float:
        return super().monotonic() + self.paused_s

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.halt()


class Halts:
    """Stops a line once, after its request has left and until the reply lies in the kernel."""

    def __init__(self, line: Line, clock: HaltingClock, station_clock: FakeClock) -> None:
        self._line, self._clock, self._station_clock = line, clock, station_clock

    def in_the_wait(self, pause_s: float = PAUSE_S, size: int = 157) -> None:
        def halt() -> None:
            if self._line._exchange.sent:
                self._clock.halt = lambda: None
                self._pass(pause_s, size)

        self._clock.halt = halt

    def in_the_write(self, monkeypatch: pytest.MonkeyPatch) -> None:
        port = self._line._transport._port
        write = port.write

        def halted(data: bytes) -> int | None:
            written = write(data)
            monkeypatch.undo()
            self._pass(PAUSE_S, 157)
            return written

        monkeypatch.setattr(port, "write", halted)

    def _pass(self, pause_s: float, size: int) -> None:
        give_up_s = self._clock.monotonic() + 5.0
        while self._line._transport._port.in_waiting < size:
            assert self._clock.monotonic() < give_up_s, "the meter never answered"
        self._clock.paused_s += pause_s
        self._station_clock.advance(pause_s)  # the meter measures on


@pytest.fixture
def halting_clock() -> HaltingClock:
    return HaltingClock()


@pytest.fixture
def line(simulated: SimulatedLine, settings: LineSettings, halting_clock: HaltingClock) -> Iterator[Line]:
    ours = Line(settings, halting_clock)
    ours.open()
    yield ours
    ours.close()


@pytest.fixture
def halts(line: Line, halting_clock: HaltingClock, station_clock: FakeClock) -> Halts:
    return Halts(line, halting_clock, station_clock)


def test_a_reply_that_waited_for_us_is_thrown_away(
    line: Line, halts: Halts, block: Block, profile: Profile, truth: Truth
) -> None:
    line.read(1, block, PATIENCE_S)
    halts.in_the_wait()
    with pytest.raises(NoAnswer, match=r"meter 1.*we were held up for 59\.\d s"):
        line.read(1, block, PATIENCE_S)
    answer = line.read(1, block, PATIENCE_S)  # it has been seen, so the next may be of its length
    assert values(profile, block, answer.words) == truth.of(1)
    assert answer.turnaround_s < PATIENCE_S
    assert not answer.noise


def test_a_pause_while_the_request_leaves_is_noticed_as_well(
    line: Line, halts: Halts, block: Block, monkeypatch: pytest.MonkeyPatch
) -> None:
    halts.in_the_write(monkeypatch)
    with pytest.raises(NoAnswer, match="held up"):
        line.read(1, block, PATIENCE_S)


def test_a_refusal_that_waited_says_nothing_of_now(
    simulated: SimulatedLine, line: Line, halts: Halts, block: Block
) -> None:
    simulated.faults.order(2, "exception", times=1)
    halts.in_the_wait(size=5)
    with pytest.raises(NoAnswer, match="held up"):
        line.read(2, block, PATIENCE_S)
    line.read(2, block, PATIENCE_S)


def test_a_pause_that_is_shorter_than_the_patience_costs_nothing(
    line: Line, halts: Halts, block: Block, profile: Profile, truth: Truth
) -> None:
    before = truth.of(1)
    halts.in_the_wait(pause_s=0.1)
    answer = line.read(1, block, 0.5)
    assert values(profile, block, answer.words) == before


def test_after_a_pause_the_round_reads_the_meter_anew_and_has_learned_nothing_wrong(
    line: Line, halts: Halts, profile: Profile, truth: Truth, halting_clock: HaltingClock
) -> None:
    scanner = Scanner(line, [(CARD_METERS[0], profile)], halting_clock)
    halts.in_the_wait()
    reading = scanner.round(halting_clock.monotonic() + PAUSE_S + 2.0)[0]
    assert reading.answered
    assert dict(reading.values) == truth.of(1)
    health = scanner.seats[0].health
    assert health.turnaround_s is not None
    assert health.turnaround_s < PATIENCE_S
    assert (health.timeout_s, health.kinds) == (PATIENCE_S, {"timeout": 1})


@pytest.mark.parametrize("kind", ["rtu_tcp", "tcp"])
def test_a_reply_from_a_gateway_that_waited_for_us_is_thrown_away_too(
    gateway: Gateway,
    block: Block,
    profile: Profile,
    truth: Truth,
    halting_clock: HaltingClock,
    station_clock: FakeClock,
    kind: str,
) -> None:
    line = Line(remote_settings(gateway, kind), halting_clock)
    line.open()
    way = line._transport
    send = way._send

    def halted(request: bytes) -> None:
        send(request)
        way._send = send
        whole = 157 if kind == "rtu_tcp" else 161
        give_up_s = halting_clock.monotonic() + 5.0
        while len(peeked(way._socket)) < whole:
            assert halting_clock.monotonic() < give_up_s, "the meter never answered"
        halting_clock.paused_s += PAUSE_S
        station_clock.advance(PAUSE_S)

    way._send = halted
    try:
        with pytest.raises(NoAnswer, match=r"meter 1.*we were held up for 59\.\d s"):
            line.read(1, block, PATIENCE_S)
        answer = line.read(1, block, PATIENCE_S)  # it has been seen, so the next may be of its length
    finally:
        line.close()
    assert values(profile, block, answer.words) == truth.of(1)


def peeked(connection: socket.socket) -> bytes:
    try:
        return connection.recv(300, socket.MSG_PEEK)
    except BlockingIOError:
        return b""
