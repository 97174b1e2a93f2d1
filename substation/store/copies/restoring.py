"""A history anew from copies, in a home that has none: as it was when the last copy was taken.

1. The copies of the right station and kind are found; a home with a history is refused.
2. Each file is believed only when it is the one that was written (SHA-256, rows and digest in it).
3. Rows go into a history of another name (`Rebuild`), oldest day first: readings and minutes from when on the
   station's own history was whole, so that its size is the one that the card had room for.
4. What is lacking is said day by day; `meta` then says from when on readings are whole.
5. The operator database, the audit log and the profiles are put back, then the history gets its name.
6. The station remembers the copy that it came from: another machine goes on with the same copies.
"""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from substation.clock import Clock, iso, utc
from substation.errors import StoreError
from substation.settings.model import Home
from substation.store import digest, door, events, schema
from substation.store.copies import beside, dayfile, layout, reading, report, stations
from substation.store.copies import index as index_file
from substation.store.copies.index import Entry, Index
from substation.store.copies.medium import Medium
from substation.store.rebuild import Rebuild

Tick = Callable[[str], None]
Opened = tuple[Medium, Index]
_FROM = {"readings": schema.RAW_FROM, "minutes": schema.MINUTE_FROM}
BATCH = 20_000
"""Rows a transaction."""


def quiet(_: str) -> None:
    """Say nothing of how far it is."""


@dataclass(slots=True)
class Restored:
    """What came back."""

    uid: str
    site: str
    folder: Path
    at_ms: int
    """When the copy was taken."""
    newest_ms: int
    """The newest reading in it."""
    rows: dict[str, int] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)
    """In words what did not come back."""


def restore(
    folder: Path,
    home: Home,
    clock: Clock,
    tick: Tick = quiet,
    *,
    simulated: bool | None = None,
    site: str = "",
) -> Restored:
    """Make the history anew in a home without one. Nobody else may use the home meanwhile.

    Args:
        folder: Where the copies lie: what was `backup.folder`, or one station's folder in it.
        home: The station.
        clock: Stamps what is made.
        tick: Is told how far it is.
        simulated: Of which kind the station is; None takes what comes.
        site: Its name: tells which, where several stations share the medium.

    Raises:
        WrongStation: The copies are of the other kind.
        StoreError: A history stands there, there are no copies, or several stations and no name that tells.
    """
    for standing in (home.history, door.journal_of(home.history)):
        if standing.exists():
            raise StoreError(
                f"{standing} stands there: a restore never replaces a history. Move it away "
                f"(mv {standing.name} {standing.name}.old), then restore again"
            )
    station = stations.of_kind(folder, simulated, site)
    medium, index = station.medium, index_file.load(station.medium)
    if index is None:
        raise StoreError(f"{medium.folder} holds no whole copy yet; nothing was restored")
    done = Restored(index.uid, index.site, medium.folder, index.at_ms, index.newest_ms)
    facts = dict(index.facts.get("meta", []))
    facts |= {"uid": index.uid, "simulated": "yes" if index.simulated else "no"}
    home.history.parent.mkdir(parents=True, exist_ok=True)
    with Rebuild(home.history, clock, facts) as fresh:
        _facts(fresh, index)
        for group in layout.GROUPS:
            _group(fresh, (medium, index), group, done, tick)
        _note(fresh, done, clock.now_ms())
        done.files, kept = beside.put_back(medium, index, home, f"{utc(clock.now_ms()):%Y%m%d-%H%M%S}")
        done.lacking += kept
        tick("bringing it to the card")
        fresh.finish()
    with contextlib.suppress(StoreError):  # then the next copy may ask for --take-over
        report.note_seen(home.copied, index.begun_ms, index.writer)
    return done


def _group(fresh: Rebuild, opened: Opened, group: str, done: Restored, tick: Tick) -> None:
    """Take a group's days; where one is lacking, `meta` says that the group is whole only after it."""
    medium, index = opened
    name = _FROM.get(group, "")
    whole_from = schema.meta_number(fresh.db, name)
    mark = max(whole_from, index.dropped.get(group, 0) * layout.DAY_MS)
    done.rows |= dict.fromkeys(layout.GROUPS[group], 0)
    for entry in index.of(group):
        after_ms = (entry.day + 1) * layout.DAY_MS
        if after_ms <= whole_from:
            continue
        tick(f"{group} of {layout.date_of(entry.day)}")
        problem = reading.damage(medium, entry)
        if problem is None:
            _day(fresh, medium, entry, whole_from << 8, done)
        else:
            done.lacking.append(str(problem))
            mark = max(mark, _end_of(entry, index))
    if name and mark > whole_from:
        fresh.facts({name: str(mark)})


def _end_of(entry: Entry, index: Index) -> int:
    """Return until when a day's file lacks, UTC ms: of the day under way no further than was copied."""
    until_ms = index.newest_ms + 1
    if entry.group == "minutes":
        until_ms += -until_ms % 60_000
    return min((entry.day + 1) * layout.DAY_MS, until_ms)


def _day(fresh: Rebuild, medium: Medium, entry: Entry, first_key: int, done: Restored) -> None:
    waiting: list[dayfile.Row] = []
    last = ""
    for table, page in dayfile.unpacked(medium.chunks(entry.file), entry.file):
        if table != last or len(waiting) >= BATCH:
            done.rows[last or table] += put(fresh, last, waiting)
            waiting = []
        last = table
        waiting += (
            page if table == "event" or page[0][0] >= first_key else (r for r in page if r[0] >= first_key)
        )
    if last:
        done.rows[last] += put(fresh, last, waiting)


def put(fresh: Rebuild, table: str, rows: list[dayfile.Row]) -> int:
    """Put rows of a day's file into a history that is being made; return how many were new."""
    if not rows:
        return 0
    if table != "event":
        return fresh.add(table, rows)
    _insert(fresh, "event", layout.EVENT_COLUMNS, rows)
    return len(rows)


def _facts(fresh: Rebuild, index: Index) -> None:
    for table, columns in layout.FACT_COLUMNS.items():
        if table != "meta":
            _insert(fresh, table, columns, index.facts.get(table, []))
    lost = [int(day) for (day,) in index.facts.get("lost", [])]
    with schema.transaction(fresh.db):
        digest.note_lost(fresh.db, lost, index.at_ms)


def _insert(fresh: Rebuild, table: str, columns: tuple[str, ...], rows: Iterable[Sequence[Any]]) -> None:
    places = ", ".join("?" * len(columns))
    with schema.transaction(fresh.db):
        fresh.db.executemany(
            f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({places})",  # noqa: S608
            rows,
        )


def _note(fresh: Rebuild, done: Restored, now_ms: int) -> None:
    words = f"from the copy of {iso(done.at_ms)}"
    if done.lacking:
        words += "; lacking: " + "; ".join(done.lacking)
    note = events.Event(now_ms, "store.restored", None, "", iso(done.newest_ms), words[:2000])
    with schema.transaction(fresh.db):
        events.write(fresh.db, [note])
