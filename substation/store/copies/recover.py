"""An index made anew from the files, where none can be read: each day's newest file that is whole.

What they were copied from is not known then, so every day that the station still has is copied again.
"""

import contextlib
import re
from dataclasses import replace

from substation.errors import StoreError
from substation.store.copies import layout, proving
from substation.store.copies.index import Entry, Index, numbers
from substation.store.copies.medium import Medium

_DAY = re.compile(r"\d{4}-\d\d/([a-z]+)-(\d{4}-\d\d-\d\d)-(\d{8})\.jsonl\.gz")


def from_files(medium: Medium, fresh: Index) -> Index:
    """Return an index of the files that are whole; it is not written yet."""
    fresh.number = max(numbers(medium), default=0)
    with proving.scratch() as db:
        for name in sorted(medium.names(), reverse=True):
            found = _DAY.fullmatch(name)
            if found is None or found[1] not in layout.GROUPS:
                continue
            group, day = found[1], layout.day_in(found[2])
            fresh.number = max(fresh.number, int(found[3]))
            if (group, day) in fresh.entries:
                continue
            with contextlib.suppress(StoreError):  # damaged: an older one of that day may be whole
                entry = _entry(medium, name, group, day)
                fresh.entries[group, day] = replace(entry, tables=proving.given_back(medium, db, entry))
    return fresh


def _entry(medium: Medium, name: str, group: str, day: int) -> Entry:
    return Entry(
        group=group,
        day=day,
        file=name,
        bytes=(medium.folder / name).stat().st_size,
        sha256=medium.sha256(name),
        state="",
        tables={},
        polls={},
        whole=True,
        copied_ms=0,
    )
