"""Words to numbers and back: the four word orders of a 32-bit float in two 16-bit registers.

A, B, C, D are the bytes from the most significant to the least. Each register travels most
significant byte first (Modbus Application Protocol V1.1b3, clause 4.2); how a meter lays a float
over two registers is its maker's choice. Elmeasure's is CDAB: the low word first.
"""

import math
import struct
from collections.abc import Sequence
from typing import Literal

WordOrder = Literal["ABCD", "CDAB", "BADC", "DCBA"]

_ORDER: dict[WordOrder, tuple[int, int, int, int]] = {
    "ABCD": (0, 1, 2, 3),
    "CDAB": (2, 3, 0, 1),
    "BADC": (1, 0, 3, 2),
    "DCBA": (3, 2, 1, 0),
}
"""Which byte of the big-endian float stands at each place on the wire; each order is its own inverse."""


def float32(words: Sequence[int], order: WordOrder) -> float:
    """Return the float in two registers (0..65535 each); NaN and infinity come back as they are."""
    wire = struct.pack(">HH", *words)
    value: float = struct.unpack(">f", bytes(wire[place] for place in _ORDER[order]))[0]
    return value


def words_of_float32(value: float, order: WordOrder) -> tuple[int, int]:
    """Return the two registers that carry `value`, rounded to single precision."""
    big = struct.pack(">f", value)
    high, low = struct.unpack(">HH", bytes(big[place] for place in _ORDER[order]))
    return high, low


def number(words: Sequence[int], order: WordOrder) -> float | None:
    """Return the number in two registers, or None where they hold none.

    NaN, infinity and all-ones (what a meter sends for "not available") are no numbers. Minus zero
    is zero.
    """
    value = float32(words, order)
    if not math.isfinite(value):
        return None
    return value + 0.0
