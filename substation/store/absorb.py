"""Takes the readings of another history, slice by slice: made in the background or brought from elsewhere."""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from substation.errors import Busy, Full, StoreError
from substation.store import door, schema
from substation.store.rows import Row

_MINUTE_MS = 60_000
Event = tuple[int, str, int | None, str, str, str]
"""at_ms, kind, meter_id, old, new, detail."""


@contextlib.contextmanager
def source_at_fault() -> Iterator[None]:
    """Mark what goes wrong inside as the source's own fault; that it is held just now is none."""
    try:
        yield
    except (Busy, Full):
        raise
    except StoreError as exc:
        exc.of_source = True
        raise


@contextlib.contextmanager
def source_fits(path: Path) -> Iterator[None]:
    """Tell what our tables and rollups cannot take as the source's own fault."""
    try:
        yield
    except (sqlite3.IntegrityError, TypeError, ValueError, OverflowError) as exc:
        error = StoreError(f"{path} holds what no history of this program holds ({exc})")
        error.of_source = True
        raise error from exc


def open_source(path: Path, simulated: bool) -> sqlite3.Connection:
    """Return a read-only connection to a history that can be absorbed whole."""
    if not path.exists():
        raise StoreError(f"{path} does not exist; nothing was absorbed")
    db, _ = door.open_to_read(path)
    with contextlib.ExitStack() as on_error:
        on_error.callback(db.close)
        door.prove_stamp(db, path, simulated)
        with door.explained(path):
            whole = schema.meta_number(db, schema.RAW_FROM) == 0
        if not whole:
            raise StoreError(
                f"{path} has given up its oldest readings by its own retention; only a history that still "
                f"holds every reading can be absorbed"
            )
        on_error.pop_all()
    return db


def progress_name(source: sqlite3.Connection) -> str:
    """Return under which name `sync` keeps how far this source was taken."""
    return f"absorb {schema.meta(source, 'uid')}"


def progress(db: sqlite3.Connection, name: str) -> int:
    """Return the key up to which the source was taken; -1 at the beginning."""
    row = db.execute("SELECT last_key FROM sync WHERE name = ?", (name,)).fetchone()
    return int(row[0]) if row else -1


def remember(db: sqlite3.Connection, name: str, last_key: int, at_ms: int) -> None:
    """Keep how far the source was taken; in the transaction that took it."""
    db.execute("INSERT OR REPLACE INTO sync VALUES (?, ?, ?)", (name, last_key, at_ms))


def forget(db: sqlite3.Connection, name: str) -> None:
    """Drop the position: a later absorb of the same file looks at all of it again."""
    db.execute("DELETE FROM sync WHERE name = ?", (name,))


def next_rows(source: sqlite3.Connection, after: int, size: int) -> list[Row]:
    """Return about `size` rows after the key `after`, in whole minutes; empty at the end."""
    beyond = source.execute(
        "SELECT key FROM reading WHERE key > ? ORDER BY key LIMIT 1 OFFSET ?", (after, size)
    ).fetchone()
    bound = None if beyond is None else ((beyond[0] >> 8) // _MINUTE_MS + 1) * _MINUTE_MS << 8
    rows = source.execute(
        f"{schema.select('reading')} WHERE key > ? AND (? IS NULL OR key < ?) ORDER BY key",
        (after, bound, bound),
    )
    return [(key, code, reason, mask, list(values)) for key, code, reason, mask, *values in rows]


def not_known(db: sqlite3.Connection, rows: Iterable[Row], raw_from_ms: int) -> list[Row]:
    """Return the rows that may be taken.

    Before `raw_from_ms` our own readings are gone, so a row that was counted once cannot be seen any more: a
    minute that we have is taken as known there, a minute that we have not is taken whole.
    """
    seen: dict[int, bool] = {}
    taken = []
    for row in rows:
        at_ms = row[0] >> 8
        if at_ms < raw_from_ms:
            minute = (at_ms - at_ms % _MINUTE_MS) << 8 | row[0] & 0xFF
            if minute not in seen:
                found = db.execute("SELECT 1 FROM minute WHERE key = ?", (minute,)).fetchone()
                seen[minute] = found is not None
            if seen[minute]:
                continue
        taken.append(row)
    return taken


def events_of(source: sqlite3.Connection) -> list[Event]:
    """Return the source's events."""
    return source.execute("SELECT at_ms, kind, meter_id, old, new, detail FROM event ORDER BY id").fetchall()


def take_events(db: sqlite3.Connection, events: Iterable[Event]) -> None:
    """Keep the events that we have not."""
    for event in events:
        db.execute(
            "INSERT INTO event (at_ms, kind, meter_id, old, new, detail) SELECT ?, ?, ?, ?, ?, ? "
            "WHERE NOT EXISTS (SELECT 1 FROM event WHERE at_ms = ? AND kind = ? AND meter_id IS ? "
            "AND old = ? AND new = ? AND detail = ?)",
            (*event, *event),
        )
