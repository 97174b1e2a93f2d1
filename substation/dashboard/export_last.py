"""Who took readings away last: one line on `/reports`, out of the audit log.

Whoever may not read the audit log learns when and how much, and whether it was himself, but no name.
"""

import datetime as dt
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from dash import dcc, html
from flask import has_request_context

from substation import audit
from substation.audit.reader import harmless
from substation.dashboard import desk, rights
from substation.dashboard import format as f
from substation.dashboard.audit_asked import Asked
from substation.dashboard.tongue import say
from substation.errors import StoreError

WANTED = audit.Wanted(event="export.*")
LEFT_STATION = ("export.done", "export.aborted", "export.screen")
"""Events after which somebody has readings; an aborted one only when it had handed out rows."""
LOOKED_AT = 200
"""Lines on exports that are looked at: wrong passwords among them."""


def line() -> list[html.Dl]:
    """Return who exported last, and when; nothing while a page is drawn for nobody."""
    if not has_request_context():
        return []
    station, reader = desk.current(), rights.current_user()
    zone = station.watch.settings.site.zone
    names = rights.may("administrator")
    told: list[Any] = [last(station.audit.path, station.clock.now_ms(), zone, reader.name, names=names)]
    if names:
        told += [" ", dcc.Link(say("all of them"), href=Asked(WANTED).address)]
    row = html.Div([html.Dt(say("Last export")), html.Dd(told)])
    return [html.Dl(row, className="ss-inline ss-export-last")]


def last(log: Path, now_ms: int, zone: ZoneInfo, reader: str, *, names: bool) -> str:
    """Return in words who took readings away last.

    Args:
        log: the audit log.
        now_ms: UTC, ms.
        zone: the site's.
        reader: who asks.
        names: whether he may learn of others by name.
    """
    try:
        view = audit.newest(log, WANTED, count=LOOKED_AT)
    except StoreError:
        return say("not known: the audit log cannot be read")
    found = next((one for one in view.entries if _took(one)), None)
    if found is None:
        if view.older:
            return say(
                "none among the last {count} lines of the audit log", count=f.number(view.looked_at, 0)
            )
        return say("none since the audit log was begun")
    who = harmless(found.user) if names or found.user == reader else say("somebody else")
    when, rows = _when(found.local, now_ms, zone), f.number(_number(found.details.get("rows")), 0)
    match found.event:
        case "export.done":
            return say("{who}, {when}, {rows} rows", who=who, when=when, rows=rows)
        case "export.screen":
            return say("{who}, {when}, {rows} rows of a chart, not encrypted", who=who, when=when, rows=rows)
    return say("{who}, {when}, broken off after {rows} rows", who=who, when=when, rows=rows)


def _took(entry: audit.Entry) -> bool:
    return entry.event in LEFT_STATION and (entry.ok or bool(_number(entry.details.get("rows"))))


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) else None


def _when(local: str, now_ms: int, zone: ZoneInfo) -> str:
    try:
        at = dt.datetime.fromisoformat(local)
    except ValueError:
        return harmless(local)
    return f.moment(round(at.timestamp() * 1000), now_ms, zone)
