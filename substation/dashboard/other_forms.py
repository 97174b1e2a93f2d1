"""The paper forms beside the export, a short list on `/reports`: what there is, and whether it is ready."""

from dash import dcc, html

from substation.dashboard import log_asked, statement_asked
from substation.dashboard.feed import Feed
from substation.dashboard.register_asked import Asked as Register
from substation.dashboard.tongue import say
from substation.errors import StoreError
from substation.reports.statement import month_before, month_of


def section(feed: Feed) -> html.Section:
    """Return the list."""
    now_ms, zone = feed.clock.now_ms(), feed.settings.site.zone
    running = month_of(now_ms, zone)
    last = month_before(running)
    rows = [
        (say("Monthly statement"), statement_asked.address(month), _month(month, now_ms, feed))
        for month in (last, running)
    ]
    rows += [
        (say("Log sheet"), log_asked.PATH, say("every day")),
        (say("Interruptions"), Register("interruptions", running).address, statement_asked.words(running)),
        (say("DG log"), Register("dg", running).address, statement_asked.words(running)),
    ]
    return html.Section(
        [
            html.Div(html.H2(say("Other forms")), className="ss-sec-h"),
            html.Ul(
                [html.Li([dcc.Link(name, href=href), html.Span(state)]) for name, href, state in rows],
                className="ss-forms",
            ),
        ],
        **{"aria-label": say("Other forms")},
    )


def _month(month: str, now_ms: int, feed: Feed) -> str:
    zone = feed.settings.site.zone
    state = statement_asked.state(month, now_ms, zone)
    try:
        oldest_ms = feed.oldest_ms()
    except StoreError:  # the state line says so; whether it is ready is not known
        return statement_asked.words(month)
    if oldest_ms is None or month < month_of(oldest_ms, zone):
        state = say("nothing was stored yet")
    return f"{statement_asked.words(month)}, {state}"
