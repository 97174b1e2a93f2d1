"""A copy of the project in which the commands of the original's page are typed as they stand there."""

import base64
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from substation.commands.doors import PROJECT
from substation.commands.processes import Book
from tests.station_run import NO_PROXY

PARTS = (
    *("app.py", "datalogger.py", "dmf_reader.py", "encrypt_config.py", "messenger.py"),
    *("start.sh", "stop.sh"),
)
LIMIT_S = 120


class Page:
    """The folder of a person who follows the page; its environment is made already."""

    def __init__(self, folder: Path) -> None:
        """Copy the project into `folder`, beside what lies there; as compiled as it is."""
        self.folder = folder
        shutil.copytree(PROJECT / "substation", folder / "substation")
        for name in (*PARTS, "requirements.txt"):
            shutil.copy(PROJECT / name, folder)
        (folder / "venv").symlink_to(sys.prefix)

    @property
    def environment(self) -> dict[str, str]:
        """What the person's shell knows: no setting of ours but the environment that the tests run in."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SUBSTATION_")}
        return {**kept, "SUBSTATION_VENV": sys.prefix}

    def type(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command line as it is typed."""
        return subprocess.run(
            ["bash", "-c", command],
            check=False,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )

    def type_on_a_terminal(self, command: str, answers: str) -> tuple[int, str]:
        """Run a command line on a terminal, with these keys typed; return exit code and screen."""
        pid, master = pty.fork()
        if pid == 0:
            os.chdir(self.folder)
            os.execvpe("bash", ["bash", "-c", command], self.environment)  # noqa: S606 - a person's shell
        os.write(master, answers.encode())
        screen = b""
        until = time.monotonic() + LIMIT_S
        while time.monotonic() < until:
            if select.select([master], [], [], 0.2)[0]:
                try:
                    screen += os.read(master, 4096)
                except OSError:
                    break
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(master)
        return code, screen.decode(errors="replace")

    def go_on_with(self, command: str, **more: str) -> subprocess.Popen[str]:
        """Start a command line and go on."""
        return subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=self.folder,
            env={**self.environment, **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def running(self) -> list[str]:
        """Return the names of what `start.sh` started and still runs."""
        return [process.name for process in Book(self.folder / "state").running()]

    def look(self, port: int, user: str, password: str, path: str = "api/live") -> tuple[int, Any]:
        """Return status and JSON of the dashboard's answer to somebody who logs in."""
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/{path}", headers={"Authorization": f"Basic {token}"}
        )
        try:
            with NO_PROXY.open(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as exc:
            with exc:
                return exc.code, None
        except OSError:
            return 0, None

    def events(self) -> list[str]:
        """Return the events of the audit log, oldest first."""
        lines = (self.folder / "dashboard_audit.log").read_text().splitlines()
        return [json.loads(line)["event"] for line in lines]


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """End a process as Ctrl+C does; return its exit code and what it said."""
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    return process.returncode, said


def wait_until(question: Any, limit_s: float = 60) -> bool:
    """Return whether the answer became yes in time."""
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        if question():
            return True
        time.sleep(0.1)
    return False
