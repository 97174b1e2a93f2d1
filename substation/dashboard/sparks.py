"""Small pictures of a day, masks that take the colour of the text: lines of quantities, the strip of answers.

A picture is the text of a part (`cards.turned`), so that it travels and is repainted as all parts do. It
decorates: the figures beside it say the same, so it is hidden from screen readers. Pure.
"""

import zoneinfo
from collections.abc import Mapping, Sequence
from typing import Protocol

from substation.clock import day_start_ms, site_time
from substation.dashboard.strip import Kind, Strip
from substation.quantities import BY_KEY

NOTHING = "--line:linear-gradient(transparent,transparent)"
"""A mask that lets nothing through: it also takes away what was drawn before."""
WIDE, HIGH = 96, 16
"""A day has so many steps of a quarter of an hour; the line has so many heights."""
LEAST_WIDE = 8
"""Just after midnight the line is no wider than a day of so many steps would make it."""
LEAST_SPAN = {"V": 0.01, "Hz": 0.002}
"""Part of the value below which a change is not drawn to full height: noise is no shape. Else OTHER_SPAN."""
OTHER_SPAN = 0.02
DAY_MS = 86_400_000


class Steps(Protocol):
    """Stored values over time, as the feed gives them."""

    @property
    def at_ms(self) -> Sequence[int]:
        """When each step begins, UTC ms."""

    @property
    def values(self) -> Mapping[str, Sequence[float | None]]:
        """By quantity one value a step."""


def lines(series: Steps, now_ms: int, zone: zoneinfo.ZoneInfo) -> dict[str, str]:
    """Return by quantity the line of today up to now as a mask; NOTHING where nothing is stored."""
    start_ms = day_start_ms(now_ms, zone)
    places = [_place(at, start_ms, zone) for at in series.at_ms]
    wide = max(_place(now_ms, start_ms, zone) + 1, LEAST_WIDE)
    return {key: _line(key, places, values, wide) for key, values in series.values.items()}


def _place(at_ms: int, start_ms: int, zone: zoneinfo.ZoneInfo) -> int:
    when = site_time(at_ms, zone)
    return (when.hour * 60 + when.minute) * WIDE // 1440 if at_ms >= start_ms else -1


def _line(key: str, places: Sequence[int], values: Sequence[float | None], wide: int) -> str:
    known: dict[int, list[float]] = {}
    for place, value in zip(places, values, strict=False):
        if value is not None and place >= 0:
            known.setdefault(place, []).append(value)
    if not known:
        return NOTHING
    means = {place: sum(found) / len(found) for place, found in known.items()}
    low, high = min(means.values()), max(means.values())
    unit = BY_KEY[key].unit
    least = max(abs(low), abs(high)) * LEAST_SPAN.get(unit, OTHER_SPAN)
    if BY_KEY[key].kind == "counter":
        least = 1.0  # it counts, or it does not
    span, middle = max(high - low, least), (low + high) / 2
    heights = {
        place: round(HIGH / 2 - (mean - middle) / span * (HIGH - 2)) if span else HIGH // 2
        for place, mean in means.items()
    }
    return mask(path(heights), wide, HIGH)


def path(heights: Mapping[int, int]) -> str:
    """Return the line as steps to the right and up or down; a gap is jumped over, a lone step is a dot."""
    told, before = "", (-2, 0)
    for place, height in sorted(heights.items()):
        if place == before[0] + 1:
            told += f"l1 {height - before[1]}"
        else:
            told += f"M{place} {height}h.6" if place + 1 not in heights else f"M{place} {height}"
        before = (place, height)
    return told


def mask(path: str, wide: int, high: int, *, filled: bool = False) -> str:
    """Return a path as the custom property that a mask is made of."""
    if not path:
        return NOTHING
    paint = (
        "" if filled else " fill='none' stroke='black' stroke-width='1.2' vector-effect='non-scaling-stroke'"
    )
    drawn = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {wide} {high}' preserveAspectRatio='none'>"
        f"<path d='{path}'{paint}/></svg>"
    )
    return f'--line:url("data:image/svg+xml,{drawn.replace("<", "%3C").replace(">", "%3E")}")'


def cells(strip: Strip, kind: Kind) -> str:
    """Return the steps of a strip that are of one kind, as a mask of bars."""
    path = "".join(f"M{place}.1 0h.8v1h-.8z" for place, one in enumerate(strip.kinds) if one == kind)
    return mask(path, max(1, len(strip.kinds)), 1, filled=True)
