"""The hours and shifts of a site's day: 23, 24 or 25 hours, where clocks change. Pure."""

import datetime as dt
import itertools
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass

from substation.clock import day_start_ms, site_time

QUARTER_MS = 900_000
HOUR_MS = 3_600_000
SETTLED_MS = 150_000
"""After so long nothing more can come to a moment: readings up to a minute after it, written within 90 s."""
EARLY_MS = 900_000
"""So long before its hour somebody may write down a value: he begins his round before it."""


@dataclass(frozen=True, slots=True)
class Hour:
    """One row of the sheet."""

    at_ms: int
    """UTC, ms."""
    label: str
    """The site's time of day; with its zone where the hour comes twice."""
    number: int
    """Hour of the day, 0 to 23."""
    state: str = "past"
    """past | running: it has struck, but its readings may not be stored yet | future."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A shift, or the part of it that lies in a day."""

    begin_ms: int
    """Of the whole shift, UTC ms: under it its note is written."""
    end_ms: int
    from_ms: int
    """Of the part within the day."""
    to_ms: int
    name: str
    """Such as `06-14`."""

    @property
    def whole(self) -> bool:
        """Whether all of it lies in the day."""
        return (self.begin_ms, self.end_ms) == (self.from_ms, self.to_ms)


def day_bounds(day: dt.date, zone: zoneinfo.ZoneInfo) -> tuple[int, int]:
    """Return when a calendar day of the site begins and ends, UTC ms."""
    noon = round(dt.datetime.combine(day, dt.time(12), zone).timestamp() * 1000)
    return day_start_ms(noon, zone), day_start_ms(noon, zone, -1)


def hours(day: dt.date, zone: zoneinfo.ZoneInfo, now_ms: int) -> list[Hour]:
    """Return the full hours of a day by the site's clock, with both its midnights.

    The last one, `24:00`, is the first of the next day: a counter's reading there closes the day.
    """
    start_ms, end_ms = day_bounds(day, zone)
    found: list[Hour] = []
    for at_ms in range(start_ms, end_ms, QUARTER_MS):
        local = site_time(at_ms, zone)
        if local.minute == 0:
            found.append(Hour(at_ms, f"{local.hour:02}:00", local.hour, state(at_ms, now_ms)))
    labels = [one.label for one in found]
    found = [
        Hour(
            one.at_ms, _named(one, zone) if labels.count(one.label) > 1 else one.label, one.number, one.state
        )
        for one in found
    ]
    return [*found, Hour(end_ms, "24:00", 0, state(end_ms, now_ms))]


def state(at_ms: int, now_ms: int) -> str:
    """Return whether the readings of a moment are settled (past), may still come (running), or will."""
    if at_ms > now_ms:
        return "future"
    return "running" if now_ms - at_ms < SETTLED_MS else "past"


def _named(hour: Hour, zone: zoneinfo.ZoneInfo) -> str:
    return f"{hour.label} {site_time(hour.at_ms, zone).tzname()}"


def shifts(day: dt.date, zone: zoneinfo.ZoneInfo, begins: Sequence[int]) -> list[Shift]:
    """Return the shifts that touch a day, in their order; the first and last may reach beyond it.

    Args:
        day: of the site.
        zone: of the site.
        begins: hours at which shifts begin, ascending.
    """
    start_ms, end_ms = day_bounds(day, zone)
    bounds = [
        (hour, round(dt.datetime.combine(day + dt.timedelta(days), dt.time(hour), zone).timestamp() * 1000))
        for days in (-1, 0, 1)
        for hour in begins
    ]
    found = []
    for (first, begin_ms), (last, until_ms) in itertools.pairwise(bounds):
        if begin_ms < end_ms and until_ms > start_ms:
            name = f"{first:02}-{last:02}"
            found.append(Shift(begin_ms, until_ms, max(begin_ms, start_ms), min(until_ms, end_ms), name))
    return found
