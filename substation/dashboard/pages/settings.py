"""Settings: what the screens call things, what is normal, what hangs where. For engineers."""

from typing import Any

import dash
from dash import html
from flask import g, has_request_context

from substation.dashboard import settings_view
from substation.dashboard.feed import current
from substation.dashboard.settings_desk import OUTCOMES
from substation.settings.model import User


def layout(said: str = "", **_: Any) -> html.Div:
    """Return the page; `said` names what became of the form that was posted before."""
    user = g.get("user") if has_request_context() else None
    outcome = OUTCOMES.of(said, user.name) if isinstance(user, User) else None
    feed = current()
    return settings_view.content(feed.settings, feed.board(), outcome)


dash.register_page(__name__, path="/settings", name="Settings", order=7, layout=layout, needs="engineer")
