"""Draws `/health`: lines, meters, what to look at, the stores and their copies.

Each cell has a name (`data-h`), each list a place (`data-h-list`): `assets/health.js` paints them anew.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from dash import dcc, html

from substation.dashboard import cards, health
from substation.dashboard.health import FACTS, LineWords, Report
from substation.dashboard.health_messages import MESSAGE_ROWS
from substation.dashboard.health_meters import COLUMNS, TEXTS, MeterWords
from substation.dashboard.health_store import COPY_ROWS, STORE_ROWS, Part
from substation.dashboard.heard import told
from substation.dashboard.tongue import say

Cells = Mapping[str, Any]
"""`health.plain` of the page."""


def banner(words: str) -> html.P:
    """Return the place for why nothing here is of now."""
    return html.P(
        [cards.icon("blind"), html.Span(words)], id="health-old", className=_shown(words), role="status"
    )


def _shown(words: str) -> str:
    return "ss-finding ss-h-old" if words else "ss-finding ss-h-old ss-none"


def lines(said: Report, cells: Cells) -> list[html.Section]:
    """Return one section a line."""
    return [_line(place, line, cells) for place, line in enumerate(said.lines)]


def _line(place: int, line: LineWords, cells: Cells) -> html.Section:
    name = line.name if line.kind in line.name else f"{line.kind} {line.name}"
    heading = html.Div([html.H2(name), html.Small(line.port)], className="ss-sec-h")
    facts = html.Dl(
        [
            html.Div([html.Dt(told(name)), _cell(f"l{place}f{n}", cells, html.Dd)])
            for n, name in enumerate(FACTS)
        ],
        className="ss-inline ss-inline-w",
    )
    notes = html.Div([_note(sign, words) for sign, words in line.notes], **_list(f"notes{place}"))
    return html.Section([heading, notes, _bar(place, line), facts], className="ss-sec")


def _note(sign: str, words: Any) -> html.Div:
    return html.Div([cards.icon(sign), html.Span(words)], className="ss-finding")


def _bar(place: int, line: LineWords) -> html.Div:
    share, limit = line.share or 0, line.limit or 0
    mark = html.Em(html.Span(line.limit_words), style={"left": f"{100 * limit:.1f}%"})
    return html.Div(
        html.Div([html.I(style={"width": f"{100 * share:.1f}%"}), mark], className="ss-linebar-t"),
        className="ss-linebar" if line.share is not None else "ss-linebar ss-none",
        **{"aria-hidden": "true", "data-h-bar": str(place)},
    )


def meters(said: Report, cells: Cells, *, may_ask: bool) -> html.Section:
    """Return the table of the meters and, below it, what to look at.

    `may_ask` says whether the person may ask the poller to probe a meter.
    """
    head = [html.Th(say("Meter"), scope="col")]
    head += [
        html.Th(told(name), scope="col", className="" if n < TEXTS else "ss-num")
        for n, name in enumerate(COLUMNS)
    ]
    if may_ask:
        head.append(html.Th(html.Span(say("Probe"), className="ss-sr"), scope="col"))
    rows = [_row(meter, cells, may_ask=may_ask) for meter in said.meters]
    return html.Section(
        [
            html.Div(
                [html.H2(say("Meters")), html.Small(say("counted since the poller's start"))],
                className="ss-sec-h",
            ),
            cards.wide(
                html.Table([html.Thead(html.Tr(head)), html.Tbody(rows)], className="ss-table ss-health"),
                say("Meters"),
            ),
            html.P(id="health-said", className="ss-said", role="status", tabIndex=-1),
            html.Div(findings(said.meters, running=said.running), **_list("findings")),
        ],
        className="ss-sec",
    )


def _row(meter: MeterWords, cells: Cells, *, may_ask: bool) -> html.Tr:
    name = [dcc.Link([html.B(str(meter.id)), " ", meter.name], href=f"/meter/{meter.id}")]
    name += [html.Small(f" {meter.where}", className="ss-muted")] if meter.where else []
    row: list[Any] = [html.Th(name, scope="row")]
    for place, label in enumerate(COLUMNS):
        looks = "" if place < TEXTS else "ss-num"
        wide = " ss-h-wide" if place < TEXTS or place == len(COLUMNS) - 1 else ""
        cell = _cell(f"m{meter.id}c{place}", cells, html.Span)
        row.append(html.Td(cell, className=f"{looks}{wide}".strip(), **{"data-label": told(label)}))
    if may_ask:
        probe = html.Button(
            say("Probe"),
            type="button",
            className="ss-btn",
            disable_n_clicks=True,
            title=say("Ask {meter} now and say what came of it", meter=meter.name),
            **{"data-probe": str(meter.id)},
        )
        row.append(html.Td(probe, className="ss-h-wide ss-num"))
    return html.Tr(row)


def findings(found: Sequence[MeterWords], *, running: bool = True) -> list[Any]:
    """Return what to look at, meter by meter; one sentence where there is nothing."""
    shown: list[Any] = [
        _note("warn", [html.B(f"{meter.id} {meter.name}"), ": ", words])
        for meter in found
        for words in meter.findings
    ]
    return shown or [html.P(health.unsaid(found, running=running), className="ss-muted")]


def stores(said: Report, cells: Cells) -> html.Div:
    """Return the history and its copies, side by side."""
    return html.Div(
        [
            _part("Store", say("history on the station's own medium"), STORE_ROWS, said.store, cells),
            _part("Copies", say("on the second medium"), COPY_ROWS, said.copies, cells),
        ],
        className="ss-two ss-h-stores",
    )


def _part(name: str, of: str, labels: Sequence[str], part: Part, cells: Cells) -> html.Section:
    letter = health.LETTERS[name]
    rows = [
        html.Div([html.Dt(told(label)), _cell(f"{letter}{place}", cells, html.Dd)])
        for place, label in enumerate(labels)
    ]
    notes = html.Div([_note(sign, words) for sign, words in part.notes], **_list(name.casefold()))
    heading = html.Div([html.H2(told(name)), html.Small(of)], className="ss-sec-h")
    return html.Section([heading, html.Dl(rows, className="ss-dl"), notes], className="ss-sec")


def messages(said: Report, cells: Cells, names: Sequence[str]) -> html.Section:
    """Return what is said of the messenger; `names` are those to whom this person may send a test message."""
    section = _part("Messages", say("alarms on their way to people"), MESSAGE_ROWS, said.messages, cells)
    if names:
        options = [html.Option(name, value=name) for name in names]
        test = html.Div(
            [
                html.Label(say("Send a test message to"), htmlFor="message-to"),
                html.Select(options, id="message-to", className="ss-select"),
                html.Button(
                    say("Send"),
                    type="button",
                    className="ss-btn",
                    disable_n_clicks=True,
                    **{"data-message-test": "message-to"},
                ),
                html.P(id="message-said", className="ss-said", role="status", tabIndex=-1),
            ],
            className="ss-h-test",
        )
        section.children = [*section.children, test]
    return section


def problems(found: Sequence[str]) -> html.Section:
    """Return what the station says of itself."""
    heading = html.Div(
        [html.H2(say("What else the station says of itself")), html.Small(say("poller, stores, clock"))],
        className="ss-sec-h",
    )
    said: list[Any] = [_note("warn", words) for words in found] or [
        html.P(say("Nothing."), className="ss-muted")
    ]
    return html.Section([heading, html.Div(said, **_list("problems"))], className="ss-sec")


def _cell(name: str, cells: Cells, tag: Any) -> Any:
    looks = "ss-hatched" if name in cells["old"] else "ss-warn" if name in cells["bad"] else ""
    return tag(
        health.filled(cells["cells"][name], cells["ages"].get(name)), className=looks, **{"data-h": name}
    )


def summary(cells: Cells) -> html.Span:
    """Return what is said of the poller beside the heading."""
    words = health.filled(cells["cells"]["poller"], cells["ages"]["poller"])
    return html.Span(words, className="ss-muted", **{"data-h": "poller"})


def _list(name: str) -> dict[str, str]:
    return {"data-h-list": name}
