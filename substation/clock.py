"""The only place that asks the time.

Logic takes a `Clock`, so that a test can live through a day in a millisecond. Time is kept as UTC
milliseconds since 1970 (`..._ms`); intervals and schedules use the monotonic clock (`..._s`), which
no NTP step moves. The site's own time appears only where a person reads it.
"""

import datetime as dt
import time
import zoneinfo
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """What the program may ask about time."""

    def now_ms(self) -> int:
        """Return UTC in milliseconds since 1970. May step when the system's clock is set."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only ever go forward, also in suspend; the zero point means nothing."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait; zero or less returns at once."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now_ms(self) -> int:
        """Return UTC in milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Return seconds that only ever go forward, also while the machine was suspended.

        `time.monotonic` stands still then: what waited in the kernel over a night would look fresh.
        """
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def sleep(self, seconds: float) -> None:
        """Wait; zero or less returns at once."""
        if seconds > 0:
            time.sleep(seconds)


def boot_id() -> str:
    """Return which start of the machine this is; empty where the system does not say.

    What `monotonic` said is comparable within one of them, also between processes.
    """
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def utc(ms: int) -> dt.datetime:
    """Return an aware UTC time for milliseconds since 1970."""
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC)


def iso(ms: int) -> str:
    """Return UTC as ISO 8601 with milliseconds and `Z`: `2026-11-24T05:14:18.250Z`."""
    return utc(ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def site_time(ms: int, zone: zoneinfo.ZoneInfo) -> dt.datetime:
    """Return an aware time in the site's zone."""
    return utc(ms).astimezone(zone)


def day_start_ms(ms: int, zone: zoneinfo.ZoneInfo, days_back: int = 0) -> int:
    """Return when the site's calendar day that holds `ms` began, or the day `days_back` before it.

    Counted in calendar days, not in 24 h, so that a day of 23 or 25 hours (DST) keeps its bounds.
    """
    day = site_time(ms, zone).date() - dt.timedelta(days=days_back)
    midnight = dt.datetime.combine(day, dt.time(), zone)
    return int(midnight.timestamp() * 1000)
