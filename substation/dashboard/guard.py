"""Who may come in. Every request passes here first, and nothing of it is parsed before the login.

dash-auth's own `_protect` is overridden whole. It parses bodies before the login (500 to anybody),
and its public routes let a forged `pathname` in a callback body through: they are never used here.
The order, each step cheap for a flood:

1. by a name that is ours (421);
2. demo passwords in use: only from this machine itself, and not through a proxy or tunnel (403);
3. `GET /healthz` ends here, without login and without data;
4. who is it? (401, 429, 503);
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
from flask import Response, g, request
from werkzeug.exceptions import BadRequest

from substation.access.users import role_at_least
from substation.clock import Clock
from substation.dashboard import callbacks, hosts, refusal, rights, tunnel
from substation.dashboard.feed import current
from substation.dashboard.login import AuditLine, Login
from substation.dashboard.watch import Watch
from substation.settings.model import User

LOG = logging.getLogger(__name__)
HEALTH = "/healthz"
CALLBACK = "/_dash-update-component"
DOCUMENTS = frozenset({"/", "/<path:path>"})
LARGEST_BODY = 1_000_000
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
SAME_PAGE_S = 10.0
"""A page's document and its content are two requests, but one look at the page."""
RELAYED = ("x-forwarded", "forwarded", "x-real-ip", "x-original", "via", "ngrok", "cf-", "true-client-ip")


class Guard(BasicAuth):  # type: ignore[misc]
    """dash-auth's Basic login with the way in replaced."""

    def __init__(self, app: dash.Dash, watch: Watch, login: Login, audit: AuditLine, clock: Clock) -> None:
        """Stand before every route of `app`, those registered before included."""
        self._tunnel = tunnel.Tunnel(watch.home, clock)
        self._watch = watch
        self._login = login
        self._audit = audit
        self._clock = clock
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
        if g.tunnelled:
            source = tunnel.SOURCE
        elif not hosts.allowed(host, web.bind, web.allowed_hosts, _arrived_at()):
            return refusal.unknown_host(host)
        if watch.demo_passwords and (g.tunnelled or not hosts.is_loopback(source) or _was_relayed()):
            return refusal.demo_is_local()
        if request.path == HEALTH and request.method == "GET":
            return None
        outcome = self._login.who(request.headers.get("Authorization"), source, watch.generation)
        if outcome.verdict == "wait":
            return refusal.come_again(outcome.retry_after_s)
        if outcome.verdict == "busy":
            return refusal.busy(outcome.retry_after_s)
        if outcome.user is None:
            return refusal.login_please()
        g.user = outcome.user
        return self._admit_known(outcome.user, source, host)

    def _admit_known(self, user: User, source: str, host: str) -> Response | None:
        if _is_foreign(host):
            return refusal.foreign_origin()
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
        page = callbacks.page_asked_for(body)
        if page is not None and page_exists(page):
            return self._admit_page(user, source, page)
        return None

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
