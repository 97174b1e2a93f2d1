"""What we lean on in the library. Red here after an upgrade: read `substation/bus/pdu.py` first."""

import ast
import inspect
import random
from pathlib import Path

import pymodbus
import pytest
import serial
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU

import substation
from substation.bus import mbap, pdu
from substation.bus.frame import Question, crc16
from substation.errors import BadFrame

KNOWN = "3.16"
PACKAGE = Path(substation.__file__).parent


def questions(number: int) -> list[Question]:
    dice = random.Random(3)
    return [
        Question(dice.randint(1, 247), dice.choice((3, 4)), dice.randint(0, 65_000), dice.randint(1, 125))
        for _ in range(number)
    ]


def test_the_version_is_one_that_was_read() -> None:
    assert pymodbus.__version__.startswith(KNOWN), (
        f"pymodbus {pymodbus.__version__}: read its framer folder and pdu/register_message.py first"
    )


def test_one_file_alone_knows_the_library() -> None:
    users = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if any(name.partition(".")[0] == "pymodbus" for name in names):
                users.add(path.relative_to(PACKAGE).as_posix())
    assert users == {"bus/pdu.py"}


def test_the_library_writes_each_request_as_the_standard_has_it() -> None:
    for question in questions(500):
        assert pdu.rtu_request(question) == question.request
        assert pdu.tcp_request(question, 0xBEEF) == mbap.request(question, 0xBEEF)
    assert pdu.rtu_request(Question(1, 3, 100, 76)) == bytes.fromhex("01 03 00 64 00 4c 05 e0")
    assert pdu.tcp_request(Question(1, 3, 100, 76), 1) == bytes.fromhex("0001 0000 0006 01 03 0064 004c")


def test_the_library_reads_the_words_of_an_answer() -> None:
    for question in questions(200):
        words = tuple(random.Random(question.address).choices(range(0x1_0000), k=question.count))
        data = b"".join(word.to_bytes(2, "big") for word in words)
        assert pdu.words(question, bytes((question.function, len(data))) + data) == words


@pytest.mark.parametrize(
    "answer", [bytes((3, 2, 0, 1)), bytes((0x83, 2)), bytes((3, 9, 0, 1)), bytes((0x63, 4, 0, 1, 0, 2))]
)
def test_what_the_library_reads_otherwise_than_we_did_is_no_answer(answer: bytes) -> None:
    with pytest.raises(BadFrame, match="by the library") as caught:
        pdu.words(Question(1, 3, 100, 2), answer)
    assert caught.value.kind == "length"


def test_the_methods_that_we_call_have_their_shape() -> None:
    assert list(inspect.signature(DecodePDU).parameters) == ["is_server"]
    assert list(inspect.signature(DecodePDU.decode).parameters) == ["self", "frame"]
    for framer in (FramerRTU, FramerSocket):
        assert list(inspect.signature(framer.buildFrame).parameters) == ["self", "message"]
    assert FramerRTU(DecodePDU(False)).encode(b"\x03\0\0\0\1", 1, 0)[-2:] == crc16(b"\x01\x03\0\0\0\1")


def test_the_serial_port_has_what_the_line_uses() -> None:
    for name in ("fileno", "write", "close", "set_low_latency_mode"):
        assert hasattr(serial.Serial, name)
    assert issubclass(serial.SerialException, OSError)
    assert {"exclusive", "write_timeout", "timeout"} <= set(inspect.signature(serial.Serial).parameters)
