"""The poller may only read: every byte that leaves is a request to read registers, on all three kinds."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trial
from hypothesis import strategies as st

from substation.bus import frame, mbap
from substation.bus.exchange import Exchange
from substation.bus.line import Line
from substation.bus.modbus_tcp import TcpExchange
from substation.bus.rtu import RtuExchange
from substation.bus.scan import Scanner
from substation.bus.tcp import TcpTransport
from substation.bus.transport import Transport
from substation.clock import Clock, SystemClock
from substation.errors import LinkError
from substation.meters.blocks import Block
from substation.meters.profile import Profile
from substation.settings.model import CARD_METERS
from substation.settings.model import Line as LineSettings
from substation.simulator.gateway import Gateway
from substation.simulator.line import SimulatedLine
from tests.bus.conftest import remote_settings
from tests.fake_clock import FakeClock

FAULTS = ("dead", "crc", "short", "wrong_slave", "exception", "echo", "noise_before")


class Spy(TcpTransport):
    """A way on which bytes are written down and nobody answers."""

    def __init__(self, kind: str, clock: FakeClock) -> None:
        guard = mbap.is_read_request if kind == "tcp" else frame.is_read_request
        super().__init__(LineSettings(kind="tcp", port="127.0.0.1:502"), guard, clock)
        self._now = clock
        self.left: list[bytes] = []

    def make_ready(self) -> None:
        pass

    def read(self, wait_s: float) -> bytes:
        self._now.advance(max(0.0, wait_s))
        return b""

    def _send(self, request: bytes) -> None:
        self.left.append(request)


class SpiedLine(Line):
    """Our line, over a spied way."""

    def __init__(self, kind: str, clock: FakeClock) -> None:
        self.spy = Spy(kind, clock)
        port = "/dev/none" if kind == "serial" else "127.0.0.1:502"
        super().__init__(LineSettings(kind=kind, port=port), clock)

    def _engine(self, clock: Clock, sysfs: object) -> tuple[Transport, Exchange]:
        engine = TcpExchange if self.settings.kind == "tcp" else RtuExchange
        return self.spy, engine("spied", self.pace, clock, self.spy, self._owed)


def assert_a_read(kind: str, data: bytes) -> None:
    """By the standard alone, with none of our own judges."""
    body = data[6:] if kind == "tcp" else data[:-2]
    assert len(data) == (12 if kind == "tcp" else 8)
    assert body[1] in {3, 4}
    assert 1 <= body[0] <= 247
    assert 1 <= int.from_bytes(body[4:6]) <= 125
    if kind == "tcp":
        assert data[2:6] == b"\0\0\0\x06"


@pytest.mark.parametrize("kind", ["serial", "rtu_tcp", "tcp"])
@trial(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    meter_id=st.integers(-3, 300),
    function=st.one_of(st.sampled_from((3, 4)), st.integers(-2, 300)),
    address=st.one_of(st.integers(0, 65_535), st.integers(-5, 70_000)),
    count=st.one_of(st.integers(1, 125), st.integers(-3, 70_000)),
    probe=st.booleans(),
    times=st.integers(1, 8),
)
def test_no_argument_makes_a_line_send_anything_but_a_read(
    kind: str, meter_id: int, function: int, address: int, count: int, probe: bool, times: int
) -> None:
    line = SpiedLine(kind, FakeClock())
    call = line.probe if probe else line.read
    for _ in range(times):
        with pytest.raises((LinkError, ValueError)):
            call(meter_id, Block(function, address, count, ()), 0.25)
    sound = function in {3, 4} and 1 <= meter_id <= 247
    assert bool(line.spy.left) <= sound
    for data in line.spy.left:
        assert_a_read(kind, data)


@pytest.mark.parametrize("kind", ["serial", "rtu_tcp", "tcp"])
@given(data=st.binary(max_size=30))
def test_the_last_gate_lets_nothing_else_through(kind: str, data: bytes) -> None:
    spy = Spy(kind, FakeClock())
    try:
        spy.write(data)
    except ValueError:
        assert spy.left == []
    else:
        assert_a_read(kind, data)


@pytest.mark.parametrize("kind", ["serial", "rtu_tcp", "tcp"])
@pytest.mark.parametrize("function", [1, 2, 5, 6, 8, 15, 16, 22, 23, 43])
def test_the_last_gate_refuses_each_other_function(kind: str, function: int) -> None:
    spy = Spy(kind, FakeClock())
    body = bytes((1, function, 0, 100, 0, 1))
    data = b"\0\1\0\0\0\6" + body if kind == "tcp" else body + frame.crc16(body)
    with pytest.raises(ValueError, match="only reads may leave"):
        spy.write(data)
    assert spy.left == []


def test_a_gate_that_lets_all_pass_would_be_found() -> None:
    spy = Spy("serial", FakeClock())
    spy._may_leave = lambda data: True
    spy.write(b"\x01\x06\x00\x64\x00\x01")
    with pytest.raises(AssertionError):
        assert_a_read("serial", spy.left[0])


@pytest.mark.parametrize("kind", ["serial", "rtu_tcp", "tcp"])
def test_every_byte_that_leaves_in_bad_rounds_is_a_read(
    simulated: SimulatedLine, gateway: Gateway, settings: LineSettings, profile: Profile, kind: str
) -> None:
    gateway._patience_s = 0.1
    line = Line(settings if kind == "serial" else remote_settings(gateway, kind), SystemClock())
    for seed, fault in enumerate(FAULTS):
        simulated.faults.random(fault, 0.04, seed)
    scanner = Scanner(line, [(meter, profile) for meter in CARD_METERS], SystemClock())
    try:
        for _ in range(6):
            scanner.round(SystemClock().monotonic() + 0.2)
    finally:
        line.close()
    heard = simulated.requests if kind == "serial" else gateway.requests
    assert len(heard) > 25
    for data in heard:
        assert_a_read(kind, data)
    for data in simulated.requests:  # and what the gateway makes of it
        assert_a_read("serial", data)
