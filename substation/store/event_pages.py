"""Pages of events, newest first, by key: years of them open as fast as the last hour's.

A page ends where its last row stands, and the next begins below that key, `(at_ms, id)`: nothing is
counted or skipped over, and what comes in meanwhile moves no page.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from substation.store.events import Event


@dataclass(frozen=True, slots=True)
class Noted:
    """An event with its number: two may be of the same millisecond."""

    id: int
    event: Event

    @property
    def key(self) -> tuple[int, int]:
        """Where it stands among all."""
        return self.event.at_ms, self.id


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events."""

    kinds: tuple[str, ...] = ()
    """None: all."""
    without: tuple[str, ...] = ()
    """Kinds that are left out."""
    meters: tuple[int, ...] = ()
    """None: all, and the station's own."""
    with_station: bool = False
    """Beside those of `meters` also events of no meter."""
    start_ms: int = 0
    end_ms: int | None = None
    below: tuple[int, int] | None = None
    """Only those before this key."""


def newest(db: sqlite3.Connection, wanted: Wanted, limit: int) -> list[Noted]:
    """Return the newest `limit` events, newest first."""
    where, values = _where(wanted)
    return _rows(db, f"{where} ORDER BY at_ms DESC, id DESC LIMIT ?", [*values, limit])


def oldest(db: sqlite3.Connection, wanted: Wanted, limit: int) -> list[Noted]:
    """Return the oldest `limit` events, oldest first."""
    where, values = _where(wanted)
    return _rows(db, f"{where} ORDER BY at_ms, id LIMIT ?", [*values, limit])


def _rows(db: sqlite3.Connection, where: str, values: Sequence[object]) -> list[Noted]:
    found = db.execute(
        f"SELECT id, at_ms, kind, meter_id, old, new, detail FROM event WHERE {where}",  # noqa: S608 - of `_where`
        values,
    )
    return [Noted(row[0], Event(*row[1:])) for row in found]


def _where(wanted: Wanted) -> tuple[str, list[object]]:
    """Return the condition, of words of ours alone, and the values in its places."""
    parts, values = ["at_ms >= ?"], list[object]([wanted.start_ms])
    if wanted.end_ms is not None:
        parts.append("at_ms < ?")
        values.append(wanted.end_ms)
    if wanted.below is not None:
        parts.append("(at_ms, id) < (?, ?)")
        values += wanted.below
    for column, listed in (("kind IN", wanted.kinds), ("kind NOT IN", wanted.without)):
        if listed:
            parts.append(f"{column} ({_places(listed)})")
            values += listed
    if wanted.meters:
        station = " OR meter_id IS NULL" if wanted.with_station else ""
        parts.append(f"(meter_id IN ({_places(wanted.meters)}){station})")
        values += wanted.meters
    return " AND ".join(parts), values


def _places(listed: Sequence[object]) -> str:
    return ", ".join("?" * len(listed))
