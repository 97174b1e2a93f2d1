"""A form as it is on paper, drawn on the page: the same words and digits as in its PDF, in English as there.

Whoever reads with a screen reader is told so (`lang`), and hears at each dash why there is no figure.
"""

from collections.abc import Sequence
from typing import Any

from dash import html

from substation.reports.document import DASH, Cell, Column, Document, Table
from substation.reports.pdf_table import heads_of, spans


def paper(document: Document) -> html.Section:
    """Return the form."""
    simulated = [html.Span("SIMULATED", className="ss-simtag"), " "] if document.simulated else []
    heads = [html.Div([html.Dt(name), html.Dd(text)]) for name, text in document.heads]
    return html.Section(
        [
            html.Div(
                [
                    html.Div([html.B(document.station), html.Span(document.period)], className="ss-paper-h"),
                    html.Div([html.B(document.title), html.Span(simulated)], className="ss-paper-h"),
                ]
            ),
            html.Dl(heads, className="ss-stm-heads"),
            *(_table(table) for table in document.tables),
            html.Ul([html.Li(fact) for fact in document.facts], className="ss-stm-notes"),
            html.Div([html.Span(name) for name in document.signatures], className="ss-stm-signs"),
        ],
        className="ss-paper ss-stm-paper",
        lang="en",
    )


def _table(table: Table) -> html.Div:
    rows = [html.Tr(_row(row, table.columns, total=False)) for row in table.rows]
    totals = [html.Tr(_row(row, table.columns, total=True)) for row in table.totals]
    return html.Div(
        [
            html.Div(
                html.Table(
                    [
                        html.Caption(table.title),
                        html.Thead(_heads(table.columns)),
                        html.Tbody(rows),
                        *([html.Tfoot(totals)] if totals else []),
                    ],
                    className="ss-stm",
                ),
                className="ss-wrap",
                tabIndex=0,
                role="region",
                **{"aria-label": table.title},
            ),
            html.Ul([html.Li(note) for note in table.notes], className="ss-stm-notes"),
        ],
        className="ss-stm-part",
    )


def _heads(columns: Sequence[Column]) -> list[html.Tr]:
    heads = heads_of(columns)
    rows: list[list[Any]] = [[] for _ in range(max((head.row + head.rows for head in heads), default=1))]
    for head in heads:
        scope = "colgroup" if head.columns > 1 else "col"
        rows[head.row].append(html.Th(head.text, colSpan=head.columns, rowSpan=head.rows, scope=scope))
    return [html.Tr(row) for row in rows]


def _row(row: Sequence[Cell], columns: Sequence[Column], *, total: bool) -> list[Any]:
    cells: list[Any] = []
    for at, count in spans(row, columns, total=total):
        shown = _shown(row[at])
        if at == 0:
            cells.append(html.Th(shown, scope="row", colSpan=count))
        else:
            cells.append(html.Td(shown, colSpan=count, className="ss-n" if columns[at].is_number else ""))
    return cells


def _shown(cell: Cell) -> Any:
    if cell.shown != DASH or not cell.why:
        return cell.shown
    return [html.Span(DASH, title=cell.why), html.Span(f" {cell.why}", className="ss-sr")]
