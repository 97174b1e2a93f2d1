"""`POST /register/write`: an operator writes cause, remark or litres beside what was seen.

A plain form, so that it needs no script. The answer leads back to the row, which shows that it was saved, or
beside each field why it was not, with everything that was typed. Each field that changes is an audit line
with before and after, written first; without it nothing is written.
"""

import json
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, abort, redirect, request

from substation.alarms.dg_runs import DgRun
from substation.alarms.interruptions import Interruption
from substation.dashboard import posted, refusal, register_book, rights
from substation.dashboard.desk import Desk
from substation.dashboard.feed import current
from substation.dashboard.heard import told
from substation.dashboard.register_asked import MONTH, Asked, View
from substation.dashboard.register_book import Book
from substation.dashboard.register_form import ABOUT, LOADED, WRITE
from substation.dashboard.settings_desk import Outcome, Outcomes
from substation.dashboard.tongue import say
from substation.errors import Crossed, StoreError
from substation.reports import handwriting, supply_entries
from substation.reports.supply_entries import DG_LOG, INTERRUPTION, Form
from substation.store import entries

OUTCOMES = Outcomes()
LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Posted:
    """What was posted."""

    form: Form
    key: str
    month: str
    typed: dict[str, str]
    loaded: dict[str, tuple[int, str]]
    """By field the entry that the page showed: id and text."""

    @property
    def view(self) -> View:
        """The view that it came from."""
        return "dg" if self.form == DG_LOG else "interruptions"


def add(server: Flask, desk: Desk) -> None:
    """Add the address."""

    def write() -> Response:
        return _write(desk)

    server.add_url_rule(WRITE, "register_write", rights.needs("operator")(write), methods=["POST"])


def _write(desk: Desk) -> Response:
    said = _posted()
    user = rights.current_user().name
    try:
        book = register_book.of_month(current(), said.month)
    except StoreError as exc:
        return _back(said, Outcome(user, faults={"": _unread(exc)}, typed=said.typed))
    one = book.find(said.form, said.key)
    if one is None:
        gone = say(
            "What this was about is not in the register any more: look at it anew. Nothing was written."
        )
        return _back(said, Outcome(user, faults={"": gone}, typed=said.typed))
    changed, faults = _changed(said)
    if not faults:
        stands = book.texts(one)
        found = supply_entries.faults(said.form, {**stands, **changed})
        faults = {
            item: _fault(said.typed.get(item, stands.get(item, "")), words) for item, words in found.items()
        }
    if not faults:
        faults = _crossed(book, one, said, changed)
    if faults:
        return _back(said, Outcome(user, faults=faults, typed=said.typed))
    written = []
    for item, text in changed.items():
        # what the browser says that it showed is no witness: what stands in the book is
        entry = book.entry(one, item)
        before = (0, "") if entry is None else (entry.id, entry.text)
        fault = _one(desk, user, supply_entries.place(one, item), text, before)
        if fault:
            return _back(said, Outcome(user, faults={item: fault}, typed=said.typed))
        written.append((item, before[1], text))
    return _back(said, Outcome(user, tuple(written)))


def _changed(said: Posted) -> tuple[dict[str, str], dict[str, str]]:
    """Return what differs from what the page showed, as it is kept, and what cannot be taken."""
    changed: dict[str, str] = {}
    faults: dict[str, str] = {}
    for item, field in supply_entries.fields(said.form).items():
        if item not in said.typed:
            continue
        try:
            text = supply_entries.read(field, said.typed[item])
        except ValueError as exc:
            faults[item] = _fault(said.typed[item], str(exc))
            continue
        if text != said.loaded.get(item, (0, ""))[1]:
            changed[item] = text
    return changed, faults


def _fault(typed: str, why: str) -> str:
    return f"'{handwriting.marked(typed.strip()):.40}' {told(why)}"


def _crossed(book: Book, one: Interruption | DgRun, said: Posted, changed: dict[str, str]) -> dict[str, str]:
    """Return for each field what somebody else wrote there meanwhile: then nothing of the form is written."""
    found = {}
    for item in changed:
        entry = book.entry(one, item)
        if entry is not None and entry.id != said.loaded.get(item, (0, ""))[0]:
            found[item] = say(
                "{name} wrote {text} there meanwhile. Save again to put yours in its place, or type theirs.",
                name=entry.entered_by,
                text=f"'{entry.text}'",
            )
    return found


def _one(desk: Desk, user: str, place: entries.Place, text: str, before: tuple[int, str]) -> str:
    """Write one field after its audit line; return why it was not, in words."""
    line: dict[str, Any] = {"form": place.form, "subject": place.subject, "moment_ms": place.moment_ms}
    line |= {"item": place.item, "before": before[1], "after": text}
    if not desk.audit.write("register.written", user=user, src=posted.source(), **line):
        return say("The audit log cannot be written, and nothing is written without it.")
    try:
        entries.write(desk.database, desk.clock, place, text, user, instead_of=before[0])
    except StoreError as exc:
        why = "somebody else wrote there meanwhile" if isinstance(exc, Crossed) else "it could not be stored"
        desk.audit.write("register.written", user=user, src=posted.source(), ok=False, why=why, **line)
        return told(str(exc))
    return ""


def _unread(exc: StoreError) -> str:
    return say("The register cannot be read: {why}", why=told(str(exc)))


def _posted() -> Posted:
    """Return what was posted; ends the request with 400 when it is no form of our page."""
    fields = request.form.to_dict(flat=False)
    about, loaded = (_json(fields.pop(name, [""])) for name in (ABOUT, LOADED))
    known = isinstance(about, list) and len(about) == 3 and all(isinstance(part, str) for part in about)
    form = next((one for one in (INTERRUPTION, DG_LOG) if known and one == about[0]), None)
    pairs = isinstance(loaded, dict) and all(
        isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], int) and isinstance(pair[1], str)
        for pair in loaded.values()
    )
    if (
        form is None
        or not pairs
        or not MONTH.fullmatch(about[2])
        or not set(fields) <= set(supply_entries.fields(form))
        or any(len(values) != 1 for values in fields.values())
    ):
        advice = say("Open the register anew and write it there. Nothing was written.")
        abort(refusal.refuse(400, say("The request cannot be understood"), advice))
    typed = {item: values[0][:LONGEST] for item, values in fields.items()}
    return Posted(
        form, about[1][:60], about[2], typed, {item: (pair[0], pair[1]) for item, pair in loaded.items()}
    )


def _json(said: list[str]) -> Any:
    try:
        found = json.loads(said[0])
    except (ValueError, RecursionError):
        return None
    return found


def _back(said: Posted, outcome: Outcome) -> Response:
    address = Asked(said.view, said.month, said.key, OUTCOMES.keep(outcome)).address
    went = redirect(address, 303)
    return Response(went.get_data(), went.status_code, went.headers)
