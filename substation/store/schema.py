"""The shape of `daily_data.db`: tables, views, named migrations, and how a file proves to be ours.

Readings are whole steps of the resolution (`rows.py`). A rollup row keeps sums and counts instead of means,
so that rows can be added to each other for ever without a digit lost (`rollup.py`); the views divide. Every
key is `start_ms << 8 | meter_id` in UTC; where hours and days begin is the site's own calendar.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from functools import lru_cache

from substation.clock import Clock
from substation.errors import StoreError
from substation.quantities import COUNTERS, INSTANTS, KEYS, QUANTITIES, Quantity
from substation.store.rows import QUALITY_CODES

APPLICATION_ID = 0x53534D53
"""`SSMS`, in the file's header: a file without it is not ours."""

ROLLUPS: dict[str, int] = {"minute": 60, "quarter": 900, "hour": 3600, "day": 86_400}
"""Table and nominal length of its periods in s (a day of the site's calendar may have 23 or 25 hours)."""
COARSE = ("quarter", "hour", "day")
VIEW_OF = {"minute": "minutes_v", "quarter": "quarters_v", "hour": "hours_v", "day": "days_v"}

READING_COLUMNS: tuple[str, ...] = ("key", "quality", "reason", "implausible", *KEYS)

RAW_FROM = "raw_from_ms"
"""In `meta`: from when on `reading` is whole; earlier rows went by retention."""
MINUTE_FROM = "minute_from_ms"
SALVAGED_TO = "salvaged_to_ms"
"""In `meta`: until when a salvage has dealt with the live file; what that still holds is in the rollups."""
COUNTER_TIMES = "0004 when counters were read"
SHORT_ODD = "0005 odd in short"
COUNTERS_MS = "counters_ms"
DIGESTS = "0006 digests"
BY_KIND = "0007 events by kind"
WITH_COUNTERS = "pf_average_received"
"""The instant that a meter works out from its registers, so it is read with them, about once a minute."""

MINUTE_COLUMNS: tuple[str, ...] = (
    *(f"sum_{key}" for key in INSTANTS),
    *(f"last_{key}" for key in COUNTERS),
)
COARSE_COLUMNS: tuple[str, ...] = (
    *(f"{what}_{key}" for key in INSTANTS for what in ("sum", "min", "max", "last")),
    *(f"last_{key}" for key in COUNTERS),
)
ROLLUP_HEAD = ("key", "quality", "rows", "n", "last_ms", "odd", COUNTERS_MS)
"""key; worst quality; rows stored; rows answered; the last answered one, ms after the start; `odd`: JSON,
`{"quantity": [n, last_ms]}` for each instant that has good values, but fewer than the answered rows, and for
each counter read at another time than most; when most counters were read last, ms after the start:
NULL = in the last answered row.

Nearly always `WITH_COUNTERS` alone is odd, and was read last when the counters were: then `odd` is the bare
number of its good values, 2 bytes instead of 34. Rows from before (`SHORT_ODD`) stand there in full for ever;
so compare accounts, never the text of stored rows."""


def columns_of(table: str) -> tuple[str, ...]:
    """Return the columns of a table of readings or rollups, in the order in which the code handles them."""
    if table == "reading":
        return READING_COLUMNS
    return (*ROLLUP_HEAD, *(MINUTE_COLUMNS if table == "minute" else COARSE_COLUMNS))


def select(table: str) -> str:
    """Return `SELECT <columns_of> FROM <table>`."""
    return f"SELECT {', '.join(columns_of(table))} FROM {table}"  # noqa: S608 - names from this file


def insert(table: str, how: str) -> str:
    """Return the statement that stores one row; `how` is `INSERT` or `INSERT OR REPLACE`."""
    columns = columns_of(table)
    places = ", ".join("?" * len(columns))
    return f"{how} INTO {table} ({', '.join(columns)}) VALUES ({places})"


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Hold one transaction: all of it or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def meta(db: sqlite3.Connection, name: str) -> str | None:
    """Return a fact about the file, or None."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def meta_number(db: sqlite3.Connection, name: str) -> int:
    """Return a fact that is a number; 0 when it is not there."""
    return int(meta(db, name) or 0)


_MIGRATION_TABLE = (
    "CREATE TABLE IF NOT EXISTS schema_migration (name TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) STRICT"
)


def migrate(db: sqlite3.Connection, clock: Clock) -> list[str]:
    """Bring the file to this program's shape; return the names of the migrations that were new.

    Each migration is one transaction with its own record. A file that knows migrations which this program
    does not know is refused (StoreError): a newer program wrote it.
    """
    db.execute(_MIGRATION_TABLE)
    known = {name for (name,) in db.execute("SELECT name FROM schema_migration")}
    unknown = sorted(known - MIGRATIONS.keys())
    if unknown:
        raise StoreError(
            f"the history was written by a newer version of this program (it knows {', '.join(unknown)}); "
            f"use that version"
        )
    new = [name for name in MIGRATIONS if name not in known]
    for name in new:
        with transaction(db):
            MIGRATIONS[name](db)
            if DIGESTS in known:
                db.execute("DELETE FROM digest WHERE tbl <> 'lost'")  # of rows that had another shape
            db.execute("INSERT INTO schema_migration VALUES (?, ?)", (name, clock.now_ms()))
    return new


def count_of(key: str) -> str:
    """Return the expression for how many good values an instant has in a rollup row.

    Rows of a station that reads an instant as rarely as its counters name that one in `odd`; a look for the
    name spares all others the parsing.
    """
    named = f"odd >= '{{' AND instr(odd, '\"{key}\"') > 0"  # digits stand before a brace
    in_full = f"WHEN {named} THEN ifnull(json_extract(odd, '$.{key}[0]'), n)"
    in_short = " WHEN odd < '{' THEN CAST(odd AS INTEGER)" if key == WITH_COUNTERS else ""
    return f"CASE {in_full}{in_short} ELSE n END"


def _first_tables(db: sqlite3.Connection) -> None:
    values = ", ".join(f"{key} INTEGER" for key in KEYS)
    db.execute(
        "CREATE TABLE reading (key INTEGER PRIMARY KEY, quality INTEGER NOT NULL, reason TEXT, "
        f"implausible INTEGER NOT NULL, {values})"
    )
    for table in ROLLUPS:
        values = ", ".join(f"{column} INTEGER" for column in columns_of(table)[len(ROLLUP_HEAD) :])
        db.execute(
            f"CREATE TABLE {table} (key INTEGER PRIMARY KEY, quality INTEGER NOT NULL, "
            f"rows INTEGER NOT NULL, n INTEGER NOT NULL, last_ms INTEGER, odd TEXT, {values})"
        )
    db.execute(
        "CREATE TABLE event (id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, kind TEXT NOT NULL, "
        "meter_id INTEGER, old TEXT NOT NULL, new TEXT NOT NULL, detail TEXT NOT NULL) STRICT"
    )
    db.execute("CREATE INDEX event_at ON event (at_ms)")
    db.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT")
    db.execute(
        "CREATE TABLE sync (name TEXT PRIMARY KEY, last_key INTEGER NOT NULL, at_ms INTEGER NOT NULL) STRICT"
    )
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _first_views(db: sqlite3.Connection) -> None:
    # every name in these statements comes from quantities.py, none from outside
    values = ", ".join(f"{_in_unit(q.key, q)} AS {q.key}" for q in QUANTITIES)
    doubted = "CASE WHEN quality = 0 AND implausible <> 0 THEN 1 ELSE quality END"
    db.execute(f"CREATE VIEW readings_v AS SELECT {_head(doubted)}, {values} FROM reading")  # noqa: S608
    for table, view in VIEW_OF.items():
        values = ", ".join(_rolled_up(q) for q in QUANTITIES)
        db.execute(f"CREATE VIEW {view} AS SELECT {_head('quality')}, {values} FROM {table}")  # noqa: S608


def _head(code: str) -> str:
    words = " ".join(f"WHEN {number} THEN '{quality.value}'" for quality, number in QUALITY_CODES.items())
    return (
        "strftime('%Y-%m-%dT%H:%M:%fZ', (key >> 8) / 1000.0, 'unixepoch') AS at, key & 255 AS meter_id, "
        f"CASE {code} {words} END AS quality"
    )


def _in_unit(column: str, quantity: Quantity) -> str:
    return column if quantity.steps_per_unit == 1 else f"{column} / {quantity.steps_per_unit}.0"


def _rolled_up(quantity: Quantity) -> str:
    if quantity.kind == "counter":
        return f"{_in_unit(f'last_{quantity.key}', quantity)} AS {quantity.key}"
    named = f"ifnull(json_extract(odd, '$.{quantity.key}[0]'), n)"
    count = f"CASE WHEN odd IS NULL THEN n ELSE {named} END"
    return f"sum_{quantity.key} / (({count}) * {quantity.steps_per_unit}.0) AS {quantity.key}"


def _clock_spans(db: sqlite3.Connection) -> None:
    db.execute(
        "CREATE TABLE clock_span (id INTEGER PRIMARY KEY, boot TEXT NOT NULL, "
        "skew_ms INTEGER NOT NULL, begin_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL, offset_ms INTEGER, "
        "corrected_ms INTEGER) STRICT"
    )
    values = ", ".join(f"{_in_unit(q.key, q)} AS {q.key}" for q in QUANTITIES)
    doubted = "CASE WHEN quality = 0 AND (implausible <> 0 OR reason IS NOT NULL) THEN 1 ELSE quality END"
    db.execute("DROP VIEW readings_v")
    db.execute(f"CREATE VIEW readings_v AS SELECT {_head(doubted)}, {values} FROM reading")  # noqa: S608


def _counter_times(db: sqlite3.Connection) -> None:
    # counters are read once a minute: without a column of their own each row would name all eight in `odd`
    for table in ROLLUPS:
        db.execute(f"ALTER TABLE {table} ADD COLUMN {COUNTERS_MS} INTEGER")


def _short_odd(db: sqlite3.Connection) -> None:
    # rows stay as they are, and both forms are read; an older program would misread the new one: so it has
    # to know this name, and the views are made anew
    for table, view in VIEW_OF.items():
        values = ", ".join(
            f"{_in_unit(f'last_{q.key}', q)} AS {q.key}"
            if q.kind == "counter"
            else f"sum_{q.key} / (({count_of(q.key)}) * {q.steps_per_unit}.0) AS {q.key}"
            for q in QUANTITIES
        )
        db.execute(f"DROP VIEW {view}")
        db.execute(f"CREATE VIEW {view} AS SELECT {_head('quality')}, {values} FROM {table}")  # noqa: S608


def counters_ms(db: sqlite3.Connection) -> str:
    """Return the expression for when a rollup row's counters were read, ms after its start.

    For readers, who may meet a file that no poller of this version has opened yet.
    """
    return f"ifnull({COUNTERS_MS}, last_ms)" if _has_counter_times(db) else "last_ms"


def select_as_it_is(db: sqlite3.Connection, table: str) -> str:
    """Return `select(table)` for readers: a column that the file does not have yet is NULL."""
    statement = select(table)
    return statement if _has_counter_times(db) else statement.replace(COUNTERS_MS, "NULL", 1)


def _has_counter_times(db: sqlite3.Connection) -> bool:
    return has_migration(db, COUNTER_TIMES)


def has_migration(db: sqlite3.Connection, name: str) -> bool:
    """Return whether the file has been brought to this shape; readers may meet one that has not."""
    return db.execute("SELECT 1 FROM schema_migration WHERE name = ?", (name,)).fetchone() is not None


_FACTS = ("meta", "sync", "clock_span", "schema_migration")


def _digests(db: sqlite3.Connection) -> None:
    db.execute(
        "CREATE TABLE digest (tbl TEXT NOT NULL, day INTEGER NOT NULL, rows INTEGER NOT NULL, "
        "sum INTEGER NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (tbl, day)) STRICT, WITHOUT ROWID"
    )
    # small tables have more than one place where they are written: a digest never outlives what it was of
    for table, day in (("event", "{row}.at_ms / 86400000"), *((name, "0") for name in _FACTS)):
        for act, rows in (("INSERT", ("new",)), ("UPDATE", ("old", "new")), ("DELETE", ("old",))):
            days = ", ".join(dict.fromkeys(day.format(row=row) for row in rows))
            db.execute(
                f"CREATE TRIGGER {table}_{act.lower()} AFTER {act} ON {table} BEGIN "  # noqa: S608 - ours
                f"DELETE FROM digest WHERE tbl = '{table}' AND day IN ({days}); END"
            )


def _events_by_kind(db: sqlite3.Connection) -> None:
    # a kind that hardly ever occurs is found without a look at all the others
    db.execute("CREATE INDEX event_kind ON event (kind, at_ms)")


MIGRATIONS: dict[str, Callable[[sqlite3.Connection], None]] = {
    "0001 readings, rollups, events": _first_tables,
    "0002 views in units": _first_views,
    "0003 times that nobody vouched for": _clock_spans,
    COUNTER_TIMES: _counter_times,
    SHORT_ODD: _short_odd,
    DIGESTS: _digests,
    BY_KIND: _events_by_kind,
}
"""By name, in order. A migration that has been published is never edited: write the next one."""


def made(names: tuple[str, ...]) -> list[tuple[str, str, str, str]]:
    """Return type, name, table and statement of everything that these migrations make."""
    return _made(tuple(step for name, step in MIGRATIONS.items() if name in names))


@lru_cache(maxsize=8)
def _made(steps: tuple[Callable[[sqlite3.Connection], None], ...]) -> list[tuple[str, str, str, str]]:
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.execute(_MIGRATION_TABLE)
        for migration in steps:
            migration(db)
        return db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()


def migrations(db: sqlite3.Connection) -> tuple[str, ...]:
    """Return the names of the migrations that a file has had."""
    return tuple(str(name) for (name,) in db.execute("SELECT name FROM schema_migration ORDER BY name"))


def shape(db: sqlite3.Connection) -> list[tuple[str, str, str, str]]:
    """Return the same of a file, as far as it is ours: somebody may have added a view of his own."""
    ours = {name for _, name, _, _ in made(migrations(db))}
    found = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
    return [row for row in found if row[1] in ours]
