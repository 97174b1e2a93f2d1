"""The days of a salvage: of each table and UTC day, whether what was read is what was there.

A day whose digest agrees is whole and true, to the bit. Of every other day `proof` judges the rows.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from substation.store import digest, schema
from substation.store.digest import DATED, DAY_MS, day_of
from substation.store.salvage.source import Source

Block = tuple[str, int]
"""Table and UTC day number."""
_DAY_KEYS = DAY_MS << 8
_AT_ONCE = 5000


@dataclass(slots=True)
class Blocks:
    """What is known of the days."""

    known: dict[Block, tuple[int, int]]
    """The digests that were stored: rows and sum."""
    lost_before: frozenset[int] = frozenset()
    """Days of which an earlier salvage lost rows: a digest then proves what was left of them."""
    proved: set[Block] = field(default_factory=set)
    """Every row that was there is there, and true."""
    found: dict[Block, tuple[int, int]] = field(default_factory=dict)
    """What the rows that are there add up to: rows and sum."""
    there: set[Block] = field(default_factory=set)
    """Days of which anything was read."""
    dropped: dict[Block, int] = field(default_factory=lambda: defaultdict(int))
    """Rows that could be read and did not prove true."""
    anew: dict[Block, int] = field(default_factory=lambda: defaultdict(int))
    copied: dict[Block, int] = field(default_factory=lambda: defaultdict(int))
    lacking: set[Block] = field(default_factory=set)
    """Days without a digest of which other tables tell that rows are gone."""
    complete: set[Block] = field(default_factory=set)
    """Days without a digest of which a coarser table tells that no row is lacking."""
    from_day: dict[str, int] = field(default_factory=dict)
    """By table: the day from which on retention has left all of it."""
    holes: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    """Ranges of keys that could not be read, by table."""

    def is_whole(self, table: str, day: int) -> bool:
        """Return whether a table holds every row that the station ever stored of the day."""
        return (table, day) in self.proved and day not in self.lost_before

    def unproved(self, *tables: str) -> list[int]:
        """Return the days of which one of the tables is not proved."""
        days = {day for table, day in self.there | self.known.keys() if table in tables}
        return sorted(day for day in days if any(self.is_open(table, day) for table in tables))

    def is_open(self, table: str, day: int) -> bool:
        """Return whether a table's rows of a day have to prove themselves."""
        block = (table, day)
        return block not in self.proved and (block in self.there or block in self.known)


def known_digests(source: Source) -> tuple[dict[Block, tuple[int, int]], frozenset[int]]:
    """Return the digests that can be read, and the days of which rows were lost before."""
    known: dict[Block, tuple[int, int]] = {}
    lost = set()
    for table, day, rows, total in source.small("digest"):
        if not isinstance(table, str) or not all(type(value) is int for value in (day, rows, total)):
            continue
        if table == digest.LOST:
            lost.add(day)
        else:
            known[table, day] = (rows, total)
    return known, frozenset(lost)


def prove(
    db: sqlite3.Connection, blocks: Blocks, tables: Iterable[str], tick: Callable[[], None] = lambda: None
) -> None:
    """Look which days agree with their digests, in the file that is being made."""
    for table in tables:
        blocks.there -= {block for block in blocks.there if block[0] == table}
        blocks.proved -= {block for block in blocks.proved if block[0] == table}
        blocks.found = {block: found for block, found in blocks.found.items() if block[0] != table}
        for day, found in days_of(db, table, tick):
            blocks.there.add((table, day))
            blocks.found[table, day] = found
            if blocks.known.get((table, day)) == found:
                blocks.proved.add((table, day))


def days_of(
    db: sqlite3.Connection, table: str, tick: Callable[[], None]
) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield the digest of each day as it is now."""
    last, day, total = -1, -1, (0, 0)
    question = f"{schema.select(table)} WHERE key > ? ORDER BY key LIMIT ?"
    while True:
        rows = db.execute(question, (last, _AT_ONCE)).fetchall()
        tick()
        for row in rows:
            if day_of(row[0]) != day:
                if day >= 0:
                    yield day, total
                day, total = day_of(row[0]), (0, 0)
            total = digest.together(total, (1, digest.of_row(row)))
        if not rows:
            break
        last = rows[-1][0]
    if day >= 0:
        yield day, total


def bounds(day: int) -> tuple[int, int]:
    """Return the keys of a day: from, to before."""
    return day * _DAY_KEYS, (day + 1) * _DAY_KEYS


def counts(db: sqlite3.Connection) -> dict[Block, int]:
    """Return the rows of each table and day, as they are now."""
    return {
        (table, day): rows
        for table in DATED
        for day, rows in db.execute(
            f"SELECT (key >> 8) / {DAY_MS}, count(*) FROM {table} GROUP BY 1"  # noqa: S608 - a name of ours
        )
    }
