"""What a meter says: request bytes in, answer bytes out; no wire, no time.

Modbus Application Protocol V1.1b3 (clauses 6.3, 6.4, 7) and Modbus over Serial Line V1.02 (clause
2.5.1: id, PDU, CRC with the low byte first).
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from substation.meters.decode import WordOrder, words_of
from substation.meters.profile import WORDS, Place, Profile
from substation.simulator.faults import Fault

NO_FUNCTION, NO_ADDRESS, NO_VALUE = 1, 2, 3
"""Modbus exceptions: function not known, register not there, quantity not allowed."""
READ_REQUEST = 8
_NO_NUMBER = {"nan": (0x7FC0, 0x0000), "all_ones": (0xFFFF, 0xFFFF)}
"""What stands in two registers in place of a value, most significant word first."""


def _table() -> tuple[int, ...]:
    result = []
    for value in range(256):
        crc = value
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
        result.append(crc)
    return tuple(result)


_CRC = _table()


def crc16(data: bytes) -> int:
    """Return the CRC-16 of Modbus (polynomial 0x8005 reflected, begun with ones)."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    return crc


def framed(body: bytes) -> bytes:
    """Return id and PDU with their CRC."""
    return body + crc16(body).to_bytes(2, "little")


def whole(frame: bytes) -> bool:
    """Return whether a frame's CRC is right."""
    return len(frame) >= 4 and crc16(frame[:-2]) == int.from_bytes(frame[-2:], "little")


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes on the wire for one request."""

    parts: tuple[bytes, ...]
    """Bytes that follow each other without a gap; between two parts `pause_s`."""
    delay_s: float = 0.0
    """Beyond the meter's turnaround."""
    pause_s: float = 0.0


class RegisterMap:
    """The registers of one meter model, as words at their addresses on the wire."""

    def __init__(self, profile: Profile) -> None:
        """Lay out the profile; a gap between two quantities reads 0, as most meters have it."""
        self.profile = profile
        self.places: dict[str, Place] = {key: profile.place(key) for key in profile.keys}
        self.first = min(place.address for place in self.places.values())
        self.end = max(place.address + place.words for place in self.places.values())

    def words(self, values: Mapping[str, float], odd: Mapping[str, tuple[int, int]]) -> list[int]:
        """Return every word from `first` to `end`; `odd` holds big-endian words in place of a value."""
        result = [0] * (self.end - self.first)
        for key, place in self.places.items():
            at, order = place.address - self.first, place.word_order
            if key in odd and place.words == WORDS:
                result[at : at + WORDS] = _laid_out(odd[key], order)
                continue
            value = values.get(key, 0.0)
            result[at : at + place.words] = words_of(value, order, place.encoding, place.scale, place.coding)
        return result


def _laid_out(big: tuple[int, int], order: WordOrder) -> tuple[int, int]:
    # Bytes are moved, not numbers: a NaN that passes through a float need not keep its bits.
    data = big[0].to_bytes(2) + big[1].to_bytes(2)
    wire = bytes(data["ABCD".index(letter)] for letter in order)
    return int.from_bytes(wire[:2]), int.from_bytes(wire[2:])


def answer(
    request: bytes,
    registers: RegisterMap,
    values: Mapping[str, float],
    fault: Fault | None,
    dice: random.Random,
) -> Reply | None:
    """Return the answer of the meter that a whole request addresses; None = it stays silent."""
    kind = fault.kind if fault else ""
    if kind == "dead":
        return None
    slave, function = request[0], request[1]
    code = _refusal(request, registers)
    if fault and kind == "exception":
        code = fault.code
    if code:
        body = bytes((slave, function | 0x80, code))
    else:
        address, count = int.from_bytes(request[2:4]), int.from_bytes(request[4:6])
        odd: dict[str, tuple[int, int]] = {}
        if fault and kind in _NO_NUMBER:
            odd = dict.fromkeys(registers.places if fault.keys is None else fault.keys, _NO_NUMBER[kind])
        elif fault and kind == "short":
            count = max(0, count - fault.missing)
        start = address - registers.first
        words = registers.words(values, odd)[start : start + count]
        body = bytes((slave, function, 2 * len(words))) + b"".join(word.to_bytes(2) for word in words)
    return _sent(body, request, fault, dice) if fault else Reply((framed(body),))


def _refusal(request: bytes, registers: RegisterMap) -> int:
    """Return the exception that a request deserves, 0 for none, in the order of clause 6.3."""
    if request[1] != registers.profile.function:
        return NO_FUNCTION
    if len(request) != READ_REQUEST:
        return NO_VALUE
    address, count = int.from_bytes(request[2:4]), int.from_bytes(request[4:6])
    if not 1 <= count <= registers.profile.max_registers:
        return NO_VALUE
    if address < registers.first or address + count > registers.end:
        return NO_ADDRESS
    return 0


def _sent(body: bytes, request: bytes, fault: Fault, dice: random.Random) -> Reply:
    """Return the frame as the fault puts it on the wire."""
    frame = framed(body)
    middle = len(frame) // 2
    match fault.kind:
        case "late":
            return Reply((frame,), delay_s=fault.delay_s)
        case "crc":
            return Reply((frame[:-1] + bytes((frame[-1] ^ 0xFF,)),))
        case "noise_before":
            noise = fault.data
            if noise is None:
                noise = bytes(dice.choice((0x00, 0xFF)) for _ in range(dice.randint(1, 3)))
            return Reply((noise + frame,))
        case "noise_inside":
            odd = bytes((frame[middle] ^ 0x5A,))
            return Reply((frame[:middle] + odd + frame[middle + (0 if fault.insert else 1) :],))
        case "wrong_slave":
            other = body[0] % 247 + 1 if fault.slave is None else fault.slave
            return Reply((framed(bytes((other,)) + body[1:]),))
        case "wrong_function":  # 3 becomes 4 and 4 becomes 3
            return Reply((framed(bytes((body[0], body[1] ^ 0x07)) + body[2:]),))
        case "echo":
            return Reply((request + frame,))
        case "split":
            return Reply((frame[:middle], frame[middle:]), pause_s=fault.pause_s)
    return Reply((frame,))
