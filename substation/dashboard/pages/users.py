"""Users: who may log in, with which role. For administrators."""

from typing import Any

import dash
from dash import html
from flask import g, has_request_context

from substation.dashboard import people_table, rights
from substation.dashboard.feed import current
from substation.dashboard.heard import told
from substation.dashboard.tongue import say
from substation.settings.model import User


def layout(**_: Any) -> html.Div:
    """Return the page."""
    user = g.get("user") if has_request_context() else None
    me = user.name if isinstance(user, User) else ""
    roles = [
        html.Div([html.Dt(rights.role_name(role)), html.Dd(told(words))])
        for role, words in people_table.ROLE_WORDS.items()
    ]
    return html.Div(
        [
            html.Div(
                [html.H1(say("Users")), html.Div(people_table.add_button(), className="ss-right")],
                className="ss-head",
            ),
            html.P(
                id="users-said", className="ss-said", role="status", tabIndex=-1, **{"aria-live": "polite"}
            ),
            html.Div(
                people_table.table(current().settings, me), id="users-table", className="ss-wrap", tabIndex=0
            ),
            html.Section(
                [
                    html.Div(
                        [html.H2(say("Roles")), html.Small(say("each may do what those before it may"))],
                        className="ss-sec-h",
                    ),
                    html.Dl(roles, className="ss-dl ss-roles"),
                ],
                className="ss-sec",
            ),
        ],
        className="ss-p-users",
    )


dash.register_page(__name__, path="/users", name="Users", order=7, layout=layout, needs="administrator")
