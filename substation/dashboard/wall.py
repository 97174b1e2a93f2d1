"""The wall: the diagram for a screen that nobody touches, read from five metres, for weeks.

The diagram never leaves the screen: what has just gone wrong must not wait for its turn. Only the curve below
it changes, from circuit to circuit, and only while all is normal.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from dash import dcc, html

import substation
from substation.dashboard import cards, diagram, panels, topology
from substation.dashboard import format as f
from substation.dashboard.board import Board, LiveMeter
from substation.dashboard.feed import Feed
from substation.dashboard.tongue import say
from substation.dashboard.words import Parts
from substation.settings.model import Settings

MOST_CURVES = 6
"""Circuits whose curve takes its turn."""
ROOM = 3
"""Feeders that have room beside a curve; with more the diagram takes it all."""
_PACKAGE = Path(__file__).parent


def content(feed: Feed, board: Board, parts: dict[str, Parts]) -> html.Div:
    """Return the page."""
    shown = [meter for meter in board.meters if meter.role != "generator"][:MOST_CURVES]
    tiers = max(2, topology.plan(board.meters).tiers)
    below = curves(feed, shown) if tiers == 2 else []
    return html.Div(
        [
            html.H1(say("Wall"), className="ss-sr"),
            whole_volts(diagram.diagram(board, parts), board),
            *below,
            _foot(shown if below else []),
            *(panels.renewal() if below else []),
        ],
        className="ss-p-wall",
        style={"--tiers": str(tiers)},
    )


def whole_volts(page: Any, board: Board) -> Any:
    """Write the voltages of a page without decimals: from five metres they are noise."""
    for part in page._traverse():
        marks = part.to_plotly_json()["props"] if isinstance(part, html.Span) else {}
        key, meter = str(marks.get("data-q", "")), board.meter(int(marks.get("data-m", 0)))
        if key.startswith("v_") and "data-decimals" in marks and meter is not None:
            setattr(part, "data-decimals", "0")
            part.children[0].children = f.Spec(1.0, 0, "V").text(cards.mean(meter, (key,))[0])
    return page


def curves(feed: Feed, shown: list[LiveMeter]) -> list[Any]:
    """Return today's power of each circuit; `assets/wall.js` shows one at a time."""
    sections = []
    for place, meter in enumerate(shown):
        drawn = panels.charts_of(feed, meter, [("power", panels.ALL_PHASES)])
        chosen = " ss-on" if place == 0 else ""
        inside = html.Div(drawn, className="ss-wall-zoom")
        head = html.H2(curve_head(meter))
        sections.append(html.Section([head, inside], className=f"ss-wall-curve{chosen}"))
    return [html.Div(sections, className="ss-wall-curves")]


def curve_head(meter: LiveMeter) -> list[Any]:
    """Return whose curve it is, and how old the meter is where that is to be said."""
    aged: Parts = {"curve": ("", f"ss-q-{meter.freshness}")}
    look = cards.shaped(f"m{meter.id}", "curve", aged, "ss-wall-old")
    words = html.Small(say("power today; grey: yesterday"))
    return [meter.name, " ", words, " ", html.Span(cards.age(meter), **look)]


def _foot(shown: list[LiveMeter]) -> html.Footer:
    names = [
        html.Span(meter.name, className="ss-wall-name ss-on" if place == 0 else "ss-wall-name")
        for place, meter in enumerate(shown)
    ]
    return html.Footer(
        [*names, dcc.Link(say("Leave the wall"), href="/", className="ss-wall-leave")],
        className="ss-wall-foot",
    )


def parts_of(settings: Settings) -> Parts:
    """Return what a page compares: it loads itself anew when another program or station answers.

    Names, ratings and places stand on a page as it was made: an old one would show old ones as if they held.
    """
    meters = [
        (m.id, m.name, m.role, m.profile, m.rated_kva, m.nominal_voltage_v, m.bus_section)
        for m in settings.meters
    ]
    told = repr((program(), settings.site, settings.simulated, meters, settings.display))
    return {"made": (hashlib.blake2s(told.encode(), digest_size=6).hexdigest(), "")}


@cache
def program() -> str:
    """Return which program this is: its version, and its files as they were when it started."""
    stamp = hashlib.blake2s(digest_size=6)
    for path in sorted(_PACKAGE.rglob("*")):
        if path.suffix in (".py", ".js", ".css", ".toml"):
            found = path.stat()
            stamp.update(f"{path.name} {found.st_size} {found.st_mtime_ns}\n".encode())
    return f"{substation.__version__} {stamp.hexdigest()}"
