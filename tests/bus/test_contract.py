"""What we lean on in the library. Red here after an upgrade: read `substation/bus/line.py` first."""

import inspect

import pymodbus
import pytest
import serial
from pymodbus import FramerType, ModbusException
from pymodbus.client import ModbusSerialClient
from pymodbus.exceptions import ConnectionException

from substation.bus.frame import Question, crc16
from substation.errors import BadFrame

QUESTION = Question(1, 3, 100, 2)
REPLY = bytes((1, 3, 4, 0x12, 0x34, 0x56, 0x78))
REPLY += crc16(REPLY)
KNOWN = "3.16"


class Spy(ModbusSerialClient):
    """Overrides just what our client overrides, and writes down who calls what."""

    def __init__(self, reply: bytes | Exception) -> None:
        super().__init__("/dev/none", framer=FramerType.RTU, retries=0, timeout=1.0)
        self.reply = reply
        self.calls: list[object] = []

    def connect(self) -> bool:
        self.calls.append("connect")
        return True

    def send(self, request: bytes, addr: tuple[str, int] | None = None) -> int:
        self.calls.append(request)
        return len(request)

    def recv(self, size: int | None) -> bytes:
        self.calls.append("recv")
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


def test_the_version_is_one_that_was_read() -> None:
    assert pymodbus.__version__.startswith(KNOWN), (
        f"pymodbus {pymodbus.__version__}: read its client/serial.py and transaction.py first"
    )


def test_the_methods_that_we_override_have_their_shape() -> None:
    assert list(inspect.signature(ModbusSerialClient.send).parameters) == ["self", "request", "addr"]
    assert list(inspect.signature(ModbusSerialClient.recv).parameters) == ["self", "size"]
    assert list(inspect.signature(ModbusSerialClient.connect).parameters) == ["self"]
    assert ModbusSerialClient("/dev/none").socket is None


def test_one_question_is_one_request_and_one_look_at_what_came() -> None:
    spy = Spy(REPLY)
    pdu = spy.read_holding_registers(100, count=2, device_id=1)
    assert [call for call in spy.calls if call != "connect"] == [QUESTION.request, "recv"]
    assert pdu.registers == [0x1234, 0x5678]
    assert not pdu.isError()


def test_function_04_is_asked_the_same_way() -> None:
    question = Question(1, 4, 100, 2)
    body = bytes((1, 4, 4, 0, 1, 0, 2))
    spy = Spy(body + crc16(body))
    assert spy.read_input_registers(100, count=2, device_id=1).registers == [1, 2]
    assert question.request in spy.calls


def test_our_errors_come_through_untouched_and_nothing_is_repeated() -> None:
    error = BadFrame("from recv", "crc")
    spy = Spy(error)
    with pytest.raises(BadFrame) as caught:
        spy.read_holding_registers(100, count=2, device_id=1)
    assert caught.value is error
    assert [call for call in spy.calls if call != "connect"] == [QUESTION.request, "recv"]


def test_a_client_that_says_it_is_closed_is_not_reopened() -> None:
    spy = Spy(REPLY)
    spy.connect = lambda: False  # type: ignore[method-assign]
    with pytest.raises(ConnectionException):
        spy.read_holding_registers(100, count=2, device_id=1)
    assert issubclass(ConnectionException, ModbusException)
    assert spy.calls == []


def test_the_serial_port_has_what_the_line_uses() -> None:
    for name in ("fileno", "in_waiting", "read", "write", "close"):
        assert hasattr(serial.Serial, name)
    assert issubclass(serial.SerialException, OSError)
    assert {"exclusive", "write_timeout", "timeout"} <= set(inspect.signature(serial.Serial).parameters)
