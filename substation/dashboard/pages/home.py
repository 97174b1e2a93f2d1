"""Home: is all well, and where does the power come from? The diagram is the page."""

from typing import Any

import dash
from dash import ALL, Input, Output, html
from flask import has_request_context

from substation.dashboard import cards, diagram, export_panel, panels, rights, screen
from substation.dashboard.board import Board, LiveMeter, spell_age
from substation.dashboard.feed import Feed, current
from substation.dashboard.tongue import say
from substation.dashboard.words import Parts

SHOWN = [(name, panels.ALL_PHASES) for name in ("voltage", "current", "power", "factor")]


def layout(**_: Any) -> html.Div:
    """Return the page."""
    feed = current()
    board = feed.board()
    names = ["sum", "station", "bus", *[f"m{meter.id}" for meter in board.meters]]
    parts = screen.groups(feed, board, names)
    return html.Div(
        [
            html.H1(say("Home"), className="ss-sr"),
            summary(parts.get("sum", {})),
            diagram.diagram(board, parts),
            html.Div(day_charts(feed, board.meters[0]), id="home-charts"),
            html.Div(id="charts-table"),
            readings(feed, board, parts),
            *export(),
            *panels.renewal(),
        ],
        className="ss-p-home",
    )


def summary(parts: Parts) -> html.Ul:
    """Return how many circuits are well, without power, not heard, not known."""
    names = (
        ("ok", say("OK")),
        ("fail", say("power failure")),
        ("comm", say("communication failed")),
        ("unk", say("not known")),
    )
    return html.Ul(
        [
            html.Li(
                [
                    cards.said("sum", kind, parts, tag=html.B),
                    f" {text}",
                    cards.said("sum", f"{kind}n", parts),
                ],
                **cards.shaped("sum", f"{kind}c", parts),
            )
            for kind, text in names
        ],
        className="ss-summary",
        **{"aria-label": say("Status of the circuits")},
    )


def day_charts(feed: Feed, meter: LiveMeter) -> list[Any]:
    """Return the bar with the meter picker, and the four charts of the picked meter."""
    picker = html.Div(
        [
            html.Button(
                f"{other.id} {other.name}",
                id={"type": "pick", "meter": other.id},
                type="button",
                **{"aria-pressed": "true" if other.id == meter.id else "false"},
            )
            for other in feed.settings.meters
        ],
        className="ss-pick",
        role="group",
        **{"aria-label": say("Meter")},
    )
    return [
        html.Div(
            [html.H2(say("Today")), picker, panels.legend(), panels.table_switch(meter.id)],
            className="ss-chartbar",
        ),
        html.Section(
            panels.charts_of(feed, meter, SHOWN),
            className="ss-charts",
            **{"aria-label": say("Yesterday and today")},
        ),
    ]


def readings(feed: Feed, board: Board, parts: dict[str, Parts]) -> html.Section:
    """Return the current readings of every meter as a table."""
    slow_s = feed.settings.poll.slow_interval_s
    words = say("every value with the age of its meter's last answer")
    if slow_s:
        words = say(
            "every value with the age of its meter's last answer; registers are read every {long}",
            long=spell_age(slow_s),
        )
    head = html.Div(
        [html.H2(say("Current readings")), html.Small(words)],
        className="ss-sec-h",
    )
    return html.Section([head, cards.readings_table(board, parts)], className="ss-sec")


def export() -> list[Any]:
    """Return the export for whoever may take readings away; others see nothing of it."""
    return [export_panel.row()] if has_request_context() and rights.may("engineer") else []


@dash.callback(  # type: ignore[untyped-decorator]
    Output("home-charts", "children"),
    Input({"type": "pick", "meter": ALL}, "n_clicks"),
    prevent_initial_call=True,
)
def pick(clicks: list[int | None]) -> Any:
    """Show the charts of another meter."""
    chosen = dash.ctx.triggered_id
    if not any(clicks) or not isinstance(chosen, dict):
        return dash.no_update
    feed = current()
    meter = feed.board().meter(chosen.get("meter", 0))
    return dash.no_update if meter is None else day_charts(feed, meter)


dash.register_page(__name__, path="/", name="Home", order=0, layout=layout, first=True)
