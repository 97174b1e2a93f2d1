"""Proof: a copy counts when a restore of it gave the rows that were copied.

After each copy the days that are new are restored into a scratch history, and the ones whose last proof is
oldest, so many that within four weeks all of them had their turn. What is read back out of the scratch
history must have the digests that the copy has; where the station's own history still has the day, and it has
not changed since, its rows too.
"""

import contextlib
import math
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from substation.clock import Clock
from substation.errors import StoreError
from substation.store import digest, door, schema
from substation.store.copies import dayfile, layout, reading
from substation.store.copies.dayfile import Count
from substation.store.copies.index import Entry, Index
from substation.store.copies.medium import Medium
from substation.store.copies.source import Source

CYCLE_MS = 28 * layout.DAY_MS
LEAST_ROWS = 300_000
"""So many rows a copy are proved at least, where there are so many: half a minute on a small machine."""


@dataclass(slots=True)
class Proof:
    """What a proof has found."""

    at_ms: int
    days: set[int] = field(default_factory=set)
    rows: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every file that was looked at gave its rows back."""
        return not self.problems


def prove_some(medium: Medium, index: Index, source: Source | None, clock: Clock, every_ms: int) -> Proof:
    """Prove what is new, and a part of the rest; the index remembers it, and what was found damaged."""
    proof = Proof(clock.now_ms())
    turns = sorted(index.entries.values(), key=lambda one: (one.proved_ms, -one.day))
    share = math.ceil(sum(one.rows for one in turns) * min(1.0, every_ms / CYCLE_MS))
    with scratch() as db:
        for entry in turns:
            if proof.rows > max(share, LEAST_ROWS):
                break
            _one(Look(medium, db, source), index, entry, proof)
    return proof


def prove_all(
    medium: Medium, index: Index, source: Source | None, clock: Clock, tick: Callable[[str], None]
) -> Proof:
    """Prove every file."""
    proof = Proof(clock.now_ms())
    with scratch() as db:
        for key in sorted(index.entries):
            entry = index.entries[key]
            tick(f"{entry.group} of {layout.date_of(entry.day)}")
            _one(Look(medium, db, source), index, entry, proof)
    return proof


@dataclass(frozen=True, slots=True)
class Look:
    """Where a proof looks."""

    medium: Medium
    db: sqlite3.Connection
    """The scratch history."""
    source: Source | None
    """The station's own history, where it is the one that was copied."""


def _one(look: Look, index: Index, entry: Entry, proof: Proof) -> None:
    at = entry.group, entry.day
    proof.days.add(entry.day)
    proof.rows += entry.rows
    try:
        found = given_back(look.medium, look.db, entry)
    except StoreError as exc:
        proof.problems.append(str(exc))
        index.entries[at] = replace(entry, damage=str(exc))
        return
    index.entries[at] = replace(entry, tables=found, damage="", proved_ms=proof.at_ms)
    if look.source is None or not entry.whole:
        return
    try:
        words = _unlike(look.source, index.entries[at])
    except _Absorbs:
        index.entries[at] = replace(index.entries[at], proved_ms=0)  # the next proof begins with it
        return
    if words:
        proof.problems.append(words)


class _Absorbs(Exception):
    """A day differs while another history is absorbed: whether that is wrong is told when it is taken."""


def given_back(medium: Medium, db: sqlite3.Connection, entry: Entry) -> dict[str, Count]:
    """Restore a file into a scratch history and return what that holds. Raises Damaged."""
    problem = reading.damage(medium, entry)
    if problem is not None:
        raise problem
    path = medium.folder / entry.file
    found: dict[str, Count] = dict.fromkeys(layout.GROUPS[entry.group], (0, 0))
    with door.explained(path):
        for table, rows in dayfile.unpacked(medium.chunks(entry.file), str(path)):  # page by page: 2 MB
            db.execute("BEGIN")
            try:
                db.executemany(_insert(table), rows)
                back = db.execute(f"SELECT {', '.join(dayfile.columns_of(table))} FROM {table}")  # noqa: S608
                found[table] = digest.together(found[table], digest.of_rows(back))
            finally:
                db.execute("ROLLBACK")  # of rows that cannot be put in, too: the next file is another one
    if entry.tables and found != entry.tables:
        raise StoreError(f"{path}: a restore of it gave other rows than were copied; it is not believed")
    return found


def _unlike(source: Source, entry: Entry) -> str:
    """Return in words that the station's own rows are not the copied ones, of a day that did not change."""
    where = f"{entry.group} of {layout.date_of(entry.day)}"
    try:
        with source.hold():
            if source.about().from_ms[entry.group] > entry.day * layout.DAY_MS:
                return ""  # retention took them
            if source.states(entry.day).get((entry.group, entry.day)) != entry.state:
                return ""  # the next copy takes it anew
            for table, copied in entry.tables.items():
                ours = (0, 0)
                for page in source.rows(table, entry.day):
                    ours = digest.together(ours, digest.of_rows(page))
                if ours[0] < copied[0] and [entry.day] in source.about().facts["lost"]:
                    return ""  # a salvage lost them, and noted it: the copy is the fuller one
                if ours != copied and source.absorbs:
                    raise _Absorbs
                if ours != copied:
                    return (
                        f"{where}: {source.path} has other rows than the copy, though nothing was noted of a "
                        "change. See python3 datalogger.py check; the copy was kept"
                    )
    except StoreError as exc:
        return f"{where}: not compared with the station's own history: {exc}"
    return ""


@contextlib.contextmanager
def scratch() -> Iterator[sqlite3.Connection]:
    """Hold an empty history in memory."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        schema.migrate(db, _Still())
        yield db


class _Still:
    """A clock for a history that nobody keeps."""

    def now_ms(self) -> int:
        return 0

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        """Never asked."""


def _insert(table: str) -> str:
    columns = dayfile.columns_of(table)
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608
