"""Room on the medium: what goes when it is full. Oldest readings first, then oldest minutes, nothing else.

The medium keeps what the card's retention gave up for as long as there is room. Quarters, hours, days, events
and all the rest are small and are never given up.
"""

from collections.abc import Callable
from typing import TypeVar

from substation.errors import Full
from substation.store.copies import layout
from substation.store.copies.index import Entry, Index
from substation.store.copies.medium import Medium

T = TypeVar("T")
GOING = ("readings", "minutes")
HEADROOM = 2 * 1024 * 1024
"""Bytes that are left free, so that an index can always be written."""
RANK = {"readings": 0, "minutes": 1}


def with_room(
    medium: Medium, index: Index, write: Callable[[], T], group: str = "", day: int = 0, *, spare: int = 0
) -> T:
    """Write; where there is no room give up what is oldest, and try again.

    `group` and `day` are what is written: of its own group only older days make way for it, of a group that
    goes later none does. Raises Full when nothing is left that may go.
    """
    while True:
        try:
            if medium.free() < HEADROOM + spare:
                raise Full(f"{medium.folder}: no room left on the medium; put in a larger one or free some")
            return write()
        except Full:
            oldest = _next_to_go(index, group, day)
            if oldest is None:
                raise
            give_up(medium, index, oldest)


def give_up(medium: Medium, index: Index, entry: Entry) -> None:
    """Remove a day's file; the next index does not name it any more, and says so."""
    medium.remove(entry.file)
    del index.entries[entry.group, entry.day]
    note(index, entry.group, entry.day)


def note(index: Index, group: str, day: int) -> None:
    """Note that there is no room for this day nor for older ones of the group."""
    index.dropped[group] = max(index.dropped.get(group, 0), day + 1)


def may_come(index: Index, group: str) -> bool:
    """Return whether a group has its turn: readings have none on a medium too small for the minutes."""
    return group != "readings" or "minutes" not in index.dropped


def words(index: Index) -> str:
    """Return what is not kept for want of room, or nothing."""
    said = [
        f"{group} before {layout.date_of(index.dropped[group])}" for group in GOING if group in index.dropped
    ]
    return f"the medium is full: {' and '.join(said)} had to go; a larger one keeps them" if said else ""


def _next_to_go(index: Index, group: str, day: int) -> Entry | None:
    for going in GOING:
        if going not in RANK or RANK[going] > RANK.get(group, len(GOING)):
            continue
        for entry in index.of(going):
            if going != group or entry.day < day:
                return entry
    return None
