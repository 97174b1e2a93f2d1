"""Events: what is not normal now, and what happened before; when supply last failed, and for how long."""

from typing import Any

import dash
from dash import Input, Output, State, dcc, html

from substation.dashboard import (
    alarms_view,
    events_asked,
    events_view,
    register_asked,
    register_file,
    register_view,
    screen,
    tunnel,
)
from substation.dashboard.alarms_view import Chosen
from substation.dashboard.feed import Feed, current
from substation.dashboard.register_asked import Asked
from substation.dashboard.tongue import say

LOOK_S = 10.0
"""A newest page looks so often whether there is more."""
ALARMS_S = 2.0
"""So often a page looks whether an alarm has changed."""


def layout(**query: Any) -> html.Div:
    """Return the page with the events that its address asks for."""
    feed = current()
    board = feed.board()
    zone = feed.settings.site.zone
    register = register_asked.asked(query, board.at_ms, zone)
    tabs = register_asked.tabs(register, register_asked.this_month(board.at_ms, zone))
    if register is not None:
        return _register(feed, register, tabs, board.at_ms)
    asked = events_asked.asked(query, feed.settings)
    parts = screen.groups(feed, board, ["now", "past"])
    return html.Div(
        [
            html.Div(
                [html.H1(say("Events")), tabs, events_asked.filters(asked, feed.settings, board.at_ms)],
                className="ss-head",
            ),
            alarms_view.frame(feed, _chosen(query)),
            *_alarms_renewal(feed, _chosen(query)),
            events_view.answers(parts.get("past", {})),
            events_view.now(parts.get("now", {})),
            html.Div(events_view.before(feed, asked, board), id="events-before"),
            *(_renewal(feed, asked) if asked.below is None else []),
        ],
        className="ss-p-events",
    )


def _register(feed: Feed, asked: Asked, tabs: html.Nav, now_ms: int) -> html.Div:
    """Return the register of interruptions, or the DG log, of a month."""
    files = register_file.buttons(asked)
    months = register_asked.months(asked, now_ms, feed.settings.site.zone)
    return html.Div(
        [
            html.Div([html.H1(say("Events")), tabs, months, *files], className="ss-head"),
            html.Div(register_view.page(feed, asked), id="register-body"),
            *(_register_renewal(feed, asked) if not asked.open else []),  # nobody's typing is drawn over
        ],
        className="ss-p-events ss-p-register",
    )


def _register_renewal(feed: Feed, asked: Asked) -> list[Any]:
    """Return what lets a new interruption, or one that lasts, come to the page by itself."""
    pace_s = max(LOOK_S, tunnel.pace_s(feed.settings))
    held = {"view": asked.view, "month": asked.month, "mark": register_view.mark(feed, asked)}
    return [
        dcc.Interval(id="register-look", interval=round(pace_s * 1000)),
        dcc.Store(id="register-held", data=held),
    ]


@dash.callback(  # type: ignore[untyped-decorator]
    Output("register-body", "children"),
    Output("register-held", "data"),
    Input("register-look", "n_intervals"),
    State("register-held", "data"),
    prevent_initial_call=True,
)
def look_at_register(_: int | None, held: Any) -> Any:
    """Draw the register anew when there is an event that it does not show, or one of it lasts."""
    feed = current()
    asked = register_asked.asked(held, feed.board().at_ms, feed.settings.site.zone) if held else None
    if asked is None:
        return dash.no_update, dash.no_update
    mark = register_view.mark(feed, asked)
    if mark == held.get("mark"):
        return dash.no_update, dash.no_update
    return register_view.page(feed, asked), {**held, "mark": mark}


def _chosen(query: dict[str, Any]) -> Chosen:
    def text(name: str) -> str:
        value = query.get(name)
        return value.strip()[:120] if isinstance(value, str) else ""

    return Chosen(text("alarm"), text("asked"), text("refused"))


def _alarms_renewal(feed: Feed, chosen: Chosen) -> list[Any]:
    """Return what lets changes of the alarms come to the page by themselves."""
    pace_s = max(ALARMS_S, tunnel.pace_s(feed.settings))
    held = {"asked": chosen.asked, "mark": alarms_view.mark(feed, chosen)}
    return [
        dcc.Interval(id="alarms-look", interval=round(pace_s * 1000)),
        dcc.Store(id="alarms-held", data=held),
    ]


@dash.callback(  # type: ignore[untyped-decorator]
    Output("alarms-now", "children"),
    Output("alarms-held", "data"),
    Input("alarms-look", "n_intervals"),
    State("alarms-held", "data"),
    prevent_initial_call=True,
)
def look_at_alarms(_: int | None, held: Any) -> Any:
    """Draw the alarms anew when one of them has changed."""
    if not isinstance(held, dict) or not isinstance(held.get("asked"), str):
        return dash.no_update, dash.no_update
    feed, chosen = current(), Chosen(asked=held["asked"][:120])
    now = alarms_view.mark(feed, chosen)
    if now == held.get("mark"):
        return dash.no_update, dash.no_update
    return alarms_view.section(feed, chosen), {**held, "mark": now}


def _renewal(feed: Feed, asked: events_asked.Asked) -> list[Any]:
    """Return what lets new events come to the newest page by themselves."""
    pace_s = max(LOOK_S, tunnel.pace_s(feed.settings))
    return [
        dcc.Interval(id="events-look", interval=round(pace_s * 1000)),
        dcc.Store(id="events-asked", data={"address": asked.address, "known": feed.last_event()}),
    ]


@dash.callback(  # type: ignore[untyped-decorator]
    Output("events-before", "children"),
    Output("events-asked", "data"),
    Input("events-look", "n_intervals"),
    State("events-asked", "data"),
    prevent_initial_call=True,
)
def look(_: int | None, held: Any) -> Any:
    """Draw the list anew when there is an event that it does not show."""
    feed = current()
    if not isinstance(held, dict) or not isinstance(held.get("address"), str):
        return dash.no_update, dash.no_update
    known = feed.last_event()
    if known == held.get("known"):
        return dash.no_update, dash.no_update
    asked = events_asked.of_address(held["address"], feed.settings)
    return events_view.before(feed, asked, feed.board()), {**held, "known": known}


dash.register_page(__name__, path="/events", name="Events", order=4, layout=layout)
