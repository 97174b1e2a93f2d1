"""Requests to the poller: `POST /api/requests/<kind>` asks, `GET /api/requests/<id>` says how far it is.

The dashboard never touches the line: it writes down what is asked (`store.requests`), the poller judges it,
obeys it between two rounds and answers. An operator may have a meter probed; what holds the line for longer
(scan, identify, read, check of the wiring) is an engineer's. Each request is audited with who asked.
`GET /api/health` is the page `/health` in words, for its own script.
"""

import json
from collections.abc import Mapping
from typing import Any, get_args

from flask import Flask, Response, abort

from substation.dashboard import health, health_messages, posted, refusal, rights, store_facts
from substation.dashboard.desk import Desk
from substation.dashboard.feed import current
from substation.dashboard.heard import told
from substation.dashboard.tongue import later, say
from substation.errors import StoreError
from substation.settings.model import Home, UserRole
from substation.store import heartbeat, requests

FIELDS: Mapping[str, tuple[str, ...]] = {
    "probe": ("meter",),
    "scan": ("line", "ids"),
    "identify": ("line", "ids"),
    "read": ("meter", "register"),
    "wiring": ("line", "meter"),
}
"""What may be said with each kind; all of it text, and judged by the poller."""
NEEDED: Mapping[str, UserRole] = {"probe": "operator"}
LONGEST = 100
SILENT_S = 10.0
"""A poller that has not taken a request for so long is not there."""


def add(server: Flask, desk: Desk) -> None:
    """Add the addresses."""
    of = _Asking(desk)
    server.add_url_rule("/api/requests/<kind>", "api_ask", of.ask, methods=["POST"])
    server.add_url_rule("/api/requests/<int:number>", "api_answer", of.answer, methods=["GET"])
    server.add_url_rule("/api/health", "api_health", of.health, methods=["GET"])


def beat(desk: Desk) -> dict[str, Any] | None:
    """Return the poller's heartbeat; None without one, or from another kind of station."""
    settings = desk.watch.settings
    said = heartbeat.read(Home(desk.folder, settings.paths).heartbeat)
    return said if said is not None and bool(said.get("simulated")) == settings.simulated else None


def report(desk: Desk) -> health.Report:
    """Return the page `/health` in words."""
    feed = current()
    models = {meter.id: feed.profile(meter.id) for meter in feed.settings.meters}
    said, board = beat(desk), feed.board()
    home = Home(desk.folder, feed.settings.paths)
    facts = store_facts.gather(home, desk.clock, said, running=board.poller.state == "running")
    messages = health_messages.messages(feed.settings, heartbeat.read(home.messenger), desk.clock)
    return health.report(feed.settings, said, board, models, facts, messages=messages)


class _Asking:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def ask(self, kind: str) -> Response:
        if kind not in get_args(requests.Kind):
            return refusal.refuse(
                404, say("No such request"), say("There are: {known}.", known=", ".join(FIELDS))
            )
        needed = NEEDED.get(kind, "engineer")
        if not rights.may(needed):
            return rights.not_for(needed)
        said = posted.texts(optional=FIELDS[kind])
        if any(len(words) > LONGEST for words in said.values()):
            return posted.not_done(400, say("Each answer has {count} characters at most.", count=LONGEST))
        user = rights.current_user().name
        arguments = {name: words.strip() for name, words in said.items() if words.strip()}
        written = self._desk.audit.write(
            "request.asked", user=user, src=posted.source(), kind=kind, arguments=arguments
        )
        if not written:
            return posted.not_done(
                503, say("The audit log cannot be written, and nothing is asked without it.")
            )
        try:
            number = requests.ask(self._desk.database, self._desk.clock, kind, arguments, user)  # type: ignore[arg-type]
        except StoreError as exc:
            return posted.not_done(503, say("The request cannot be written down: {why}", why=exc))
        return posted.done("asked", id=number)

    def answer(self, number: int) -> Response:
        home = Home(self._desk.folder, self._desk.watch.settings.paths)
        found = requests.answered(home.answers, number)
        if found is None:
            at_ms = self._asked_ms(number)
            late = self._desk.clock.now_ms() - at_ms > SILENT_S * 1000
            state, words = ("refused", _SILENT) if late else ("waiting", _WAITS)
            return as_json({"state": state, "words": told(words), "progress": 0.0})
        if found.kind != "probe" and not rights.may("engineer"):
            return rights.not_for("engineer")
        return as_json(
            {
                "state": found.state,
                "words": told(found.words),
                "progress": found.progress,
                "kind": found.kind,
                "result": _retold(found.result),
            }
        )

    def _asked_ms(self, number: int) -> int:
        try:
            rows = self._desk.database.rows("SELECT at_ms FROM request WHERE id = ?", (number,))
        except StoreError as exc:
            abort(posted.not_done(503, say("The request cannot be looked up: {why}", why=exc)))
        if not rows:
            abort(refusal.refuse(404, say("No such request"), say("It was asked too long ago, or never.")))
        return int(str(rows[0][0]))

    def health(self) -> Response:
        return as_json(health.plain(report(self._desk)))


_WAITS = later("Waiting for the poller ...")
_SILENT = later(
    "The poller has not taken the request: it is stopped, hangs, or is older than this dashboard. "
    "Look at the state line."
)


_SAID = frozenset(
    (
        "words",
        "state",
        "what",
        "look_at",
        "evidence",
        "certainty",
        "why",
        "notes",
        "changes",
        "held",
        "failed",
    )
)
"""Members of a result in which somebody is spoken to."""


def _retold(result: Any, name: str = "") -> Any:
    """Return a result with the sentences in it that are known told in the language in force."""
    if isinstance(result, dict):
        return {key: _retold(value, str(key)) for key, value in result.items()}
    if isinstance(result, list):
        return [_retold(value, name) for value in result]
    return told(result) if isinstance(result, str) and name in _SAID else result


def as_json(body: Mapping[str, Any]) -> Response:
    """Return an answer to a script of ours that nobody keeps."""
    response = Response(json.dumps(body, separators=(",", ":")), mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
