"""Words to numbers and back: the encodings and word orders in which meters lay values over registers.

A, B, C, D are the bytes from the most significant to the least. Each register travels most
significant byte first (Modbus Application Protocol V1.1b3, clause 4.2); how a meter lays a longer
value over several registers is its maker's choice. Elmeasure's is CDAB: the low word first. In 64 bits
the names mean the same: words forward (ABCD) or backward (CDAB), with the bytes of each word swapped
(BADC, DCBA).

Two turns make all four orders: write each word high or low byte first, then read the bytes as a
big-endian or a little-endian number. Low byte first and little-endian is CDAB.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

WordOrder = Literal["ABCD", "CDAB", "BADC", "DCBA"]
Encoding = Literal["float32", "float64", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
Coding = Literal["plain", "four_quadrant"]
"""`four_quadrant`: Schneider's power factor, x > 1 means 2 - x (leading), x < -1 means -2 - x."""

ORDERS: tuple[WordOrder, ...] = ("ABCD", "CDAB", "BADC", "DCBA")
_SIDES: dict[WordOrder, tuple[str, str]] = {
    "ABCD": (">", ">"),
    "CDAB": ("<", "<"),
    "BADC": ("<", ">"),
    "DCBA": (">", "<"),
}
"""How each word is written into bytes, and how the bytes are read (signs of `struct`)."""
_FORMS: dict[Encoding, tuple[int, str]] = {
    "float32": (2, "f"),
    "float64": (4, "d"),
    "int16": (1, "h"),
    "uint16": (1, "H"),
    "int32": (2, "i"),
    "uint32": (2, "I"),
    "int64": (4, "q"),
    "uint64": (4, "Q"),
}
"""Registers, and the letter of `struct`."""
_ALL_ONES = 0xFFFF


def words_in(encoding: Encoding) -> int:
    """Return how many registers a value takes: 1, 2 or 4."""
    return _FORMS[encoding][0]


def bounds(encoding: Encoding) -> tuple[float, float]:
    """Return between which raw values, exclusive, a register holds a number.

    Beyond are "not available" and "overflow": in floats NaN and infinity, in unsigned integers
    all-ones, in signed ones the most negative and the most positive.
    """
    count, letter = _FORMS[encoding]
    bits = 16 * count
    if letter in "fd":
        return -math.inf, math.inf
    return (-1, 2**bits - 1) if letter.isupper() else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def number(
    words: Sequence[int],
    order: WordOrder,
    encoding: Encoding = "float32",
    scale: float = 1.0,
    coding: Coding = "plain",
) -> float | None:
    """Return the value in these registers (0..65535 each), or None where they hold none (`bounds`).

    Minus zero is zero. Raises struct.error for another number of words than the encoding has.
    """
    row = Row("", 0, encoding, order, scale, coding)
    return Layout(words_in(encoding), (row,)).read(words)[""]


@dataclass(frozen=True, slots=True)
class Row:
    """One value among the words of an answer."""

    key: str
    offset: int
    """Words before it."""
    encoding: Encoding
    word_order: WordOrder
    scale: float = 1.0
    coding: Coding = "plain"


class Layout:
    """How the values stand in one block's answer, made ready once: reading 38 of them takes about 20 us."""

    def __init__(self, count: int, rows: Sequence[Row]) -> None:
        """Make ready to read `rows`, which must not overlap, from `count` words."""
        self._keys = tuple(row.key for row in rows)
        groups: dict[tuple[str, str], list[Row]] = {}
        for row in rows:
            groups.setdefault(_SIDES[row.word_order], []).append(row)
        self._parts = tuple(
            (f"{written}{count}H", _form(read, count, part), tuple(_finish(row) for row in part))
            for (written, read), part in (
                (sides, sorted(some, key=lambda row: row.offset)) for sides, some in groups.items()
            )
        )

    def read(self, words: Sequence[int]) -> dict[str, float | None]:
        """Return the values, by key in the order of the rows; None = the meter sent no number.

        When each of several values is all-ones, nothing was there to answer: all are None, also in
        signed integers, where all-ones alone would be -1. Raises struct.error for a wrong count of words.
        """
        found: dict[str, float | None] = dict.fromkeys(self._keys)
        if len(found) > 1 and words[0] == _ALL_ONES and set(words) == {_ALL_ONES}:
            return found
        for written, form, finishes in self._parts:
            raws = struct.unpack(form, struct.pack(written, *words))
            for (key, low, high, times, over, coded), raw in zip(finishes, raws, strict=True):
                if low < raw < high:
                    value = raw * times / over + 0.0
                    if coded and not -1 <= value <= 1:
                        value = math.copysign(2, value) - value
                    found[key] = value
        return found


def _form(read: str, count: int, rows: Sequence[Row]) -> str:
    """Return the form of `struct` that takes these values out of all the bytes and skips the rest."""
    form, at = read, 0
    for row in rows:
        length, letter = _FORMS[row.encoding]
        form += f"{2 * (row.offset - at)}x{letter}"
        at = row.offset + length
    return f"{form}{2 * (count - at)}x"


def _finish(row: Row) -> tuple[str, float, float, float, float, bool]:
    """Return how a raw value becomes one; 0.1 divides by 10: 2301 is 230.1, not 230.10000000000002."""
    over = round(1 / row.scale) if row.scale < 1 else 1
    times, over = (1.0, over) if over and abs(over * row.scale - 1) < 1e-12 else (row.scale, 1)
    return (row.key, *bounds(row.encoding), times, over, row.coding == "four_quadrant")


def words_of(
    value: float,
    order: WordOrder,
    encoding: Encoding = "float32",
    scale: float = 1.0,
    coding: Coding = "plain",
    *,
    leading: bool = False,
) -> tuple[int, ...]:
    """Return the registers that carry `value`, rounded to what the encoding can hold.

    `leading` says how `four_quadrant` writes a power factor of a leading load: x as 2 - x, -x as
    -2 + x. Raises struct.error or OverflowError for a value beyond the encoding's range.
    """
    letter = _FORMS[encoding][1]
    if coding == "four_quadrant" and leading:
        value = math.copysign(2, value) - value
    raw: float = value if scale == 1 else value / scale
    return _words(raw if letter in "fd" else round(raw), order, encoding)


def no_number(order: WordOrder, encoding: Encoding = "float32") -> tuple[int, ...]:
    """Return the registers that say "not available": quiet NaN, all-ones, or the most negative."""
    low, high = bounds(encoding)
    if math.isinf(high):
        return _words(math.nan, order, encoding)
    return _words(int(low) if low < -1 else int(high), order, encoding)


def _words(raw: float, order: WordOrder, encoding: Encoding) -> tuple[int, ...]:
    count, letter = _FORMS[encoding]
    written, read = _SIDES[order]
    return struct.unpack(f"{written}{count}H", struct.pack(read + letter, raw))


def float32(words: Sequence[int], order: WordOrder) -> float:
    """Return the float in two registers (0..65535 each); NaN and infinity come back as they are."""
    written, read = _SIDES[order]
    value: float = struct.unpack(f"{read}f", struct.pack(f"{written}HH", *words))[0]
    return value


def words_of_float32(value: float, order: WordOrder) -> tuple[int, int]:
    """Return the two registers that carry `value`, rounded to single precision."""
    high, low = words_of(value, order)
    return high, low
