"""The curves of a day, laid on a grid of five minutes by the site's wall clock.

Pure: a day's rows in, a `Grid` out. So yesterday stands behind today hour by hour, also on the two
days a year that have 23 or 25 hours. Where nothing was stored there is a gap, never a line across it.
"""

import threading
import zoneinfo
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from substation.clock import day_start_ms, site_time
from substation.dashboard import format as f
from substation.dashboard.tongue import say

DAY_MS = 86_400_000
BUCKET_S = 300


class Curves(Protocol):
    """A stretch of stored readings, as the feed gives it."""

    @property
    def at_ms(self) -> Sequence[int]:
        """When each row begins, UTC ms."""

    @property
    def values(self) -> Mapping[str, Sequence[float | None]]:
        """By key one value a row."""

    @property
    def low(self) -> Mapping[str, Sequence[float | None]]:
        """By key the lowest value within each row, where the table holds it."""

    @property
    def high(self) -> Mapping[str, Sequence[float | None]]:
        """By key the highest value within each row, where the table holds it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What one chart shows."""

    name: str
    title: str
    line: tuple[str, ...]
    """The curve: the mean of these quantities; of a ratio, numerator and denominator."""
    band: tuple[str, ...]
    """The shade: lowest to highest of these."""
    shown: str
    """The quantity that says how numbers are written."""
    ratio: bool = False

    @property
    def heading(self) -> str:
        """The title in the language in force."""
        return {
            "voltage": say("Voltage"),
            "current": say("Current"),
            "power": say("Power"),
            "factor": say("Power factor"),
        }.get(self.name, self.title)

    def of_phase(self, phase: str) -> "Kind":
        """Return the same chart for one phase, `r`, `y` or `b`."""
        key = {"voltage": "v", "current": "current", "power": "watts", "factor": "pf"}[self.name]
        own = f"{key}_{phase}"
        line = (f"watts_{phase}", f"va_{phase}") if self.ratio else (own,)
        return Kind(self.name, self.title, line, (own,), own, self.ratio)

    def of_model(self, keys: Collection[str]) -> "Kind":
        """Return the same chart from what a meter has: not every model knows all means and totals."""
        band = tuple(key for key in self.band if key in keys)
        instead = [band, *(_LAST.get(self.name, ()) if len(self.band) > 1 else ())]
        if set(self.line) <= set(keys):
            line, ratio = self.line, self.ratio
        else:
            line, ratio = next((some for some in instead if some and set(some) <= set(keys)), ()), False
        shown = self.shown if self.ratio or not line or self.shown in line else line[0]
        return Kind(self.name, self.title, line or self.line, band or line, shown, ratio)


_LAST = {
    "voltage": (("vll_average",), ("v_ry", "v_yb", "v_br")),
    "current": (("current_total",),),
}
"""What is drawn of a meter that has neither the mean nor the phases."""


KINDS = {
    kind.name: kind
    for kind in (
        Kind("voltage", "Voltage", ("vln_average",), ("v_r", "v_y", "v_b"), "vln_average"),
        Kind(
            "current",
            "Current",
            ("current_r", "current_y", "current_b"),
            ("current_r", "current_y", "current_b"),
            "current_r",
        ),
        Kind("power", "Power", ("watts_total",), ("watts_total",), "watts_total"),
        # over a stretch of time it is energy by apparent energy (IEEE 1459), never a mean of factors
        Kind(
            "factor", "Power factor", ("watts_total", "va_total"), ("pf_average",), "pf_average", ratio=True
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Grid:
    """A day on a grid: None where nothing was stored."""

    bucket_s: int
    mean: list[float | None]
    low: list[float | None]
    high: list[float | None]
    held: list[bool]
    """Whether anything was stored, also where a ratio has no value (no load)."""
    last_ms: int | None
    """The last row with a value, UTC ms."""


def keys_of(kinds: Sequence[Kind]) -> tuple[str, ...]:
    """Return the quantities that some charts need, each once."""
    return tuple(dict.fromkeys(key for kind in kinds for key in (*kind.line, *kind.band)))


def grid(
    series: Curves, kind: Kind, start_ms: int, zone: zoneinfo.ZoneInfo, bucket_s: int = BUCKET_S
) -> Grid:
    """Return a day of one chart on its grid.

    Args:
        series: rows of that day.
        kind: which chart.
        start_ms: when the site's day began.
        zone: the site's.
        bucket_s: width of one step.
    """
    steps = 86_400 // bucket_s
    places = [_wall_ms(at, start_ms, zone) // (bucket_s * 1000) for at in series.at_ms]
    lines = [_collect(places, series.values.get(key, ()), steps) for key in kind.line]
    held = [all(line[step] for line in lines) for step in range(steps)]
    mean: list[float | None] = []
    for step in range(steps):
        if not held[step]:
            mean.append(None)
        elif kind.ratio:
            over, under = (sum(line[step]) / len(line[step]) for line in lines)
            mean.append(over / under if under > 0 else None)
        else:
            mean.append(sum(sum(line[step]) / len(line[step]) for line in lines) / len(lines))
    lows = _spread(places, series.low, series.values, kind.band, steps)
    highs = _spread(places, series.high, series.values, kind.band, steps)
    if kind.ratio:  # a meter on a dead circuit reports a factor of 0, which is none
        lows, highs = [[[value for value in found if value] for found in edge] for edge in (lows, highs)]
    return Grid(
        bucket_s,
        mean,
        [min(found) if found and held[step] else None for step, found in enumerate(lows)],
        [max(found) if found and held[step] else None for step, found in enumerate(highs)],
        held,
        _last(series, kind),
    )


_KEPT = 48
"""Grids: those of two or three pages. Document, page and renewals ask for the same within seconds."""
_kept: OrderedDict[tuple[int, Kind, int, int], tuple[Curves, zoneinfo.ZoneInfo, Grid]] = OrderedDict()
_keeping = threading.Lock()


def kept_grid(
    series: Curves, kind: Kind, start_ms: int, zone: zoneinfo.ZoneInfo, bucket_s: int = BUCKET_S
) -> Grid:
    """Return `grid`, of the same object the same one: all viewers get one `series`, which nobody changes."""
    question = (id(series), kind, start_ms, bucket_s)
    with _keeping:
        kept = _kept.get(question)
        if kept is not None and kept[0] is series and kept[1] == zone:
            _kept.move_to_end(question)
            return kept[2]
    made = grid(series, kind, start_ms, zone, bucket_s)
    with _keeping:
        _kept[question] = series, zone, made
        while len(_kept) > _KEPT:
            _kept.popitem(last=False)
    return made


def _wall_ms(at_ms: int, start_ms: int, zone: zoneinfo.ZoneInfo) -> int:
    when, began = site_time(at_ms, zone), site_time(start_ms, zone)
    if when.utcoffset() == began.utcoffset():
        return at_ms - start_ms
    return ((when.hour * 60 + when.minute) * 60 + when.second) * 1000


def _collect(places: Sequence[int], values: Sequence[float | None], steps: int) -> list[list[float]]:
    found: list[list[float]] = [[] for _ in range(steps)]
    for place, value in zip(places, values, strict=False):
        if value is not None and 0 <= place < steps:
            found[place].append(value)
    return found


def _spread(
    places: Sequence[int],
    edges: Mapping[str, Sequence[float | None]],
    values: Mapping[str, Sequence[float | None]],
    keys: Sequence[str],
    steps: int,
) -> list[list[float]]:
    found: list[list[float]] = [[] for _ in range(steps)]
    for key in keys:
        own = _collect(places, edges.get(key) or values.get(key, ()), steps)
        for step in range(steps):
            found[step] += own[step]
    return found


def _last(series: Curves, kind: Kind) -> int | None:
    values = series.values.get(kind.line[0], ())
    return next((series.at_ms[i] for i in range(len(values) - 1, -1, -1) if values[i] is not None), None)


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of today without readings, as parts of the day, and what is said of it."""

    start: float
    end: float
    words: str = ""


def gaps(today: Grid, now_ms: int, start_ms: int, zone: zoneinfo.ZoneInfo) -> list[Gap]:
    """Return where today has holes, up to now. The step that is under way is no hole."""
    now = _wall_ms(now_ms, start_ms, zone) // (today.bucket_s * 1000)
    steps = len(today.held)
    found = []
    step = 0
    while step < min(now, steps):
        if today.held[step]:
            step += 1
            continue
        begin = step
        while step < min(now, steps) and not today.held[step]:
            step += 1
        open_ended = step >= now and not (now < steps and today.held[now])
        end = _wall_ms(now_ms, start_ms, zone) / DAY_MS if open_ended else step / steps
        found.append(Gap(begin / steps, end, _gap_words(today, begin, step, open_ended, zone)))
    return found


def _gap_words(today: Grid, begin: int, end: int, open_ended: bool, zone: zoneinfo.ZoneInfo) -> str:
    if open_ended and today.last_ms is None:
        return say("no readings today")
    if open_ended:
        return say("no data since {time}", time=f.time_of_day(today.last_ms, zone))
    hours = (end - begin) * today.bucket_s / 3600
    return say("no data {long}", long=f.duration(hours * 3600)) if hours >= 2 else ""


def days(now_ms: int, zone: zoneinfo.ZoneInfo) -> tuple[int, int]:
    """Return when today and yesterday began, UTC ms."""
    return day_start_ms(now_ms, zone), day_start_ms(now_ms, zone, 1)


def now_part(now_ms: int, zone: zoneinfo.ZoneInfo) -> float:
    """Return how much of the site's day is over, 0 to 1, by the wall clock."""
    return _wall_ms(now_ms, day_start_ms(now_ms, zone), zone) / DAY_MS


def empty(bucket_s: int = BUCKET_S) -> Grid:
    """Return a day of which nothing is stored."""
    steps = 86_400 // bucket_s
    return Grid(bucket_s, [None] * steps, [None] * steps, [None] * steps, [False] * steps, None)
