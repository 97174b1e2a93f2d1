"""Every fault, byte by byte as it crosses the wire."""

import time

import pytest

from substation.meters.decode import number
from substation.simulator.counting import BEGINNINGS
from substation.simulator.faults import KINDS, Fault, Faults
from substation.simulator.line import SimulatedLine, t35_s
from substation.simulator.slave import crc16, framed, whole
from tests.simulator.conftest import FAST
from tests.simulator.master import Master, crc, request

ASKED = request(3)


@pytest.fixture
def right(master: Master) -> bytes:
    """What the meter answers when nothing is wrong."""
    reply = master.ask(ASKED)
    assert len(reply) == 157
    return reply


@pytest.fixture
def faults(line: SimulatedLine) -> Faults:
    return line.faults


def test_our_crc_is_that_of_the_standard() -> None:
    assert crc16(b"\x02\x07") == 0x1241  # Modbus over Serial Line V1.02, appendix B
    for body in (b"\x01\x03\x00\x64\x00\x4c", bytes(range(256))):
        assert framed(body) == body + crc(body)
        assert whole(framed(body))
    assert not whole(b"\xff\xff")


def test_dead_is_silence_and_the_others_answer(master: Master, right: bytes, faults: Faults) -> None:
    faults.order(3, "dead")
    for _ in range(3):
        assert master.ask(ASKED, first_s=0.1) == b""
        assert master.ask(request(4))[0] == 4
    faults.clear(3)
    assert master.ask(ASKED) == right


def test_late_is_the_right_answer_after_its_delay(master: Master, right: bytes, faults: Faults) -> None:
    faults.order(3, "late", times=1, delay_s=0.25)
    began = time.monotonic()
    assert master.ask(ASKED) == right
    assert time.monotonic() - began >= 0.25
    began = time.monotonic()
    assert master.ask(ASKED) == right


def test_late_answers_meet_the_next_question(master: Master, right: bytes, faults: Faults) -> None:
    faults.order(3, "late", times=1, delay_s=0.5)
    faults.order(4, "late", times=1, delay_s=0.6)
    assert master.ask(ASKED, first_s=0.05) == b""
    assert master.ask(request(4), gap_s=0.8) == right + master.ask(request(4))


def test_crc_is_wrong_in_one_byte(master: Master, right: bytes, faults: Faults) -> None:
    faults.order(3, "crc")
    reply = master.ask(ASKED)
    assert reply[:-1] == right[:-1]
    assert reply[-1] != right[-1]
    assert not whole(reply)


@pytest.mark.parametrize("data", [b"\x00", b"\xff\x00\xff"])
def test_noise_before_stands_ahead_of_a_whole_frame(
    data: bytes, master: Master, right: bytes, faults: Faults
) -> None:
    faults.order(3, "noise_before", data=data)
    assert master.ask(ASKED) == data + right


def test_noise_before_is_one_to_three_idle_bytes(master: Master, right: bytes, faults: Faults) -> None:
    faults.order(3, "noise_before")
    lengths = set()
    for _ in range(20):
        reply = master.ask(ASKED, gap_s=0.02)
        assert reply.endswith(right)
        noise = reply.removesuffix(right)
        assert set(noise) <= {0x00, 0xFF}
        lengths.add(len(noise))
    assert lengths == {1, 2, 3}


def test_noise_inside_changes_a_byte(master: Master, right: bytes, faults: Faults) -> None:
    faults.order(3, "noise_inside")
    reply = master.ask(ASKED)
    assert len(reply) == len(right)
    assert sum(a != b for a, b in zip(reply, right, strict=True)) == 1
    assert not whole(reply)


def test_noise_inside_can_add_a_byte(master: Master, right: bytes, faults: Faults) -> None:
    faults.order(3, "noise_inside", insert=True)
    reply = master.ask(ASKED)
    middle = len(right) // 2
    assert reply[:middle] + reply[middle + 1 :] == right
    assert not whole(reply)


@pytest.mark.parametrize("missing", [1, 74])
def test_short_is_a_valid_frame_of_fewer_registers(
    missing: int, master: Master, right: bytes, faults: Faults
) -> None:
    faults.order(3, "short", missing=missing)
    reply = master.ask(ASKED)
    assert reply[2] == 2 * (76 - missing) == len(reply) - 5
    assert reply[3:-2] == right[3 : -2 - 2 * missing]
    assert whole(reply)


@pytest.mark.parametrize("code", [2, 4, 6])
def test_exception_is_the_code_ordered(code: int, master: Master, faults: Faults) -> None:
    faults.order(3, "exception", code=code)
    assert master.ask(ASKED) == framed(bytes((3, 0x83, code)))


def test_wrong_slave_is_a_valid_frame_of_another(master: Master, right: bytes, faults: Faults) -> None:
    faults.order(3, "wrong_slave", times=1)
    faults.order(3, "wrong_slave", slave=200)
    for slave in (4, 200):
        assert master.ask(ASKED) == framed(bytes((slave,)) + right[1:-2])


def test_wrong_function_is_a_valid_frame_of_function_04(master: Master, right: bytes, faults: Faults) -> None:
    faults.order(3, "wrong_function")
    assert master.ask(ASKED) == framed(b"\x03\x04" + right[2:-2])


def test_echo_comes_ahead_of_the_answer(master: Master, right: bytes, faults: Faults) -> None:
    faults.order(3, "echo")
    assert master.ask(ASKED) == ASKED + right


def test_split_pauses_in_the_middle(master: Master, right: bytes, faults: Faults) -> None:
    faults.order(3, "split", pause_s=0.1)
    for _ in range(10):  # a busy machine wakes us late, and we find both halves at once
        began = time.monotonic()
        master.send(ASKED)
        pieces = master.pieces(gap_s=0.3)
        assert b"".join(data for _, data in pieces) == right
        assert pieces[-1][0] - began >= 0.1
        if len(pieces) == 2:
            break
    assert [data for _, data in pieces] == [right[:78], right[78:]]


@pytest.mark.parametrize(("kind", "wire"), [("nan", "00007fc0"), ("all_ones", "ffffffff")])
def test_no_number_fills_the_registers_of_a_valid_frame(
    kind: str, wire: str, master: Master, right: bytes, faults: Faults
) -> None:
    faults.order(3, kind, times=1)
    assert master.ask(ASKED) == framed(right[:3] + bytes.fromhex(wire) * 38)
    faults.order(3, kind, keys=["frequency"])
    reply = master.ask(ASKED)
    assert reply[: 3 + 112] == right[: 3 + 112]
    assert reply[3 + 112 : 3 + 116].hex() == wire
    assert reply[3 + 116 : -2] == right[3 + 116 : -2]
    assert number([int.from_bytes(reply[115:117]), int.from_bytes(reply[117:119])], "CDAB") is None


def test_a_fault_shapes_an_exception_reply_too(master: Master, faults: Faults) -> None:
    faults.order(3, "wrong_slave")
    assert master.ask(request(3, 99, 2)) == framed(b"\x04\x83\x02")


def test_orders_follow_each_other_as_often_as_ordered() -> None:
    faults = Faults()
    faults.order(1, "crc", times=2)
    faults.order(1, "echo", times=1)
    faults.order(2, "dead")
    assert [fault.kind if fault else "" for fault in (faults.next(1) for _ in range(4))] == [
        "crc",
        "crc",
        "echo",
        "",
    ]
    assert all(faults.next(2) == Fault(kind="dead") for _ in range(5))
    faults.clear()
    assert faults.next(2) is None


def test_chance_strikes_as_often_as_it_should_and_repeats_itself() -> None:
    def hits() -> list[bool]:
        faults = Faults()
        faults.random("crc", 0.2, seed=5)
        return [faults.next(number % 5 + 1) is not None for number in range(2000)]

    assert hits() == hits()
    assert 330 < sum(hits()) < 470
    with pytest.raises(ValueError, match="between 0 and 1"):
        Faults().random("crc", 1.5, seed=1)


@pytest.mark.parametrize(
    ("kind", "parameters", "words"),
    [
        ("broken", {}, "no fault 'broken'; known: dead, late"),
        ("dead", {"delay_s": 1}, "no parameter 'delay_s'; known: none"),
        ("late", {"delay_s": "soon"}, "delay_s"),
        ("exception", {"code": 0}, "code"),
        ("nan", {"keys": ["hertz"]}, "no quantity 'hertz'"),
        ("crc", {"times": 0}, "at least 1"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(
    kind: str, parameters: dict[str, object], words: str
) -> None:
    times = parameters.pop("times", None)
    with pytest.raises(ValueError, match=words):
        Faults().order(1, kind, times=times, **parameters)  # type: ignore[arg-type]


def test_every_kind_does_something_on_the_wire(master: Master, right: bytes, faults: Faults) -> None:
    quiet = {"late", "split", "frozen"}  # the same bytes, at another time
    for kind in (kind for kind in KINDS if kind not in BEGINNINGS):  # what lasts: test_counting
        faults.order(3, kind, times=1)
        reply = master.ask(ASKED, first_s=0.9)
        assert (reply == right) is (kind in quiet), kind
        assert master.ask(ASKED) == right


def test_hundreds_of_frames_cost_seconds(master: Master, line: SimulatedLine) -> None:
    assert line.baud == FAST
    began = time.monotonic()
    for number_ in range(200):
        assert len(master.read(request(number_ % 5 + 1), 157)) == 157
        time.sleep(t35_s(FAST))
    assert time.monotonic() - began < 20
    assert line.violations == 0
