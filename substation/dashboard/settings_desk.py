"""`POST /settings/save`: an engineer changes what the screens call things, what is normal, what hangs where.

A plain form, so that it needs no script. The answer leads back to the page, which shows what was changed, or
beside each field why nothing was, with everything that was typed. Each changed setting is an audit line with
before and after; without it nothing is changed.
"""

import json
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response, abort, g, redirect, request
from werkzeug.exceptions import HTTPException

from substation.dashboard import posted, recorded, refusal, rights, settings_form
from substation.dashboard.desk import Desk
from substation.dashboard.settings_form import Refused, Typed
from substation.dashboard.tongue import say
from substation.settings import names
from substation.settings.model import Settings

PATH = "/settings"
SAVE = "/settings/save"
LOADED = "loaded"
"""The field in which a page carries what it was made with."""
KEPT = 16
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a form; its page shows it."""

    user: str
    changed: tuple[tuple[str, str, str], ...] = ()
    """Setting, before, after."""
    faults: Mapping[str, str] = field(default_factory=dict)
    typed: Mapping[str, str] = field(default_factory=dict)
    """Where it was refused: what had been changed in the form."""


class Outcomes:
    """The last outcomes, each under a token, for the page that follows. Safe to use from many threads."""

    def __init__(self) -> None:
        """Remember nothing."""
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Outcome] = OrderedDict()

    def keep(self, outcome: Outcome) -> str:
        """Return the token under which it is kept, until others have taken its place."""
        token = secrets.token_urlsafe(9)
        with self._lock:
            self._kept[token] = outcome
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return token

    def of(self, token: str, user: str) -> Outcome | None:
        """Return the outcome, to whom it belongs."""
        with self._lock:
            found = self._kept.get(token)
        return found if found is not None and found.user == user else None


OUTCOMES = Outcomes()


def add(server: Flask, desk: Desk) -> None:
    """Add the address."""

    def save() -> Response:
        return _save(desk)

    server.add_url_rule(SAVE, "settings_save", rights.needs("engineer")(save), methods=["POST"])


def _save(desk: Desk) -> Response:
    form = _form(desk.watch.settings)
    user, source = rights.current_user().name, posted.source()

    def line(before: Settings, after: Settings, /, **more: Any) -> bool:
        return all(
            desk.audit.write(
                "config.changed", user=user, src=source, setting=name, before=old, after=new, **more
            )
            for name, old, new in _differences(before, after)
        )

    try:
        before, after = recorded.changed(desk, lambda now: settings_form.edited(now, form), line)
    except Refused as exc:
        return _back(Outcome(user, faults=exc.faults, typed=form.changed()))
    except HTTPException:
        if "not_done" not in g:
            raise
        return _back(Outcome(user, faults={"": str(g.not_done)}, typed=form.changed()))
    told = tuple(
        (name, names.written(old), names.written(new)) for name, old, new in _differences(before, after)
    )
    return _back(Outcome(user, told))


def _differences(before: Settings, after: Settings) -> list[tuple[str, object, object]]:
    """Return every changed setting with before and after.

    A list of limits that gets its first entry, or loses its last, is told by what stands in that entry.
    """
    return [
        (name, old, new)
        for name, old, new in names.differences(before, after)
        if not (_is_nothing(old) and _is_nothing(new))
    ]


def _is_nothing(value: object) -> bool:
    return value is None or value is False or value == []


def _form(settings: Settings) -> Typed:
    """Return what was posted; ends the request with 400 when it is no form of this page."""
    said = request.form.to_dict(flat=False)
    loaded = _loaded(said.pop(LOADED, [""]))
    meters = {key for key in loaded if key.startswith("meters.#")}  # those of the page, and those there are
    known = {*settings_form.every(settings), *meters}
    foreign = sorted(set(said) - known)
    missing = sorted(set(said) - set(loaded))
    if not said or foreign or missing or any(len(values) != 1 for values in said.values()):
        what = ", ".join((foreign or missing)[:3])[:LONGEST]
        why = say("It has a field that is none of this page: {name}.", name=what) if what else ""
        abort(_no_form(why))
    return Typed({key: values[0][:LONGEST] for key, values in said.items()}, loaded)


def _loaded(said: list[str]) -> dict[str, str]:
    try:
        loaded = json.loads(said[0])
    except (ValueError, RecursionError):
        loaded = None
    if not isinstance(loaded, dict) or not all(isinstance(text, str) for text in loaded.values()):
        abort(_no_form(""))
    return loaded


def _no_form(why: str) -> Response:
    advice = say("Open the page Settings anew and make the change there. Nothing was changed.")
    return refusal.refuse(400, say("The request cannot be understood"), *filter(None, (why, advice)))


def _back(outcome: Outcome) -> Response:
    went = redirect(f"{PATH}?said={OUTCOMES.keep(outcome)}", 303)
    return Response(went.get_data(), went.status_code, went.headers)
