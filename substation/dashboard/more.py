"""What a meter says beyond the vocabulary: harmonics, load hours, its serial number. Shown, never kept."""

from typing import Any

from dash import html

from substation.dashboard import cards
from substation.dashboard.board import LiveMeter
from substation.dashboard.cards import ago, said
from substation.dashboard.heard import told
from substation.dashboard.tongue import say
from substation.dashboard.values import Extra
from substation.dashboard.words import Parts


def section(meter: LiveMeter, parts: Parts, now_ms: int) -> list[html.Section]:
    """Return the table of such values with their ages; nothing where there are none.

    Args:
        meter: whose.
        parts: group `oN`.
        now_ms: UTC, ms, of the board.
    """
    if not meter.extras:
        return []
    head = ((say("Value"), ""), (say("Now"), "ss-num"), (say("Unit"), ""), (say("Age"), "ss-num"))
    table = html.Table(
        [
            html.Caption(
                say("{meter}: values that are not kept in the history", meter=meter.name), className="ss-sr"
            ),
            html.Thead(html.Tr([html.Th(name, scope="col", className=looks) for name, looks in head])),
            html.Tbody([_row(meter, extra, parts, now_ms) for extra in meter.extras]),
        ],
        className="ss-table ss-params",
    )
    title = [html.H2(say("More from this meter")), html.Small(say("(not kept in the history)"))]
    return [
        html.Section(
            [html.Div(title, className="ss-sec-h"), cards.wide(table, say("More from this meter"))],
            className="ss-sec",
        )
    ]


def _row(meter: LiveMeter, extra: Extra, parts: Parts, now_ms: int) -> html.Tr:
    group = f"o{meter.id}"
    return html.Tr(
        [
            html.Th(told(extra.label), scope="row"),
            html.Td(said(group, extra.key, parts, "ss-v"), className="ss-num"),
            html.Td(extra.unit, className="ss-u"),
            html.Td(_age(group, extra, parts, now_ms), className="ss-num"),
        ]
    )


def _age(group: str, extra: Extra, parts: Parts, now_ms: int) -> Any:
    """Return the age; the part holds when it was read, the browser counts from there."""
    if extra.at_ms is None:
        return html.Span(say("read once"), className="ss-muted")
    return ago(group, f"{extra.key}.at", parts, (now_ms - extra.at_ms) / 1000)
