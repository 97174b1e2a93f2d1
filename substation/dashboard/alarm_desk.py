"""`POST /alarms/ask`: an operator acknowledges an alarm, writes a note, shelves it or takes it off the shelf.

Taking out of service hides an alarm without an end: that is for an engineer; an operator may put it back.

Plain forms whose button carries what is asked, so that they need no script. Nothing is done here: it is
written down for the poller, after its line stands in the audit log, and the page that follows shows the
poller's answer; where a field of the form is wanting, it says so beside it, with what was typed. While
the poller does not run nothing is asked: nobody would know what became of it.
"""

from dataclasses import dataclass
from typing import Any, get_args
from urllib.parse import urlencode

from flask import Flask, Response, abort, redirect, request

from substation.alarms.handling import LONGEST_SHELF_MIN, LONGEST_WORDS
from substation.alarms.state import Asked
from substation.dashboard import posted, refusal, rights
from substation.dashboard.desk import Desk
from substation.dashboard.feed import current
from substation.dashboard.settings_desk import Outcome, Outcomes
from substation.dashboard.tongue import say
from substation.errors import StoreError
from substation.store import alarm_commands

ASK = "/alarms/ask"
PATH = "/events"
MINUTES = (15, 30, 60, 120, 240, LONGEST_SHELF_MIN)
"""For how long a page offers to shelve an alarm."""
KINDS: tuple[Asked, ...] = get_args(Asked)
FIELDS = frozenset({"do", "words", "minutes"})
REFUSED = Outcomes()
"""Forms in which something is wanting, for the page that says so."""


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody asks."""

    kind: Asked
    rule: str
    subject: str
    occurrence: str = ""
    words: str = ""
    minutes: int = 0

    @property
    def key(self) -> str:
        """Of the alarm."""
        return f"{self.rule}@{self.subject}"


def value(kind: Asked, key: str, occurrence: str) -> str:
    """Return what a form's button carries: what is asked of which alarm, as the page showed it."""
    return f"{kind}|{occurrence}|{key}"


def add(server: Flask, desk: Desk) -> None:
    """Add the address."""

    def ask() -> Response:
        return _ask(desk)

    server.add_url_rule(ASK, "alarms_ask", rights.needs("operator")(ask), methods=["POST"])


def _ask(desk: Desk) -> Response:
    order = _order()
    feed = current()
    if feed.board().poller.state != "running":
        return posted.not_done(
            503,
            say(
                "The poller does not run, so alarms are not watched and nobody obeys. Start it, and look at "
                "the alarms again; nothing was asked."
            ),
        )
    if order.key not in feed.alarms().plan.by_key:
        return posted.not_done(404, say("This station has no such alarm. Open Events anew."))
    if order.kind == "out_of_service" and not rights.may("engineer"):
        return rights.not_for("engineer")
    user = rights.current_user().name
    if faults := _faults(order):
        typed = {"words": order.words, "minutes": str(order.minutes)}
        token = REFUSED.keep(Outcome(user, faults=faults, typed=typed))
        return _see(alarm=order.key, refused=token)
    said: dict[str, Any] = {
        "kind": order.kind,
        "alarm": order.key,
        "occurrence": order.occurrence,
        "note": order.words,
    }
    if order.kind == "shelve":
        said["minutes"] = order.minutes
    if not desk.audit.write("alarm.asked", user=user, src=posted.source(), **said):
        return posted.not_done(503, say("The audit log cannot be written, and nothing is asked without it."))
    try:
        uid = alarm_commands.ask(
            desk.database,
            desk.clock,
            order.kind,
            rule=order.rule,
            subject=order.subject,
            by=user,
            words=order.words,
            minutes=order.minutes,
            occurrence=order.occurrence,
        )
    except StoreError as exc:
        why = "it could not be written down: nothing was asked"
        desk.audit.write("alarm.asked", user=user, src=posted.source(), ok=False, why=why, **said)
        return posted.not_done(503, say("The request cannot be written down: {why}", why=exc))
    return _see(asked=uid)


def _see(**query: str) -> Response:
    went = redirect(f"{PATH}?{urlencode(query, safe='@:')}", 303)
    return Response(went.get_data(), went.status_code, went.headers)


def _faults(order: Order) -> dict[str, str]:
    """Return by field of the form what is wanting there."""
    if order.kind == "shelve" and not order.words:
        return {"words": say("Say why it is shelved: whoever comes after you has to know.")}
    if order.kind == "out_of_service" and not order.words:
        return {"words": say("Say why it is taken out of service: whoever comes after you has to know.")}
    if order.kind == "note" and not order.words:
        return {"words": say("The note is empty: write it first.")}
    if order.kind == "shelve" and not 1 <= order.minutes <= LONGEST_SHELF_MIN:
        return {"minutes": say("An alarm is shelved for 1 to {most} minutes.", most=LONGEST_SHELF_MIN)}
    return {}


def _order() -> Order:
    """Return what was posted; ends the request with 400 when it is no form of our page."""
    said = request.form.to_dict(flat=False)
    kind, _, rest = said.get("do", [""])[0].partition("|")
    occurrence, _, key = rest.partition("|")
    rule, at, subject = key.partition("@")
    known = next((one for one in KINDS if one == kind), None)
    if known is None or not at or not set(said) <= FIELDS or any(len(one) != 1 for one in said.values()):
        advice = say("Open Events anew and press the button there. Nothing was asked.")
        abort(refusal.refuse(400, say("The request cannot be understood"), advice))
    minutes = said.get("minutes", [""])[0]
    return Order(
        known,
        rule,
        subject,
        occurrence[:60] if known == "acknowledge" else "",
        " ".join(said.get("words", [""])[0].split())[:LONGEST_WORDS],
        int(minutes) if known == "shelve" and minutes.isdecimal() and len(minutes) < 6 else 0,
    )


def asked(desk: Desk, uid: str, user: str) -> tuple[str, str, str] | None:
    """Return what a person has asked under a uid: kind, rule, subject; None where he has asked nothing."""
    try:
        rows = desk.database.rows(
            "SELECT kind, rule, subject FROM alarm_command WHERE uid = ? AND asked_by = ?", (uid, user)
        )
    except StoreError:
        return None
    return (str(rows[0][0]), str(rows[0][1]), str(rows[0][2])) if rows else None
