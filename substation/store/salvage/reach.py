"""Takes from single pages what SQLite cannot reach of a damaged history: candidates for its holes."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from substation.store import schema
from substation.store.rebuild import Rebuild
from substation.store.salvage import pages as salvage_pages
from substation.store.salvage import rows as salvage_rows
from substation.store.salvage.zones import Zones

Holes = Mapping[str, Sequence[tuple[int, int]]]
"""Ranges of keys by table, both ends included."""
_CALENDAR = ("hour", "day")
_TOLD_ROWS = 2000


def take(
    fresh: Rebuild, aside: Path, holes: Holes, zones: Zones, tick: Callable[[str], None]
) -> list[Sequence[Any]]:
    """Take readings and rollup rows that belong into the holes; return the events that do."""
    events: list[Sequence[Any]] = []
    tick("looking at single pages")
    for number, (table, row) in enumerate(salvage_pages.rows(aside)):
        if number % _TOLD_ROWS == 0:
            tick(f"looking at single pages: {number} rows")
        if not _is_in(row[0], holes[table]):
            continue
        if table == "event":
            events.append(row)
        elif salvage_rows.is_sound(table, row):
            at_ms = row[0] >> 8
            if table not in _CALENDAR or zones.may_start(table, at_ms):
                with schema.transaction(fresh.db):
                    _take_larger(fresh, table, row)
    with schema.transaction(fresh.db):
        _drop_twofold(fresh, holes)
    return events


def _is_in(key: int, ranges: Sequence[tuple[int, int]]) -> bool:
    return any(low <= key <= high for low, high in ranges)


def _take_larger(fresh: Rebuild, table: str, row: Sequence[Any]) -> None:
    """Take a row; of two rollup rows of a period the one that sums up more is the later one."""
    there = fresh.db.execute(f"{schema.select(table)} WHERE key = ?", (row[0],)).fetchone()
    if there is None or (table != "reading" and row[2] > there[2]):
        fresh.db.execute(schema.insert(table, "INSERT OR REPLACE"), tuple(row))


def _drop_twofold(fresh: Rebuild, holes: Holes) -> None:
    """Drop rows that were taken for two tables: quarters, hours and days have one shape.

    Such a row would agree with itself.
    """
    same = " AND ".join(f"coarse.{name} IS finer.{name}" for name in schema.columns_of("day"))
    for table, finer in (("day", "hour"), ("day", "quarter"), ("hour", "quarter")):
        keys = fresh.db.execute(
            f"SELECT coarse.key FROM {table} AS coarse JOIN {finer} AS finer "  # noqa: S608 - names of ours
            f"ON coarse.key = finer.key WHERE {same}"
        ).fetchall()
        for (key,) in keys:
            if _is_in(key, holes[table]):
                fresh.db.execute(f"DELETE FROM {table} WHERE key = ?", (key,))  # noqa: S608 - names of ours
