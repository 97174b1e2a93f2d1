"""Commissioning: who is on the line, which model, what does it say, is it wired right? For engineers."""

from typing import Any

import dash
from dash import html

from substation.dashboard.feed import current

WORK: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    (
        "scan",
        "Who is on the line?",
        "Asks each id once. 1 to 32 take less than 10 s, 1 to 247 less than a minute.",
        ("line", "ids"),
    ),
    (
        "identify",
        "Which models are they?",
        "Tries the known register maps and lets physics decide; proposes a configuration.",
        ("line", "ids"),
    ),
    (
        "read",
        "What does a meter say?",
        "All values of its model; or one register, as printed in the manual, in all four word orders.",
        ("meter", "register"),
    ),
    (
        "wiring",
        "Is it wired right?",
        "Reversed CTs, swapped phases, blown fuses, wrong ratios: named with what to look at.",
        ("line", "meter"),
    ),
)
"""Kind, heading, what it does, what it asks for; `assets/commission.js` draws the fields."""


def layout(**_: Any) -> html.Div:
    """Return the page."""
    return html.Div(
        [
            html.Div(
                [
                    html.H1("Commissioning"),
                    html.Span(
                        "Polling of the line pauses meanwhile and goes on by itself. Meters are only read.",
                        className="ss-muted",
                    ),
                ],
                className="ss-head",
            ),
            html.Div([_work(*work) for work in WORK], className="ss-works"),
            html.Section(
                id="commission-said", className="ss-sec", **{"aria-live": "polite", "aria-label": "Result"}
            ),
        ],
        className="ss-p-commissioning",
    )


def _work(kind: str, heading: str, words: str, asks: tuple[str, ...]) -> html.Section:
    settings = current().settings
    choices = {
        "line": [line.name for line in settings.lines],
        "meter": [f"{meter.id} {meter.name}" for meter in settings.meters],
    }
    marks = {f"data-{name}s": "|".join(choices[name]) for name in asks if name in choices}
    form = html.Div(className="ss-work-f", **{"data-work": kind, "data-asks": " ".join(asks), **marks})
    return html.Section([html.H2(heading), html.P(words, className="ss-muted"), form])


dash.register_page(
    __name__, path="/commissioning", name="Commissioning", order=6, layout=layout, needs="engineer"
)
