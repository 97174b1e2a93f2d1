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
    return _page(db, wanted, "ORDER BY at_ms DESC, id DESC LIMIT ?", limit)


def oldest(db: sqlite3.Connection, wanted: Wanted, limit: int) -> list[Noted]:
    """Return the oldest `limit` events, oldest first."""
    return _page(db, wanted, "ORDER BY at_ms, id LIMIT ?", limit)


def _page(db: sqlite3.Connection, wanted: Wanted, order: str, limit: int) -> list[Noted]:
    found = db.execute(*question(wanted, order, limit))
    return [Noted(row[0], Event(*row[1:])) for row in found]


def after(db: sqlite3.Connection, last_id: int, kinds: Sequence[str], limit: int) -> list[Noted]:
    """Return events of these kinds that were written behind this number, in the order they were written."""
    found = db.execute(
        f"{_SELECT} WHERE id > ? AND kind IN ({_places(kinds)}) ORDER BY id LIMIT ?",
        (last_id, *kinds, limit),
    )
    return [Noted(row[0], Event(*row[1:])) for row in found]


def question(wanted: Wanted, order: str, limit: int) -> tuple[str, list[object]]:
    """Return the statement and the values in its places.

    Each kind is asked for by itself, since only so its index gives it in order: among some 100 000 events
    one that never occurs costs a look, not a walk past all of them.
    """
    where, values = _where(wanted)
    if not wanted.kinds:
        return f"{_SELECT} WHERE {where} {order}", [*values, limit]
    one = f"SELECT * FROM ({_SELECT} WHERE kind = ? AND {where} {order})"  # noqa: S608 - words of ours
    each = [value for kind in dict.fromkeys(wanted.kinds) for value in (kind, *values, limit)]
    parts = " UNION ALL ".join([one] * len(dict.fromkeys(wanted.kinds)))
    return f"SELECT * FROM ({parts}) {order}", [*each, limit]  # noqa: S608 - words of ours


_SELECT = "SELECT id, at_ms, kind, meter_id, old, new, detail FROM event"


def _where(wanted: Wanted) -> tuple[str, list[object]]:
    """Return the condition but for the kinds, of words of ours alone, and the values in its places."""
    parts, values = ["at_ms >= ?"], list[object]([wanted.start_ms])
    if wanted.end_ms is not None:
        parts.append("at_ms < ?")
        values.append(wanted.end_ms)
    if wanted.below is not None:
        parts.append("(at_ms, id) < (?, ?)")
        values += wanted.below
    if wanted.without:
        parts.append(f"kind NOT IN ({_places(wanted.without)})")
        values += wanted.without
    if wanted.meters:
        station = " OR meter_id IS NULL" if wanted.with_station else ""
        parts.append(f"(meter_id IN ({_places(wanted.meters)}){station})")
        values += wanted.meters
    return " AND ".join(parts), values


def _places(listed: Sequence[object]) -> str:
    return ", ".join("?" * len(listed))
