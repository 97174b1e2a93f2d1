"""A sheet of a workbook as XML, row by row.

Texts are inline strings: never formulas, whatever they begin with; their style keeps it so when a person
edits the cell (`quotePrefix`). Times are days since 1899-12-30, as spreadsheets count them.
"""

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

from substation.clock import site_time

HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
FORMATS = ("General", "@", "@", "yyyy-mm-dd hh:mm:ss", "yyyy-mm-dd hh:mm:ss.000", "0", "0.0", "0.00", "0.000")
"""Number formats by style."""
PLAIN, TEXT, BOLD, SECONDS, MILLISECONDS, WHOLE = range(6)
"""Styles; `WHOLE + n` shows n digits after the point."""
END = "</sheetData></worksheet>"
_EPOCH = dt.datetime(1899, 12, 30)
_DAY = dt.timedelta(days=1)
_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_NEEDY = re.compile("[&<>\x00-\x08\x0b-\x1f\ufffe\uffff\\t\\n]|_(?=x[0-9A-Fa-f]{4}_)")


@dataclass(frozen=True, slots=True)
class Look:
    """How a column is shown."""

    style: int
    width: int


def begin(columns: Sequence[Look], *, frozen: bool) -> str:
    """Return the XML before the first row; with `frozen` the first row stays in sight."""
    pane = '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>' if frozen else ""
    widths = "".join(
        f'<col min="{place}" max="{place}" width="{look.width}" customWidth="1"/>'
        for place, look in enumerate(columns, start=1)
    )
    return (
        f'{HEAD}<worksheet xmlns="{MAIN}"><sheetViews><sheetView workbookViewId="0">{pane}</sheetView>'
        f"</sheetViews><cols>{widths}</cols><sheetData>"
    )


def row(number: int, cells: Iterable[str]) -> str:
    """Return a row of such cells; an empty one is left out."""
    filled = [f'<c r="{letters(place)}{number}"{cell}' for place, cell in enumerate(cells) if cell]
    return f'<row r="{number}">{"".join(filled)}</row>'


def number_cell(digits: str, style: int) -> str:
    """Return a cell of a number, told in its digits."""
    return f' s="{style}"><v>{digits}</v></c>' if digits else ""


@lru_cache(maxsize=1024)
def text_cell(text: str, style: int = TEXT) -> str:
    """Return a cell of a text."""
    if not text:
        return ""
    return f' s="{style}" t="inlineStr"><is><t xml:space="preserve">{_escaped(text)}</t></is></c>'


@lru_cache(maxsize=64)
def serial(at_ms: int, zone: ZoneInfo) -> str:
    """Return a time of the zone's clock as spreadsheets count it, exact to the ms."""
    return repr((site_time(at_ms, zone).replace(tzinfo=None) - _EPOCH) / _DAY)


@lru_cache(maxsize=256)
def letters(place: int) -> str:
    """Return the name of a column, the first being 0: A, B ... Z, AA."""
    before, last = divmod(place, 26)
    return (letters(before - 1) if before else "") + chr(ord("A") + last)


def _escaped(text: str) -> str:
    """Return a text as XML carries it; what it cannot carry stands there as its number, as Excel reads it."""
    return _NEEDY.sub(lambda found: _ESCAPED.get(found[0]) or f"_x{ord(found[0]):04X}_", text)
