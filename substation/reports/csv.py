"""A form as CSV, as the export writes it: RFC 4180, UTF-8, CRLF; with the form's own digits and dashes.

Facts come first, a line each; then each table with its title, one row of heads, its rows, totals and notes;
an empty line between. A text that a spreadsheet would run is quoted, as in the export (CWE-1236).
"""

from collections.abc import Iterator, Sequence

from substation.export.table import text_cell
from substation.reports.document import Cell, Column, Document, Table

END = "\r\n"
MARK = "\ufeff"
"""By which Excel knows UTF-8: names, dashes and units hold more than ASCII."""


def csv(document: Document) -> bytes:
    """Return the document as CSV."""
    lines = [*_facts(document)]
    for table in document.tables:
        lines += ["", *_table(table)]
    if document.facts:
        lines += ["", *map(text_cell, document.facts)]
    return (MARK + END.join(lines) + END).encode("utf-8", "replace")


def head_of(column: Column) -> str:
    """Return a column's whole name on one line: `Line voltage RY, V`."""
    head = " ".join(filter(None, (column.group, column.head)))
    return f"{head}, {column.unit}" if column.unit and column.unit != head else head


def _facts(document: Document) -> Iterator[str]:
    yield _line([document.title])
    yield _line(["Station", document.station])
    yield _line(["Period", document.period])
    if document.simulated:
        yield _line(["SIMULATED", "yes"])
    for name, text in document.heads:
        yield _line([name, text])
    if document.made_at:
        yield _line([document.made_at])


def _table(table: Table) -> Iterator[str]:
    if table.title:
        yield _line([table.title])
    yield _line([head_of(column) for column in table.columns])
    for row in (*table.rows, *table.totals):
        yield ",".join(map(_cell, row))
    for note in table.notes:
        yield _line([note])


def _cell(cell: Cell) -> str:
    if cell.value is not None and not cell.text:
        return cell.digits
    return text_cell(cell.shown)


def _line(texts: Sequence[str]) -> str:
    return ",".join(map(text_cell, texts))
