"""A table of a form on paper: how wide its columns are, which words go on which line. Pure.

Lengths are mm, sizes of type are points. A number is never broken and never cut: where a table is too wide
for its page the type becomes smaller, and below `LEAST_PT` the table is refused in words.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from substation.errors import SubstationError
from substation.reports.document import Cell, Column, Table

Measure = Callable[[str, float, bool], float]
"""The width of a text of one line, by its size, pt, and whether it is bold."""
BODY_PT = 8.0
LEAST_PT = 4.5
PAD = 0.9
"""Beside each text, mm."""
LEADING = 1.22
MM = 25.4 / 72
WORD_MOST = 0.35
"""A text's column asks for no more than this share of the width at first."""


@dataclass(frozen=True, slots=True)
class Head:
    """One cell of the table's head."""

    text: str
    first: int
    """Of its columns."""
    columns: int
    row: int
    rows: int


@dataclass(frozen=True, slots=True)
class Plan:
    """How a table lies on its page."""

    pt: float
    widths: Sequence[float]
    heads: Sequence[Head]
    head_rows: int

    @property
    def line_height(self) -> float:
        """Of one line of text, mm."""
        return self.pt * MM * LEADING

    def width(self, first: int, columns: int = 1) -> float:
        """Return the width of so many columns."""
        return sum(self.widths[first : first + columns])


def plan(table: Table, width: float, measure: Measure) -> Plan:
    """Return how the table lies in such a width.

    Raises:
        SubstationError: it has more columns than paper of this width holds.
    """
    heads = heads_of(table.columns)
    pt = BODY_PT
    while True:
        least = _least(table, heads, width, pt, measure)
        if sum(least) <= width:
            break
        if pt <= LEAST_PT:
            raise SubstationError(
                f"the table '{table.title}' has {len(table.columns)} columns, more than a page of "
                f"{width:.0f} mm holds; leave some out, or take A4 landscape"
            )
        pt = max(LEAST_PT, min(pt - 0.25, pt * width / sum(least)))
    widths = _shared(least, [column.width for column in table.columns], width)
    return Plan(pt, widths, heads, max((head.row + head.rows for head in heads), default=1))


def heads_of(columns: Sequence[Column]) -> list[Head]:
    """Return the cells of the head: in two rows where columns belong together, else in one."""
    rows = 2 if any(column.group for column in columns) else 1
    found: list[Head] = []
    at = 0
    while at < len(columns):
        column, count = columns[at], 1
        if not column.group:
            found.append(Head(_named(column.head, column.unit), at, 1, 0, rows))
        else:
            while at + count < len(columns) and columns[at + count].group == column.group:
                count += 1
            members = columns[at : at + count]
            units = {member.unit for member in members}
            one = units.pop() if len(units) == 1 else ""
            found.append(Head(_named(column.group, one), at, count, 0, 1))
            for place, member in enumerate(members, start=at):
                found.append(Head(_named(member.head, "" if one else member.unit), place, 1, 1, 1))
        at += count
    return found


def _named(head: str, unit: str) -> str:
    return f"{head}, {unit}" if unit and head and unit != head else head or unit


def spans(row: Sequence[Cell], columns: Sequence[Column], *, total: bool) -> list[tuple[int, int]]:
    """Return the cells of a row with the number of columns over which each goes.

    A text in a row of totals goes on over empty cells beside it.
    """
    found: list[tuple[int, int]] = []
    at = 0
    while at < len(columns):
        count = 1
        if total and at < len(row) and row[at].value is None and row[at].text:
            while at + count < len(row) and not row[at + count].shown:
                count += 1
        found.append((at, count))
        at += count
    return found


def wrapped(text: str, width: float, pt: float, bold: bool, measure: Measure) -> list[str]:
    """Return the text's lines in such a width; a word that is longer than a line is broken."""
    if "\n" not in text and measure(text, pt, bold) <= width:
        return [text]
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            tried = f"{line} {word}" if line else word
            if measure(tried, pt, bold) <= width:
                line = tried
                continue
            if line:
                lines.append(line)
            line = word
            while measure(line, pt, bold) > width and len(line) > 1:
                fits = next(
                    (n for n in range(len(line) - 1, 1, -1) if measure(line[:n], pt, bold) <= width), 1
                )
                lines.append(line[:fits])
                line = line[fits:]
        lines.append(line)
    return lines


def _least(table: Table, heads: Sequence[Head], width: float, pt: float, measure: Measure) -> list[float]:
    least = [0.0] * len(table.columns)
    most_word = width * WORD_MOST

    def ask(place: int, text: str, whole: bool, bold: bool) -> None:
        parts = [text] if whole else text.split()
        wanted = max((measure(part, pt, bold) for part in parts), default=0.0)
        least[place] = max(least[place], (wanted if whole else min(wanted, most_word)) + 2 * PAD)

    for rows, bold in ((table.rows, False), (table.totals, True)):
        for row in rows:
            for place, count in spans(row, table.columns, total=bold):
                if count == 1 and place < len(row):
                    ask(place, row[place].shown, row[place].value is not None, bold)
    for head in heads:
        if head.columns == 1:
            ask(head.first, head.text, False, True)
    for head in heads:
        if head.columns > 1:
            wanted = max(measure(word, pt, True) for word in head.text.split() or [""]) + 2 * PAD
            lacking = wanted - sum(least[head.first : head.first + head.columns])
            for place in range(head.first, head.first + head.columns):
                least[place] += max(0.0, lacking) / head.columns
    return least


def _shared(least: Sequence[float], shares: Sequence[float], width: float) -> list[float]:
    """Return widths in the proportion of the shares, none below its least, together the whole width."""
    fixed: set[int] = set()
    while True:
        free = [place for place in range(len(least)) if place not in fixed]
        left = width - sum(least[place] for place in fixed)
        whole = sum(shares[place] for place in free) or 1.0
        short = [place for place in free if left * shares[place] / whole < least[place]]
        if not short:
            break
        fixed.update(short)
    return [least[place] if place in fixed else left * shares[place] / whole for place in range(len(least))]
