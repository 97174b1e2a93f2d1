"""Words in letters that the PDF's own fonts lack, drawn as small pictures with a font of this machine.

Indian and Arabic letters change their shape and place beside each other. Pillow, which comes with the library
that writes PDF, shapes them where the machine has what it needs (`raqm`, `fribidi`) and a font that holds
them. Where it has not, nothing is drawn, and the word is spelled (`letters`). A word drawn without shaping
would be wrong, so that is never done.
"""

import unicodedata
from dataclasses import dataclass
from pathlib import Path

from fontTools.ttLib import TTFont, TTLibError
from PIL import Image, ImageDraw, ImageFont, features

FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
SIZE = 96
"""Pixels to the size of the type."""
MOST_FONTS = 400
"""So many files are looked at."""
MOST_IN_VAIN = 2
"""After so many words of a script for which no font was found, none is looked for any more."""
_NO_GLYPH = frozenset("\u200b\u200c\u200d")


@dataclass(frozen=True, slots=True)
class Drawn:
    """One word as a picture. Lengths are parts of the size of the type."""

    image: Image.Image
    width: float
    above: float
    """From the line on which letters stand to the picture's upper edge."""

    @property
    def height(self) -> float:
        """Of the picture."""
        return self.image.height / SIZE


class Pen:
    """Draws words, each once."""

    def __init__(self, folders: tuple[Path, ...] = FOLDERS) -> None:
        """Look for fonts in these folders, when there is a word to draw."""
        self._folders = folders
        self._known: dict[str, Drawn | None] = {}
        self._fonts: list[tuple[frozenset[int], ImageFont.FreeTypeFont]] = []
        self._in_vain: list[str] = []
        self.able = features.check("raqm") and features.check("fribidi")

    def word(self, letters: str) -> Drawn | None:
        """Return a word as a picture; None where this machine cannot draw it right."""
        if not self.able:
            return None
        if letters not in self._known:
            font = self._font(letters)
            self._known[letters] = None if font is None else _picture(letters, font)
        return self._known[letters]

    def _font(self, letters: str) -> ImageFont.FreeTypeFont | None:
        wanted = {ord(one) for one in letters if one not in _NO_GLYPH}
        for holds, font in self._fonts:
            if wanted <= holds:
                return font
        script = unicodedata.name(letters[0], "").partition(" ")[0].lower()
        if self._in_vain.count(script) >= MOST_IN_VAIN:
            return None
        files = [path for folder in self._folders for path in folder.rglob("*.[ot]tf")]
        # a font named after the script first: one that merely holds its letters may not know how they join
        files.sort(
            key=lambda path: (script not in path.name.lower(), "regular" not in path.name.lower(), path)
        )
        for path in files[:MOST_FONTS]:
            try:
                with path.open("rb") as file, TTFont(file, lazy=True) as font:
                    holds = frozenset(font.getBestCmap() or ())
                if wanted <= holds:
                    found = ImageFont.truetype(str(path), SIZE, layout_engine=ImageFont.Layout.RAQM)
                    self._fonts.append((holds, found))
                    return found
            except (OSError, TTLibError, ValueError, KeyError):  # a file that is no font is none
                continue
        self._in_vain.append(script)
        return None


def _picture(letters: str, font: ImageFont.FreeTypeFont) -> Drawn:
    left, _, right, _ = font.getbbox(letters, anchor="ls")
    above, below = font.getmetrics()
    ink = Image.new("L", (max(1, round(right - left) + 2), above + below), 0)
    ImageDraw.Draw(ink).text((1 - left, above), letters, font=font, fill=255, anchor="ls")
    image = Image.new("RGBA", ink.size, (0, 0, 0, 0))  # nothing but ink: heads of tables are grey
    image.putalpha(ink)
    return Drawn(image, image.width / SIZE, above / SIZE)
