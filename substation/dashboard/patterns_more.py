"""Further patterns of `/patterns`: an untrusted clock, statistics of a line, the day in figures, events."""

from typing import Any

from dash import html

from substation.dashboard import (
    alarms_view,
    cards,
    day_view,
    diagram,
    events_view,
    line_day,
    panels,
    samples,
    screen,
    wall,
)
from substation.dashboard.events_asked import Asked
from substation.dashboard.heard import told
from substation.dashboard.sample_days import SampleFeed
from substation.dashboard.tongue import say

EVENTS = ("normal", "supply lost, on DG", "dead meter", "line down", "stopped poller", "untrusted clock")
LINES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("normal", {}),
    ("stopped poller", {}),
    ("untrusted clock", {}),
    ("empty store", {"today_until_h": None, "past": False}),
)


def sections() -> list[html.Section]:
    """Return them."""
    return [_clock(), _curves(), _lines(), _events()]


def _clock() -> html.Section:
    feed: Any = SampleFeed(samples.untrusted_clock)
    board = feed.board()
    meter = board.meter(2)
    parts = screen.groups(feed, board, ["m2"])
    kind = panels.kind_of(meter, "power", panels.ALL_PHASES)
    chart = panels.chart(panels.Day(feed, meter, [kind]), kind, panels.ALL_PHASES, live=False)
    shown = [html.Div(diagram.branch(meter, parts), className="ss-spec"), html.Div(chart)]
    return _section(say("A clock that nobody vouches for"), html.Div(shown, className="ss-specs"))


def _curves() -> html.Section:
    shown: list[Any] = []
    for state in ("normal", "dead meter", "never-seen meter"):
        feed: Any = SampleFeed(samples.STATES[state])
        meter = feed.board().meter(4)
        kind = panels.kind_of(meter, "power", panels.ALL_PHASES)
        chart = panels.chart(panels.Day(feed, meter, [kind]), kind, panels.ALL_PHASES, live=False)
        shown.append(html.Div([html.P(wall.curve_head(meter), className="ss-caption"), chart]))
    return _section(say("Curve on the wall"), html.Div(shown, className="ss-charts"))


def _lines() -> html.Section:
    shown: list[Any] = []
    for state, how in LINES:
        feed: Any = SampleFeed(samples.STATES[state], **how)
        board = feed.board()
        meter = board.meter(2)
        parts = screen.groups(feed, board, ["c2", "s2", "d2"])
        shown += [
            html.P(told(state), className="ss-caption"),
            line_day.section(feed, meter, parts),
            day_view.section(meter, parts["d2"], feed.settings.site.demand_minutes),
        ]
    return _section(say("Line statistics, answers, day in figures"), html.Div(shown))


def _events() -> html.Section:
    shown: list[Any] = []
    for state in EVENTS:
        feed: Any = SampleFeed(samples.STATES[state])
        parts = screen.groups(feed, feed.board(), ["now", "past"])
        shown += [
            html.P(told(state), className="ss-caption"),
            html.Div(alarms_view.section(feed, alarms_view.Chosen()), className="ss-p-alarms"),
            events_view.answers(parts["past"]),
            events_view.now(parts["now"]),
        ]
    feed = SampleFeed()
    signs = html.P([cards.icon(name) for name in ("event", "over", "warn", "alarm", "blind")])
    past = events_view.before(feed, Asked(), feed.board())
    return _section(say("Events"), html.Div([signs, *shown, past], className="ss-p-events"))


def _section(name: str, content: Any) -> html.Section:
    return html.Section([html.H2(name), content], className="ss-sec")
