"""Looks at a history as a file: its length, its shape, SQLite's own structure, and its small tables."""

import contextlib
import sqlite3
from pathlib import Path

from substation.store import digest, door, schema
from substation.store.check.found import Found

MOST_WORDS = 30
"""So many findings of SQLite are told."""
_HARMLESS = "is never used"
"""What SQLite says of a page that nothing points to: lost room, but no answer is changed by it."""


def length(db: sqlite3.Connection, path: Path, found: Found) -> None:
    """See whether the file is as long as it says; a log beside it may hold what it lacks."""
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    (size,) = db.execute("PRAGMA page_size").fetchone()
    log = door.journal_of(path)
    if log.exists() and log.stat().st_size:
        return
    there = path.stat().st_size
    if there < pages * size:
        found.damaged("", None, None, f"the file is cut short: {there} bytes of {pages * size}")


def shape(db: sqlite3.Connection, found: Found) -> None:
    """Compare tables, views, triggers and indexes with what the file's own migrations make."""
    names = schema.migrations(db)
    known = digest.stored(db, digest.SHAPE, 0) if schema.DIGESTS in names else None
    if known is not None and known == digest.of_facts(db, digest.SHAPE):
        return
    there = {name: (kind, table, sql) for kind, name, table, sql in schema.shape(db)}
    for kind, name, table, sql in schema.made(names):
        if name not in there:
            found.damaged("", None, None, f"the {kind} {name} is missing")
        elif there[name] != (kind, table, sql) and (known is not None or not _same(db, kind, name, names)):
            found.damaged("", None, None, f"the {kind} {name} is not as the program made it")


def _same(db: sqlite3.Connection, kind: str, name: str, names: tuple[str, ...]) -> bool:
    """Return whether a table of an older file, whose statement reads otherwise, has the right columns."""
    if kind != "table":
        return kind == "view"  # an earlier version may have worded it otherwise
    question = 'SELECT name, type, "notnull", pk FROM pragma_table_info(?)'
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        for thing, other, _, statement in schema.made(names):
            if (thing, other) == (kind, name):
                made.execute(statement)
        return set(db.execute(question, (name,))) == set(made.execute(question, (name,)))


def structure(db: sqlite3.Connection, found: Found) -> None:
    """Let SQLite look at every page and index."""
    for (words,) in db.execute(f"PRAGMA integrity_check({MOST_WORDS})"):
        if words == "ok":
            continue
        for line in str(words).splitlines():
            if line.startswith("***"):
                continue
            if _HARMLESS in line:
                found.notes.append(f"SQLite: {line}")
            else:
                found.damaged("", None, None, f"a part of the file cannot be read ({line})")


def facts(db: sqlite3.Connection, found: Found) -> None:
    """Compare the small tables with their digests."""
    for table in digest.FACTS:
        if table == "clock_span" and not schema.has_migration(db, "0003 times that nobody vouched for"):
            continue
        now = digest.of_facts(db, table)
        found.count(table, now[0])
        known = digest.stored(db, table, 0) if digest.has_digests(db) else None
        if known is not None and known != now:
            found.damaged(table, None, None, f"{now[0]} rows are not the {known[0]} that its digest is of")
    for name in ("uid", "simulated"):
        if not schema.meta(db, name):
            found.damaged("meta", None, None, f"{name} is missing")


def events(db: sqlite3.Connection, found: Found, newest: int | None = None) -> None:
    """Compare the events of each day with their digest; of the `newest` days with events only, if given."""
    has_digests = digest.has_digests(db)
    limit = "" if newest is None else f"ORDER BY day DESC LIMIT {newest:d}"
    question = f"SELECT DISTINCT at_ms / {digest.DAY_MS} AS day FROM event {limit}"  # noqa: S608 - numbers
    days = {day for (day,) in db.execute(question)}
    if has_digests and newest is None:
        days |= {day for (day,) in db.execute("SELECT day FROM digest WHERE tbl = 'event'")}
    columns = ", ".join(digest.EVENT_COLUMNS)
    for day in sorted(days):
        start_ms = day * digest.DAY_MS
        rows = db.execute(
            f"SELECT {columns} FROM event WHERE at_ms >= ? AND at_ms < ?",  # noqa: S608
            (start_ms, start_ms + digest.DAY_MS),
        )
        now = digest.of_rows(rows)
        found.count("event", now[0])
        known = digest.stored(db, "event", day) if has_digests else None
        if known is None:
            found.digests.append(("event", day, *now))
        elif known != now:
            found.damaged_day("event", day, f"{now[0]} events are not the {known[0]} that the digest is of")
