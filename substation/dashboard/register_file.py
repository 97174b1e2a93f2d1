"""`POST /register/file`: the register of a month, or its DG log, as PDF, XLSX or CSV.

Buttons of a plain form, for operators; each file has its line in the audit log first.
"""

import threading
from typing import Any

from dash import html
from flask import Flask, Response, abort, request

from substation.clock import site_time
from substation.dashboard import posted, refusal, register_asked, register_book, rights
from substation.dashboard.answers import trouble
from substation.dashboard.desk import Desk
from substation.dashboard.export_desk import NO_AUDIT
from substation.dashboard.feed import current
from substation.dashboard.register_asked import VIEWS, Asked, View
from substation.dashboard.register_form import may_write
from substation.dashboard.tongue import ENGLISH, say, speaking
from substation.errors import StoreError, SubstationError
from substation.reports import child, register_document
from substation.reports.child import Form
from substation.reports.document import Document
from substation.reports.register_document import Book
from substation.reports.supply_entries import DG_LOG, INTERRUPTION

FILE = "/register/file"
PATIENCE_S = 20.0
"""So long a file waits for the one before it."""
NAMES: dict[View, str] = {"interruptions": "interruption-register", "dg": "dg-log"}


def buttons(asked: Asked) -> list[html.Form]:
    """Return the buttons under which a view may be taken along; nothing for whoever may not."""
    if not may_write():
        return []
    ways = [
        html.Button(
            form.upper(),
            type="submit",
            name="what",
            value=f"{asked.view}|{asked.month}|{form}",
            className="ss-btn",
            disable_n_clicks=True,
        )
        for form in child.FORMS
    ]
    return [html.Form(ways, action=FILE, method="post", className="ss-reg-files")]


def add(server: Flask, desk: Desk) -> None:
    """Add the address."""
    turn = threading.Lock()

    def file() -> Response:
        return _file(desk, turn)

    server.add_url_rule(FILE, "register_file", rights.needs("operator")(file), methods=["POST"])


def _file(desk: Desk, turn: threading.Lock) -> Response:
    view, month, form = _what()
    user = rights.current_user().name
    said: dict[str, Any] = {"view": view, "month": month, "form": form}
    if not desk.audit.write("register.made", user=user, src=posted.source(), **said):
        return refusal.refuse(503, say("Nothing was exported"), NO_AUDIT)
    if not turn.acquire(timeout=PATIENCE_S):
        return refusal.refuse(503, say("One moment, please"), say("Other sheets are being made. Try again."))
    try:
        content = child.made(_document(desk, view, month, user), form)
    except StoreError as exc:
        return refusal.refuse(503, say("Nothing was exported"), trouble(exc))
    except SubstationError as exc:
        return refusal.refuse(503, say("Nothing was exported"), f"{exc}")
    finally:
        turn.release()
    headers = {"Content-Disposition": f'attachment; filename="{NAMES[view]}-{month}.{form}"'}
    return Response(content, content_type=child.TYPES[form], headers=headers)


def _document(desk: Desk, view: View, month: str, user: str) -> Document:
    feed = current()
    book = register_book.of_month(feed, month)
    local = site_time(desk.clock.now_ms(), feed.settings.site.zone)
    make = register_document.dg_log if view == "dg" else register_document.register
    with speaking(ENGLISH):
        words = register_asked.month_words(month)
    made_at = f"made {local:%d %b %Y %H:%M} by {user}"
    astray = book.astray(DG_LOG if view == "dg" else INTERRUPTION)
    return make(Book(book.record, feed.settings, words, made_at, book.written, book.by, astray))


def _what() -> tuple[View, str, Form]:
    """Return what is asked for; ends the request with 400 when it is no button of ours."""
    parts = request.form.get("what", "").split("|")
    view = next((one for one in VIEWS if one == parts[0]), None)
    form = next((one for one in child.FORMS if one == parts[-1]), None)
    if len(parts) != 3 or view is None or form is None or not register_asked.MONTH.fullmatch(parts[1]):
        abort(
            refusal.refuse(400, say("The request cannot be understood"), say("There is PDF, XLSX and CSV."))
        )
    return view, parts[1], form
