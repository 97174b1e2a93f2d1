"""The bytes of Modbus TCP, judged: a header for a check sum, a transaction id to know replies by. Pure.

Modbus Messaging on TCP/IP Implementation Guide V1.0b, clause 3.1.3: transaction id (2 bytes), protocol 0
(2), length of what follows (2), unit id, then function and data.
"""

from dataclasses import dataclass

from substation.bus.frame import ERROR_BIT, IDS, READ_FUNCTIONS, Question, refusal
from substation.errors import BadFrame, LinkError

HEADER = 7
"""Bytes of the header, the unit id included."""
AHEAD = 6
"""Bytes of the header that its own length does not count."""
LENGTHS = range(3, 255)
"""What the header may say of its length: an exception, the longest reply."""
REQUEST = 12
IDENTITIES = 0x1_0000
"""Transaction ids there are."""


class Untrusted(Exception):
    """What stands in the stream is no header: nobody knows where the next frame begins."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, whole."""

    transaction: int
    unit: int
    pdu: bytes
    """Function and data."""


def request(question: Question, transaction: int) -> bytes:
    """Return the bytes that ask."""
    pdu = question.pdu
    head = transaction.to_bytes(2, "big") + b"\0\0" + (len(pdu) + 1).to_bytes(2, "big")
    return head + bytes((question.meter_id,)) + pdu


def is_read_request(data: bytes) -> bool:
    """Return whether these bytes are one whole request to read registers of one meter, and nothing else."""
    return (
        len(data) == REQUEST
        and data[2:6] == b"\0\0\0\x06"
        and data[6] in IDS
        and data[HEADER] in READ_FUNCTIONS
    )


def take(stream: bytes) -> tuple[Frame | None, bytes]:
    """Return the first frame of a stream and what follows it; no frame while it is not whole.

    Raises Untrusted as soon as the beginning cannot be a header.
    """
    if any(stream[2:4]) or (len(stream) >= AHEAD and int.from_bytes(stream[4:6], "big") not in LENGTHS):
        raise Untrusted(f"{stream[:HEADER].hex(' ')} is no header of Modbus TCP")
    end = AHEAD + int.from_bytes(stream[4:6], "big")
    if len(stream) <= HEADER or len(stream) < end:
        return None, stream
    return Frame(int.from_bytes(stream[:2], "big"), stream[6], stream[HEADER:end]), stream[end:]


def misfit(question: Question, frame: Frame) -> LinkError | None:
    """Return why a frame of the right transaction is no answer to the question; None = it is the answer."""
    pdu = frame.pdu
    if frame.unit != question.meter_id:
        return BadFrame(f"{question}: unit {frame.unit} answered instead; look at the gateway", "wrong_id")
    if pdu[0] == question.function | ERROR_BIT and len(pdu) == 2:
        return refusal(question, pdu[1])
    if pdu[0] != question.function:
        return BadFrame(
            f"{question}: answered function {pdu[0]:02d} instead of {question.function:02d}", "wrong_function"
        )
    due = 2 * question.count
    if pdu[1] != due or len(pdu) != 2 + due:
        return BadFrame(
            f"{question}: {len(pdu) - 2} bytes of values, said to be {pdu[1]}, instead of {due}; a late "
            "reply that the gateway took for this one, or the profile does not fit the meter",
            "length",
        )
    return None
