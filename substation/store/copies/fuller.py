"""Days of which a salvage lost rows that the copies still hold."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

from substation.store.copies import layout, reading
from substation.store.copies.index import Index
from substation.store.copies.source import Source


def days(source: Source, index: Index) -> list[int]:
    """Return the UTC days that history and index know as salvaged, and of which the copies have more rows.

    Raises StoreError: The history cannot be read.
    """
    with source.hold():
        about = source.about()
        return [day for (day,) in about.facts["lost"] if _is_fuller(source, index, about.from_ms, day)]


def of_history(folder: Path, history: Path) -> list[int]:
    """Return the days of which the copies in a folder hold more than a history. Raises StoreError."""
    with contextlib.closing(Source(history)) as source:
        with source.hold():
            uid = source.about().uid
        opened = reading.opened_index(folder, uid)
        return days(source, opened[1]) if opened else []


def words(found: Sequence[int]) -> str:
    """Return for a person what to do about them."""
    first = ", ".join(layout.date_of(day) for day in found[:3])
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return (
        f"the copies hold rows of {first}{more} that a salvage had lost: to bring them back stop the "
        "station, then python3 datalogger.py salvage"
    )


def _is_fuller(source: Source, index: Index, from_ms: dict[str, int], day: int) -> bool:
    for group, tables in layout.GROUPS.items():
        entry = index.entries.get((group, day))
        if group == "events" or entry is None or day * layout.DAY_MS < from_ms[group]:
            continue
        if any(source.count(table, day) < entry.tables.get(table, (0, 0))[0] for table in tables):
            return True
    return False
