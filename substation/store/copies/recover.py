"""An index made anew from the files, where none can be read: each day's newest file that is whole.

What they were copied from is not known then, so every day that the station still has is copied again.
"""

import re
from dataclasses import replace

from substation.errors import StoreError
from substation.store.copies import layout, proving
from substation.store.copies.dayfile import Count
from substation.store.copies.index import Entry, Index, numbers
from substation.store.copies.medium import Medium

_DAY = re.compile(r"\d{4}-\d\d/([a-z]+)-(\d{4}-\d\d-\d\d)-(\d{8})\.jsonl\.gz")


def from_files(medium: Medium, fresh: Index) -> Index:
    """Return an index of the files that are whole; it is not written yet."""
    fresh.number = max(numbers(medium), default=0)
    for name in sorted(medium.names(), reverse=True):
        found = _DAY.fullmatch(name)
        if found is None or found[1] not in layout.GROUPS:
            continue
        at = found[1], layout.day_in(found[2])
        fresh.number = max(fresh.number, int(found[3]))
        if at in fresh.entries:
            continue
        entry = Entry(
            group=at[0],
            day=at[1],
            file=name,
            bytes=(medium.folder / name).stat().st_size,
            sha256=medium.sha256(name),
            state="",
            tables={},
            polls={},
            whole=True,
            copied_ms=0,
        )
        tables = _tables(medium, entry)
        if tables is not None:
            fresh.entries[at] = _filled(entry, tables)
    return fresh


def _tables(medium: Medium, entry: Entry) -> dict[str, Count] | None:
    try:
        return proving.given_back(medium, entry)
    except StoreError:
        return None


def _filled(entry: Entry, tables: dict[str, Count]) -> Entry:
    polls = {table: rows for table, (rows, _) in tables.items() if table in ("reading", "event")}
    return replace(entry, tables=tables, polls=polls)
