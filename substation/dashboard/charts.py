"""Plotly figures of a day's curves: plain dicts, typed arrays, nothing that leaves the station.

The horizontal axis counts from 1970-01-01 00:00 of nowhere: the milliseconds of one day fit a float32
exactly, and the figure does not depend on the date. Colours are those of the light theme; the style
sheet recolours the lines by their `uid` (class `trace<uid>` in the drawing), so that day and night
need no new figure.
"""

import base64
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from substation.dashboard import format as f
from substation.dashboard.curves import DAY_MS, Grid, Kind
from substation.dashboard.tongue import say
from substation.dashboard.words import VOLTAGE_BAND

HOURS = (0, 4, 8, 12, 16, 20, 24)
PF_LIMIT = 0.90
"""Below it most tariffs charge for reactive energy; site's own limit comes with the tariff."""
DEAD = 0.40
"""Part of nominal voltage below which a circuit is dead."""
CONFIG = {
    "displayModeBar": False,
    "displaylogo": False,
    "showSendToCloud": False,
    "showEditInChartStudio": False,
    "plotlyServerURL": "",
    "scrollZoom": False,
    "doubleClick": False,
    "responsive": True,
}


def figure(
    kind: Kind, today: Grid, past: Grid, written: f.Spec, *, nominal_v: float, rated: float
) -> dict[str, Any]:
    """Return the figure of one chart.

    Args:
        kind: which.
        today: the curve in ink, with its shade.
        past: yesterday, grey behind it.
        written: how the values are written.
        nominal_v: of this voltage (phase to neutral or line to line), V.
        rated: of this current or power, in its own unit: an idle circuit is not drawn as a mountain range.
    """
    axis = axis_of(kind, [today, past], written, nominal_v, rated)
    return {
        "data": [past_trace(past, written), *today_traces(today, written)],
        "layout": _layout(axis, written),
    }


def past_trace(past: Grid, written: f.Spec) -> dict[str, Any]:
    """Return yesterday's line."""
    return _line("past", say("yesterday"), past, written, ink=("#7e8890", 1.2))


def today_traces(today: Grid, written: f.Spec) -> list[dict[str, Any]]:
    """Return the shade and the line of today: what is sent again each minute."""
    return [_band(today, written), _line("today", say("today"), today, written, ink=("#1d2329", 1.5))]


def _line(uid: str, name: str, curve: Grid, written: f.Spec, *, ink: tuple[str, float]) -> dict[str, Any]:
    lone = _lone(curve.mean)
    dots = {
        "mode": "lines+markers",
        "marker": {
            "size": [LONE_PX if alone else 0 for alone in lone],
            "color": ink[0],
            "line": {"width": 0},
        },
    }
    return {
        "type": "scatter",
        "mode": "lines",
        "uid": uid,
        "name": name,
        "x0": curve.bucket_s * 500,
        "dx": curve.bucket_s * 1000,
        "y": typed([written.plotted(value) for value in curve.mean]),
        "line": {"color": ink[0], "width": ink[1]},
        "connectgaps": False,
        "hovertemplate": f"%{{y:,.{written.decimals}f}}<extra>{name}</extra>",
        **(dots if any(lone) else {}),
    }


def _lone(values: Sequence[float | None]) -> list[bool]:
    """Return which values have a gap on both sides: a line through one point alone is not drawn at all."""
    padded = [None, *values, None]
    return [
        value is not None and before is None and after is None
        for before, value, after in zip(padded, padded[1:], padded[2:], strict=False)
    ]


def _band(curve: Grid, written: f.Spec) -> dict[str, Any]:
    """Return the shade as closed shapes, one for each stretch without a gap."""
    across: list[float | None] = []
    along: list[float | None] = []
    half = curve.bucket_s * 500
    stretch: list[int] = []
    for step in range(len(curve.low) + 1):
        whole = step < len(curve.low) and curve.low[step] is not None and curve.high[step] is not None
        if whole:
            stretch.append(step)
            continue
        if len(stretch) > 1:
            there = [float(place * curve.bucket_s * 1000 + half) for place in stretch]
            across += [*there, *reversed(there), None]
            along += [written.plotted(curve.high[place]) for place in stretch]
            along += [written.plotted(curve.low[place]) for place in reversed(stretch)]
            along.append(None)
        stretch = []
    return {
        "type": "scatter",
        "mode": "lines",
        "uid": "band",
        "name": say("lowest to highest"),
        "x": typed(across[:-1]),
        "y": typed(along[:-1]),
        "fill": "toself",
        "fillcolor": "rgba(29,35,41,0.16)",
        "line": {"width": 0, "color": "rgba(0,0,0,0)"},
        "hoverinfo": "skip",
    }


LONE_PX = 4
"""Size of a reading that stands alone, as an imported one each half hour does."""


def typed(values: Sequence[float | None]) -> dict[str, str]:
    """Return numbers as a float32 array in base64, NaN for None: a third of the bytes, no parsing."""
    numbers = [math.nan if value is None else value for value in values]
    return {"dtype": "f4", "bdata": base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()}


@dataclass(frozen=True, slots=True)
class Axis:
    """A vertical axis in the unit of the screen."""

    low: float
    high: float
    ticks: tuple[float, ...]
    limits: tuple[float, ...] = ()


def axis_of(kind: Kind, curves: Sequence[Grid], written: f.Spec, nominal_v: float, rated: float) -> Axis:
    """Return the axis: of a voltage its band, which widens when a value leaves it; else from zero.

    A step in which the circuit was dead does not widen the voltage axis: the line falls out of it, as
    supply did, and the rest of the day stays readable. The table under the charts has the zero.
    """
    dead = DEAD * nominal_v if kind.name == "voltage" else -math.inf
    seen = [
        value / written.divisor
        for curve in curves
        for lowest, *others in zip(curve.low, curve.high, curve.mean, strict=True)
        if lowest is None or lowest >= dead
        for value in (lowest, *others)
        if value is not None
    ]
    low, high = min(seen, default=0.0), max(seen, default=0.0)
    if kind.name == "voltage":
        band = (
            nominal_v * (1 - VOLTAGE_BAND) / written.divisor,
            nominal_v * (1 + VOLTAGE_BAND) / written.divisor,
        )
        if seen and (low < band[0] or high > band[1]):
            step = _nice((max(high, band[1]) - min(low, band[0])) / 4)
            start, end = (
                math.floor(min(low, band[0]) / step) * step,
                math.ceil(max(high, band[1]) / step) * step,
            )
            return Axis(start, end, _ticks(start, end, step), band)
        return Axis(*band, _ticks(*band, _nice((band[1] - band[0]) / 5)))
    if kind.name == "factor":
        start = 0.8 if not seen or low >= 0.8 else (math.floor(low * 5) / 5 if low >= 0 else -1.0)
        return Axis(
            start, 1.0, _ticks(start, 1.0, 0.05 if start >= 0.8 else _nice((1 - start) / 4)), (PF_LIMIT,)
        )
    top = max(high, rated * 0.1 / written.divisor)
    step = _nice((top - min(low, 0.0)) / 4)
    start = 0.0 if low >= 0 else math.floor(low / step) * step
    end = math.ceil(top * 1.02 / step) * step
    return Axis(start, end, _ticks(start, end, step))


def _nice(step: float) -> float:
    """Return the next of 1, 2, 3, 5, 6 or 10 times a power of ten."""
    if step <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(step))
    return next(times for times in (1, 2, 3, 5, 6, 10) if step <= times * power * (1 + 1e-9)) * power


def _ticks(low: float, high: float, step: float) -> tuple[float, ...]:
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return tuple(round(place * step, 9) for place in range(first, last + 1))


def _layout(axis: Axis, written: f.Spec) -> dict[str, Any]:
    font = {"size": 12, "color": "#56606a", "family": "inherit"}
    step = axis.ticks[1] - axis.ticks[0] if len(axis.ticks) > 1 else 1.0
    decimals = min(max(0, -math.floor(math.log10(step) + 1e-9)), 3)
    if written.unit == "" and written.decimals == 3:
        decimals = 2
    return {
        "uirevision": "day",
        "autosize": True,
        "margin": {"l": 40, "r": 9, "t": 7, "b": 20, "pad": 0},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": False,
        "font": font,
        "hovermode": "x unified",
        "dragmode": False,
        "xaxis": {
            "type": "date",
            "range": [0, DAY_MS],
            "fixedrange": True,
            "tickvals": [hour * 3_600_000 for hour in HOURS],
            "ticktext": [f"{hour:02d}" for hour in HOURS],
            "hoverformat": "%H:%M",
            "showgrid": False,
            "zeroline": False,
            "showline": True,
            "linecolor": "#76818a",
            "linewidth": 1,
            "ticklabeloverflow": "allow",
        },
        "yaxis": {
            "range": [axis.low, axis.high],
            "fixedrange": True,
            "tickvals": list(axis.ticks),
            "ticktext": [f.number(tick, decimals) for tick in axis.ticks],
            "gridcolor": "#cdd3d7",
            "gridwidth": 1,
            "zeroline": False,
        },
        "shapes": [
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": limit,
                "y1": limit,
                "layer": "below",
                "line": {"color": "#76818a", "width": 1, "dash": "dash"},
            }
            for limit in axis.limits
        ],
    }
