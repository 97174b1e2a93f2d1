"""Every part in every state: how the look is reviewed. Nothing on it is a reading of this station."""

from typing import Any

import dash
from dash import html

from substation.dashboard import cards, diagram, panels, phasor, samples, shell, statusline, words
from substation.dashboard.feed import TodayFigures
from substation.dashboard.heard import told
from substation.dashboard.patterns_more import sections
from substation.dashboard.sample_days import SampleFeed
from substation.dashboard.tongue import later, say

QUALITIES = (
    (
        later("fresh"),
        "normal",
        later("Answered in the last two rounds. Its age in small grey; nothing else."),
    ),
    (later("late"), "late", later("Older than two rounds. Dotted underline, a clock, the word.")),
    (
        later("stale"),
        "dead meter",
        later("Older than five rounds, or its meter or the poller is silent. Grey, hatched."),
    ),
    (
        later("bad"),
        "doubtful value",
        later("Answered, but impossible. Struck through; left out of sums and means."),
    ),
    (
        later("never"),
        "never-seen meter",
        later("No reading since the meter was configured. A dash, never 0."),
    ),
)
CARDS = (
    (later("fresh, live"), "normal", 2),
    (later("live, no current"), "no current", 3),
    (later("dead"), "power failure of a feeder", 3),
    (later("late"), "late", 2),
    (later("stale"), "dead meter", 4),
    (later("never"), "never-seen meter", 4),
    (later("frozen"), "frozen meter", 2),
    (later("one phase"), "read in groups", 3),
    (later("phase lost"), "phase lost", 3),
    (later("voltage outside"), "voltage outside", 2),
    (later("doubtful value"), "doubtful value", 2),
    (later("above 80 %"), "above 80 %", 2),
    (later("above rating"), "above rating", 2),
    (later("dead with the whole bus"), "supply lost, no DG", 4),
    (later("incomer live"), "normal", 1),
    (later("incomer dead"), "supply lost, on DG", 1),
    (later("incomer unknown"), "stopped poller", 1),
    (later("generator at rest"), "normal", 5),
    (later("generator running"), "supply lost, on DG", 5),
    (later("generator never seen"), "empty store", 5),
)
PHASORS = (
    (later("fresh"), "normal", 2),
    (later("stale"), "dead meter", 4),
    (later("never"), "never-seen meter", 4),
    (later("phase lost"), "phase lost", 3),
    (later("no current"), "no current", 3),
    (later("dead"), "power failure of a feeder", 3),
)
LOOKED_AT = {"late": 2, "dead meter": 4, "never-seen meter": 4, "doubtful value": 2, "normal": 2}
TOKENS = ("panel", "bar", "well", "band", "field", "hair", "edge", "muted", "ink", "alarm", "warn", "focus",
          "r", "y", "b", "c1", "c2", "c3", "c4", "past", "today")  # fmt: skip
CHARTS: tuple[tuple[str, dict[str, Any]], ...] = (
    (later("fresh"), {}),
    (later("with a gap"), {"gap_h": (6.0, 9.5)}),
    (later("stale"), {"today_until_h": 10.34}),
    (later("empty"), {"today_until_h": None, "past": False}),
)


def layout(**_: Any) -> html.Div:
    """Return the page."""
    return html.Div(
        [
            html.Div(
                [
                    html.H1(say("Patterns")),
                    html.Span(say("every part in every state; made-up figures"), className="ss-muted"),
                ],
                className="ss-head",
            ),
            html.Div(
                [
                    _qualities(),
                    _state_lines(),
                    _cards(),
                    _phasors(),
                    _charts(),
                    *sections(),
                    _controls(),
                    _colours(),
                ],
                **{"data-still": "1"},
            ),
        ],
        className="ss-p-patterns",
    )


def _qualities() -> html.Section:
    rows = []
    for name, state, rule in QUALITIES:
        meter = samples.board(samples.STATES[state]).meter(LOOKED_AT[state])
        if meter is None:
            continue
        rows.append(
            html.Tr(
                [
                    html.Th(html.B(told(name)), scope="row"),
                    html.Td(cards.value(meter, "v_r"), className="ss-num"),
                    html.Td(cards.age(meter)),
                    html.Td(cards.bar(meter, "v_r"), className="ss-pb"),
                    html.Td(cards.bar(meter, "current_r"), className="ss-pb"),
                    html.Td(told(rule), className="ss-why"),
                ]
            )
        )
    head = (
        say("Quality"),
        say("Value"),
        say("Age"),
        say("Voltage bar"),
        say("Current bar"),
        say("Rule"),
    )
    table = html.Table(
        [html.Thead(html.Tr([html.Th(text, scope="col") for text in head])), html.Tbody(rows)],
        className="ss-table ss-q5",
    )
    return _section(say("Quality of a value"), html.Div(table, className="ss-wrap", tabIndex=0))


def _state_lines() -> html.Section:
    feed: Any = SampleFeed()
    zone = samples.SETTINGS.site.zone
    shown = []
    for name, change in samples.STATES.items():
        parts = statusline.line_parts(samples.board(change), zone)
        shown += [
            html.P(told(name), className="ss-caption"),
            shell.state_line(parts, samples.NOW_MS, feed, live=False),
        ]
    return _section(say("State line"), html.Div([*shown, shell.simulated_strip()], className="ss-bleed"))


def _cards() -> html.Section:
    zone = samples.SETTINGS.site.zone
    shown = []
    for name, state, meter_id in CARDS:
        board = samples.board(samples.STATES[state])
        meter = board.meter(meter_id)
        if meter is None:
            continue
        empty = TodayFigures(None, None, None, None, None)
        today = empty if meter.freshness == "never" else SampleFeed().today(meter_id)
        parts = {f"m{meter_id}": words.meter_parts(board, meter, today, zone)}
        shown.append(html.Div([html.P(told(name)), diagram.branch(meter, parts)], className="ss-spec"))
    return _section(say("Card and conductor"), html.Div(shown, className="ss-specs"))


def _phasors() -> html.Section:
    shown = []
    for name, state, number in PHASORS:
        meter = samples.board(samples.STATES[state]).meter(number)
        if meter is not None:
            parts = phasor.parts(meter)
            shown.append(html.Div([html.P(told(name), className="ss-caption"), phasor.section(meter, parts)]))
    return _section(say("Phasors"), html.Div(shown, className="ss-specs"))


def _charts() -> html.Section:
    shown = []
    for name, how in CHARTS:
        feed: Any = SampleFeed(samples.dead_meter if name in ("stale", "empty") else None, **how)
        meter = feed.board().meter(4)
        kind = panels.kind_of(meter, "power", panels.ALL_PHASES)
        chart = panels.chart(panels.Day(feed, meter, [kind]), kind, panels.ALL_PHASES, live=False)
        shown.append(html.Div([html.P(told(name), className="ss-caption"), chart]))
    return _section(say("Chart"), html.Div([panels.legend(), html.Div(shown, className="ss-charts")]))


def _controls() -> html.Section:
    still: dict[str, Any] = {"type": "button", "disable_n_clicks": True}
    controls = [
        html.Button(say("Main action"), className="ss-btn ss-main-btn", **still),
        html.Button(say("Action"), className="ss-btn", **still),
        html.Button(say("Quiet action"), className="ss-btn ss-quiet", **still),
        html.Button(say("Not allowed"), className="ss-btn", disabled=True, **still),
        html.Div(
            [
                html.Button(say("Chosen"), **still, **{"aria-pressed": "true"}),
                html.Button(say("Other"), **still, **{"aria-pressed": "false"}),
            ],
            className="ss-pick",
        ),
        html.Span("SIM", className="ss-simtag"),
        *[cards.phase(letter) for letter in cards.PHASES],
        *[cards.icon(name) for name in ("ok", "warn", "alarm", "blind")],
    ]
    return _section(say("Controls and signs"), html.Div(controls, className="ss-ctrl"))


def _colours() -> html.Section:
    shown = [
        html.Div([html.I(style={"background": f"var(--ss-{name})"}), html.B(name)], className="ss-tok")
        for name in TOKENS
    ]
    return _section(say("Colours"), html.Div(shown, className="ss-toks"))


def _section(name: str, content: Any) -> html.Section:
    return html.Section([html.H2(name), content], className="ss-sec")


dash.register_page(__name__, path="/patterns", name="Patterns", order=9, layout=layout)
