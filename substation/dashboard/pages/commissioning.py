"""Commissioning: who is on the line, which model, what does it say, is it wired right? For engineers."""

import json
from typing import Any

import dash
from dash import html

from substation.dashboard import phases
from substation.dashboard.feed import current
from substation.dashboard.heard import told
from substation.dashboard.tongue import later, say
from substation.quantities import QUANTITIES

WORK: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    (
        "scan",
        later("Who is on the line?"),
        later("Asks each id. On RS-485 1-32 take less than 10 s, 1-247 less than a minute."),
        ("line", "ids"),
    ),
    (
        "identify",
        later("Which models are they?"),
        later("Tries the known register maps and lets physics decide; proposes a configuration."),
        ("line", "ids"),
    ),
    (
        "read",
        later("What does a meter say?"),
        later("All values of its model; or one register, as printed in the manual, in all four word orders."),
        ("meter", "register"),
    ),
    (
        "wiring",
        later("Is it wired right?"),
        later("Reversed CTs, swapped phases, blown fuses, wrong ratios: named with what to look at."),
        ("line", "meter"),
    ),
)
"""Kind, heading, what it does, what it asks for; `assets/commission.js` draws the fields."""


def layout(**_: Any) -> html.Div:
    """Return the page."""
    words = say("Polling of the line pauses meanwhile and goes on by itself. Meters are only read.")
    head = [html.H1(say("Commissioning")), html.Span(words, className="ss-muted")]
    labels = {row.key: (phases.label(row.key), row.unit) for row in QUANTITIES}
    marks = {"data-labels": json.dumps(labels)}
    if current().settings.simulated:
        marks["data-simulated"] = ""
    return html.Div(
        [
            html.Div(head, className="ss-head"),
            html.Div([_work(*work) for work in WORK], className="ss-works"),
            html.Section(id="commission-said", className="ss-sec", **{"aria-label": say("Result")}),
        ],
        className="ss-p-commissioning",
        **marks,
    )


def _work(kind: str, heading: str, words: str, asks: tuple[str, ...]) -> html.Section:
    settings = current().settings
    choices = {
        "line": [(line.name, line.name) for line in settings.lines],
        "meter": [(str(meter.id), f"{meter.id} {meter.name}") for meter in settings.meters],
    }
    marks = {f"data-{name}s": json.dumps(choices[name]) for name in asks if name in choices}
    marks |= {"data-work": kind, "data-heading": told(heading), "data-asks": " ".join(asks)}
    return html.Section(
        [
            html.H2(told(heading)),
            html.P(told(words), className="ss-muted"),
            html.Div(className="ss-work-f", **marks),
        ]
    )


dash.register_page(
    __name__, path="/commissioning", name="Commissioning", order=6, layout=layout, needs="engineer"
)
