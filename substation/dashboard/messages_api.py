"""Test messages: `POST /api/messages/test` asks for one, `GET /api/messages/<id>` says what came of it.

An engineer asks, the messenger sends and says what the gateway said. It is written down for the messenger
(`store.message_requests`) after its line stands in the audit log. While the messenger does not run nothing is
asked: nobody would know what became of it. An address is neither taken nor shown: only the recipient's name.
"""

from typing import Any

from flask import Flask, Response

from substation.dashboard import health_messages, posted, refusal, rights
from substation.dashboard.asking import as_json
from substation.dashboard.desk import Desk
from substation.dashboard.heard import told
from substation.dashboard.tongue import later, say
from substation.errors import StoreError
from substation.settings.model import Home
from substation.store import heartbeat, message_requests, requests

_WAITS = later("Waiting for the messenger ...")
_SILENT = later("The messenger has not taken it. Look at the state line.")
LONGEST = 40


def add(server: Flask, desk: Desk) -> None:
    """Add the addresses."""
    of = _Testing(desk)
    needs = rights.needs("engineer")
    server.add_url_rule("/api/messages/test", "messages_test", needs(of.ask), methods=["POST"])
    server.add_url_rule("/api/messages/<int:number>", "messages_answer", needs(of.answer), methods=["GET"])


def beat(desk: Desk) -> dict[str, Any] | None:
    """Return the messenger's sign of life; None without one."""
    return heartbeat.read(Home(desk.folder, desk.watch.settings.paths).messenger)


class _Testing:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def ask(self) -> Response:
        desk, settings = self._desk, self._desk.watch.settings
        name = posted.texts("recipient")["recipient"][:LONGEST]
        if settings.messages.recipient(name) is None:
            return posted.not_done(404, say("There is no such recipient. Open the page anew."))
        said = beat(desk)
        if said is None or said.get("state") == "stopped" or self._is_silent(said):
            return posted.not_done(503, say("The messenger does not run, so nothing can be sent."))
        user = rights.current_user().name
        if not desk.audit.write("message.tested", user=user, src=posted.source(), to=name):
            return posted.not_done(
                503, say("The audit log cannot be written, and nothing is asked without it.")
            )
        try:
            number = message_requests.ask(desk.database, desk.clock, name, user)
        except StoreError as exc:
            return posted.not_done(503, say("The request cannot be written down: {why}", why=exc))
        return posted.done("asked", id=number)

    def _is_silent(self, said: dict[str, Any]) -> bool:
        return health_messages.age_s(said, self._desk.clock) > health_messages.SILENT_S

    def answer(self, number: int) -> Response:
        desk = self._desk
        home = Home(desk.folder, desk.watch.settings.paths)
        found = requests.answered(home.messenger_answers, number)
        if found is not None:
            return as_json({"state": found.state, "words": told(found.words), "progress": found.progress})
        try:
            rows = desk.database.rows("SELECT at_ms FROM message_request WHERE id = ?", (number,))
        except StoreError as exc:
            return posted.not_done(503, say("The request cannot be looked up: {why}", why=exc))
        if not rows:
            return refusal.refuse(404, say("No such request"), say("It was asked too long ago, or never."))
        late = desk.clock.now_ms() - int(str(rows[0][0])) > requests.YOUNG_MS
        state, words = ("refused", _SILENT) if late else ("waiting", _WAITS)
        return as_json({"state": state, "words": told(words), "progress": 0.0})
