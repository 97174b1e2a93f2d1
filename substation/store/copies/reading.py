"""Reads what was copied: rows for salvage and restore, from files that proved to be whole."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from substation.errors import Damaged, StoreError
from substation.store.copies import dayfile, index, layout, stations
from substation.store.copies.dayfile import Count, Row
from substation.store.copies.index import Entry, Index
from substation.store.copies.medium import Medium


@dataclass(frozen=True, slots=True)
class Newest:
    """How far the copies of a station reach."""

    at_ms: int
    """When the last copy was taken, UTC ms."""
    reading_ms: int
    """The newest reading in it."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the copies hold of a table's day."""

    count: Count | None
    """Rows, and what they add up to (`digest.of_rows`; of events with their ids); None: not known yet."""
    copied_ms: int
    """When it was copied, UTC ms."""


def held(folder: Path, uid: str) -> dict[tuple[str, int], Held]:
    """Return by table and UTC day what was copied, as the index says it; no file is read.

    Raises StoreError: There are no copies of this station in the folder, or the index cannot be read.
    """
    opened = opened_index(folder, uid)
    if opened is None:
        raise StoreError(f"{folder} holds no copies of the station {uid[:12]}")
    return {
        (table, entry.day): Held(entry.tables.get(table), entry.copied_ms)
        for entry in opened[1].entries.values()
        for table in layout.GROUPS[entry.group]
    }


def newest(folder: Path, uid: str) -> Newest | None:
    """Return how far the copies of a station reach; None without any. Raises StoreError."""
    opened = opened_index(folder, uid)
    return opened and Newest(opened[1].at_ms, opened[1].newest_ms)


def rows(folder: Path, uid: str, table: str, days: Collection[int] | None = None) -> Iterator[list[Row]]:
    """Yield all copied rows of a table, day after day, as `dayfile.columns_of(table)` has them.

    With `days` (UTC, counted from 1970) only theirs: the files of all others are not even opened.

    A file that is damaged is passed over; `verify` names it. `event` comes with its id in front.

    Raises StoreError: There are no copies of this station in the folder, or it cannot be read.
    """
    opened = opened_index(folder, uid)
    if opened is None:
        raise StoreError(f"{folder} holds no copies of the station {uid[:12]}")
    medium, found = opened
    for entry in found.of(layout.group_of(table)):
        if (days is None or entry.day in days) and damage(medium, entry) is None:
            for its, page in dayfile.unpacked(medium.chunks(entry.file), entry.file):
                if its == table:
                    yield page


def opened_index(folder: Path, uid: str) -> tuple[Medium, Index] | None:
    """Return a station's folder and index; None without any copy of it."""
    station = stations.find(folder, uid)
    found = station and index.load(station.medium)
    return (station.medium, found) if station and found else None


def damage(medium: Medium, entry: Entry) -> Damaged | None:
    """Return what is wrong with a day's file; a missing one is damage too."""
    path = medium.folder / entry.file
    if not path.exists():
        return Damaged(f"{path} is missing: {entry.group} of {layout.date_of(entry.day)}")
    if entry.sha256:
        if medium.sha256(entry.file) == entry.sha256:
            return None
        return Damaged(
            f"{path} is damaged (its SHA-256 is another one): {entry.group} of {layout.date_of(entry.day)}"
        )
    try:
        for _ in dayfile.unpacked(medium.chunks(entry.file), str(path)):
            pass
    except Damaged as exc:
        return exc
    return None
