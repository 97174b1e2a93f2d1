"""The Dash application: its parts in their order."""

import functools
import importlib
import logging
import secrets
import threading
from html import escape
from pathlib import Path
from typing import Any

import dash
from dash import _callback as dash_callbacks
from flask import Flask, Response, request
from flask_compress import Compress
from werkzeug.exceptions import HTTPException

from substation.access import users
from substation.access.sessions import Sessions, Why
from substation.access.throttle import Throttle
from substation.clock import Clock
from substation.dashboard import (
    bundles,
    desk,
    feed,
    first,
    headers,
    health_messages,
    operators,
    own_files,
    refusal,
    tongue,
)
from substation.dashboard.api import LiveApi
from substation.dashboard.guard import LARGEST_BODY, Guard
from substation.dashboard.heard import told
from substation.dashboard.login import Login
from substation.dashboard.tongue import say
from substation.dashboard.tunnel import TunnelledAudit
from substation.dashboard.watch import Watch
from substation.errors import SettingsError
from substation.settings import files, vault
from substation.settings.model import Settings, User

LOG = logging.getLogger(__name__)
PACKAGE = "substation.dashboard"
SERVICE = "dashboard"
ASSETS = Path(__file__).parent / "assets"

INDEX = """<!DOCTYPE html>
<html lang="en">
<head>
{%metas%}
<title>{%title%}</title>
{%favicon%}
{%css%}
</head>
<body>
{%app_entry%}
<footer>
{%config%}
{%scripts%}
{%renderer%}
</footer>
</body>
</html>"""
"""Nothing inline but what Dash itself writes, whose hashes are in the content security policy."""

ADDRESSES: tuple[str, ...] = (
    "logout",
    "export_desk",
    "account",
    "people",
    "settings_desk",
    "alarm_desk",
    "register_desk",
    "register_file",
    "audit_watch",
    "asking",
    "messages_api",
    "trends_api",
    "language",
    "log_desk",
    "statement_desk",
)
"""Modules of this package with addresses of their own: each has `add(server: Flask, desk: Desk) -> None`."""
PAGES = "/_dash-update-component"
PAGES_AT_ONCE = 3

_declared: dict[str, Any] = {}


def build(folder: Path | None, clock: Clock) -> dash.Dash:
    """Return the dashboard of the station in `folder`, ready to serve.

    Raises:
        SettingsError: the configuration cannot be used.
        WrongStation: the operator database belongs to another kind of station.
    """
    folder = folder or files.home_folder()
    watch = Watch(folder, clock)
    settings, home = watch.settings, watch.home
    audit = TunnelledAudit.of_station(folder, settings, SERVICE, clock)
    for warning in watch.warnings:
        audit.write("key.mode", detail=warning)
    the_feed = feed.Feed(settings, home, clock)
    the_feed.complain(lambda: watch.problem)
    the_feed.complain(lambda: audit.last_problem)
    the_feed.complain(lambda: health_messages.of_station(watch.settings, watch.home, clock))
    watch.listen(the_feed.adopt)
    feed.set_current(the_feed)

    app = _Substation(
        PACKAGE,
        assets_folder=str(ASSETS),
        assets_ignore=r"\.(css|js)$",  # they travel together: `own_files`
        pages_folder="",  # a path would import the pages a second time under another name
        use_pages=True,
        include_pages_meta=False,
        index_string=INDEX,
        title=title(settings),
        update_title=None,
        suppress_callback_exceptions=True,
        serve_locally=True,
        add_log_handler=False,
    )
    _import_pages()
    app.layout = importlib.import_module(f"{PACKAGE}.shell").frame
    LiveApi(app, the_feed)
    _settle(app)

    database = operators.opened(home, settings)
    throttle = Throttle(database, clock)
    the_feed.complain(lambda: throttle.last_problem or database.problem or sessions.last_problem)

    def check(name: str, password: str) -> User | None:
        user = users.check(watch.settings, name, password)
        if user is not None:
            _strengthen(folder, user, password, sessions)
        return user

    def find(name: str) -> User | None:
        return next((user for user in watch.settings.users if user.name == name and not user.disabled), None)

    said_key = vault.derive(files.key_in_force(folder), "names said at a login v1")

    def tell(event: str, *, user: str = "", src: str = "", ok: bool = True, **details: object) -> bool:
        said = users.said_name(watch.settings, user, said_key)
        return audit.write(event, user=said, src=src, ok=ok, **details)

    login = Login(check, find, throttle, tell, clock)

    def expired(name: str, source: str, why: Why) -> None:
        login.forget(name, source)
        audit.write("login.expired", user=name, src=source, why=why)

    sessions = Sessions(database, clock, lambda: watch.settings, expired)
    watch.listen(lambda _settings, _home: sessions.sweep())
    the_desk = desk.Desk(folder, watch, audit, database, throttle, login, sessions, clock)
    desk.set_current(the_desk)
    for name in ADDRESSES:
        importlib.import_module(f"{PACKAGE}.{name}").add(app.server, the_desk)
    Guard(app, the_desk)
    _finish_server(app)
    return app


def _strengthen(folder: Path, user: User, password: str, sessions: Sessions) -> None:
    """Store a hash of today's strength when the stored one is older; the login counts in any case."""
    try:
        users.rehash(folder, user, password, sessions.same_password)
    except SettingsError as exc:
        LOG.warning("a stronger password hash could not be stored: %s", exc)


def title(settings: Settings, page: str = "") -> str:
    """Return a window's title; a demo says so before all else."""
    parts = ("SIMULATED" if settings.simulated else "", page, settings.site.name)
    return " - ".join(part for part in parts if part)


class _Substation(dash.Dash):  # type: ignore[misc]
    """Dash with the site's present name as the title of the first document, and less talkative."""

    def _config(self) -> dict[str, Any]:
        """Return what Dash tells its browser part, without versions and outside addresses.

        Only the "outside" address of Plotly may be chosen: ours, with the fingerprint that Dash leaves out.
        """
        return {
            **super()._config(),
            "serve_locally": False,
            "plotlyjs_url": bundles.address(*bundles.PLOTLY),
            "dash_version_url": "",
            "python_version": "",
            "disable_version_check": True,
        }

    def interpolate_index(self, **parts: str) -> str:
        """Return the document; the title is text and nothing else."""
        now = title(feed.current().settings)
        own = {
            "title": escape(now.replace("{%", "")),
            "css": parts["css"] + own_files.styles_tag(),
            "scripts": "\n".join((own_files.scripts_tag(), parts["scripts"], _part_of_a_chart())),
            # Without its size a browser prefers the picture of points to the drawn one.
            "favicon": parts["favicon"].replace("<link ", '<link sizes="32x32" ') + _drawn_icon(),
        }
        document = str(super().interpolate_index(**{**parts, **own}))
        theme = feed.current().settings.display.theme
        chosen = "" if theme == "auto" else f' data-theme="{theme}"'  # a viewer's own choice overrides it
        document = first.put_into(document)
        return document.replace('<html lang="en">', f'<html lang="{tongue.spoken()}"{chosen}>', 1)


def _part_of_a_chart() -> str:
    return f'<script defer src="{bundles.address(*bundles.CHARTS)}"></script>'


def _drawn_icon() -> str:
    changed = (ASSETS / "favicon.svg").stat().st_mtime
    return f'\n<link rel="icon" type="image/svg+xml" href="/assets/favicon.svg?m={changed}">'


def _import_pages() -> None:
    """Bring the pages in, and their callbacks into this app.

    Dash moves the callbacks that modules declare into the first app that serves; a second app in
    the same process (tests make many) would have none. So they are kept and declared again.
    """
    importlib.import_module(f"{PACKAGE}.pages")
    importlib.import_module(f"{PACKAGE}.shell")
    waiting = dash_callbacks.GLOBAL_CALLBACK_MAP
    if waiting:
        _declared.update(
            map=dict(waiting),
            list=list(dash_callbacks.GLOBAL_CALLBACK_LIST),
            scripts=list(dash_callbacks.GLOBAL_INLINE_SCRIPTS),
        )
    elif _declared:
        waiting.update(_declared["map"])
        dash_callbacks.GLOBAL_CALLBACK_LIST.extend(_declared["list"])
        dash_callbacks.GLOBAL_INLINE_SCRIPTS.extend(_declared["scripts"])
    for page in dash.page_registry.values():
        page["title"] = functools.partial(_page_title, page["name"])


def _page_title(name: str, meter_id: str = "", **_variables: str) -> str:
    settings = feed.current().settings
    meter = next((meter for meter in settings.meters if str(meter.id) == meter_id), None)
    return title(settings, meter.name if meter else told(name))


def _settle(app: dash.Dash) -> None:
    """Let Dash do now what it does at the first request: collect scripts, callbacks and the router.

    Only then are all inline scripts known and can be named in the content security policy; and no
    two first visitors race for it.
    """
    with app.server.test_request_context("/"):
        app.server.preprocess_request()
        app.index()


def _finish_server(app: dash.Dash) -> None:
    server: Flask = app.server
    server.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    server.config["COMPRESS_ALGORITHM"] = ["gzip"]
    server.config["COMPRESS_ALGORITHM_STREAMING"] = ["gzip"]
    server.config["COMPRESS_LEVEL"] = 5
    headers.put_on(server, headers.content_policy(app.csp_hashes()))
    Compress(server)
    _narrow(server)
    server.extensions["bundles"] = bundles.Bundles(app)
    server.register_error_handler(HTTPException, _say)
    server.register_error_handler(Exception, _apologise)


def _narrow(server: Flask) -> None:
    """Let only a few pages be made at once: one interpreter makes them no faster side by side.

    A page takes some 3 MB while it is made. Two dozen visitors at once took 60 MB that Python hardly
    gives back afterwards. Live values and files are not held up.
    """
    room = threading.Semaphore(PAGES_AT_ONCE)
    make = server.view_functions[PAGES]

    @functools.wraps(make)
    def make_in_turn(*args: Any, **named: Any) -> Any:
        with room:
            return make(*args, **named)

    server.view_functions[PAGES] = make_in_turn


def _say(error: HTTPException) -> Response | HTTPException:
    """Answer what the framework refuses, in our words and with nothing of its own."""
    code = error.code or 500
    if code < 400:
        return error
    if code == 404:
        return refusal.not_found()
    if code == 413:
        return refusal.too_large()
    if code == 400:
        return refusal.not_routable("The request is damaged.")
    return refusal.refuse(code, error.name, say("The dashboard does not answer requests of this kind."))


def _apologise(error: Exception) -> Response:
    """Answer a fault of our own: the trace goes to the log, only its mark to the person."""
    mark = secrets.token_hex(4)
    secret = "token" in (request.view_args or {})  # a one-time address goes into no log
    path = str(request.url_rule) if secret else request.path[:200]
    LOG.error("fault %s at %s %s", mark, request.method, ascii(path), exc_info=error)
    return refusal.broken(mark)
