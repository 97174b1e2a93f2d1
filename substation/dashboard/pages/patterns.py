"""Every part in every state: how the look is reviewed. Nothing on it is a reading of this station."""

from typing import Any

import dash
from dash import html

from substation.dashboard import cards, diagram, panels, phasor, samples, shell, statusline, words
from substation.dashboard.feed import TodayFigures
from substation.dashboard.sample_days import SampleFeed

QUALITIES = (
    ("fresh", "normal", "Answered in the last two rounds. Its age in small grey; nothing else."),
    ("late", "late", "Older than two rounds. Dotted underline, a clock, the word."),
    ("stale", "dead meter", "Older than five rounds, or its meter or the poller is silent. Grey, hatched."),
    ("bad", "doubtful value", "Answered, but impossible. Struck through; left out of sums and means."),
    ("never", "never-seen meter", "No reading since the meter was configured. A dash, never 0."),
)
CARDS = (
    ("fresh, live", "normal", 2),
    ("live, no current", "no current", 3),
    ("dead", "power failure of a feeder", 3),
    ("late", "late", 2),
    ("stale", "dead meter", 4),
    ("never", "never-seen meter", 4),
    ("frozen", "frozen meter", 2),
    ("one phase", "read in groups", 3),
    ("phase lost", "phase lost", 3),
    ("voltage outside", "voltage outside", 2),
    ("doubtful value", "doubtful value", 2),
    ("above 80 %", "above 80 %", 2),
    ("above rating", "above rating", 2),
    ("dead with the whole bus", "supply lost, no DG", 4),
    ("incomer live", "normal", 1),
    ("incomer dead", "supply lost, on DG", 1),
    ("incomer unknown", "stopped poller", 1),
    ("generator at rest", "normal", 5),
    ("generator running", "supply lost, on DG", 5),
    ("generator never seen", "empty store", 5),
)
PHASORS = (
    ("fresh", "normal", 2),
    ("stale", "dead meter", 4),
    ("never", "never-seen meter", 4),
    ("phase lost", "phase lost", 3),
    ("no current", "no current", 3),
    ("dead", "power failure of a feeder", 3),
)
LOOKED_AT = {"late": 2, "dead meter": 4, "never-seen meter": 4, "doubtful value": 2, "normal": 2}
TOKENS = ("panel", "bar", "well", "band", "field", "hair", "edge", "muted", "ink", "alarm", "warn", "focus",
          "r", "y", "b", "c1", "c2", "c3", "c4", "past", "today")  # fmt: skip
CHARTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("fresh", {}),
    ("with a gap", {"gap_h": (6.0, 9.5)}),
    ("stale", {"today_until_h": 10.34}),
    ("empty", {"today_until_h": None, "past": False}),
)


def layout(**_: Any) -> html.Div:
    """Return the page."""
    return html.Div(
        [
            html.Div(
                [
                    html.H1("Patterns"),
                    html.Span("every part in every state; made-up figures", className="ss-muted"),
                ],
                className="ss-head",
            ),
            html.Div(
                [_qualities(), _state_lines(), _cards(), _phasors(), _charts(), _controls(), _colours()],
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
                    html.Th(html.B(name), scope="row"),
                    html.Td(cards.value(meter, "v_r"), className="ss-num"),
                    html.Td(cards.age(meter)),
                    html.Td(cards.bar(meter, "v_r"), className="ss-pb"),
                    html.Td(cards.bar(meter, "current_r"), className="ss-pb"),
                    html.Td(rule, className="ss-why"),
                ]
            )
        )
    head = ("Quality", "Value", "Age", "Voltage bar", "Current bar", "Rule")
    table = html.Table(
        [html.Thead(html.Tr([html.Th(text, scope="col") for text in head])), html.Tbody(rows)],
        className="ss-table ss-q5",
    )
    return _section("Quality of a value", html.Div(table, className="ss-wrap", tabIndex=0))


def _state_lines() -> html.Section:
    feed: Any = SampleFeed()
    zone = samples.SETTINGS.site.zone
    shown = []
    for name, change in samples.STATES.items():
        parts = statusline.line_parts(samples.board(change), zone)
        shown += [
            html.P(name, className="ss-caption"),
            shell.state_line(parts, samples.NOW_MS, feed, live=False),
        ]
    return _section("State line", html.Div([*shown, shell.simulated_strip()], className="ss-bleed"))


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
        shown.append(html.Div([html.P(name), diagram.branch(meter, parts)], className="ss-spec"))
    return _section("Card and conductor", html.Div(shown, className="ss-specs"))


def _phasors() -> html.Section:
    shown = []
    for name, state, number in PHASORS:
        meter = samples.board(samples.STATES[state]).meter(number)
        if meter is not None:
            told = phasor.parts(meter)
            shown.append(html.Div([html.P(name, className="ss-caption"), phasor.section(meter, told)]))
    return _section("Phasors", html.Div(shown, className="ss-specs"))


def _charts() -> html.Section:
    shown = []
    for name, how in CHARTS:
        feed: Any = SampleFeed(samples.dead_meter if name in ("stale", "empty") else None, **how)
        meter = feed.board().meter(4)
        kind = panels.kind_of(meter, "power", panels.ALL_PHASES)
        chart = panels.chart(panels.Day(feed, meter, [kind]), kind, panels.ALL_PHASES, live=False)
        shown.append(html.Div([html.P(name, className="ss-caption"), chart]))
    return _section("Chart", html.Div([panels.legend(), html.Div(shown, className="ss-charts")]))


def _controls() -> html.Section:
    still: dict[str, Any] = {"type": "button", "disable_n_clicks": True}
    controls = [
        html.Button("Main action", className="ss-btn ss-main-btn", **still),
        html.Button("Action", className="ss-btn", **still),
        html.Button("Quiet action", className="ss-btn ss-quiet", **still),
        html.Button("Not allowed", className="ss-btn", disabled=True, **still),
        html.Div(
            [
                html.Button("Chosen", **still, **{"aria-pressed": "true"}),
                html.Button("Other", **still, **{"aria-pressed": "false"}),
            ],
            className="ss-pick",
        ),
        html.Span("SIM", className="ss-simtag"),
        *[cards.phase(letter) for letter in cards.PHASES],
        *[cards.icon(name) for name in ("ok", "warn", "alarm", "blind")],
    ]
    return _section("Controls and signs", html.Div(controls, className="ss-ctrl"))


def _colours() -> html.Section:
    shown = [
        html.Div([html.I(style={"background": f"var(--ss-{name})"}), html.B(name)], className="ss-tok")
        for name in TOKENS
    ]
    return _section("Colours", html.Div(shown, className="ss-toks"))


def _section(name: str, content: Any) -> html.Section:
    return html.Section([html.H2(name), content], className="ss-sec")


dash.register_page(__name__, path="/patterns", name="Patterns", order=9, layout=layout)
