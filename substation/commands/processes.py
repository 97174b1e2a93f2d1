"""The processes that `start.sh` started: kept by pid and start time, ended by pid, never by name.

Standard library only, so that `stop.sh` works even when the environment is gone.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

GRACE_S = 8.0
"""How long a process may take to end by itself; the poller and the dashboard promise 5 s."""
TICK_S = 0.05
SETTLE_S = 1.0
"""How long a process may take to go once it was killed."""


@dataclass(frozen=True, slots=True)
class Started:
    """One process of the station."""

    name: str
    """poller, dashboard, simulated line ...: for people."""
    pid: int
    start: int
    """When it started, in clock ticks after the machine did: /proc/PID/stat, field 22."""
    boot: str
    """The machine's boot id: pid and ticks may well come again after a reboot."""

    @property
    def runs(self) -> bool:
        """Whether this very process still runs, and not another one that got its number."""
        return self.start == start_time(self.pid) and self.boot == boot_id()


def boot_id() -> str:
    """Return what names this run of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def start_time(pid: int) -> int | None:
    """Return when the process started, in clock ticks since boot; None when it is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the name before it may hold spaces and brackets
    return None if fields[0] in "ZX" else int(fields[19])


def started(name: str, pid: int) -> Started:
    """Return the record of a process that runs now; raises ProcessLookupError when it does not."""
    start = start_time(pid)
    if start is None:
        raise ProcessLookupError(f"{name}: process {pid} is gone")
    return Started(name, pid, start, boot_id())


def launch(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a command in a session of its own, both its outputs appended to `log` (mode 0600)."""
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            env=dict(environment),
            start_new_session=True,
        )
    finally:
        os.close(descriptor)


class Book:
    """Which processes were started for one station: `state/station.json`."""

    def __init__(self, state: Path) -> None:
        """Keep the book in the folder `state`."""
        self.path = state / "station.json"

    def read(self) -> list[Started]:
        """Return what was written; a missing or damaged book is empty."""
        try:
            rows = json.loads(self.path.read_text(encoding="utf-8"))["processes"]
            return [Started(str(r["name"]), int(r["pid"]), int(r["start"]), str(r["boot"])) for r in rows]
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def running(self) -> list[Started]:
        """Return those that still run."""
        return [process for process in self.read() if process.runs]

    def write(self, processes: Sequence[Started]) -> None:
        """Write the book whole: a kill leaves the old one or the new one."""
        new = self.path.with_suffix(f".{os.getpid()}.new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump({"processes": [asdict(process) for process in processes]}, file)
        new.replace(self.path)

    def remove(self) -> None:
        """Forget everything."""
        self.path.unlink(missing_ok=True)


def end(
    processes: Sequence[Started],
    grace_s: float = GRACE_S,
    say: Callable[[str], None] = lambda words: None,
) -> list[Started]:
    """End exactly these processes; return those that could not be ended.

    1. Ask each with SIGTERM, the last started first.
    2. Wait until all are gone, `grace_s` at most.
    3. Kill what is left.
    A process is looked at again right before each signal, so that a stranger who got the number of
    one of ours is not touched.
    """
    for process in reversed(processes):
        _signal(process, signal.SIGTERM)
    left = _wait(processes, grace_s)
    for process in left:
        say(f"{process.name} (pid {process.pid}) did not end within {grace_s:g} s: killed.")
        _signal(process, signal.SIGKILL)
    return _wait(left, SETTLE_S)


def _wait(processes: Sequence[Started], limit_s: float) -> list[Started]:
    until = time.monotonic() + limit_s
    left = [process for process in processes if process.runs]
    while left and time.monotonic() < until:
        time.sleep(TICK_S)
        left = [process for process in left if process.runs]
    return left


def _signal(process: Started, number: signal.Signals) -> None:
    if process.runs:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process.pid, number)
