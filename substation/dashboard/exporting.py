"""One export at a time: from the granted ticket to the last byte, or to whatever ended it before.

A job waits for its download under a one-time ticket, runs while the browser takes the file, and ends
once: done, cancelled, broken off or failed. Each end is one audit line. The work itself is done by a
child process (`substation.export`), so that pages and live values do not wait for it.

There is one seat. Who has it is looked after every second: he loses it when he loses what his export
rests on (`export_standing`), and when his browser hardly takes anything (`export_pace`).

A file that is not whole never looks whole: when anything but the end ends it, the connection is
closed without the end mark, and the browser says that the download failed.
"""

import contextlib
import errno
import logging
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from substation import export
from substation.access.tickets import LIFE_S, Tickets
from substation.audit import Audit
from substation.clock import Clock, iso
from substation.dashboard.export_pace import LEAST_BYTES_PER_S, Pace
from substation.dashboard.export_standing import Standing, lost, standing
from substation.dashboard.watch import Watch
from substation.errors import AccessError, SubstationError
from substation.export import Order, Progress, Running

LOG = logging.getLogger(__name__)
State = Literal["waiting", "running", "done", "cancelled", "failed"]
ENDED: frozenset[State] = frozenset({"done", "cancelled", "failed"})
GONE = "the browser broke the download off"
LATE = f"nobody fetched it within {LIFE_S:.0f} s"
STOPPED = "the dashboard was stopped"
CANCELLED = "cancelled by whoever asked for it"
TOO_SLOW = (
    f"the browser took less than {LEAST_BYTES_PER_S / 1000:g} kB a second; ask again over a quicker way"
)
MIND_S = 1.0
"""Who has the seat is looked after so often."""


class Taken(AccessError):
    """Another export is under way."""


class Changed(AccessError):
    """What the export would rest on was changed while it was asked for."""


@dataclass(slots=True, eq=False)
class Job:
    """One granted export."""

    user: str
    source: str
    order: Order
    of: int
    """Rows, as estimated."""
    standing: Standing
    since_ms: int
    """When it was granted, UTC."""
    pace: Pace
    fresh: bool = False
    """Whether the file has a password of its own."""
    state: State = "waiting"
    words: str = ""
    """How it ended, for the person."""
    began: float = 0.0
    """On the monotonic clock, s."""
    running: Running | None = None
    hang_up: Callable[[], None] = field(default=lambda: None)
    """Ends the connection, also one that a browser does not read from any more."""

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return self.running.progress if self.running else Progress(0, None, 0, 0.0, None)


class Exports:
    """The exports of one dashboard; safe to use from many threads."""

    def __init__(self, folder: Path, audit: Audit, clock: Clock, watch: Watch) -> None:
        """Export from the station in `folder`, whose settings in force `watch` knows."""
        self._folder = folder
        self._audit = audit
        self._clock = clock
        self._watch = watch
        self._turn = threading.RLock()
        self._tickets: Tickets[Job] = Tickets(clock)
        self._seat: Job | None = None
        self._last: dict[str, Job] = {}
        self._minder: threading.Thread | None = None
        self._minded = clock.monotonic()
        self._stop = threading.Event()

    def check_free(self, user: str) -> None:
        """Raise Taken, in words, while another export is under way; one's own that waits is given up."""
        self.mind(at_once=True)
        self._check_seat(user)

    def _check_seat(self, user: str) -> None:
        with self._turn:
            seat = self._seat
            mine = seat is not None and seat.user == user
            waiting = seat is not None and seat.state == "waiting"
        if self._stop.is_set():
            raise Taken("The dashboard is stopping. Ask again when it is back.")
        if seat is None or (waiting and mine):
            return
        if mine:
            raise Taken("Your export is still running. Wait for its end, or cancel it.")
        raise Taken(
            "Another export is under way at this station, and one is made at a time. "
            "Try again in a few minutes; an administrator can end it on Reports."
        )

    def grant(
        self,
        user: str,
        source: str,
        order: Order,
        of: int,
        password: str,
        *,
        export_hash: str | None,
        fresh: bool = False,
    ) -> str:
        """Return a token under which this person may fetch the file once, within a minute.

        Args:
            user: who asked.
            source: from where.
            order: for what.
            of: rows, as estimated.
            password: of the archive.
            export_hash: that which the typed export password was found to have.
            fresh: whether the archive has a password of its own.

        Raises:
            Taken: another export is under way.
            Changed: what it would rest on was changed while it was asked for.
        """
        self._watch.look_now()
        settings = self._watch.settings
        rests_on = standing(settings, user, export_hash)
        if why := lost(settings, user, rests_on):
            raise Changed(f"{why[0].upper()}{why[1:]} meanwhile. Ask again.")
        self.mind(at_once=True)
        with self._turn:
            self._check_seat(user)
            given_up = self._tickets.withdraw(user)
            now_ms = self._clock.now_ms()
            job = Job(user, source, order, of, rests_on, now_ms, Pace(self._clock), fresh)
            self._seat = self._last[user] = job
            token = self._tickets.issue(user, source, password, job)
            self._have_it_minded()
        for old in given_up:
            self._ended(old, "cancelled", "asked for anew")
        return token

    def begin(self, token: str, user: str, source: str, hang_up: Callable[[], None]) -> "Download | None":
        """Start the export that was granted under this token; None when the token is worth nothing.

        Raises:
            SubstationError: it could not be started; the token is spent.
        """
        self.mind(at_once=True)
        with self._turn:  # from the ticket to "running" in one step: between them the seat would look free
            ticket = self._tickets.redeem(token, user, source)
            if ticket is None:
                return None
            job = ticket.errand
            job.began, job.hang_up = self._clock.monotonic(), hang_up
            if job.state == "waiting":
                job.state = "running"
        why = "the export could not be started"
        try:
            running = export.start(
                self._folder, job.order, ticket.secret.reveal(), asked_by=user, anchor=self._anchor()
            )
            why = ""
        except SubstationError as exc:
            why = str(exc)
            raise
        finally:
            ticket.secret.wipe()
            if why:
                self._ended(job, "failed", why)
        with self._turn:
            job.running = running
            ended = job.state in ENDED
        if ended:  # a cancel or the stop came in between
            running.cancel()
        return Download(job, self._ended, self.mind)

    def last_of(self, user: str) -> Job | None:
        """Return the user's own export, the running or the last one."""
        self.mind()
        with self._turn:
            return self._last.get(user)

    def of_another(self, user: str) -> Job | None:
        """Return the export of somebody else that has the seat."""
        with self._turn:
            return self._seat if self._seat is not None and self._seat.user != user else None

    def cancel(self, user: str, why: str = CANCELLED) -> bool:
        """End the user's own export; return whether there was one."""
        with self._turn:
            job = self._seat
        return job is not None and job.user == user and self._give_up(job, "cancelled", why)

    def cancel_of_another(self, administrator: str, since_ms: int) -> bool:
        """End somebody else's export for an administrator; return whether it was still there.

        Args:
            administrator: his name.
            since_ms: when the export was granted that he was shown: a later one is another one.
        """
        job = self.of_another(administrator)
        if job is None or job.since_ms != since_ms:
            return False
        return self._give_up(job, "failed", f"ended by the administrator {administrator}")

    def close(self) -> None:
        """End what runs and wipe what waits: the dashboard stops."""
        self._stop.set()
        with self._turn:
            job = self._seat
        self._tickets.withdraw()
        if job is not None:
            self._break_off(job, "failed", STOPPED)

    def mind(self, *, at_once: bool = False) -> None:
        """End what lost its right to the seat; once a second, or at once."""
        now = self._clock.monotonic()
        with self._turn:
            if not at_once and now - self._minded < MIND_S:
                return
            self._minded = now
        for late in self._tickets.sweep():
            self._ended(late, "failed", LATE)
        self._watch.look()
        with self._turn:
            job = self._seat
        if job is None:
            return
        why = lost(self._watch.settings, job.user, job.standing) or (TOO_SLOW if job.pace.too_slow else "")
        if why:
            self._give_up(job, "failed", why)

    def has_work(self) -> bool:
        """Return whether the seat is taken; asked by the thread that minds it, which ends when it is not."""
        with self._turn:
            if self._seat is None:
                self._minder = None
            return self._seat is not None

    def _have_it_minded(self) -> None:
        """Look after the seat also while no request comes: a password waits, a browser takes nothing."""
        if self._minder is None:
            ref = weakref.ref(self)
            self._minder = threading.Thread(target=_minding, args=(ref, self._stop), daemon=True)
            self._minder.start()

    def _give_up(self, job: Job, state: State, why: str) -> bool:
        """End the export that has the seat, its ticket too; return False when it has it no more."""
        with self._turn:
            if self._seat is not job:
                return False
            self._tickets.withdraw(job.user)
        self._break_off(job, state, why)
        return True

    def _break_off(self, job: Job, state: State, why: str) -> None:
        self._ended(job, state, why)
        if job.running is not None:
            job.running.cancel()
        job.hang_up()

    def _ended(self, job: Job, state: State, why: str = "") -> None:
        """Note the end of a job, once; whatever is told of it later is an echo of the first end."""
        with self._turn:
            if job.state in ENDED:
                return
            job.state, job.words = state, why
            if self._seat is job:
                self._seat = None
        outcome = job.running.outcome if job.running else None
        if state == "done" and outcome is not None:
            ms = round((self._clock.monotonic() - job.began) * 1000)
            told: dict[str, Any] = {
                "rows": outcome.rows,
                "bytes": outcome.bytes,
                "sha256": outcome.sha256,
                "ms": ms,
            }
            self._audit.write("export.done", user=job.user, src=job.source, **_span(job.order), **told)
            LOG.info("export of %d rows done in %d ms", outcome.rows, ms)
        else:
            told = {"rows": job.progress.rows, "why": why}
            self._audit.write(
                "export.aborted", user=job.user, src=job.source, ok=False, **_span(job.order), **told
            )
            LOG.warning("export ended after %d rows: %s", job.progress.rows, why)

    def _anchor(self) -> tuple[int, str] | None:
        """Return where the audit chain stands, for the manifest: it shows later whether lines are missing."""
        with contextlib.suppress(SubstationError):
            return self._audit.anchor()
        return None


def _minding(ref: "weakref.ref[Exports]", stop: threading.Event) -> None:
    """Mind the seat until it is free."""
    while not stop.wait(MIND_S):
        exports = ref()
        if exports is None or not exports.has_work():
            return
        try:
            exports.mind(at_once=True)
        except (OSError, SubstationError) as exc:
            LOG.warning("the running export could not be looked after, trying again: %s", exc)
        del exports  # held by nobody while this waits


def _span(order: Order) -> dict[str, Any]:
    return {"from": iso(order.start_ms), "to": iso(order.end_ms), "every": order.resolution}


class Download(Iterator[bytes]):
    """The bytes of a file on their way to one browser; the server closes it, whatever happened."""

    def __init__(self, job: Job, ended: Callable[[Job, State, str], None], mind: Callable[[], None]) -> None:
        """Take them from the job's child process; `mind` ends it when it may not go on."""
        if job.running is None:
            raise RuntimeError("the export was not started")
        self._job = job
        self._running = job.running
        self._chunks = job.running.chunks()
        self._ended, self._mind = ended, mind

    def __next__(self) -> bytes:
        """Return the next bytes.

        Raises:
            BrokenPipeError: the file is not whole. gunicorn then closes the connection without the end
                mark, so that the browser tells a part from a file.
        """
        self._job.pace.taken()
        self._mind()
        if self._job.state not in ENDED:
            try:
                chunk = next(self._chunks)
                self._job.pace.handed(len(chunk))
                return chunk
            except StopIteration:
                self._ended(self._job, "done", self._running.outcome.words if self._running.outcome else "")
            except SubstationError as exc:
                self._ended(self._job, "failed", str(exc))
        if self._job.state == "done":
            raise StopIteration
        raise BrokenPipeError(errno.EPIPE, f"export ended: {self._job.words}")

    def close(self) -> None:
        """End the child process when the browser has gone before the end."""
        if self._job.state not in ENDED:
            self._ended(self._job, "failed", GONE)
            self._running.cancel()
        closing = getattr(self._chunks, "close", None)
        if closing is not None:
            closing()
