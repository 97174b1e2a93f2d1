"""In which language a request is answered: the viewer's own choice, else the station's. And its phase names.

It is settled in one place, around the whole server, and is over when the answer is made: no thread carries
it from one viewer to the next. The choice is a cookie that says nothing about who keeps it; a value that is
no language of ours counts as none. Cookies do not tell ports apart: it holds for all stations of a host.
"""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from dash import html
from flask import Flask, Response, redirect, request
from werkzeug.http import parse_cookie

from substation.dashboard import feed, phases, refusal, tongue
from substation.dashboard.desk import Desk

COOKIE = "substation_language"
CHOOSE = "/language"
A_YEAR_S = 365 * 86_400


def add(server: Flask, _desk: Desk) -> None:
    """Answer every request in its language, and add the address of the choice."""
    answer = server.wsgi_app

    def in_its_language(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        names = feed.current().settings.display.phase_names
        with tongue.speaking(wanted(environ)), phases.named(names):
            return answer(environ, start)

    server.wsgi_app = in_its_language  # type: ignore[method-assign, assignment]
    server.add_url_rule(CHOOSE, "language", choose, methods=["POST"])


def wanted(environ: dict[str, Any]) -> str:
    """Return the language of the viewer's cookie, or the station's where he has chosen none."""
    chosen = parse_cookie(environ).get(COOKIE, "")
    return chosen if chosen in tongue.languages() else feed.current().settings.display.language


def choose() -> Response:
    """Keep the choice in this browser, and go back to the page on which it was made."""
    chosen = request.form.get("language", "")
    if chosen not in tongue.languages():
        known = ", ".join(tongue.languages())
        return refusal.refuse(
            400, tongue.say("No such language"), tongue.say("This dashboard has {known}.", known=known)
        )
    went = redirect(_back(), 303)
    answer = Response(went.get_data(), went.status_code, went.headers)
    answer.set_cookie(COOKIE, chosen, max_age=A_YEAR_S, path="/", httponly=True, samesite="Lax")
    return answer


def _back() -> str:
    """Return the page that the request came from; Home for one of elsewhere."""
    try:
        came = urlsplit(request.headers.get("Referer", ""))
    except ValueError:
        return "/"
    if came.netloc != request.host or not came.path.startswith("/") or came.path.startswith(("//", "/\\")):
        return "/"
    return f"{came.path}?{came.query}" if came.query else came.path


def switch() -> html.Form:
    """Return the choice of a language as buttons, one for each; it needs no script."""
    spoken = tongue.spoken()
    return html.Form(
        [
            html.Button(
                name,
                type="submit",
                name="language",
                value=code,
                lang=code,
                className="ss-btn",
                disable_n_clicks=True,
                **({"aria-current": "true"} if code == spoken else {}),
            )
            for code, name in tongue.languages().items()
        ],
        action=CHOOSE,
        method="post",
        className="ss-languages",
    )
