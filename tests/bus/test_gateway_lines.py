"""Lines through a gateway: the same meters, the same truth, whatever the gateway does."""

import random
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from substation.bus import owed, tcp
from substation.bus.line import Line
from substation.bus.scan import Scanner
from substation.bus.view import view_of
from substation.clock import SystemClock
from substation.errors import BadFrame, LineDown, LinkError, NoAnswer, Refused
from substation.meters.blocks import Block, values
from substation.meters.profile import Profile
from substation.settings.model import CARD_METERS
from substation.settings.model import Line as LineSettings
from substation.simulator import gateway_faults
from substation.simulator.gateway import Gateway
from substation.simulator.line import SimulatedLine
from tests.bus.conftest import FAST, Truth, remote_settings
from tests.bus.test_truth import wrong_values
from tests.fake_clock import FakeClock

PATIENCE_S = 5.0  # of a machine that is busy elsewhere; whoever waits in vain on purpose says for how long


@pytest.fixture
def modbus_tcp(gateway: Gateway) -> Iterator[Line]:
    ours = Line(remote_settings(gateway, "tcp"), SystemClock())
    ours.open()
    yield ours
    ours.close()


def kind_of(line: Line, meter_id: int, block: Block, patience_s: float = PATIENCE_S) -> str:
    with pytest.raises(LinkError) as caught:
        line.read(meter_id, block, patience_s)
    return caught.value.kind


def test_it_reads_what_the_meter_holds(remote: Line, block: Block, profile: Profile, truth: Truth) -> None:
    for meter_id in CARD_METERS:
        answer = remote.read(meter_id.id, block, PATIENCE_S)
        assert values(profile, block, answer.words) == truth.of(meter_id.id)
        assert not answer.noise
    assert remote.is_open


def test_a_whole_round_goes_through_it(remote: Line, profile: Profile) -> None:
    scanner = Scanner(remote, [(meter, profile) for meter in CARD_METERS], SystemClock())
    assert all(reading.answered for reading in scanner.round())


def test_an_ipv6_gateway_is_written_in_brackets(
    simulated: SimulatedLine, block: Block, profile: Profile, truth: Truth
) -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 on this machine")
    try:
        gateway = Gateway(simulated, host="::1")
    except OSError:
        pytest.skip("no IPv6 loopback on this machine")
    with gateway:
        assert gateway.tcp.startswith("[::1]:")
        line = Line(remote_settings(gateway, "tcp"), SystemClock())
        line.open()
        try:
            assert values(profile, block, line.read(2, block, PATIENCE_S).words) == truth.of(2)
        finally:
            line.close()


def test_a_name_is_looked_up_on_this_machine(gateway: Gateway, block: Block) -> None:
    settings = remote_settings(gateway, "rtu_tcp")
    line = Line(
        settings.model_copy(update={"port": settings.port.replace("127.0.0.1", "localhost")}), SystemClock()
    )
    line.open()
    try:
        line.read(1, block, PATIENCE_S)
    finally:
        line.close()


@pytest.mark.parametrize("kind", ["rtu_tcp", "tcp"])
def test_an_unknown_name_is_explained(kind: str) -> None:
    line = Line(LineSettings(kind=kind, port="gateway.invalid:502"), SystemClock())
    started = time.monotonic()
    with pytest.raises(LineDown, match=r"the name 'gateway.invalid' is .*write its address"):
        line.open()
    assert time.monotonic() - started < 5.0
    assert not line.is_open


def test_a_name_that_is_slow_to_look_up_holds_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's look-up may take 30 s; ours waits half a second, and not in one more thread each time."""
    done = threading.Event()
    real = socket.getaddrinfo

    def slow(host: str, port: int, **rest: int) -> list:
        if not rest["flags"]:
            done.wait(10)
        return real("127.0.0.1" if not rest["flags"] else host, port, **rest)

    monkeypatch.setattr(tcp.socket, "getaddrinfo", slow)
    resolver = tcp.Resolver("gateway.invalid", 502)
    for _ in range(3):
        with pytest.raises(OSError, match="still being looked up"):
            resolver.addresses(0.02)
    assert sum(thread.name == "look up gateway.invalid" for thread in threading.enumerate()) == 1
    done.set()
    assert resolver.addresses(5.0)[0][1] == ("127.0.0.1", 502)
    done.clear()
    assert resolver.addresses(5.0)[0][1] == ("127.0.0.1", 502), "known: not looked up again"
    resolver.doubt()
    assert resolver.addresses(0.02)[0][1] == ("127.0.0.1", 502), "the old answer serves meanwhile"
    done.set()


def test_a_gateway_that_takes_no_calls_is_explained(gateway: Gateway, remote: Line, block: Block) -> None:
    remote.read(1, block, PATIENCE_S)
    gateway.refuse()
    time.sleep(0.05)
    with pytest.raises(
        LineDown, match=r"line 1: gateway 127\.0\.0\.1:\d+ not reached: Connection refused; look at"
    ):
        remote.read(1, block, PATIENCE_S)
    assert not remote.is_open
    with pytest.raises(LineDown, match="not open"):
        remote.read(1, block, PATIENCE_S)
    gateway.accept()
    remote.open()
    remote.read(1, block, PATIENCE_S)


def test_a_call_that_nobody_takes_is_given_up_within_a_second(block: Block) -> None:
    """A listener whose queue is full: the kernel drops further calls, as for an address without a machine."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        callers = [socket.socket() for _ in range(4)]
        try:
            for caller in callers:
                caller.setblocking(False)
                caller.connect_ex(("127.0.0.1", port))
            line = Line(LineSettings(kind="tcp", port=f"127.0.0.1:{port}"), SystemClock())
            started = time.monotonic()
            with pytest.raises(LineDown, match="no answer to the call"):
                line.open()
            assert 0.5 < time.monotonic() - started < 1.0 + 2.0  # a loaded machine may be late, not early
        finally:
            for caller in callers:
                caller.close()


def test_a_gateway_that_closes_after_each_answer_is_called_again(
    gateway: Gateway, remote: Line, block: Block
) -> None:
    gateway.faults.order("closes", 5)
    for meter_id in (1, 2, 3, 4, 5):
        remote.read(meter_id, block, PATIENCE_S)
        time.sleep(0.01)
    assert remote.is_open
    assert gateway.connections == 5


def test_a_gateway_that_hangs_up_in_place_of_an_answer_fails_that_meter_only(
    gateway: Gateway, remote: Line, block: Block
) -> None:
    gateway.faults.order("hangs_up")
    with pytest.raises(NoAnswer, match="hung up instead of answering; another master") as caught:
        remote.read(1, block, PATIENCE_S)
    assert caught.value.kind == "hung_up"
    assert remote.is_open
    assert remote.owed(1) == {block.count}
    remote.read(2, block, PATIENCE_S)


def test_a_gateway_that_vanishes_is_silent_and_answers_again(
    gateway: Gateway, remote: Line, block: Block
) -> None:
    gateway.vanish()
    assert kind_of(remote, 1, block, 0.05) == "timeout"
    gateway.come_back()
    remote.read(2, block, PATIENCE_S)
    assert gateway.connections == 1


def test_a_split_reply_is_put_together(gateway: Gateway, remote: Line, block: Block) -> None:
    gateway.faults.order("split", 2, delay_s=0.03)
    remote.read(1, block, PATIENCE_S)
    remote.read(2, block, PATIENCE_S)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("half_header", "short"),
        ("garbled", "noise"),
        ("wrong_transaction", "wrong_transaction"),
        ("wrong_unit", "wrong_id"),
    ],
)
def test_each_fault_of_a_gateway_has_its_own_name(
    gateway: Gateway, modbus_tcp: Line, block: Block, fault: str, kind: str
) -> None:
    gateway.faults.order(fault)
    waited_out = fault in {"half_header", "wrong_transaction"}
    assert kind_of(modbus_tcp, 1, block, 1.5 if waited_out else PATIENCE_S) == kind
    modbus_tcp.read(2, block, PATIENCE_S)
    closed = fault in {"half_header", "garbled"}
    assert gateway.connections == (2 if closed else 1), "closed only when the stream cannot be trusted"


@pytest.mark.parametrize(("code", "kind"), [(0x0A, "gateway_path"), (0x0B, "gateway_target")])
def test_a_gateway_that_does_not_reach_the_meter_is_no_refusal_of_the_meter(
    gateway: Gateway, modbus_tcp: Line, block: Block, code: int, kind: str
) -> None:
    gateway.faults.order("exception", code=code)
    with pytest.raises(NoAnswer, match=rf"meter 3.*exception {code}.*look at") as caught:
        modbus_tcp.read(3, block, PATIENCE_S)
    assert caught.value.kind == kind
    assert modbus_tcp.owed(3) == {block.count}, "the meter may still speak to a gateway that mixes replies up"


def test_the_gateways_own_time_out_speaks_for_a_dead_meter(simulated: SimulatedLine, block: Block) -> None:
    with Gateway(simulated, patience_s=0.5) as gateway:  # also of a meter on a busy machine
        line = Line(remote_settings(gateway, "tcp"), SystemClock())
        line.open()
        simulated.faults.order(4, "dead", times=1)
        try:
            assert kind_of(line, 4, block) == "gateway_target"
            line.probe(4, block, PATIENCE_S)
        finally:
            line.close()


@pytest.mark.parametrize("code", [1, 2, 3, 4, 6])
def test_a_refusal_of_the_meter_comes_through(
    simulated: SimulatedLine, remote: Line, block: Block, code: int
) -> None:
    simulated.faults.order(3, "exception", times=1, code=code)
    with pytest.raises(Refused) as caught:
        remote.read(3, block, PATIENCE_S)
    assert caught.value.code == code
    assert remote.owed(3) == frozenset()


@pytest.mark.parametrize(("code", "believed"), [(1, False), (2, False), (3, False), (4, True), (6, True)])
def test_a_refusal_is_doubted_while_something_older_is_owed(
    simulated: SimulatedLine, gateway: Gateway, remote: Line, block: Block, code: int, believed: bool
) -> None:
    """It may refuse the earlier request; on its word a register would be given up for good."""
    gateway.faults.order("hangs_up")
    assert kind_of(remote, 3, block) == "hung_up"
    simulated.faults.order(3, "exception", times=1, code=code)
    assert kind_of(remote, 3, replace(block, count=58)) == (f"exception_{code}" if believed else "doubtful")
    assert remote.owed(3) == {76, 58}


def test_a_late_reply_is_recognised_counted_and_never_taken(
    gateway: Gateway, modbus_tcp: Line, block: Block, station_clock: FakeClock, profile: Profile, truth: Truth
) -> None:
    gateway.faults.order("late", delay_s=0.1)
    assert kind_of(modbus_tcp, 3, block, 0.03) == "timeout"
    assert modbus_tcp.owed(3) == {76}
    time.sleep(0.15)
    station_clock.advance(60)
    short = replace(block, count=58, keys=block.keys[:29])
    answer = modbus_tcp.read(3, short, PATIENCE_S)
    assert values(profile, short, answer.words).items() <= truth.of(3).items()
    assert modbus_tcp.late == {3: 1}
    told = view_of(Scanner(modbus_tcp, [(meter, profile) for meter in CARD_METERS], station_clock)).meters
    assert {key: said["late"] for key, said in told.items()} == {1: 0, 2: 0, 3: 1, 4: 0, 5: 0}
    assert modbus_tcp.owed(3) == frozenset()


def test_replies_in_the_wrong_order_go_to_their_own_questions(
    gateway: Gateway, modbus_tcp: Line, block: Block, profile: Profile, truth: Truth
) -> None:
    gateway.faults.order("reordered")
    assert kind_of(modbus_tcp, 1, block, 0.03) == "timeout"
    assert values(profile, block, modbus_tcp.read(2, block, PATIENCE_S).words) == truth.of(2)
    modbus_tcp.read(3, block, PATIENCE_S)
    assert modbus_tcp.late == {1: 1}
    assert gateway.connections == 1


def test_a_gateway_that_mixes_up_its_meters_replies_is_seen_by_their_length(
    gateway: Gateway, modbus_tcp: Line, block: Block
) -> None:
    """It puts the old reply under the new transaction id: only the length can tell."""
    gateway.faults.order("mixes")
    assert kind_of(modbus_tcp, 1, block, 0.05) == "timeout"
    with pytest.raises(NoAnswer, match="not asked"):
        modbus_tcp.read(1, block, 0.05)
    assert kind_of(modbus_tcp, 1, replace(block, count=58)) == "length"


def test_a_frame_with_no_header_behind_it_is_not_trusted(
    gateway: Gateway, modbus_tcp: Line, block: Block, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two replies run into each other: the first looks whole, and holds words of the second."""
    monkeypatch.setattr(gateway_faults, "_spoiled_in_tcp", lambda fault, reply: reply[:90] + 2 * reply)
    gateway.faults.order("garbled")
    assert kind_of(modbus_tcp, 1, block) == "noise"
    modbus_tcp.read(2, block, PATIENCE_S)


def test_transaction_ids_go_on_over_connections_and_begin_anywhere(
    gateway: Gateway, modbus_tcp: Line, block: Block
) -> None:
    gateway.faults.order("closes", 3)
    for _ in range(3):
        modbus_tcp.read(1, block, PATIENCE_S)
        time.sleep(0.01)
    ids = [int.from_bytes(request[:2]) for request in gateway.requests]
    assert ids == [(ids[0] + step) % 0x1_0000 for step in range(3)]
    starts = {Line(remote_settings(gateway, "tcp"), SystemClock())._exchange._transaction for _ in range(8)}
    assert len(starts) > 1


@pytest.fixture
def frames(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--frames"))


def test_no_wrong_value_through_a_gateway_with_any_mix_of_faults(
    simulated: SimulatedLine,
    gateway: Gateway,
    remote: Line,
    profile: Profile,
    station_clock: FakeClock,
    truth: Truth,
    frames: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The line's faults and the gateway's at once; replies are owed for less long, as rounds are faster."""
    monkeypatch.setattr(owed, "OWED_S", 3.0)
    scanner = Scanner(remote, [(meter, profile) for meter in CARD_METERS], SystemClock())
    for seed, kind in enumerate(
        ("crc", "noise_inside", "short", "wrong_slave", "exception", "nan", "noise_before")
    ):
        simulated.faults.random(kind, 0.01, seed)
    gateway_kinds = (
        "closes",
        "hangs_up",
        "reordered",
        "half_header",
        "wrong_transaction",
        "garbled",
        "split",
    )
    for seed, kind in enumerate((*gateway_kinds, "wrong_unit", "mixes")):
        gateway.faults.random(kind, 0.01, 40 + seed)
    dice = random.Random(5)
    for seed in range(4):
        gateway.faults.random("late", 0.005, 60 + seed, delay_s=dice.uniform(0.02, 0.9))
    polls = good = 0
    while simulated.frames < frames // 5:
        station_clock.advance(60)
        for reading in scanner.round(SystemClock().monotonic() + 2.0):
            polls += 1
            good += reading.answered
            assert wrong_values(reading, truth.of(reading.meter_id)) == []
    assert good >= 0.6 * polls, f"only {good} of {polls} polls succeeded"
    assert gateway.answered > 0
    assert remote.settings.baud == FAST


def test_a_bad_frame_of_a_meter_behind_a_gateway_is_asked_again_at_once(
    simulated: SimulatedLine, gateway: Gateway, block: Block
) -> None:
    line = Line(remote_settings(gateway, "rtu_tcp"), SystemClock())
    line.open()
    simulated.faults.order(1, "crc", times=1)
    try:
        started = time.monotonic()
        with pytest.raises(BadFrame) as caught:
            line.read(1, block, 5.0)
        assert caught.value.kind == "crc"
        assert time.monotonic() - started < 2.0
        line.read(1, block, PATIENCE_S)
    finally:
        line.close()
