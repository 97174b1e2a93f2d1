"""Who is logged in here, in which role, what he may do about it, and the way out."""

from collections.abc import Sequence

from dash import dcc, html
from flask import g, has_request_context

from substation.dashboard import cards, language, logout, rights
from substation.dashboard.tongue import say
from substation.settings.model import User

HERE = frozenset({"/account", "/users", "/audit", "/settings", "/patterns", "/wall", "/statement"})
"""Pages that are reached through this menu, and from no bar: a phone's has no room for them."""


def visitor() -> User | None:
    """Return who is logged in; None when a page is drawn outside a request."""
    user = g.get("user") if has_request_context() else None
    return user if isinstance(user, User) else None


def menu(links: Sequence[tuple[str, str, str]]) -> list[html.Details]:
    """Return the menu, or nothing where nobody is logged in.

    Args:
        links: name, address and sign of the pages to offer, as in `shell.pages`.
    """
    user = visitor()
    if user is None:
        return []
    who = html.Summary(
        [
            cards.icon("account"),
            html.Span(user.name, className="ss-who-name"),
            html.Small(rights.role_name(user.role)),
        ],
        className="ss-btn ss-quiet",
        title=f"{user.name}, {rights.role_name(user.role)}",
    )
    leave = html.Form(
        html.Button(say("Log out"), type="submit", className="ss-btn", disable_n_clicks=True),
        action=logout.LEAVE,
        method="post",
    )
    ways = [html.Li(dcc.Link(text, href=address)) for text, address, _ in links]
    return [
        html.Details(
            [who, html.Ul([*ways, html.Li(language.switch()), html.Li(leave)])], className="ss-menu ss-who"
        )
    ]
