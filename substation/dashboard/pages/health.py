"""Health: how near the wire's limit, which meter answers badly, are the stores sound, what to look at."""

from typing import Any

import dash
from dash import dcc, html
from flask import has_request_context

from substation.dashboard import asking, cards, desk, health, health_view, rights
from substation.dashboard.tongue import say


def layout(**_: Any) -> html.Div:
    """Return the page."""
    said = asking.report(desk.current())
    cells = health.plain(said)
    inside = has_request_context()
    may_ask, is_engineer = inside and rights.may("operator"), inside and rights.may("engineer")
    names = [one.name for one in desk.current().watch.settings.messages.recipients]
    head: list[Any] = [html.H1(say("Health")), health_view.summary(cells)]
    if is_engineer:
        button = dcc.Link(say("Commission the line"), href="/commissioning", className="ss-btn")
        head.append(html.Div(button, className="ss-right"))
    return html.Div(
        [
            html.Div(head, className="ss-head"),
            health_view.banner(said.banner),
            *(health_view.lines(said, cells) or [_nothing()]),
            health_view.meters(said, cells, may_ask=may_ask),
            health_view.stores(said, cells),
            html.Div(
                [
                    health_view.messages(said, cells, names if is_engineer else ()),
                    health_view.problems(said.problems),
                ],
                className="ss-two ss-h-stores",
            ),
        ],
        className="ss-p-health",
        **{"data-health": "/api/health", "data-shape": health.shape(said)},
    )


def _nothing() -> html.Section:
    words = say("Nothing is known of the lines before the poller has reported.")
    return html.Section(html.P([cards.icon("late"), html.Span(words)], className="ss-finding"))


dash.register_page(__name__, path="/health", name="Health", order=5, layout=layout)
