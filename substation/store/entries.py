"""What people write by hand into the forms of the station: rows of `operator.db`, by the dashboard.

Oil temperatures of the log sheet, the cause of an interruption, litres of diesel, hand-over notes. Each entry
bears who wrote it and when. Nothing is overwritten: a correction is a further row, and the one before stays
as its history. An empty text takes a value back, which is a row as well.
"""

import contextlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from substation.clock import Clock
from substation.errors import Busy, Crossed, StoreError
from substation.store.operator_db import OperatorDb

LONGEST_TEXT = 1000
PATIENCE_S = 1.0
"""So long a reader in another process waits for whoever writes."""
_COLUMNS = "id, form, subject, moment_ms, item, text, entered_by, at_ms"
_NEWEST = (
    "id = (SELECT max(id) FROM entry AS e WHERE e.form = entry.form AND e.subject = entry.subject "
    "AND e.moment_ms = entry.moment_ms AND e.item = entry.item)"
)
_CORRECTED = (
    "SELECT form, subject, moment_ms, item, count(*) FROM entry WHERE form = ? AND moment_ms >= ? "
    "AND moment_ms < ? GROUP BY 1, 2, 3, 4 HAVING count(*) > 1"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is written."""

    form: str
    """Such as `log_sheet`, `interruption`, `dg_log`."""
    subject: str
    """What it is about: `site`, `meter:3`."""
    moment_ms: int
    """Of which moment, UTC ms: the hour of a log sheet's row, the begin of an interruption or a shift."""
    item: str
    """Which of its fields, such as `oil_temperature`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody wrote."""

    id: int
    place: Place
    text: str
    """As it was typed and found good; empty: taken back."""
    entered_by: str
    at_ms: int
    """When it was written, UTC ms."""


def write(db: OperatorDb, clock: Clock, place: Place, text: str, by: str, *, instead_of: int = 0) -> int:
    """Write a text; return its id.

    Args:
        db: the operators' database.
        clock: for when it is written.
        place: where.
        text: what; whether it is a number, and a likely one, is judged by the form.
        by: login name of who writes.
        instead_of: id of the entry that the person saw there, 0 for none.

    Raises:
        Crossed: somebody else wrote there meanwhile; his entry stands.
        StoreError: it cannot be written.
    """
    where = (place.form, place.subject, place.moment_ms, place.item)
    with db.transaction() as connection:
        newest = connection.execute(
            "SELECT id, text, entered_by FROM entry WHERE form = ? AND subject = ? AND moment_ms = ? "
            "AND item = ? ORDER BY id DESC LIMIT 1",
            where,
        ).fetchone()
        if newest is not None and newest[0] != instead_of:
            raise Crossed(
                f"{newest[2]} wrote {newest[1]!r} there meanwhile, which stands. Look at it; then write again"
            )
        row = connection.execute(
            "INSERT INTO entry (form, subject, moment_ms, item, text, entered_by, at_ms) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*where, text[:LONGEST_TEXT], by, clock.now_ms()),
        )
        return int(row.lastrowid or 0)


def standing(db: OperatorDb, form: str, start_ms: int, end_ms: int) -> dict[Place, Entry]:
    """Return what stands in a form for moments from `start_ms` until before `end_ms`.

    Also what was taken back, with its empty text: whoever corrects it must name it.
    """
    sql = f"SELECT {_COLUMNS} FROM entry WHERE form = ? AND moment_ms >= ? AND moment_ms < ? AND {_NEWEST}"  # noqa: S608
    return _by_place(db.rows(sql, (form, start_ms, end_ms)))


def history(db: OperatorDb, place: Place) -> list[Entry]:
    """Return all that was ever written at a place, newest first."""
    sql = (
        f"SELECT {_COLUMNS} FROM entry WHERE form = ? AND subject = ? AND moment_ms = ? AND item = ? "  # noqa: S608
        "ORDER BY id DESC"
    )
    return [_entry(row) for row in db.rows(sql, (place.form, place.subject, place.moment_ms, place.item))]


def corrected(db: OperatorDb, form: str, start_ms: int, end_ms: int) -> dict[Place, int]:
    """Return for places that were written to more than once how often, for the same moments as `standing`."""
    return _counts(db.rows(_CORRECTED, (form, start_ms, end_ms)))


def read(path: Path, form: str, start_ms: int, end_ms: int) -> dict[Place, Entry]:
    """Return what `standing` does, from a process that does not own the database.

    Nothing where there is none.

    Raises:
        Busy: somebody writes just now.
        StoreError: it cannot be read.
    """
    sql = f"SELECT {_COLUMNS} FROM entry WHERE form = ? AND moment_ms >= ? AND moment_ms < ? AND {_NEWEST}"  # noqa: S608
    return _by_place(_asked(path, sql, (form, start_ms, end_ms)))


def read_corrected(path: Path, form: str, start_ms: int, end_ms: int) -> dict[Place, int]:
    """Return what `corrected` does, from a process that does not own the database; raises as `read` does."""
    return _counts(_asked(path, _CORRECTED, (form, start_ms, end_ms)))


def last(path: Path, form: str) -> int:
    """Return the id of what was written last into a form, 0 without any; raises as `read` does."""
    rows = _asked(path, "SELECT ifnull(max(id), 0) FROM entry WHERE form = ?", (form,))
    return int(str(rows[0][0])) if rows else 0


def _asked(path: Path, sql: str, parameters: tuple[object, ...]) -> Sequence[tuple[object, ...]]:
    if not path.exists():
        return []
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=PATIENCE_S)
        with contextlib.closing(connection):
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'entry'").fetchone():
                return []
            return connection.execute(sql, parameters).fetchall()
    except sqlite3.Error as exc:
        if getattr(exc, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Busy(f"{path}: another process holds it; try again") from exc
        raise StoreError(f"{path}: cannot be read ({exc}); what was written by hand is missing") from exc


def _counts(rows: Sequence[tuple[object, ...]]) -> dict[Place, int]:
    return {Place(*row[:4]): row[4] for row in rows}  # type: ignore[arg-type, misc]


def _by_place(rows: Sequence[tuple[object, ...]]) -> dict[Place, Entry]:
    return {entry.place: entry for entry in map(_entry, rows)}


def _entry(row: tuple[object, ...]) -> Entry:
    id_, form, subject, moment_ms, item, text, entered_by, at_ms = row
    place = Place(form, subject, moment_ms, item)  # type: ignore[arg-type]
    return Entry(id_, place, text, entered_by, at_ms)  # type: ignore[arg-type]
