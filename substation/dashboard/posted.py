"""What our own scripts post, and the answers they show: small JSON objects with words in them."""

import json
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Response, abort, g, request
from plotly.utils import PlotlyJSONEncoder

from substation.access import users
from substation.dashboard import refusal, rights
from substation.dashboard.desk import Desk
from substation.dashboard.heard import told
from substation.dashboard.tongue import say
from substation.errors import Busy, Crowded, SettingsError
from substation.settings import files, people
from substation.settings.model import Settings

LOG = logging.getLogger(__name__)
Kind = TypeVar("Kind")


def texts(*names: str, optional: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the texts that were posted under these names; optional ones left out are empty.

    Ends the request with 400 when the body is anything else.
    """
    try:
        body: Any = request.get_json(silent=True)
    except RecursionError:
        body = None
    if (
        not isinstance(body, dict)
        or not set(names) <= set(body) <= {*names, *optional}
        or not all(isinstance(value, str) for value in body.values())
    ):
        abort(
            refusal.refuse(
                400,
                say("The request cannot be understood"),
                say("It must be a JSON object with the texts {names}.", names=names),
            )
        )
    return {**dict.fromkeys(optional, ""), **body}


def source() -> str:
    """Return from where the request came, as the guard counts it."""
    return str(g.get("source", ""))


def done(words: str, **more: object) -> Response:
    """Return the answer to something that was done; components in `more` are for the page."""
    body = json.dumps({"done": words, **more}, cls=PlotlyJSONEncoder)
    return Response(body, mimetype="application/json")


def not_done(status: int, *paragraphs: str) -> Response:
    """Return the answer to something that was refused; `g.not_done` holds its words."""
    g.not_done = " ".join(paragraphs)
    return refusal.refuse(status, say("Nothing was changed"), *paragraphs)


def hashed(password: str) -> str:
    """Return the hash of a new password; ends the request with 503 when there is no room to make it."""
    try:
        return users.hashed(password)
    except Crowded:
        abort(refusal.busy(1))


def possible(ask: Callable[[], Kind]) -> Kind:
    """Return the answer of a rule for people, or end the request in its words."""
    try:
        return ask()
    except people.NoSuchUser as exc:
        abort(not_done(404, told(f"{exc}.")))
    except people.NotPossible as exc:
        words = str(exc).removeprefix("users: ")
        abort(not_done(409, told(f"{words[0].upper()}{words[1:]}.")))


def changed(desk: Desk, change: Callable[[Settings], Settings]) -> tuple[Settings, Settings]:
    """Change the configuration, which is in force at once; return (before, after).

    Ends the request in words where that is refused or fails; the configuration is then as it was.
    """
    try:
        before, after = possible(lambda: files.update(desk.folder, change))
    except Busy:
        abort(not_done(503, say("Somebody else is changing the configuration. Try again in a few seconds.")))
    except SettingsError as exc:
        LOG.error("a change made in the browser could not be stored: %s", exc)
        in_log = say("An administrator finds the reason in app.log.")
        why = f"{exc}." if rights.may("administrator") else in_log
        abort(not_done(503, say("The configuration cannot be written."), why))
    desk.watch.look_now()
    return before, after
