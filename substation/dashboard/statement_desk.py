"""The address behind the page `/statement`: `POST /api/statement/file?month=2026-11&form=pdf`.

For operators, as the log sheet's files are; with a line in the audit log, and not without. One file is made
at a time: the PDF's process takes 90 MB while it lasts.
"""

import threading

from flask import Flask, Response, request

from substation.clock import site_time
from substation.dashboard import posted, refusal
from substation.dashboard.answers import trouble
from substation.dashboard.desk import Desk
from substation.dashboard.export_desk import NO_AUDIT
from substation.dashboard.feed import current
from substation.dashboard.rights import current_user, needs
from substation.dashboard.tongue import say
from substation.errors import RequestError, StoreError, SubstationError
from substation.reports import child
from substation.reports.statement import read_month
from substation.reports.statement_document import statement_document

ADDRESS = "/api/statement/file"
PATIENCE_S = 20.0
"""So long a file waits for the one before it."""


def add(server: Flask, desk: Desk) -> None:
    """Add the address."""
    server.add_url_rule(ADDRESS, "api_statement_file", _Desk(desk).file, methods=["POST"])


class _Desk:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._turn = threading.Lock()

    @needs("operator")
    def file(self) -> Response:
        """Answer a month's statement as a file."""
        form = next((one for one in child.FORMS if one == request.args.get("form")), None)
        if form is None:
            words = say("There is PDF, XLSX and CSV.")
            return refusal.refuse(400, say("The request cannot be understood"), words)
        try:
            month = read_month(request.args.get("month", ""))
        except RequestError as exc:
            return refusal.refuse(400, say("The request cannot be understood"), f"{exc}")
        user, settings = current_user().name, self._desk.watch.settings
        local = site_time(self._desk.clock.now_ms(), settings.site.zone)
        if not self._turn.acquire(timeout=PATIENCE_S):
            return refusal.refuse(
                503, say("One moment, please"), say("Other sheets are being made. Try again.")
            )
        try:
            found = current().statement(month)
            document = statement_document(found, settings, f"made {local:%d %b %Y %H:%M} by {user}")
            content = child.made(document, form)
        except RequestError as exc:
            return refusal.refuse(400, say("Nothing was exported"), f"{exc}")
        except StoreError as exc:
            return refusal.refuse(503, say("Nothing was exported"), trouble(exc))
        except SubstationError as exc:
            return refusal.refuse(503, say("Nothing was exported"), f"{exc}")
        finally:
            self._turn.release()
        if not self._desk.audit.write(
            "statement.made", user=user, src=posted.source(), month=month, form=form
        ):
            return refusal.refuse(503, say("Nothing was exported"), NO_AUDIT)
        headers = {"Content-Disposition": f'attachment; filename="statement-{month}.{form}"'}
        return Response(content, content_type=child.TYPES[form], headers=headers)
