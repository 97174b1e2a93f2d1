"""Draws `/health`: lines, meters, what to look at. Every cell has a name, so that it can be painted anew."""

from collections.abc import Mapping, Sequence
from typing import Any

from dash import dcc, html

from substation.dashboard import cards
from substation.dashboard.health import COLUMNS, LineWords, MeterWords


def lines(found: Sequence[LineWords]) -> list[html.Section]:
    """Return one section a line."""
    return [_line(place, line) for place, line in enumerate(found)]


def _line(place: int, line: LineWords) -> html.Section:
    heading = html.Div([html.H2(line.name), html.Small(f"{line.kind} {line.port}")], className="ss-sec-h")
    facts = html.Dl(
        [
            html.Div([html.Dt(name), html.Dd(words, **_cell(f"l{place}f{n}"))])
            for n, (name, words) in enumerate(line.facts)
        ],
        className="ss-inline ss-inline-w",
    )
    parts: list[Any] = [heading]
    if line.detail:
        sign = "alarm" if line.is_down else "late"
        parts.append(html.P([cards.icon(sign), html.Span(line.detail)], className="ss-finding"))
    if line.share is not None:
        parts.append(_bar(line))
    return html.Section([*parts, facts], className="ss-sec")


def _bar(line: LineWords) -> html.Div:
    marks: list[Any] = [html.I(style={"width": f"{100 * (line.share or 0):.1f}%"})]
    if line.limit is not None:
        marks.append(html.Em(html.Span("wire's limit"), style={"left": f"{100 * line.limit:.1f}%"}))
    words = f"One round takes {100 * (line.share or 0):.0f} % of its time"
    return html.Div(
        html.Div(marks, className="ss-linebar-t"),
        className="ss-linebar",
        role="img",
        **{"aria-label": words},
    )


def meters(found: Sequence[MeterWords], *, may_ask: bool) -> html.Section:
    """Return the table of the meters and, below it, what to look at.

    `may_ask` says whether the person may ask the poller to probe a meter.
    """
    head = html.Tr(
        [
            html.Th("Meter", scope="col"),
            html.Th(COLUMNS[0], scope="col"),
            *(html.Th(name, scope="col", className="ss-num") for name in COLUMNS[1:]),
        ]
    )
    rows = [_row(meter) for meter in found]
    return html.Section(
        [
            html.Div([html.H2("Meters"), html.Small("since the poller's start")], className="ss-sec-h"),
            html.Div(
                html.Table([html.Thead(head), html.Tbody(rows)], className="ss-table ss-health"),
                className="ss-wrap",
                tabIndex=0,
            ),
            html.Div(findings(found, may_ask=may_ask), id="health-findings"),
        ],
        className="ss-sec",
    )


def _row(meter: MeterWords) -> html.Tr:
    cells: list[Any] = []
    for place, words in enumerate(meter.cells):
        base = "" if place == 0 else "ss-num"
        label = {"data-label": COLUMNS[place]}
        cells.append(html.Td(words, className=base, **_cell(f"m{meter.id}c{place}"), **label))
    name = dcc.Link([html.B(str(meter.id)), " ", meter.name], href=f"/meter/{meter.id}")
    return html.Tr([html.Th(name, scope="row"), *cells])


def findings(found: Sequence[MeterWords], *, may_ask: bool) -> list[Any]:
    """Return what to look at, meter by meter; one sentence where there is nothing."""
    shown: list[Any] = []
    for meter in found:
        for place, words in enumerate(meter.findings):
            ask: list[Any] = []
            if place == 0 and may_ask:
                ask = [
                    html.Button(
                        "Probe now",
                        type="button",
                        className="ss-btn",
                        disable_n_clicks=True,
                        **{"data-probe": str(meter.id)},
                    )
                ]
            sentence = html.Span([html.B(f"{meter.id} {meter.name}"), ": ", words])
            shown.append(html.Div([cards.icon("warn"), sentence, *ask], className="ss-finding"))
    return shown or [html.P("Nothing to look at: every meter answers as it should.", className="ss-muted")]


def _cell(name: str) -> Mapping[str, str]:
    return {"data-h": name}
