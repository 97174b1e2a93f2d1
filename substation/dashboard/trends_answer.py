"""What `/api/trend` answers: the curves as typed arrays, and every word that stands around them.

One chart a quantity, and a further one where units differ or where more than four meters would share it:
hue is the meter, and there are four. Time is counted in seconds from the beginning of the picture.
"""

import itertools
import zoneinfo
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from substation.clock import site_time
from substation.dashboard import format as f
from substation.dashboard import trends, trends_axes, trends_curves, tunnel
from substation.dashboard.board import LiveMeter
from substation.dashboard.charts import typed
from substation.dashboard.feed import Feed
from substation.dashboard.tongue import say
from substation.dashboard.trends import Asked
from substation.dashboard.trends_axes import day_and_time
from substation.dashboard.trends_curves import DAY_MS, HOUR_MS, Curve
from substation.quantities import BY_KEY

HUES = 4
LATE_MS = 150_000
"""What was read is stored within so long: the poller commits every 30 s, and may be busy."""
COUNTED_TO_MS = 40 * DAY_MS
"""Of a longer time it is not told how complete it is: counting would take longer than drawing."""
SPOKEN = 0.02
"""A gap that is at least so much of the picture has words."""


@dataclass(frozen=True, slots=True)
class Line:
    """One series of a picture."""

    meter: LiveMeter
    key: str
    hue: int
    written: f.Spec
    curve: Curve
    past: Curve | None
    """What it is compared with, already moved to the time of the picture."""

    @property
    def name(self) -> str:
        """Meter and quantity."""
        return f"{self.meter.id} {self.meter.name}, {BY_KEY[self.key].label}"


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything that is drawn."""

    asked: Asked
    start_ms: int
    end_ms: int
    now_ms: int
    zone: zoneinfo.ZoneInfo
    lines: tuple[Line, ...]
    oldest_ms: int
    """Where the history begins."""
    complete: Mapping[int, float | None]
    told: tuple[str, ...]
    """What is left out of what was asked for."""

    def panels(self) -> Iterator[tuple[Line, ...]]:
        """Give the charts: each the lines of one quantity in one unit, of at most four meters."""
        for key in self.asked.keys:
            alike: dict[tuple[object, ...], list[Line]] = {}
            for line in self.lines:
                if line.key == key:
                    volts = line.meter.nominal_v if BY_KEY[key].unit == "V" else 0
                    place = self.asked.meter_ids.index(line.meter.id) // HUES
                    alike.setdefault((line.written.unit, volts, place), []).append(line)
            yield from map(tuple, alike.values())


def picture(feed: Feed, asked: Asked) -> Picture:
    """Return what an address without faults asks for. Raises StoreError when the history does not answer."""
    settings, now_ms = feed.settings, feed.clock.now_ms()
    zone, board = settings.site.zone, feed.board()
    start_ms, end_ms = trends_curves.whole_steps(asked.start_ms, asked.end_ms, zone)
    meters = [meter for meter_id in asked.meter_ids if (meter := board.meter(meter_id)) is not None]
    wanted = {meter.id: [key for key in asked.keys if key in meter.model.keys] for meter in meters}
    told = [
        say("{meter} does not measure {quantity}.", meter=meter.name, quantity=BY_KEY[key].label)
        for meter in meters
        for key in asked.keys
        if key not in wanted[meter.id]
    ]
    wanted = {meter_id: keys for meter_id, keys in wanted.items() if keys}
    every_s = (settings.poll.interval_s, max(settings.poll.interval_s, settings.poll.slow_interval_s))
    curves = trends_curves.curves(feed.trend, wanted, start_ms, end_ms, every_s)
    past: dict[tuple[int, str], Curve] = {}
    if asked.against:
        days = days_back(asked, zone)
        begin, end = (moved(at, -days, zone) for at in (start_ms, end_ms))
        found = trends_curves.curves(feed.trend, wanted, begin, end, every_s)
        past = {of: _moved(curve, days, zone) for of, curve in found.items()}
    lines = tuple(
        Line(
            meter,
            key,
            asked.meter_ids.index(meter.id) % HUES + 1,
            f.spec(key, meter.rated_kva, meter.nominal_v),
            curves[meter.id, key],
            past.get((meter.id, key)),
        )
        for key in asked.keys
        for meter in meters
        if key in wanted.get(meter.id, ())
    )
    oldest = feed.oldest_ms() or start_ms
    until_ms = min(end_ms, now_ms - LATE_MS)
    complete: Mapping[int, float | None] = {}
    if until_ms - start_ms > LATE_MS and end_ms - start_ms <= COUNTED_TO_MS:
        complete = feed.complete(tuple(wanted), start_ms, until_ms)
    return Picture(asked, start_ms, end_ms, now_ms, zone, lines, oldest, complete, tuple(told))


def days_back(asked: Asked, zone: zoneinfo.ZoneInfo) -> int:
    """Return by how many calendar days the comparison lies back."""
    if asked.against != "year":
        return 7 if asked.against == "week" else 1
    day = site_time(asked.start_ms, zone).date()
    before = day.replace(year=day.year - 1, day=28 if (day.month, day.day) == (2, 29) else day.day)
    return (day - before).days


def moved(at_ms: int, days: int, zone: zoneinfo.ZoneInfo) -> int:
    """Return the same time of the site's clock so many days later."""
    there_ms = at_ms + days * DAY_MS
    return there_ms + _offset_ms(at_ms, zone) - _offset_ms(there_ms, zone)


def _offset_ms(at_ms: int, zone: zoneinfo.ZoneInfo) -> int:
    offset = site_time(at_ms, zone).utcoffset()
    return 0 if offset is None else round(offset.total_seconds() * 1000)


def _moved(curve: Curve, days: int, zone: zoneinfo.ZoneInfo) -> Curve:
    if not curve.at_ms:
        return curve
    first, last = curve.at_ms[0], curve.at_ms[-1]
    by = {moved(at, days, zone) - at for at in (first, last)}
    at_ms = (
        [at + min(by) for at in curve.at_ms]
        if len(by) == 1
        else [moved(at, days, zone) for at in curve.at_ms]
    )
    return Curve(curve.table, at_ms, curve.step_ms, curve.mean, curve.low, curve.high, curve.held)


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
        "q": [{"id": key, "words": BY_KEY[key].label, "hue": 0} for key in asked.keys],
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
        "{points} points a series; every lowest and highest reading is kept",
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
    if curve.table == "reading" and curve.low is curve.mean:
        return say("{unit}, every reading", unit=unit)
    if curve.table == "minute":
        return say("{unit}, mean of {step}; lowest and highest reading of each 15 min", unit=unit, step=step)
    return say("{unit}, mean of {step} with lowest and highest reading", unit=unit, step=step)


def _panel(shown: Picture, lines: Sequence[Line]) -> dict[str, Any]:
    first = lines[0]
    quantity = BY_KEY[first.key]
    low_v = first.meter.nominal_v / (3**0.5 if _to_neutral(first.key) else 1)
    seen = [
        value
        for line in lines
        for curve in (line.curve, line.past)
        if curve is not None
        for column in ((curve.mean,) if curve.low is curve.mean else (curve.mean, curve.low, curve.high))
        for value in column
    ]
    counter = quantity.kind == "counter"
    axis = trends_axes.vertical(seen, first.written, unit=quantity.unit, nominal_v=low_v, counter=counter)
    return {
        "title": quantity.label,
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


def _to_neutral(key: str) -> bool:
    return BY_KEY[key].unit == "V" and (key == "vln_average" or len(BY_KEY[key].phase) == 1)


def _line(shown: Picture, line: Line) -> dict[str, Any]:
    drawn: dict[str, Any] = {
        "name": f"{line.meter.id} {line.meter.name}",
        "hue": line.hue,
        **_points(shown, line, line.curve),
    }
    if line.curve.low is not line.curve.mean and BY_KEY[line.key].kind == "instant":
        drawn["low"] = _typed(line, line.curve.low)
        drawn["high"] = _typed(line, line.curve.high)
    if line.past is not None:
        drawn["past"] = _points(shown, line, line.past)
    return drawn


def _points(shown: Picture, line: Line, curve: Curve) -> dict[str, Any]:
    """Return mean values and where they stand: each in the middle of its step; of registers at its end."""
    if curve.table == "reading" and curve.low is curve.mean:
        part = 0.0
    else:
        part = 1.0 if BY_KEY[line.key].kind == "counter" else 0.5
    at_s = [(at - shown.start_ms + part * curve.step_ms) / 1000 for at in curve.at_ms]
    even = len({late - early for early, late in itertools.pairwise(at_s)}) <= 1 if at_s else False
    where = {"at0": at_s[0], "dx": curve.step_ms / 1000} if even else {"at": typed(at_s)}
    return {**where, "n": len(at_s), "y": _typed(line, curve.mean), "step": curve.step_ms / 1000}


def _typed(line: Line, values: Sequence[float | None]) -> dict[str, str]:
    return typed([line.written.plotted(value) for value in values])


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
    low = min(((v, at) for v, at in zip(curve.low, curve.at_ms, strict=True) if v is not None), default=None)
    high = max(
        ((v, -at) for v, at in zip(curve.high, curve.at_ms, strict=True) if v is not None), default=None
    )
    step_ms = curve.step_ms if curve.table != "minute" else 60_000
    if curve.table == "reading" and curve.low is curve.mean:
        step_ms = 1000
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
            written.text(low[0] if low else None),
            day_and_time(low[1], shown.zone, step_ms) if low else "",
            written.text(mean),
            written.text(high[0] if high else None),
            day_and_time(-high[1], shown.zone, step_ms) if high else "",
            *([f"{written.text(past)}{change}"] if shown.asked.against else []),
            f.percent(_share(shown, line), 1),
        ],
    }


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
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
