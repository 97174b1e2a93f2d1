"""A form as PDF: A4, as it is printed, signed and filed.

    pdf(document)      bytes; in the child process (`child.made`), because fpdf2 brings 40 MB with it

The PDF's own fonts are used, so no file of a font is needed; what they cannot write is drawn where the
machine can (`drawn`), else spelled (`letters`). Every page says the station, the period, its number and,
where it is so, SIMULATED; a table that goes on has its head on each page.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from fpdf import FPDF

from substation.reports import letters
from substation.reports.document import Cell, Document, Table
from substation.reports.drawn import Drawn, Pen
from substation.reports.pdf_table import LEADING, MM, PAD, Measure, Plan, plan, spans, wrapped

FONT = "helvetica"
MARGIN = 9.0
TOP = 22.0
"""Where the page's own begins, mm."""
BOTTOM = 13.0
SMALL_PT = 6.8
HEAD_PT = 8.5
TITLE_PT = 10.0
SIGN_HEIGHT = 17.0
ROWS_TOGETHER = 3
"""So many rows at least of a table longer than a page stand below its head at the foot of one."""
FIRST_SIGN, LAST_SIGN = 0xE000, 0xF8FF
"""Private signs of Unicode, each for one word that is drawn."""
SIGNS = re.compile("([\ue000-\uf8ff])")
_SHADE = 238
_LINE_GREY = 110
_THIN, _THICK = 0.12, 0.35


def pdf(document: Document) -> bytes:
    """Return the document as PDF; raises SubstationError for a table that no page holds."""
    return _Paper(document).made()


class _Sheet(FPDF):
    """A4 with what stands on every page."""

    def __init__(self, document: Document) -> None:
        super().__init__("landscape" if document.landscape else "portrait", "mm", "A4")
        self.core_fonts_encoding = letters.ENCODING
        self.spelled = False
        self._pen = Pen()
        self._places: dict[str, str] = {}
        self._pictures: dict[str, Drawn] = {}
        self._document = document
        self.set_margins(MARGIN, MARGIN)
        self.c_margin = 0
        self.set_auto_page_break(False)
        self.set_title(self.written(document.title))
        self.set_author(self.written(document.station))
        self.set_lang("en")
        self.set_creator("Smart Substation Monitoring System")

    def written(self, text: str) -> str:
        """Return the text in letters of the font, and remember when that is a spelling."""
        self.spelled = self.spelled or not letters.is_written(text)
        return letters.written(text)

    def inked(self, text: str) -> str:
        """Return the text in letters of the font, a sign for each word that is drawn (`piece`)."""
        if letters.is_written(text):
            return letters.written(text)
        return letters.written(text, self._place)

    def _place(self, word: str) -> str:
        if word not in self._places:
            drawn = self._pen.word(word)
            self._places[word] = chr(FIRST_SIGN + len(self._places)) if drawn and self._free else ""
            if drawn and self._places[word]:
                self._pictures[self._places[word]] = drawn
        self.spelled = self.spelled or not self._places[word]
        return self._places[word]

    @property
    def _free(self) -> bool:
        return len(self._places) < LAST_SIGN - FIRST_SIGN

    @property
    def drawn(self) -> list[str]:
        """The words that were drawn."""
        return [word for word, sign in self._places.items() if sign]

    def picture(self, sign: str) -> Drawn | None:
        """Return what is drawn where such a sign stands."""
        return self._pictures.get(sign)

    def length(self, text: str) -> float:
        """Return the width of a line in the font in force, mm."""
        size = self.font_size_pt * MM
        drawn = [one.width * size for sign in text if (one := self._pictures.get(sign))]
        return float(self.get_string_width(SIGNS.sub("", text) if drawn else text)) + sum(drawn)

    def line_of(self, x: float, y: float, width: float, text: str, align: str) -> None:
        """Write one line in the font in force; what is drawn stands on the line of its letters."""
        height = self.font_size_pt * MM * LEADING
        if not self._pictures or not SIGNS.search(text):
            self.set_xy(x, y)
            self.cell(width, height, text, align=align)
            return
        size = self.font_size_pt * MM
        x += {"R": 1.0, "C": 0.5}.get(align, 0.0) * (width - self.length(text))
        for piece in filter(None, SIGNS.split(text)):
            drawn = self._pictures.get(piece)
            if drawn is None:
                self.set_xy(x, y)
                self.cell(self.get_string_width(piece), height, piece)
            else:
                foot = y + 0.5 * height + 0.3 * size  # where `cell` stands its letters
                self.image(drawn.image, x, foot - drawn.above * size, h=drawn.height * size)
            x += self.length(piece)

    @property
    def usable(self) -> float:
        """The width between the margins."""
        return float(self.w - 2 * MARGIN)

    def header(self) -> None:
        """Write the head of a page."""
        document = self._document
        self._both(MARGIN, (document.station, 11, True), (document.period, 10, False))
        self._both(MARGIN + 5.5, (document.title, 12.5, True), (document.made_at, SMALL_PT, False))
        if document.simulated:
            self.set_font(FONT, "B", 11)
            self.set_draw_color(0)
            self.set_line_width(_THICK)
            width = self.get_string_width("SIMULATED") + 4
            self.set_xy((self.w - width) / 2, MARGIN - 4.5)
            self.cell(width, 5.2, "SIMULATED", border=1, align="C")

    def footer(self) -> None:
        """Write the foot of a page."""
        document = self._document
        simulated = "SIMULATED, " if document.simulated else ""
        left = f"{simulated}{document.station}, {document.title}, {document.period}"
        top = self.h - BOTTOM + 4
        self.set_draw_color(_LINE_GREY)
        self.set_line_width(_THIN)
        self.line(MARGIN, top - 1, self.w - MARGIN, top - 1)
        self._both(top, (left, SMALL_PT, False), (f"page {self.page_no()} of {{nb}}", SMALL_PT, False))

    def _both(self, top: float, left: tuple[str, float, bool], right: tuple[str, float, bool]) -> None:
        """Write a text at each margin, smaller where they would meet."""
        texts = [self.written(left[0]), self.written(right[0])]
        sizes = [left[1], right[1]]
        widths = []
        for text, size, bold in zip(texts, sizes, (left[2], right[2]), strict=True):
            self.set_font(FONT, "B" if bold else "", size)
            widths.append(self.get_string_width(text))
        smaller = min(1.0, (self.usable - 6) / (sum(widths) or 1.0))
        for text, size, bold, align in zip(texts, sizes, (left[2], right[2]), "LR", strict=True):
            self.set_font(FONT, "B" if bold else "", size * smaller)
            self.set_xy(MARGIN, top)
            self.cell(self.usable, size * MM * LEADING, text, align=align)


class _Paper:
    """One document on its way to paper."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._sheet = _Sheet(document)
        self._measure = _measure_of(self._sheet)
        self._y = 0.0

    def made(self) -> bytes:
        """Return the whole file."""
        document, sheet = self._document, self._sheet
        self._new_page()
        self._heads(document.heads)
        for table in document.tables:
            self._table(table)
        self._small(document.facts)
        if sheet.drawn:
            self._small([letters.DRAWN + ", ".join(map(letters.written, sheet.drawn))])
        if sheet.spelled:
            self._small([letters.NOTE])
        self._signatures(document.signatures)
        return bytes(sheet.output())

    # -- parts ------------------------------------------------------------------------------------

    def _heads(self, heads: Sequence[tuple[str, str]]) -> None:
        columns = 3 if self._document.landscape else 2
        width = self._sheet.usable / columns
        height = HEAD_PT * MM * LEADING
        for at in range(0, len(heads), columns):
            lines = []
            for pair in heads[at : at + columns]:
                name, text = map(self._sheet.inked, pair)
                label = self._measure(f"{name}  ", HEAD_PT, True)
                lines.append((name, label, self._wrap(text, max(20.0, width - label - 3), HEAD_PT, False)))
            tall = max(len(wrapped_lines) for _, _, wrapped_lines in lines) * height
            self._room(tall)
            for place, (name, label, texts) in enumerate(lines):
                x = MARGIN + place * width
                self._text(name, x, self._y, label, HEAD_PT, bold=True)
                for number, text in enumerate(texts):
                    self._text(text, x + label, self._y + number * height, width, HEAD_PT)
            self._y += tall + 0.6
        self._y += 1.5 if heads else 0.0

    def _table(self, table: Table) -> None:
        written = self._written_table(table)
        lies = plan(written, self._sheet.usable, self._measure)
        heads = self._head_heights(lies)
        tall = [self._height(row, written, lies, total=False) for row in written.rows]
        tall += [self._height(row, written, lies, total=True) for row in written.totals]
        title_height = TITLE_PT * MM * LEADING + 1.5
        if table.new_page and self._y > TOP:
            self._new_page()
        whole = title_height + sum(heads) + sum(tall)
        # a table that a page holds whole is not torn apart
        most = ROWS_TOGETHER if whole > self._floor - TOP else None
        self._room(title_height + sum(heads) + sum(tall[:most]))
        self._title(written.title, title_height)
        self._head(lies, heads)
        heights = iter(tall)
        for rows, total in ((written.rows, False), (written.totals, True)):
            for row in rows:
                height = next(heights)
                if self._y + height > self._floor:
                    self._new_page()
                    self._title(f"{written.title} (continued)" if written.title else "", title_height)
                    self._head(lies, heads)
                self._row(row, written, lies, height, total=total)
        self._y += 1.2
        self._small(written.notes)
        self._y += 3.0

    def _written_table(self, table: Table) -> Table:
        """Return the table in letters of the font, so that what is measured is what is written."""
        ink = self._sheet.inked

        def rows_of(rows: Sequence[Sequence[Cell]]) -> list[list[Cell]]:
            return [
                [
                    Cell(cell.value, cell.decimals, ink(cell.text), cell.why, cell.by_hand)
                    if cell.text
                    else cell
                    for cell in row
                ]
                for row in rows
            ]

        columns = [
            type(column)(
                ink(column.head), ink(column.group), ink(column.unit), column.is_number, column.width
            )
            for column in table.columns
        ]
        notes = list(map(ink, table.notes))
        return Table(ink(table.title), columns, rows_of(table.rows), rows_of(table.totals), notes)

    def _title(self, title: str, height: float) -> None:
        if title:
            self._text(title, MARGIN, self._y, self._sheet.usable, TITLE_PT, bold=True)
            self._y += height

    def _head_heights(self, lies: Plan) -> list[float]:
        heights = [0.0] * lies.head_rows
        for head in sorted(lies.heads, key=lambda one: one.rows):
            lines = self._wrap(head.text, lies.width(head.first, head.columns) - 2 * PAD, lies.pt, True)
            lacking = len(lines) * lies.line_height + 2 * PAD - sum(heights[head.row : head.row + head.rows])
            heights[head.row + head.rows - 1] += max(0.0, lacking)
        return heights

    def _head(self, lies: Plan, heights: Sequence[float]) -> None:
        for head in lies.heads:
            width = lies.width(head.first, head.columns)
            height = sum(heights[head.row : head.row + head.rows])
            top = self._y + sum(heights[: head.row])
            self._box(MARGIN + lies.width(0, head.first), top, width, height, shaded=True)
            lines = self._wrap(head.text, width - 2 * PAD, lies.pt, True)
            begin = top + (height - len(lines) * lies.line_height) / 2
            for number, line in enumerate(lines):
                x = MARGIN + lies.width(0, head.first) + PAD
                at = begin + number * lies.line_height
                self._text(line, x, at, width - 2 * PAD, lies.pt, bold=True, align="C")
        self._y += sum(heights)

    def _height(self, row: Sequence[Cell], table: Table, lies: Plan, *, total: bool) -> float:
        lines = [
            len(self._wrap(row[at].shown, lies.width(at, count) - 2 * PAD, lies.pt, total))
            for at, count in spans(row, table.columns, total=total)
            if at < len(row)
        ]
        return max(lines, default=1) * lies.line_height + PAD

    def _row(self, row: Sequence[Cell], table: Table, lies: Plan, height: float, *, total: bool) -> None:
        for at, count in spans(row, table.columns, total=total):
            width, x = lies.width(at, count), MARGIN + lies.width(0, at)
            self._box(x, self._y, width, height, shaded=False, thick=total)
            if at >= len(row):
                continue
            cell = row[at]
            align = "R" if table.columns[at].is_number and count == 1 else "L"
            for number, line in enumerate(self._wrap(cell.shown, width - 2 * PAD, lies.pt, total)):
                top = self._y + PAD / 2 + number * lies.line_height
                self._text(
                    line, x + PAD, top, width - 2 * PAD, lies.pt, bold=total, italic=cell.by_hand, align=align
                )
        self._y += height

    def _small(self, texts: Sequence[str]) -> None:
        height = SMALL_PT * MM * LEADING
        for text in texts:
            for line in self._wrap(self._sheet.inked(text), self._sheet.usable, SMALL_PT, False):
                self._room(height)
                self._text(line, MARGIN, self._y, self._sheet.usable, SMALL_PT)
                self._y += height

    def _signatures(self, names: Sequence[str]) -> None:
        if not names:
            return
        self._room(SIGN_HEIGHT)
        width = self._sheet.usable / len(names)
        for place, name in enumerate(names):
            x, top = MARGIN + place * width, self._y + SIGN_HEIGHT - 5
            self._sheet.set_draw_color(0)
            self._sheet.set_line_width(_THIN)
            self._sheet.line(x, top, x + width - 6, top)
            self._text(self._sheet.inked(name), x, top + 0.6, width - 6, SMALL_PT)
        self._y += SIGN_HEIGHT

    # -- ink --------------------------------------------------------------------------------------

    @property
    def _floor(self) -> float:
        return float(self._sheet.h - BOTTOM)

    def _room(self, height: float) -> None:
        """Begin a page where so much does not fit on this one."""
        if self._y + height > self._floor and self._y > TOP:
            self._new_page()

    def _new_page(self) -> None:
        self._sheet.add_page()
        self._y = TOP

    def _wrap(self, text: str, width: float, pt: float, bold: bool) -> list[str]:
        return wrapped(text, width + 0.01, pt, bold, self._measure)

    def _box(
        self, x: float, y: float, width: float, height: float, *, shaded: bool, thick: bool = False
    ) -> None:
        self._sheet.set_draw_color(_LINE_GREY)
        self._sheet.set_fill_color(_SHADE)
        self._sheet.set_line_width(_THICK if thick else _THIN)
        self._sheet.rect(x, y, width, height, style="DF" if shaded else "D")

    def _text(
        self,
        text: str,
        x: float,
        y: float,
        width: float,
        pt: float,
        *,
        bold: bool = False,
        italic: bool = False,
        align: str = "L",
    ) -> None:
        """Write one line; `text` is in letters of the font already."""
        if not text:
            return
        sheet = self._sheet
        sheet.set_font(FONT, ("B" if bold else "") + ("I" if italic else ""), pt)
        sheet.line_of(x, y, width, text, align)


def _measure_of(sheet: _Sheet) -> Measure:
    @lru_cache(maxsize=8192)
    def of_one_point(text: str, bold: bool) -> float:
        sheet.set_font(FONT, "B" if bold else "", 10)
        return sheet.length(text) / 10

    return lambda text, pt, bold: of_one_point(text, bold) * pt
