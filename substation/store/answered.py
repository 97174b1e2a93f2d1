"""How often a meter was asked and answered, minute by minute."""

import sqlite3
from dataclasses import dataclass

from substation.store import clock_spans

MINUTE_MS = 60_000
MOST_MS = 3 * 86_400_000
"""No longer time is looked through: the rows of all meters lie between."""


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute in which a meter was asked."""

    at_ms: int
    """When it began, UTC ms."""
    asked: int
    answered: int


def failures(db: sqlite3.Connection, meter_id: int, start_ms: int, end_ms: int) -> dict[str, int]:
    """Return by kind (`timeout`, `crc` ...) how often the meter gave no answer in [start, end)."""
    counted: dict[str, int] = {}
    for first_ms, last_ms in _with_failures(db, meter_id, start_ms, end_ms):
        rows = db.execute(  # refused, no answer: `rows.QUALITY_CODES`
            "SELECT reason, count(*) FROM reading WHERE key >= ? AND key < ? AND key & 255 = ? "
            "AND quality IN (2, 3) GROUP BY reason",
            (first_ms << 8, min(last_ms, end_ms) << 8, meter_id),
        )
        for reason, count in rows:
            kind = clock_spans.MARK.sub("", reason or "")
            counted[kind] = counted.get(kind, 0) + count
    return counted


def _with_failures(
    db: sqlite3.Connection, meter_id: int, start_ms: int, end_ms: int
) -> list[tuple[int, int]]:
    """Return the stretches of minutes in which not every question was answered."""
    found: list[tuple[int, int]] = []
    for minute in minutes(db, meter_id, start_ms, end_ms):
        if minute.answered == minute.asked:
            continue
        if found and found[-1][1] == minute.at_ms:
            found[-1] = found[-1][0], minute.at_ms + MINUTE_MS
        else:
            found.append((minute.at_ms, minute.at_ms + MINUTE_MS))
    return found


def minutes(db: sqlite3.Connection, meter_id: int, start_ms: int, end_ms: int) -> list[Minute]:
    """Return the minutes in [start, end) in which the meter was asked, oldest first; at most three days."""
    start_ms = max(start_ms, end_ms - MOST_MS)
    rows = db.execute(
        "SELECT key >> 8, rows, n FROM minute WHERE key >= ? AND key < ? AND key & 255 = ? ORDER BY key",
        (start_ms << 8, end_ms << 8, meter_id),
    )
    return [Minute(*row) for row in rows]
