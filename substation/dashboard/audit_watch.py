"""Verifies the audit log in the background, at the start and each day, and notes its last line elsewhere.

A year's log is walked over in a few seconds, in small slices between which requests come first. What
was found stands on `/audit`; when the log was changed, everybody sees it on the state line.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask

from substation import audit
from substation.audit import Verdict, anchors, in_force
from substation.audit.anchors import DAY_S, HOUR_S
from substation.clock import Clock
from substation.dashboard import feed
from substation.dashboard.desk import Desk
from substation.dashboard.tongue import later
from substation.errors import SettingsError, StoreError
from substation.settings import vault
from substation.settings.model import Home, Settings
from substation.store import anchors as kept

LOG = logging.getLogger(__name__)
AGAIN_S = 300.0
"""Whoever opens the page has the log verified anew when the last time is longer ago."""
REST_S = 0.004
"""Pause after a slice of the walk (`walk.PAUSE_LINES`): a third of one core at most."""
WEIGHTY = ("user.", "password.", "export.", "config.")
"""After such events the last line's number is noted at once."""
CHANGED = later("The audit log was changed: ask the administrator.")
UNREADABLE = later("The audit log cannot be verified: ask the administrator.")


@dataclass(frozen=True, slots=True)
class Finding:
    """What the last walk over the log has found."""

    at_ms: int
    took_s: float
    verdict: Verdict | None = None
    """None: the log could not be read."""
    words: str = ""
    """Why not."""
    compared: int = 0
    """So many numbers noted elsewhere were looked for."""
    doubts: tuple[str, ...] = ()
    """Stores that could not be asked for such numbers."""


class AuditWatch:
    """Keeps an eye on the audit log of one dashboard; safe to use from many threads."""

    def __init__(self, the_desk: Desk, rest: Callable[[], None] | None = None) -> None:
        """Nothing is read before `start` or `verify`; `rest` is called after each slice."""
        self._desk = the_desk
        self._clock: Clock = the_desk.clock
        self._rest = rest or (lambda: self._clock.sleep(REST_S))
        self._asked = threading.Event()
        self._running = threading.Lock()
        self._noted_s: float | None = None
        self._noted = (0, "")
        self._day_s = 0.0
        self._weighty = threading.Event()
        self._wake = threading.Event()
        self._settings = the_desk.watch.settings
        self._refusals = in_force.Refusals(the_desk.audit)
        self._found_s = 0.0
        self.finding: Finding | None = None
        the_desk.watch.listen(self._take_over)
        the_desk.audit.listen(self._written)

    def start(self) -> None:
        """Go on in a thread of its own for as long as the process lives."""
        threading.Thread(target=self._keep_watch, name="audit", daemon=True).start()

    def ask(self) -> None:
        """Have the log verified anew, unless that was done a moment ago or is under way; does not wait."""
        if self.finding is None or self._clock.monotonic() - self._found_s >= AGAIN_S:
            self._asked.set()
            self._wake.set()

    @property
    def under_way(self) -> bool:
        """Whether the log is walked over at this moment, or about to be."""
        return self._asked.is_set() or self._running.locked()

    @property
    def problem(self) -> str:
        """What everybody should know, for the state line."""
        if self.finding is None or (self.finding.verdict and self.finding.verdict.ok):
            return ""
        return UNREADABLE if self.finding.verdict is None else CHANGED

    def refused(self, words: str) -> None:
        """Write once that a changed configuration cannot be used; nothing: it can be again."""
        self._refusals.note(words)

    def verify(self) -> Finding:
        """Walk over the log now; a second caller waits for the first one's finding."""
        with self._running:
            self._asked.clear()
            began = self._clock.monotonic()
            found = self._verified()
            self._found_s = self._clock.monotonic()
            self.finding = Finding(
                self._clock.now_ms(),
                self._found_s - began,
                found.verdict,
                found.words,
                found.compared,
                found.doubts,
            )
        if self.problem:
            said = found.words or "; ".join(found.verdict.words()[:5] if found.verdict else [])
            LOG.error("%s %s", self.problem, said)
        return self.finding

    def note(self, why: str) -> None:
        """Keep the number and seal of the log's last line in the operators' database."""
        anchor = self._desk.audit.anchor()
        self._noted_s = self._clock.monotonic()
        if not anchor[0] or anchor == self._noted:
            return
        try:
            kept.note(self._desk.database, anchor, self._clock.now_ms(), why)
            self._noted = anchor
        except StoreError as exc:
            LOG.warning("the audit log's last number could not be noted: %s", exc)

    def note_when_due(self) -> None:
        """Keep the last line's number each hour and after what matters; write a line for the day."""
        now = self._clock.monotonic()
        weighty = self._weighty.is_set()
        self._weighty.clear()
        if self._noted_s is None:
            self._day_s = now
            self.note("start")
        elif now - self._day_s >= DAY_S:
            self._day_s = now
            self._desk.audit.write("audit.anchor", kept=self._desk.watch.home.operator.name)
            self.note("daily")
        elif weighty:
            self.note("event")
        elif now - self._noted_s >= HOUR_S:
            self.note("hourly")

    def _written(self, event: str) -> None:
        if event.startswith(WEIGHTY):
            self._weighty.set()
            self._wake.set()

    def _keep_watch(self) -> None:
        while True:
            self._wake.clear()
            self.note_when_due()
            if self.finding is None or self._asked.is_set() or self._day_is_over():
                self.verify()
            self._wake.wait(HOUR_S)

    def _day_is_over(self) -> bool:
        return self._clock.monotonic() - self._found_s >= DAY_S

    def _verified(self) -> Finding:
        home, settings = self._desk.watch.home, self._desk.watch.settings
        noted, doubts = anchors.known(home)
        try:
            keys = audit.keys_of(settings, vault.read_key(self._desk.folder))
            verdict = audit.verify_all(self._desk.audit.path, keys, noted, pause=self._rest)
        except (StoreError, SettingsError) as exc:
            return Finding(0, 0.0, words=str(exc))
        return Finding(0, 0.0, verdict, compared=len(noted), doubts=tuple(doubts))

    def _take_over(self, settings: Settings, _home: Home) -> None:
        before, self._settings = self._settings, settings
        if before != settings:
            in_force.note(self._desk.audit, before, settings)


_current: list[AuditWatch] = []


def add(server: Flask, the_desk: Desk) -> None:
    """Make the watch of a dashboard and let the state line ask it; the process starts it."""
    made = AuditWatch(the_desk)
    _current[:] = [made]
    server.extensions["audit_watch"] = made
    the_desk.watch.complain(made.refused)
    feed.current().complain(lambda: made.problem)


def current() -> AuditWatch:
    """Return the watch of this process; RuntimeError before a dashboard was made."""
    if not _current:
        raise RuntimeError("no dashboard was made in this process")
    return _current[0]
