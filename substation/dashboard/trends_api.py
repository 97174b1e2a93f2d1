"""The addresses behind the page `/trends`, for its own script; both say in their query what is drawn.

| address | what |
|---|---|
| `GET /api/trend?m=&q=&from=&to=&with=` | the curves: a picture's worth of points, never more |
| `POST /api/trend/csv?...` | the same figures as a file, for engineers, noted in the audit log |

Both take their turn (`trends_pace`): 429 to who asks without end, 503 while too many are drawn for; each with
`Retry-After`, by which the page asks again by itself.
"""

import json
from typing import Any

from flask import Flask, Response, request

from substation.clock import iso
from substation.dashboard import posted, refusal, trends, trends_answer, trends_csv
from substation.dashboard.answers import trouble
from substation.dashboard.desk import Desk
from substation.dashboard.export_desk import NO_AUDIT
from substation.dashboard.feed import current
from substation.dashboard.rights import current_user, needs
from substation.dashboard.tongue import say
from substation.dashboard.trends_pace import Later, Turns
from substation.dashboard.trends_picture import Picture, picture
from substation.errors import StoreError


def add(server: Flask, desk: Desk) -> None:
    """Add the addresses."""
    of = _Trends(desk)
    server.add_url_rule("/api/trend", "api_trend", of.trend, methods=["GET"])
    server.add_url_rule("/api/trend/csv", "api_trend_csv", of.csv, methods=["POST"])


class _Trends:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._turns = Turns(desk.clock)

    def trend(self) -> Response:
        """Answer the picture that the address asks for."""
        try:
            with self._turns.turn((current_user().name, posted.source())):
                return self._drawn()
        except Later as later:
            return _later(later)

    def _drawn(self) -> Response:
        found = _picture()
        if isinstance(found, Response):
            return found
        body: dict[str, Any] = trends_answer.told(current(), found)
        return Response(json.dumps(body, separators=(",", ":")), mimetype="application/json")

    @needs("engineer")
    def csv(self) -> Response:
        """Answer its figures as a file."""
        name, source = current_user().name, posted.source()
        try:
            with self._turns.turn((name, source)):
                return self._file(name, source)
        except Later as later:
            return _later(later)

    def _file(self, name: str, source: str) -> Response:
        settings = self._desk.watch.settings
        if settings.export_password_hash is None:
            return self._refused(
                name,
                "no export password is set",
                say("This station has no export password yet, so no readings leave it."),
                say("An administrator sets one on the station with: {command}", command=_SET),
            )
        found = _picture()
        if isinstance(found, Response):
            return found
        if trends_csv.single_readings(found):
            return self._refused(
                name,
                "single readings",
                say("Single readings leave the station encrypted, on Reports, never as a plain file."),
                say("Draw more than 2 h: then the file has the means of each minute."),
            )
        text, rows = trends_csv.text(found, simulated=settings.simulated)
        span: dict[str, Any] = {"from": iso(found.start_ms), "to": iso(found.end_ms)}
        noted = self._desk.audit.write(
            "export.screen",
            user=name,
            src=source,
            rows=rows,
            meters=list(found.asked.meter_ids),
            quantities=list(found.asked.keys),
            **span,
        )
        if not noted:
            return refusal.refuse(503, say("Nothing was exported"), NO_AUDIT)
        day = trends.written(found.start_ms, found.zone)[:10]
        headers = {"Content-Disposition": f'attachment; filename="trends-{day}.csv"'}
        return Response(text, mimetype="text/csv", headers=headers)

    def _refused(self, name: str, why: str, *words: str) -> Response:
        self._desk.audit.write("export.refused", user=name, src=posted.source(), ok=False, why=why)
        return refusal.refuse(409, say("Nothing was exported"), *words)


def _later(later: Later) -> Response:
    if later.own:
        words = say(
            "More was asked for here than the station draws for one viewer. It goes on in {seconds} s.",
            seconds=later.after_s,
        )
        answer = refusal.refuse(429, say("One moment, please"), words)
    else:
        words = say(
            "Others are being drawn for at this moment. It goes on in {seconds} s.", seconds=later.after_s
        )
        answer = refusal.refuse(503, say("One moment, please"), words)
    answer.headers["Retry-After"] = str(later.after_s)
    return answer


_SET = "python3 encrypt_config.py passwd --export"


def _picture() -> Picture | Response:
    feed = current()
    asked = trends.read(request.args, feed.settings, feed.clock.now_ms())
    if asked.faults:
        return refusal.refuse(400, say("This cannot be drawn"), *asked.faults)
    try:
        return picture(feed, asked)
    except StoreError as exc:
        return refusal.refuse(503, say("Nothing can be drawn"), trouble(exc))
