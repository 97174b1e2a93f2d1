"""The tunnel from far away: which `Host` is its own, and that everybody behind it is one source.

Two ways lead to a name that is let in:

- the tunnel that the station runs itself (`start.sh --tunnel`, or its unit) says in `state/tunnel.json` by
  which name it is reached, and holds a lock as long as it lives (`access.tunnel`);
- an `ngrok http 8050` typed by hand is asked, at its own address on this machine, which names lead to
  our port. Only for a name that looks like one of ngrok's, and once in ten seconds at most.

`guard` asks here only about requests that come from this machine itself, where a tunnel ends.
"""

import threading
from collections.abc import Iterator

from dash import html
from flask import g, has_request_context, request

from substation.access import tunnel
from substation.audit import Audit
from substation.clock import Clock
from substation.dashboard import hosts
from substation.dashboard.tongue import say
from substation.settings.model import Home, Settings

SOURCE = "tunnel"
"""Behind a tunnel all people come from one address: failed logins are counted by user alone."""
RECORD_S = 0.5
"""The record of our own tunnel is looked at so often at most."""
ASK_S = 10.0
"""A local ngrok is asked so often at most."""
LONGEST_ORIGIN = 100
LIVE_S = 1.0
CHARTS_S = 60.0
CHARTS_TIMES = 10
"""Through a tunnel the curves are asked for once in so many refreshes of the live values."""


class Tunnel:
    """What is known of the tunnels that run now; cheap to ask with every request, safe from many threads."""

    def __init__(self, home: Home, clock: Clock) -> None:
        """Know the tunnel of the station in `home`."""
        self._home = home
        self._clock = clock
        self._own = ""
        self._own_at_s: float | None = None
        self._by_hand: frozenset[str] = frozenset()
        self._asked_at_s: float | None = None
        self._asked_port = 0
        self._asking = threading.Lock()

    def carries(self, host: str, port: int) -> bool:
        """Return whether a request with this `Host` came through a tunnel that runs now.

        Args:
            host: the header as it came.
            port: where this dashboard listens; a tunnel to another port is none of ours.
        """
        name = hosts.name_in(host)
        if not name or name in hosts.LOCAL:
            return False
        return name == self._own_name() or (tunnel.looks_like_ngrok(name) and name in self._found(port))

    def _own_name(self) -> str:
        now_s = self._clock.monotonic()
        if self._own_at_s is None or now_s - self._own_at_s >= RECORD_S:
            record = tunnel.read(self._home.tunnel)
            self._own = record.host if record is not None and tunnel.is_held(self._home.tunnel) else ""
            self._own_at_s = now_s
        return self._own

    def _found(self, port: int) -> frozenset[str]:
        """Return the names by which a local ngrok reaches us; while one request asks, no other waits."""
        if not self._asking.acquire(blocking=False):
            return self._by_hand
        try:
            now_s = self._clock.monotonic()
            asked_s = self._asked_at_s
            if asked_s is None or now_s - asked_s >= ASK_S or port != self._asked_port:
                self._by_hand = frozenset(self._ask(port))
                self._asked_at_s, self._asked_port = now_s, port
            return self._by_hand
        finally:
            self._asking.release()

    def _ask(self, port: int) -> Iterator[str]:
        until_s = self._clock.monotonic() + tunnel.ASK_S
        for api in tunnel.API_PORTS:
            left_s = until_s - self._clock.monotonic()
            if left_s > 0:
                yield from (name for name, _, to in tunnel.ask(api, left_s) if to == port)


def came_through() -> bool:
    """Return whether the request at hand came through a tunnel; the guard has noted it."""
    return has_request_context() and bool(g.get("tunnelled", False))


def pace_s(settings: Settings) -> float:
    """Return after how many seconds this browser asks for live values again."""
    return settings.web.tunnel_refresh_s if came_through() else LIVE_S


def charts_pace_s(settings: Settings) -> float:
    """Return after how many seconds this browser asks for the day's curves again: they move slowly."""
    return max(CHARTS_S, CHARTS_TIMES * settings.web.tunnel_refresh_s) if came_through() else CHARTS_S


def note(settings: Settings) -> list[html.Div]:
    """Return the strip that tells whoever comes through a tunnel why values are not of this second."""
    if not came_through():
        return []
    words = say(
        "Values are asked for every {seconds} s; each shows its age.",
        seconds=f"{settings.web.tunnel_refresh_s:g}",
    )
    return [html.Div([html.B(say("Through the tunnel")), html.Span(words)], className="ss-far", role="note")]


class TunnelledAudit(Audit):
    """The audit log, with the far end's address as the tunnel tells it beside what came through one.

    It is a detail and no source: whoever asks can write anything into `X-Forwarded-For`.
    """

    def write(self, event: str, *, user: str = "", src: str = "", ok: bool = True, **details: object) -> bool:
        """Append one line; see `Audit.write`."""
        if came_through():
            said = request.headers.get("X-Forwarded-For", "")[:LONGEST_ORIGIN]
            if said:
                details.setdefault("forwarded_for", said)
        return super().write(event, user=user, src=src, ok=ok, **details)
