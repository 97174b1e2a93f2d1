"""Every part in every state: how the look is reviewed."""

from typing import Any

import dash
from dash import html


def layout(**_: Any) -> html.Div:
    """Return the page."""
    return html.Div(html.Div(html.H1("Patterns"), className="ss-head"), className="ss-p-patterns")


dash.register_page(__name__, path="/patterns", name="Patterns", order=9, layout=layout)
