"""What the address of the register and of the DG log asks for: `/events?view=interruptions&month=2026-11`."""

import datetime as dt
import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args
from urllib.parse import urlencode

from dash import dcc, html

from substation.clock import site_time
from substation.dashboard import format as f
from substation.dashboard.events_asked import PATH
from substation.dashboard.tongue import say

View = Literal["interruptions", "dg"]
VIEWS: tuple[View, ...] = get_args(View)
MONTHS = 14
"""Offered in the menu; older ones by the arrow."""
MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
_KEY = re.compile(r"(site|meter:[0-9]{1,3})@[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for."""

    view: View
    month: str
    """Of the site's calendar: 2026-11."""
    open: str = ""
    """Key of the interruption, or the run, whose evidence and form are open."""
    said: str = ""
    """Token of what became of the form that was sent before."""

    @property
    def address(self) -> str:
        """The address that asks for it."""
        parts = {"view": self.view, "month": self.month, "open": self.open, "said": self.said}
        return f"{PATH}?{urlencode({name: value for name, value in parts.items() if value}, safe=':@')}"


def this_month(now_ms: int, zone: zoneinfo.ZoneInfo) -> str:
    """Return the month of a moment in the site's calendar."""
    return f"{site_time(now_ms, zone):%Y-%m}"


def asked(query: Mapping[str, object], now_ms: int, zone: zoneinfo.ZoneInfo) -> Asked | None:
    """Return what an address asks for; None where it is the list of events that it asks for."""

    def text(name: str) -> str:
        value = query.get(name)
        return value.strip()[:60] if isinstance(value, str) else ""

    view = next((one for one in VIEWS if one == text("view")), None)
    if view is None:
        return None
    month = text("month") if MONTH.fullmatch(text("month")) else this_month(now_ms, zone)
    key = text("open") if _KEY.fullmatch(text("open")) else ""
    return Asked(view, month, key, text("said")[:40])


def tabs(now: Asked | None, month: str) -> html.Nav:
    """Return the three views of the page as links."""
    ways = (
        (None, say("Events"), PATH),
        ("interruptions", say("Interruptions"), Asked("interruptions", month).address),
        ("dg", say("DG log"), Asked("dg", month).address),
    )
    chosen = now.view if now else None
    return html.Nav(
        [
            dcc.Link(
                [name, html.Span(f", {say('chosen')}", className="ss-sr")] if view == chosen else name,
                href=address,
                className="ss-on" if view == chosen else "",
            )
            for view, name, address in ways
        ],
        className="ss-pick ss-reg-tabs",
        **{"aria-label": say("Views of the events")},
    )


def month_words(month: str) -> str:
    """Return `Nov 2026` in the viewer's language."""
    year, number = month.split("-")
    return f"{f.month(int(number))} {year}"


def _shift(month: str, by: int) -> str:
    year, number = (int(part) for part in month.split("-"))
    first = dt.date(year + (number - 1 + by) // 12, (number - 1 + by) % 12 + 1, 1)
    return f"{first:%Y-%m}"


def months(now: Asked, now_ms: int, zone: zoneinfo.ZoneInfo) -> html.Div:
    """Return the way to other months: one back, one on, and the last ones as a menu."""
    latest = this_month(now_ms, zone)
    bare = replace(now, open="", said="")

    def link(words: str, sign: str, month: str) -> dcc.Link:
        named = f"{words}: {month_words(month)}"
        return dcc.Link(sign, href=replace(bare, month=month).address, className="ss-btn", title=named)

    listed = [_shift(latest, -back) for back in range(MONTHS)]
    menu = html.Details(
        [
            html.Summary(
                [html.Span(f"{say('Month')}: ", className="ss-sr"), month_words(now.month)],
                className="ss-btn",
            ),
            html.Ul(
                [html.Li(dcc.Link(month_words(one), href=replace(bare, month=one).address)) for one in listed]
            ),
        ],
        className="ss-menu ss-events-menu",
    )
    back = [link(say("Month before"), "‹", _shift(now.month, -1))] if now.month > "2000-01" else []
    on = [link(say("Month after"), "›", _shift(now.month, 1))] if now.month < latest else []
    return html.Div([*back, menu, *on], className="ss-reg-months")
