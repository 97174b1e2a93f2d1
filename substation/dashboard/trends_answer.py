"""What `/api/trend` answers: the curves as typed arrays, and every word that stands around them.

One chart a quantity, and a further one where units differ or where more than four meters would share it:
hue is the meter, and there are four. Time is counted in seconds from the beginning of the picture.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from substation.clock import site_time
from substation.dashboard import format as f
from substation.dashboard import phases, trends, trends_axes, trends_curves, tunnel
from substation.dashboard.charts import typed
from substation.dashboard.feed import Feed
from substation.dashboard.tongue import say
from substation.dashboard.trends import Asked
from substation.dashboard.trends_axes import day_and_time
from substation.dashboard.trends_curves import DAY_MS, HOUR_MS, Curve
from substation.dashboard.trends_picture import HUES, LATE_MS, Line, Picture
from substation.quantities import BY_KEY

DEAD = 0.40
"""Part of nominal voltage below which a circuit is dead."""
LEAST_HZ = 1.0
"""A dead circuit has no frequency; the meter says 0."""
SPOKEN = 0.02
"""A gap that is at least so much of the picture has words."""


def told(feed: Feed, shown: Picture) -> dict[str, Any]:
    """Return the answer for the page's script."""
    asked, zone = shown.asked, shown.zone
    return {
        "from": shown.start_ms,
        "to": shown.end_ms,
        "now": shown.now_ms,
        "oldest": shown.oldest_ms,
        "address": trends.address(
            asked.meter_ids, asked.keys, shown.start_ms, shown.end_ms, against=asked.against, zone=zone
        ),
        "range": range_words(shown),
        "named": next(
            (
                name
                for name, span in trends.ranges(shown.now_ms, zone).items()
                if span == (shown.start_ms, shown.end_ms)
            ),
            "",
        ),
        "with": asked.against,
        "every_s": tunnel.charts_pace_s(feed.settings),
        "site": feed.settings.site.name,
        "simulated": feed.settings.simulated,
        "told": shown.told,
        "chips": _chips(feed, asked),
        "ticks": [
            [(tick.at_ms - shown.start_ms) / 1000, tick.words, (tick.words_ms - shown.start_ms) / 1000]
            for tick in trends_axes.along(shown.start_ms, shown.end_ms, zone)
        ],
        "panels": [_panel(shown, lines) for lines in shown.panels()],
        "against": against_words(asked),
        "rows": [_row(shown, line) for line in shown.lines],
        "drawn": drawn_words(shown),
    }


def _chips(feed: Feed, asked: Asked) -> dict[str, list[dict[str, Any]]]:
    names = {meter.id: meter.name for meter in feed.settings.meters}
    return {
        "m": [
            {"id": str(meter_id), "words": f"{meter_id} {names[meter_id]}", "hue": place % HUES + 1}
            for place, meter_id in enumerate(asked.meter_ids)
        ],
        "q": [{"id": key, "words": phases.label(key), "hue": 0} for key in asked.keys],
    }


def range_words(shown: Picture) -> str:
    """Return the time of the picture, in the site's time."""
    step_ms = 1000 if shown.end_ms - shown.start_ms < 600_000 else 60_000
    first, last = (site_time(at, shown.zone).year for at in (shown.start_ms, shown.end_ms))
    start, end = (day_and_time(at, shown.zone, step_ms) for at in (shown.start_ms, shown.end_ms))
    if first == last:
        return say("{start} to {end}, {year}", start=start, end=end, year=last)
    return say("{start}, {first}, to {end}, {last}", start=start, first=first, end=end, last=last)


def against_words(asked: Asked) -> str:
    """Return what the grey lines are; empty without."""
    return {
        "": "",
        "day": say("day before"),
        "week": say("week before"),
        "year": say("year before"),
    }[asked.against]


def drawn_words(shown: Picture) -> str:
    """Return how fine the picture is, for the head of the table."""
    most = max((sum(line.curve.held) for line in shown.lines), default=0)
    return say(
        "{points} points a series. Every lowest and highest reading is kept, at the begin of its step",
        points=f.number(most, 0),
    )


def _step_words(step_ms: int) -> str:
    for unit_ms, unit in ((DAY_MS, "d"), (HOUR_MS, "h"), (60_000, "min")):
        if step_ms % unit_ms == 0:
            return f"{step_ms // unit_ms} {unit}"
    return f"{step_ms / 1000:g} s"


def resolution_words(line: Line) -> str:
    """Return what one point of a line stands for."""
    curve, unit = line.curve, line.written.unit or "W / VA"
    step = _step_words(curve.step_ms)
    if BY_KEY[line.key].kind == "counter":
        return say("{unit}, register at the end of each {step}", unit=unit, step=step)
    if curve.single:
        return say("{unit}, every reading", unit=unit)
    if curve.table == "minute":
        return say("{unit}, mean of {step}; lowest and highest reading of each 15 min", unit=unit, step=step)
    return say("{unit}, mean of {step} with lowest and highest reading", unit=unit, step=step)


def _panel(shown: Picture, lines: Sequence[Line]) -> dict[str, Any]:
    first = lines[0]
    quantity = BY_KEY[first.key]
    low_v = first.meter.nominal_v / (3**0.5 if _to_neutral(first.key) else 1)
    dead = {"V": DEAD * low_v, "Hz": LEAST_HZ}.get(quantity.unit, -math.inf)
    seen = [value for line in lines for value in _seen(line, dead)]
    counter = quantity.kind == "counter"
    axis = trends_axes.vertical(seen, first.written, unit=quantity.unit, nominal_v=low_v, counter=counter)
    return {
        "title": _title(shown, lines),
        "words": resolution_words(first),
        "unit": first.written.unit,
        "decimals": first.written.decimals,
        "low": axis.low,
        "high": axis.high,
        "ticks": axis.ticks,
        "limits": axis.limits,
        "lines": [_line(shown, line) for line in lines],
        "gaps": _gaps(shown, lines),
    }


def _title(shown: Picture, lines: Sequence[Line]) -> str:
    """Return the quantity; where its meters do not share one chart, with theirs."""
    label = phases.label(lines[0].key)
    of_all = sum(line.key == lines[0].key for line in shown.lines)
    names = ", ".join(f"{line.meter.id} {line.meter.name}" for line in lines)
    return label if len(lines) == of_all else f"{label}: {names}"


def _seen(line: Line, dead: float) -> Iterator[float]:
    """Give the ends of what the axis has to hold.

    A dead circuit does not flatten the rest: its line falls out of the axis, as supply did.
    """
    for curve in (line.curve, line.past):
        if curve is None:
            continue
        columns = [curve.mean] if curve.single else [curve.mean, curve.low, curve.high]
        if min(_known(curve.low), default=0.0) < dead:
            alive = [lowest is not None and lowest >= dead for lowest in curve.low]
            lasting = [alive[curve.edges_at(place)] for place in range(len(curve.mean))]
            columns = [
                list(itertools.compress(column, lasting if column is curve.mean else alive))
                for column in columns
            ]
        for column in columns:
            if known := _known(column):
                yield from (min(known), max(known))


def _known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _to_neutral(key: str) -> bool:
    return BY_KEY[key].unit == "V" and (key == "vln_average" or len(BY_KEY[key].phase) == 1)


def _line(shown: Picture, line: Line) -> dict[str, Any]:
    drawn: dict[str, Any] = {
        "name": f"{line.meter.id} {line.meter.name}",
        "hue": line.hue,
        **_points(shown, line, line.curve),
    }
    curve = line.curve
    if not curve.single and BY_KEY[line.key].kind == "instant":
        drawn["low"], drawn["high"] = _typed(line, curve.low), _typed(line, curve.high)
        if curve.edge_ms != curve.step_ms and curve.edge_at_ms:
            drawn["edge0"] = (curve.edge_at_ms[0] - shown.start_ms) / 1000
            drawn["edge"] = curve.edge_ms / 1000
    if line.past is not None:
        drawn["past"] = _points(shown, line, line.past)
    return drawn


def _points(shown: Picture, line: Line, curve: Curve) -> dict[str, Any]:
    """Return mean values and where they stand: each in the middle of its step; of registers at its end."""
    part = 1.0 if BY_KEY[line.key].kind == "counter" else 0.5
    first_ms = (0.0 if curve.single else part * curve.step_ms) - shown.start_ms
    count = len(curve.at_ms)
    apart = {late - early for early, late in itertools.pairwise(curve.at_ms)}
    if len(apart) == 1:
        where: dict[str, Any] = {"at0": (curve.at_ms[0] + first_ms) / 1000, "dx": apart.pop() / 1000}
    else:
        where = {"at": typed([(at + first_ms) / 1000 for at in curve.at_ms])}
    return {**where, "n": count, "y": _typed(line, curve.mean), "step": curve.step_ms / 1000}


def _typed(line: Line, values: Sequence[float | None]) -> dict[str, str]:
    """Return numbers in the unit of the screen, as `Spec.plotted` has them: here thousands at once."""
    divisor, digits = line.written.divisor, line.written.decimals + 1
    return typed([None if value is None else round(value / divisor, digits) for value in values])


def _gaps(shown: Picture, lines: Sequence[Line]) -> list[list[Any]]:
    """Return where lines have holes, and in words which of them."""
    edges: dict[int, list[tuple[int, Line]]] = {}
    for line in lines:
        for begin, end in trends_curves.gaps(line.curve, shown.start_ms, shown.end_ms, shown.now_ms, LATE_MS):
            edges.setdefault(begin, []).append((1, line))
            edges.setdefault(end, []).append((-1, line))
    found: list[list[Any]] = []
    missing: list[Line] = []
    times = sorted(edges)
    for at, until in itertools.pairwise(times):
        for change, line in edges[at]:
            if change > 0:
                missing.append(line)
            else:
                missing.remove(line)
        if missing:
            words = ""
            if until - at >= SPOKEN * (shown.end_ms - shown.start_ms):
                words = _gap_words(shown, missing, len(lines), until - at)
            found.append([(at - shown.start_ms) / 1000, (until - shown.start_ms) / 1000, words])
    return found


def _gap_words(shown: Picture, missing: Sequence[Line], of: int, long_ms: int) -> str:
    if len(missing) == of and long_ms >= min(shown.end_ms, shown.now_ms) - shown.start_ms:
        return say("no readings stored for this time")
    long = f.duration(long_ms / 1000)
    if len(missing) == of:
        return say("no data {long}", long=long)
    if len(missing) == 1:
        return say("{meter}: no data {long}", meter=missing[0].meter.name, long=long)
    return say("{count} meters: no data {long}", count=len(missing), long=long)


def _row(shown: Picture, line: Line) -> dict[str, Any]:
    curve, written = line.curve, line.written
    low, low_at = _extreme(curve, curve.low, min)
    high, high_at = _extreme(curve, curve.high, max)
    step_ms = 1000 if curve.single else curve.edge_ms
    mean, past = _means(shown, line)
    change = ""
    if mean is not None and past:
        change = f", {'+' if mean >= past else ''}{f.percent(mean / past - 1, 1)}"
    return {
        "name": line.name,
        "hue": line.hue,
        "meter": line.meter.id,
        "key": line.key,
        "unit": written.unit,
        "scale": written.divisor,
        "decimals": written.decimals,
        "cells": [
            written.text(low),
            day_and_time(low_at, shown.zone, step_ms) if low is not None else "",
            written.text(mean),
            written.text(high),
            day_and_time(high_at, shown.zone, step_ms) if high is not None else "",
            *([f"{written.text(past)}{change}"] if shown.asked.against else []),
            f.percent(_share(shown, line), 1),
        ],
    }


def _extreme(
    curve: Curve, column: Sequence[float | None], which: Callable[[list[float]], float]
) -> tuple[float | None, int]:
    """Return the least or greatest value and when it was reached first."""
    known = _known(column)
    if not known:
        return None, 0
    found = which(known)
    return found, curve.edge_at_ms[column.index(found)]


def _share(shown: Picture, line: Line) -> float | None:
    share = shown.complete.get(line.meter.id)
    return None if share is None else min(share, 1.0)


def _means(shown: Picture, line: Line) -> tuple[float | None, float | None]:
    """Return the mean of the picture and that of the same part of the time before; of registers none."""
    if BY_KEY[line.key].kind == "counter" or line.key in trends_curves.SLOW:
        return None, None
    until = min(shown.now_ms, shown.end_ms)
    if line.key in trends_curves.FACTORS:
        return None, None  # a mean of power factors says nothing; the meter's page tells that of the day
    return tuple(  # type: ignore[return-value]
        None
        if curve is None
        else _mean([v for v, at in zip(curve.mean, curve.at_ms, strict=True) if at < until])
        for curve in (line.curve, line.past)
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = _known(values)
    return sum(known) / len(known) if known else None
