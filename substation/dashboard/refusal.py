"""Answers that are not pages: what was refused or went wrong, and what the person can do.

They say nothing about the station, since most of them are given before the login. Programs
(`/api/...`, Dash's own requests) get the same words as JSON.
"""

import json
from html import escape

from flask import Response, request

from substation.access.sessions import Why
from substation.dashboard import tongue
from substation.dashboard.heard import told
from substation.dashboard.tongue import say
from substation.settings.model import Web

REALM = 'Basic realm="Substation monitoring", charset="UTF-8"'

_PAGE = """<!DOCTYPE html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --panel: #eceeef; --ink: #1d2329; --muted: #56606a; --edge: #76818a; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --panel: #272c31; --ink: #e6eaed; --muted: #aab4bc; --edge: #7f8a93; }}
}}
body {{ margin: 0; background: var(--panel); color: var(--ink); font: 400 1rem/1.5 -apple-system, "Segoe UI",
  Roboto, "Noto Sans", "Liberation Sans", Arial, sans-serif; }}
main {{ max-width: 36rem; margin: 0 auto; padding: 18vh 24px 48px; }}
h1 {{ font-size: 1.375rem; font-weight: 600; margin: 0 0 12px; }}
p {{ margin: 0 0 12px; }}
.small {{ color: var(--muted); font-size: .875rem; }}
a {{ color: inherit; display: inline-block; border: 1px solid var(--edge); border-radius: 3px;
  padding: 10px 16px; text-decoration: none; margin-top: 12px; }}
a:focus-visible {{ outline: 3px solid currentColor; outline-offset: 2px; }}
</style>
</head>
<body><main>
<h1>{title}</h1>
{paragraphs}
{way_on}
{small}
</main></body>
</html>
"""


def refuse(status: int, title: str, *paragraphs: str, way_on: str = "", **further: str) -> Response:
    """Return a page in words, or the same words as JSON for a program.

    Args:
        status: HTTP status.
        title: one line.
        paragraphs: what happened and what to do next; what was said elsewhere is told (`heard`).
        way_on: words of a link to Home; none when empty.
        further: more members of the JSON, for our own scripts.
    """
    title, paragraphs = told(title), tuple(told(words) for words in paragraphs)
    if _asked_by_program():
        body = json.dumps({"error": " ".join((title + ".", *paragraphs)), **further})
        answer = Response(body, status, mimetype="application/json")
    else:
        link = f'<a href="/">{escape(way_on)}</a>' if way_on else ""
        body = "\n".join(f"<p>{escape(words)}</p>" for words in paragraphs)
        small = (
            f'<p class="small">{escape(say("Answer {status}", status=status))}</p>' if status >= 400 else ""
        )
        page = _PAGE.format(
            lang=tongue.spoken(), title=escape(title), paragraphs=body, way_on=link, small=small
        )
        answer = Response(page, status, mimetype="text/html")
    if request.content_length or request.headers.get("Transfer-Encoding"):
        answer.headers["Connection"] = "close"  # a body that nobody will read must not be waited for
    return answer


def _asked_by_program() -> bool:
    return request.path.startswith(("/api/", "/_dash", "/_reload"))


def login_please() -> Response:
    """401: the browser asks for name and password; this page shows when that is cancelled."""
    answer = refuse(
        401,
        say("Please log in"),
        say("The readings of this station are shown to people who are known here."),
        say(
            "Reload the page and enter your user name and password. "
            "If you have none, ask whoever looks after the station."
        ),
        way_on=say("Log in"),
    )
    answer.headers["WWW-Authenticate"] = REALM
    return answer


def login_ended(why: Why | None, web: Web, *, challenge: bool) -> Response:
    """401: this browser's login has ended; with a `challenge` it forgets its old password and asks."""
    title, how = ended_words(why, web)
    answer = refuse(
        401,
        title,
        f"{how} {say('Go to a page and enter your user name and password again.')}".strip(),
        way_on=say("Log in again"),
        ended=f"{title}. {how}".strip(),
    )
    if challenge:
        answer.headers["WWW-Authenticate"] = REALM
    return answer


def ended_words(why: Why | None, web: Web) -> tuple[str, str]:
    """Return what has happened to a login, and a sentence on why it did."""
    if why == "out":
        return say("You have logged out"), ""
    reasons = {
        "idle": say("Nobody had touched it for {minutes} min.", minutes=web.idle_minutes),
        "age": say("It was {hours} h old.", hours=web.session_hours),
        "boot": say("The station's computer was started anew."),
        "changed": say("The password or the user was changed."),
        "crowded": say("The same user has logged in at many other places since."),
    }
    return say("The login has ended"), reasons.get(why or "", "")


def farewell() -> Response:
    """200: the page after a log-out; anybody may see it."""
    return refuse(
        200,
        say("You have logged out"),
        say("The station lets nobody in from this browser any more until a password is entered again."),
        say(
            "Your browser may still hold the password in its memory. On a computer that you share, close all "
            "of its windows, and do not let it save the password."
        ),
        way_on=say("Log in again"),
    )


def come_again(retry_after_s: float) -> Response:
    """429: too many wrong passwords."""
    seconds = max(1, round(retry_after_s))
    wait = f"{seconds} s" if seconds < 90 else f"{round(seconds / 60)} min"
    answer = refuse(
        429,
        say("Too many wrong passwords"),
        say(
            "This user is locked for this computer for another {long}. Other users and computers are not.",
            long=wait,
        ),
        say(
            "Then try again. A forgotten password is set anew on the station with: {command}",
            command="python3 encrypt_config.py passwd",
        ),
        way_on=say("Try again"),
    )
    answer.headers["Retry-After"] = str(seconds)
    return answer


def busy(retry_after_s: float) -> Response:
    """503: too many logins are being checked at this moment."""
    answer = refuse(
        503,
        say("One moment, please"),
        say("Many logins are being checked at the same time. Reload the page in a few seconds."),
        way_on=say("Reload"),
    )
    answer.headers["Retry-After"] = str(max(1, round(retry_after_s)))
    return answer


def unknown_host(host: str) -> Response:
    """421: reached by a name that is not ours (DNS rebinding, a proxy, a new name)."""
    return refuse(
        421,
        say("This name is not known here"),
        say("The dashboard was asked for as '{name}', which is not one of its names.", name=host[:80]),
        say(
            "If it is yours, add it on the station with: {command}",
            command="python3 encrypt_config.py set web.allowed_hosts '[\"NAME\"]'",
        ),
    )


def demo_is_local() -> Response:
    """403: a documented password is in use and somebody asks from elsewhere."""
    return refuse(
        403,
        say("Only on this machine while demo passwords are in use"),
        say(
            "Everybody can read the demo passwords in the documentation, so they open nothing over a "
            "network, a tunnel or a proxy."
        ),
        say(
            "On the station set passwords of your own with: {command}. "
            "To see the demo from another computer use: {tunnel}",
            command="python3 encrypt_config.py passwd",
            tunnel="ssh -L 8050:127.0.0.1:8050 USER@STATION",
        ),
    )


def foreign_origin() -> Response:
    """403: another web site tried to act in this person's name."""
    return refuse(
        403,
        say("Refused: the request came from another web site"),
        say("Open the dashboard itself and do it there."),
        way_on=say("Open the dashboard"),
    )


def not_yours(needed: str) -> Response:
    """403: the person's role does not suffice; `needed` is the name of the one that would."""
    return refuse(
        403,
        say("Your role does not allow this"),
        say("It needs the role {role}. An administrator of this station can give it to you.", role=needed),
        way_on=say("Home"),
    )


def too_large() -> Response:
    """413: a body beyond what any page sends."""
    return refuse(413, say("The request is too large"), say("The dashboard accepts at most 1 MB."))


def not_routable(words: str) -> Response:
    """400: a callback body that belongs to no callback."""
    return refuse(400, say("The request cannot be understood"), words, say("Reload the page."))


def not_found() -> Response:
    """404: no such file."""
    return refuse(
        404, say("There is nothing here"), say("The address leads to no page or file."), way_on=say("Home")
    )


def broken(mark: str) -> Response:
    """500: our fault; the mark leads to the line in the log."""
    return refuse(
        500,
        say("Something went wrong in the dashboard"),
        say(
            "It was noted in app.log under {mark}. The poller and its stores are not touched by it.",
            mark=mark,
        ),
        say("Reload the page. If it comes again, report that mark to whoever looks after the station."),
        way_on=say("Home"),
    )
