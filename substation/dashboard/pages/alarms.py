"""Alarms: all of the station and how they do; of one, why it was raised and the curve around it."""

from typing import Any

import dash
from dash import html

from substation.dashboard import alarm_all, alarm_why
from substation.dashboard.feed import current


def layout(of: str = "", at: str = "", **_: Any) -> html.Div:
    """Return the page: of all alarms, or of the one that its address names, perhaps at a time of the past."""
    feed = current()
    key = of.strip()[:120] if isinstance(of, str) else ""
    at_ms = int(at) if isinstance(at, str) and at.isdecimal() and len(at) < 16 else None
    inside = alarm_why.page(feed, key, at_ms) if key else alarm_all.page(feed)
    return html.Div(inside, className="ss-p-alarm")


dash.register_page(__name__, path="/alarms", name="Alarms", layout=layout)
