"""A form as a workbook (XLSX): a sheet a table, with heads that belong together merged, ready to print on A4.

Numbers are numbers, with the digits of the form; what stands beside one, such as the time of an extreme, is
part of its number format, so that the cell still adds up. Texts are never formulas (`export.sheet`). A dash
is a text and tells its reason.
"""

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from xml.sax import saxutils

from substation.export import sheet
from substation.export.sheet import HEAD, MAIN, Look, letters, number_cell, text_cell
from substation.reports.document import DASH, Cell, Document, Table
from substation.reports.pdf_table import heads_of, spans

_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_AT = (1980, 1, 1, 0, 0, 0)
"""The parts' own time says nothing: when it was made stands on each sheet."""
TITLE, LABEL, TEXT, BOLD, HEADS, NOTE, HAND = range(7)
"""Styles of texts; those of numbers follow."""
_TEXTS = (
    '<xf numFmtId="49" fontId="2" fillId="0" borderId="0" xfId="0" quotePrefix="1" applyNumberFormat="1"/>',
    '<xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" quotePrefix="1" applyNumberFormat="1"/>',
    '<xf numFmtId="49" fontId="0" fillId="0" borderId="1" xfId="0" quotePrefix="1" applyNumberFormat="1"'
    ' applyAlignment="1"><alignment vertical="top" wrapText="1"/></xf>',
    '<xf numFmtId="49" fontId="1" fillId="0" borderId="1" xfId="0" quotePrefix="1" applyNumberFormat="1"'
    ' applyAlignment="1"><alignment vertical="top" wrapText="1"/></xf>',
    '<xf numFmtId="49" fontId="1" fillId="2" borderId="1" xfId="0" quotePrefix="1" applyNumberFormat="1"'
    ' applyAlignment="1"><alignment horizontal="center" vertical="center" wrapText="1"/></xf>',
    '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" quotePrefix="1" applyNumberFormat="1"/>',
    '<xf numFmtId="49" fontId="3" fillId="0" borderId="1" xfId="0" quotePrefix="1" applyNumberFormat="1"'
    ' applyAlignment="1"><alignment vertical="top" wrapText="1"/></xf>',
)
_PLAIN, _BOLD, _ITALIC = 0, 1, 3
"""Fonts."""
_NOT_IN_XML = re.compile("[\x00-\x1f\ud800-\udfff\ufffe\uffff]")
_NO_NAME = re.compile(r"[\[\]:*?/\\\x00-\x1f']")


def xlsx(document: Document) -> bytes:
    """Return the document as a workbook."""
    styles = _Styles()
    names = _sheet_names(document)
    sheets = [_Sheet(document, table, styles) for table in document.tables]
    pages = [(f"xl/worksheets/sheet{at}.xml", one.xml()) for at, one in enumerate(sheets, start=1)]
    parts = [
        ("[Content_Types].xml", _content_types(len(sheets))),
        ("_rels/.rels", _relations([("officeDocument", "xl/workbook.xml")])),
        ("xl/workbook.xml", _workbook(names, [one.head_rows for one in sheets])),
        (
            "xl/_rels/workbook.xml.rels",
            _relations(
                [("worksheet", f"worksheets/sheet{at}.xml") for at in range(1, len(sheets) + 1)]
                + [("styles", "styles.xml")]
            ),
        ),
        ("xl/styles.xml", styles.xml()),
        *pages,
    ]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts:
            archive.writestr(
                zipfile.ZipInfo(name, _AT), content.encode("utf-8", "replace"), zipfile.ZIP_DEFLATED
            )
    return file.getvalue()


class _Styles:
    """The number formats that are used, each once."""

    def __init__(self) -> None:
        self._formats: dict[str, int] = {}
        self._styles: dict[tuple[int, int], int] = {}

    def of(self, cell: Cell, *, total: bool) -> int:
        """Return the style of a number's cell."""
        form = "0." + "0" * cell.decimals if cell.decimals else "0"
        if cell.text:
            form += '" ' + cell.text.replace('"', "'")[:180] + '"'
        number = self._formats.setdefault(form, 164 + len(self._formats))
        font = _BOLD if total else _ITALIC if cell.by_hand else _PLAIN
        return self._styles.setdefault((number, font), len(_TEXTS) + len(self._styles))

    def xml(self) -> str:
        """Return the part `styles.xml`."""
        formats = "".join(
            f'<numFmt numFmtId="{number}" formatCode="{_escaped(form)}"/>'
            for form, number in self._formats.items()
        )
        numbers = "".join(
            f'<xf numFmtId="{number}" fontId="{font}" fillId="0" borderId="1" xfId="0" applyNumberFormat="1" '
            'applyAlignment="1"><alignment vertical="top"/></xf>'
            for number, font in self._styles
        )
        font = '<sz val="{size}"/><name val="Calibri"/>'
        fonts = (
            f"<font>{font.format(size=10)}</font><font><b/>{font.format(size=10)}</font>"
            f"<font><b/>{font.format(size=14)}</font><font><i/>{font.format(size=10)}</font>"
        )
        side = "".join(
            f'<{name} style="thin"><color rgb="FF8A9299"/></{name}>'
            for name in ("left", "right", "top", "bottom")
        )
        count = len(_TEXTS) + len(self._styles)
        return (
            f'{HEAD}<styleSheet xmlns="{MAIN}">'
            + (f'<numFmts count="{len(self._formats)}">{formats}</numFmts>' if formats else "")
            + f'<fonts count="4">{fonts}</fonts>'
            '<fills count="3"><fill><patternFill patternType="none"/></fill>'
            '<fill><patternFill patternType="gray125"/></fill>'
            '<fill><patternFill patternType="solid"><fgColor rgb="FFEEEEEE"/></patternFill></fill></fills>'
            '<borders count="2"><border><left/><right/><top/><bottom/><diagonal/></border>'
            f"<border>{side}<diagonal/></border></borders>"
            '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
            f'<cellXfs count="{count}">{"".join(_TEXTS)}{numbers}</cellXfs>'
            '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
            "</styleSheet>"
        )


class _Sheet:
    """One table with the facts above it."""

    def __init__(self, document: Document, table: Table, styles: _Styles) -> None:
        self._document, self._table, self._styles = document, table, styles
        self._merged: list[str] = []
        self._rows: list[str] = []
        self.head_rows = (1, 1)
        """First and last row of the table's head."""
        self._fill()

    def xml(self) -> str:
        """Return the sheet."""
        document, first_row = self._document, self.head_rows[1] + 1
        widths = [
            Look(0, max(9, round(9 * column.width), *(len(word) + 2 for word in column.head.split() or [""])))
            for column in self._table.columns
        ]
        # the pane stays below the table's head, so that a long table keeps it in sight
        begin = sheet.begin(widths, frozen=False).replace(
            '<sheetView workbookViewId="0"></sheetView>',
            f'<sheetView workbookViewId="0"><pane ySplit="{first_row - 1}" topLeftCell="A{first_row}" '
            'activePane="bottomLeft" state="frozen"/></sheetView>',
        )
        begin = begin.replace(
            "<sheetViews>", '<sheetPr><pageSetUpPr fitToPage="1"/></sheetPr><sheetViews>', 1
        )
        merged = "".join(f'<mergeCell ref="{ref}"/>' for ref in self._merged)
        foot = _escaped(_foot(document))
        return (
            begin
            + "".join(self._rows)
            + "</sheetData>"
            + (f'<mergeCells count="{len(self._merged)}">{merged}</mergeCells>' if merged else "")
            + '<pageMargins left="0.4" right="0.4" top="0.5" bottom="0.6" header="0.3" footer="0.3"/>'
            f'<pageSetup paperSize="9" orientation="{"landscape" if document.landscape else "portrait"}" '
            'fitToWidth="1" fitToHeight="0"/>'
            f"<headerFooter><oddFooter>{foot}</oddFooter></headerFooter></worksheet>"
        )

    def _fill(self) -> None:
        document, table = self._document, self._table
        title = ("SIMULATED: " if document.simulated else "") + document.title
        self._line([text_cell(title, TITLE)])
        for name, text in (
            ("Station", document.station),
            ("Period", document.period),
            *document.heads,
            *((("Made", document.made_at),) if document.made_at else ()),
        ):
            self._line([text_cell(name, LABEL), text_cell(text, NOTE)])
        self._line([])
        if table.title:
            self._line([text_cell(table.title, LABEL)])
        self._heads()
        for rows, total in ((table.rows, False), (table.totals, True)):
            for row in rows:
                self._row(row, total=total)
        for note in (*table.notes, *document.facts):
            self._line([text_cell(note, NOTE)])
        if document.signatures:
            self._line([])
            self._line([text_cell(f"{name}: ____________", NOTE) for name in document.signatures])

    def _heads(self) -> None:
        heads = heads_of(self._table.columns)
        rows = max((head.row + head.rows for head in heads), default=1)
        first = len(self._rows) + 1
        empty = f' s="{HEADS}"/>'
        grid = [[empty] * len(self._table.columns) for _ in range(rows)]
        for head in heads:
            grid[head.row][head.first] = text_cell(head.text, HEADS) or empty
            if head.columns > 1 or head.rows > 1:
                self._merge(head.first, first + head.row, head.columns, head.rows)
        for cells in grid:
            self._line(cells)
        self.head_rows = (first, first + rows - 1)

    def _row(self, row: Sequence[Cell], *, total: bool) -> None:
        for at, count in spans(row, self._table.columns, total=total):
            if count > 1:
                self._merge(at, len(self._rows) + 1, count, 1)
        self._line([self._cell(cell, total=total) for cell in row])

    def _cell(self, cell: Cell, *, total: bool) -> str:
        if cell.value is not None:
            return number_cell(cell.digits, self._styles.of(cell, total=total))
        shown = f"{DASH} {cell.why}" if cell.shown == DASH and cell.why else cell.shown
        style = BOLD if total else HAND if cell.by_hand else TEXT
        return text_cell(shown, style) or f' s="{style}"/>'

    def _line(self, cells: Sequence[str]) -> None:
        self._rows.append(sheet.row(len(self._rows) + 1, cells))

    def _merge(self, column: int, row: int, columns: int, rows: int) -> None:
        last = f"{letters(column + columns - 1)}{row + rows - 1}"
        self._merged.append(f"{letters(column)}{row}:{last}")


def _escaped(text: str) -> str:
    """Return a text as an attribute of XML carries it; what XML cannot carry is a blank."""
    return saxutils.escape(_NOT_IN_XML.sub(" ", text), {'"': "&quot;"})


def _foot(document: Document) -> str:
    simulated = "SIMULATED, " if document.simulated else ""
    left = f"{simulated}{document.station}, {document.title}, {document.period}".replace("&", "&&")
    return f"&L{left[:200]}&Rpage &P of &N"


def _sheet_names(document: Document) -> list[str]:
    names: list[str] = []
    for number, table in enumerate(document.tables, start=1):
        plain = _NO_NAME.sub(" ", table.title or document.title).strip() or "Sheet"
        end = " SIMULATED" if document.simulated else ""
        name = plain[: 31 - len(end)].strip() + end
        if name.lower() in (other.lower() for other in names):
            name = plain[: 27 - len(end)].strip() + f" {number}" + end
        names.append(name)
    return names


def _relations(targets: list[tuple[str, str]]) -> str:
    each = "".join(
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, start=1)
    )
    return f'{HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{each}</Relationships>'


def _content_types(sheets: int) -> str:
    parts = [("workbook.xml", "sheet.main"), ("styles.xml", "styles")]
    parts += [(f"worksheets/sheet{at}.xml", "worksheet") for at in range(1, sheets + 1)]
    overrides = "".join(
        f'<Override PartName="/xl/{part}" ContentType="{_TYPE}.{kind}+xml"/>' for part, kind in parts
    )
    return (
        f'{HEAD}<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
        f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" '
        f'ContentType="application/xml"/>{overrides}</Types>'
    )


def _workbook(names: Sequence[str], heads: Sequence[tuple[int, int]]) -> str:
    sheets = "".join(
        f'<sheet name="{_escaped(name)}" sheetId="{number}" r:id="rId{number}"/>'
        for number, name in enumerate(names, start=1)
    )
    repeated = "".join(_repeated(names, heads))
    return (
        f'{HEAD}<workbook xmlns="{MAIN}" xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets>'
        f"<definedNames>{repeated}</definedNames></workbook>"
    )


def _repeated(names: Sequence[str], heads: Sequence[tuple[int, int]]) -> Iterator[str]:
    """Yield which rows a printer repeats on each page."""
    for place, (name, (first, last)) in enumerate(zip(names, heads, strict=True)):
        yield (
            f'<definedName name="_xlnm.Print_Titles" localSheetId="{place}">'
            f"'{_escaped(name)}'!${first}:${last}</definedName>"
        )
