"""The page for an address that leads nowhere: it says so, and where the values are."""

from typing import Any

import dash
from dash import dcc, html

from substation.dashboard.feed import current
from substation.dashboard.tongue import later, say


def layout(wanted: str = "", **_: Any) -> html.Div:
    """Return the page.

    Args:
        wanted: what was asked for, at the head of the sentence; this page when empty.
    """
    title = say("{what} does not exist", what=wanted) if wanted else say("This page does not exist")
    links = [html.Li(dcc.Link(say("Home"), href="/"))]
    for meter in current().settings.meters:
        links.append(html.Li(dcc.Link(f"{meter.id} {meter.name}", href=f"/meter/{meter.id}")))
    return html.Div(
        [
            html.Div(
                [html.H1(f"404 \u2014 {title}"), html.Span(className="ss-grow")],
                className="ss-head",
            ),
            html.P(say("Nothing is wrong with the station. The address is not one of this dashboard:")),
            html.Ul(links, className="ss-ways"),
        ],
        className="ss-p-404",
    )


def page(**_: Any) -> html.Div:
    """Return the page for any address; a query has no say in its words."""
    return layout()


dash.register_page(__name__, name=later("Not found"), layout=page)
