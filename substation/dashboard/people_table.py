"""The table of users, with what an administrator may do to each.

Each button carries, as JSON, the dialog that `assets/account.js` opens: its words, its fields, and
where they are posted. The words are all here.
"""

import json
from typing import Any

from dash import dcc, html

from substation.access.users import ROLES
from substation.dashboard import cards, rights
from substation.dashboard.heard import told
from substation.dashboard.tongue import later, say
from substation.settings import passwords
from substation.settings.model import Settings, User, UserRole

USERS = "/api/users"
ACCOUNT = "/account"
ROLE_WORDS: dict[UserRole, str] = {
    "viewer": later("sees every page with readings; has no time limit, so it fits a screen on the wall"),
    "operator": later("as a viewer so far; for those who operate the station"),
    "engineer": later("may also export readings"),
    "administrator": later("may also see the audit log and change users"),
}
"""What each role may do, each also what those before it may."""
REFUSED = 422
"""With this status the station refuses a new password: the focus goes back to where it was typed."""
YOURSELF = later(
    "This is your own login: you end your own rights here, and only another administrator gives them back."
)
ONLY = later(
    "This is your own login, and no other administrator can log in here. The station refuses to be left "
    "without one: make another user administrator first."
)


def form(
    url: str,
    go: str,
    *fields: dict[str, Any],
    title: str = "",
    words: tuple[str, ...] = (),
    who: str = "",
    **send: str,
) -> str:
    """Return a form for `assets/account.js`, as JSON.

    Args:
        url: where it is posted.
        go: what the button says that posts it.
        fields: see `field`.
        title: of the dialog.
        words: paragraphs above the fields.
        who: whose password it is, for the browser's own store of passwords.
        send: posted along with the fields.
    """
    spec = {"url": url, "go": go, "fields": fields, "title": title, "words": words, "who": who, "send": send}
    return json.dumps(spec)


def field(kind: str, name: str, label: str, hint: str = "", **more: Any) -> dict[str, Any]:
    """Return a field of a form.

    Args:
        kind: `text`, `password`, `select`.
        name: under which it is posted; empty: it is only compared.
        label: above it.
        hint: said below the label before anything is typed.
        more: `autocomplete`; `options` (value, what it means) and `value` of a select; `same_as`: a field
            that must hold the same; `optional`; `most`, characters; `refused`, the status that refuses it.
    """
    return {"kind": kind, "name": name, "label": label, "hint": hint, **more}


def role_field(value: UserRole) -> dict[str, Any]:
    """Return the choice of a role."""
    options = [[role, told(ROLE_WORDS[role]), rights.role_name(role)] for role in ROLES]
    return field("select", "role", say("Role"), options=options, value=value)


def password_field() -> dict[str, Any]:
    """Return the field of a password that an administrator may also leave to the station."""
    return field(
        "password",
        "password",
        say("Password"),
        say(
            "Leave it empty to have one made, which is shown once. One of your own: {rules}",
            rules=told(passwords.RULES),
        ),
        autocomplete="new-password",
        optional=True,
        refused=REFUSED,
    )


def add_button() -> html.Button:
    """Return the button that adds a user."""
    name = field(
        "text",
        "name",
        say("Name"),
        say(
            "As it is typed at the login; no colon. Capital and small letters differ there, but two names "
            "may not differ in them alone."
        ),
        most=64,
    )
    add = say("Add a user")
    opens = form(USERS, say("Add the user"), name, role_field("viewer"), password_field(), title=add)
    return _button(add, opens, "ss-btn ss-main-btn")


def table(settings: Settings, me: str) -> html.Table:
    """Return the table of users.

    Args:
        settings: with the users.
        me: the name of who looks at it.
    """
    head = [html.Th(text, scope="col") for text in (say("Name"), say("Role"), say("Login"), say("Change"))]
    others = any(one.role == "administrator" and not one.disabled for one in settings.users if one.name != me)
    rows = [
        _row(user, None if user.name != me else told(YOURSELF if others else ONLY)) for user in settings.users
    ]
    return html.Table([html.Thead(html.Tr(head)), html.Tbody(rows)], className="ss-table ss-users")


def _row(user: User, own: str | None) -> html.Tr:
    """Return the row of a user; `own` is the warning to whoever is about to change himself."""
    name: list[Any] = [html.B(user.name)]
    if own:
        name.append(html.Span([" ", say("you")], className="ss-muted"))
    return html.Tr(
        [
            html.Th(name, scope="row"),
            html.Td(rights.role_name(user.role)),
            html.Td(_state(user)),
            html.Td(html.Div(_actions(user, own), className="ss-acts")),
        ],
        className="ss-off" if user.disabled else "",
    )


def _state(user: User) -> list[Any]:
    if user.disabled:
        return [cards.icon("blind"), " ", say("disabled")]
    if passwords.is_original(user.password_hash):
        return [
            say("enabled"),
            html.Span(
                [" ", say("password of the original system until the next login")], className="ss-muted"
            ),
        ]
    return [say("enabled")]


def _actions(user: User, own: str | None) -> list[Any]:
    name = user.name
    warned = (own,) if own else ()
    role = form(
        f"{USERS}/role",
        say("Give this role"),
        role_field(user.role),
        title=say("Role of {name}", name=name),
        words=warned,
        name=name,
    )
    password = form(
        f"{USERS}/password",
        say("Set the password"),
        password_field(),
        title=say("New password of {name}", name=name),
        words=(say("{name} is logged out everywhere and needs the new one from then on.", name=name),),
        name=name,
    )
    remove = form(
        f"{USERS}/remove",
        say("Remove {name}", name=name),
        title=say("Remove {name}?", name=name),
        words=_told(
            say("{name} is logged out everywhere. The audit log keeps what {name} did.", name=name), warned
        ),
        name=name,
    )
    return [
        _button(say("Role"), role, of=name),
        dcc.Link(say("Password"), href=ACCOUNT, className="ss-btn ss-quiet")
        if own
        else _button(say("Password"), password, of=name),
        _enable(name) if user.disabled else _disable(name, warned),
        _button(say("Remove"), remove, of=name),
    ]


def _told(comes: str, warned: tuple[str, ...]) -> tuple[str, ...]:
    """Return what is said before a change: not what comes of it, where it will be refused."""
    return warned if told(ONLY) in warned else (comes, *warned)


def _disable(name: str, warned: tuple[str, ...]) -> html.Button:
    words = say(
        "{name} is logged out everywhere and cannot log in until enabled again. The password stays.",
        name=name,
    )
    opens = form(
        f"{USERS}/disable",
        say("Disable {name}", name=name),
        title=say("Disable {name}?", name=name),
        words=_told(words, warned),
        name=name,
    )
    return _button(say("Disable"), opens, of=name)


def _enable(name: str) -> html.Button:
    words = (say("{name} may log in again with the password of before.", name=name),)
    opens = form(
        f"{USERS}/enable",
        say("Enable {name}", name=name),
        title=say("Enable {name}?", name=name),
        words=words,
        name=name,
    )
    return _button(say("Enable"), opens, of=name)


def _button(text: str, opens: str, look: str = "ss-btn ss-quiet", of: str = "") -> html.Button:
    spoken = {"aria-label": say("{what} of {name}", what=text, name=of)} if of else {}
    return html.Button(
        text, className=look, type="button", disable_n_clicks=True, **{"data-ask": opens, **spoken}
    )
