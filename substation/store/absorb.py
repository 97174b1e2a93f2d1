"""Takes the readings of another history, slice by slice: made in the background or brought from elsewhere.

An imported history (`mark_imported`) holds readings of the original system. Three things are told of it that
nobody has to know of others: the zone in which its local times were read, which must be the same for every
import, or each reading would come again, shifted; how many of its readings were new (`taken`); and that a
reading whose meter and moment are known already is that reading, and never moves on to the next millisecond.
"""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from substation.errors import Busy, Full, StoreError
from substation.store import digest, door, schema
from substation.store.pen import Pen
from substation.store.rows import Row
from substation.store.upkeep import Pace

_MINUTE_MS = 60_000
_QUARTER_MS = 900_000
_ZONE = "import_zone"
"""In `meta`: the zone of imported local times."""
_SAME_EVENT = "at_ms = ? AND kind = ? AND meter_id IS ? AND old = ? AND new = ? AND detail = ?"
Seen = dict[tuple[str, int], bool]
"""By table and key of a period: whether its rows were refused when the first of them was met."""
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


def uid(source: sqlite3.Connection) -> str:
    """Return the name that a history was born with."""
    return str(schema.meta(source, "uid"))


def progress_name(uid: str) -> str:
    """Return under which name `sync` keeps how far the source with this `uid` was taken."""
    return f"absorb {uid}"


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


def mark_imported(db: sqlite3.Connection, zone: str) -> None:
    """Note that the readings of this history were imported, and in which zone their times were read."""
    db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (_ZONE, zone))


def import_zone(db: sqlite3.Connection) -> str | None:
    """Return the zone in which imported times were read; None where nothing was imported."""
    return schema.meta(db, _ZONE)


def prove_zone(ours: str | None, theirs: str | None, path: Path) -> None:
    """Raise StoreError when an import reads local times otherwise than the ones before it."""
    if ours is not None and theirs is not None and ours != theirs:
        raise StoreError(
            f"{path.name} reads the original's local times as {theirs}, what was imported before was read as "
            f"{ours}: every reading would come a second time, shifted. Import with --zone {ours}; if that "
            f"one was wrong, begin with a copy of the history from before the first import"
        )


def taken(db: sqlite3.Connection, uid: str) -> int | None:
    """Return how many readings of an imported history were new; None before its first slice."""
    row = db.execute("SELECT last_key FROM sync WHERE name = ?", (f"taken {uid}",)).fetchone()
    return int(row[0]) if row else None


def count_taken(db: sqlite3.Connection, uid: str, new: int, at_ms: int) -> None:
    """Add to `taken`; in the transaction that took them."""
    remember(db, f"taken {uid}", (taken(db, uid) or 0) + new, at_ms)


def next_rows(source: sqlite3.Connection, after: int, size: int, minute_from_ms: int = 0) -> list[Row]:
    """Return about `size` rows after the key `after`; empty at the end.

    In whole minutes, and before `minute_from_ms`, where our own minutes are gone, in whole quarters of an
    hour: `not_known` takes such a period as one.
    """
    beyond = source.execute(
        "SELECT key FROM reading WHERE key > ? ORDER BY key LIMIT 1 OFFSET ?", (after, size)
    ).fetchone()
    bound = None
    if beyond is not None:
        at_ms = beyond[0] >> 8
        period_ms = _QUARTER_MS if at_ms < minute_from_ms else _MINUTE_MS
        bound = (at_ms // period_ms + 1) * period_ms << 8
    rows = source.execute(
        f"{schema.select('reading')} WHERE key > ? AND (? IS NULL OR key < ?) ORDER BY key",
        (after, bound, bound),
    )
    return [(key, code, reason, mask, list(values)) for key, code, reason, mask, *values in rows]


def not_known(
    db: sqlite3.Connection,
    rows: Iterable[Row],
    raw_from_ms: int,
    minute_from_ms: int = 0,
    seen: Seen | None = None,
) -> list[Row]:
    """Return the rows that may be taken.

    Before `raw_from_ms` our own readings are gone, so a row that was counted once cannot be seen any more: a
    minute that we have is taken as known there, unless all that it counts still stands in `reading`; a minute
    that we have not is taken whole. Before
    `minute_from_ms` the minutes are gone too, and the same is asked of quarters of an hour. On a day of which
    damage took rows nothing is taken: what is lacking in `reading` may be counted in the rollups.
    """
    lost = digest.lost_days(db)
    seen = {} if seen is None else seen
    taken = []
    for row in rows:
        at_ms = row[0] >> 8
        if at_ms // digest.DAY_MS in lost:
            continue
        if at_ms < raw_from_ms:
            table, period_ms = ("quarter", _QUARTER_MS) if at_ms < minute_from_ms else ("minute", _MINUTE_MS)
            period = (at_ms - at_ms % period_ms) << 8 | row[0] & 0xFF
            if (table, period) not in seen:
                seen[table, period] = _is_beyond_telling(db, table, period, period_ms)
            if seen[table, period]:
                continue
        taken.append(row)
    return taken


def _is_beyond_telling(db: sqlite3.Connection, table: str, period: int, period_ms: int) -> bool:
    """Return whether a period counts readings that do not stand in `reading` any more."""
    counted = db.execute(f"SELECT rows FROM {table} WHERE key = ?", (period,)).fetchone()  # noqa: S608 - ours
    if counted is None:
        return False
    (there,) = db.execute(
        "SELECT count(*) FROM reading WHERE key >= ? AND key < ? AND key & 255 = ?",
        (period, period + (period_ms << 8), period & 0xFF),
    ).fetchone()
    return bool(there < counted[0])


def not_counted(db: sqlite3.Connection, rows: Sequence[Row], seen: Seen) -> list[Row]:
    """Return the rows of our own journal that may be taken: `not_known` is asked of those before `raw_from`.

    From there on whether a row is known can be seen in `reading`, also on a day of which damage took rows.
    """
    raw_from_ms, minute_from_ms = (
        schema.meta_number(db, mark) for mark in (schema.RAW_FROM, schema.MINUTE_FROM)
    )
    old = [row for row in rows if row[0] >> 8 < raw_from_ms]
    if not old:
        return list(rows)
    fresh = [row for row in rows if row[0] >> 8 >= raw_from_ms]
    return not_known(db, old, raw_from_ms, minute_from_ms, seen) + fresh


def events_of(source: sqlite3.Connection) -> list[Event]:
    """Return the source's events."""
    return source.execute("SELECT at_ms, kind, meter_id, old, new, detail FROM event ORDER BY id").fetchall()


def not_noted(db: sqlite3.Connection, events: Iterable[Event]) -> list[Event]:
    """Return the events that we have not; one that comes twice counts once."""
    found = f"SELECT 1 FROM event WHERE {_SAME_EVENT}"  # noqa: S608 - a condition of ours
    return [event for event in dict.fromkeys(events) if not db.execute(found, event).fetchone()]


def take_events(db: sqlite3.Connection, events: Iterable[Event]) -> None:
    """Keep the events that we have not."""
    for event in events:
        db.execute(
            "INSERT INTO event (at_ms, kind, meter_id, old, new, detail) SELECT ?, ?, ?, ?, ?, ? "  # noqa: S608
            f"WHERE NOT EXISTS (SELECT 1 FROM event WHERE {_SAME_EVENT})",
            (*event, *event),
        )


def take(pen: Pen, source: sqlite3.Connection, path: Path, pace: Pace, now_ms: int) -> bool:
    """Take slices of an open source until its end or that of the budget; True at its end.

    Inside a transaction of `pen`. `pace` has begun; `path` is the source's.
    """
    with source_at_fault(), door.explained(path):
        born, zone = uid(source), import_zone(source)
    db = pen.db
    known = [schema.meta_number(db, name) for name in (schema.RAW_FROM, schema.MINUTE_FROM)]
    name = progress_name(born)
    while True:
        last = progress(db, name)
        with source_at_fault(), door.explained(path):
            rows = next_rows(source, last, pace.size, known[1])
            noted = events_of(source) if last < 0 or not rows else []
        with source_fits(path):
            pen.ledger.happened(not_noted(db, noted))
            take_events(db, noted)
            if zone is not None:
                mark_imported(db, zone)
            new = pen.take(not_known(db, rows, known[0], known[1]), is_import=zone is not None)
        if zone is not None:
            count_taken(db, born, new, now_ms)
        if not rows:
            forget(db, name)
            return True
        remember(db, name, rows[-1][0], now_ms)
        if not pace.slice_done():
            return False
