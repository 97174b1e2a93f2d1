"""One meter: is this circuit balanced and inside its band, and is today like yesterday?"""

from typing import Any

import dash
from dash import dcc, html
from flask import has_request_context

from substation.clock import day_start_ms
from substation.dashboard import (
    cards,
    day_view,
    line_day,
    more,
    panels,
    parameters,
    phasor,
    rights,
    screen,
    shell,
    trends,
)
from substation.dashboard import format as f
from substation.dashboard.board import LiveMeter
from substation.dashboard.feed import Feed, current
from substation.dashboard.pages import not_found_404
from substation.dashboard.tongue import say
from substation.dashboard.words import Parts
from substation.quantities import INSTANTS


def layout(meter_id: str = "", **_: Any) -> html.Div:
    """Return the page of the meter in the address; words and ways out for one that does not exist."""
    feed = current()
    board = feed.board()
    is_number = meter_id.isascii() and meter_id.isdecimal() and len(meter_id) < 4
    meter = board.meter(int(meter_id)) if is_number else None
    if meter is None:
        shown = meter_id if meter_id.isalnum() and len(meter_id) <= 12 else ""
        return not_found_404.layout(say("Meter {name}", name=shown) if shown else "")
    group, charted = f"{meter.id}", panels.each_phase(meter)
    today = say("Today") if charted[0][1] == panels.ALL_PHASES else say("Today, each phase")
    block = feed.settings.site.demand_minutes
    parts = screen.groups(feed, board, [f"{kind}{group}" for kind in "mecxvouds"])
    return html.Div(
        [
            head(feed, meter, parts[f"m{group}"]),
            html.Div(
                [now(meter, parts, block), phasor.section(meter, parts[f"u{group}"])],
                className="ss-meter-top",
            ),
            day_view.section(meter, parts[f"d{group}"], block),
            html.Section(
                [
                    html.Div(
                        [html.H2(today), panels.legend(), panels.table_switch(meter.id)],
                        className="ss-sec-h",
                    ),
                    html.Div(
                        panels.charts_of(feed, meter, charted, small=True), className="ss-charts ss-multi"
                    ),
                    html.Div(id="charts-table"),
                ],
                className="ss-sec",
            ),
            parameters.section(feed, meter, parts),
            *more.section(meter, parts[f"o{group}"], board.at_ms),
            line_day.section(feed, meter, parts),
            *panels.renewal(),
        ],
        className="ss-p-meter",
    )


def head(feed: Feed, meter: LiveMeter, parts: Parts) -> html.Div:
    """Return the meter's name as the way to the others, its state, its age, how it is reached."""
    menu = html.Details(
        [html.Summary([html.H1(shell.meter_title(meter))], className="ss-h1"), shell.meter_list(feed)],
        className="ss-menu ss-menu-h1",
    )
    setting = feed.settings.meter(meter.id)
    reached = ""
    if setting is not None:
        line = next(line for line in feed.settings.lines if line.name == setting.line)
        profile = feed.profile(meter.id)
        model = setting.profile if profile is None else profile.model
        way = f"{line.baud} {line.format}" if line.kind == "serial" else line.port
        reached = say("{model}, address {number}, {way}", model=model, number=setting.modbus_id, way=way)
    return html.Div(
        [
            menu,
            *cards.state(meter, parts),
            cards.age(meter),
            html.Span(reached, className="ss-muted"),
            html.Div(ways(feed, meter), className="ss-right"),
        ],
        className="ss-head ss-meter-head",
    )


def ways(feed: Feed, meter: LiveMeter) -> list[Any]:
    """Return what else can be done with what stands here: look further, print it."""
    now_ms, zone = feed.clock.now_ms(), feed.settings.site.zone
    day = day_start_ms(now_ms, zone), day_start_ms(now_ms, zone, -1)
    keys = [key for key in ("watts_total", *INSTANTS) if key in meter.model.keys][:1]
    return [
        dcc.Link(
            say("Open in trends"), href=trends.address([meter.id], keys, *day, zone=zone), className="ss-btn"
        ),
        *(day_file(feed, meter) if has_request_context() and rights.may("engineer") else []),
        html.Button(
            say("Print"), type="button", className="ss-btn", disable_n_clicks=True, **{"data-do": "print"}
        ),
    ]


DAY_KEYS = (
    "watts_total", "watts_r", "watts_y", "watts_b", "var_total", "va_total",
    "pf_average", "pf_r", "pf_y", "pf_b", "frequency",
    "vln_average", "v_r", "v_y", "v_b", "vll_average", "v_ry", "v_yb", "v_br",
    "current_r", "current_y", "current_b", "wh_received", "vah_received",
)  # fmt: skip
"""What stands in the file of a day: as many quantities as one picture may have (`trends.MOST_SERIES`)."""


def day_file(feed: Feed, meter: LiveMeter) -> list[Any]:
    """Return the way to today's figures as a file, for engineers; `assets/day-csv.js` answers the button."""
    now_ms, zone = feed.clock.now_ms(), feed.settings.site.zone
    day = day_start_ms(now_ms, zone), day_start_ms(now_ms, zone, -1)
    keys = [key for key in DAY_KEYS if key in meter.model.keys]
    query = trends.address([meter.id], keys, *day, zone=zone).partition("?")[2]
    lost = say("No connection to the station")
    marks = {"data-day-csv": f"/api/trend/csv?{query}", "data-lost": lost}
    return [
        html.Button(say("CSV of today"), type="button", className="ss-btn", disable_n_clicks=True, **marks),
        html.Span(className="ss-muted", role="status", **{"data-day-said": "1"}),
    ]


def now(meter: LiveMeter, parts: dict[str, Parts], block_minutes: int) -> html.Section:
    """Return what the meter says now: power large, the rest in a row, each phase in a table."""
    card, proof = parts[f"m{meter.id}"], parts[f"e{meter.id}"]
    group = f"m{meter.id}"
    energy = f.spec("wh_received", meter.rated_kva).unit
    facts = [
        (say("Power factor"), [cards.value(meter, "pf_average"), cards.said(group, "pf", card, "ss-u")]),
        (say("Frequency"), [cards.value(meter, "frequency")]),
        (say("Apparent"), [cards.value(meter, "va_total")]),
        (say("Today"), [cards.said(group, "kwh", card, "ss-v"), html.Span(energy, className="ss-u")]),
        (
            say("Highest {count} min", count=block_minutes),
            [cards.said(group, name, card, base) for name, base in _DEMAND],
        ),
        (say("Answered today"), [cards.said(group, "answered", card, "ss-v")]),
    ]
    evidence = [
        (
            say("Status"),
            [cards.said(f"e{meter.id}", "status", proof), " ", cards.said(f"e{meter.id}", "since", proof)],
        ),
        (say("Judged by"), [cards.said(f"e{meter.id}", "evidence", proof)]),
        (say("Communication"), [cards.said(f"e{meter.id}", "comm", proof)]),
    ]
    return html.Section(
        [
            html.Div(
                [html.Div(cards.value(meter, "watts_total"), className="ss-big"), _inline(facts)],
                className="ss-bigrow",
            ),
            _inline(evidence, "ss-inline-w"),
            cards.wide(parameters.phase_table(meter), say("{meter}: values per phase", meter=meter.name)),
            html.P(parameters.bar_words(meter), className="ss-note"),
            unbalance(meter, parts[f"u{meter.id}"]),
        ],
        **cards.shaped(group, "wire", card, "ss-now-of"),
        **{"aria-label": say("Now")},
    )


_DEMAND = (("max", "ss-v"), ("maxunit", "ss-u"), ("maxat", "ss-u"))


def _inline(pairs: list[tuple[str, list[Any]]], extra: str = "") -> html.Dl:
    return html.Dl(
        [html.Div([html.Dt(name), html.Dd(what)]) for name, what in pairs],
        className=f"ss-inline {extra}".strip(),
    )


def unbalance(meter: LiveMeter, told: Parts) -> html.Dl:
    """Return how unequal the phases are, each figure with its limit or why it is missing."""
    group = f"u{meter.id}"
    names = (
        ("nema", say("Voltage unbalance, NEMA")),
        ("u2", [say("Voltage unbalance, IEC"), " u", html.Sub("2")]),
        ("amps", say("Current unbalance")),
        ("neutral", say("Neutral current")),
        ("turn", say("Phase sequence")),
    )
    rows = [
        html.Div(
            [
                html.Dt(title),
                html.Dd(
                    [
                        cards.said(group, name, told, "ss-v"),
                        cards.said(group, f"{name}says", told, "ss-beside"),
                    ]
                ),
            ]
        )
        for name, title in names
    ]
    return html.Dl(rows, className="ss-inline ss-inline-w ss-unbalance")


dash.register_page(__name__, path_template="/meter/<meter_id>", name="Meter", layout=layout, first=True)
