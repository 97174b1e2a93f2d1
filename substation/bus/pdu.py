"""The library of Modbus, behind one file: it writes our requests and reads the words of an answer.

Everything between the two - the silence, the waiting, whether an answer is the answer - is ours, because
there the library accepts late replies, keeps no silence and waits out its time-out on a bad check sum. A
test of our own (`tests/bus/test_contract.py`) watches what we lean on.
"""

import logging
from functools import lru_cache

from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, ReadInputRegistersRequest

from substation.bus.frame import Question
from substation.errors import BadFrame

logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # the poller says it in its own words, once

_REQUESTS = {3: ReadHoldingRegistersRequest, 4: ReadInputRegistersRequest}
_answers = DecodePDU(False)
_rtu = FramerRTU(_answers)
_tcp = FramerSocket(_answers)


def _message(question: Question, transaction: int = 0) -> ReadHoldingRegistersRequest:
    return _REQUESTS[question.function](
        address=question.address,
        count=question.count,
        dev_id=question.meter_id,
        transaction_id=transaction,
    )


@lru_cache(maxsize=4096)
def rtu_request(question: Question) -> bytes:
    """Return the request as a frame of Modbus RTU."""
    return _rtu.buildFrame(_message(question))


def tcp_request(question: Question, transaction: int) -> bytes:
    """Return the request as a frame of Modbus TCP."""
    return _tcp.buildFrame(_message(question, transaction))


def words(question: Question, pdu: bytes) -> tuple[int, ...]:
    """Return the registers in an answer, which begins with the function and was found sound before.

    Raises BadFrame when the library thinks otherwise: then it has changed.
    """
    decoded = _answers.decode(pdu)
    if decoded is None or decoded.isError() or len(decoded.registers) != question.count:
        raise BadFrame(f"{question}: decoded by the library as {decoded}", "length")
    return tuple(decoded.registers)
