"""The history as copies see it: which days changed since they were copied, and the rows of a day.

Whether a day changed is told by its hours: each reading is accounted in one, in the transaction that stores
it, so the hours of a year, which are few, say of every reading and minute whether it is the one that was
copied. (Damage on the card changes no hour: a good copy is not replaced by a bad one.)
"""

import contextlib
import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from substation.errors import Busy, StoreError
from substation.quantities import INSTANTS
from substation.store import absorb, digest, door, schema
from substation.store.copies import dayfile, layout
from substation.store.copies.dayfile import Row

PAGE = 2000
_SUMS = ", ".join(f"sum_{key}" for key in INSTANTS)
_HOURS = f"SELECT key, quality, rows, n, last_ms, odd, last_wh_received, {_SUMS} FROM hour"  # noqa: S608
_EVENTS = f"SELECT {', '.join(layout.EVENT_COLUMNS)} FROM event"  # noqa: S608 - names of ours
State = dict[tuple[str, int], str]
"""By group and day what the history says of it; another text means that it changed."""


@dataclass(frozen=True, slots=True)
class About:
    """What a history says of itself."""

    uid: str
    site: str
    simulated: bool
    zone: str
    newest_ms: int
    from_ms: dict[str, int]
    """By group from when on the history is whole; retention took earlier rows."""
    facts: dict[str, list[list[Any]]]


class Source:
    """A read-only look at the history of a station; between `hold` and its end it stands still."""

    def __init__(self, path: Path) -> None:
        """Open it. Raises StoreError."""
        if not path.exists():
            raise StoreError(f"{path} does not exist yet; there is nothing to copy")
        self.path = path
        self._db, self._frozen = door.open_to_read(path)
        self._db.isolation_level = None

    def close(self) -> None:
        """Close it."""
        self._db.close()

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Read one state of the history; short, since the writer's log grows meanwhile."""
        with door.explained(self.path):
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                self._db.execute("ROLLBACK")
        if self._frozen and door.journal_of(self.path).exists():
            raise Busy(f"{self.path}: a poller has started meanwhile; copy again")

    def about(self) -> About:
        """Return what the history says of itself."""
        meta = dict(self._db.execute("SELECT key, value FROM meta").fetchall())
        newest = self._db.execute("SELECT max(key) FROM reading").fetchone()[0]
        facts = {
            table: [list(row) for row in self._db.execute(_fact(table, columns)).fetchall()]
            for table, columns in layout.FACT_COLUMNS.items()
        }
        facts["lost"] = [[day] for day in sorted(digest.lost_days(self._db))]
        return About(
            meta.get("uid", ""),
            meta.get("site", ""),
            meta.get("simulated") == "yes",
            meta.get("zone", "UTC"),
            0 if newest is None else newest >> 8,
            {
                "readings": int(meta.get(schema.RAW_FROM, 0)),
                "minutes": int(meta.get(schema.MINUTE_FROM, 0)),
                "periods": 0,
                "events": 0,
            },
            facts,
        )

    def states(self, day: int | None = None) -> State:
        """Return the state of each day of each group that has rows; with `day` it is right for that one."""
        sums: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0])
        hours, happened = _HOURS, _EVENTS
        bounds: tuple[int, ...] = ()
        if day is not None:
            hours, happened = (
                f"{_HOURS} WHERE key >= ? AND key < ?",
                f"{_EVENTS} WHERE at_ms >= ? AND at_ms < ?",
            )
            bounds = (day - 1) * layout.DAY_MS, (day + 3) * layout.DAY_MS
        for row in self._db.execute(hours, tuple(at << 8 for at in bounds)):
            mark, start_ms = _mark(row), row[0] >> 8
            for one in layout.readings_days(start_ms):
                _add(sums["readings", one], mark)
            for one in layout.periods_days(start_ms):
                _add(sums["periods", one], mark)
        for row in self._db.execute(happened, bounds):
            _add(sums["events", row[1] // layout.DAY_MS], _mark(row))
        states = {at: f"{count}-{total:016x}" for at, (count, total) in sums.items()}
        return states | {
            ("minutes", one): text for (group, one), text in states.items() if group == "readings"
        }

    def rows(self, table: str, day: int) -> Iterator[list[Row]]:
        """Yield the rows of a UTC day, page by page. Raises StoreError where they cannot be read."""
        if table == "event":
            question = f"{_EVENTS} WHERE at_ms >= ? AND at_ms < ? ORDER BY id"
            bounds = day * layout.DAY_MS, (day + 1) * layout.DAY_MS
        else:
            question = f"{schema.select_as_it_is(self._db, table)} WHERE key >= ? AND key < ? ORDER BY key"
            bounds = layout.bounds(day)
        with door.explained(self.path):
            cursor = self._db.execute(question, bounds)
            while page := cursor.fetchmany(PAGE):
                yield page

    def digests(self, group: str, day: int) -> dict[str, dayfile.Count]:
        """Return what a finished day must add up to, by table; a table that nobody vouched for yet lacks.

        Events are not told: a copy holds their ids besides.
        """
        if not digest.has_digests(self._db):
            return {}
        tables = [table for table in layout.GROUPS[group] if table != "event"]
        found = {table: digest.stored(self._db, table, day) for table in tables}
        return {table: count for table, count in found.items() if count is not None}

    @property
    def absorbs(self) -> bool:
        """Whether the poller is about to take the readings of another history, slice by slice."""
        names = self._db.execute("SELECT name FROM sync").fetchall()
        return any(name.startswith(absorb.progress_name("")) for (name,) in names)

    def count(self, table: str, day: int) -> int:
        """Return how many rows a table has of a UTC day."""
        question = f"SELECT count(*) FROM {table} WHERE key >= ? AND key < ?"  # noqa: S608 - a name of ours
        with door.explained(self.path):
            (found,) = self._db.execute(question, layout.bounds(day)).fetchone()
        return int(found)

    def has_rows(self, group: str, day: int) -> bool:
        """Return whether the history holds anything of a group's day."""
        return any(next(self.rows(table, day), None) for table in layout.GROUPS[group])


def _fact(table: str, columns: tuple[str, ...]) -> str:
    return f"SELECT {', '.join(columns)} FROM {table} ORDER BY 1"  # noqa: S608 - names of ours


def _mark(row: tuple[Any, ...]) -> int:
    return int.from_bytes(hashlib.blake2b(repr(row).encode(), digest_size=8).digest(), "big")


def _add(total: list[int], mark: int) -> None:
    total[0] += 1
    total[1] = total[1] + mark & 0xFFFF_FFFF_FFFF_FFFF
