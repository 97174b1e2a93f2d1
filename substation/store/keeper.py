"""The poller's two stores together: what each round goes into, and what is done for them between rounds.

Either may be missing for a time (no space, damaged, not there): the other goes on, and the missing one is
tried again.
"""

import contextlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from substation.clock import Clock
from substation.errors import Damaged, StoreError
from substation.settings.model import Home, Settings
from substation.store import absorb, before_migration, clock_spans, digest, journal, quarantine, vanished
from substation.store.endurance import Endurance
from substation.store.events import Event
from substation.store.given_up import GivenUp
from substation.store.history import History
from substation.store.left_events import LeftEvents
from substation.store.live import LiveRow
from substation.store.live_room import TOLD_S, LiveRoom
from substation.store.rows import Row
from substation.store.salvage import report as salvage_report

FIRST_REPLAY_S, REPLAY_S = 20.0, 2.0
"""So long the live file is read when the history is opened, and then between two rounds: it may be long."""

log = logging.getLogger("poller")


class Keeper:
    """Live file and history of one station. Every method may raise StoreError."""

    def __init__(self, home: Home, settings: Settings, clock: Clock) -> None:
        self._home, self._settings, self._clock = home, settings, clock
        self.endurance = Endurance(home, clock, settings.site.zone, simulated=settings.simulated, events=self)
        self._live = self.endurance.live
        self._history: History | None = None
        self._has_journal = True
        """Whether the live file may hold what the history has not; it is not cut then."""
        self._clock_span: int | None = None
        self._left_span: tuple[int, int, int] | None = None
        """The span that ended last; when it began and ended by its own clock, UTC ms."""
        self.waits_for_migration = False
        """Whether the history is too large to be brought to our form here: `migration_duty` has it done."""
        self._live_room = LiveRoom(home, clock, self._live, self)
        self._given_up = GivenUp(clock, self)
        self._pieces: Iterator[list[LiveRow]] | None = None
        """The rest of a journal that is being taken over."""
        self._seen: absorb.Seen = {}
        self._rescued = 0
        self._vanished, self._vanished_s = "", 0.0
        """What is said of a history that was remembered, and gone; since when."""
        self._left_rows: list[Row] = []
        self._left_events = LeftEvents(home.left_events, simulated=settings.simulated)
        """What came while a damaged history is salvaged; the live file, our journal, holds no events."""

    def open(self) -> None:
        """Open what is not open, the live file first; take over what a kill kept from the database.

        Raises WrongStation when a store is of the other kind (simulated, real).
        """
        self.endurance.refuse_if_gone()
        with self.endurance.surviving_live():
            self._live.open()
        if self._has_journal and quarantine.waiting(self._home.history) is None:
            try:
                if self._history is None:
                    self._history = self._opened()
                    self._replay(self._history, FIRST_REPLAY_S)
                elif (
                    not self.endurance.medium.failing and not self.behind
                ):  # else what was read waits already
                    self._replay(self._history, REPLAY_S)
            except Damaged as exc:
                if not quarantine.was_ours(
                    self._home.history, salvage_report.identity(self._home).get("uid")
                ):
                    raise
                self.set_aside(str(exc))

    def _replay(self, history: History, budget_s: float) -> None:
        """Take over the journal, or as much of it as the budget allows; begin anew after any trouble."""
        end_s = self._clock.monotonic() + budget_s
        pieces, self._pieces = self._pieces, None
        if pieces is None:
            pieces, self._seen, self._rescued = self._live.journal(), {}, 0
        for piece in pieces:
            self._rescued += history.replay(piece, self._seen)
            if self._clock.monotonic() >= end_s:
                self._pieces = pieces
                return
        self._has_journal = False
        if self._rescued:
            log.info("%d readings taken over from the live file", self._rescued)
        self.endurance.recovered(self._rescued)

    @property
    def is_replaying(self) -> bool:
        """Whether `open` has more of the live file to take over, and is to be called again soon."""
        return self._pieces is not None

    def _opened(self) -> History:
        with before_migration.alone(self._home.history, self._home.state / before_migration.LOCK):
            return self._opened_alone()

    def _opened_alone(self) -> History:
        settings = self._settings
        self.waits_for_migration = before_migration.is_slow(self._home.history)
        if self.waits_for_migration:
            raise StoreError(before_migration.waiting_words(self._home.history))
        words = journal.damage(self._home.history)
        if words is not None:
            raise Damaged(f"{self._home.history} is damaged: {words}")
        gone = vanished.words(self._home, simulated=settings.simulated)
        history = History(
            self._home.history,
            settings.simulated,
            self._clock,
            settings.site.zone,
            site=settings.site.name,
            raw_days=settings.store.raw_days,
            minute_days=settings.store.minute_days,
        )
        if gone:
            log.error("%s", gone)
            self._leave(Event(self._clock.now_ms(), "store.new", None, "", "", gone))
            self._vanished, self._vanished_s = f"{gone}. {vanished.REMEDY}", self._clock.monotonic()
        history.take_over(self._left_rows, self._left_events.events)
        self._left_rows.clear()
        with contextlib.suppress(OSError):  # only a help, should the file itself be destroyed one day
            salvage_report.remember(self._home, history.facts())
        return history

    def set_aside(self, words: str) -> Path:
        """Close a damaged history and move it out of the way; return its new name.

        Until its salvage has put another in its place the live file alone keeps the readings. `words` say
        what is wrong with it.
        """
        committed_ms = 0
        if self._history is not None:
            rows, noted = self._history.abandon()
            committed_ms = min(row[0] >> 8 for row in rows) - 1 if rows else 0
            self._history, self._has_journal, self._pieces = None, True, None
            self._left_rows.extend(rows)
            for event in noted:
                self._leave(event)
        path = self._home.history
        aside = quarantine.set_aside(path, self._clock)
        log.error(
            "%s is damaged and set aside as %s; what is whole in it is salvaged beside the polling: %s",
            path.name,
            aside.name,
            words,
        )
        found = salvage_report.of_damage(self._home, aside.name, self._clock.now_ms(), words)
        found.committed_ms = committed_ms
        with contextlib.suppress(OSError):  # the names in the folder say enough
            salvage_report.write(self._home, found)
        return aside

    def watch(self) -> str | None:
        """Note from now on which days are written to (`History.watch`); None without a history."""
        return self._history.watch() if self._history else None

    def is_watched(self, watch: str) -> bool:
        """Return whether the history is still the one, and the watch the newest."""
        return self._history is not None and self._history.is_watched(watch)

    def propose(self, watch: str, digests: Iterable[digest.Digest]) -> None:
        """Take the digests of a check (`History.propose`)."""
        if self._history is not None:
            self._history.propose(watch, digests)

    @property
    def is_time_trusted(self) -> bool:
        """Whether somebody vouches for the clock."""
        return self._clock_span is None

    @contextlib.contextmanager
    def _minding_damage(self) -> Iterator[None]:
        """Set the history aside when it proves damaged in the middle of our work."""
        try:
            yield
        except Damaged as exc:
            if exc.of_source or self._history is None:
                raise
            self.set_aside(str(exc))

    def keep_live(self, rows: Sequence[LiveRow]) -> None:
        """Append one round to the live file, in one write."""
        if rows:
            self.endurance.keep_live(rows, self._history)

    def keep_history(self, rows: Sequence[LiveRow]) -> None:
        """Hand one round to the database's buffer."""
        if self._history and rows:
            self._history.add([row.reading for row in rows])

    def event(
        self,
        kind: str,
        *,
        at_ms: int | None = None,
        meter_id: int | None = None,
        old: str = "",
        new: str = "",
        detail: str = "",
    ) -> None:
        """Note a change of state, by default as of now."""
        at_ms = self._clock.now_ms() if at_ms is None else at_ms
        span = self._span_at(at_ms)
        if span is not None:
            detail = f"{detail} (clock {span})".strip()
        if self._history:
            self._history.event(kind, at_ms=at_ms, meter_id=meter_id, old=old, new=new, detail=detail)
        else:
            self._leave(Event(at_ms, kind, meter_id, old, new, detail))

    def details_of(self, family: str, limit: int) -> list[str] | None:
        """Return the details of the newest events whose kind begins so; None without a history."""
        return self._history.details_of(family, limit) if self._history else None

    def _leave(self, event: Event) -> None:
        self._left_events.note(event, is_there=self.endurance.is_there)

    def _span_at(self, at_ms: int) -> int | None:
        """Return the clock span in which an event was stamped, also one that is told only afterwards."""
        if self._clock_span is not None:
            return self._clock_span
        if self._left_span is not None:
            span, begin_ms, end_ms = self._left_span
            return span if begin_ms <= at_ms <= end_ms else None
        return None

    def begin_clock_span(self, boot: str, skew_ms: int) -> int | None:
        """Note that nobody vouches for the clock; None while there is no database to note it in."""
        if self._history:
            self._clock_span = self._history.begin_clock_span(boot, skew_ms)
        return self._clock_span

    def vouch_for_clock(self, boot: str, skew_ms: int) -> list[clock_spans.Span]:
        """Note that somebody does now; return the spans of this start with their offsets."""
        left, self._clock_span = self._clock_span, None
        found = self._history.vouch_for_clock(boot, skew_ms) if self._history else []
        for span in found:
            if span.id == left and (span.offset_ms or 0) > 0:  # else its times could be true ones
                end_ms = self._clock.now_ms() - (span.offset_ms or 0)
                self._left_span = span.id, span.begin_ms, end_ms
        return found

    def newest_trusted_ms(self) -> int:
        """Return the time of the newest reading that somebody vouched for, UTC ms; 0 without one."""
        return self._history.newest_trusted_ms() if self._history else 0

    @property
    def advice(self) -> list[str]:
        """What is wrong with the stores beyond a failed write, in words for the state line."""
        words = [*self.endurance.advice, *self._live_room.advice]
        if self._vanished and self._clock.monotonic() - self._vanished_s < TOLD_S:
            words.append(self._vanished)
        return words

    @property
    def medium_beat(self) -> dict[str, Any]:
        """The heartbeat's part on the medium: see `Endurance.beat`."""
        return self.endurance.beat(self._history)

    @property
    def has_history(self) -> bool:
        """Whether there is a database to write into."""
        return self._history is not None

    @property
    def urgent(self) -> bool:
        """Whether a change of state waits for a commit: the live file, our journal, does not hold it."""
        return self._history is not None and self._history.pending_events > 0

    @property
    def behind(self) -> bool:
        """Whether more waits than a round brings: a medium that failed is back."""
        return self.endurance.behind(self._history)

    def commit(self, budget_s: float | None = None) -> None:
        """Bring the buffered rounds into the database; of a backlog as much as `budget_s` allows."""
        if self._history:
            with self._minding_damage():
                self.endurance.commit(self._history, budget_s)
                if self.endurance.given_up:  # the live file still has them
                    self._has_journal = True
                if not self._has_journal:
                    self.endurance.settle(self._history)
                if not self._history.pending_events:
                    self._left_events.settle()
                self._given_up.look(self._history.unplaced, self._history.lost_events)

    def compact(self) -> None:
        """Cut the live file to its last hour. Not to be called while commits fail: it is the journal.

        What the history has not taken over yet stays, as long as there is room for it.
        """
        if not self._has_journal:
            self._live.compact()
        elif not self._pieces:
            self._live_room.bound()

    def upkeep(self, budget_s: float) -> None:
        """Remove a slice of what is older than it has to be kept."""
        if self._history:
            with self._minding_damage():
                self._history.upkeep(self._clock.now_ms(), budget_s)
                self.endurance.upkeep(self._history, budget_s)

    def absorb(self, budget_s: float) -> None:
        """Take a slice of the oldest database in the inbox; remove it when all of it is taken.

        One that cannot be taken by its own fault is renamed to `.refused`, so that it is named once and not
        for ever. Where our database is at fault it stays, to be taken later.
        """
        if self._history is None:
            return
        for path in sorted(self._home.state.glob("inbox/*.db"))[:1]:
            try:
                with self._minding_damage():
                    is_taken = self._history.absorb(path, budget_s)
                if self._history and is_taken:
                    for rest in (path, *path.parent.glob(f"{path.name}-*")):
                        rest.unlink(missing_ok=True)
                    log.info("%s taken into the history", path.name)
            except StoreError as exc:
                if not exc.of_source:
                    raise
                with contextlib.suppress(FileNotFoundError):  # taken away meanwhile
                    path.rename(path.with_suffix(".refused"))
                log.error("%s refused: %s", path.name, exc)

    def close(self) -> None:
        """Commit and close; the live file is closed even when the database cannot be."""
        try:
            if self._history:
                self._given_up.look(self._history.unplaced, self._history.lost_events, at_once=True)
                self._history.close()
                self._left_events.settle()
        finally:
            self._live.close()
            self._history, self._has_journal, self._pieces = None, True, None
