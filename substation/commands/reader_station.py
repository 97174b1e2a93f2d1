"""How a command reaches the line: by itself where no poller runs, else through the poller.

1. `--port`: that device, without any configuration.
2. No poller runs: the configured line is opened here, and the poller's lock is held so that none starts
   meanwhile.
3. A poller runs: the request goes into `operator.db`, the poller does the work between two rounds and
   answers in `state/answers/`. It pauses polling of that line and resumes by itself.
"""

import argparse
import contextlib
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from pydantic import ValidationError

from substation.bus import commission
from substation.bus.commission import Outcome
from substation.bus.line import Line
from substation.bus.lock import PollerLock
from substation.bus.scan import Wire
from substation.clock import Clock
from substation.commands.configuration_open import load_mended, person
from substation.errors import Busy, LineDown, NoAnswer, RequestError, SettingsError, SubstationError
from substation.settings.files import Loaded, home_folder
from substation.settings.model import Line as LineSettings
from substation.settings.model import Settings
from substation.store import requests
from substation.store.operator_db import OperatorDb

SERVICE = "dmf_reader"
TAKEN_WITHIN_S = 10.0
"""So long a poller may take to see a request; it looks every round and between two of them."""
LOOK_S = 0.2
ASKED_LINE = "line 1"
"""Name of the line that `--port` makes."""


class Where(Protocol):
    """Where a command is carried out."""

    settings: Settings | None

    def run(self, kind: str, arguments: dict[str, Any]) -> tuple[Outcome, bool]:
        """Have it done; return the outcome and whether it was ended early."""
        ...


class Progress:
    """One line on a terminal that is written over and over; nothing where nobody looks at one."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._width = 0

    def say(self, progress: float, words: str) -> None:
        """Show how far it is."""
        if self._shown:
            text = f"{100 * progress:3.0f} %  {words}"[:100]
            print(f"\r{text:<{self._width}}", end="", file=sys.stderr, flush=True)
            self._width = len(text)

    def done(self) -> None:
        """Leave an empty line behind."""
        if self._shown and self._width:
            print(f"\r{' ' * self._width}\r", end="", file=sys.stderr, flush=True)


class Here:
    """The line opened by this process."""

    def __init__(self, wire: Wire, settings: Settings | None, profiles: Path | None, clock: Clock) -> None:
        self.settings = settings
        self.wire = wire
        self.profiles = profiles
        self.clock = clock
        self._asked_to_end = False

    def run(self, kind: str, arguments: dict[str, Any]) -> tuple[Outcome, bool]:
        """Do it; Ctrl+C ends it after the question under way and keeps what was found."""
        progress = Progress()

        def tick(share: float, words: str) -> bool:
            progress.say(share, words)
            return self._asked_to_end

        with self._interruptible():
            try:
                outcome = commission.run(
                    kind,
                    arguments,
                    settings=self.settings,
                    wire=self.wire,
                    clock=self.clock,
                    profiles=self.profiles,
                    tick=tick,
                )
            finally:
                progress.done()
        return outcome, self._asked_to_end

    @contextlib.contextmanager
    def _interruptible(self) -> Iterator[None]:
        def end(number: int, frame: FrameType | None) -> None:
            if self._asked_to_end:
                raise KeyboardInterrupt
            self._asked_to_end = True

        try:
            before = signal.signal(signal.SIGINT, end)
        except ValueError:  # not in the main thread: nobody presses Ctrl+C there
            yield
            return
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


class ThroughPoller:
    """The poller that runs, asked by a request."""

    def __init__(self, loaded: Loaded, pid: int | None, clock: Clock) -> None:
        self.loaded = loaded
        self.settings: Settings | None = loaded.settings
        self.clock = clock
        self._who = f"the poller (process {pid})" if pid else "the poller"

    def run(self, kind: str, arguments: dict[str, Any]) -> tuple[Outcome, bool]:
        """Ask, show how far it is, return its answer.

        Raises:
            Busy: it does not take the request.
            RequestError, LineDown, NoAnswer: it refuses; its words.
        """
        home = self.loaded.home
        db = OperatorDb(home.operator, self.loaded.settings.simulated)
        try:
            number = requests.ask(db, self.clock, kind, arguments, person())  # type: ignore[arg-type]
        finally:
            db.close()
        progress, until_s = Progress(), self.clock.monotonic() + TAKEN_WITHIN_S
        try:
            while True:
                said = requests.answered(home.answers, number)
                if said is None and self.clock.monotonic() > until_s:
                    raise Busy(
                        f"{self._who} has not taken the request within {TAKEN_WITHIN_S:.0f} s: it is of an "
                        "older version, or held up. Stop it (./stop.sh) and ask again"
                    )
                if said is not None:
                    progress.say(said.progress, said.words)
                    if said.state == "done":
                        return Outcome(said.words, dict(said.result)), False
                    if said.state == "refused":
                        raise _refusal(said.words)
                self.clock.sleep(LOOK_S)
        finally:
            progress.done()


def _refusal(words: str) -> SubstationError:
    """Return the poller's no as the error that it was there; its answer holds the words alone."""
    if any(
        sign in words for sign in ("port missing", "port lost", "port busy", "port closed", "port unusable")
    ):
        return LineDown(words)
    if any(sign in words for sign in ("no answer", "does not answer", "refused with exception", "check sum")):
        return NoAnswer(words)
    return RequestError(words)


@contextlib.contextmanager
def open_where(
    options: argparse.Namespace, clock: Clock, kind: str, arguments: Mapping[str, Any]
) -> Iterator[Here | ThroughPoller]:
    """Yield where the command is carried out; what was opened is closed at the end.

    Raises:
        RequestError: no such line or meter.
        SettingsError: the configuration cannot be used, and no `--port` was named.
        LineDown: the port cannot be opened.
    """
    if options.port:
        wire = Line(_asked_line(options), clock)
        try:
            yield Here(wire, None, None, clock)
        finally:
            wire.close()
        return
    loaded = _loaded()
    asked = dict(arguments) | ({"line": options.line} if options.line else {})
    settings = commission.line_for(kind, asked, loaded.settings)
    lock = PollerLock(loaded.home.poller_lock)
    try:
        lock.take()
    except Busy as exc:
        yield _Named(loaded, exc.pid, clock, settings.name)
        return
    wire = Line(settings, clock)
    wire.gaps_s = {m.modbus_id: m.gap_ms / 1000 for m in loaded.settings.meters if m.line == settings.name}
    try:
        yield Here(wire, loaded.settings, loaded.home.profiles, clock)
    finally:
        wire.close()
        lock.release()


class _Named(ThroughPoller):
    """The same, with the line named: the poller need not guess it."""

    def __init__(self, loaded: Loaded, pid: int | None, clock: Clock, line: str) -> None:
        super().__init__(loaded, pid, clock)
        self._line = line

    def run(self, kind: str, arguments: dict[str, Any]) -> tuple[Outcome, bool]:
        return super().run(kind, {**arguments, "line": self._line})


def _loaded() -> Loaded:
    try:
        return load_mended(home_folder(), SERVICE)
    except SettingsError as exc:
        raise SettingsError(
            f"{exc}\nWithout a configuration name the line: --port /dev/ttyUSB0 --baud 9600 --format 8E1"
        ) from exc


def _asked_line(options: argparse.Namespace) -> LineSettings:
    serial = options.port.startswith("/") or ":" not in options.port
    try:
        return LineSettings(
            name=ASKED_LINE,
            kind="serial" if serial else "tcp",
            port=options.port,
            baud=options.baud,
            format=options.format,
        )
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        words = str(first["msg"]).removeprefix("Value error, ")
        raise RequestError(f"--{where or 'port'}: {words}") from exc
