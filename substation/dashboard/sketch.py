"""A chart's curves before the chart is drawn: small masks from the same numbers, on the same axis.

What draws the charts is the heaviest script of a page; a slow phone has it after many seconds. Until then the
lines of today and yesterday, the limits and the axes stand there as the style sheet draws them, without shade
and without values to point at. A gap stays a gap. It decorates: the chart's table says the same. Nothing
renews it: where that script does not come, the style sheet takes the lines away and says so.
"""

from typing import Any

from dash import html

from substation.dashboard import format as f
from substation.dashboard import sparks
from substation.dashboard.curves import Grid
from substation.dashboard.tongue import say

HIGH = 176
"""Heights that are told apart: the pixels of the usual plot."""


def sketch(layout: dict[str, Any], today: Grid, past: Grid, written: f.Spec) -> html.Div:
    """Return the sketch of a chart.

    Args:
        layout: the figure's, whose axes it takes.
        today: today's curve.
        past: yesterday's.
        written: how the values are written.
    """
    axis = layout["yaxis"]
    low, high = axis["range"]
    ticks = axis["tickvals"]
    step = (ticks[1] - ticks[0] if len(ticks) > 1 else high - low) / (high - low)
    limits = "".join(f"M0 {_height(shape['y0'], low, high)}h288" for shape in layout["shapes"])
    base = (ticks[0] - low) / (high - low) if ticks else 0.0
    return html.Div(
        [
            html.Span(className="ss-sketch-limit", style=_drawn(limits, len(today.mean))),
            html.Span(className="ss-sketch-past", style=_line(past, written, low, high)),
            html.Span(className="ss-sketch-today", style=_line(today, written, low, high)),
            html.Span("\n".join(reversed(axis["ticktext"])), className="ss-sketch-y"),
            html.Span(" ".join(layout["xaxis"]["ticktext"]), className="ss-sketch-x"),
            html.Span(say("No curve: the charts' script has not come."), className="ss-sketch-gone"),
        ],
        className="ss-sketch",
        style={"--step": f"{step:.4f}", "--base": f"{base:.4f}"},
        **{"aria-hidden": "true"},
    )


def _line(curve: Grid, written: f.Spec, low: float, high: float) -> dict[str, str]:
    heights = {}
    for place, value in enumerate(curve.mean):
        shown = written.plotted(value)
        if shown is not None:
            heights[place] = _height(shown, low, high)
    return _drawn(sparks.path(heights), len(curve.mean))


def _drawn(path: str, wide: int) -> dict[str, str]:
    name, _, value = sparks.mask(path, wide, HIGH).partition(":")
    return {name: value}


def _height(value: float, low: float, high: float) -> int:
    """Return the height from above; what lies outside the axis is clipped, as the chart clips it."""
    return round((high - value) / (high - low) * HIGH)
