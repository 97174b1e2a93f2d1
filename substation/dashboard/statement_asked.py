"""What the address of the statement asks for, `/statement?month=2026-11`, and the ways to other months."""

import datetime as dt
from collections.abc import Mapping
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from dash import dcc, html

from substation.clock import site_time
from substation.dashboard import format as f
from substation.dashboard.tongue import say
from substation.errors import RequestError
from substation.reports.statement import month_before, month_of, read_month

PATH = "/statement"
MONTHS = 14
"""Offered in the menu; older ones by the arrow."""
_OLDEST = "2001-01"


def asked(query: Mapping[str, object], now_ms: int, zone: ZoneInfo) -> str:
    """Return the month that an address asks for; the last whole one where it asks for none that can be."""
    text = query.get("month")
    last = month_before(month_of(now_ms, zone))
    try:
        month = read_month(text) if isinstance(text, str) else last
    except RequestError:
        month = last
    return month if _OLDEST <= month <= month_of(now_ms, zone) else last


def not_asked(query: Mapping[str, object], shown: str) -> str:
    """Return in words that a month of an address has no statement; empty where the one asked for is shown."""
    text = str(query.get("month") or "").strip()[:40]
    try:
        if not text or read_month(text) == shown:
            return ""
    except RequestError:
        pass
    return say("'{text}' is no month with a statement; {month} is shown.", text=text, month=words(shown))


def address(month: str) -> str:
    """Return the address of a month's statement."""
    return f"{PATH}?{urlencode({'month': month})}"


def words(month: str) -> str:
    """Return `Nov 2026` in the viewer's language."""
    year, number = month.split("-")
    return f"{f.month(int(number))} {year}"


def state(month: str, now_ms: int, zone: ZoneInfo) -> str:
    """Return in words whether a month is over."""
    if month == month_of(now_ms, zone):
        day = site_time(now_ms, zone)
        return say("running, until {day} {time}", day=f"{day.day} {f.month(day.month)}", time=f"{day:%H:%M}")
    return say("ready")


def ways(month: str, now_ms: int, zone: ZoneInfo) -> html.Div:
    """Return the way to other months: one back, one on, and the last ones as a menu."""
    latest = month_of(now_ms, zone)
    listed = [latest]
    while len(listed) < MONTHS:
        listed.append(month_before(listed[-1]))

    def link(name: str, sign: str, to: str) -> dcc.Link:
        said = f"{name}: {words(to)}"
        return dcc.Link(
            [html.Span(sign, **{"aria-hidden": "true"}), html.Span(said, className="ss-sr")],
            href=address(to),
            className="ss-btn",
            title=said,
        )

    items = [
        html.Li(
            dcc.Link(f"{words(one)}, {state(one, now_ms, zone)}", href=address(one)),
            className="ss-on" if one == month else "",
        )
        for one in listed
    ]
    menu = html.Details(
        [
            html.Summary(
                [html.Span(f"{say('Month')}: ", className="ss-sr"), words(month)], className="ss-btn"
            ),
            html.Ul(items),
        ],
        className="ss-menu ss-events-menu",
    )
    back = [link(say("Month before"), "‹", month_before(month))] if month > _OLDEST else []
    on = [link(say("Month after"), "›", _after(month))] if month < latest else []
    return html.Div([*back, menu, *on], className="ss-stm-months")


def _after(month: str) -> str:
    year, number = map(int, month.split("-"))
    return f"{dt.date(year + number // 12, number % 12 + 1, 1):%Y-%m}"
