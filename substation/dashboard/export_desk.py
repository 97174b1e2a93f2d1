"""The gate of the export: who may take readings away, and the addresses for it.

| address | what |
|---|---|
| `GET /api/export/estimate?every=&from=&to=&meters=&form=` | how many rows that would be |
| `POST /api/export` | ask, with the export password; answers a one-time token |
| `GET /api/export/file/TOKEN` | the file, once, within a minute |
| `GET /api/export/progress` | how far one's own export is; whether somebody else's runs |
| `POST /api/export/cancel` | end it; for an administrator `{"of_another": SINCE_MS}` ends that one |

Asking goes in this order: role, order, throttle, audit line, password, audit line. An export that
the audit log cannot record does not happen. The password stands in no address, cookie, log or audit
line; until the file is fetched it waits under the token (`access.tickets`).
"""

import contextlib
import json
import math
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, Response, g, request

from substation import export
from substation.access import users
from substation.access.throttle import Throttle
from substation.access.tickets import LIFE_S
from substation.clock import iso, site_time
from substation.dashboard import export_order, refusal, stopping, tunnel
from substation.dashboard import format as f
from substation.dashboard.desk import Desk
from substation.dashboard.exporting import Changed, Exports, Job, Taken
from substation.dashboard.heard import told
from substation.dashboard.rights import current_user, may, needs, role_name
from substation.dashboard.tongue import later, say
from substation.errors import AccessError, Crowded, StoreError, SubstationError
from substation.export import Measure, Order
from substation.export.estimate import SPREADSHEET_ROWS
from substation.export.seal import check_password
from substation.settings.model import Settings
from substation.settings.passwords import generated_password

WINDOW_S = 900.0
"""Five wrong export passwords within so many seconds, and the person has to wait."""
STALL_S = 300.0
"""One piece of 64 KiB is waited for so long at most, should `export_pace` not end it before."""
NOTED_EVERY_S = 60.0
"""Tries without a check (too many wrong ones) are written into the audit log so often at most."""
ARCHIVES = ("typed", "fresh")
SET_PASSWORD = "python3 encrypt_config.py passwd --export"  # noqa: S105  a command
NO_AUDIT = later(
    "The audit log cannot be written, and without it nothing leaves the station. "
    "Readings and pages are not touched by it. The state line and app.log say what is wrong; "
    "often the card is full."
)


def add(server: Flask, desk: Desk) -> None:
    """Add the addresses to the server."""
    made = ExportDesk(desk)
    for rule, view, method in (
        ("/api/export", made.ask, "POST"),
        ("/api/export/estimate", made.estimate, "GET"),
        ("/api/export/progress", made.progress, "GET"),
        ("/api/export/cancel", made.cancel, "POST"),
        ("/api/export/file/<token>", made.file, "GET"),
    ):
        server.add_url_rule(rule, f"export_{view.__name__}", view, methods=[method])
    server.extensions["export"] = made
    stopping.AT_STOP["export"] = made.exports.close


class ExportDesk:
    """Answers whoever wants readings; safe to use from many threads."""

    def __init__(self, desk: Desk) -> None:
        """Serve the station of `desk`."""
        self._desk = desk
        self._throttle = Throttle(desk.database, desk.clock, purpose="export", window_s=WINDOW_S)
        self._noted: dict[str, float] = {}
        self._lock = threading.Lock()
        self.exports = Exports(desk.folder, desk.audit, desk.clock, desk.watch)

    @needs("engineer")
    def estimate(self) -> Response:
        """Answer how many rows an order would give, and whether a spreadsheet could open them."""
        told: dict[str, object] = {
            name: request.args[name] for name in ("every", "from", "to", "form") if name in request.args
        }
        if "meters" in request.args:
            ids = request.args["meters"].split(",")
            told["meters"] = [int(one) for one in ids if one.isdecimal() and len(one) < 4]
        told["extremes"] = request.args.get("extremes") == "1"
        try:
            order = self._read(told)
            return _answer(self._estimated(self._measure(order)))
        except AccessError as exc:
            return refusal.refuse(400, say("This cannot be exported"), str(exc))
        except StoreError as exc:
            return refusal.refuse(503, say("The history cannot be read"), str(exc))

    @needs("engineer")
    def ask(self) -> Response:
        """Check the password and answer a one-time token for the file."""
        data = _posted()
        if data is None:
            return refusal.refuse(400, say("This is no order"), say("Send a JSON object. Reload the page."))
        password, archive = data.get("password"), data.get("archive", ARCHIVES[0])
        if not isinstance(password, str) or not password:
            return refusal.refuse(400, say("The export password is missing"), say("Enter it and ask again."))
        if archive not in ARCHIVES:
            return refusal.refuse(
                400, say("The archive's password is unclear"), say("Choose one of the two ways.")
            )
        try:
            order = self._read(data)
        except AccessError as exc:
            return refusal.refuse(400, say("This cannot be exported"), str(exc))
        name, source = current_user().name, _source()
        with self._throttle.turn(name, ""):
            wait = self._throttle.retry_after_s(name, "")
            if wait is not None:
                return self._too_many(name, source, wait)
            asked = self._desk.audit.write(
                "export.asked", user=name, src=source, **_told(order), archive=archive
            )
            if not asked:
                return refusal.refuse(503, say("Nothing was exported"), NO_AUDIT)
            settings = self._desk.watch.settings
            refused = self._verify(settings, name, source, password)
        if refused is not None:
            return refused
        export_hash = self._strengthened(settings, password)
        return self._grant(name, source, order, password, fresh=archive == "fresh", export_hash=export_hash)

    @needs("engineer")
    def file(self, token: str) -> Response:
        """Stream the file that was granted under a token."""
        if request.method == "HEAD":  # a look must not spend the token
            return Response(status=405, headers={"Allow": "GET"})
        try:
            download = self.exports.begin(token, current_user().name, _source(), _hang_up())
        except SubstationError as exc:
            return refusal.refuse(503, say("The export could not begin"), str(exc))
        if download is None:
            return refusal.refuse(
                410,
                say("This download is not valid any more"),
                say(
                    "Its address is good once, for {seconds} seconds, for whoever asked for it.",
                    seconds=f"{LIFE_S:.0f}",
                ),
                say("Ask for the export anew."),
            )
        name = export.ARCHIVE_NAME
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(download, mimetype="application/zip", headers=headers, direct_passthrough=True)

    @needs("engineer")
    def progress(self) -> Response:
        """Answer how far one's own export is, or how the last one ended; and whether another one runs."""
        name = current_user().name
        job, other = self.exports.last_of(name), self.exports.of_another(name)
        told: dict[str, object] = {"state": "none"} if job is None else _progress(job)
        if other is not None:
            told["other"] = self._of_another(other)
        return _answer(told)

    @needs("engineer")
    def cancel(self) -> Response:
        """End one's own export; for an administrator also that of another, when he names it."""
        name = current_user().name
        since_ms = (_posted() or {}).get("of_another")
        if since_ms is None:
            return _answer({"cancelled": self.exports.cancel(name)})
        if not may("administrator"):
            return refusal.not_yours(role_name("administrator"))
        ended = type(since_ms) is int and self.exports.cancel_of_another(name, since_ms)
        return _answer({"cancelled": ended})

    def _of_another(self, job: Job) -> dict[str, object]:
        """Return what is told of somebody else's export: his role, not his name."""
        settings = self._desk.watch.settings
        role = next((user.role for user in settings.users if user.name == job.user), "user")
        zone = settings.site.zone
        since, now = site_time(job.since_ms, zone), site_time(self._desk.clock.now_ms(), zone)
        at = (
            f"{since:%H:%M}"
            if since.date() == now.date()
            else f"{since.day} {f.month(since.month)} {since:%H:%M}"
        )
        whose = {
            "viewer": say("a viewer"),
            "operator": say("an operator"),
            "engineer": say("an engineer"),
            "administrator": say("an administrator"),
        }.get(role, say("a user"))
        return {
            "words": say("An export by {whose}, not you, runs since {at}.", whose=whose, at=at),
            "cancel": job.since_ms if may("administrator") else None,
        }

    def _read(self, data: Mapping[str, object]) -> Order:
        return export_order.read(data, self._desk.watch.settings, self._desk.clock.now_ms())

    def _measure(self, order: Order) -> Measure:
        watch = self._desk.watch
        return export.measure(watch.home.history, order, zone=watch.settings.site.zone)

    @staticmethod
    def _estimated(measure: Measure) -> dict[str, object]:
        return {
            "rows": measure.rows,
            "csv_bytes": measure.csv_bytes,
            "spreadsheet": measure.rows < SPREADSHEET_ROWS and not measure.refused,
            "notes": [_sentence(note) for note in (*measure.notes, measure.refused) if note],
        }

    def _verify(self, settings: Settings, name: str, source: str, password: str) -> Response | None:
        """Return None when this is the export password, else the answer to whoever typed another one."""
        if settings.export_password_hash is None:
            self._refused(name, source, "no export password is set")
            return refusal.refuse(
                409,
                say("This station has no export password yet"),
                say("An administrator sets one on the station with: {command}", command=SET_PASSWORD),
            )
        try:
            right = users.check_export(settings, password)
        except Crowded:
            self._refused(name, source, "too many checks at once")
            return refusal.busy(1)
        if not right:
            self._throttle.failed(name, "")
            self._refused(name, source, "wrong password")
            return refusal.refuse(
                403,
                say("The export password is not right"),
                say(
                    "Nothing was exported. It is not your login password. "
                    "After five wrong ones you have to wait for up to 15 minutes."
                ),
            )
        self._throttle.succeeded(name, "")
        return None

    def _grant(
        self, name: str, source: str, order: Order, typed: str, *, fresh: bool, export_hash: str | None
    ) -> Response:
        password = generated_password() if fresh else typed
        try:
            check_password(password)
            self.exports.check_free(name)
            measure = self._measure(order)
            if not measure.rows:
                self._refused(name, source, "there are no such rows")
                return refusal.refuse(409, say("There is nothing to export"), *map(_sentence, measure.notes))
            if measure.refused:
                self._refused(name, source, "more rows than this form holds")
                return refusal.refuse(409, say("This form does not hold so much"), _sentence(measure.refused))
            token = self.exports.grant(
                name, source, order, measure.rows, password, fresh=fresh, export_hash=export_hash
            )
        except Taken as exc:
            self._refused(name, source, "another export is under way")
            return refusal.refuse(429, say("One export at a time"), str(exc))
        except Changed as exc:
            self._refused(name, source, "user or export password was changed meanwhile")
            return refusal.refuse(409, say("Nothing was exported"), str(exc))
        except AccessError as exc:
            self._refused(name, source, "no archive could have this password")
            return refusal.refuse(400, say("This cannot be exported"), str(exc))
        except StoreError as exc:
            self._refused(name, source, "the history cannot be read")
            return refusal.refuse(503, say("The history cannot be read"), str(exc))
        granted = self._desk.audit.write(
            "export.granted", user=name, src=source, **_told(order), of=measure.rows, fresh=fresh
        )
        if not granted:
            self.exports.cancel(name, "the audit log cannot be written")
            return refusal.refuse(503, say("Nothing was exported"), NO_AUDIT)
        return _answer(
            {
                "token": token,
                "archive_password": password if fresh else None,
                **self._estimated(measure),
                "note": export_order.words(order, self._desk.watch.settings),
            }
        )

    def _strengthened(self, settings: Settings, password: str) -> str | None:
        """Store a hash of today's strength where the original system's is in use; return the one in force.

        It is that of a password which was found right: by whoever called, or by the exchange itself.
        """
        with contextlib.suppress(SubstationError):  # the export counts in any case; the next one tries again
            if users.rehash_export(self._desk.folder, password):
                self._desk.watch.look_now()
                return self._desk.watch.settings.export_password_hash
        return settings.export_password_hash

    def _too_many(self, name: str, source: str, wait_s: float) -> Response:
        now = self._desk.clock.monotonic()
        with self._lock:
            due = now - self._noted.get(name, -math.inf) >= NOTED_EVERY_S
            if due:
                self._noted[name] = now
        if due:
            self._refused(name, source, "too many wrong passwords")
        minutes = max(1, math.ceil(wait_s / 60))
        answer = refusal.refuse(
            429,
            say("Too many wrong export passwords"),
            say("Try again in {minutes} min. Your login is not touched by it.", minutes=minutes),
            say("A forgotten one is set anew on the station with: {command}", command=SET_PASSWORD),
        )
        answer.headers["Retry-After"] = str(max(1, math.ceil(wait_s)))
        return answer

    def _refused(self, name: str, source: str, why: str) -> None:
        self._desk.audit.write("export.refused", user=name, src=source, ok=False, why=why)


def _posted() -> dict[str, Any] | None:
    """Return the JSON object that was posted; None for anything else, however deep."""
    try:
        data = request.get_json(silent=True)
    except RecursionError:
        return None
    return data if isinstance(data, dict) else None


def _told(order: Order) -> dict[str, Any]:
    """Return what the audit log says of an order."""
    return {
        "from": iso(order.start_ms),
        "to": iso(order.end_ms),
        "every": order.resolution,
        "meters": list(order.meter_ids),
        "form": order.form,
    }


def _progress(job: Job) -> dict[str, object]:
    progress = job.progress
    outcome = job.running.outcome if job.running else None
    whole = outcome if job.state == "done" and outcome is not None else None
    return {
        "state": job.state,
        "rows": whole.rows if whole else progress.rows,
        "of": whole.rows if whole else progress.of or job.of,
        "bytes": whole.bytes if whole else progress.bytes,
        "left_s": progress.left_s if job.state == "running" else None,
        "fresh": job.fresh,
        "words": _sentence(job.words),
    }


def _source() -> str:
    """Return from where this person comes, as the guard says it."""
    return tunnel.SOURCE if g.get("tunnelled") else request.remote_addr or ""


def _hang_up() -> Callable[[], None]:
    """Limit how long the browser may take nothing, and return what ends its connection."""
    connection = request.environ.get("gunicorn.socket")
    if not isinstance(connection, socket.socket):
        return lambda: None
    connection.settimeout(STALL_S)

    def hang_up() -> None:
        with contextlib.suppress(OSError):  # it has ended by itself
            connection.shutdown(socket.SHUT_RDWR)

    return hang_up


def _sentence(words: str) -> str:
    return told(f"{words[:1].upper()}{words[1:]}.") if words else ""


def _answer(told: Mapping[str, object]) -> Response:
    return Response(json.dumps(told), mimetype="application/json")
