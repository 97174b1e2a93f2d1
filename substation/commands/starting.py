"""Brings the processes of a station up, in order, and watches until each one answers."""

import contextlib
import errno
import fcntl
import http.cookiejar
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from substation.access import tunnel
from substation.commands.doors import PROJECT
from substation.commands.processes import Book, Started, end, launch, started
from substation.commands.stop import LINE, STATION, TUNNEL
from substation.commands.usage import say
from substation.errors import EXIT_CONFIG, Busy, SettingsError, SubstationError
from substation.settings.model import Home, Settings
from substation.store import heartbeat

POLLER, DASHBOARD, MESSENGER = "poller", "dashboard", "messenger"
TUNNEL_LIMIT_S = 20.0
"""ngrok has its name within a few seconds, or has to wait for the network."""
UP_LIMIT_S = 60.0
"""A small computer that has just been switched on needs 15 s to import the dashboard; then we wonder."""
TICK_S = 0.1
AGAIN_S = 30.0
"""Between two starts of what is started anew."""
LOG_LINES = 12
"""So many lines of a log are looked at for the reason of an early end."""


class Died(SubstationError):
    """A process of the station ended while it was needed; `code` is its exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Child:
    """One process that we launched and have not let go."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    log_start: int
    """Where the log ended before: what is read back was written by this very process."""
    passing: bool = False
    """Its end does not concern the station."""
    again: Sequence[str] | None = None
    """The command by which it is started anew when it has ended; None: it is not."""
    started_s: float = field(default_factory=time.monotonic)

    def look(self) -> None:
        """Raise Died, with the log's own words, when the process has ended."""
        code = self.process.poll()
        if code is None or self.passing:
            return
        words = self.last_words()
        why = f":\n{words}" if words else ""
        raise Died(
            f"The {self.name} ended ({_ended(code)}). {self.log} says{why or ' nothing.'}", max(code, 1)
        )

    def last_words(self) -> str:
        """Return the end of what it wrote into its log."""
        try:
            with self.log.open("rb") as file:
                file.seek(self.log_start)
                lines = file.read().decode("utf-8", "replace").splitlines()
        except OSError:
            return ""
        return "\n".join(f"  {line}" for line in lines[-LOG_LINES:])


def _ended(code: int) -> str:
    return f"exit {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


@dataclass
class Crew:
    """The processes of one station while they are being started or watched."""

    home: Home
    environment: Mapping[str, str]
    children: list[Child] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Enter ourselves first: a stop that comes early finds whom to ask."""
        self._book = Book(self.home.state)
        self._entries: list[Started] = [started(STATION, os.getpid())]
        self._book.write(self._entries)

    def launch(
        self, name: str, command: Sequence[str], log: Path, *, passing: bool = False, renewed: bool = False
    ) -> Child:
        """Start a process in the background and write it into the book; `renewed` is what `watch` does."""
        log_start = log.stat().st_size if log.exists() else 0
        process = launch([sys.executable, *command], log, self.environment)
        child = Child(name, process, log, log_start, passing, command if renewed else None)
        self.children.append(child)
        # One that has died at once is found by the next look; the book holds only those that live.
        with contextlib.suppress(ProcessLookupError):
            self._entries.append(started(name, process.pid))
            self._book.write(self._entries)
        return child

    def await_all(self, what: str, ready: Callable[[], bool], limit_s: float = UP_LIMIT_S) -> bool:
        """Wait until `ready`; return False after `limit_s`. Raises Died when a process ends meanwhile."""
        until = time.monotonic() + limit_s
        while not ready():
            for child in self.children:
                child.look()
            if time.monotonic() > until:
                say(f"Still waiting for {what} after {limit_s:g} s.")
                return False
            time.sleep(TICK_S)
        return True

    def watch(self) -> None:
        """Stay until a process ends; raises Died then. SIGTERM leaves by SystemExit."""
        while True:
            for child in self.children:
                child.look()
            self.renew(time.monotonic())
            time.sleep(TICK_S * 5)

    def renew(self, now_s: float) -> None:
        """Start anew what ended and is not the station's, each `AGAIN_S` at most; not for a wrong setting."""
        for child in [one for one in self.children if one.again is not None]:
            code = child.process.poll()
            if code is None or code == EXIT_CONFIG or now_s < child.started_s + AGAIN_S:
                continue
            say(f"The {child.name} ended ({_ended(code)}) and is started anew; its log is {child.log}.")
            self.children.remove(child)
            self._entries = [entry for entry in self._entries if entry.runs]
            self.launch(child.name, child.again or (), child.log, passing=child.passing, renewed=True)

    def let_go(self) -> None:
        """Leave the processes running without us."""
        self._entries = self._entries[1:]
        self._book.write(self._entries)

    def end(self) -> None:
        """End every process that we launched, the simulated line last."""
        ours = [entry for entry in self._entries[1:] if entry.runs]
        end([entry for entry in ours if entry.name != LINE], say=say)
        end([entry for entry in ours if entry.name == LINE], say=say)
        for child in self.children:
            child.process.wait()
        self._book.remove()


@contextlib.contextmanager
def alone(home: Home) -> Iterator[None]:
    """Hold the lock of starting in this home.

    Raises:
        Busy: the station runs or is being started.
        SettingsError: the home cannot be made or written; nothing was started.
    """
    try:
        for folder in (home.folder, home.state):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(home.state / "station.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise unusable(home.folder, exc) from exc
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(_runs_already(home) or f"Another start of {home.folder} is under way.") from None
        if words := _runs_already(home):
            raise Busy(words)
        _no_other_poller(home)
        yield
    finally:
        os.close(handle)


def unusable(folder: Path, exc: OSError) -> SettingsError:
    """Return in words why `folder` cannot be a station's home."""
    in_the_way = isinstance(exc, FileExistsError | NotADirectoryError)
    why = f"a file is in the way of {exc.filename}" if in_the_way else f"{exc.filename}: {exc.strerror}"
    return SettingsError(
        f"{folder} cannot be a station's home ({why}). Name a folder that you may write in SUBSTATION_HOME"
    )


def _runs_already(home: Home) -> str:
    running = [process for process in Book(home.state).running() if process.name != STATION]
    if not running:
        return ""
    names = ", ".join(f"{process.name} (pid {process.pid})" for process in running)
    return f"The station of {home.folder} already runs: {names}. To end it: ./stop.sh"


def _no_other_poller(home: Home) -> None:
    """Raise Busy when somebody else polls here already, such as a service or a person in another window."""
    try:
        handle = os.open(home.poller_lock, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
        raise Busy(
            f"A poller of {home.folder} already runs (pid {pid or 'unknown'}), and start.sh did not "
            "start it; stop it where it was started."
        ) from None
    finally:
        os.close(handle)


def port_is_free(bind: str, port: int) -> None:
    """Raise Busy when the web port cannot be had; nothing was started then."""
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
            probe.listen(1)
        except OSError as exc:
            if exc.errno == errno.EADDRINUSE:
                raise Busy(
                    f"Port {port} is in use by another program. Choose another: --port {port + 1}"
                ) from exc
            if exc.errno == errno.EACCES:
                raise Busy(f"Port {port} needs root; choose one above 1023: --port 8050") from exc
            raise Busy(f"Address {bind} port {port} cannot be had: {exc.strerror}. See web.bind") from exc


def environment(home: Home) -> dict[str, str]:
    """Return what the station's processes find in their environment."""
    kept = {name: value for name, value in os.environ.items() if name != "SUBSTATION_DOOR"}
    return {**kept, "SUBSTATION_HOME": str(home.folder), "PYTHONUNBUFFERED": "1"}


def launch_station(crew: Crew, port: int) -> None:
    """Start poller and dashboard."""
    home = crew.home
    crew.launch(POLLER, [str(PROJECT / "dmf_reader.py")], home.poller_log)
    crew.launch(DASHBOARD, [str(PROJECT / "app.py"), "--port", str(port)], home.dashboard_log)


def launch_messenger(crew: Crew, settings: Settings) -> None:
    """Start the messenger where there is somebody to tell. Its end is not the station's: polling goes on."""
    if settings.messages.wanted:
        command, log = [str(PROJECT / "messenger.py")], crew.home.messenger_log
        crew.launch(MESSENGER, command, log, passing=True, renewed=True)


def open_tunnel(crew: Crew, port: int) -> None:
    """Start the tunnel and say where it leads from. Its end is not the station's: polling goes on."""
    home = crew.home
    command = ["-m", "substation.commands.tunnel", "--port", str(port)]
    child = crew.launch(TUNNEL, command, home.tunnel_log, passing=True)
    until = time.monotonic() + TUNNEL_LIMIT_S
    while child.process.poll() is None and time.monotonic() < until:
        record = tunnel.read(home.tunnel)
        if record is not None and tunnel.is_held(home.tunnel):
            say(f"From the internet: {record.url}   (until ./stop.sh; its log is {home.tunnel_log})")
            return
        time.sleep(TICK_S)
    if child.process.poll() is None:
        say(f"The tunnel has no name yet, and goes on trying. {home.tunnel_log} says:\n{child.last_words()}")
    else:
        say(f"No tunnel; the station runs without it. {home.tunnel_log} says:\n{child.last_words()}")


def first_round(crew: Crew) -> Callable[[], bool]:
    """Return the question whether this very poller has finished a round."""
    pid = next(child.process.pid for child in crew.children if child.name == POLLER)

    def done() -> bool:
        beat = heartbeat.read(crew.home.heartbeat)
        return bool(beat and beat.get("pid") == pid and beat.get("round", 0) >= 1)

    return done


def address(settings: Settings, port: int) -> str:
    """Return where a browser on this machine finds the dashboard."""
    bind = settings.web.bind
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind, bind)  # noqa: S104 - asked for, not chosen
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


class Browser:
    """Asks our own dashboard, past any proxy; keeps the session, so that the password is checked once."""

    def __init__(self, base: str) -> None:
        """Talk to the dashboard at `base`."""
        self.base = base
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
        )

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """Return status and body; status 0 when nobody answers."""
        request = urllib.request.Request(self.base + path.lstrip("/"), headers=dict(headers or {}))  # noqa: S310
        try:
            with self._opener.open(request, timeout=5) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as exc:
            with exc:
                return exc.code, exc.read()
        except OSError:
            return 0, b""

    def healthy(self) -> bool:
        """Return whether the dashboard answers."""
        return self.get("healthz")[0] == 200
