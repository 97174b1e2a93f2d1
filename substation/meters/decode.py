"""Words to numbers and back: the encodings and word orders in which meters lay values over registers.

A, B, C, D are the bytes from the most significant to the least. Each register travels most
significant byte first (Modbus Application Protocol V1.1b3, clause 4.2); how a meter lays a longer
value over several registers is its maker's choice. Elmeasure's is CDAB: the low word first. In 64 bits
the names mean the same: words forward (ABCD) or backward (CDAB), with the bytes of each word swapped
(BADC, DCBA).
"""

import math
import struct
from collections.abc import Sequence
from typing import Literal

WordOrder = Literal["ABCD", "CDAB", "BADC", "DCBA"]
Encoding = Literal["float32", "float64", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
Coding = Literal["plain", "four_quadrant"]
"""`four_quadrant`: Schneider's power factor, x > 1 means 2 - x (leading), x < -1 means -2 - x."""

ORDERS: tuple[WordOrder, ...] = ("ABCD", "CDAB", "BADC", "DCBA")
_FORMS: dict[Encoding, tuple[int, str]] = {
    "float32": (2, ">f"),
    "float64": (4, ">d"),
    "int16": (1, ">h"),
    "uint16": (1, ">H"),
    "int32": (2, ">i"),
    "uint32": (2, ">I"),
    "int64": (4, ">q"),
    "uint64": (4, ">Q"),
}
"""Registers, and how the big-endian bytes read."""


def words_in(encoding: Encoding) -> int:
    """Return how many registers a value takes: 1, 2 or 4."""
    return _FORMS[encoding][0]


def _ordered(data: bytes, order: WordOrder) -> bytes:
    """Return big-endian bytes as they travel in this order, or the reverse: each is its own inverse."""
    if order in ("BADC", "DCBA"):
        swapped = bytearray(data)
        swapped[0::2], swapped[1::2] = data[1::2], data[0::2]
        data = bytes(swapped)
    if order in ("CDAB", "DCBA"):
        data = b"".join(data[at : at + 2] for at in range(len(data) - 2, -2, -2))
    return data


def number(
    words: Sequence[int],
    order: WordOrder,
    encoding: Encoding = "float32",
    scale: float = 1.0,
    coding: Coding = "plain",
) -> float | None:
    """Return the value in these registers (0..65535 each), or None where they hold none.

    No number is: in floats NaN, infinity and all-ones; in unsigned integers all-ones; in signed ones
    the most negative. That is what meters send for "not available". Minus zero is zero.
    """
    form = _FORMS[encoding][1]
    data = _ordered(struct.pack(f">{len(words)}H", *words), order)
    raw = struct.unpack(form, data)[0]
    if isinstance(raw, float):
        if not math.isfinite(raw):
            return None
    elif raw == (2 ** (8 * len(data)) - 1 if form[1].isupper() else -(2 ** (8 * len(data) - 1))):
        return None
    value = raw * scale if scale != 1.0 else float(raw)
    if coding == "four_quadrant" and abs(value) > 1:
        value = math.copysign(2, value) - value
    return value + 0.0


def words_of(
    value: float,
    order: WordOrder,
    encoding: Encoding = "float32",
    scale: float = 1.0,
    coding: Coding = "plain",
) -> tuple[int, ...]:
    """Return the registers that carry `value`, rounded to what the encoding can hold.

    A leading power factor cannot be told from the value alone, so `four_quadrant` writes it plainly.
    Raises struct.error for a value beyond the encoding's range.
    """
    count, form = _FORMS[encoding]
    raw: float = value / scale
    data = struct.pack(form, raw if "float" in encoding else round(raw))
    return struct.unpack(f">{count}H", _ordered(data, order))


def float32(words: Sequence[int], order: WordOrder) -> float:
    """Return the float in two registers (0..65535 each); NaN and infinity come back as they are."""
    value: float = struct.unpack(">f", _ordered(struct.pack(">HH", *words), order))[0]
    return value


def words_of_float32(value: float, order: WordOrder) -> tuple[int, int]:
    """Return the two registers that carry `value`, rounded to single precision."""
    high, low = words_of(value, order)
    return high, low
