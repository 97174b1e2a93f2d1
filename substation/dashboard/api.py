"""`GET /api/live`: the board as JSON, for our own pages and for other programs. `GET /healthz`: alive.

Values are in the unit they carry and at the resolution they are stored in; whoever shows them
rounds and rescales. A missing value is null, and its quality says why; `why` says it in words where the
meter does not have it or is not asked for it. A value that is older than the meter's newest answer, as
energies are for most of the time, has its own `age_s`.
"""

import json
import threading
import zlib
from collections.abc import Collection
from typing import Any, TypeVar

import dash
from flask import Response, request

from substation.clock import iso
from substation.dashboard import refusal, screen, tongue
from substation.dashboard.board import Board, LiveMeter
from substation.dashboard.feed import Feed
from substation.quantities import KEYS

Choice = TypeVar("Choice")
KEPT_ANSWERS = 64
"""Different questions (`keys`, `meters`) whose answer is kept for one board."""


class LiveApi:
    """Answers from the shared board; the same question within a quarter of a second costs nothing."""

    def __init__(self, app: dash.Dash, feed: Feed) -> None:
        """Add the addresses to the server behind `app`."""
        self._feed = feed
        self._news = screen.News()
        self._lock = threading.Lock()
        self._board: Board | None = None
        self._answers: dict[tuple[str | bool | None, ...], bytes] = {}
        app.server.add_url_rule("/api/live", "api_live", self.live, methods=["GET"])
        app.server.add_url_rule("/healthz", "healthz", self.healthz, methods=["GET"])

    def healthz(self) -> Response:
        """Answer that the dashboard answers, and nothing about the station."""
        return Response('{"ok": true}\n', mimetype="application/json")

    def live(self) -> Response:
        """Answer the board; `?keys=a,b` and `?meters=1,2` narrow it.

        `?screen=` is what our own pages ask each second: their words come ready to be painted
        (see `screen.News`), so that everything else they do not use is left out.
        """
        keys_text, meters_text = request.args.get("keys"), request.args.get("meters")
        held = request.args.get("screen")
        board = self._feed.board()
        packed = request.accept_encodings.quality("gzip") > 0
        question = (keys_text, meters_text, held, tongue.spoken(), packed)
        with self._lock:
            if self._board is not board:
                self._board, self._answers = board, {}
            body = self._answers.get(question)
        if body is None:
            keys, wrong_keys = _chosen(keys_text, {key: key for key in KEYS})
            meters, wrong_meters = _chosen(meters_text, {str(meter.id): meter for meter in board.meters})
            if wrong_keys:
                return _wrong("quantity", wrong_keys, "the names stand in docs/reference/quantities.md")
            if wrong_meters:
                known = ", ".join(str(meter.id) for meter in board.meters)
                return _wrong("meter", wrong_meters, f"this station has {known}")
            if held is None:
                with tongue.speaking(tongue.ENGLISH):  # programs are told the same by everybody
                    told = self._told(board, keys, meters)
            else:
                told = self._told_to_our_own(board, keys, meters, held)
            body = json.dumps(told, separators=(",", ":")).encode()
            body = _packed(body) if packed else body
            with self._lock:
                if self._board is board and len(self._answers) < KEPT_ANSWERS:
                    self._answers[question] = body
        answer = Response(body, mimetype="application/json")
        answer.headers["Vary"] = "Accept-Encoding"
        if packed:
            answer.headers["Content-Encoding"] = "gzip"
        return answer

    def _told(self, board: Board, keys: Collection[str], meters: Collection[LiveMeter]) -> dict[str, Any]:
        return {
            "at": iso(board.at_ms),
            "simulated": board.simulated,
            "poller": {
                "state": board.poller.state,
                "age_s": _tenths(board.poller.age_s),
                "words": board.poller.words,
            },
            "lines": [
                {"name": line.name, "state": line.state, "detail": line.detail, "busy": line.busy}
                for line in board.lines
            ],
            "problems": list(board.problems),
            "meters": [self._meter(meter, keys) for meter in meters],
        }

    def _told_to_our_own(
        self, board: Board, keys: Collection[str], meters: Collection[LiveMeter], held: str
    ) -> dict[str, Any]:
        return {
            "at": iso(board.at_ms),
            "limits": [board.limits.fresh_s, board.limits.late_s],
            "slow": [board.slow.fresh_s, board.slow.late_s],
            "meters": [
                {
                    "id": meter.id,
                    "age_s": _tenths(meter.age_s),
                    "freshness": meter.freshness,
                    "values": {key: _short(meter, key) for key in keys},
                }
                for meter in meters
            ],
            "screen": self._news.since(self._feed, board, held),
        }

    def _meter(self, meter: LiveMeter, keys: Collection[str]) -> dict[str, Any]:
        today = self._feed.today(meter.id)
        return {
            "id": meter.id,
            "name": meter.name,
            "role": meter.role,
            "status": meter.status,
            "supply": meter.supply,
            "evidence": meter.evidence,
            "since": None if meter.since_ms is None else iso(meter.since_ms),
            "comm_status": meter.comm_status,
            "comm_detail": meter.comm_detail,
            "age_s": _tenths(meter.age_s),
            "freshness": meter.freshness,
            "today": {
                "kwh_today": today.kwh_today,
                "kwh_yesterday": today.kwh_yesterday,
                "max_demand_va": today.max_demand_va,
                "max_demand_at": None if today.max_demand_at_ms is None else iso(today.max_demand_at_ms),
                "about": today.about_today,
                "completeness": today.completeness,
                "doubt": today.doubt,
                "power_factor": today.factor.value,
                "power_factor_of": today.factor.basis or today.factor.why,
            },
            "values": {
                key: {
                    "value": meter.values[key].value,
                    "unit": meter.values[key].unit,
                    "quality": meter.values[key].quality,
                    **_own_age(meter, key),
                    **({"why": meter.values[key].why} if meter.values[key].why else {}),
                }
                for key in keys
            },
        }


def _packed(body: bytes) -> bytes:
    """Compress an answer, some 3 kB to 600 bytes: once for all who ask the same.

    A small window is as good for so little, and saves clearing 256 kB of memory each time.
    """
    packer = zlib.compressobj(6, zlib.DEFLATED, 16 + 12, 5)
    return packer.compress(body) + packer.flush()


def _own_age(meter: LiveMeter, key: str) -> dict[str, float | None]:
    """Return the age of a value that is not of the meter's newest answer: most energies are not."""
    age_s = meter.values[key].age_s
    return {} if age_s is None or age_s == meter.age_s else {"age_s": _tenths(age_s)}


def _short(meter: LiveMeter, key: str) -> dict[str, Any]:
    """Return a value for our own pages: with its age where that is to be judged apart from the meter's."""
    value = meter.values[key]
    told: dict[str, Any] = {"value": value.value, "quality": value.quality}
    if value.slow and value.age_s is not None:
        told["age_s"] = _tenths(value.age_s)
    elif _own_age(meter, key):
        told |= {**_own_age(meter, key), "fast": 1}
    return told


def _chosen(text: str | None, known: dict[str, Choice]) -> tuple[list[Choice], list[str]]:
    """Return what a comma-separated list names, and the names that are unknown; all without a list."""
    if text is None:
        return list(known.values()), []
    names = [name.strip() for name in text.split(",") if name.strip()]
    return (
        [known[name] for name in dict.fromkeys(names) if name in known],
        [name for name in names if name not in known],
    )


def _wrong(what: str, names: list[str], remedy: str) -> Response:
    listed = ", ".join(repr(name[:40]) for name in names[:5])
    return refusal.refuse(400, f"No such {what}: {listed}", f"{remedy[0].upper()}{remedy[1:]}.")


def _tenths(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
