"""The month's statement: readings, units, demand, factors, supply; as it is printed and signed."""

from typing import Any

import dash
from dash import html

from substation.access.users import role_at_least
from substation.clock import site_time
from substation.dashboard import account_menu, form_view, statement_asked, statement_desk
from substation.dashboard.answers import trouble
from substation.dashboard.feed import Feed, current
from substation.dashboard.tongue import say
from substation.errors import RequestError, StoreError
from substation.reports import child
from substation.reports.statement_document import statement_document


def layout(**query: Any) -> html.Div:
    """Return the page with the statement of the month that its address asks for."""
    feed = current()
    now_ms, zone = feed.clock.now_ms(), feed.settings.site.zone
    month = statement_asked.asked(query, now_ms, zone)
    state = statement_asked.state(month, now_ms, zone)
    return html.Div(
        [
            html.Div(
                [
                    html.H1(say("Monthly statement")),
                    html.Small(f"{statement_asked.words(month)}, {state}"),
                    statement_asked.ways(month, now_ms, zone),
                ],
                className="ss-head",
            ),
            *([html.P(said, role="status")] if (said := statement_asked.not_asked(query, month)) else []),
            *(
                [
                    html.P(
                        say("The past of this demo is still being made: these figures grow for some minutes.")
                    )
                ]
                if feed.is_past_made
                else []
            ),
            _files(month),
            *_form(feed, month, now_ms),
        ],
        className="ss-p-statement",
    )


def _form(feed: Feed, month: str, now_ms: int) -> list[Any]:
    try:
        found = feed.statement(month)
    except StoreError as exc:
        return [html.P(trouble(exc), role="status")]
    except RequestError as exc:
        return [html.P(str(exc), role="status")]
    local = site_time(now_ms, feed.settings.site.zone)
    return [form_view.paper(statement_document(found, feed.settings, f"{local:%d %b %Y %H:%M}"))]


def _files(month: str) -> html.Div:
    """Return the ways to paper: the browser's print, and files for whoever may take them."""
    show = html.Button(
        say("Print"), type="button", className="ss-btn", disable_n_clicks=True, **{"data-log-print": "1"}
    )
    user = account_menu.visitor()
    if user is None or not role_at_least(user.role, "operator"):
        return html.Div(show, className="ss-stm-files")
    buttons = [
        html.Button(
            form.upper(),
            type="button",
            className="ss-btn",
            disable_n_clicks=True,
            **{
                "data-day-csv": f"{statement_desk.ADDRESS}?month={month}&form={form}",
                "data-lost": say("The dashboard cannot be reached."),
            },
        )
        for form in child.FORMS
    ]
    said = html.Span(role="status", className="ss-stm-said", **{"data-day-said": "1"})
    return html.Div([show, *buttons, said], className="ss-stm-files")


dash.register_page(__name__, path="/statement", name="Monthly statement", order=6, layout=layout)
