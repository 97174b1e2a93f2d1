"""`POST /logout` ends the login at the station; `GET /logged-out` says so, to anybody, and nothing else."""

from flask import Flask, Response, g, redirect

from substation.dashboard import cookies, refusal
from substation.dashboard.desk import Desk
from substation.dashboard.rights import current_user, session_token

LEAVE = "/logout"
LEFT = "/logged-out"


def add(server: Flask, desk: Desk) -> None:
    """Add both addresses."""

    def leave() -> Response:
        user, token, source = current_user(), session_token(), str(g.get("source", ""))
        answer = gone()
        if token is not None:
            desk.sessions.end(token)
            cookies.take_session(answer)
        else:  # let in by its password alone: from now on the name says that it has left
            cookies.name_visit(answer, desk.sessions.begin_ended(user, source))
        desk.login.forget(user.name, source)
        desk.audit.write("logout", user=user.name, src=source)
        return answer

    server.add_url_rule(LEAVE, "logout", leave, methods=["POST"])
    server.add_url_rule(LEFT, "logged_out", refusal.farewell, methods=["GET"])


def gone() -> Response:
    """Return the way to the page that says good-bye; also for whoever had left already."""
    answer = redirect(LEFT, 303)
    return Response(answer.get_data(), answer.status_code, answer.headers)
