"""A text message as a modem takes it: SMS-SUBMIT, 3GPP TS 23.040 (9.2.2.2), alphabets of 3GPP TS 23.038.

GSM 7-bit where every character of the text is in its alphabet (160 a message, 153 in one of several), else
UCS2 (70, or 67), as for names in Hindi. A longer text becomes several that a telephone joins again.
"""

from dataclasses import dataclass

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = {"\f": 10, "^": 20, "{": 40, "}": 41, "\\": 47, "[": 60, "~": 61, "]": 62, "|": 64, "€": 101}
ESCAPE = 27
MOST_PARTS = 3
"""Longer texts are cut: who gets one looks at the screens anyway."""
CUT = " ..."
_VALID_A_DAY = 0xA7
"""TP-VP, relative: the network keeps it for 24 h while the telephone is off."""


@dataclass(frozen=True, slots=True)
class Pdu:
    """One SMS-SUBMIT."""

    text: str
    """In hexadecimal, with an empty service centre (the SIM's own) before it."""
    octets: int
    """Its length without the service centre, as AT+CMGS wants it."""


def submits(number: str, text: str, reference: int) -> list[Pdu]:
    """Return the messages for a text, at most `MOST_PARTS`; what is too long is cut at its end.

    Args:
        number: the telephone's, `+` before the country.
        text: what is said.
        reference: 0 to 255, the same in all parts of one text.
    """
    septets = _septets(text)
    if septets is not None:
        if len(septets) > MOST_PARTS * 153:
            septets = septets[: MOST_PARTS * 153 - len(CUT) - 1]
            septets = septets[:-1] if septets[-1] == ESCAPE else septets
            septets += _septets(CUT) or []
        parts = [septets] if len(septets) <= 160 else _septet_parts(septets)
        return [_submit(number, part, at, len(parts), reference) for at, part in enumerate(parts)]
    units = [text[at] for at in range(len(text))]
    pieces = _unit_parts(units)
    return [
        _submit(number, piece.encode("utf-16-be"), at, len(pieces), reference)
        for at, piece in enumerate(pieces)
    ]


def fits(text: str) -> bool:
    """Return whether a text goes out whole."""
    septets = _septets(text)
    if septets is not None:
        return len(septets) <= MOST_PARTS * 153 - MOST_PARTS  # an escape may leave a septet free in each part
    return _units(text) <= MOST_PARTS * 67 - MOST_PARTS


def _septets(text: str) -> list[int] | None:
    found = []
    for character in text:
        if character in EXTENSION:
            found += [ESCAPE, EXTENSION[character]]
        elif character != chr(ESCAPE) and character in BASIC:
            found.append(BASIC.index(character))
        else:
            return None
    return found


def _septet_parts(septets: list[int]) -> list[list[int]]:
    """Cut at 153, never between an escape and what it escapes."""
    parts = []
    while septets:
        size = min(153, len(septets))
        if size < len(septets) and septets[size - 1] == ESCAPE:
            size -= 1
        parts.append(septets[:size])
        septets = septets[size:]
    return parts[:MOST_PARTS]


def _unit_parts(characters: list[str]) -> list[str]:
    """Cut at 67 code units of UTF-16, never within a character; one of 70 stands alone."""
    whole = "".join(characters)
    if _units(whole) <= 70:
        return [whole]
    parts = [""]
    for character in characters:
        if _units(parts[-1] + character) > 67:
            parts.append("")
        parts[-1] += character
    if len(parts) > MOST_PARTS:
        parts = parts[:MOST_PARTS]
        while _units(parts[-1] + CUT) > 67:
            parts[-1] = parts[-1][:-1]
        parts[-1] += CUT
    return parts


def _units(text: str) -> int:
    return len(text.encode("utf-16-be")) // 2


def _submit(number: str, content: list[int] | bytes, at: int, of: int, reference: int) -> Pdu:
    head = bytes([5, 0, 3, reference & 0xFF, of, at + 1]) if of > 1 else b""
    if isinstance(content, bytes):
        data, length, scheme = head + content, len(head) + len(content), 0x08
    else:
        # the text begins on a septet: 6 octets of head are 7 septets less one bit
        filled = 7 if head else 0
        data, length, scheme = head + packed(content, 1 if head else 0), filled + len(content), 0x00
    first = 0x11 | (0x40 if head else 0)  # SMS-SUBMIT, relative validity, user data header
    digits = number.removeprefix("+")
    kind = 0x91 if number.startswith("+") else 0x81
    swapped = bytes(int(pair[::-1], 16) for pair in _pairs(digits))
    tpdu = bytes([first, 0, len(digits), kind]) + swapped + bytes([0, scheme, _VALID_A_DAY, length]) + data
    return Pdu("00" + tpdu.hex().upper(), len(tpdu))


def _pairs(digits: str) -> list[str]:
    whole = digits if len(digits) % 2 == 0 else f"{digits}F"
    return [whole[at : at + 2] for at in range(0, len(whole), 2)]


def packed(septets: list[int], fill: int = 0) -> bytes:
    """Return septets in octets, least significant bit first, behind `fill` empty bits."""
    bits = 0
    for at, septet in enumerate(septets):
        bits |= septet << (fill + 7 * at)
    return bits.to_bytes((fill + 7 * len(septets) + 7) // 8, "little")
