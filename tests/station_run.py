"""A station under test: started and stopped by the scripts that a person uses."""

import base64
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from substation.commands.doors import PROJECT
from substation.commands.processes import Book, Started

START_LIMIT_S = 120
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port() -> int:
    """Return a TCP port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _heed_hangups() -> None:
    """Let SIGHUP work in a child although the tests themselves may run under nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class StationRun:
    """One home, and the scripts run in it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.said = ""
        self.seen: list[Started] = []

    @property
    def environment(self) -> dict[str, str]:
        """What the scripts find: this home, and the environment that the tests run in."""
        venv = PROJECT / "venv"
        used = venv if (venv / "bin" / "python").exists() else Path(sys.prefix)
        return {**os.environ, "SUBSTATION_HOME": str(self.home), "SUBSTATION_VENV": str(used)}

    def start(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run `start.sh` until it returns."""
        done = self._run("start.sh", *arguments, cwd=cwd)
        self.seen = [*self.seen, *self.processes]
        return done

    def stop(self) -> subprocess.CompletedProcess[str]:
        """Run `stop.sh`."""
        self.seen = [*self.seen, *self.processes]
        return self._run("stop.sh")

    def in_foreground(self, *arguments: str, foreground: bool = True) -> subprocess.Popen[str]:
        """Run `start.sh` and go on."""
        command = [str(PROJECT / "start.sh"), *arguments, *(["--foreground"] if foreground else [])]
        return subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def under_systemd(self) -> subprocess.Popen[str]:
        """Run `start.sh` as systemd does: it names the very process that it started."""
        command = ["bash", "-c", 'export SYSTEMD_EXEC_PID=$$; exec "$0"', str(PROJECT / "start.sh")]
        return subprocess.Popen(
            command,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_heed_hangups,  # noqa: PLW1509  only a signal is set
        )

    def wait_until_up(self, process: subprocess.Popen[str]) -> list[Started]:
        """Return the children of a start in the foreground, when it has said that the station runs."""
        assert process.stdout
        for line in process.stdout:
            if "The station runs" in line:
                return [child for child in self.processes if child.pid != process.pid]
        raise AssertionError(process.communicate()[1])

    @property
    def processes(self) -> list[Started]:
        """What the book of this home says."""
        return Book(self.home / "state").read()

    def every_process(self) -> list[str]:
        """Return the command lines of all processes that run with this home, workers included."""
        found = []
        mark = f"SUBSTATION_HOME={self.home}\0".encode()
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit() or int(folder.name) == os.getpid():
                continue
            try:
                if mark in (folder / "environ").read_bytes():
                    words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    if words:  # a zombie has none
                        found.append(words)
            except OSError:
                continue
        return found

    def live(self, query: str = "") -> dict[str, Any]:
        """Return what `/api/live` says to admin."""
        token = base64.b64encode(b"admin:password123").decode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/live{query}", headers={"Authorization": f"Basic {token}"}
        )
        with NO_PROXY.open(request, timeout=10) as answer:
            result: dict[str, Any] = json.load(answer)
            return result

    def rows(self, question: str) -> int:
        """Return one number out of the history."""
        connection = sqlite3.connect(f"file:{self.home / 'daily_data.db'}?mode=ro", uri=True)
        try:
            number: int = connection.execute(question).fetchone()[0]
            return number
        finally:
            connection.close()

    def _run(self, script: str, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(PROJECT / script), *arguments],
            check=False,
            env=self.environment,
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=START_LIMIT_S,
        )
