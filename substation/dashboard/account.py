"""`POST /api/account/password`: whoever is logged in changes his own password."""

import unicodedata
from typing import Any

from flask import Flask, Response

from substation.access import users
from substation.access.throttle import Throttle
from substation.dashboard import posted, recorded, refusal, rights
from substation.dashboard.desk import Desk
from substation.dashboard.heard import told
from substation.dashboard.tongue import later, say
from substation.errors import Crowded
from substation.settings import people
from substation.settings.model import Settings, User

PASSWORD = "/api/account/password"  # noqa: S105  an address
OF_A_CHANGE = "the present password, asked for its change"


def add(server: Flask, desk: Desk) -> None:
    """Add the address; wrong present passwords are counted apart from failed logins."""
    throttle = Throttle(desk.database, desk.clock, purpose="password")

    def change_password() -> Response:
        said = posted.texts("old", "new")
        user = _proven(desk, throttle, said["old"])
        return user if isinstance(user, Response) else _change(desk, user, said["old"], said["new"])

    server.add_url_rule(PASSWORD, "api_account_password", change_password, methods=["POST"])


def _proven(desk: Desk, throttle: Throttle, old: str) -> User | Response:
    """Return who is logged in, when he knows his password, else the answer that refuses him."""
    name, source = rights.current_user().name, posted.source()
    with throttle.turn(name, source):
        wait_s = throttle.retry_after_s(name, source)
        if wait_s is not None:
            desk.audit.write("login.throttled", user=name, src=source, ok=False, detail=OF_A_CHANGE)
            return _wait(wait_s)
        try:
            user = users.check(desk.watch.settings, name, old)
        except Crowded:
            return refusal.busy(1)
        if user is None:
            throttle.failed(name, source)
            desk.audit.write("login.failed", user=name, src=source, ok=False, detail=OF_A_CHANGE)
            return posted.not_done(403, say("The present password is not the right one."))
        throttle.succeeded(name, source)
    return user


def _change(desk: Desk, user: User, old: str, new: str) -> Response:
    reason = people.refusal(desk.watch.settings, user.name, new)
    if reason is None and unicodedata.normalize("NFKC", new) == unicodedata.normalize("NFKC", old):
        reason = later("it is the present one; choose another")
    if reason is not None:
        return posted.not_done(422, say("The new password cannot be taken: {why}.", why=told(reason)))
    fresh = posted.hashed(new)

    def exchange(settings: Settings) -> Settings:
        if people.known(settings, user.name).password_hash != user.password_hash:
            raise people.NotPossible("this password was changed elsewhere a moment ago; log in with that one")
        return people.with_password(settings, user.name, fresh)

    def line(_before: Settings, _after: Settings, /, **more: Any) -> bool:
        source = posted.source()
        return desk.audit.write("password.changed", user=user.name, src=source, of=user.name, **more)

    # Right before it is written: a request in between would end this session too.
    def keep_this_session() -> None:
        desk.sessions.password_changed(user.name, keep=rights.session_token())

    recorded.changed(desk, exchange, line, keep_this_session)
    return posted.done(
        say(
            "Your password is changed. Your logins elsewhere have ended; here you stay logged in. "
            "At the next login the browser asks for the new password."
        )
    )


def _wait(wait_s: float) -> Response:
    minutes = max(1, round(wait_s / 60))
    answer = refusal.refuse(
        429,
        say("Too many wrong passwords"),
        say(
            "You can try again in {minutes} min. Nothing was changed, and you stay logged in.",
            minutes=minutes,
        ),
    )
    answer.headers["Retry-After"] = str(max(1, round(wait_s)))
    return answer
