"""The simulated gateway itself: what it passes on, what it keeps back, what it leaves behind."""

import socket
import threading
import time
import zoneinfo
from collections.abc import Iterator
from pathlib import Path

import pytest

from substation.meters.profile import load
from substation.simulator.gateway import Gateway
from substation.simulator.line import SimulatedLine
from substation.simulator.site import Site
from substation.simulator.slave import framed, whole
from tests.fake_clock import FakeClock

READ = bytes((1, 3, 0, 100, 0, 2))


@pytest.fixture
def gateway(clock: FakeClock, zone: zoneinfo.ZoneInfo) -> Iterator[Gateway]:
    site = Site(1, epoch_ms=clock.now_ms() - 3_600_000, zone=zone)
    with (
        SimulatedLine(site, clock, baud=4_000_000, turnaround_ms=1, profile=load("elmeasure_lgplus")) as line,
        Gateway(line, patience_s=30.0) as running,
    ):
        yield running


def call(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=5)


def asked(caller: socket.socket, transaction: int, body: bytes = READ) -> bytes:
    caller.sendall(transaction.to_bytes(2) + b"\0\0\0\x06" + body)
    return caller.recv(300)


def test_it_passes_raw_frames_on(gateway: Gateway) -> None:
    with call(gateway.rtu_tcp) as caller:
        caller.sendall(framed(READ))
        reply = b""
        while len(reply) < 9:
            reply += caller.recv(300)
    assert whole(reply)
    assert reply[:3] == b"\x01\x03\x04"
    assert b"".join(gateway.requests) == framed(READ)


def test_it_is_a_master_of_its_own_for_modbus_tcp(gateway: Gateway) -> None:
    with call(gateway.tcp) as caller:
        reply = asked(caller, 0x1234)
        assert reply[:9] == b"\x12\x34\0\0\0\x07\x01\x03\x04"
        gateway._patience_s = 0.01
        assert asked(caller, 2, b"\x63" + READ[1:]) == b"\0\2\0\0\0\x03\x63\x83\x0b", "no such meter"


def test_two_requests_at_once_are_asked_one_after_the_other(gateway: Gateway) -> None:
    with call(gateway.tcp) as caller:
        caller.sendall(b"".join(bytes((0, number, 0, 0, 0, 6)) + READ for number in (1, 2)))
        reply = b""
        while len(reply) < 26:
            reply += caller.recv(300)
    assert (reply[1], reply[14]) == (1, 2)


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ("wrong_transaction", lambda reply: reply[:2] == b"\x40\x01"),
        ("garbled", lambda reply: reply[2:4] != b"\0\0"),
        ("wrong_unit", lambda reply: reply[6] == 102),
        ("half_header", lambda reply: len(reply) == 3),
        ("exception", lambda reply: reply[6:] == b"\x01\x83\x0b"),
        ("hangs_up", lambda reply: reply == b""),
        ("late", lambda reply: len(reply) == 13),
        ("closes", lambda reply: len(reply) == 13),
    ],
)
def test_a_fault_is_done_once(gateway: Gateway, fault: str, seen) -> None:
    gateway.faults.order(fault)
    with call(gateway.tcp) as caller:
        assert seen(asked(caller, 1))
        if fault in {"closes", "hangs_up"}:
            assert caller.recv(10) == b""
    with call(gateway.tcp) as caller:
        assert len(asked(caller, 1)) == 13


def test_a_split_reply_waits_with_its_second_piece(gateway: Gateway, clock: FakeClock) -> None:
    gateway._wire = clock  # type: ignore[assignment] # stands still, so that no busy machine joins the pieces
    gateway.faults.order("split", delay_s=0.5)
    with call(gateway.tcp) as caller:
        first = asked(caller, 1)
        assert len(first) == 6
        while not gateway._later:
            time.sleep(0.001)
        clock.advance(0.5)
        gateway._wake()
        assert (first + caller.recv(300))[:9] == b"\0\1\0\0\0\x07\x01\x03\x04"


def test_replies_are_swapped_and_mixed_up(gateway: Gateway) -> None:
    with call(gateway.tcp) as caller:
        gateway.faults.order("reordered")
        caller.sendall(b"\0\1\0\0\0\6" + READ)
        reply = asked(caller, 2)
        while len(reply) < 26:
            reply += caller.recv(300)
        assert (reply[1], reply[14]) == (2, 1)
        gateway.faults.order("mixes")
        caller.sendall(b"\0\3\0\0\0\6" + READ)
        assert asked(caller, 4, READ[:-1] + b"\x04")[:9] == b"\0\4\0\0\0\x07\x01\x03\x04"


def test_an_unknown_fault_is_refused(gateway: Gateway) -> None:
    with pytest.raises(ValueError, match="no fault 'explodes' of a gateway; known: late"):
        gateway.faults.order("explodes")


def test_it_leaves_nothing_behind(clock: FakeClock, zone: zoneinfo.ZoneInfo) -> None:
    site = Site(1, epoch_ms=clock.now_ms() - 3_600_000, zone=zone)
    # around the line as well: its thread opens its own port for a moment when the gateway has let go of it
    before = len(list(Path("/proc/self/fd").iterdir())), threading.active_count()
    with SimulatedLine(site, clock, baud=4_000_000, profile=load("elmeasure_lgplus")) as line:
        with Gateway(line) as gateway, call(gateway.tcp) as caller:
            asked(caller, 1)
        gateway.stop()
    assert (len(list(Path("/proc/self/fd").iterdir())), threading.active_count()) == before
