"""Your login: who you are here, how long this login lasts, and a new password."""

from typing import Any

import dash
from dash import html
from flask import g, has_request_context

from substation.dashboard import account, people_table, rights
from substation.dashboard.feed import current
from substation.dashboard.heard import told
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
        return [(say("Name"), say("nobody is logged in"))]
    return [
        (say("Name"), user.name),
        (say("Role"), f"{rights.role_name(user.role)}: {told(people_table.ROLE_WORDS[user.role])}"),
        (say("This login ends"), ends(settings, user)),
    ]


def ends(settings: Settings, user: User) -> str:
    """Return when a login of this user ends by itself."""
    if user.role == "viewer":
        return say("when you log out; a viewer has no time limit")
    web = settings.web
    if web.idle_minutes == 0:
        return say("{hours} h after it began, or when you log out", hours=web.session_hours)
    return say(
        "{hours} h after it began, after {minutes} min in which nobody touched it, or when you log out",
        hours=web.session_hours,
        minutes=web.idle_minutes,
    )


def password_form(user: User | None) -> str:
    """Return the form for a new password."""
    return form(
        account.PASSWORD,
        say("Change the password"),
        field("password", "old", say("Present password"), autocomplete="current-password"),
        field(
            "password",
            "new",
            say("New password"),
            told(passwords.RULES),
            autocomplete="new-password",
            refused=people_table.REFUSED,
        ),
        field("password", "", say("New password once more"), autocomplete="new-password", same_as="new"),
        who=user.name if user else "",
    )


dash.register_page(__name__, path="/account", name="Your login", order=8, layout=layout)
