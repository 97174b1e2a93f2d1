"""The figures of a picture as CSV: what is drawn, point by point, and nothing finer.

Readings leave the station encrypted and behind the export password (`export_desk`). A chart's figures are
the exception, and a narrow one: means of a minute or longer, never single readings; no more than stands on
the screen; for engineers; and not without a line in the audit log.
"""

from collections.abc import Iterator, Sequence
from math import log10

from substation.clock import iso, site_time
from substation.dashboard.trends_picture import Line, Picture
from substation.export.table import text_cell
from substation.quantities import BY_KEY

COLUMNS = (
    "From",
    "From_UTC",
    "Seconds",
    "Meter_ID",
    "Meter",
    "Quantity",
    "Unit",
    "Mean",
    "Lowest",
    "Highest",
    "Complete_percent",
    "Simulated",
)
NEWLINE = "\r\n"


def single_readings(shown: Picture) -> bool:
    """Return whether the picture is so short that it shows readings and not means."""
    return any(line.curve.table == "reading" for line in shown.lines)


def text(shown: Picture, *, simulated: bool) -> tuple[str, int]:
    """Return the file and how many rows it has below its head."""
    rows = [row for line in shown.lines for row in _rows(shown, line, simulated=simulated)]
    head = "\ufeff" + ",".join(COLUMNS)  # the mark by which Excel knows UTF-8
    return NEWLINE.join([head, *rows, ""]), len(rows)


def _rows(shown: Picture, line: Line, *, simulated: bool) -> Iterator[str]:
    """Give the points up to now; where nothing is known the cells are empty, never 0."""
    curve, quantity = line.curve, BY_KEY[line.key]
    digits = round(log10(quantity.steps_per_unit))
    share = shown.complete.get(line.meter.id)
    whose = f"{line.meter.id},{text_cell(line.meter.name)},{text_cell(quantity.label)},{quantity.unit}"
    end = f"{'' if share is None else f'{min(share, 1.0) * 100:.1f}'},{'yes' if simulated else 'no'}"
    until = min(shown.end_ms, shown.now_ms)
    for place, at in enumerate(curve.at_ms):
        if at >= until:
            break
        cells = ",".join(
            (
                _cell(curve.mean, place, digits + 1 if quantity.kind == "instant" else digits),
                _cell(curve.low, curve.edges_at(place), digits),
                _cell(curve.high, curve.edges_at(place), digits),
            )
        )
        local = site_time(at, shown.zone).isoformat(" ", "seconds")
        yield f"{local},{iso(at)},{curve.step_ms // 1000},{whose},{cells},{end}"


def _cell(values: Sequence[float | None], place: int, digits: int) -> str:
    value = values[place]
    return "" if value is None else f"{value:.{digits}f}"
