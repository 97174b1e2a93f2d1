"""What a role may see and do in the dashboard.

A page names the role it needs when it registers (`dash.register_page(..., needs="administrator")`),
an address by `@needs("engineer")`. Without either a viewer may.
"""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec

from dash import _pages as dash_pages
from flask import Response, g

from substation.access.users import role_at_least
from substation.dashboard import refusal
from substation.dashboard.heard import told
from substation.dashboard.tongue import later
from substation.settings.model import User, UserRole

Parameters = ParamSpec("Parameters")
ROLE_NAMES: dict[UserRole, str] = {
    "viewer": later("viewer"),
    "operator": later("operator"),
    "engineer": later("engineer"),
    "administrator": later("administrator"),
}
"""How a role is called on the screens; configuration and audit log keep the keys."""


def role_name(role: UserRole) -> str:
    """Return how a role is called in the language in force."""
    return told(ROLE_NAMES[role])


def current_user() -> User:
    """Return who is logged in. Raises RuntimeError outside a request that has passed the guard."""
    user = g.get("user")
    if not isinstance(user, User):
        raise RuntimeError("nobody is logged in: this request did not pass the guard")
    return user


def session_token() -> str | None:
    """Return the token of the session in which this request came; None for a program without one."""
    token = g.get("session_token")
    return token if isinstance(token, str) else None


def may(needed: UserRole) -> bool:
    """Return whether whoever is logged in may do what `needed` may."""
    return role_at_least(current_user().role, needed)


def needed_for(path: str) -> UserRole:
    """Return the role that the page at an address needs."""
    page, _ = dash_pages._path_to_page(path.strip("/"))
    needed: UserRole = (page or {}).get("needs") or "viewer"
    return needed


def needs(role: UserRole) -> Callable[[Callable[Parameters, Any]], Callable[Parameters, Any]]:
    """Let an address answer only who has at least this role; others get 403 in words."""

    def around(view: Callable[Parameters, Any]) -> Callable[Parameters, Any]:
        @functools.wraps(view)
        def guarded(*args: Parameters.args, **named: Parameters.kwargs) -> Any:
            return view(*args, **named) if may(role) else not_for(role)

        return guarded

    return around


def not_for(needed: UserRole) -> Response:
    """Return the answer to somebody whose role does not suffice."""
    return refusal.not_yours(role_name(needed))
