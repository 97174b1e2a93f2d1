"""What the address of the events page asks for, and the links and the form that make such an address."""

import datetime as dt
import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args
from urllib.parse import parse_qsl, urlencode

from dash import dcc, html

from substation.alarms import state
from substation.clock import day_start_ms, site_time
from substation.dashboard import events_past
from substation.dashboard.events_words import HIDDEN
from substation.dashboard.tongue import say
from substation.settings.model import Settings
from substation.store.event_pages import Wanted

PATH = "/events"
SUPPLY = ("supply", "supply.confirmed", "supply.corrected")
METERS = (
    *events_past.PAIRS,
    "comm.disabled", "comm.limits", "meter.profile",
    "energy.rollover", "energy.reset", "energy.swap", "energy.false_reading",
)  # fmt: skip
"""Kinds of the chip for meters and lines; the station's are all others."""
ALARMS: tuple[str, ...] = get_args(state.Kind)
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address of the page asks for."""

    kind: str = ""
    """supply | dg | meters | alarms | station; empty: all."""
    meter: int | None = None
    first: str = ""
    """The first day, ISO; empty: from the beginning."""
    last: str = ""
    below: tuple[int, int] | None = None
    """Only events before this one: a further page."""

    @property
    def address(self) -> str:
        """The address that asks for it; what is empty is left out."""
        parts = {
            "kind": self.kind,
            "meter": "" if self.meter is None else str(self.meter),
            "first": self.first,
            "last": self.last,
            "below": "" if self.below is None else f"{self.below[0]}-{self.below[1]}",
        }
        query = urlencode({name: value for name, value in parts.items() if value})
        return f"{PATH}?{query}" if query else PATH

    def wanted(self, settings: Settings) -> Wanted:
        """Return which events these are."""
        zone = settings.site.zone
        sets = [meter.id for meter in settings.meters if meter.role == "generator"]
        others = [meter.id for meter in settings.meters if meter.role != "generator"]
        kinds: tuple[str, ...] = {
            "supply": SUPPLY, "dg": SUPPLY, "meters": METERS, "alarms": ALARMS
        }.get(self.kind, ())  # fmt: skip
        without = (*HIDDEN, *((*SUPPLY, *METERS, *ALARMS) if self.kind == "station" else ()))
        of_kind = {"supply": others, "dg": sets}.get(self.kind, [])
        meters = of_kind if self.meter is None else [self.meter]
        if self.meter is not None and of_kind and self.meter not in of_kind:
            meters = [-1]  # a feeder is no DG set: there is nothing of both kinds
        if self.kind == "dg" and not sets:
            meters = [-1]
        return Wanted(
            kinds=kinds,
            without=without,
            meters=tuple(meters),
            start_ms=_start(self.first, zone) if self.first else 0,
            end_ms=_start(self.last, zone, after=True) if self.last else None,
            below=self.below,
        )


def asked(query: Mapping[str, object], settings: Settings) -> Asked:
    """Return what an address asks for; what is no kind, no meter and no day asks for nothing."""

    def text(name: str) -> str:
        value = query.get(name)
        return value.strip()[:40] if isinstance(value, str) else ""

    def day(name: str) -> str:
        try:
            found = dt.date.fromisoformat(text(name))
        except ValueError:
            return ""
        return found.isoformat() if 1970 < found.year < 9000 else ""

    kind, meter = text("kind"), text("meter")
    key = re.fullmatch(r"([0-9]{1,15})-([0-9]{1,15})", text("below"))
    known = {str(one.id): one.id for one in settings.meters}
    return Asked(
        kind if kind in ("supply", "dg", "meters", "alarms", "station") else "",
        known.get(meter),
        day("first"),
        day("last"),
        (int(key[1]), int(key[2])) if key else None,
    )


def of_address(address: str, settings: Settings) -> Asked:
    """Return what an address of this page asks for."""
    try:
        pairs = parse_qsl(address.partition("?")[2], max_num_fields=10)
    except ValueError:
        pairs = []
    return asked(dict(pairs), settings)


def _start(day: str, zone: zoneinfo.ZoneInfo, *, after: bool = False) -> int:
    date = dt.date.fromisoformat(day) + dt.timedelta(days=1 if after else 0)
    return round(dt.datetime(date.year, date.month, date.day, tzinfo=zone).timestamp() * 1000)


def filters(now: Asked, settings: Settings, now_ms: int) -> html.Div:
    """Return what may be asked for: kinds as links, meter and time as menus, any days as a form."""
    kinds = (
        ("", say("All")),
        ("supply", say("Supply")),
        ("dg", say("DG set")),
        ("meters", say("Meters and lines")),
        ("alarms", say("Alarms")),
        ("station", say("Station")),
    )
    anew = replace(now, below=None)
    chips = [
        dcc.Link(
            [name, html.Span(f", {say('chosen')}", className="ss-sr")] if kind == now.kind else name,
            href=replace(anew, kind=kind).address,
            className="ss-on" if kind == now.kind else "",
        )
        for kind, name in kinds
    ]
    meters: list[tuple[str, str]] = [(say("All meters"), replace(anew, meter=None).address)]
    meters += [(f"{m.id} {m.name}", replace(anew, meter=m.id).address) for m in settings.meters]
    chosen = next((m for m in settings.meters if m.id == now.meter), None)
    return html.Div(
        [
            html.Div(chips, className="ss-pick", role="group", **{"aria-label": say("Kind")}),
            _menu(f"{chosen.id} {chosen.name}" if chosen else say("All meters"), meters, say("Meter")),
            _menu(_range_words(now), _ranges(anew, now_ms, settings.site.zone), say("Time span")),
            html.Details(
                [html.Summary(say("Days")), _form(now)],
                open=bool(now.first or now.last),
                className="ss-audit-more",
            ),
        ],
        className="ss-events-ask",
    )


def _menu(chosen: str, ways: list[tuple[str, str]], name: str) -> html.Details:
    links = [html.Li(dcc.Link(words, href=address)) for words, address in ways]
    head = html.Summary([html.Span(f"{name}: ", className="ss-sr"), chosen], className="ss-btn")
    return html.Details([head, html.Ul(links)], className="ss-menu ss-events-menu")


def _range_words(now: Asked) -> str:
    if now.first and now.first == now.last:
        return now.first
    if now.first and now.last:
        return say("{first} to {last}", first=now.first, last=now.last)
    if now.first:
        return say("from {first}", first=now.first)
    return say("until {last}", last=now.last) if now.last else say("All time")


def _ranges(anew: Asked, now_ms: int, zone: zoneinfo.ZoneInfo) -> list[tuple[str, str]]:
    def back(days: int) -> str:
        return site_time(day_start_ms(now_ms, zone, days), zone).date().isoformat()

    return [
        (say("All time"), replace(anew, first="", last="").address),
        (say("Today"), replace(anew, first=back(0), last=back(0)).address),
        (say("Yesterday"), replace(anew, first=back(1), last=back(1)).address),
        (say("Last 7 days"), replace(anew, first=back(6), last="").address),
        (say("Last 30 days"), replace(anew, first=back(29), last="").address),
        (say("Last 12 months"), replace(anew, first=back(364), last="").address),
    ]


def _form(now: Asked) -> html.Form:
    fields: list[Any] = [
        html.Div([html.Label(label, htmlFor=f"events-{name}"), _slot(name, "date", value)])
        for name, label, value in (("first", say("From day"), now.first), ("last", say("To day"), now.last))
    ]
    kept = {"kind": now.kind, "meter": "" if now.meter is None else str(now.meter)}
    hidden = [_slot(name, "hidden", value) for name, value in kept.items() if value]
    button = html.Button(say("Show"), type="submit", className="ss-btn", disable_n_clicks=True)
    return html.Form(
        [*fields, *hidden, button],
        action=PATH,
        method="get",
        role="search",
        className="ss-events-form",
        **{"data-audit": "1", "aria-label": say("Days to show")},
    )


def _slot(name: str, kind: str, value: str) -> html.Span:
    """Return where `assets/audit.js` puts an input: Dash has none that a plain form sends."""
    attributes = {"data-ask": kind, "data-name": name, "data-value": value, "data-id": f"events-{name}"}
    return html.Span(key=f"{name} {value}", className="ss-slot", **attributes)
