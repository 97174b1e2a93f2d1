"""Who may come in. Every request passes here first, and nothing of it is parsed before the login.

dash-auth's own `_protect` is overridden whole. It parses bodies before the login (500 to anybody),
and its public routes let a forged `pathname` in a callback body through: they are never used here.
The order, each step cheap for a flood:

1. by a name that is ours (421);
2. demo passwords in use: only from this machine itself, and not through a proxy or tunnel (403);
3. `GET /healthz` and `GET /logged-out` end here, without login and without data;
4. who is it? (401, 429, 503; see `visits`);
5. acts only from our own pages (403); small bodies only (413);
6. a page is noted in the audit log; a callback must be one of ours (400).
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import dash
from dash import _pages as dash_pages
from dash_auth import BasicAuth
from flask import Response, after_this_request, g, request
from werkzeug.exceptions import BadRequest

from substation.access.users import role_at_least
from substation.dashboard import callbacks, cookies, hosts, logout, places, refusal, rights, tunnel
from substation.dashboard.desk import Desk
from substation.dashboard.feed import current
from substation.dashboard.visits import Answer, Asked, Visits
from substation.settings.model import User

LOG = logging.getLogger(__name__)
OPEN = frozenset({"/healthz", logout.LEFT})
"""Answered to anybody, when asked for with GET: neither says anything about the station."""
CALLBACK = "/_dash-update-component"
DOCUMENTS = frozenset({"/", "/<path:path>"})
LARGEST_BODY = 1_000_000
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
SAME_PAGE_S = 10.0
"""A page's document and its content are two requests, but one look at the page."""
RELAYED = ("x-forwarded", "forwarded", "x-real-ip", "x-original", "via", "ngrok", "cf-", "true-client-ip")


class Guard(BasicAuth):  # type: ignore[misc]
    """dash-auth's Basic login with the way in replaced."""

    def __init__(self, app: dash.Dash, desk: Desk) -> None:
        """Stand before every route of `app`, those registered before included."""
        self._watch = desk.watch
        self._tunnel = tunnel.Tunnel(desk.watch.home, desk.clock)
        self._sessions = desk.sessions
        self._visits = Visits(desk.login, desk.sessions, desk.clock)
        self._audit = desk.audit.write
        self._clock = desk.clock
        self._lock = threading.Lock()
        self._last_page: OrderedDict[tuple[str, str], tuple[str, float]] = OrderedDict()
        super().__init__(app, auth_func=lambda _name, _password: False)

    def _protect(self) -> None:
        first: list[Callable[[], Response | None]] = self.app.server.before_request_funcs.setdefault(None, [])
        first.insert(0, self.admit)

    def is_authorized(self) -> bool:
        """Return whether this request has passed."""
        return isinstance(g.get("user"), User)

    def login_request(self) -> Response:
        """Return the 401 page."""
        return refusal.login_please()

    def admit(self) -> Response | None:
        """Return None to let the request on, else the answer that refuses it."""
        watch = self._watch
        watch.look()
        source = request.remote_addr or ""
        web = watch.settings.web
        host = request.headers.get("Host", "")
        g.tunnelled = hosts.is_loopback(source) and self._tunnel.carries(host, _our_port())
        relayed = hosts.is_loopback(source) and not g.tunnelled and _was_relayed()
        g.relayed_https = relayed and _https_outside()
        if g.tunnelled:
            source = tunnel.SOURCE
        elif relayed:
            source = places.RELAYED
        g.source = source
        if not g.tunnelled and not hosts.allowed(host, web.bind, web.allowed_hosts, _arrived_at()):
            self._audit("request.refused", src=source, ok=False, why="unknown name", name=host[:80])
            return refusal.unknown_host(host)
        if watch.demo_passwords and (g.tunnelled or not hosts.is_loopback(source) or _was_relayed()):
            self._audit("request.refused", src=source, ok=False, why="demo passwords over a network")
            return refusal.demo_is_local()
        if request.path in OPEN and request.method == "GET":
            return None
        answer = self._visits.who(_asked(source, watch.generation))
        if answer.user is None:
            return self._refusal(answer)
        g.user, g.session_token = answer.user, answer.token
        return self._admit_known(answer, answer.user, source, host)

    def _refusal(self, answer: Answer) -> Response:
        if answer.verdict == "ended":
            if request.path == logout.LEAVE and request.method == "POST":
                return logout.gone()
            return refusal.login_ended(answer.why, self._watch.settings.web, challenge=answer.challenge)
        if answer.verdict == "wait":
            return refusal.come_again(answer.retry_after_s)
        if answer.verdict == "busy":
            return refusal.busy(answer.retry_after_s)
        return refusal.login_please()

    def _admit_known(self, answer: Answer, user: User, source: str, host: str) -> Response | None:
        if _is_foreign(host):
            origin = request.headers.get("Origin", "")[:80]
            self._audit(
                "request.refused", user=user.name, src=source, ok=False, why="other site", origin=origin
            )
            return refusal.foreign_origin()
        if answer.begins and request.endpoint in DOCUMENTS:
            self._begin(user, source)
        if (request.content_length or 0) > LARGEST_BODY:
            return refusal.too_large()
        if request.path == CALLBACK and request.method == "POST":
            return self._admit_callback(user, source)
        if request.endpoint in DOCUMENTS and request.method in {"GET", "HEAD"}:
            if not page_exists(request.path):
                if request.path.startswith(("/_", "/api/")) or "." in request.path.rpartition("/")[2]:
                    return refusal.not_found()
                return Response(self.app.index(), 404, mimetype="text/html")
            return self._admit_page(user, source, request.path)
        return None

    def _admit_page(self, user: User, source: str, path: str) -> Response | None:
        needed = rights.needed_for(path)
        if not role_at_least(user.role, needed):
            self._audit("page.refused", user=user.name, src=source, ok=False, path=path[:200], needs=needed)
            return rights.not_for(needed)
        self._note_page(user, source, path)
        return None

    def _admit_callback(self, user: User, source: str) -> Response | None:
        try:
            body: Any = request.get_json()
        except RecursionError:
            return refusal.not_routable("The body is nested too deeply.")
        except BadRequest:
            if len(request.get_data()) >= LARGEST_BODY:  # sent without a length: read so far and no further
                return refusal.too_large()
            raise
        words = callbacks.fault(self.app, body, path_names())
        if words:
            return refusal.not_routable(words)
        if callbacks.by_hand(body):
            self._sessions.look(g.session_token, touched=True)
        page = callbacks.page_asked_for(body)
        if page is not None and page_exists(page):
            return self._admit_page(user, source, page)
        return None

    def _begin(self, user: User, source: str) -> None:
        token = g.session_token = self._sessions.begin(user, source)
        after_this_request(lambda answer: cookies.give(answer, token))

    def _note_page(self, user: User, source: str, path: str) -> None:
        """Write one audit line a look; the refreshes within a page are none."""
        now = self._clock.monotonic()
        with self._lock:
            last, at = self._last_page.get((user.name, source), ("", -SAME_PAGE_S))
            self._last_page[user.name, source] = (path, now)
            self._last_page.move_to_end((user.name, source))
            while len(self._last_page) > 256:
                self._last_page.popitem(last=False)
        if path != last or now - at >= SAME_PAGE_S:
            self._audit("page", user=user.name, src=source, path=path[:200])


def page_exists(path: str) -> bool:
    """Return whether an address leads to a page, and to a meter that this station has."""
    page, variables = dash_pages._path_to_page(path.strip("/"))
    if not page or page["module"].endswith("not_found_404"):
        return False
    meter_id = (variables or {}).get("meter_id")
    if meter_id is None:
        return True
    known = {str(meter.id) for meter in current().settings.meters}
    return meter_id in known


def path_names() -> frozenset[str]:
    """Return the names of the variable parts of all pages' addresses."""
    names = set()
    for page in dash.page_registry.values():
        for part in (page.get("path_template") or "").split("/"):
            if part.startswith("<") and part.endswith(">"):
                names.add(part[1:-1])
    return frozenset(names)


def _asked(source: str, generation: str) -> Asked:
    navigation = _is_navigation()
    acts = request.method not in SAFE and request.path != CALLBACK  # of callbacks only those by hand
    return Asked(
        cookies.session(),
        cookies.visit(),
        request.headers.get("Authorization"),
        source,
        generation,
        navigation,
        touched=navigation or acts or request.headers.get("X-Touched") == "1",
    )


def _is_navigation() -> bool:
    """Return whether a person goes to a page. Without TLS a browser on the network does not say so itself."""
    if request.method != "GET":
        return False
    mode = request.headers.get("Sec-Fetch-Mode")
    return mode == "navigate" if mode else "text/html" in request.headers.get("Accept", "")


def _our_port() -> int:
    """Return where this server listens, as it says itself and not as the request does."""
    port = str(request.environ.get("SERVER_PORT", ""))
    return int(port) if port.isdecimal() else 0


def _arrived_at() -> str | None:
    """Return the local address of this connection; None outside gunicorn."""
    sock = request.environ.get("gunicorn.socket")
    try:
        return str(sock.getsockname()[0]) if sock is not None else None
    except (OSError, IndexError, TypeError):
        return None


def _was_relayed() -> bool:
    return any(name.lower().startswith(RELAYED) for name in request.headers.keys())  # noqa: SIM118  not a dict


def _https_outside() -> bool:
    """Return whether the first proxy was asked by https. It is believed for the cookies' sake alone.

    Whoever forges it makes his own cookies stricter.
    """
    return request.headers.get("X-Forwarded-Proto", "").partition(",")[0].strip().lower() == "https"


def _is_foreign(host: str) -> bool:
    """Return whether another site acts through this person's browser.

    Browsers say where a request comes from (Origin, Fetch Metadata); programs say neither, and
    need no protection from other sites.
    """
    if request.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"} and not (
        request.method in SAFE and request.headers.get("Sec-Fetch-Mode") == "navigate"
    ):
        return True
    origin = request.headers.get("Origin")
    if origin is None or request.method in SAFE:
        return False
    try:
        return urlsplit(origin).netloc.lower() != host.strip().lower()
    except ValueError:
        return True
