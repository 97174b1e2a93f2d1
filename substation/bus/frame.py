"""The bytes of a reply, judged: is this the answer to this question, and if not, what is it? Pure.

The library compares the id only; a late, foreign or cut frame would pass as an answer. Here every
byte of the frame must be what the request promises: id, function, byte count, CRC.
"""

from dataclasses import dataclass

from substation.errors import EXCEPTION_WORDS, BadFrame, LinkError, NoAnswer, Refused
from substation.meters.pace import EXCEPTION_BYTES, REPLY_BYTES, REQUEST_BYTES

READ_FUNCTIONS = (3, 4)
IDS = range(1, 248)
"""Of meters. 0 is a broadcast, which nobody answers; those above are reserved."""
MOST_REGISTERS = 125
"""Of one request (Modbus Application Protocol V1.1b3, clause 6.3)."""
REGISTERS = 0x1_0000
PATH_UNAVAILABLE, TARGET_SILENT = 0x0A, 0x0B
"""Exceptions of a gateway, which speaks for a meter that it did not reach (clause 7)."""
ERROR_BIT = 0x80
HEAD = 3
"""Id, function, byte count."""


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


_CRC = _crc_table()


def crc16(data: bytes) -> bytes:
    """Return the two CRC bytes as they travel, low byte first (Modbus over Serial Line V1.02, 6.2.2)."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC[(crc ^ byte) & 0xFF]
    return crc.to_bytes(2, "little")


def sealed(data: bytes) -> bool:
    """Return whether the last two bytes are the CRC of those before."""
    return len(data) > 2 and crc16(data[:-2]) == data[-2:]


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked, and thereby what the only true answer looks like; ValueError unless it is a read."""

    meter_id: int
    """1 to 247."""
    function: int
    """3 or 4."""
    address: int
    """First register, 0-based as on the wire."""
    count: int
    """Registers, 1 to 125."""

    def __post_init__(self) -> None:
        if self.function not in READ_FUNCTIONS:
            raise ValueError(f"function {self.function}: only reads may leave, with function 3 or 4")
        if self.meter_id not in IDS:
            raise ValueError(f"meter {self.meter_id}: Modbus ids are 1 to 247")
        if not 1 <= self.count <= MOST_REGISTERS or not 0 <= self.address <= REGISTERS - self.count:
            raise ValueError(
                f"{self.count} registers from {self.address}: 1 to 125, within 0 to 65535, can be asked for"
            )

    @property
    def pdu(self) -> bytes:
        """Function, address, count: what is asked, however it travels."""
        return bytes((self.function,)) + self.address.to_bytes(2, "big") + self.count.to_bytes(2, "big")

    @property
    def request(self) -> bytes:
        """The bytes that ask, as a frame of Modbus RTU."""
        body = bytes((self.meter_id,)) + self.pdu
        return body + crc16(body)

    @property
    def head(self) -> bytes:
        """The first three bytes of the true answer."""
        return bytes((self.meter_id, self.function, 2 * self.count))

    @property
    def size(self) -> int:
        """Bytes of the true answer."""
        return REPLY_BYTES + 2 * self.count

    def __str__(self) -> str:
        registers = "1 register" if self.count == 1 else f"{self.count} registers"
        return f"meter {self.meter_id}, {registers} from {self.address}"


def is_read_request(data: bytes) -> bool:
    """Return whether these bytes are one whole request to read registers of one meter, and nothing else."""
    return len(data) == REQUEST_BYTES and data[0] in IDS and data[1] in READ_FUNCTIONS and sealed(data)


@dataclass(frozen=True, slots=True)
class Found:
    """The answer within the bytes that came."""

    frame: bytes
    before: bytes
    """What stood in front of it: noise, an echo, somebody's late reply. Empty on a clean line."""


def find_answer(question: Question, data: bytes) -> Found | None:
    """Return the whole, valid answer if it is among the bytes, wherever it begins; else None."""
    head, size = question.head, question.size
    at = data.find(head)
    while at >= 0:
        if len(data) - at < size:
            return None
        frame = data[at : at + size]
        if sealed(frame):
            return Found(frame, data[:at])
        at = data.find(head, at + 1)
    return None


def find_refusal(question: Question, data: bytes) -> int | None:
    """Return the code of this meter's exception reply to this function, or None."""
    head = bytes((question.meter_id, question.function | ERROR_BIT))
    at = data.find(head)
    while 0 <= at <= len(data) - EXCEPTION_BYTES:
        if sealed(data[at : at + EXCEPTION_BYTES]):
            return data[at + 2]
        at = data.find(head, at + 1)
    return None


def complete_but_broken(question: Question, data: bytes) -> bool:
    """Return whether the meter's own reply has come whole, but with a byte changed on the way.

    Then nothing more is owed by the meter, and asking again at once is safe.
    """
    at = data.find(question.head)
    return at >= 0 and len(data) - at >= question.size


def answered_otherwise(question: Question, data: bytes) -> bool:
    """Return whether this meter's whole, sound reply has come, but in another function or length."""
    if data.startswith(question.head):
        return False
    foreign = _sound_frame(data)
    return foreign is not None and foreign[0] == question.meter_id


def refusal(question: Question, code: int) -> LinkError:
    """Return the error for an exception reply: a refusal, or a gateway's word that the meter is silent."""
    words = EXCEPTION_WORDS.get(code, "unknown code")
    if code == PATH_UNAVAILABLE:
        return NoAnswer(
            f"{question}: {words} (exception {code}); look at the gateway's table of ids and ports",
            "gateway_path",
        )
    if code == TARGET_SILENT:
        return NoAnswer(
            f"{question}: {words} (exception {code}); look at the meter's supply, its id, the wires behind "
            "the gateway and the line setting there",
            "gateway_target",
        )
    return Refused(f"{question}: refused with exception {code}, {words}", code)


def trouble(question: Question, data: bytes) -> LinkError:
    """Return the error that says why these bytes are no answer. Call when no answer was found.

    The kinds, in the order in which they are looked for: `timeout` no byte came; `echo` only our own
    request came back; `exception_N`; `wrong_id`, `wrong_function`, `length` a sound frame, but not
    this one; `crc` the right size with a wrong check sum; `short` the beginning of the right frame;
    `noise` anything else.
    """
    if not data:
        return NoAnswer(
            f"{question}: no answer; look at the meter's supply, its id, the wires and the line setting"
        )
    code = find_refusal(question, data)
    if code is not None:
        return refusal(question, code)
    request = question.request
    rest = data.replace(request, b"", 1)
    if not rest or (len(data) < len(request) and len(data) > HEAD and request.startswith(data)):
        return BadFrame(
            f"{question}: only our own request came back; the adapter echoes and the meter is silent: "
            "switch the adapter's local echo off, look at the meter's wires",
            "echo",
        )
    foreign = _sound_frame(rest)
    if foreign is not None:
        return _misfit(question, foreign)
    at = rest.find(question.head)
    if (at >= 0 and len(rest) - at >= question.size) or len(rest) == question.size:
        return BadFrame(f"{question}: check sum wrong; look at wiring, termination, earth and noise", "crc")
    refusal_head = bytes((question.meter_id, question.function | ERROR_BIT))
    if len(rest) == EXCEPTION_BYTES and rest.startswith(refusal_head):
        return BadFrame(f"{question}: check sum of a refusal wrong; look at wiring and noise", "crc")
    if at >= 0 or (len(rest) < HEAD and question.head.startswith(rest)):
        return BadFrame(
            f"{question}: cut after {len(rest) - max(at, 0)} of {question.size} bytes; "
            "look at the adapter and the wires",
            "short",
        )
    return BadFrame(f"{question}: {len(rest)} bytes that are no answer; look at biasing and noise", "noise")


def _sound_frame(data: bytes) -> bytes | None:
    """Return the first stretch of bytes that is a whole reply of any meter to a read, or None."""
    for at in range(len(data) - EXCEPTION_BYTES + 1):
        function = data[at + 1]
        if function & ~ERROR_BIT not in READ_FUNCTIONS or not 1 <= data[at] <= 247:
            continue
        size = EXCEPTION_BYTES if function & ERROR_BIT else REPLY_BYTES + data[at + 2]
        frame = data[at : at + size]
        if len(frame) == size and sealed(frame):
            return frame
    return None


def _misfit(question: Question, frame: bytes) -> BadFrame:
    if frame[0] != question.meter_id:
        return BadFrame(
            f"{question}: meter {frame[0]} answered instead; two meters may have one id, or it is slow",
            "wrong_id",
        )
    if frame[1] & ~ERROR_BIT != question.function:
        return BadFrame(
            f"{question}: answered function {frame[1]:02d} instead of {question.function:02d}",
            "wrong_function",
        )
    return BadFrame(
        f"{question}: {frame[2]} bytes of values instead of {2 * question.count}; a late reply, "
        "or the profile does not fit the meter",
        "length",
    )
