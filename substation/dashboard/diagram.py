"""The single-line diagram: the page itself. Each card hangs on its own conductor.

Built from the configured roles and bus sections, not from five names (`topology`): incomers and generators
above their bar, feeders below it, as many columns as they need, a further stretch of the bar where one row is
not enough. Symbols after IEC 60617; a breaker is its cross without a blade, because no meter reports its
position.
"""

from typing import Any

from dash import html

from substation.dashboard import cards, sections, station, topology
from substation.dashboard import format as f
from substation.dashboard.board import Board, LiveMeter
from substation.dashboard.tongue import say
from substation.dashboard.topology import Box
from substation.dashboard.words import Parts


def diagram(board: Board, parts: dict[str, Parts]) -> html.Section:
    """Return the diagram of the whole station with live values."""
    plan = topology.plan(board.meters, coupled=board.coupled)
    bars = parts.get("bus", {})
    meters = {meter.id: meter for meter in board.meters}
    inside: list[Any] = []
    for number in plan.sections:
        own: list[Any] = []
        mark = sections.suffix(plan.sections, number)
        for box in plan.boxes:
            if box.section != number:
                continue
            if box.kind == "branch":
                own.append(_at(branch(meters[box.meter], parts), box))
            elif box.kind == "bus":
                cut = plan.beside and box.column + box.columns <= plan.columns
                own.append(_at(busbar(bars, mark, named=box.named, cut=cut), box))
            elif box.kind == "riser":
                riser = html.Div(**cards.shaped("bus", f"bus{mark}", bars, "ss-at ss-riser"))
                own.append(_at(riser, box))
        name = {"aria-label": say("Bus section {number}", number=number), "role": "group"} if mark else {}
        inside.append(html.Div(own, className="ss-sect", **name))
        inside += [
            _at(coupler(upright=not plan.beside), box)
            for box in plan.boxes
            if (box.kind, box.section) == ("coupler", number)
        ]
    inside += [_at(sums(parts.get("station", {})), box) for box in plan.boxes if box.kind == "sums"]
    note = say(
        "Live, dead and no current are inferred from voltage and current: "
        "meters do not report the position of breakers."
    )
    return html.Section(
        [*inside, html.P(note, className="ss-note ss-sld-note")],
        className="ss-sld ss-many" if len(plan.sections) > 1 else "ss-sld",
        style={"--cols": str(plan.columns)},
        **{"aria-label": say("Single-line diagram with live values")},
    )


def _at(part: Any, box: Box) -> Any:
    """Return the part, set on its place in the grid."""
    place = {"--gr": box.row, "--gc": box.column, "--gh": box.rows, "--gw": box.columns}
    part.style = {name: str(value) for name, value in place.items()}
    part.className = part.className if "ss-at" in part.className.split() else f"ss-at {part.className}"
    return part


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
        **cards.shaped(group, "wire", own, f"ss-at ss-branch {side} ss-of-{meter.role}"),
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


def busbar(parts: Parts, mark: str = "", *, named: bool, cut: bool = False) -> html.Div:
    """Return a stretch of a bar.

    Args:
        parts: group `bus`.
        mark: what follows the names of the section's parts.
        named: whether it carries the bar's name.
        cut: whether another section stands to its right.
    """
    label = [cards.said("bus", f"words{mark}", parts)] if named else []
    looks = f"ss-at ss-busbar{' ss-named' if named else ''}{' ss-cut' if cut else ''}"
    return html.Div(label, **cards.shaped("bus", f"bus{mark}", parts, looks))


def coupler(*, upright: bool) -> html.Div:
    """Return the coupler of two neighbouring sections: a breaker; nobody knows whether it is closed."""
    words = say("Bus coupler, position not known")
    return html.Div(
        [html.Span(className="ss-sym ss-sym-cb"), html.Span(words, className="ss-sr")],
        className="ss-at ss-coupler ss-upright" if upright else "ss-at ss-coupler",
        title=words,
    )


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
