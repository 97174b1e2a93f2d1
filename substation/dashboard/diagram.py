"""The single-line diagram: the page itself. Each card hangs on its own conductor.

Built from the configured roles, not from five names: incomers and generators above the bus, feeders
below it, as many columns as they need, a further stretch of the bus where one row is not enough.
Symbols after IEC 60617; a breaker is its cross without a blade, because no meter reports its position.
"""

from typing import Any

from dash import html

from substation.dashboard import cards, station
from substation.dashboard import format as f
from substation.dashboard.board import Board, LiveMeter
from substation.dashboard.tongue import say
from substation.dashboard.words import Parts

MOST_COLUMNS = 4


def diagram(board: Board, parts: dict[str, Parts]) -> html.Section:
    """Return the diagram of the whole station with live values."""
    incomers = [meter for meter in board.meters if meter.role == "incomer"]
    generators = [meter for meter in board.meters if meter.role == "generator"]
    feeders = [meter for meter in board.meters if meter.role == "feeder"]
    columns = min(max(3, len(incomers) + len(generators) + 1, len(feeders)), MOST_COLUMNS)
    upper: list[Any] = [branch(meter, parts) for meter in incomers]
    upper.append(sums(parts.get("station", {})))
    free = -(len(incomers) + len(generators) + 1) % columns
    upper += [html.Div(className="ss-free") for _ in range(free)]
    upper += [branch(meter, parts) for meter in generators]
    lower: list[Any] = []
    for start in range(0, max(len(feeders), 1), columns):
        lower.append(busbar(parts.get("bus", {}), named=start == 0))
        lower += [branch(meter, parts) for meter in feeders[start : start + columns]]
    return html.Section(
        [*upper, *lower],
        className="ss-sld",
        style={"--cols": str(columns)},
        **{"aria-label": say("Single-line diagram with live values")},
    )


def branch(meter: LiveMeter, parts: dict[str, Parts]) -> html.Article:
    """Return one conductor with its symbols and the meter's card."""
    group = f"m{meter.id}"
    own = parts.get(group, {})
    side = "ss-feeder" if meter.role == "feeder" else "ss-src"
    return html.Article(
        [
            html.Div(
                [symbol(name, meter) for name in SYMBOLS[meter.role]],
                className="ss-wire",
                **{"aria-hidden": "true"},
            ),
            cards.card(meter, own, feed_words(meter)),
        ],
        **cards.shaped(group, "wire", own, f"ss-branch {side} ss-of-{meter.role}"),
        **{"aria-label": meter.name},
    )


SYMBOLS = {
    "incomer": ("term", "cb", "tr", "meter"),
    "generator": ("gen", "cb", "meter"),
    "feeder": ("cb", "meter", "load"),
}
"""Along the conductor, from its upper end."""


def symbol(name: str, meter: LiveMeter) -> html.Span:
    """Return a symbol; its shape is in the style sheet, the meter's carries its number."""
    inside: Any = None
    if name == "meter":
        inside = html.B(str(meter.id))
    elif name == "gen":
        inside = [html.B("G"), html.Small("3~")]
    return html.Span(inside, className=f"ss-sym ss-sym-{name}")


def feed_words(meter: LiveMeter) -> str:
    """Return what stands small above a source's name: kind, rating, voltage."""
    rated = f.spec("va_total", meter.rated_kva)
    power = f"{f.number(meter.rated_kva * 1000 / rated.divisor, 0)} {rated.unit}"
    volts = f"{f.number(meter.nominal_v, 0)} V"
    if meter.role == "incomer":
        return say("Incoming supply, {rating}", rating=f"{power} {volts}")
    if meter.role == "generator":
        return say("DG set, {rating}", rating=f"{power} {volts}")
    return ""


def busbar(parts: Parts, *, named: bool) -> html.Div:
    """Return the bus, with its name on its first stretch."""
    label = [cards.said("bus", "words", parts)] if named else []
    return html.Div(label, **cards.shaped("bus", "bus", parts, "ss-busbar"))


def sums(parts: Parts) -> html.Section:
    """Return the station as one figure: load, sum of the feeders, loss, energy, demand, unbalance."""
    rows = [
        html.Div(
            [
                cards.said("station", f"l{row}", parts, tag=html.Dt),
                html.Dd(cards.said("station", f"v{row}", parts)),
            ]
        )
        for row in range(station.ROWS)
    ]
    return html.Section(html.Dl(rows), className="ss-station", **{"aria-label": say("Station")})
