"""One export at a time: from the granted ticket to the last byte, or to whatever ended it before.

A job waits for its download under a one-time ticket, runs while the browser takes the file, and ends
once: done, cancelled, broken off or failed. Each end is one audit line. The work itself is done by a
child process (`substation.export`), so that pages and live values do not wait for it.

A file that is not whole never looks whole: when anything but the end ends it, the connection is
closed without the end mark, and the browser says that the download failed.
"""

import contextlib
import errno
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from substation import export
from substation.access.tickets import LIFE_S, Tickets
from substation.audit import Audit
from substation.clock import Clock, iso
from substation.errors import AccessError, SubstationError
from substation.export import Order, Progress, Running

LOG = logging.getLogger(__name__)
State = Literal["waiting", "running", "done", "cancelled", "failed"]
ENDED: frozenset[State] = frozenset({"done", "cancelled", "failed"})
GONE = "the browser broke the download off"
LATE = f"nobody fetched it within {LIFE_S:.0f} s"
STOPPED = "the dashboard was stopped"
CANCELLED = "cancelled by whoever asked for it"


class Taken(AccessError):
    """Another export is under way."""


@dataclass(slots=True, eq=False)
class Job:
    """One granted export."""

    user: str
    source: str
    order: Order
    of: int
    """Rows, as estimated."""
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

    def __init__(self, folder: Path, audit: Audit, clock: Clock) -> None:
        """Export from the station in `folder`."""
        self._folder = folder
        self._audit = audit
        self._clock = clock
        self._turn = threading.RLock()
        self._tickets: Tickets[Job] = Tickets(clock)
        self._seat: Job | None = None
        self._last: dict[str, Job] = {}
        self._alarm: threading.Timer | None = None
        self._closed = False

    def check_free(self, user: str) -> None:
        """Raise Taken, in words, while another export is under way; one's own that waits is given up."""
        self.sweep()
        with self._turn:
            seat, closed = self._seat, self._closed
        if closed:
            raise Taken("The dashboard is stopping. Ask again when it is back.")
        if seat is None or (seat.state == "waiting" and seat.user == user):
            return
        if seat.user == user:
            raise Taken("Your export is still running. Wait for its end, or cancel it.")
        raise Taken(
            "Another export is under way at this station, and one is made at a time. "
            "Try again in a few minutes."
        )

    def grant(
        self, user: str, source: str, order: Order, of: int, password: str, *, fresh: bool = False
    ) -> str:
        """Return a token under which this person may fetch the file once, within a minute.

        Raises:
            Taken: another export is under way.
        """
        with self._turn:
            self.check_free(user)
            given_up = self._tickets.withdraw(user)
            job = Job(user, source, order, of, fresh)
            self._seat = self._last[user] = job
            token = self._tickets.issue(user, source, password, job)
            self._wake_when_it_expires()
        for old in given_up:
            self._ended(old, "cancelled", "asked for anew")
        return token

    def begin(self, token: str, user: str, source: str, hang_up: Callable[[], None]) -> "Download | None":
        """Start the export that was granted under this token; None when the token is worth nothing.

        Raises:
            SubstationError: it could not be started; the token is spent.
        """
        self.sweep()
        ticket = self._tickets.redeem(token, user, source)
        if ticket is None:
            return None
        job = ticket.errand
        job.began, job.hang_up = self._clock.monotonic(), hang_up
        try:
            job.running = export.start(
                self._folder, job.order, ticket.secret.reveal(), asked_by=user, anchor=self._anchor()
            )
        except SubstationError as exc:
            self._ended(job, "failed", str(exc))
            raise
        finally:
            ticket.secret.wipe()
        with self._turn:
            if job.state == "waiting":
                job.state = "running"
        if job.state in ENDED:  # the stop came in between
            job.running.cancel()
        return Download(job, self._ended)

    def last_of(self, user: str) -> Job | None:
        """Return the user's own export, the running or the last one."""
        self.sweep()
        with self._turn:
            return self._last.get(user)

    def cancel(self, user: str, why: str = CANCELLED) -> bool:
        """End the user's own export; return whether there was one."""
        with self._turn:
            job = self._seat
        if job is None or job.user != user:
            return False
        self._tickets.withdraw(user)
        self._break_off(job, "cancelled", why)
        return True

    def close(self) -> None:
        """End what runs and wipe what waits: the dashboard stops."""
        with self._turn:
            job, alarm = self._seat, self._alarm
            self._alarm, self._closed = None, True
        if alarm is not None:
            alarm.cancel()
        self._tickets.withdraw()
        if job is not None:
            self._break_off(job, "failed", STOPPED)

    def sweep(self) -> None:
        """Wipe what nobody came for."""
        for job in self._tickets.sweep():
            self._ended(job, "failed", LATE)

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

    def _wake_when_it_expires(self) -> None:
        """Let the password be wiped also when no request comes any more."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = threading.Timer(LIFE_S + 0.5, self.sweep)
        self._alarm.daemon = True
        self._alarm.start()


def _span(order: Order) -> dict[str, Any]:
    return {"from": iso(order.start_ms), "to": iso(order.end_ms), "every": order.resolution}


class Download(Iterator[bytes]):
    """The bytes of a file on their way to one browser; the server closes it, whatever happened."""

    def __init__(self, job: Job, ended: Callable[[Job, State, str], None]) -> None:
        """Take them from the job's child process."""
        if job.running is None:
            raise RuntimeError("the export was not started")
        self._job = job
        self._running = job.running
        self._chunks = job.running.chunks()
        self._ended = ended

    def __next__(self) -> bytes:
        """Return the next bytes.

        Raises:
            BrokenPipeError: the file is not whole. gunicorn then closes the connection without the end
                mark, so that the browser tells a part from a file.
        """
        if self._job.state not in ENDED:
            try:
                return next(self._chunks)
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
