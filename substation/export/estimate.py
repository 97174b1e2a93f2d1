"""How much an export will be, told in a moment: for the page before it and the progress during it.

Counting millions of rows costs a read of them all. The day's rows say how many polls each day holds; the
rows of a period are at most that many, and at most one a period.
"""

import math
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from substation.clock import Clock, SystemClock, site_time
from substation.export.order import WORDS, Order
from substation.export.table import Form, Lines
from substation.store import pool
from substation.store.pages import Facts, Pages

SPREADSHEET_ROWS = 1_048_576
"""Rows that Excel and LibreOffice Calc open, the header among them."""
MOST_ROWS = 250_000
"""Rows of a workbook: a month of minutes of five meters; a spreadsheet takes a GB of memory for them."""
CALENDAR = ("hour", "day")
"""Rows that begin where a zone's clock and calendar begin them; all others begin at the same time in each."""
_USUAL_BYTES = 330
SAMPLE_ROWS = 400
"""Energies stand in one poll of thirty: a few rows would tell too much of them, or nothing."""


@dataclass(frozen=True, slots=True)
class Measure:
    """About how much it will be. `rows` and `csv_bytes` are estimates; 0 rows is certain."""

    rows: int
    csv_bytes: int
    from_ms: int | None = None
    """When the first row begins: later than asked where older rows are gone or never were."""
    notes: tuple[str, ...] = ()
    """What a person should know before: in words."""
    refused: str = ""
    """Why the form that was asked for cannot hold so many rows, and what can; or nothing."""


def measure(
    history: Path, order: Order, clock: Clock | None = None, *, zone: ZoneInfo | None = None
) -> Measure:
    """Return the estimate, in less than 100 ms for ten years of five meters.

    Args:
        history: the station's.
        order: what is asked for.
        clock: for how long it takes.
        zone: the site's, of the settings; where given, a history of another one is noted.

    Raises:
        StoreError: The history is damaged, or not ours.
    """
    clock = clock or SystemClock()
    pages = Pages(history, order.wanted, clock)
    facts = pages.facts()
    if facts is None:
        return Measure(0, 0, None, ("there is no history yet; the poller makes it",))
    if facts.first_ms is None:
        return Measure(0, 0, None, (_nothing(order, facts),))
    begin_ms = max(order.start_ms, facts.whole_from_ms)
    rows = pool.ask(history, clock, pool.LONGEST_S, lambda db: _expected(db, order, begin_ms))
    found = max(1, math.ceil(rows or 0))
    told = (
        begins_later(order, facts, facts.first_ms),
        other_zone(order, facts, zone) if zone else "",
        _too_many(found) if order.form == "csv" else "",
    )
    notes = tuple(note for note in told if note)
    size = round(found * _row_bytes(pages, facts, order))
    return Measure(found, size, facts.first_ms, notes, _beyond(order, found))


def begins_later(order: Order, facts: Facts, first_ms: int) -> str:
    """Return in words that rows begin later than asked, and why; or nothing."""
    slack_ms = (order.period_s or 3600) * 1000
    if first_ms < order.start_ms + slack_ms:
        return ""
    since = f"{site_time(first_ms, ZoneInfo(facts.zone)):%Y-%m-%d %H:%M}"
    if order.start_ms < facts.whole_from_ms:
        return (
            f"rows begin on {since}: of what is older, {WORDS[order.resolution]} is kept no longer "
            "(settings store.raw_days, store.minute_days); a coarser resolution reaches further back"
        )
    return f"rows begin on {since}: the history holds nothing earlier in this time"


def other_zone(order: Order, facts: Facts, zone: ZoneInfo) -> str:
    """Return in words that the history counts hours and days in another zone than the site; or nothing."""
    if facts.zone == zone.key:
        return ""
    if order.resolution in CALENDAR:
        return (
            f"the history cut its hours and days in {facts.zone}, the settings say {zone.key}: Date and Time "
            f"of the rows are in {facts.zone}; their UTC is sure"
        )
    return (
        f"the history was written in {facts.zone}, the settings say {zone.key}: Date and Time of the rows "
        f"are in {zone.key}; their UTC is sure"
    )


def zone_of_rows(order: Order, facts: Facts | None, zone: ZoneInfo) -> ZoneInfo:
    """Return the zone of Date and Time: that in which hours and days were cut, else that of the settings."""
    if facts is None or order.resolution not in CALENDAR:
        return zone
    return ZoneInfo(facts.zone)


def _nothing(order: Order, facts: Facts) -> str:
    if order.end_ms <= facts.whole_from_ms:
        return f"no rows: {WORDS[order.resolution]} is not kept for so long; take a coarser resolution"
    return "no rows: the history holds nothing of this time"


def _too_many(rows: int) -> str:
    if rows < SPREADSHEET_ROWS:
        return ""
    return f"about {rows} rows: a spreadsheet opens {SPREADSHEET_ROWS}; take a coarser resolution for one"


def _beyond(order: Order, rows: int) -> str:
    if order.form != "xlsx" or rows <= MOST_ROWS:
        return ""
    return (
        f"XLSX holds {MOST_ROWS} rows, a month of minutes of five meters, and this is about {rows}: take "
        "fewer days or meters, a coarser resolution, or the form CSV or Parquet"
    )


def _expected(db: sqlite3.Connection, order: Order, begin_ms: int) -> float:
    """Add up whole days, and quarters of an hour on the first and the last one: a history begins at noon."""
    days = _starts(db, begin_ms, order.end_ms)
    if order.resolution == "day":
        return len([key for key, _ in _counts(db, "day", begin_ms, order.end_ms, order)])
    if len(days) < 3:
        return _share(_counts(db, "quarter", begin_ms, order.end_ms, order), 900, order)
    head = _counts(db, "quarter", begin_ms, days[1], order)
    tail = _counts(db, "quarter", days[-1], order.end_ms, order)
    whole = _counts(db, "day", days[1], days[-1], order)
    return _share(head + tail, 900, order) + _share(whole, 86_400, order)


def _starts(db: sqlite3.Connection, begin_ms: int, end_ms: int) -> list[int]:
    found = db.execute(
        "SELECT DISTINCT key >> 8 FROM day WHERE key >= ? AND key < ?", (begin_ms << 8, end_ms << 8)
    )
    return sorted(start for (start,) in found)


def _counts(
    db: sqlite3.Connection, table: str, begin_ms: int, end_ms: int, order: Order
) -> list[tuple[int, int]]:
    """Return key and number of polls of each row."""
    query = f"SELECT key, rows FROM {table} WHERE key >= ? AND key < ?"  # noqa: S608 - a name of ours
    found = db.execute(query, (begin_ms << 8, end_ms << 8)).fetchall()
    return [row for row in found if not order.meter_ids or row[0] & 0xFF in order.meter_ids]


def _share(counts: list[tuple[int, int]], length_s: int, order: Order) -> float:
    if order.period_s is None:
        return sum(polls for _, polls in counts)
    return sum(min(polls, length_s / order.period_s) for _, polls in counts)


def _row_bytes(pages: Pages, facts: Facts, order: Order) -> float:
    sample = pages.sample(facts, SAMPLE_ROWS)
    if not sample:
        return _USUAL_BYTES
    form = Form(order.resolution, ZoneInfo(facts.zone), {}, 1.0, False, order.period_s, order.extremes)
    return len(Lines(form).of(sample)) / len(sample) + 12
