"""What the copies on the second medium give back of a damaged history.

They are asked for every day of which they hold other rows than were salvaged: also for one that is gone
whole, of which nothing in the damaged file tells any more. What retention had taken is not brought back, and
a day whose clock was corrected after it was copied stays as it is: its readings stand elsewhere now.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from substation.store import copies, schema
from substation.store.check.days import Days
from substation.store.check.found import WHOLE, Found
from substation.store.copies import Held
from substation.store.digest import DATED, DAY_MS, day_of
from substation.store.salvage import blocks as salvage_blocks
from substation.store.salvage.blocks import Block, Blocks, bounds

_HOUR_MS = 3_600_000
_GROWS_MS = {"hour": 2 * _HOUR_MS, "day": DAY_MS + 2 * _HOUR_MS}
"""How long after its UTC day a table's rows of it may still grow; of others an hour, for the last commit."""


@dataclass(slots=True)
class Copied:
    """The copies of one station, for one salvage."""

    folder: Path
    uid: str
    db: sqlite3.Connection
    """The file that is being made."""
    blocks: Blocks
    from_ms: Mapping[str, int]
    """By table: what is older retention has taken, UTC ms."""
    spans: Sequence[Sequence[Any]] = ()
    """Clock spans of the damaged file."""
    held: dict[Block, Held] = field(init=False, default_factory=dict)
    _emptied: set[Block] = field(init=False, default_factory=set)

    def take(self, tick: Callable[[str], None]) -> None:
        """Take all that they hold and the file lacks. Raises StoreError, OSError: they cannot be read."""
        self.held = {
            block: one
            for block, one in copies.held(self.folder, self.uid).items()
            if self._counts(block, one)
        }
        for table in DATED:
            wanted = {day for its, day in self.held if its == table and self._is_wanted((table, day))}
            if not wanted:
                continue
            tick(f"taking {table} of {len(wanted)} days from the copies")
            for page in copies.rows(self.folder, self.uid, table, wanted):
                first_key = self.from_ms.get(table, 0) << 8
                self._put(table, [row for row in page if row[0] >= first_key])
        salvage_blocks.prove(self.db, self.blocks, DATED)
        self._vouch()

    def regain(self) -> None:
        """Put back copied readings that were dropped because damage lies near. Raises StoreError, OSError."""
        blocks = self.blocks
        days = {day for its, day in self.held if its == "reading" and blocks.dropped.get((its, day))}
        if not days:
            return
        for page in copies.rows(self.folder, self.uid, "reading", days):
            first_key = self.from_ms.get("reading", 0) << 8
            with schema.transaction(self.db):
                for row in (row for row in page if row[0] >= first_key):
                    put = self.db.execute(schema.insert("reading", "INSERT OR IGNORE"), tuple(row)).rowcount
                    blocks.dropped["reading", day_of(row[0])] -= max(0, put)

    def back(self, at_ms: int) -> set[int]:
        """Return the days of which an earlier salvage lost rows, and which are whole again."""
        return {day for day in self.blocks.lost_before if self._is_back(day, at_ms)}

    def _is_back(self, day: int, at_ms: int) -> bool:
        """Return whether copies of the finished day brought rows back, and its tables agree again.

        Hours and days of the site's calendar end later than the copy of a UTC day: agreement proves those.
        """
        held = {block: one.count for block, one in self.held.items() if block[1] == day}
        if {("quarter", day), ("hour", day), ("day", day)} - held.keys():
            return False
        if not any(self.blocks.copied.get(block) for block in held):
            return False
        if any(self.blocks.found.get(block) != count for block, count in held.items()):
            return False
        if not all(self._is_over(block) for block in held if block[0] not in _GROWS_MS):
            return False
        found = Found(self.folder, quick=False, at_ms=at_ms)
        Days(self.db, found).look(day)
        return found.state == WHOLE

    def _counts(self, block: Block, one: Held) -> bool:
        table, day = block
        if table not in DATED or (day + 1) * DAY_MS <= self.from_ms.get(table, 0):
            return False
        return not any(
            corrected_ms is not None
            and one.copied_ms < corrected_ms
            and begin_ms // DAY_MS <= day
            and (end_ms is None or day <= end_ms // DAY_MS)
            for _, _, _, begin_ms, end_ms, _, corrected_ms in self.spans
        )

    def _is_wanted(self, block: Block) -> bool:
        blocks, count = self.blocks, self.held[block].count
        if block not in blocks.proved:
            return count is None or blocks.found.get(block) != count
        # its digest may be that of what an earlier salvage had left
        return block[1] in blocks.lost_before and count is not None and count[0] > blocks.known[block][0]

    def _put(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        with schema.transaction(self.db):
            for row in rows:
                block = table, day_of(row[0])
                if block not in self._emptied and self._is_the_same(block):
                    self.db.execute(f"DELETE FROM {table} WHERE key >= ? AND key < ?", bounds(block[1]))  # noqa: S608
                    self._emptied.add(block)
                self._merge(table, block, tuple(row))

    def _is_the_same(self, block: Block) -> bool:
        """Return whether the file's own digest says that it was as it was copied; mere luck it cannot be."""
        return self.blocks.known.get(block, ()) == self.held[block].count

    def _merge(self, table: str, block: Block, row: tuple[Any, ...]) -> None:
        """Take a row: a reading never changes; a rollup row may have grown since it was copied."""
        there = None
        if block in self.blocks.there and block not in self._emptied:
            there = self.db.execute(f"{schema.select(table)} WHERE key = ?", (row[0],)).fetchone()
        if there != row and (there is None or table == "reading" or there[2] <= row[2]):
            self.db.execute(schema.insert(table, "INSERT OR REPLACE"), row)
            self.blocks.copied[block] += 1

    def _vouch(self) -> None:
        """Let the copies say what a finished day adds up to, where the file does not.

        Not of a day of which the file has more, or other rows than the copy: it went on after it was copied.
        """
        blocks = self.blocks
        ours = {block: one.count for block, one in self.held.items() if one.count and self._is_over(block)}
        other = {
            day
            for (table, day), count in ours.items()
            if (found := blocks.found.get((table, day), (0, 0))) != count and found[0] >= count[0]
        }
        for block, count in ours.items():
            old = block in blocks.known and block[1] not in blocks.lost_before
            if block[1] in other or old or block[1] * DAY_MS < self.from_ms.get(block[0], 0):
                continue
            blocks.known[block] = count
            if blocks.found.get(block) == count:
                blocks.proved.add(block)
            else:
                blocks.proved.discard(block)

    def _is_over(self, block: Block) -> bool:
        table, day = block
        return self.held[block].copied_ms >= (day + 1) * DAY_MS + _GROWS_MS.get(table, _HOUR_MS)
