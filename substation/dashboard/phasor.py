"""The phasor diagram: voltages and currents of the phases as arrows, turned by what the meter tells.

The meter tells magnitudes and powers, no angles. The voltages are assumed 120 degrees apart in the order
R Y B; each current is turned against its own voltage by the angle of that phase's power, in all four
quadrants (`energy.unbalance.lag_degrees`). An arrow is a part (group `uN`, see `screen`) whose text is how
far it is turned and how long it is, so that `assets/live.js` repaints it as any other part; colour and
dashes are in the style sheet. What is not known is not drawn, and said.
"""

from typing import Any

from dash import html

from substation.dashboard import cards, phases, words
from substation.dashboard import format as f
from substation.dashboard.board import LiveMeter
from substation.dashboard.tongue import say
from substation.dashboard.words import Parts
from substation.energy import unbalance

AT_DEGREES = {"r": 0, "y": 120, "b": 240}
"""Where a phase's voltage points, clockwise from above: lagging is clockwise."""
NOMINAL = 84
"""Length of an arrow of nominal voltage, per cent of the ring's radius; LONGEST is as far as any goes."""
LONGEST = 100
CURRENT = 62
"""Length of the greatest of the currents; the others to scale."""
NOT_DRAWN = ("", "ss-none")


def parts(meter: LiveMeter) -> Parts:
    """Return the arrows of a meter, and in words by how much each current lags."""
    told: Parts = {"box": ("", f"ss-q-{meter.freshness}")}
    known = meter.freshness != "never"
    greatest = max(
        (abs(_number(meter, key) or 0.0) for key in words.of_phases(meter, "current")), default=0.0
    )
    for phase in AT_DEGREES:
        there = known and phase in meter.model.phases
        told |= _phase(meter, phase, greatest) if there else _absent(phase)
    told["says"] = (_says(meter), "")
    return told


def _absent(phase: str) -> Parts:
    return {f"v{phase}": NOT_DRAWN, f"i{phase}": NOT_DRAWN, f"a{phase}": (f.DASH, "ss-is-never")}


def _phase(meter: LiveMeter, phase: str, greatest: float) -> Parts:
    volts, amps = _number(meter, f"v_{phase}"), _number(meter, f"current_{phase}")
    looks = "ss-is-stale" if meter.freshness == "stale" else "ss-is-fresh"
    nominal = meter.nominal_v / 3**0.5
    told = _absent(phase)
    if volts is None:
        return told | {f"a{phase}": (say("no voltage known"), "ss-is-never")}
    if volts < unbalance.DEAD * nominal:
        return told | {f"a{phase}": (say("no voltage"), "")}
    told[f"v{phase}"] = (_turned(AT_DEGREES[phase], volts / nominal * NOMINAL), looks)
    if amps is None:
        return told | {f"a{phase}": (say("no current known"), "ss-is-never")}
    if abs(amps) < words.NO_CURRENT * words.rated_a(meter):
        return told | {f"a{phase}": (say("no current"), "")}
    watts, var = (_number(meter, _of_phase(meter, what, phase)) for what in ("watts", "var"))
    lag = None if watts is None or var is None else unbalance.lag_degrees(watts, var)
    if lag is None:
        return told | {f"a{phase}": (say("angle not known"), "ss-is-never")}
    told[f"i{phase}"] = (_turned(AT_DEGREES[phase] + lag, abs(amps) / greatest * CURRENT), looks)
    told[f"a{phase}"] = (_lag_words(lag), "ss-is-stale" if looks == "ss-is-stale" else "")
    return told


def _of_phase(meter: LiveMeter, what: str, phase: str) -> str:
    """Return the quantity of a phase; of a meter of one phase that is the total, where it has no other."""
    key = f"{what}_{phase}"
    return key if key in meter.model.keys or len(meter.model.phases) > 1 else f"{what}_total"


def _turned(degrees: float, length: float) -> str:
    return f"--a:{round(degrees) % 360};--l:{round(min(length, LONGEST))}"


def _number(meter: LiveMeter, key: str) -> float | None:
    """Return a value that may be drawn: also an old one, which then looks old, but no doubted one."""
    value = meter.values.get(key)
    if value is None or key not in meter.model.keys or f.look(value.quality) in ("bad", "never"):
        return None
    if meter.freshness in ("fresh", "late") and value.freshness not in ("fresh", "late"):
        return None  # of another time than the others
    return value.value


def _lag_words(lag: float) -> str:
    degrees = round(abs(lag))
    back = degrees > 90
    if degrees in (0, 180):
        return say("{degrees}°, reverse power", degrees=degrees) if back else say("0°, in phase")
    if lag > 0:
        return (
            say("{degrees}° lag, reverse power", degrees=degrees)
            if back
            else say("{degrees}° lag", degrees=degrees)
        )
    return (
        say("{degrees}° lead, reverse power", degrees=degrees)
        if back
        else say("{degrees}° lead", degrees=degrees)
    )


def _says(meter: LiveMeter) -> str:
    match meter.freshness:
        case "never":
            return say("Never answered: nothing to draw.")
        case "stale":
            return say("Old: drawn as at the last answer.")
    return ""


def section(meter: LiveMeter, told: Parts) -> html.Section:
    """Return the diagram with its angles and what it rests on."""
    group = f"u{meter.id}"
    arrows: list[Any] = []
    letters: list[Any] = []
    rows: list[Any] = []
    for phase in meter.model.phases:
        ring, at = f"ss-l-{phase}", {"--a": str(AT_DEGREES[phase])}
        arrows.append(html.Span(**cards.turned(group, f"v{phase}", told, f"ss-arrow ss-arrow-v {ring}")))
        arrows.append(html.Span(**cards.turned(group, f"i{phase}", told, f"ss-arrow ss-arrow-i {ring}")))
        letters.append(html.B(html.Span(phases.name(phase.upper())), className="ss-phasor-at", style=at))
        angle = cards.said(group, f"a{phase}", told)
        rows.append(html.Div([html.Dt(cards.phase(phase.upper())), html.Dd(angle)]))
    drawing = html.Div(
        [html.Span(className="ss-phasor-grid"), *letters, *arrows],
        className="ss-phasor",
        **{"aria-hidden": "true"},
    )
    note = say(
        "Solid: voltage, against nominal. Dashed: current, to scale among themselves. "
        "The meter gives no angles: 120° between the voltages is assumed, "
        "the current's comes from kW and kvar of its phase. Indicative, polled."
    )
    return html.Section(
        [
            drawing,
            cards.said(group, "says", told, "ss-phasor-says", tag=html.P),
            html.Dl(rows, className="ss-angles", **{"aria-label": say("Angle of each current")}),
            html.P(note, className="ss-note"),
        ],
        **cards.shaped(group, "box", told, "ss-phasor-box"),
        **{"aria-label": say("Phasor diagram")},
    )
