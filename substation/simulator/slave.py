"""What a meter says: request bytes in, answer bytes out; no wire, no time.

Modbus Application Protocol V1.1b3 (clauses 6.3, 6.4, 7) and Modbus over Serial Line V1.02 (clause
2.5.1: id, PDU, CRC with the low byte first).
"""

import random
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from substation.meters.decode import no_number, words_of
from substation.meters.model import Profile
from substation.meters.register import Place
from substation.simulator.extras import extra
from substation.simulator.faults import Fault

NO_FUNCTION, NO_ADDRESS, NO_VALUE = 1, 2, 3
"""Modbus exceptions: function not known, register not there, quantity not allowed."""
READ_REQUEST = 8
ALL_ONES = 0xFFFF
_NO_NUMBER = ("nan", "all_ones")
"""The kinds of fault that stand in place of a value."""
NOTHING: Mapping[str, str] = MappingProxyType({})


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
        """Lay out the profile; a gap between two values reads 0, as most meters have it."""
        self.profile = profile
        self._windows: dict[tuple[int, int, int], tuple[Place, ...]] = {}
        self._var = {
            key: key.replace("pf_average", "var_total").replace("pf_", "var_")
            for key, place in profile.places.items()
            if place.coding == "four_quadrant"
        }
        self._ends: dict[int, tuple[int, int]] = {}
        for place in profile.places.values():
            first, end = self._ends.get(place.function, (place.address, 0))
            self._ends[place.function] = (
                min(first, place.address),
                max(end, place.address + place.words),
            )

    @property
    def functions(self) -> Collection[int]:
        """The functions that the model answers."""
        return self._ends.keys()

    def holds(self, function: int, address: int, count: int) -> bool:
        """Return whether these registers are there: between the first value of the function and the last."""
        first, end = self._ends[function]
        return first <= address and address + count <= end

    def words(
        self,
        function: int,
        address: int,
        count: int,
        values: Mapping[str, float],
        odd: Mapping[str, str] = NOTHING,
    ) -> list[int]:
        """Return the words in a block while the circuit's values are so.

        `odd` names, by key, what stands in place of a value: `nan` (the encoding's "not available") or
        `all_ones`. A value beyond its encoding's range is "not available" too.
        """
        window = self._windows.get((function, address, count))
        if window is None:
            window = self._windows[function, address, count] = tuple(
                place
                for place in self.profile.places.values()
                if place.function == function
                and place.address < address + count
                and place.address + place.words > address
            )
        result = [0] * count
        for place in window:
            words = self._spoken(place, values, odd.get(place.key))
            for at, word in enumerate(words, place.address - address):
                if 0 <= at < count:
                    result[at] = word
        return result

    def _spoken(self, place: Place, values: Mapping[str, float], odd: str | None) -> tuple[int, ...]:
        """Return the words of one value."""
        key = place.key
        if odd == "all_ones":
            return (ALL_ONES,) * place.words
        if odd != "nan":
            value = values[key] if key in values else extra(key, self.profile.units[key], values)
            leading = key in self._var and values.get(self._var[key], 0.0) < 0
            try:
                return words_of(
                    value, place.word_order, place.encoding, place.scale, place.coding, leading=leading
                )
            except (struct.error, OverflowError, ValueError):  # beyond the range, or NaN in an integer
                pass
        return no_number(place.word_order, place.encoding)


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
        odd: dict[str, str] = {}
        if fault and kind in _NO_NUMBER:
            odd = dict.fromkeys(registers.profile.keys if fault.keys is None else fault.keys, kind)
        elif fault and kind == "short":
            count = max(0, count - fault.missing)
        words = registers.words(function, address, count, values, odd)
        if fault and kind == "all_ones" and fault.keys is None:  # gaps included: nothing is there to answer
            words = [ALL_ONES] * count
        body = bytes((slave, function, 2 * len(words))) + b"".join(word.to_bytes(2) for word in words)
    return _sent(body, request, fault, dice) if fault else Reply((framed(body),))


def _refusal(request: bytes, registers: RegisterMap) -> int:
    """Return the exception that a request deserves, 0 for none, in the order of clause 6.3."""
    if request[1] not in registers.functions:
        return NO_FUNCTION
    if len(request) != READ_REQUEST:
        return NO_VALUE
    address, count = int.from_bytes(request[2:4]), int.from_bytes(request[4:6])
    if not 1 <= count <= registers.profile.max_registers:
        return NO_VALUE
    if not registers.holds(request[1], address, count):
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
