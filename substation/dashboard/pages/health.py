"""Health: how near the wire's limit, which meter answers badly, and what to look at."""

from typing import Any

import dash
from dash import dcc, html
from flask import has_request_context

from substation.dashboard import asking, cards, desk, health, health_view, rights
from substation.dashboard.feed import current


def layout(**_: Any) -> html.Div:
    """Return the page."""
    settings, clock = current().settings, current().clock
    beat, now_ms = asking.beat(desk.current()), clock.now_ms()
    at_ms = (beat or {}).get("at_ms")
    age_s = (now_ms - at_ms) / 1000 if isinstance(at_ms, int) else None
    inside = has_request_context()
    may_ask, is_engineer = inside and rights.may("operator"), inside and rights.may("engineer")
    head: list[Any] = [
        html.H1("Health"),
        html.Span(health.summary(beat, now_ms, age_s), className="ss-muted", **{"data-h": "poller"}),
    ]
    if is_engineer:
        head.append(
            html.Div(
                dcc.Link("Commission the line", href="/commissioning", className="ss-btn"),
                className="ss-right",
            )
        )
    lines = health_view.lines(health.line_words(settings, beat or {}))
    return html.Div(
        [
            html.Div(head, className="ss-head"),
            html.P(id="health-said", className="ss-said", role="status", tabIndex=-1),
            *(lines or [_nothing()]),
            health_view.meters(health.meter_words(settings, beat or {}, now_ms), may_ask=may_ask),
            _problems(),
        ],
        className="ss-p-health",
        **{"data-health": "/api/health"},
    )


def _nothing() -> html.Section:
    words = "Nothing is known of the lines before the poller has reported."
    return html.Section(html.P([cards.icon("late"), html.Span(words)], className="ss-finding"))


def _problems() -> html.Section:
    found = current().board().problems
    said: Any = html.P("Nothing.", className="ss-muted")
    if found:
        said = html.Ul([html.Li(words) for words in found], className="ss-problems")
    heading = html.Div(
        [html.H2("What the station says of itself"), html.Small("poller, stores, clock")],
        className="ss-sec-h",
    )
    return html.Section([heading, said], className="ss-sec")


dash.register_page(__name__, path="/health", name="Health", order=5, layout=layout)
