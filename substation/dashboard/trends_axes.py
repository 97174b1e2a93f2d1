"""The axes of `/trends`: round numbers up the side, the site's own hours, days, months along the bottom."""

import datetime as dt
import math
import zoneinfo
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from substation.clock import site_time
from substation.dashboard import format as f
from substation.dashboard.words import VOLTAGE_BAND

PARTS = 4
"""Of a vertical axis, about."""
TICKS = 9
"""Along the bottom, at most about."""
_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200)
_D = (1, 2, 7)
_M = (1, 2, 3, 6, 12, 24)


@dataclass(frozen=True, slots=True)
class Axis:
    """A vertical axis in the unit of the screen."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    limits: tuple[float, ...] = ()
    """Dashed lines: the edges of the band of a voltage."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A line down a picture, and what stands below it."""

    at_ms: int
    words: str
    words_ms: int
    """Where the words have their middle: a day's name stands under the day, not under its midnight."""


def vertical(
    seen: Sequence[float | None], written: f.Spec, *, unit: str, nominal_v: float, counter: bool = False
) -> Axis:
    """Return the axis for some values in the quantity's own unit.

    Args:
        seen: the values, without those of dead circuits where it is a voltage.
        written: how they are written.
        unit: of the vocabulary: `V`, `Hz`, `1`, `W`, ...
        nominal_v: of this voltage, where it is one, V.
        counter: whether it is a register, which is never near zero.
    """
    values = [value / written.divisor for value in seen if value is not None]
    low, high = min(values, default=0.0), max(values, default=0.0)
    if unit == "V":
        limits = (nominal_v * (1 - VOLTAGE_BAND), nominal_v * (1 + VOLTAGE_BAND))
        if values and (low < limits[0] or high > limits[1]):
            return _of(min(low, limits[0]), max(high, limits[1]), limits)
        step = nice((limits[1] - limits[0]) / (PARTS + 1))
        return Axis(*limits, _ticks(math.ceil(limits[0] / step), math.floor(limits[1] / step), step), limits)
    if unit == "Hz":
        alive = [value for value in values if value > 0]  # a dead circuit has none
        return _of(min(alive, default=49.5), max(alive, default=50.5), at_least=0.4)
    if unit == "1":
        return _of(min(low, 0.8) if values else 0.8, max(high, 1.0))
    if counter:
        return _of(low, high, at_least=10.0**-written.decimals)
    return _of(min(low, 0.0), max(high, 0.0), at_least=10.0**-written.decimals)


def _of(low: float, high: float, limits: tuple[float, ...] = (), at_least: float = 0.0) -> Axis:
    if high - low < at_least:
        middle = (low + high) / 2
        low, high = (low, low + at_least) if low == 0 else (middle - at_least / 2, middle + at_least / 2)
    step = nice((high - low) / PARTS)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return Axis(first * step, last * step, _ticks(first, last, step), limits)


def _ticks(first: int, last: int, step: float) -> tuple[tuple[float, str], ...]:
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return tuple((place * step, f.number(place * step, decimals)) for place in range(first, last + 1))


def nice(step: float) -> float:
    """Return the next of 1, 2, 5 or 10 times a power of ten."""
    if step <= 0 or not math.isfinite(step):
        return 1.0
    power = 10.0 ** math.floor(math.log10(step))
    return next((times for times in (1, 2, 5, 10) if step <= times * power * (1 + 1e-9)), 10) * power


def along(start_ms: int, end_ms: int, zone: zoneinfo.ZoneInfo) -> list[Tick]:
    """Return the ticks of the time axis, by the site's clock and calendar."""
    span_s = (end_ms - start_ms) / 1000
    step_s = next((step for step in _S if span_s / step <= TICKS), None)
    if step_s is not None:
        found = _clock_ticks(start_ms, end_ms, step_s, zone)
    elif span_s / 86_400 <= 7 * TICKS:
        every = next(step for step in _D if span_s / 86_400 / step <= TICKS)
        found = _day_ticks(start_ms, end_ms, every, zone)
    else:
        every = next((step for step in _M if span_s / 2_629_800 / step <= 13), 24)
        found = _month_ticks(start_ms, end_ms, every, zone)
    return found


def _clock_ticks(start_ms: int, end_ms: int, step_s: int, zone: zoneinfo.ZoneInfo) -> list[Tick]:
    found = []
    for day in _days(start_ms, end_ms, zone):
        for second in range(0, 86_400, step_s):
            wall = dt.datetime.combine(day, dt.time(second // 3600, second // 60 % 60, second % 60), zone)
            at_ms = int(wall.timestamp() * 1000)
            if not start_ms <= at_ms <= end_ms or site_time(at_ms, zone).replace(fold=0) != wall:
                continue  # beyond the picture, or an hour that the clocks leave out
            words = wall.strftime("%H:%M:%S" if step_s < 60 else "%H:%M") if second else _day_words(day)
            found.append(Tick(at_ms, words, at_ms))
    return found


def _day_ticks(start_ms: int, end_ms: int, every: int, zone: zoneinfo.ZoneInfo) -> list[Tick]:
    found = []
    for day in _days(start_ms, end_ms, zone):
        if (every == 7 and day.weekday()) or (every == 2 and day.toordinal() % 2):
            continue
        at_ms, next_ms = _midnight(day, zone), _midnight(day + dt.timedelta(days=1), zone)
        if next_ms <= start_ms or at_ms > end_ms:
            continue
        middle = (max(at_ms, start_ms) + min(next_ms, end_ms)) // 2
        cut = min(next_ms, end_ms) - max(at_ms, start_ms) < (next_ms - at_ms) / 2
        found.append(Tick(at_ms, "" if cut else _day_words(day), middle if every == 1 else at_ms))
    return found


def _month_ticks(start_ms: int, end_ms: int, every: int, zone: zoneinfo.ZoneInfo) -> list[Tick]:
    first = site_time(start_ms, zone)
    month = first.year * 12 + first.month - 1
    found: list[Tick] = []
    while True:
        at_ms = _midnight(dt.date(month // 12, month % 12 + 1, 1), zone)
        if at_ms > end_ms:
            return found
        if at_ms >= start_ms and month % every == 0:
            name = str(month // 12) if month % 12 == 0 else f.month(month % 12 + 1)
            found.append(Tick(at_ms, name, at_ms))
        month += 1


def _days(start_ms: int, end_ms: int, zone: zoneinfo.ZoneInfo) -> Iterator[dt.date]:
    day, last = site_time(start_ms, zone).date(), site_time(end_ms, zone).date()
    while day <= last:
        yield day
        day += dt.timedelta(days=1)


def _midnight(day: dt.date, zone: zoneinfo.ZoneInfo) -> int:
    return int(dt.datetime.combine(day, dt.time(), zone).timestamp() * 1000)


def _day_words(day: dt.date) -> str:
    return f"{f.weekday(day.weekday())} {day.day}" if day.day > 1 else f"{day.day} {f.month(day.month)}"


def day_and_time(at_ms: int, zone: zoneinfo.ZoneInfo, step_ms: int) -> str:
    """Return when a step began, as fine as the step is: `Wed 18 Nov`, `Wed 18 Nov 18:50`, with seconds."""
    when = site_time(at_ms, zone)
    day = f"{f.weekday(when.weekday())} {when.day} {f.month(when.month)}"
    if step_ms >= 86_400_000:
        return day
    return f"{day} {when:%H:%M:%S}" if step_ms < 60_000 else f"{day} {when:%H:%M}"
