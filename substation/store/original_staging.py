"""The file in which imported readings wait for the one writer: a history of ours, made beside our database.

It holds only `reading` and `event`, for that is all that `absorb` takes; the writer rolls them up. Until
`finish` it carries another name that nobody takes, and what a kill leaves of it is thrown away.
"""

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from substation.clock import Clock
from substation.store import absorb, door, events, schema
from substation.store.events import Event
from substation.store.history import History
from substation.store.rows import Row

ENDING = ".part"
BYTES_A_ROW = 140
"""Of this file: 126 as measured on a year of five meters, and the reason in each row."""

_INSERT = schema.insert("reading", "INSERT")
_KNOWN = f"{schema.select('reading')} WHERE key IN (SELECT value FROM json_each(?))"  # noqa: S608


@dataclass(slots=True)
class Counts:
    """What became of the readings of one file."""

    new: int = 0
    same: int = 0
    """The same reading stood in another file, or twice in this one."""
    other: int = 0
    """Another reading of the same meter and second was there before: the first one counts."""

    def add(self, more: "Counts") -> None:
        """Add what another file, or another part of this one, brought."""
        self.new += more.new
        self.same += more.same
        self.other += more.other


class Staging:
    """Makes the file `path`; until `finish` it is called `path` + `ENDING`.

    Every method may raise Full or StoreError; `discard` then leaves nothing behind.
    """

    def __init__(self, path: Path, zone: ZoneInfo, clock: Clock) -> None:
        """Begin anew; `zone` is that of the imported times, stamped into the file."""
        self._path, self._part = path, path.with_name(path.name + ENDING)
        self.discard()
        # made by the history itself, so that it is one: the stamp of a real station, the schema
        with contextlib.closing(History(self._part, False, clock, zone)):
            pass
        with self._explained():
            self._db = sqlite3.connect(self._part, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = DELETE")  # one file, whoever reads it
            self._db.execute("PRAGMA journal_mode = MEMORY")  # what a kill leaves of it is thrown away
            self._db.execute("PRAGMA synchronous = OFF")
            absorb.mark_imported(self._db, zone.key)
        self.counts = Counts()

    def take(self, rows: Sequence[Row]) -> Counts:
        """Keep the rows that are not there yet; the first reading of a meter and second counts."""
        counts = Counts()
        with self._explained(), schema.transaction(self._db):
            keys = json.dumps([row[0] for row in rows])
            known: dict[int, list[object]] = {
                key: content for key, *content in self._db.execute(_KNOWN, (keys,))
            }
            fresh: list[tuple[object, ...]] = []
            for key, code, reason, mask, values in rows:
                content: list[object] = [code, reason, mask, *values]
                there = known.setdefault(key, content)
                if there is content:
                    fresh.append((key, *content))
                elif there == content:
                    counts.same += 1
                else:
                    counts.other += 1
            self._db.executemany(_INSERT, fresh)
        counts.new = len(fresh)
        self.counts.add(counts)
        return counts

    def finish(self, notes: Sequence[Event]) -> Path:
        """Note what was imported, bring the file to the medium, and give it its name."""
        with self._explained():
            with schema.transaction(self._db):
                events.write(self._db, notes)
            self._db.close()
            for path in (self._part, self._part.parent):
                handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)
            self._part.rename(self._path)
        return self._path

    def discard(self) -> None:
        """Remove what is not finished."""
        db = getattr(self, "_db", None)
        if db is not None:
            db.close()
        for rest in self._path.parent.glob(f"{self._part.name}*"):
            rest.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        with door.explained(self._part):
            yield


def history_bytes(rows: int, meters: int) -> int:
    """Return about how much room an import of so many rows takes in all, bytes; at most a year of them.

    The rows here, a row or a minute of each in our history, and the quarters of an hour that they fall in,
    as measured (`BYTES_A_ROW`; 130 a minute; 900 a quarter with its share of an hour and a day).
    """
    quarters = min(rows, 366 * 96 * meters)
    return rows * (BYTES_A_ROW + 130) + quarters * 900
