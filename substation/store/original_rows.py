"""The rows of a store of the original system, one after another, in constant memory."""

import contextlib
import csv
import math
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from substation.errors import StoreError
from substation.store.original import (
    KEY_OF_LABEL,
    LONGEST_LINE,
    TABLE,
    column_names,
    header,
    is_torn,
    look,
    open_database,
    time_columns,
)

CHUNK = 2000
"""Rows read at a time: a year of readings takes no more memory than a day."""
_NOTHING = frozenset({"", "None", "nan", "NaN"})
"""How the original wrote that it had no value, and how its library wrote that when it copied the file."""
_NUMBERS = frozenset({float, int, type(None)})


@dataclass(frozen=True, slots=True)
class Raw:
    """One row as it stands in the file; nothing is judged yet."""

    time: str
    """Local time, `YYYY-MM-DD HH:MM:SS`; empty where the row gives none, or two that contradict."""
    meter: str
    values: Sequence[float | None] | None
    """In the order of `Source.keys`; None where a cell is no number, or the row is cut."""


class Source:
    """The rows of one store of the original, in the order in which they were written."""

    def __init__(self, path: Path) -> None:
        """Take a file that `recognise` knows. Raises StoreError, with the remedy, for any other."""
        found = look(path)
        if found.form is None:
            raise StoreError(
                f"{path}: {found.words}. Only stores of the original system are imported: its databases "
                f"(table {TABLE}), its meter_data.csv, its export"
            )
        if is_torn(path):
            raise StoreError(
                f"{path}: the original system was ended in the middle of a write ({path.name}-journal holds "
                f"the rest). Let SQLite finish it (sqlite3 {path.name} 'PRAGMA quick_check') and import again"
            )
        self.path, self.words, self.form = path, found.words, found.form
        self.keys: tuple[str, ...] = ()
        self.done = 0.0
        """Part of the file that was read, 0 to 1."""
        self.estimated_rows = 0
        """About how many rows there are; known before they are read."""
        with _explained(path):
            self._begin()

    def rows(self) -> Iterator[Raw]:
        """Yield every row. Raises StoreError when the file is damaged on the way."""
        with _explained(self.path):
            yield from self._database_rows() if self.form == "database" else self._table_rows()
        self.done = 1.0

    def _begin(self) -> None:
        if self.form == "database":
            with contextlib.closing(open_database(self.path)) as db:
                self._take_columns(column_names(db))
                (self._last,) = db.execute(f"SELECT max(rowid) FROM {TABLE}").fetchone()  # noqa: S608
                self.estimated_rows = int(self._last or 0)
            return
        with self.path.open("rb") as file:
            head = file.readline(LONGEST_LINE)
            second = file.readline(LONGEST_LINE)
            self._size = file.seek(0, 2)
        self._head = head
        self._take_columns(header(head) or [])
        self.estimated_rows = self._size // max(1, len(second)) if second else 0

    def _take_columns(self, names: list[str]) -> None:
        self._names = names
        self._times = [names.index(name) for name in time_columns(names)]
        self._both = names.index("DateTime") if "DateTime" in names else None
        self._meter = names.index("Meter_ID")
        places = {name: place for place, name in reversed(list(enumerate(names)))}
        labels = [label for label in KEY_OF_LABEL if label in places]
        self.keys = tuple(KEY_OF_LABEL[label] for label in labels)
        self._values = [places[label] for label in labels]

    def _time(self, cells: Sequence[object]) -> str:
        time = " ".join(str(cells[place]) for place in self._times)
        if self._both is not None and str(cells[self._both]) != time:
            return ""  # one of them was changed, or the line is two lines in one
        return time

    def _database_rows(self) -> Iterator[Raw]:
        columns = ", ".join('"' + name.replace('"', '""') + '"' for name in self._names)
        page = f"SELECT rowid, {columns} FROM {TABLE} WHERE rowid > ? ORDER BY rowid LIMIT {CHUNK}"  # noqa: S608
        with contextlib.closing(open_database(self.path)) as db:
            last = -(2**63)
            while rows := db.execute(page, (last,)).fetchall():
                for rowid, *cells in rows:
                    last = rowid
                    values = [cells[place] for place in self._values]
                    if not _NUMBERS.issuperset(map(type, values)) or -math.inf in values:
                        values = [_number(value) for value in values]
                    numbers = None if math.inf in values else values
                    yield Raw(self._time(cells), str(cells[self._meter]), numbers)
                self.done = min(1.0, max(0.0, last / self._last)) if self._last else 1.0

    def _table_rows(self) -> Iterator[Raw]:
        with self.path.open("rb") as file:
            file.readline(LONGEST_LINE)
            while line := file.readline(LONGEST_LINE):
                self.done = file.tell() / max(1, self._size)
                if line == self._head or not line.strip():
                    continue  # the original wrote its header again where it made the file anew
                cells = _cells(line)
                if cells is None or len(cells) != len(self._names):
                    yield Raw("", "", None)
                    continue
                values = [_number_of(cells[place]) for place in self._values]
                yield Raw(self._time(cells), cells[self._meter], None if math.inf in values else values)


def _cells(line: bytes) -> list[str] | None:
    """Return the cells of a whole line, or None: torn, or damaged."""
    if not line.endswith(b"\n") or b"\x00" in line:
        return None
    try:
        text = line.decode().rstrip("\r\n")
        return next(csv.reader([text])) if '"' in text else text.split(",")
    except (UnicodeDecodeError, csv.Error):
        return None


def _number(cell: object) -> float | None:
    """Return a cell of a database as a number; infinity stands for what is none."""
    if cell is None or isinstance(cell, float | int):
        return cell if cell is None or math.isfinite(cell) else math.inf
    return _number_of(cell) if isinstance(cell, str) else math.inf


def _number_of(cell: str) -> float | None:
    if cell in _NOTHING:
        return None
    try:
        value = math.inf if "_" in cell else float(cell)
    except ValueError:
        return math.inf
    if not math.isfinite(value):
        return math.inf
    # the library with which the original copied its file sometimes wrote 230.50999999999999 for 230.51
    return round(value, 2) if len(cell.partition(".")[2]) > 2 else value


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as exc:
        raise StoreError(
            f"{path} cannot be read ({exc}). Nothing of it was changed; import a copy that is whole"
        ) from exc
