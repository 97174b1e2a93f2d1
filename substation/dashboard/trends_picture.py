"""A picture of `/trends`: whatever the address asks for, read from the history and put side by side."""

import zoneinfo
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from substation.clock import site_time
from substation.dashboard import format as f
from substation.dashboard import phases, trends_curves
from substation.dashboard.board import LiveMeter
from substation.dashboard.feed import Feed
from substation.dashboard.tongue import say
from substation.dashboard.trends import Asked
from substation.dashboard.trends_curves import DAY_MS, Curve
from substation.quantities import BY_KEY

HUES = 4
LATE_MS = 150_000
"""What was read is stored within so long: the poller commits every 30 s, and may be busy."""
COUNTED_TO_MS = 40 * DAY_MS
"""Of a longer time it is not told how complete it is: counting would take longer than drawing."""


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
        return f"{self.meter.id} {self.meter.name}, {phases.label(self.key)}"


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
                    place = self.asked.meter_ids.index(line.meter.id)
                    if BY_KEY[key].kind == "instant":  # registers have nothing to do with each other's height
                        place //= HUES
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
        say("{meter} does not measure {quantity}.", meter=meter.name, quantity=phases.label(key))
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
    if feed.doubted(start_ms, min(end_ms, now_ms)):
        told.append(say("Part of this was stamped while nobody vouched for the clock: times may be wrong."))
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
    """Return the curve at the times that it is compared with."""
    if not curve.at_ms or not curve.edge_at_ms:
        return curve

    def all_moved(times: Sequence[int]) -> list[int]:
        by = {moved(at, days, zone) - at for at in (times[0], times[-1])}
        return [at + min(by) for at in times] if len(by) == 1 else [moved(at, days, zone) for at in times]

    return replace(curve, at_ms=all_moved(curve.at_ms), edge_at_ms=all_moved(curve.edge_at_ms))
