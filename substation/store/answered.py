"""How often a meter was asked and answered, minute by minute."""

import sqlite3
from dataclasses import dataclass

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


def minutes(db: sqlite3.Connection, meter_id: int, start_ms: int, end_ms: int) -> list[Minute]:
    """Return the minutes in [start, end) in which the meter was asked, oldest first; at most three days."""
    start_ms = max(start_ms, end_ms - MOST_MS)
    rows = db.execute(
        "SELECT key >> 8, rows, n FROM minute WHERE key >= ? AND key < ? AND key & 255 = ? ORDER BY key",
        (start_ms << 8, end_ms << 8, meter_id),
    )
    return [Minute(*row) for row in rows]
