"""The rows as a workbook (XLSX) that Excel and LibreOffice Calc open, written while it is sent.

A workbook is a ZIP of XML. The well-known writers of it either keep every cell (9 kB a row) or put the rows
into a readable file on the card until they are packed. Here each row is written when it is read: constant
memory, no file. `sheet` has the cells; the digits are those of the CSV.

It is no secret by itself: the archive around it is sealed. (The library that writes Excel's own encryption
calls it experimental and needs the whole file in memory.)
"""

import datetime as dt
import stat
import zlib
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from stream_zip import ZIP_32, stream_zip

from substation.errors import AccessError
from substation.export import sheet
from substation.export.body import About
from substation.export.estimate import MOST_ROWS
from substation.export.sheet import Look
from substation.export.table import (
    Form,
    Tally,
    columns,
    due_in,
    quality_of,
    tally,
    word_of,
)
from substation.quantities import INSTANTS, QUANTITIES
from substation.store.cells import BETWEEN
from substation.store.pages import Facts, Pages, Row

LEVEL = 1
_TOGETHER = 250
"""Rows that are packed at once: a row is 3 kB of XML."""
_MODE = stat.S_IFREG | 0o600
_AT = dt.datetime(1980, 1, 1, tzinfo=dt.UTC)
"""The parts' own time says nothing: that of the export stands on the sheet About."""
_UTC = ZoneInfo("UTC")
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"


class Workbook:
    """Writes pages of `Pages.lines` as the rows of a sheet, and a sheet about them."""

    def __init__(self, form: Form, about: About) -> None:
        """Write rows of this form."""
        self._form, self._about = form, about
        self._names = [column.name for column in columns(form, "xlsx")]
        self._values = [sheet.WHOLE + q.decimals for q in QUANTITIES]
        instants = [q for q in QUANTITIES if q.key in INSTANTS]
        self._extremes = [sheet.WHOLE + q.decimals for q in instants for _ in range(2)]
        self._rows = 0
        self.tallies: dict[int, Tally] = {}

    def pieces(self, pages: Pages, facts: Facts | None) -> Iterator[tuple[bytes, int]]:
        """Yield the file in pieces, each with its number of rows."""
        parts = (
            ("[Content_Types].xml", iter([_content_types()])),
            ("_rels/.rels", iter([_relations([("officeDocument", "xl/workbook.xml")])])),
            ("xl/workbook.xml", iter([_workbook(self._form.simulated)])),
            ("xl/_rels/workbook.xml.rels", iter([_relations(_PARTS)])),
            ("xl/styles.xml", iter([_styles()])),
            ("xl/worksheets/sheet1.xml", self._readings(pages, facts)),
            ("xl/worksheets/sheet2.xml", self._about_sheet()),
        )
        members = ((name, _AT, _MODE, ZIP_32, content) for name, content in parts)
        told = 0
        for chunk in stream_zip(members, get_compressobj=_deflate, extended_timestamps=False):
            yield chunk, self._rows - told
            told = self._rows

    def _readings(self, pages: Pages, facts: Facts | None) -> Iterator[bytes]:
        looks = [Look(sheet.PLAIN, 24 if name in ("DateTime", "UTC") else 16) for name in self._names]
        head = [sheet.text_cell(name, sheet.BOLD) for name in self._names]
        yield (sheet.begin(looks, frozen=True) + sheet.row(1, head)).encode("ascii")
        for page in pages.lines(facts) if facts is not None else ():
            if self._rows + len(page) > MOST_ROWS:
                raise AccessError(f"there are more than {MOST_ROWS} rows, which this form does not hold")
            for at in range(0, len(page), _TOGETHER):
                rows = page[at : at + _TOGETHER]
                yield "".join([self._row(one) for one in rows]).encode("utf-8", "replace")
        yield sheet.END.encode("ascii")

    def _row(self, row: Row) -> str:
        key, code, third, fourth, texts = row
        form, at_ms, meter_id = self._form, key >> 8, key & 0xFF
        self._rows += 1
        values, _, extremes = texts.partition(BETWEEN)
        if form.period_s is None:
            found, more = int(code == 0), [sheet.text_cell(quality_of(code, third, fourth))]
        else:
            found, due = fourth, due_in(at_ms, form)
            more = [
                sheet.text_cell(word_of(code)),
                sheet.number_cell(str(found), sheet.WHOLE),
                sheet.number_cell("" if due is None else str(due), sheet.WHOLE),
            ]
        tally(self.tallies, meter_id, at_ms).add(at_ms, found)
        cells = [
            sheet.number_cell(sheet.serial(at_ms // 1000 * 1000, form.zone), sheet.SECONDS),
            sheet.number_cell(str(meter_id), sheet.WHOLE),
            *map(sheet.number_cell, values.split(","), self._values),
            sheet.number_cell(sheet.serial(at_ms, _UTC), sheet.MILLISECONDS),
            sheet.text_cell(form.names.get(meter_id, "")),
            *more,
            sheet.text_cell("yes" if form.simulated else "no"),
        ]
        if extremes:
            cells += map(sheet.number_cell, extremes.split(","), self._extremes)
        return sheet.row(self._rows + 1, cells)

    def _about_sheet(self) -> Iterator[bytes]:
        yield sheet.begin([Look(sheet.TEXT, 30)] * 2 + [Look(sheet.TEXT, 18)] * 10, frozen=False).encode()
        for number, cells in enumerate(_told(self._about()), start=1):
            yield sheet.row(number, cells).encode("utf-8", "replace")
        yield sheet.END.encode("ascii")


def _told(what: dict[str, object]) -> Iterator[list[str]]:
    """Yield rows of cells: a line a fact, a table a list."""
    for name, value in what.items():
        if isinstance(value, dict):
            yield [sheet.text_cell(name, sheet.BOLD)]
            yield from ([sheet.text_cell(str(one)), _cell(more)] for one, more in value.items())
        elif isinstance(value, list):
            yield [sheet.text_cell(name, sheet.BOLD)]
            yield [sheet.text_cell(str(head), sheet.BOLD) for head in (value[0] if value else ())]
            yield from ([_cell(cell) for cell in one.values()] for one in value)
        else:
            yield [sheet.text_cell(name, sheet.BOLD), _cell(value)]


def _cell(value: object) -> str:
    if isinstance(value, int | float):
        return sheet.number_cell(repr(value), sheet.PLAIN)
    return sheet.text_cell("" if value is None else str(value))


def _deflate() -> "zlib._Compress":
    return zlib.compressobj(level=LEVEL, wbits=-zlib.MAX_WBITS)


_PARTS = [
    ("worksheet", "worksheets/sheet1.xml"),
    ("worksheet", "worksheets/sheet2.xml"),
    ("styles", "styles.xml"),
]


def _relations(targets: list[tuple[str, str]]) -> bytes:
    each = "".join(
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, start=1)
    )
    return f'{sheet.HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{each}</Relationships>'.encode()


def _content_types() -> bytes:
    overrides = "".join(
        f'<Override PartName="/xl/{part}" ContentType="{_TYPE}.{kind}+xml"/>'
        for part, kind in (("workbook.xml", "sheet.main"), *((part, kind) for kind, part in _PARTS))
    )
    return (
        f'{sheet.HEAD}<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
        f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" '
        f'ContentType="application/xml"/>{overrides}</Types>'
    ).encode()


def _workbook(simulated: bool) -> bytes:
    first = "Readings SIMULATED" if simulated else "Readings"
    sheets = "".join(
        f'<sheet name="{name}" sheetId="{number}" r:id="rId{number}"/>'
        for number, name in enumerate((first, "About"), start=1)
    )
    return (
        f'{sheet.HEAD}<workbook xmlns="{sheet.MAIN}" xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets></workbook>'
    ).encode()


def _styles() -> bytes:
    own = [(164 + number, form) for number, form in enumerate(sheet.FORMATS)]
    formats = "".join(f'<numFmt numFmtId="{number}" formatCode="{form}"/>' for number, form in own)
    styles = "".join(
        f'<xf numFmtId="{number}" fontId="{int(style == sheet.BOLD)}" fillId="0" borderId="0" xfId="0" '
        f'applyNumberFormat="1"{_QUOTED if style in (sheet.TEXT, sheet.BOLD) else ""}/>'
        for style, (number, _) in enumerate(own)
    )
    font = '<sz val="11"/><name val="Calibri"/>'
    return (
        f'{sheet.HEAD}<styleSheet xmlns="{sheet.MAIN}"><numFmts count="{len(own)}">{formats}</numFmts>'
        f'<fonts count="2"><font>{font}</font><font><b/>{font}</font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        f'<cellXfs count="{len(own)}">{styles}</cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    ).encode()


_QUOTED = ' quotePrefix="1"'
