"""Your login: who you are here, how long this login lasts, and a new password."""

from typing import Any

import dash
from dash import html
from flask import g, has_request_context

from substation.dashboard import account, people_table
from substation.dashboard.feed import current
from substation.dashboard.people_table import field, form
from substation.dashboard.tongue import say
from substation.settings import passwords
from substation.settings.model import Settings, User


def layout(**_: Any) -> html.Div:
    """Return the page."""
    settings = current().settings
    found = g.get("user") if has_request_context() else None
    user = found if isinstance(found, User) else None
    return html.Div(
        [
            html.Div(html.H1(say("Your login")), className="ss-head"),
            html.Dl(
                [html.Div([html.Dt(name), html.Dd(words)]) for name, words in facts(settings, user)],
                className="ss-dl ss-roles",
            ),
            html.Section(
                [
                    html.H2(say("Change your password")),
                    html.Div(className="ss-form-here", **{"data-form": password_form(user)}),
                ],
                className="ss-sec",
            ),
        ],
        className="ss-p-account",
    )


def facts(settings: Settings, user: User | None) -> list[tuple[str, str]]:
    """Return what is known of a login, in words."""
    if user is None:
        return [("Name", "nobody is logged in")]
    return [
        ("Name", user.name),
        ("Role", f"{user.role}: {people_table.ROLE_WORDS[user.role]}"),
        ("This login ends", ends(settings, user)),
    ]


def ends(settings: Settings, user: User) -> str:
    """Return when a login of this user ends by itself."""
    if user.role == "viewer":
        return "when you log out; a viewer has no time limit"
    web = settings.web
    hours = f"{web.session_hours} h after it began"
    if web.idle_minutes == 0:
        return f"{hours}, or when you log out"
    return f"{hours}, after {web.idle_minutes} min in which nobody touched it, or when you log out"


def password_form(user: User | None) -> str:
    """Return the form for a new password."""
    return form(
        account.PASSWORD,
        "Change the password",
        field("password", "old", "Present password", autocomplete="current-password"),
        field(
            "password",
            "new",
            "New password",
            passwords.RULES,
            autocomplete="new-password",
            refused=people_table.REFUSED,
        ),
        field("password", "", "New password once more", autocomplete="new-password", same_as="new"),
        who=user.name if user else "",
    )


dash.register_page(__name__, path="/account", name="Your login", order=8, layout=layout)
