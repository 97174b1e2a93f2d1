"""The long work of an import: the original's rows into a file of ours, and that file into the history.

The history has one writer. Where a poller runs, the file is laid into its inbox and this only watches; where
none runs, this is the writer for so long, under the poller's lock.
"""

import contextlib
import itertools
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from substation.bus.lock import PollerLock
from substation.clock import Clock, iso
from substation.commands.import_progress import Progress
from substation.errors import Busy, Full, StoreError, SubstationError
from substation.quantities import Ratings
from substation.settings.files import Loaded
from substation.store import absorb, door, heartbeat
from substation.store.events import Event
from substation.store.keeper import Keeper
from substation.store.original import recognise
from substation.store.original_judge import Judge, Tally
from substation.store.original_rows import CHUNK, Source
from substation.store.original_staging import Counts, Staging, history_bytes
from substation.store.rows import Row

EVENT = "import"
"""Kind of the event that says of a time that its readings were imported: `old` to `new`, UTC."""
RESERVE_BYTES = 100_000_000
"""Room that an import leaves to the station."""
SLICE_S, UPKEEP_S = 3.0, 1.0
LOOK_S = 0.5
"""How often we look how far the poller has come."""


@dataclass(slots=True)
class FileResult:
    """What one file brought."""

    path: Path
    words: str
    tally: Tally
    counts: Counts


@dataclass(slots=True)
class Result:
    """What an import brought."""

    files: list[FileResult] = field(default_factory=list)
    offered: int = 0
    """Different readings of all files together."""
    taken: int | None = None
    """How many of them were new to the history; None: a trial run."""


def pending(loaded: Loaded) -> list[Path]:
    """Return imports that were made ready before and are not taken in yet."""
    return sorted(loaded.home.state.glob("inbox/import_*.db"))


def prove_zone(loaded: Loaded, zone: ZoneInfo) -> None:
    """Raise StoreError when an earlier import read the original's times in another zone."""
    for path in (loaded.home.history, *pending(loaded)):
        if path.exists() and recognise(path) is None:
            with _reading(path) as db, door.explained(path):
                before = absorb.import_zone(db)
            absorb.prove_zone(before, zone.key, Path("This import"))


def prove_room(loaded: Loaded, sources: Sequence[Source]) -> None:
    """Raise Full when the medium has not room for what these files may bring."""
    rows = sum(source.estimated_rows for source in sources)
    needed = history_bytes(rows, len(loaded.settings.meters)) + RESERVE_BYTES
    for folder in {loaded.home.history.parent, loaded.home.state}:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
        if free < needed:
            raise Full(
                f"{folder}: {free / 1e6:.0f} MB are free, {rows} readings need about {needed / 1e6:.0f} MB. "
                f"Free some space on the medium; nothing was changed"
            )


def read(
    loaded: Loaded, sources: Sequence[Source], zone: ZoneInfo, clock: Clock, show: Progress, *, keep: bool
) -> tuple[Result, Path | None]:
    """Read the sources, and with `keep` make of them a file in the inbox; return what was found, and it.

    Whatever goes wrong on the way leaves nothing behind but the sources as they were.
    """
    inbox = loaded.home.state / "inbox"
    staging: Staging | None = None
    result = Result()
    try:
        if keep:
            inbox.mkdir(mode=0o700, parents=True, exist_ok=True)
            for rest in inbox.glob("import_*.db.part*"):
                rest.unlink()  # of an import that was killed
            staging = Staging(inbox / f"import_{clock.now_ms()}.db", zone, clock)
        notes = []
        for source in sources:
            found = _read_one(loaded, source, Judge(_ratings(loaded), zone, clock.now_ms()), staging, show)
            result.files.append(found)
            notes += _notes(found, zone)
        if staging is None:
            return result, None
        result.offered = staging.counts.new
        if not result.offered:
            staging.discard()
            return result, None
        return result, staging.finish(notes)
    except BaseException:
        if staging is not None:
            staging.discard()
        raise


def _ratings(loaded: Loaded) -> dict[int, Ratings]:
    return {meter.id: loaded.settings.ratings(meter) for meter in loaded.settings.meters}


def _read_one(
    loaded: Loaded, source: Source, judge: Judge, staging: Staging | None, show: Progress
) -> FileResult:
    result = FileResult(source.path, source.words, judge.tally, Counts())
    show.begin(f"reading {source.path.name}")
    rows = _judged(source, judge)
    while chunk := list(itertools.islice(rows, CHUNK)):
        if staging is not None:
            result.counts.add(staging.take(chunk))
        show.step(judge.tally.found, source.done)
    show.end(judge.tally.found)
    return result


def _judged(source: Source, judge: Judge) -> Iterator[Row]:
    for raw in source.rows():
        row = judge.row(raw, source.keys)
        if row is not None:
            yield row


def _notes(found: FileResult, zone: ZoneInfo) -> list[Event]:
    """Return the event that marks the time of these readings as imported."""
    spans = [meter for meter in found.tally.meters.values() if meter.first_ms is not None]
    if not spans:
        return []
    first = min(meter.first_ms or 0 for meter in spans)
    last = max(meter.last_ms or 0 for meter in spans)
    gaps = sorted(gap for meter in spans if (gap := meter.usual_gap_s) is not None)
    pace = f", usually one every {gaps[len(gaps) // 2]} s" if gaps else ""
    detail = (
        f"{found.path.name} of the original system: {found.tally.readable} readings of {len(spans)} meters"
        f"{pace}; local times read as {zone.key}; values below zero had been made 0"
    )
    return [Event(first, EVENT, None, iso(first), iso(last), detail)]


def take_in(loaded: Loaded, path: Path, clock: Clock, show: Progress) -> int:
    """Wait until a file of the inbox is in the history, doing it where no poller does; return what was new.

    Broken off at any moment, it stays in the inbox, and the poller or the next import goes on.

    Raises:
        StoreError: it was refused, or the poller cannot go on, in words.
    """
    show.begin("taking over")
    with _reading(path) as source:
        uid = absorb.uid(source)
        (rows,) = source.execute("SELECT count(*) FROM reading").fetchone()
        place = _Place(source, rows, uid)
        lock = PollerLock(loaded.home.poller_lock)
        while path.exists():
            try:
                lock.take()
            except Busy:
                _show_poller(loaded, place, show)
                clock.sleep(LOOK_S)
                continue
            try:
                _write(loaded, path, clock, place, show)
            finally:
                lock.release()
    if path.with_suffix(".refused").exists():
        raise StoreError(
            f"{path.with_suffix('.refused')} was refused; the reason stands in {loaded.home.poller_log}. "
            f"The original's files are as they were"
        )
    show.end(rows)
    with _reading(loaded.home.history) as db, door.explained(loaded.home.history):
        return absorb.taken(db, uid) or 0


def _write(loaded: Loaded, path: Path, clock: Clock, place: "_Place", show: Progress) -> None:
    """Be the writer until the file is taken; old rows go as they come, so the history stays small."""
    keeper = Keeper(loaded.home, loaded.settings, clock)
    keeper.open()
    try:
        while path.exists():
            keeper.absorb(SLICE_S)
            keeper.upkeep(UPKEEP_S)
            place.look(loaded.home.history)
            show.step(place.rows_done, place.share)
    finally:
        keeper.close()


def _show_poller(loaded: Loaded, place: "_Place", show: Progress) -> None:
    place.look(loaded.home.history)
    show.step(place.rows_done, place.share, by="by the running poller, in its idle time")
    beat = heartbeat.read(loaded.home.heartbeat) or {}
    troubles = [words for words in beat.get("problems", []) if str(loaded.home.history) in words]
    if troubles and place.stands:
        raise StoreError(
            f"the poller cannot take it over: {troubles[0]}. What is ready waits in {loaded.home.state}/inbox"
        )


class _Place:
    """How far a file of the inbox was taken, in rows."""

    def __init__(self, source: sqlite3.Connection, rows: int, uid: str) -> None:
        self._source, self._rows, self._name = source, rows, absorb.progress_name(uid)
        self._key = -1
        self.rows_done = 0
        self.stands = False
        """Whether nothing was taken since the last look."""

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.rows_done / self._rows if self._rows else 1.0

    def look(self, history: Path) -> None:
        """Look again; a history that cannot be read just now changes nothing."""
        try:
            with _reading(history) as db:
                key = absorb.progress(db, self._name)
        except (SubstationError, sqlite3.Error):
            self.stands = True
            return
        self.stands = key <= self._key
        if key > self._key:
            count = "SELECT count(*) FROM reading WHERE key > ? AND key <= ?"
            self.rows_done += self._source.execute(count, (self._key, key)).fetchone()[0]
            self._key = key


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    db, _ = door.open_to_read(path)
    with contextlib.closing(db):
        yield db
