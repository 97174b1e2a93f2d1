"""`GET /api/trend?m=&q=&from=&to=&with=`: the curves of the page `/trends`, for its own script.

Whoever may look at the page may ask, and gets what the page draws: a picture's worth of points, never more.
"""

import json
from typing import Any

from flask import Flask, Response, request

from substation.dashboard import refusal, trends, trends_answer
from substation.dashboard.answers import trouble
from substation.dashboard.desk import Desk
from substation.dashboard.feed import current
from substation.dashboard.tongue import say
from substation.dashboard.trends_answer import Picture
from substation.errors import StoreError


def add(server: Flask, desk: Desk) -> None:
    """Add the addresses."""
    of = _Trends(desk)
    server.add_url_rule("/api/trend", "api_trend", of.trend, methods=["GET"])


class _Trends:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def trend(self) -> Response:
        """Answer the picture that the address asks for."""
        found = _picture()
        if isinstance(found, Response):
            return found
        return _json(trends_answer.told(current(), found))


def _picture() -> Picture | Response:
    feed = current()
    asked = trends.read(request.args, feed.settings, feed.clock.now_ms())
    if asked.faults:
        return refusal.refuse(400, say("This cannot be drawn"), *asked.faults)
    try:
        return trends_answer.picture(feed, asked)
    except StoreError as exc:
        return refusal.refuse(503, say("Nothing can be drawn"), trouble(exc))


def _json(body: dict[str, Any]) -> Response:
    return Response(json.dumps(body, separators=(",", ":")), mimetype="application/json")
