"""Audit: who did what, from where; and was the log changed? For administrators."""

from typing import Any

import dash
from dash import html

from substation import audit
from substation.clock import site_time
from substation.dashboard import audit_asked, audit_view, audit_watch, desk
from substation.dashboard.feed import current
from substation.dashboard.tongue import say
from substation.errors import SettingsError, StoreError
from substation.settings import vault

LINES = 200


def layout(**query: Any) -> html.Div:
    """Return the page with the lines that its address asks for."""
    asked = audit_asked.asked(query)
    watch, now_ms = audit_watch.current(), current().clock.now_ms()
    zone = current().settings.site.zone
    finding = watch.finding
    watch.ask()
    return html.Div(
        [
            html.Div(
                [
                    html.H1(say("Audit log")),
                    html.Span(say("who did what, and from where"), className="ss-muted"),
                ],
                className="ss-head",
            ),
            audit_view.chain(finding, under_way=watch.under_way, now_ms=now_ms, zone=zone),
            audit_asked.filters(asked),
            _lines(asked, site_time(now_ms, zone).date().isoformat()),
        ],
        className="ss-p-audit",
    )


def _lines(asked: audit_asked.Asked, today: str) -> html.Section:
    station = desk.current()
    settings = station.watch.settings
    try:
        keys = audit.keys_of(settings, vault.read_key(station.folder))
        view = audit.newest(station.audit.path, asked.wanted, before=asked.before, count=LINES, keys=keys)
    except (StoreError, SettingsError) as exc:
        return audit_view.unreadable(str(exc))
    return audit_view.lines(view, asked, settings.site.zone, today)


dash.register_page(__name__, path="/audit", name="Audit log", order=8, layout=layout, needs="administrator")
