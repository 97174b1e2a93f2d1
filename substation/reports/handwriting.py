"""What people may write by hand into the forms: letters of every script, and nothing that hides. Pure.

A control character has no place in a file, and one that turns the direction of writing lets a line read as
something else than it says. The joiners U+200C and U+200D are letters' own: Hindi needs them.
"""

import re
import unicodedata

_LINE_END = re.compile("\r\n|[\r\u2028\u2029]")
_BLANKS = str.maketrans(dict.fromkeys("\t\u00a0\u202f", " "))
_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""These set, or end, another direction of writing."""
_UNWRITABLE = frozenset({"Cc", "Cs"})
"""Control characters, and halves of a character, which no file can hold."""

_NUMBER = re.compile(r"[+-]?[0-9]{1,9}(\.[0-9]{0,6})?")
_SIGNS = {",": ".", "\u066b": ".", "\u2212": "-", "\u2013": "-"}


def readable(text: str) -> str:
    """Return what was typed without blanks around it; tabs and no-break spaces are blanks, line ends alike.

    Raises ValueError that says in words what it holds.
    """
    tidy = _LINE_END.sub("\n", text).translate(_BLANKS).strip()
    for one in tidy:
        if one in _TURNS:
            raise ValueError("holds a character that turns the direction of writing")
        if _hides(one):
            raise ValueError("holds a character that cannot be printed")
    return tidy


def number(text: str) -> str | None:
    """Return a number that was typed as it is kept, in ASCII digits with a point; None for what is none.

    Digits of every script, a comma as the decimal point, a typographic minus: one rule for every form. At
    most nine digits before the point, and six behind it.
    """
    plain = "".join(
        str(unicodedata.decimal(one)) if one.isdecimal() else _SIGNS.get(one, one) for one in text.strip()
    )
    if not _NUMBER.fullmatch(plain):
        return None
    return plain.removeprefix("+").removesuffix(".")


def marked(text: str) -> str:
    """Return a text with a mark, U+FFFD, for each character that `readable` refuses: to show it."""
    return "".join("\ufffd" if one in _TURNS or _hides(one) else one for one in text)


def _hides(one: str) -> bool:
    return one != "\n" and unicodedata.category(one) in _UNWRITABLE
