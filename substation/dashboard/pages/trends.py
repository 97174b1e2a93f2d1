"""Trends: any meters and quantities over any time. When did it differ, from what, where is data missing?

The page holds the controls; `assets/trends.js` asks `/api/trend` for what the address says and draws it.
"""

import json
from typing import Any

import dash
from dash import html
from flask import has_request_context

from substation.dashboard import phases, rights
from substation.dashboard.feed import Feed, current
from substation.dashboard.heard import told
from substation.dashboard.parameters import GROUPS
from substation.dashboard.tongue import say


def layout(**_: Any) -> html.Div:
    """Return the page."""
    feed = current()
    return html.Div(
        [
            html.Div(
                [html.H1(say("Trends")), _ranges(), _against(), _take_away()],
                className="ss-head ss-t-head",
            ),
            _own(),
            html.Div(
                [_chips(), *_menus(feed), html.Div([_legend(), _move()], className="ss-t-right")],
                className="ss-chips",
            ),
            html.Div(className="ss-t-error ss-none", role="alert", **{"data-t": "error"}),
            html.P(className="ss-note ss-none", role="status", **{"data-t": "told"}),
            html.Div(
                html.P(say("Reading the history ..."), className="ss-muted"),
                className="ss-t-charts",
                tabIndex=0,
                role="group",
                **{
                    "data-t": "charts",
                    "aria-label": say(
                        "Charts. Arrow keys move in time, + and - zoom, Home and End go to the ends, "
                        "Esc goes back. The table below has the figures."
                    ),
                },
            ),
            html.Section(
                [
                    html.Div(
                        [html.H2(say("In this range")), html.Small(**{"data-t": "drawn"})],
                        className="ss-sec-h",
                    ),
                    html.Div(
                        className="ss-wrap",
                        tabIndex=0,
                        role="region",
                        **{"data-t": "table", "aria-label": say("Figures of the charts")},
                    ),
                ],
                className="ss-sec",
            ),
        ],
        className="ss-p-trends",
        **{"data-trends": "/api/trend", "data-words": json.dumps(_words())},
    )


def _pick(name: str, choices: tuple[tuple[str, str], ...], label: str) -> html.Div:
    return html.Div(
        [_button(words, name, value, className="", **{"aria-pressed": "false"}) for value, words in choices],
        className="ss-pick",
        role="group",
        **{"aria-label": label},
    )


def _button(words: Any, name: str, value: str, **how: Any) -> html.Button:
    """Return a button that the page's script answers: `data-tdo` says to what, `data-value` with what."""
    marks = {"data-tdo": name, "data-value": value}
    return html.Button(words, type="button", disable_n_clicks=True, **{"className": "ss-btn", **marks, **how})


def _ranges() -> html.Div:
    return _pick(
        "range",
        (
            ("hour", say("1 h")),
            ("today", say("Today")),
            ("yesterday", say("Yesterday")),
            ("7d", say("7 d")),
            ("30d", say("30 d")),
            ("year", say("1 y")),
            ("own", say("From, to")),
        ),
        say("Range"),
    )


def _against() -> html.Div:
    return _pick(
        "with",
        (
            ("", say("No comparison")),
            ("day", say("Day before")),
            ("week", say("Week before")),
            ("year", say("Year before")),
        ),
        say("Compare with"),
    )


def _take_away() -> html.Div:
    may = has_request_context() and rights.may("engineer")
    return html.Div(
        [
            _button(say("Copy address"), "copy", ""),
            *([_button("CSV", "csv", "")] if may else []),
            _button("PNG", "png", ""),
        ],
        className="ss-right",
    )


def _own() -> html.Div:
    return html.Div(
        [
            html.Div(
                [
                    html.Label(say("From, the site's time"), htmlFor="trend-from"),
                    _moment("from", "trend-from"),
                ]
            ),
            html.Div(
                [
                    html.Label(say("To, the site's time"), htmlFor="trend-to"),
                    _moment("to", "trend-to"),
                ]
            ),
            _button(say("Draw"), "own", ""),
        ],
        className="ss-t-own ss-none",
        **{"data-t": "own"},
    )


def _moment(name: str, identity: str) -> html.Span:
    """Return the place of an input of day and time; Dash has none, so the script makes it."""
    return html.Span(**{"data-tslot": name, "data-id": identity})


def _chips() -> html.Div:
    return html.Div(className="ss-t-chips", **{"data-t": "chips"})


def _legend() -> html.Div:
    return html.Div(className="ss-legend ss-t-legend", **{"data-t": "legend"})


def _menus(feed: Feed) -> list[html.Details]:
    meters = [
        html.Li(_button(f"{meter.id} {meter.name}", "m", str(meter.id), **{"aria-pressed": "false"}))
        for meter in feed.settings.meters
    ]
    quantities = [
        item
        for name, keys in GROUPS
        for item in (
            html.Li(told(name), className="ss-t-group"),
            *(html.Li(_button(phases.label(key), "q", key, **{"aria-pressed": "false"})) for key in keys),
        )
    ]
    return [
        html.Details([html.Summary(words, className="ss-btn"), html.Ul(items)], className="ss-menu ss-t-menu")
        for words, items in ((say("Meters"), meters), (say("Quantities"), quantities))
    ]


def _move() -> html.Div:
    ways = (
        ("first", "\u21e4", say("To the first reading")),
        ("earlier", "\u2190", say("Earlier")),
        ("out", "\u2212", say("Zoom out")),
        ("in", "+", say("Zoom in")),
        ("later", "\u2192", say("Later")),
        ("now", "\u21e5", say("To now")),
    )
    return html.Div(
        [
            _button(sign, "move", value, className="", title=words, **{"aria-label": words})
            for value, sign, words in ways
        ],
        className="ss-pick ss-t-move",
        role="group",
        **{"aria-label": say("Move in time")},
    )


def _words() -> dict[str, str]:
    """Return what the script says by itself."""
    return {
        "lost": say("No connection to the station. The picture is as it was drawn last."),
        "ended": say("The login has ended. The picture is as it was drawn last."),
        "anew": say("Draw today's power of the first meter"),
        "copied": say("The address is copied."),
        "uncopied": say("The browser does not let the address be copied: take it from its address line."),
        "remove": say("Remove"),
        "nodata": say("no data"),
        "now": say("Now"),
        "series": say("Series"),
        "unit": say("Unit"),
        "low": say("Lowest"),
        "at": say("at"),
        "mean": say("Mean"),
        "high": say("Highest"),
        "before": say("Mean before"),
        "complete": say("Complete"),
        "caption": say("Lowest, mean and highest of each series in the time that is drawn"),
        "simulated": say("SIMULATED: numbers come from the simulator"),
    }


dash.register_page(__name__, path="/trends", name="Trends", order=2, layout=layout)
