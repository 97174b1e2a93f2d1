"""Names on the medium: a folder a station, a folder a month, a file a day and group of tables.

Only ASCII letters, digits, `-`, `.` and `_`, no two names that differ in capitals alone: FAT, exFAT and
shares of other systems take them as they are. Each file has a number behind its name, that of the index in
which it first stands; so a day that is copied again has another name.
"""

import datetime as dt
import re
from collections.abc import Mapping

FORMAT = 1
"""Of index and files; a larger one was written by a newer program."""
DAY_MS = 86_400_000
_HOUR_MS = 3_600_000
_EPOCH = dt.date(1970, 1, 1).toordinal()

GROUPS: Mapping[str, tuple[str, ...]] = {
    "readings": ("reading",),
    "minutes": ("minute",),
    "periods": ("quarter", "hour", "day"),
    "events": ("event",),
}
"""What stands together in a file: what grows old together."""
EVENT_COLUMNS = ("id", "at_ms", "kind", "meter_id", "old", "new", "detail")
FACT_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "meta": ("key", "value"),
    "clock_span": ("id", "boot", "skew_ms", "begin_ms", "end_ms", "offset_ms", "corrected_ms"),
    "sync": ("name", "last_key", "at_ms"),
}
"""Small tables: whole in each index. Not copied: `digest`, which the next check makes anew."""

STATION = "station.json"
INDEX = re.compile(r"index-(\d{8})\.json\.gz")
FILE = re.compile(r"(?:\d{4}-\d\d/|files/)?[A-Za-z0-9._-]+-(\d{8})\.[a-z.]+")


def group_of(table: str) -> str:
    """Return the group in which a table is copied."""
    return next(group for group, tables in GROUPS.items() if table in tables)


def day_of(key: int) -> int:
    """Return the UTC day of a key, counted from 1970."""
    return (key >> 8) // DAY_MS


def bounds(day: int) -> tuple[int, int]:
    """Return the keys at which a UTC day begins and ends."""
    return day * DAY_MS << 8, (day + 1) * DAY_MS << 8


def date_of(day: int) -> str:
    """Return a day as `2026-11-24`."""
    return dt.date.fromordinal(_EPOCH + day).isoformat()


def day_in(date: str) -> int:
    """Return the day that `date_of` wrote."""
    return dt.date.fromisoformat(date).toordinal() - _EPOCH


def readings_days(hour_ms: int) -> range:
    """Return the days whose readings and minutes an hour that begins then may hold."""
    return range(hour_ms // DAY_MS, (hour_ms + _HOUR_MS - 1) // DAY_MS + 1)


def periods_days(hour_ms: int) -> range:
    """Return the days in whose quarters, hours and days of the site's calendar an hour may be counted."""
    return range((hour_ms - 25 * _HOUR_MS) // DAY_MS, (hour_ms + _HOUR_MS - 1) // DAY_MS + 1)


def index_name(number: int) -> str:
    """Return the name of an index."""
    return f"index-{number:08d}.json.gz"


def day_name(group: str, day: int, number: int) -> str:
    """Return the name of a day's file, with its month's folder."""
    date = date_of(day)
    return f"{date[:7]}/{group}-{date}-{number:08d}.jsonl.gz"


def folder_name(site: str, uid: str) -> str:
    """Return the name of a station's folder."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", site).strip("-")[:40].strip("-")
    return f"{plain or 'station'}-{uid[:12]}"
