"""Takes a copy: what is new since the last one, and nothing twice.

1. The folder must be there: a stick that is not mounted leaves an empty folder on the card, or none. No
   other machine may have copied there meanwhile (`writer`).
2. What an aborted copy left is swept away; what the newest index names stays as it is.
3. A long way to go (the first copy; after weeks without the medium) is gone day by day, each in a short look
   at the history, the index written every minute: whoever pulls the stick out loses a minute's work.
4. The rest, usually today and yesterday, is copied in one look, so that readings, minutes and days on the
   medium fit each other. Then the files beside the history, the audit log last.
5. The index names them: from here on they count. A part is proved (`proving`), the index remembers that.
6. Files that were replaced go, unless the proof has failed.
"""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from substation.clock import Clock
from substation.errors import Busy, Damaged, Full, StoreError, WrongStation
from substation.settings.model import Home, Settings
from substation.store import disk
from substation.store.copies import (
    beside,
    dayfile,
    fuller,
    layout,
    proving,
    recover,
    report,
    room,
    stations,
    writer,
)
from substation.store.copies import index as index_file
from substation.store.copies.dayfile import Count, Packer
from substation.store.copies.index import Entry, Index
from substation.store.copies.medium import PART, Medium, explained
from substation.store.copies.source import About, Source, State
from substation.store.copies.taken import Taken

Tick = Callable[[str], None]
MOST_AT_ONCE = 12
"""Files in one look at the history; today and yesterday are six."""
PUBLISH_S = 60.0
NO_FOLDER = (
    "No folder for copies is set. Set one on a second medium: python3 encrypt_config.py set backup.folder "
    "/media/stick, or name one: python3 datalogger.py backup --to FOLDER"
)


def quiet(_: str) -> None:
    """Say nothing of how far it is."""


def take(
    home: Home,
    settings: Settings,
    clock: Clock,
    tick: Tick = quiet,
    *,
    folder: Path | None = None,
    take_over: bool = False,
) -> Taken:
    """Copy what is new to `folder` (default: `backup.folder`), prove a part, and note what came of it.

    The note, `state/backup.json`, is of the folder that is set; a copy to another one leaves it alone.
    With `take_over` another machine that copied there meanwhile is no reason to refuse.

    Raises:
        Busy: Another copy of this station is under way.
        WrongStation: The history is of the other kind.
        StoreError: Nothing could be copied: no medium, no history, no room, another machine copies there.
    """
    named = str(folder) if folder else settings.backup.folder
    if named is None:
        raise StoreError(NO_FOLDER)
    target = home.folder / named
    noted = named == settings.backup.folder
    before = report.read(home.copied)
    seen = writer.remembered(before)
    with alone(home):
        try:
            is_other = _other_medium(target, home, before if before.get("folder") == named else {})
            with contextlib.closing(Source(home.history)) as source:
                copy = _Copy(home, settings, clock, tick, source, target)
                copy.begin(seen, take_over=take_over)
                taken = copy.run()
        except StoreError as exc:
            if noted:
                _note_failure(home, {**before, "seen": seen}, str(exc), named, clock.now_ms())
            raise
        if not is_other:
            taken.notes.append(
                "the copies lie on the same medium as the history: a card that breaks takes both with it"
            )
        if noted:
            report.write(home.copied, {**taken.reported(named, is_other=is_other), "seen": seen})
    return taken


@contextlib.contextmanager
def alone(home: Home) -> Iterator[None]:
    """Hold the one right to copy this station; nothing is written for it. Raises Busy."""
    handle = -1
    try:
        home.state.mkdir(parents=True, exist_ok=True)
        handle = os.open(home.state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise Busy("another copy of this station is under way; wait for its end") from None
    except OSError as exc:
        raise StoreError(f"{home.state} cannot be used: {exc.strerror}") from exc
    try:
        yield
    finally:
        os.close(handle)


class _Copy:
    """One run."""

    def __init__(  # noqa: PLR0917 - what a run needs
        self, home: Home, settings: Settings, clock: Clock, tick: Tick, source: Source, target: Path
    ) -> None:
        self._home, self._settings, self._clock, self._tick = home, settings, clock, tick
        self._source, self._target = source, target
        with source.hold():
            self._about = source.about()
        _prove_kind(self._about, settings, home)
        self._medium, self._index = _opened(target, self._about, clock, tick)
        self._taken = Taken(target, self._about.uid, clock.now_ms())
        self._seen: dict[str, str] = {}

    def begin(self, seen: dict[str, str], *, take_over: bool) -> None:
        """Make this machine the writer; raise StoreError when another one copied since `seen`.

        The mark of the copy goes into `seen` as soon as an index has it.
        """
        about, index = self._about, self._index
        mine = writer.this(about.uid, self._clock.now_ms())
        if not take_over:
            mark = seen.get(str(index.begun_ms))
            writer.refuse_another(self._medium.folder, about.site, about.zone, index.writer, mine, mark)
        index.writer, self._seen = mine, seen

    def run(self) -> Taken:
        """Copy, prove, sweep."""
        self._sweep()
        self._go_the_long_way()
        self._last_look()
        number = self._index.number + 1
        for words in room.with_room(
            self._medium,
            self._index,
            lambda: list(beside.take(self._medium, self._index, self._home, number)),
        ):
            self._taken.problems.append(words)
        self._publish()
        self._prove()
        taken, index = self._taken, self._index
        if full := room.words(index):
            taken.notes.append(full)
        taken.fuller = fuller.days(self._source, index)
        if taken.fuller:
            taken.notes.append(fuller.words(taken.fuller))
        taken.newest_ms, taken.days, taken.bytes = index.newest_ms, index.days, index.bytes
        taken.whole_ms = index.proved_ms
        return taken

    def _go_the_long_way(self) -> None:
        """Copy day by day, newest first, until what is left fits into one look."""
        with self._source.hold():
            states = self._source.states()
        stale = self._stale(states)
        if len(stale) <= MOST_AT_ONCE:
            return
        published = self._clock.monotonic()
        for group, day in stale:
            with self._source.hold():
                self._copy_day(group, day, states[group, day])
            if self._clock.monotonic() - published > PUBLISH_S:
                self._publish()
                published = self._clock.monotonic()

    def _last_look(self) -> None:
        """Copy the rest as the history is in one moment."""
        with self._source.hold():
            about, states = self._source.about(), self._source.states()
            self._about = about
            for group, day in self._stale(states):
                self._copy_day(group, day, states[group, day])
            index = self._index
            index.at_ms, index.newest_ms, index.facts = self._clock.now_ms(), about.newest_ms, about.facts
            index.site, index.zone = about.site, about.zone

    def _stale(self, states: State) -> list[tuple[str, int]]:
        """Return what is to be copied: the small first, of each group the newest day first."""
        found = []
        for (group, day), state in states.items():
            entry = self._index.entries.get((group, day))
            begins_ms, from_ms = day * layout.DAY_MS, self._about.from_ms[group]
            if day < self._index.dropped.get(group, 0) or begins_ms + layout.DAY_MS <= from_ms:
                continue
            if entry is None or entry.damage or (entry.state != state and begins_ms >= from_ms):
                found.append((group, day))
        order = ("events", "periods", "minutes", "readings")
        return sorted(found, key=lambda at: (order.index(at[0]), -at[1]))

    def _copy_day(self, group: str, day: int, state: str) -> None:
        """Copy a day's file; what cannot be read stays as it was copied before, and is named."""
        where = f"{group} of {layout.date_of(day)}"
        if day < self._index.dropped.get(group, 0):
            return
        if not room.may_come(self._index, group):
            room.note(self._index, group, day)
            return
        try:
            if (group, day) not in self._index.entries and not self._source.has_rows(group, day):
                return
            self._tick(where)
            before = self._index.entries.get((group, day))
            entry = room.with_room(
                self._medium, self._index, partial(self._write, group, day, state), group, day
            )
            if before and self._is_salvaged(before, entry):
                entry = replace(before, state=state)  # the fuller one stays; the other file is swept away
            self._index.entries[group, day] = entry
            if before and not before.damage:
                self._keep_earlier(before, entry)
        except Full:
            if group not in room.GOING:
                raise
            room.note(self._index, group, day)
        except Damaged as exc:
            self._taken.problems.append(f"{where} not copied, an earlier copy stays: {exc}")

    def _is_salvaged(self, before: Entry, entry: Entry) -> bool:
        """Return whether the station has less of a finished day than before, and knows that it was lost."""
        return (
            [entry.day] in self._about.facts["lost"]
            and (entry.day + 1) * layout.DAY_MS <= self._about.newest_ms
            and not before.damage
            and before.rows > entry.rows
        )

    def _keep_earlier(self, before: Entry, entry: Entry) -> None:
        """Keep a file that may be the better one: damage took rows at the station, or a clock was set."""
        words = ""
        if before.rows > entry.rows:
            words = f"the station has {entry.rows} rows now, the copy had {before.rows}"
        elif self._is_doubtful(before, entry):
            words = "as many rows as were copied before, but other ones, and no digest vouches for them yet"
        if words:
            self._index.earlier.append(before)
            where = f"{entry.group} of {layout.date_of(entry.day)}"
            self._taken.notes.append(f"{where}: {words}; its file is kept: {before.file}")

    def _is_doubtful(self, before: Entry, entry: Entry) -> bool:
        """Return whether rows of a finished day changed, none came, and there is no digest to prove them."""
        return (
            (entry.day + 1) * layout.DAY_MS <= self._about.newest_ms
            and bool(before.tables)
            and before.tables != entry.tables
            and before.rows == entry.rows
            and all(entry.polls.get(table, 0) <= polls for table, polls in before.polls.items())
            and not self._source.digests(entry.group, entry.day)
        )

    def _prove_source(self, group: str, day: int, found: Mapping[str, Count]) -> None:
        """Raise Damaged when a day that was copied before is not any more what it adds up to."""
        before = self._index.entries.get((group, day))
        if before is None or before.damage:
            return  # a damaged day is better than none
        for table, count in self._source.digests(group, day).items():
            if found[table] != count:
                raise Damaged(
                    f"{self._source.path}: its table {table} has other rows than its digest says. "
                    "See python3 datalogger.py check"
                )

    def _write(self, group: str, day: int, state: str) -> Entry:
        packer = Packer(dayfile.head(self._index.about(), group, day))
        name = layout.day_name(group, day, self._index.number + 1)
        tables = {table: self._source.rows(table, day) for table in layout.GROUPS[group]}
        written = self._medium.write(name, packer.chunks(tables))
        self._prove_source(group, day, packer.counts)  # else the file is swept away: no index names it
        self._taken.files += 1
        self._taken.written += written.bytes
        whole = day * layout.DAY_MS >= self._about.from_ms[group]
        return Entry(
            group=group,
            day=day,
            file=name,
            bytes=written.bytes,
            sha256=written.sha256,
            state=state,
            tables=packer.counts,
            polls=packer.polls,
            whole=whole,
            copied_ms=self._clock.now_ms(),
        )

    def _publish(self) -> None:
        room.with_room(self._medium, self._index, lambda: index_file.publish(self._medium, self._index))
        writer.remember(self._seen, self._index.begun_ms, self._index.writer)

    def _prove(self) -> None:
        """Prove a part; a failed proof leaves what was replaced where it is."""
        self._tick("proving")
        every_ms = self._settings.backup.every_minutes * 60_000
        self._taken.proof = proving.prove_some(self._medium, self._index, self._source, self._clock, every_ms)
        self._publish()
        if self._taken.proof.ok:
            self._sweep()

    def _sweep(self) -> None:
        """Remove what no index names: replaced files, and what an aborted copy has left."""
        named = self._index.files()
        for name in self._medium.names():
            ours = layout.FILE.fullmatch(name.removesuffix(PART))
            if ours and name not in named and not layout.INDEX.fullmatch(name):
                self._medium.remove(name)


def _opened(target: Path, about: About, clock: Clock, tick: Tick) -> tuple[Medium, Index]:
    """Return the station's folder and index; where there are none, new ones."""
    fresh = Index(about.uid, about.site, about.simulated, about.zone, begun_ms=clock.now_ms())
    station = stations.find(target, about.uid)
    if station is None:
        return stations.begin(target, fresh, clock.now_ms()).medium, fresh
    if station.simulated != about.simulated:
        raise WrongStation(f"{station.medium.folder} is of another kind of station; nothing was copied")
    try:
        return station.medium, index_file.load(station.medium) or fresh
    except Damaged:
        tick("no index can be read: looking at every file")
        return station.medium, recover.from_files(station.medium, fresh)


def _prove_kind(about: About, settings: Settings, home: Home) -> None:
    if not about.uid:
        raise StoreError(f"{home.history} does not say which one it is; nothing was copied")
    if about.simulated != settings.simulated:
        raise WrongStation(f"{home.history} is not of this kind of station; nothing was copied")


def _other_medium(target: Path, home: Home, before: dict[str, Any]) -> bool:
    """Make sure that the folder is there; return whether it lies on another disk than the station.

    Raises StoreError when it is not there, and when it was on another disk at the last copy and is not now:
    then it is the empty place in which the medium should be mounted.
    """
    with explained(target):
        if target.exists() and not target.is_dir():
            raise StoreError(f"{target} is a file; name a folder on the second medium")
        if not target.is_dir():
            if not target.parent.is_dir() or disk.is_same(target.parent, home.folder):
                raise StoreError(
                    f"{target} is not there: is the second medium plugged in and mounted? A folder for "
                    f"copies is made once by hand: mkdir {target}"
                )
            target.mkdir()
    is_other = not disk.is_same(target, home.folder)
    if before.get("other_medium") is True and not is_other:
        raise StoreError(
            f"{target} lies on the station's own medium now: the one that held the copies is not mounted "
            "there. Plug it in; nothing was written"
        )
    return is_other


def _note_failure(home: Home, before: dict[str, Any], words: str, folder: str, now_ms: int) -> None:
    """Keep what the last good copy said, and why there is no newer one."""
    kept = before if before.get("folder") == folder else {}
    found = {"uid": "", "newest_ms": 0, "days": 0, "bytes": 0, **kept, "seen": writer.remembered(before)}
    found |= {"at_ms": now_ms, "ok": False, "words": words, "folder": folder}
    with contextlib.suppress(StoreError):
        report.write(home.copied, found)
