"""The hourly log sheet: what the meters read at each hour, what is written beside it by hand, the hand-over.

A day of one meter, or of all; typed into where it stands. The day that runs draws itself anew as hours come.
"""

from typing import Any

import dash
from dash import Input, Output, State, dcc, html

from substation.access.users import role_at_least
from substation.clock import site_time
from substation.dashboard import account_menu, desk, log_asked, log_desk, tunnel
from substation.dashboard.answers import trouble
from substation.dashboard.feed import Feed, current
from substation.dashboard.log_asked import Asked
from substation.dashboard.log_view import View
from substation.dashboard.tongue import say
from substation.errors import SettingsError, StoreError
from substation.reports import child, log_hours
from substation.reports.log_sheet import Typed, log_sheet
from substation.reports.log_source import ReadDay
from substation.settings.model import UserRole

LOOK_S = 20.0
"""So often a page looks whether an hour has come or somebody wrote."""
NAMES = {"pdf": "PDF", "xlsx": "XLSX", "csv": "CSV"}


def layout(**query: Any) -> html.Div:
    """Return the page with the sheet that its address asks for."""
    feed = current()
    asked = log_asked.asked(query, feed.settings, feed.clock.now_ms())
    content, mark = _sheet(feed, asked)
    pace_s = max(LOOK_S, tunnel.pace_s(feed.settings))
    return html.Div(
        [
            html.Div([html.H1(say("Log sheet")), _ask(feed, asked)], className="ss-head"),
            html.Div(_ways(asked), className="ss-log-ways"),
            *[html.P(words, role="status") for words in log_asked.not_asked(query, asked)],
            html.Div(content, id="log-sheet"),
            html.Div(
                [
                    html.P(id="log-said", role="status", className="ss-log-said"),
                    html.Button(
                        say("History"), id="log-history", type="button", className="ss-btn",
                        disable_n_clicks=True, hidden=True,
                    ),
                    html.Ol(id="log-entries", className="ss-log-entries"),
                ],
                className="ss-log-cell",
                **{"data-none": say("Nothing was written here yet.")},
            ) if _may("operator") else None,
            dcc.Interval(id="log-look", interval=round(pace_s * 1000)),
            dcc.Store(id="log-held", data={"query": asked.query, "mark": mark}),
        ],
        className="ss-p-log",
    )  # fmt: skip


@dash.callback(  # type: ignore[untyped-decorator]
    Output("log-sheet", "children"),
    Output("log-held", "data"),
    Input("log-look", "n_intervals"),
    State("log-held", "data"),
    prevent_initial_call=True,
)
def look(_: int | None, held: Any) -> Any:
    """Draw the sheet anew when an hour has come, or somebody wrote."""
    if not isinstance(held, dict) or not isinstance(held.get("query"), str):
        return dash.no_update, dash.no_update
    feed = current()
    asked = log_asked.of_query(held["query"], feed.settings, feed.clock.now_ms())
    if _mark(feed, asked) == held.get("mark"):
        return dash.no_update, dash.no_update
    content, mark = _sheet(feed, asked)
    return content, {**held, "mark": mark}


def _may(role: UserRole) -> bool:
    user = account_menu.visitor()
    return user is not None and role_at_least(user.role, role)


def _sheet(feed: Feed, asked: Asked) -> tuple[list[Any], str]:
    """Return the sheet, or why there is none; and the mark of what it shows."""
    mark = _mark(feed, asked)
    try:
        read = feed.log_day(asked.day, asked.meter)
    except SettingsError as exc:
        lines = [html.Li(line) for line in str(exc).splitlines()]
        return [
            html.P(say("This station's own form of the log sheet cannot be used, so there is no sheet.")),
            html.Ul(lines, className="ss-log-faults"),
        ], mark
    except StoreError as exc:
        return [html.P(trouble(exc), role="status")], mark
    typed, why = _typed(read)
    sheet = log_sheet(read, feed.settings, asked.meter, typed)
    may_write = _may("operator") and not why
    view = View(sheet, asked, feed.settings, feed.clock.now_ms(), may_write=may_write)
    return [*([html.P(why, role="status")] if why else []), view.paper(), view.hand_over(), view.also()], mark


def _typed(read: ReadDay) -> tuple[Typed, str]:
    """Return what was written by hand, or in words why that is not known."""
    try:
        return log_desk.typed_on(desk.current(), read), ""
    except StoreError as exc:
        return Typed(), say(
            "What was written by hand cannot be shown, and nothing can be written: {why}", why=exc
        )


def _mark(feed: Feed, asked: Asked) -> str:
    """Return what changes when the sheet does: hours that have come, and what was written last."""
    now_ms = feed.clock.now_ms()
    hours = log_hours.hours(asked.day, feed.settings.site.zone, now_ms)
    states = "".join(one.state[0] for one in hours)
    early = sum(one.at_ms <= now_ms + log_hours.EARLY_MS for one in hours)
    try:
        rows = desk.current().database.rows("SELECT ifnull(max(id), 0) FROM entry")
    except StoreError:
        rows = [("?",)]
    return f"{states} {early} {rows[0][0]}"


def _ask(feed: Feed, asked: Asked) -> html.Div:
    today = site_time(feed.clock.now_ms(), feed.settings.site.zone).date()
    whose = "site" if asked.meter is None else str(asked.meter.id)
    ways = [(say("All meters"), Asked(asked.day, None, asked.by_hand).address)]
    ways += [
        (f"{one.id} {one.name}", Asked(asked.day, one, asked.by_hand).address) for one in feed.settings.meters
    ]
    chosen = say("All meters") if asked.meter is None else f"{asked.meter.id} {asked.meter.name}"
    kept = {"meter": whose, **({"only": "hand"} if asked.by_hand else {})}
    return html.Div(
        [
            dcc.Link(say("Day before"), href=asked.other(-1).address, className="ss-btn"),
            html.Form(
                [
                    html.Label(say("Day"), htmlFor="log-day", className="ss-sr"),
                    _slot("day", "date", asked.day.isoformat(), "log-day"),
                    *[_slot(name, "hidden", value, f"log-{name}") for name, value in kept.items()],
                    html.Button(say("Show"), type="submit", className="ss-btn", disable_n_clicks=True),
                ],
                action=log_asked.PATH,
                method="get",
                className="ss-log-day",
            ),
            *(
                [dcc.Link(say("Day after"), href=asked.other(1).address, className="ss-btn")]
                if asked.day < today
                else []
            ),
            html.Details(
                [
                    html.Summary(
                        [html.Span(f"{say('Meter')}: ", className="ss-sr"), chosen], className="ss-btn"
                    ),
                    html.Ul([html.Li(dcc.Link(words, href=address)) for words, address in ways]),
                ],
                className="ss-menu ss-events-menu",
            ),
        ],
        className="ss-log-ask",
    )


def _ways(asked: Asked) -> list[Any]:
    views = [
        (say("Whole sheet"), Asked(asked.day, asked.meter)),
        (say("By hand only"), Asked(asked.day, asked.meter, by_hand=True)),
    ]
    chips = [
        dcc.Link(
            [name, html.Span(f", {say('chosen')}", className="ss-sr")] if one == asked else name,
            href=one.address,
            className="ss-on" if one == asked else "",
        )
        for name, one in views
    ]
    pick = html.Div(chips, className="ss-pick", role="group", **{"aria-label": say("Columns")})
    if not _may("operator"):
        return [pick]
    due = html.Button(
        say("To what is due"),
        type="button",
        className="ss-btn",
        disable_n_clicks=True,
        **{"data-log-due": "1"},
    )
    show = html.Button(
        say("Print"), type="button", className="ss-btn", disable_n_clicks=True, **{"data-log-print": "1"}
    )
    files = [
        html.Button(
            NAMES[form],
            type="button",
            className="ss-btn",
            disable_n_clicks=True,
            **{
                "data-day-csv": f"/api/log/file?{asked.query}&form={form}",
                "data-lost": say("The dashboard cannot be reached."),
            },
        )
        for form in child.FORMS
    ]
    said = html.Span(className="ss-log-file", role="status", **{"data-day-said": "1"})
    return [pick, due, html.Span([show, *files, said], className="ss-log-files")]


def _slot(name: str, kind: str, value: str, id_: str) -> html.Span:
    """Return where `assets/audit.js` puts an input."""
    attributes = {"data-ask": kind, "data-name": name, "data-value": value, "data-id": id_}
    return html.Span(key=f"{name} {value}", className="ss-slot", **attributes)


dash.register_page(__name__, path=log_asked.PATH, name="Log sheet", order=5, layout=layout)
