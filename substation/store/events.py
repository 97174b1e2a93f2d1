"""Changes of state, kept for ever: one row each, stamped when it became true, not when it was noticed."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """One change of state."""

    at_ms: int
    """UTC, ms: when it became true."""
    kind: str
    """What changed: `supply`, `communication`, `line`, `poller` ..."""
    meter_id: int | None = None
    """None for what concerns the whole station."""
    old: str = ""
    new: str = ""
    detail: str = ""
    """The evidence, in words."""


def write(db: sqlite3.Connection, events: Iterable[Event]) -> None:
    """Insert the events; the caller holds the transaction."""
    db.executemany(
        "INSERT INTO event (at_ms, kind, meter_id, old, new, detail) VALUES (?, ?, ?, ?, ?, ?)",
        [(e.at_ms, e.kind, e.meter_id, e.old, e.new, e.detail) for e in events],
    )


def of_kind(db: sqlite3.Connection, kind: str, limit: int) -> list[Event]:
    """Return the newest `limit` events of one kind, oldest first. Looks at every event."""
    rows = db.execute(
        "SELECT at_ms, kind, meter_id, old, new, detail FROM event WHERE kind = ? ORDER BY id DESC LIMIT ?",
        (kind, limit),
    ).fetchall()
    return [Event(*row) for row in reversed(rows)]


def details_of(db: sqlite3.Connection, family: str, limit: int) -> list[str]:
    """Return the details of the newest `limit` events whose kind begins so. Looks at every event."""
    rows = db.execute(
        "SELECT detail FROM event WHERE substr(kind, 1, ?) = ? ORDER BY id DESC LIMIT ?",
        (len(family), family, limit),
    )
    return [str(detail) for (detail,) in rows]


def between(db: sqlite3.Connection, start_ms: int, end_ms: int, limit: int) -> list[Event]:
    """Return the newest `limit` events in [start, end), oldest first."""
    rows = db.execute(
        "SELECT at_ms, kind, meter_id, old, new, detail FROM event WHERE at_ms >= ? AND at_ms < ? "
        "ORDER BY at_ms DESC, id DESC LIMIT ?",
        (start_ms, end_ms, limit),
    ).fetchall()
    return [Event(*row) for row in reversed(rows)]
