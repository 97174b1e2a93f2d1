"""Work that takes minutes: a command of `datalogger.py` in a child process that steps back behind all others.

One at a time, so that two never share a small machine. What it found it writes into its own file in
`state/`; here only its end is seen, and what it said when it failed.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from substation import notify

NICE = 19
GRACE_S = 3.0
DOOR = Path(__file__).resolve().parents[2] / "datalogger.py"
MOST_WORDS = 400
OF_THE_SERVICE = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
"""Only the poller itself gives signs of life."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that is over."""

    name: str
    code: int
    """Its exit code; 0 is well."""
    words: str
    """What it said on standard error, from its beginning."""


class Jobs:
    """At most one job at a time, for the station in `home`."""

    def __init__(self, home: Path, door: Path = DOOR) -> None:
        """Begin without one."""
        self._home, self._door = home, door
        self._child: subprocess.Popen[bytes] | None = None
        self._name = ""
        self._said: IO[bytes] | None = None

    @property
    def running(self) -> str:
        """The name of the job under way, or nothing."""
        return self._name

    def start(self, name: str, arguments: Sequence[str] = ()) -> None:
        """Start `datalogger.py NAME ARGUMENTS`. Raises OSError when that cannot be done."""
        if self._child is not None:
            raise ValueError(f"{self._name} is under way")
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the child; a pipe could fill up
        self._child = subprocess.Popen(
            [sys.executable, str(self._door), name, *arguments],
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._said,
            start_new_session=True,  # Ctrl+C is for the poller alone: it ends the job
        )
        self._name = name
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, self._child.pid, NICE)

    def _environment(self) -> dict[str, str]:
        ours = {name: value for name, value in os.environ.items() if name not in OF_THE_SERVICE}
        return {**ours, "SUBSTATION_HOME": str(self._home), notify.JOB_OF: str(os.getpid())}

    def look(self) -> Ended | None:
        """Return the job that has ended since the last look."""
        if self._child is None or self._said is None:
            return None
        code = self._child.poll()
        if code is None:
            return None
        self._said.seek(0)
        words = " ".join(self._said.read().decode("utf-8", "replace").split())
        ended = Ended(self._name, code, shortened(words))
        self._forget()
        return ended

    def stop(self) -> None:
        """End the job under way; it leaves nothing half done under its name."""
        if self._child is None:
            return
        self._child.terminate()
        try:
            self._child.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):  # one that hangs in a dead share stays
                self._child.wait(GRACE_S)
        self._forget()

    def _forget(self) -> None:
        if self._said is not None:
            self._said.close()
        self._child, self._said, self._name = None, None, ""


def shortened(words: str) -> str:
    """Return words as the state line has room for: whole sentences from the first on, as far as they go."""
    if len(words) <= MOST_WORDS:
        return words
    begin = words[: MOST_WORDS - 2]
    ends = max(begin.rfind(". "), begin.rfind("; "), begin.rfind("! "))
    cut = ends + 1 if ends >= MOST_WORDS // 2 else max(begin.rfind(" "), 0) or len(begin)
    return f"{begin[:cut].rstrip(' ;,')} \N{HORIZONTAL ELLIPSIS}"
