"""An export under way, as the process sees it that started it.

    with start(home, order, password, asked_by="amal", anchor=audit.anchor()) as running:
        for chunk in running.chunks():
            ...

The work is done by a child process at the lowest priority, so that neither pages nor poller wait for it.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

import substation
from substation import errors
from substation.clock import Clock, SystemClock
from substation.errors import SubstationError
from substation.export.job import Job, form_of
from substation.export.manifest import Occasion
from substation.export.order import Order
from substation.export.seal import check_password
from substation.settings.files import Loaded, load

CHUNK = 65_536
GRACE_S = 3.0
NICE = 19
_PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is."""

    rows: int
    of: int | None
    """About so many; exact when it is over; None before the first look."""
    bytes: int
    """Of the archive, handed out so far."""
    elapsed_s: float
    left_s: float | None
    """None: not known yet."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended."""

    ok: bool
    rows: int
    bytes: int
    sha256: str | None
    """Of the CSV, as in the manifest; None when it did not come to its end."""
    words: str
    """Why it is not whole; or what a whole one does not hold though it was asked for; or nothing."""


def start(
    home_folder: Path,
    order: Order,
    password: str,
    *,
    asked_by: str,
    anchor: tuple[int, str] | None,
    loaded: Loaded | None = None,
    clock: Clock | None = None,
) -> "Running":
    """Start an export of the station in `home_folder`.

    Args:
        home_folder: the station's home.
        order: what to export.
        password: of the archive.
        asked_by: who asked, for the manifest.
        anchor: number and MAC of the audit log's last line, for the manifest.
        loaded: the configuration, where the caller has it already.
        clock: for the time of the export and its progress.

    Raises:
        AccessError: the order or the password cannot be used.
        SettingsError: the configuration cannot be used.
    """
    clock = clock or SystemClock()
    loaded = loaded or load(home_folder)
    settings = loaded.settings
    order.check(settings)
    check_password(password)
    names = {meter.id: meter.name for meter in settings.meters}
    poll = settings.poll
    form = form_of(
        order,
        settings.site.zone,
        names,
        poll.interval_s,
        settings.simulated,
        slow_interval_s=poll.slow_interval_s,
    )
    occasion = Occasion(settings.site.name, asked_by, clock.now_ms(), substation.__version__, anchor)
    tell, told = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "substation.export"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            cwd=_PROJECT,
            pass_fds=(told,),
            start_new_session=True,  # Ctrl+C is for us alone: we end it
        )
    except OSError as exc:
        os.close(tell)
        raise SubstationError(f"the export could not be started: {exc.strerror}") from exc
    finally:
        os.close(told)
    job = Job(loaded.home.history.absolute(), order, form, occasion, password, told)
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, process.pid, NICE)  # from here on: its start is work too
    pipe = cast(IO[bytes], process.stdin)
    with contextlib.suppress(BrokenPipeError), pipe:  # one that died at once is told of by `chunks`
        pipe.write(job.line())
    return Running(process, tell, clock, loaded.warnings)


class Running:
    """One export under way. Use it as a context, or end it with `cancel`."""

    def __init__(
        self, process: subprocess.Popen[bytes], progress_fd: int, clock: Clock, warnings: tuple[str, ...]
    ) -> None:
        """Take over the child and the reading end of its progress."""
        os.set_blocking(progress_fd, False)
        self._told = open(progress_fd, "rb", buffering=0)  # noqa: SIM115 - closed by `_finish`
        self._process, self._clock = process, clock
        self._began = clock.monotonic()
        self._ended: float | None = None
        self._rest = b""
        self._rows, self._of, self._bytes = 0, None, 0
        self._result: dict[str, object] = {}
        self._cancelled = False
        self._reading = False
        self._turn = threading.Lock()
        self.outcome: Outcome | None = None
        """None while it goes on."""
        self.warnings = warnings
        """What was put right while the configuration was read; the caller records it as `key.mode`."""

    @property
    def pid(self) -> int:
        """The child's."""
        return self._process.pid

    @property
    def progress(self) -> Progress:
        """How far it is; costs nothing, from any thread."""
        elapsed = (self._ended or self._clock.monotonic()) - self._began
        left = None
        if self.outcome is not None:
            left = 0.0
        elif self._rows and self._of and elapsed > 0:
            left = max(0.0, (self._of - self._rows) * elapsed / self._rows)
        return Progress(self._rows, self._of, self._bytes, elapsed, left)

    def chunks(self) -> Iterator[bytes]:
        """Yield the archive's bytes, once. Whoever stops early ends the child.

        Raises:
            SubstationError: It did not come to its end: what was yielded is no whole archive and must not
                be handed on as one. Of the kind that the child met: `Damaged`, `StoreError` ...
        """
        with self._turn:
            if self._reading or self.outcome is not None:
                raise SubstationError("this export was read or ended already; ask for a new one")
            self._reading = True
        output = cast(IO[bytes], self._process.stdout)
        words = "broken off: whoever received it went away"
        try:
            while chunk := output.read(CHUNK):
                self._bytes += len(chunk)
                self._listen()
                yield chunk
            words = ""
        finally:
            self._finish(words)
        if self.outcome is None or not self.outcome.ok:
            raise self._error()

    def cancel(self) -> None:
        """End it, from any thread; whoever reads `chunks` gets an error. Nothing when it is over."""
        with self._turn:
            if self.outcome is not None:
                return
            self._cancelled = True
            reading = self._reading
            self._reading = True
        self._end_child()
        if not reading:
            self._finish("")

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it where it still goes on."""
        self.cancel()

    def _listen(self) -> None:
        """Take what the child has told so far."""
        while told := self._told.read(CHUNK):  # None: nothing more for now
            self._rest += told
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "rows" in message:
                self._rows, self._of = message["rows"], message["of"]
            else:
                self._result = message

    def _finish(self, words: str) -> None:
        if words:
            self._end_child()
        code = self._process.wait()
        self._listen()
        self._told.close()
        cast(IO[bytes], self._process.stdout).close()
        self._ended = self._clock.monotonic()
        done = self._result.get("done")
        if not words and code == 0 and isinstance(done, dict):
            self._rows = self._of = done["rows"]
            self.outcome = Outcome(True, done["rows"], self._bytes, done["sha256"], done["words"])
            return
        if self._cancelled:
            words = "cancelled"
        words = words or str(self._result.get("failed") or f"the export ended unexpectedly (code {code})")
        self.outcome = Outcome(False, self._rows, self._bytes, None, words)

    def _error(self) -> SubstationError:
        words = self.outcome.words if self.outcome else ""
        kind = getattr(errors, str(self._result.get("kind", "")), SubstationError)
        known = isinstance(kind, type) and issubclass(kind, SubstationError)
        return (kind if known else SubstationError)(f"the export is not whole: {words}")

    def _end_child(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
