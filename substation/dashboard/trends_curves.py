"""The curves of a picture of `/trends`: which table tells them, and every extreme kept.

| time | line | lowest and highest |
|---|---|---|
| to 2 h | every reading | the readings themselves |
| to 26 h | means of minutes | of all readings in each quarter of an hour |
| to 8 days | means of quarters | of all readings in each |
| to 62 days | means of hours | of all readings in each |
| more | means of days | of all readings in each |

Minutes keep no extremes, so there they come from the quarters; every other table keeps them. Beyond
62 days a step of some hours would draw the course of a day as a zigzag. Where retention has taken the
fine rows the next coarser ones are drawn, and the page says which.
"""

import itertools
import zoneinfo
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from substation.clock import day_start_ms
from substation.quantities import BY_KEY, NOTHING
from substation.store.history import Series

MINUTE_MS, QUARTER_MS, HOUR_MS, DAY_MS = 60_000, 900_000, 3_600_000, 86_400_000
READINGS_TO_MS = 2 * HOUR_MS
MINUTES_TO_MS = 26 * HOUR_MS
QUARTERS_TO_MS = 8 * DAY_MS
HOURS_TO_MS = 62 * DAY_MS
READINGS = 3600
"""Steps of the shortest pictures: polls that are 2 s apart are drawn each."""
SLOW = frozenset({key for key, q in BY_KEY.items() if q.kind == "counter"} | {"pf_average_received"})
"""Read with the registers, about once a minute."""
APART = 2.5
"""A step is at least so many polls long, else it would look like a gap between two of them."""
NEIGHBOURS = 5
"""Readings on each side of an empty stretch that tell how far apart readings were then."""
FACTORS = {
    "pf_average": ("watts_total", "va_total"),
    **{f"pf_{phase}": (f"watts_{phase}", f"va_{phase}") for phase in "ryb"},
}
"""Over a stretch of time a power factor is energy by apparent energy (IEEE 1459), never a mean of factors."""

Ask = Callable[[Collection[int], Sequence[str], int, int, int], Mapping[int, Series]]
"""`HistoryReader.series_of`: meters, keys, from, to, points."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One quantity of one meter. None is a gap."""

    table: str
    """Where the line comes from: `reading`, `minute`, `quarter`, `hour`, `day`."""
    at_ms: Sequence[int]
    step_ms: int
    mean: Sequence[float | None]
    held: Sequence[bool]
    """Whether anything was stored, also where a ratio has no value (no load)."""
    edge_at_ms: Sequence[int]
    """When the steps of the extremes begin: those of the line, or quarters of an hour under its minutes."""
    edge_ms: int
    """How long they are."""
    low: Sequence[float | None]
    high: Sequence[float | None]

    @property
    def single(self) -> bool:
        """Whether each point is a reading."""
        return self.table == "reading" and self.low is self.mean

    def edges_at(self, place: int) -> int:
        """Return the place of the extremes that belong to a point of the line."""
        if self.edge_ms == self.step_ms:
            return place
        return (self.at_ms[place] - self.edge_at_ms[0]) // self.edge_ms


def step_for(start_ms: int, end_ms: int) -> int:
    """Return how long one step of the picture should be, ms; 0: every reading."""
    span_ms = end_ms - start_ms
    if span_ms <= READINGS_TO_MS:
        return 0
    if span_ms <= MINUTES_TO_MS:
        return MINUTE_MS
    if span_ms <= QUARTERS_TO_MS:
        return QUARTER_MS
    if span_ms <= HOURS_TO_MS:
        return HOUR_MS
    return DAY_MS


def whole_steps(start_ms: int, end_ms: int, zone: zoneinfo.ZoneInfo) -> tuple[int, int]:
    """Return the span widened to whole steps of its table, so that no extreme is of a time beyond it."""
    step_ms = step_for(start_ms, end_ms)
    if step_ms == 0:
        return start_ms, end_ms
    if step_ms >= DAY_MS:
        last = day_start_ms(end_ms - 1, zone)
        return day_start_ms(start_ms, zone), day_start_ms(last, zone, -1)
    if step_ms < HOUR_MS:
        return start_ms // QUARTER_MS * QUARTER_MS, -(-end_ms // QUARTER_MS) * QUARTER_MS
    begin = start_ms - (start_ms - day_start_ms(start_ms, zone)) % HOUR_MS
    end = end_ms + -(end_ms - day_start_ms(end_ms, zone)) % HOUR_MS
    return begin, end


def curves(
    ask: Ask,
    wanted: Mapping[int, Collection[str]],
    start_ms: int,
    end_ms: int,
    every_s: tuple[float, float],
) -> dict[tuple[int, str], Curve]:
    """Return the curves by meter and quantity.

    Args:
        ask: the history.
        wanted: by meter the quantities that it has and that are drawn.
        start_ms: a span as `whole_steps` gives it.
        end_ms: its end.
        every_s: how far apart readings are, and those of the registers, s.
    """
    keys = list(dict.fromkeys(key for own in wanted.values() for key in own))
    helpers = [part for key in keys for part in FACTORS.get(key, ())]
    every = list(dict.fromkeys([*keys, *helpers]))
    found: dict[tuple[int, str], Curve] = {}
    for group, apart_s in (
        ([key for key in every if key not in SLOW], every_s[0]),
        ([key for key in every if key in SLOW], every_s[1]),
    ):
        if group:
            found |= _group(ask, tuple(wanted), group, (start_ms, end_ms), apart_s)
    return {
        (meter_id, key): _without_holes_between_polls(
            _alive(_ratio(found, meter_id, key) if key in FACTORS else found[meter_id, key], key)
        )
        for meter_id, own in wanted.items()
        for key in own
    }


def _group(
    ask: Ask, meter_ids: Collection[int], keys: Sequence[str], span: tuple[int, int], apart_s: float
) -> dict[tuple[int, str], Curve]:
    start_ms, end_ms = span
    span_ms, step_ms = end_ms - start_ms, step_for(start_ms, end_ms)
    series = ask(meter_ids, keys, start_ms, end_ms, max(1, span_ms // step_ms) if step_ms else READINGS)
    one = next(iter(series.values()))
    if one.table != "reading" and one.step_s < APART * apart_s:
        longer_ms = -(-round(APART * apart_s * 1000) // MINUTE_MS) * MINUTE_MS
        series = ask(meter_ids, keys, start_ms, end_ms, max(1, span_ms // longer_ms))
        one = next(iter(series.values()))
    quarters: Mapping[int, Series] = {}
    if one.table == "minute":
        begin, end = start_ms // QUARTER_MS * QUARTER_MS, -(-end_ms // QUARTER_MS) * QUARTER_MS
        quarters = ask(meter_ids, keys, begin, end, (end - begin) // QUARTER_MS)
    return {
        (meter_id, key): _curve(own, key, quarters.get(meter_id))
        for meter_id, own in series.items()
        for key in keys
    }


def _curve(own: Series, key: str, quarters: Series | None) -> Curve:
    mean, step_ms = own.values[key], round(own.step_s * 1000)
    held = [value is not None for value in mean]
    if quarters is None or BY_KEY[key].kind == "counter":
        return Curve(
            own.table, own.at_ms, step_ms, mean, held, own.at_ms, step_ms, own.low[key], own.high[key]
        )
    low, high = quarters.low[key], quarters.high[key]
    return Curve(own.table, own.at_ms, step_ms, mean, held, quarters.at_ms, QUARTER_MS, low, high)


def _without_holes_between_polls(curve: Curve) -> Curve:
    """Return the curve without the empty steps that only say how far apart polls were.

    An imported past has a reading each half hour, the demo's one each five minutes: at steps of a minute
    nearly all are empty and none is missing. So an empty stretch is judged by the readings on its two sides,
    as polls are; where they lie step by step, each empty step is a gap.
    """
    there = [place for place, held in enumerate(curve.held) if held]
    apart = [late - early for early, late in itertools.pairwise(there)]
    if curve.table == "reading" or max(apart, default=1) == 1:
        return curve
    dropped: set[int] = set()
    for place, wide in enumerate(apart):
        if wide == 1:
            continue
        sides = (apart[max(0, place - NEIGHBOURS) : place], apart[place + 1 : place + 1 + NEIGHBOURS])
        usual = max((sorted(side)[len(side) // 2] for side in sides if side), default=1)
        if usual > 1 and wide <= APART * usual:
            dropped.update(range(there[place] + 1, there[place + 1]))
    if not dropped:
        return curve

    def kept(column: Sequence[Any]) -> list[Any]:
        return [value for place, value in enumerate(column) if place not in dropped]

    lean = replace(curve, at_ms=kept(curve.at_ms), mean=kept(curve.mean), held=kept(curve.held))
    if curve.edge_ms != curve.step_ms:
        return lean
    return replace(lean, edge_at_ms=lean.at_ms, low=kept(curve.low), high=kept(curve.high))


def _alive(curve: Curve, key: str) -> Curve:
    """Return a frequency or power factor without the steps that had none, where a meter says 0.

    Half a minute of 50 Hz is no minute of 25 Hz, and what was least in the rest of a step is not known.
    """
    if key not in NOTHING or not (0.0 in curve.low or 0.0 in curve.high):
        return curve
    low, high = ([value or None for value in edge] for edge in (curve.low, curve.high))
    if curve.single:
        return replace(curve, mean=low, low=low, high=low)
    mean = [
        value if key != "frequency" or curve.low[curve.edges_at(place)] != 0 else None
        for place, value in enumerate(curve.mean)
    ]
    return replace(curve, mean=mean, low=low, high=high)


def _ratio(found: Mapping[tuple[int, str], Curve], meter_id: int, key: str) -> Curve:
    """Return a power factor: its line is watts by volt-amperes, its extremes are what the meter said."""
    own, *parts = found[meter_id, key], *(found[meter_id, part] for part in FACTORS[key])
    over, under = parts
    if own.single:
        return own  # each poll says it itself
    mean = [
        None if up is None or down is None or down <= 0 else up / down
        for up, down in zip(over.mean, under.mean, strict=True)
    ]
    held = [up and down for up, down in zip(over.held, under.held, strict=True)]
    return replace(own, mean=mean, held=held)


def gaps(curve: Curve, start_ms: int, end_ms: int, now_ms: int, late_ms: int) -> list[tuple[int, int]]:
    """Return where a curve has holes in [start, end), up to now.

    What was read within the last `late_ms` may not be stored yet, and is no hole.
    """
    until = min(end_ms, now_ms)
    found: list[tuple[int, int]] = []
    begin: int | None = start_ms
    for at, held in zip(curve.at_ms, curve.held, strict=True):
        if at >= until:
            break
        if held and begin is not None:
            if at - begin > (0 if curve.table != "reading" else APART * curve.step_ms):
                found.append((begin, at))
            begin = None
        elif not held and begin is None:
            begin = at
    if begin is None and curve.at_ms:
        begin = min(curve.at_ms[-1] + curve.step_ms, until)
    if begin is not None and until - begin > (late_ms if until == now_ms else APART * curve.step_ms):
        found.append((begin, until))
    return [(max(first, start_ms), last) for first, last in found if last > start_ms]
