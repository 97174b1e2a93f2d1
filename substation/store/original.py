"""The stores of the original system: what a file is, and the rows that it holds, read and never written.

    words = recognise(path)          "the original system's database of one day (2025-09-18)", or None

The original kept two databases of one shape (`meter_readings`: DateTime, Date, Time, Meter_ID and the 38
labels as REAL), one emptied at midnight, one for a year, and a table of text, `meter_data.csv`, with two
columns of state before the labels. Its export of the year is such a table too. All of them give the site's
local time in whole seconds and numbers rounded to two digits.
"""

import contextlib
import csv
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from substation.quantities import QUANTITIES
from substation.store.schema import APPLICATION_ID

TABLE = "meter_readings"
OURS_ONLY = frozenset({"ts_ms", "quality", "simulated"})
"""Columns that only tables of this program have."""
LONGEST_LINE = 8192
"""Bytes; a longer line is damage."""

_DATABASE_HEAD = b"SQLite format 3\x00"
KEY_OF_LABEL: Mapping[str, str] = {q.label: q.key for q in QUANTITIES}
_JOURNALS = ("-journal", "-wal")

Form = Literal["database", "table"]


@dataclass(frozen=True, slots=True)
class Found:
    """What a file is."""

    words: str
    form: Form | None = None
    """How its rows are read; None: it is no store of the original system."""


def recognise(path: Path) -> str | None:
    """Return in words which store of the original system the file is; None when it is none."""
    found = look(path)
    return found.words if found.form else None


def look(path: Path) -> Found:
    """Return what the file is: the original's, ours, empty, damaged, another's. Nothing is changed in it."""
    try:
        if not path.exists():
            return Found("no such file")
        if not path.is_file():
            return Found("no file, but a folder or a device")
        with path.open("rb") as file:
            head = file.readline(LONGEST_LINE)
    except OSError as exc:
        return Found(f"a file that cannot be read ({exc.strerror})")
    if not head:
        return Found("an empty file (0 bytes): nothing was ever written there, or it was lost")
    if head.startswith(_DATABASE_HEAD[: len(head)]):
        return _look_at_database(path)
    return _look_at_table(head)


def _look_at_table(head: bytes) -> Found:
    cells = header(head)
    if cells is None:
        return Found("neither a database nor a table of text: damaged, or of another program")
    if "Meter_ID" not in cells or not KEY_OF_LABEL.keys() & set(cells):
        return Found("a text of another program: its first line does not name Meter_ID and readings")
    if OURS_ONLY & set(cells):
        return Found("a table of this program, not of the original system")
    if not time_columns(cells):
        return Found("a table without the times of its readings (no DateTime, no Date and Time)")
    if "comm_status" in cells:
        return Found("the original system's live file (a table of text)", "table")
    return Found("the original system's export of its database (a table of text)", "table")


def header(head: bytes) -> list[str] | None:
    """Return the cells of a table's first line; None when it is no line of text."""
    if not head.endswith(b"\n") or b"\x00" in head:
        return None
    try:
        (cells,) = csv.reader([head.decode("utf-8-sig")])
    except (UnicodeDecodeError, csv.Error, ValueError):
        return None
    return [cell.strip() for cell in cells]


def time_columns(names: list[str]) -> tuple[str, ...]:
    """Return the columns that give the time: Date and Time, which the original never rewrote, if there."""
    if "Date" in names and "Time" in names:
        return ("Date", "Time")
    return ("DateTime",) if "DateTime" in names else ()


def _look_at_database(path: Path) -> Found:
    try:
        with contextlib.closing(open_database(path, frozen=is_torn(path))) as db:
            (identity,) = db.execute("PRAGMA application_id").fetchone()
            names = column_names(db)
            if identity == APPLICATION_ID:
                return Found("a history of this program, not of the original system")
            if not names:
                return Found(f"a database of another program (it has no table {TABLE})")
            if not _is_usable(names):
                return Found(f"a database whose table {TABLE} has not the columns of the original system")
            return Found(f"the original system's database {_span(db, names)}", "database")
    except sqlite3.Error as exc:
        return Found(f"a damaged database ({exc})")


def _is_usable(names: list[str]) -> bool:
    return "Meter_ID" in names and bool(time_columns(names)) and bool(KEY_OF_LABEL.keys() & set(names))


def _span(db: sqlite3.Connection, names: list[str]) -> str:
    if "DateTime" not in names:
        return "without its column DateTime"
    try:
        first, last = (
            db.execute(f"SELECT {end}(DateTime) FROM {TABLE}").fetchone()[0]  # noqa: S608 - names of ours
            for end in ("min", "max")
        )
    except sqlite3.Error as exc:
        return f"with damage in it ({exc})"
    if first is None or last is None:
        return "without a reading in it"
    begin, end = str(first)[:10], str(last)[:10]
    return f"of one day ({begin})" if begin == end else f"of many days ({begin} to {end})"


def column_names(db: sqlite3.Connection) -> list[str]:
    """Return the columns of the table of readings; none when there is no such table."""
    return [str(name) for _, name, *_ in db.execute(f"PRAGMA table_info({TABLE})")]


def is_torn(path: Path) -> bool:
    """Whether the original was killed in the middle of a write: what it had begun stands beside the file."""
    journal = path.with_name(path.name + "-journal")
    return journal.exists() and journal.stat().st_size > 0


def open_database(path: Path, *, frozen: bool = False) -> sqlite3.Connection:
    """Return a read-only connection; `frozen` looks past what a killed writer left beside the file."""
    mode = "mode=ro&immutable=1" if frozen else "mode=ro"
    return sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, isolation_level=None, timeout=5)


def companions(path: Path) -> list[Path]:
    """Return the files that belong to a database and must go wherever it goes."""
    found = (path.with_name(path.name + ending) for ending in (*_JOURNALS, "-shm"))
    return [file for file in found if file.exists()]
