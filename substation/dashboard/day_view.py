"""The day of a meter on its page: energy and demand beside yesterday's, registers at shifts, its answers."""

from typing import Any

from dash import html

from substation.dashboard import cards
from substation.dashboard.board import LiveMeter
from substation.dashboard.figures import SHIFT_HOURS
from substation.dashboard.strip import Kind
from substation.dashboard.tongue import say
from substation.dashboard.words import Parts

STRIP_KINDS: tuple[Kind, ...] = ("all", "some", "none")


def section(meter: LiveMeter, told: Parts, block_minutes: int) -> html.Section:
    """Return the day's figures in three columns; a block of demand is `block_minutes` long."""
    group = f"d{meter.id}"

    def row(title: Any, name: str, says: str = "") -> html.Div:
        beside = [" ", cards.said(group, says, told, "ss-beside")] if says else []
        return html.Div([html.Dt(title), html.Dd([cards.said(group, name, told, "ss-v"), *beside])])

    columns = (
        [
            row(say("Energy today"), "now"),
            row(say("Yesterday by now"), "bynow"),
            row(say("Yesterday"), "past"),
        ],
        [
            row(say("Highest {count} min today", count=block_minutes), "peak"),
            row(say("Highest {count} min yesterday", count=block_minutes), "pastpeak"),
            row(say("Power factor of today"), "factor", "factorsays"),
        ],
        [row(f"{hour:02d}:00", f"r{hour}", f"r{hour}says") for hour in SHIFT_HOURS],
    )
    heads = (say("Energy received"), say("Demand and power factor"), say("Register of energy received at"))
    lists = [
        html.Div([html.P(head, className="ss-caption"), html.Dl(rows, className="ss-dl")])
        for head, rows in zip(heads, columns, strict=True)
    ]
    return html.Section(
        [
            html.Div(
                [html.H2(say("Energy and demand")), html.Small(say("by the site's day, from the registers"))],
                className="ss-sec-h",
            ),
            html.Div(lists, className="ss-three ss-day"),
        ],
        className="ss-sec",
    )


def answers(meter: LiveMeter, told: Parts) -> html.Div:
    """Return the strip of answers with its legend and its words."""
    group = f"s{meter.id}"
    bars = [
        html.Span(**cards.turned(group, f"strip.{kind}", told, f"ss-strip-of ss-strip-{kind}"))
        for kind in STRIP_KINDS
    ]
    legend = html.Div(
        [
            html.Span(say("all"), className="ss-k-all"),
            html.Span(say("some missing"), className="ss-k-some"),
            html.Span(say("none"), className="ss-k-none"),
        ],
        className="ss-legend",
    )
    return html.Div(
        [
            cards.said(group, "strip.from", told, "ss-caption", tag=html.P),
            html.Div(bars, className="ss-strip", **{"aria-hidden": "true"}),
            legend,
            cards.said(group, "strip.says", told, "ss-note", tag=html.P),
        ],
        className="ss-answered",
    )
