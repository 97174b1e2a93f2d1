"""The charts of a day on a page: figure, live number, gaps, a table of the same figures, and their renewal.

The same pieces serve Home (one meter, four charts) and a meter's page (each phase). A chart's id
says what it shows, so one callback renews all that stand on a page once a minute: only today's line
and shade travel again, yesterday never; a new day sends the whole figure.
"""

from collections.abc import Sequence
from typing import Any

import dash
from dash import ALL, Input, Output, Patch, State, dcc, html

from substation.dashboard import cards, charts, curves, hurry, phases, sketch, tunnel, words
from substation.dashboard import format as f
from substation.dashboard.board import LiveMeter
from substation.dashboard.curves import KINDS, Curves, Grid, Kind
from substation.dashboard.feed import Feed, current
from substation.dashboard.tongue import say
from substation.errors import StoreError, TooSlow
from substation.quantities import BY_KEY

ALL_PHASES = "all"


def kind_of(meter: LiveMeter, name: str, phase: str) -> Kind:
    """Return what a chart shows, of one phase or of all, as far as the meter has it."""
    kind = KINDS[name] if phase == ALL_PHASES else KINDS[name].of_phase(phase)
    return kind.of_model(meter.model.keys)


class Day:
    """Today and yesterday of one meter, read once for all charts of a page."""

    def __init__(self, feed: Feed, meter: LiveMeter, kinds: Sequence[Kind]) -> None:
        """Read what `kinds` need."""
        keys = curves.keys_of(kinds)
        self.meter = meter
        self.zone = feed.settings.site.zone
        self.now_ms = feed.clock.now_ms()
        self.starts = curves.days(self.now_ms, self.zone)
        self.unreadable = ""
        self.doubted: list[tuple[int, int]] = []
        self._today = self._read(feed, keys, 0)
        self._past = self._read(feed, keys, 1)
        try:
            self.doubted = feed.doubted(self.starts[0], self.now_ms)
        except hurry.Hurried:  # no curve without the mark that its times may be wrong
            self._today = self._past = None
            self.unreadable = hurry.unread()
        except StoreError:  # then the curves are unreadable as well, and that is said
            pass

    def _read(self, feed: Feed, keys: tuple[str, ...], days_back: int) -> Curves | None:
        try:
            return feed.day(self.meter.id, keys, days_back)
        except hurry.Hurried:
            self.unreadable = hurry.unread()
        except TooSlow:  # the live values beside the charts are sound: the page stands
            self.unreadable = say("reading the history took too long and was stopped")
        except StoreError:
            self.unreadable = say("the history cannot be read")
        return None

    def today(self, kind: Kind, bucket_s: int = curves.BUCKET_S) -> Grid:
        """Return today's curve of one chart."""
        if self._today is None:
            return curves.empty(bucket_s)
        return curves.kept_grid(self._today, kind, self.starts[0], self.zone, bucket_s)

    def past(self, kind: Kind, bucket_s: int = curves.BUCKET_S) -> Grid:
        """Return yesterday's."""
        if self._past is None:
            return curves.empty(bucket_s)
        return curves.kept_grid(self._past, kind, self.starts[1], self.zone, bucket_s)

    def written(self, kind: Kind) -> f.Spec:
        """Return how the numbers of a chart are written."""
        return f.spec(kind.shown, self.meter.rated_kva, self.meter.nominal_v)

    def figure(self, kind: Kind, today: Grid, past: Grid) -> dict[str, Any]:
        """Return the whole figure."""
        low, high = cards.voltage_band(self.meter, kind.shown)
        amps = kind.name == "current"
        rated = words.rated_phase_va(self.meter)
        if kind.shown == "watts_total":
            rated = self.meter.rated_kva * 1000
        if amps:
            rated = words.rated_a(self.meter)
        return charts.figure(kind, today, past, self.written(kind), nominal_v=(low + high) / 2, rated=rated)


def each_phase(meter: LiveMeter) -> list[tuple[str, str]]:
    """Return the charts of each phase that a meter tells apart; of one phase, those of the whole."""
    whole = [(name, ALL_PHASES) for name in KINDS]
    if len(meter.model.phases) == 1:
        return whole
    pairs = [(name, phase) for phase in meter.model.phases for name in KINDS]
    return [
        (name, phase) for name, phase in pairs if set(kind_of(meter, name, phase).line) <= meter.model.keys
    ] or whole


def charts_of(
    feed: Feed, meter: LiveMeter, shown: Sequence[tuple[str, str]], *, small: bool = False
) -> list[Any]:
    """Return some charts of a meter: pairs of kind and phase."""
    kinds = [kind_of(meter, name, phase) for name, phase in shown]
    day = Day(feed, meter, kinds)
    return [chart(day, kind, phase, small=small) for kind, (_, phase) in zip(kinds, shown, strict=True)]


def chart(day: Day, kind: Kind, phase: str, *, small: bool = False, live: bool = True) -> html.Figure:
    """Return one chart.

    Args:
        day: the meter's curves.
        kind: what is shown.
        phase: of which phase, `r`, `y`, `b`, or of all.
        small: as one of many.
        live: false on a pattern: it has no id and is never renewed.
    """
    today, past = day.today(kind), day.past(kind)
    mark = {"meter": day.meter.id, "kind": kind.name, "phase": phase}
    note = _unit_words(kind, day.written(kind), phase)
    ring = [] if phase == ALL_PHASES else [cards.phase(phase.upper())]
    number = cards.value(day.meter, *_live_keys(kind, phase), glance=True, unit=False)
    head = html.Figcaption(
        [
            html.B(kind.heading),
            html.Span(note, className="ss-u"),
            *ring,
            html.Span(number, className="ss-chart-now"),
        ]
    )
    name = f"{kind.heading}{'' if phase == ALL_PHASES else f', {phases.name(phase.upper())}'}"
    spoken = say(
        "{quantity}, {meter}: today and yesterday, also as a table", quantity=name, meter=day.meter.name
    )
    figure = day.figure(kind, today, past)
    drawn = sketch.sketch(figure["layout"], today, past, day.written(kind))
    graph = dcc.Graph(
        figure=figure,
        config=charts.CONFIG,
        responsive=True,
        className="ss-graph",
        **({"id": {"type": "day-chart", **mark}} if live else {}),
    )
    cover = {"id": {"type": "day-veil", **mark}} if live else {}
    veil = html.Div(veils(day, today, past), className="ss-veil", **cover)
    return html.Figure(
        [head, html.Div([drawn, graph, veil], **_aged(day.meter, live=live))],
        className="ss-chart ss-small" if small else "ss-chart",
        role="group",
        **{"aria-label": spoken},
    )


def _aged(meter: LiveMeter, *, live: bool) -> dict[str, Any]:
    """Return the attributes of a plot: hatched when its meter is old, so that no curve seems to go on."""
    group = f"m{meter.id}" if live else ""
    return cards.shaped(group, "curve", {"curve": ("", f"ss-q-{meter.freshness}")}, "ss-plot")


def _live_keys(kind: Kind, phase: str) -> tuple[str, ...]:
    return kind.line if phase == ALL_PHASES and not kind.ratio else (kind.shown,)


def _unit_words(kind: Kind, written: f.Spec, phase: str) -> str:
    match kind.name, phase:
        case "voltage", "all":
            to_line = len(BY_KEY[kind.shown].phase) == 2 or kind.shown == "vll_average"
            if to_line:
                return say("{unit}, line to line", unit=written.unit)
            return say("{unit}, phase to neutral", unit=written.unit)
        case "current", "all" if len(kind.line) > 1:
            return say("{unit}, mean of the phases", unit=written.unit)
        case "factor", "all" if kind.ratio:
            return "kW / kVA"
    return written.unit


def veils(day: Day, today: Grid, past: Grid) -> list[Any]:
    """Return what lies over the plot: gaps with their words, the line at now."""
    part = curves.now_part(day.now_ms, day.zone)
    if day.unreadable:
        return [_gap(0.0, 1.0, day.unreadable)]
    if not any(today.held) and not any(past.held):
        return [_gap(0.0, 1.0, say("no readings stored for these days"))]
    return [
        *[
            _gap(gap.start, gap.end, gap.words)
            for gap in curves.gaps(today, day.now_ms, day.starts[0], day.zone)
        ],
        *[
            _doubted(curves.now_part(first, day.zone), curves.now_part(last, day.zone))
            for first, last in day.doubted
        ],
        _now(part),
    ]


def _gap(start: float, end: float, words: str) -> html.Span:
    place = {"--l": f"{start * 100:.2f}%", "--w": f"{(end - start) * 100:.2f}%"}
    side = "ss-gap ss-gap-late" if start > 0.6 else "ss-gap"
    return html.Span(html.I(words), className=side, style=place)


def _doubted(start: float, end: float) -> html.Span:
    """Return the mark of a stretch in which nobody vouched for the clock: its times may be wrong."""
    place = {"--l": f"{start * 100:.2f}%", "--w": f"{(end - start) * 100:.2f}%"}
    side = "ss-doubt ss-gap-late" if start > 0.6 else "ss-doubt"
    return html.Span(html.I(say("times not trusted")), className=side, style=place)


def _now(part: float) -> html.Span:
    return html.Span(className="ss-now", style={"--l": f"{part * 100:.2f}%"}, **{"data-now": "1"})


def legend() -> html.Div:
    """Return the legend of the day's charts."""
    return html.Div(
        [
            html.Span(say("today")),
            html.Span(say("yesterday"), className="ss-k-past"),
            html.Span(say("lowest to highest"), className="ss-k-band"),
            html.Span(say("limit"), className="ss-k-limit"),
            html.Span(say("no data"), className="ss-k-gap"),
        ],
        className="ss-legend",
    )


def renewal() -> list[Any]:
    """Return what makes the charts of a page renew themselves."""
    feed = current()
    start = curves.days(feed.clock.now_ms(), feed.settings.site.zone)[0]
    pace_ms = round(tunnel.charts_pace_s(feed.settings) * 1000)
    return [dcc.Interval(id="minute", interval=pace_ms), dcc.Store(id="charted-day", data=start)]


@dash.callback(  # type: ignore[untyped-decorator]
    Output({"type": "day-chart", "meter": ALL, "kind": ALL, "phase": ALL}, "figure"),
    Output({"type": "day-veil", "meter": ALL, "kind": ALL, "phase": ALL}, "children"),
    Output("charted-day", "data"),
    Input("minute", "n_intervals"),
    State("charted-day", "data"),
    prevent_initial_call=True,
)
def renew(_: int | None, charted: int | None) -> tuple[list[Any], list[Any], int]:
    """Send today's line and shade again; on a new day the whole figure."""
    feed = current()
    marks = [output["id"] for output in dash.ctx.outputs_list[0]]
    start = curves.days(feed.clock.now_ms(), feed.settings.site.zone)[0]
    figures: list[Any] = []
    covers: list[Any] = []
    board = feed.board()
    by_meter: dict[int, Day] = {}
    for mark in marks:
        meter = board.meter(mark["meter"])
        if meter is None or mark["kind"] not in KINDS or mark["phase"] not in ("all", "r", "y", "b"):
            figures.append(dash.no_update)
            covers.append(dash.no_update)
            continue
        if meter.id not in by_meter:
            mine = [kind_of(meter, m["kind"], m["phase"]) for m in marks if m["meter"] == meter.id]
            by_meter[meter.id] = Day(feed, meter, mine)
        day, kind = by_meter[meter.id], kind_of(meter, mark["kind"], mark["phase"])
        today, past = day.today(kind), day.past(kind)
        whole = day.figure(kind, today, past)
        figures.append(whole if start != charted else _patched(whole))
        covers.append(veils(day, today, past))
    return figures, covers, start


def _patched(whole: dict[str, Any]) -> Patch:
    patch = Patch()
    patch["data"][1] = whole["data"][1]
    patch["data"][2] = whole["data"][2]
    patch["layout"]["yaxis"] = whole["layout"]["yaxis"]
    patch["layout"]["shapes"] = whole["layout"]["shapes"]
    return patch


def hourly_table(feed: Feed, meter: LiveMeter) -> html.Div:
    """Return the figures behind the charts, hour by hour."""
    kinds = [kind_of(meter, name, ALL_PHASES) for name in KINDS]
    day = Day(feed, meter, kinds)
    columns = [(kind, day.today(kind, 3600), day.past(kind, 3600), day.written(kind)) for kind in kinds]
    groups = [
        html.Th(f"{kind.heading}{f' {written.unit}' if written.unit else ''}", colSpan=4, scope="colgroup")
        for kind, _, _, written in columns
    ]
    names = [
        html.Th(name, scope="col", className="ss-num")
        for _ in columns
        for name in (say("today"), say("lowest"), say("highest"), say("yesterday"))
    ]
    rows = [
        html.Tr(
            [
                html.Th(say("{first} to {last}", first=f"{hour:02d}", last=f"{hour + 1:02d}"), scope="row"),
                *[
                    html.Td(written.text(cell), className="ss-num")
                    for _, today, past, written in columns
                    for cell in (today.mean[hour], today.low[hour], today.high[hour], past.mean[hour])
                ],
            ]
        )
        for hour in range(24)
    ]
    table = html.Table(
        [
            html.Caption(
                say("{meter}: mean, lowest and highest of each hour", meter=meter.name), className="ss-sr"
            ),
            html.Thead([html.Tr([html.Th(say("Hour"), rowSpan=2, scope="col"), *groups]), html.Tr(names)]),
            html.Tbody(rows),
        ],
        className="ss-table ss-hours",
    )
    return html.Div(
        table, className="ss-wrap", tabIndex=0, role="region", **{"aria-label": say("Figures by the hour")}
    )


def table_switch(meter_id: int) -> html.Button:
    """Return the switch that shows the figures behind the charts as a table."""
    return html.Button(
        say("As a table"),
        id={"type": "as-table", "meter": meter_id},
        className="ss-btn ss-quiet ss-astable",
        type="button",
        **{"aria-controls": "charts-table"},
    )


@dash.callback(  # type: ignore[untyped-decorator]
    Output("charts-table", "children"),
    Input({"type": "as-table", "meter": ALL}, "n_clicks"),
    prevent_initial_call=True,
)
def show_table(clicks: list[int | None]) -> Any:
    """Show the table after an odd number of clicks; a switch new on the page puts away another meter's.

    What is shown already is not asked: a question that comes twice would put away what the first one showed.
    """
    pressed = dash.ctx.triggered_id
    if not isinstance(pressed, dict) or sum(one for one in clicks if isinstance(one, int)) % 2 == 0:
        return None
    feed = current()
    meter = feed.board().meter(pressed.get("meter", 0))
    return None if meter is None else hourly_table(feed, meter)
