"""The history `daily_data.db`: written by the poller alone, read by everybody (`HistoryReader`).

    history = History(home.history, settings.simulated, clock, settings.site.zone, site=settings.site.name,
                      raw_days=settings.store.raw_days, minute_days=settings.store.minute_days)
    history.replay(live.read(home.live))    at start: what a kill left in the journal
    history.add(scan.readings)              every round: costs microseconds, touches no file
    history.commit()                        every 30 s and at stop: one transaction, rollups included
    live_file.compact(clock.now_ms())       after a commit
    history.upkeep(clock.now_ms(), 0.05)    every round, in idle line time

Durable: WAL, synchronous FULL, one transaction a commit, inserts that do nothing when the row is there. A
failed commit keeps its rows and says why (`Full`, `Busy`, `Damaged`); the next one tries again.
"""

import contextlib
import itertools
import operator
import sqlite3
import uuid
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from pathlib import Path
from zoneinfo import ZoneInfo

from substation.clock import Clock
from substation.errors import StoreError, WrongStation
from substation.readings import Reading
from substation.store import absorb, before_migration, clock_spans, digest, door, events, pool, schema, upkeep
from substation.store.check import looking
from substation.store.live_row import LiveRow
from substation.store.pen import Pen
from substation.store.reader import HistoryReader, Series
from substation.store.rows import Row, to_row
from substation.store.salvage import replay as salvage_replay

__all__ = ["History", "HistoryReader", "Series"]

DEFAULT_ZONE = ZoneInfo("Asia/Kolkata")
MOST_BUFFERED = 50_000
"""Rows kept in memory while the medium fails: five hours of five meters at 2 s, about 100 MB."""
MOST_A_COMMIT = 20_000
"""Rows a transaction; only imports and a long replay come near it."""
BACKLOG_A_COMMIT = 500
"""The same of what has waited for a medium that failed: a round of polling waits for it."""
MOST_EVENTS = 5_000
"""Changes of state kept in memory while the medium fails."""
DIGESTS_AT_ONCE = 500


class History:
    """The writer of the history; there is one at a time, the poller."""

    def __init__(
        self,
        path: Path,
        simulated: bool,
        clock: Clock,
        zone: ZoneInfo = DEFAULT_ZONE,
        *,
        site: str = "",
        raw_days: int = 14,
        minute_days: int = 400,
    ) -> None:
        """Open the file, or make it.

        Args:
            path: `daily_data.db`.
            simulated: Stamped into a new file; another stamp raises WrongStation.
            clock: Measures budgets and stamps migrations.
            zone: The site's: hours and days begin where its clock and calendar begin them. A changed zone
                counts from now on; rows that exist keep their bounds.
            site: The site's name, kept in `meta`; empty leaves what is there.
            raw_days: Days for which every poll is kept.
            minute_days: Days for which minute rows are kept.

        Raises:
            Damaged: The file is empty, not ours, or a quick look finds damage (`check`).
            WrongStation: Simulated data would meet real data.
            Busy: Another process is writing it.
            StoreError: It cannot be opened, or a newer program wrote it.
        """
        self._path, self._clock, self._zone, self._simulated = path, clock, zone, simulated
        self._raw_days, self._minute_days = raw_days, minute_days
        self._buffer: deque[Row] = deque()
        self._events: list[events.Event] = []
        self._handed_over = 0
        self._pace = upkeep.Pace(clock)
        self._absorb_pace = upkeep.Pace(clock)
        self._clock_span: int | None = None
        self._watch = ""
        self._proposed: list[digest.Digest] = []
        self.given_up = 0
        self.lost_events = 0
        if path.exists():
            looking.prove(path, clock)
        else:
            self._make()
        self._db = door.open_to_write(path)
        self._inode = path.stat().st_ino
        try:
            door.prove_stamp(self._db, path, simulated)
            with door.explained(path):
                before_migration.prepare(self._db, path)
                schema.migrate(self._db, clock)
                self._pen = Pen(self._db, path, clock, zone)
                self._note_site(site)
                self._uid = schema.meta(self._db, "uid")
        except StoreError:
            self._db.close()
            raise

    @property
    def unplaced(self) -> int:
        """Readings given up because no millisecond was free; `given_up`: because memory held no more."""
        return self._pen.lost

    @property
    def pending(self) -> int:
        """Readings and events that wait for the next commit."""
        return len(self._buffer) + len(self._events)

    @property
    def pending_events(self) -> int:
        """Changes of state that wait; worth a commit in this round: the live file does not hold them."""
        return len(self._events)

    def add(self, readings: Iterable[Reading]) -> None:
        """Buffer readings for the next commit."""
        for reading in readings:
            if len(self._buffer) >= MOST_BUFFERED:
                self._buffer.popleft()
                self.given_up += 1
            self._buffer.append(to_row(reading))

    def event(
        self,
        kind: str,
        *,
        at_ms: int,
        meter_id: int | None = None,
        old: str = "",
        new: str = "",
        detail: str = "",
    ) -> None:
        """Note a change of state, stamped when it became true; written with the next commit."""
        if len(self._events) >= MOST_EVENTS + self._handed_over:
            del self._events[0]
            self.lost_events += 1
        self._events.append(events.Event(at_ms, kind, meter_id, old, new, detail))

    def commit(self, budget_s: float | None = None) -> int:
        """Write what is buffered in one transaction, rollups included; return how many rows were new.

        With `budget_s` a backlog is written in small ones and the rest left for the next call after that.

        A row that is there already is not written again. A different row of the same meter and millisecond,
        which only a clock that was set back can bring, moves on to the next free millisecond.
        """
        new = 0
        end_s = None if budget_s is None else self._clock.monotonic() + budget_s
        while self.pending:
            door.refuse_another(self._path, self._inode)
            most = MOST_A_COMMIT if end_s is None else BACKLOG_A_COMMIT
            batch = list(itertools.islice(self._buffer, most))
            with self._pen.transaction():
                new += self._pen.take(sorted(batch, key=operator.itemgetter(0)))
                self._pen.note(self._events)
                if self._clock_span is not None:
                    clock_spans.reach(self._db, self._clock_span, self._clock.now_ms())
            self._events.clear()
            self._handed_over = 0
            for _ in batch:
                self._buffer.popleft()
            if end_s is not None and self._clock.monotonic() >= end_s:
                break
        return new

    def replay(self, rows: Sequence[LiveRow], seen: absorb.Seen | None = None) -> int:
        """Take from the live file what the history has not; return how many rows were new.

        When the commit fails, all of them wait for the next one. Rows of a clock span that was corrected
        stand in the history already, under their true times; what a salvage has dealt with comes not again.
        Where single polls are gone already, what is counted comes not again either: `seen` remembers of which
        periods that is so, from piece to piece of one journal.
        """
        if any(row.simulated not in (None, self._simulated) for row in rows):
            raise WrongStation(f"the live file and {self._path} are not of the same station; move one away")
        moved = clock_spans.corrected(self._db)
        taken = [to_row(row.reading) for row in rows if clock_spans.span_of(row.reading.reason) not in moved]
        taken = salvage_replay.not_dealt_with(self._db, taken, self._zone)
        self._buffer.extend(absorb.not_counted(self._db, taken, {} if seen is None else seen))
        return self.commit()

    def begin_clock_span(self, boot: str, skew_ms: int) -> int:
        """Note that from now on nobody vouches for the clock (`clock_spans`); return the span's number."""
        with self._pen.transaction():
            self._clock_span = clock_spans.begin(self._db, boot, skew_ms, self._clock.now_ms())
        return self._clock_span

    def vouch_for_clock(self, boot: str, skew_ms: int) -> list[clock_spans.Span]:
        """Note that the clock is right now; return the spans of this start, with their offsets."""
        self._clock_span = None
        with self._pen.transaction():
            return clock_spans.vouch(self._db, boot, skew_ms)

    def correct_clock(self, span: clock_spans.Span, offset_ms: int) -> int:
        """Move a span's readings and events to their true times; return how many readings were moved."""
        with self._pen.transaction():
            return clock_spans.correct(
                self._db,
                span,
                offset_ms,
                zone=self._zone,
                now_ms=self._clock.now_ms(),
                account=self._pen.account,
                changed=self._pen.ledger.changed,
            )

    def newest_trusted_ms(self) -> int:
        """Return the time of the newest reading that no clock span marks, UTC ms; 0 without one."""
        with door.explained(self._path):
            return clock_spans.newest_trusted_ms(self._db)

    def clock_spans(self) -> list[clock_spans.Span]:
        """Return every span in which nobody vouched for the clock."""
        with door.explained(self._path):
            return clock_spans.spans(self._db)

    def absorb(self, path: Path, budget_s: float) -> bool:
        """Copy the readings and events of another history, in slices; True when all is taken.

        Called again and again, it goes on where it stopped, also after a restart; absorbing the same file
        twice changes nothing. Rows that both sides have count once. Returns soon after `budget_s`.

        Raises:
            WrongStation: Simulated data would meet real data.
            StoreError: The file is no history, or its own retention has taken readings already: what its
                rollups hold could not be told from what ours hold. `of_source` says whether the file is at
                fault, or our own store.
        """
        with absorb.source_at_fault():
            source = absorb.open_source(path, self._simulated)
        with contextlib.closing(source):
            self._absorb_pace.begin(budget_s)
            with door.explained(self._path):
                ours = absorb.import_zone(self._db)
            with absorb.source_at_fault(), door.explained(path):
                absorb.prove_zone(ours, absorb.import_zone(source), path)
            with self._pen.transaction():  # one a call: on a card a commit costs as much as a thousand rows
                return absorb.take(self._pen, source, path, self._absorb_pace, self._clock.now_ms())

    def upkeep(self, now_ms: int, budget_s: float) -> bool:
        """Delete what retention says, for about `budget_s`; True when nothing is left to do."""
        self._store_proposed()
        self._pace.begin(budget_s)
        with door.explained(self._path):
            return (
                all(
                    upkeep.trim(
                        self._db,
                        table,
                        mark,
                        upkeep.cut_ms(self._db, days, now_ms),
                        self._pace,
                        gone=self._pen.ledger.gone,
                    )
                    for table, mark, days in (
                        ("reading", schema.RAW_FROM, self._raw_days),
                        ("minute", schema.MINUTE_FROM, self._minute_days),
                    )
                )
                and not self._proposed
            )

    def watch(self) -> str:
        """Note from now on which days are written to; return the name of this watch, for `propose`."""
        self._pen.ledger.watch()
        self._watch, self._proposed = uuid.uuid4().hex, []
        return self._watch

    def is_watched(self, watch: str) -> bool:
        """Return whether this is the newest watch of this history."""
        return watch == self._watch

    def propose(self, watch: str, digests: Iterable[digest.Digest]) -> bool:
        """Take digests that a check has made since `watch`; `upkeep` stores them bit by bit.

        Those of days that were written to meanwhile are not taken. False when the watch is another one.
        """
        if watch != self._watch:
            return False
        self._proposed = list(digests)
        return True

    def _store_proposed(self) -> None:
        """Store some of the digests: a transaction of a few milliseconds."""
        some, self._proposed = self._proposed[:DIGESTS_AT_ONCE], self._proposed[DIGESTS_AT_ONCE:]
        if some:
            with self._pen.transaction():
                self._pen.ledger.take(some, self._clock.now_ms())

    def facts(self) -> dict[str, str]:
        """Return what the history says of itself: `uid`, `simulated`, `zone` ..."""
        with door.explained(self._path):
            return dict(self._db.execute("SELECT key, value FROM meta").fetchall())

    def abandon(self) -> tuple[list[Row], list[events.Event]]:
        """Close a damaged history, file and log left as they are; return what was not committed."""
        # whoever closes last brings the log into the database: a reader, who may write nothing, is that one
        beside = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)
        with contextlib.closing(beside):
            with contextlib.suppress(sqlite3.Error):
                beside.execute("SELECT 1 FROM sqlite_master").fetchone()
            self._db.close()
        return list(self._buffer), self._events

    def details_of(self, family: str, limit: int) -> list[str]:
        """Return the details of the newest events whose kind begins so, also of those that wait."""
        with door.explained(self._path):
            found = events.details_of(self._db, family, limit)
        return [*(one.detail for one in self._events if one.kind.startswith(family)), *found]

    def take_over(self, rows: Iterable[Row], noted: Iterable[events.Event]) -> None:
        """Buffer what an abandoned history had not committed; not the events that stand in this one."""
        self._buffer.extend(rows)
        with door.explained(self._path):
            fresh = absorb.not_noted(self._db, (astuple(event) for event in noted))
            self._events.extend(events.Event(*event) for event in fresh)
            self._handed_over = len(self._events)

    def room_within(self) -> int:
        """Return how many bytes the file can take before it has to grow."""
        with door.explained(self._path):
            return upkeep.room_within(self._db)

    def give_up_oldest(self, now_ms: int, budget_s: float) -> tuple[int, int, bool] | None:
        """Delete a slice of the oldest day of single polls, where there is no room for new ones.

        Returns where it begins and ends, UTC ms, and whether all of it is gone; None when only the day under
        way is left. No other row is touched.
        """
        with door.explained(self._path):
            day = upkeep.oldest_day(self._db, now_ms)
            if day is None:
                return None
            self._pace.begin(budget_s)
            return *day, upkeep.trim(
                self._db, "reading", schema.RAW_FROM, day[1], self._pace, gone=self._pen.ledger.gone
            )

    def reopen(self) -> None:
        """Open the file anew: the medium failed, and what comes back may be a mount of its own.

        What is buffered stays. Raises StoreError, also when another history stands there now.
        """
        with contextlib.suppress(sqlite3.Error):
            self._db.close()
        pool.forget(self._path)
        self._db = door.open_to_write(self._path)
        with door.explained(self._path):
            self._inode = self._path.stat().st_ino
            uid = schema.meta(self._db, "uid")
            pen = Pen(self._db, self._path, self._clock, self._zone)
            pen.lost, self._pen, self._watch = self._pen.lost, pen, ""
        if uid != self._uid:
            self._db.close()
            raise StoreError(
                f"{self._path} is not the history that stood there before. Bring that back, or restart the "
                f"poller to go on with this one"
            )

    def close(self) -> None:
        """Commit and close."""
        try:
            self.commit()
        finally:
            self._db.close()

    def _make(self) -> None:
        """Make the file, where none stands and no log of a lost one either."""
        door.refuse_lone_log(self._path)
        facts = {
            "simulated": "yes" if self._simulated else "no",
            "uid": uuid.uuid4().hex,
            "made_ms": str(self._clock.now_ms()),
        }
        door.make(self._path, self._clock, facts)

    def _note_site(self, site: str) -> None:
        for name, value in (("site", site), ("zone", self._zone.key)):
            old = schema.meta(self._db, name)
            if not value or value == old:
                continue
            with self._pen.transaction():
                self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))
                if old is not None:
                    change = events.Event(self._clock.now_ms(), f"site.{name}", None, old, value)
                    self._pen.note([change])
