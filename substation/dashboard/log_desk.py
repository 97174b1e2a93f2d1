"""The addresses behind the page `/log`, for its own script.

| address | what |
|---|---|
| `POST /api/log/write` | an operator writes, corrects or takes back what stands at a place of the sheet |
| `GET /api/log/entries?subject=&at=&item=` | all that was ever written there, newest first |
| `POST /api/log/file?day=&meter=&form=` | the sheet as PDF, XLSX or CSV |

What is written has its line in the audit log first, with before and after; nothing is overwritten.
"""

import json
import threading
from typing import Any

from flask import Flask, Response, abort, request

from substation.clock import iso, site_time
from substation.dashboard import format as f
from substation.dashboard import log_asked, log_typed, log_words, posted, refusal
from substation.dashboard.answers import trouble
from substation.dashboard.desk import Desk
from substation.dashboard.export_desk import NO_AUDIT
from substation.dashboard.feed import current
from substation.dashboard.rights import current_user, needs
from substation.dashboard.tongue import say
from substation.errors import Crossed, SettingsError, StoreError, SubstationError
from substation.reports import child, log_book, log_form
from substation.reports.log_sheet import FORM, Typed
from substation.reports.log_source import ReadDay
from substation.store import entries
from substation.store.entries import Entry, Place

PATIENCE_S = 20.0
"""So long a file waits for the one before it."""


def typed_on(desk: Desk, read: ReadDay) -> Typed:
    """Return what people wrote into a day's sheets. Raises StoreError."""
    span = (FORM, read.written_from_ms, read.written_to_ms)
    return Typed(entries.standing(desk.database, *span), entries.corrected(desk.database, *span))


def add(server: Flask, desk: Desk) -> None:
    """Add the addresses."""
    of = _Log(desk)
    server.add_url_rule("/api/log/write", "api_log_write", of.write, methods=["POST"])
    server.add_url_rule("/api/log/entries", "api_log_entries", of.entries, methods=["GET"])
    server.add_url_rule("/api/log/file", "api_log_file", of.file, methods=["POST"])


class _Log:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._turn = threading.Lock()

    @needs("operator")
    def write(self) -> Response:
        said = posted.texts("subject", "at", "item", "text", "instead_of")
        place, column = self._place(said)
        try:
            text = log_typed.checked(said["text"], column)
            standing = self._standing(place)
            if str(standing.id if standing else 0) != said["instead_of"]:
                return self._crossed(standing)
            if text == (standing.text if standing else ""):
                return self._done(place, standing)
            return self._write(place, text, standing)
        except log_typed.NotPossible as exc:
            return posted.not_done(422, str(exc))
        except StoreError as exc:
            return posted.not_done(503, say("It cannot be kept: {why}", why=exc))

    def _write(self, place: Place, text: str, standing: Entry | None) -> Response:
        user = current_user().name
        said: dict[str, Any] = {
            "subject": place.subject,
            "item": place.item,
            "at": iso(place.moment_ms),
            "before": standing.text if standing else None,
            "after": text,
        }
        source = posted.source()
        if not self._desk.audit.write("log_sheet.written", user=user, src=source, **said):
            return posted.not_done(
                503, say("The audit log cannot be written, and nothing is kept without it.")
            )
        try:
            instead_of = standing.id if standing else 0
            entries.write(self._desk.database, self._desk.clock, place, text, user, instead_of=instead_of)
        except StoreError as exc:
            failed: dict[str, Any] = {"ok": False, "why": "it was not kept"}
            self._desk.audit.write("log_sheet.written", user=user, src=source, **failed, **said)
            if isinstance(exc, Crossed):
                return self._crossed(self._standing(place))
            raise
        return self._done(place, self._standing(place))

    def _done(self, place: Place, entry: Entry | None) -> Response:
        if entry is None:
            return posted.done("", id="0", text="", said="")
        times = len(entries.history(self._desk.database, place))
        said = log_words.entered(entry, self._desk.watch.settings.site.zone, times)
        return posted.done(said, id=str(entry.id), text=entry.text, said=said)

    def _crossed(self, entry: Entry | None) -> Response:
        if entry is None:  # what the page shows was never there
            return posted.not_done(409, say("The form has no such place. Open the sheet anew."))
        said = log_words.entered(entry, self._desk.watch.settings.site.zone)
        words = say(
            "Meanwhile '{text}' was written there, which stands ({said}). Look at it; then write again.",
            text=entry.text,
            said=said,
        )
        return refusal.refuse(
            409, say("Nothing was changed"), words, id=str(entry.id), text=entry.text, said=said
        )

    def entries(self) -> Response:
        said = {name: request.args.get(name, "")[:60] for name in ("subject", "at", "item")}
        place, _ = self._place(said)
        zone = self._desk.watch.settings.site.zone
        try:
            found = entries.history(self._desk.database, place)
        except StoreError as exc:
            return refusal.refuse(503, say("It cannot be looked up"), f"{exc}")
        told = [{"text": one.text or f.DASH, "said": log_words.entered(one, zone)} for one in found]
        return Response(json.dumps({"entries": told}), mimetype="application/json")

    @needs("operator")
    def file(self) -> Response:
        settings, now_ms = self._desk.watch.settings, self._desk.clock.now_ms()
        asked = log_asked.asked(request.args, settings, now_ms)
        form = next((one for one in child.FORMS if one == request.args.get("form")), None)
        if form is None:
            return refusal.refuse(
                400, say("The request cannot be understood"), say("There is PDF, XLSX and CSV.")
            )
        user = current_user().name
        whose = log_asked.SITE if asked.meter is None else str(asked.meter.id)
        said: dict[str, Any] = {"day": asked.day.isoformat(), "meter": whose, "form": form}
        if not self._desk.audit.write("log_sheet.made", user=user, src=posted.source(), **said):
            return refusal.refuse(503, say("Nothing was exported"), NO_AUDIT)
        local = site_time(now_ms, settings.site.zone)
        made_at = f"made {local:%d %b %Y %H:%M} by {user}"
        if not self._turn.acquire(timeout=PATIENCE_S):
            return refusal.refuse(
                503, say("One moment, please"), say("Other sheets are being made. Try again.")
            )
        try:
            read = current().log_day(asked.day, asked.meter)
            sheet = log_book.document(read, settings, asked.meter, typed_on(self._desk, read), made_at)
            content = child.made(sheet, form)
        except StoreError as exc:
            return refusal.refuse(503, say("Nothing was exported"), trouble(exc))
        except SubstationError as exc:
            return refusal.refuse(503, say("Nothing was exported"), f"{exc}")
        finally:
            self._turn.release()
        name = f"log-sheet-{asked.day.isoformat()}-{whose}.{form}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(content, content_type=child.TYPES[form], headers=headers)

    def _place(self, said: dict[str, str]) -> tuple[Place, Any]:
        """Return place and column; ends the request in words where there is no such place."""
        settings = self._desk.watch.settings
        try:
            form = log_form.load(self._desk.folder)
            return log_typed.place_of(said, form, settings, self._desk.clock.now_ms())
        except SettingsError as exc:
            abort(posted.not_done(503, f"{exc}"))
        except log_typed.NotPossible as exc:
            abort(posted.not_done(422, str(exc)))

    def _standing(self, place: Place) -> Entry | None:
        return next(iter(entries.history(self._desk.database, place)), None)
