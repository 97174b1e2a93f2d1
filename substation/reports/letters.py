"""Texts for a font that has few letters: what it lacks is written in Latin letters, in square brackets.

The PDF's own fonts hold the letters of Windows-1252: enough for numbers, units and English. A meter may have
a name in another script. Such a name must neither stop a report nor vanish from it, and a row of boxes is no
name: so it is spelled, letter by letter, and the report says so. Where the machine can draw it, `drawn`
does that instead.

Letters of Indian scripts are spelled by what Unicode calls them, which is the same for all of them.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from itertools import groupby

ENCODING = "windows-1252"
DRAWN = "Drawn names, spelled in Latin letters: "
NOTE = "In square brackets: names in letters that this PDF cannot write, spelled in Latin letters"
_SAME = str.maketrans(
    {
        "\N{MINUS SIGN}": "-",
        "\N{NON-BREAKING HYPHEN}": "-",
        "\N{HYPHEN}": "-",
        "\N{THIN SPACE}": " ",
        "\N{NARROW NO-BREAK SPACE}": " ",
        "\N{NO-BREAK SPACE}": " ",
        "\N{FIGURE SPACE}": " ",
        "\N{LESS-THAN OR EQUAL TO}": "<=",
        "\N{GREATER-THAN OR EQUAL TO}": ">=",
        "\N{RIGHTWARDS ARROW}": "->",
        "\N{SQUARE ROOT}": "sqrt ",
        "\N{GREEK SMALL LETTER PHI}": "phi",
        "\N{GREEK CAPITAL LETTER OMEGA}": "ohm",
        "\N{GREEK SMALL LETTER MU}": "\N{MICRO SIGN}",
        "\N{ZERO WIDTH JOINER}": "",
        "\N{ZERO WIDTH NON-JOINER}": "",
        "\N{ZERO WIDTH SPACE}": "",
    }
)
"""What says the same in letters that the font has."""
_LETTER = re.compile(r"[A-Z]+ (LETTER|VOWEL SIGN|SIGN|DIGIT) ([A-Z ]+)")
_SIGNS = {"ANUSVARA": "m", "CANDRABINDU": "n", "VISARGA": "h", "NUKTA": "", "AVAGRAHA": "'"}
_LATIN = {
    "CA": "cha",
    "CHA": "chha",
    "TTA": "ta",
    "TTHA": "tha",
    "DDA": "da",
    "DDHA": "dha",
    "NNA": "na",
    "SSA": "sha",
    "NGA": "nga",
    "NYA": "nya",
    "CANDRA E": "e",
    "CANDRA O": "o",
    "VOCALIC R": "ri",
    "RRA": "ra",
    "LLA": "la",
}
_VOWELS = {"A", "AA", "I", "II", "U", "UU", "E", "EE", "AI", "O", "OO", "AU", "CANDRA E", "CANDRA O"}


def written(text: str, otherwise: Callable[[str], str] | None = None) -> str:
    """Return the text in letters of the encoding; the same text where it has them all.

    `otherwise` may put something else in the place of a word that lacks them; it returns nothing where not.
    """
    text = text.translate(_SAME)
    if _fits(text) and text.isprintable():
        return text
    pieces = []
    for fits, run in groupby(_blank_out(text), _fits):
        letters = "".join(run)
        if fits:
            pieces.append(letters)
        else:
            pieces.append((otherwise(letters) if otherwise else "") or f"[{_spelled(letters)}]")
    return "".join(pieces).replace("] [", " ")


def is_written(text: str) -> bool:
    """Return whether the font has all letters of the text, or says the same without them."""
    return _fits(text.translate(_SAME))


def _blank_out(text: str) -> str:
    return "".join(" " if ord(one) < 32 or one == "\x7f" else one for one in text)


@lru_cache(maxsize=4096)
def _fits(text: str) -> bool:
    try:
        text.encode(ENCODING)
    except UnicodeEncodeError:
        return False
    return True


def _spelled(letters: str) -> str:
    """Return letters of one word of another script in Latin ones."""
    spelled = ""
    for one in letters:
        name = unicodedata.name(one, "")
        found = _LETTER.match(name)
        plain = unicodedata.normalize("NFKD", one).encode("ascii", "ignore").decode()
        if plain:
            spelled += plain
        elif name.endswith("SIGN VIRAMA"):
            spelled = spelled.removesuffix("a")
        elif unicodedata.category(one) == "Nd":
            spelled += str(unicodedata.digit(one))
        elif found and found[1] == "VOWEL SIGN":
            spelled = spelled.removesuffix("a") + _latin(found[2])
        elif found and found[1] == "SIGN" and found[2] in _SIGNS:
            spelled += _SIGNS[found[2]]
        elif found and found[1] == "LETTER" and (found[2] in _VOWELS or found[2].endswith("A")):
            spelled += _latin(found[2])
        else:
            spelled += f"{' ' if spelled else ''}U+{ord(one):04X}"
    # the vowel that each consonant carries is silent at the end of a word
    return spelled[:-1] if len(spelled) > 3 and spelled[-1] == "a" and spelled[-2:] != "aa" else spelled


def _latin(name: str) -> str:
    return _LATIN.get(name, name.lower())
