"""A real dashboard process with a history long enough to be cut off in the middle, and who asks it."""

import contextlib
import http.client
import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.browser.stage import Stage, frozen
from tests.dashboard.conftest import basic

RIGHT = "secure123"
EVERY_POLL = {"password": RIGHT, "every": "poll"}


def thicken(history: Path, times: int) -> None:
    """Store so many more polls after each one, a second apart: quicker than to simulate them.

    Each figure gets some noise, as on a wire: equal rows would be packed to nothing.
    """
    with contextlib.closing(sqlite3.connect(history)) as connection, connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(reading)")]
        noisy = [f"{name} + abs(random()) % 50" for name in names[4:]]
        rest = ", ".join((*names[1:4], *noisy))
        (last,) = connection.execute("SELECT max(key) FROM reading").fetchone()
        connection.execute(
            f"WITH RECURSIVE later(s) AS (SELECT 1 UNION ALL SELECT s + 1 FROM later WHERE s < {times})"  # noqa: S608
            f" INSERT OR IGNORE INTO reading SELECT key + ((s * 1000) << 8), {rest} FROM reading, later"
            " WHERE key < ?",
            (last - (60_000 << 8),),
        )
        connection.execute("UPDATE day SET rows = rows * ?", (times + 1,))


@contextlib.contextmanager
def serving(folder: Path, times: int = 49) -> Iterator[Stage]:
    """Give a station that serves some 140 000 polls: 20 MB of archive."""
    stage = Stage(folder)
    try:
        stage.remember()
        thicken(stage.home.history, times)
        stage.play(frozen)
        stage.serve()
        yield stage
    finally:
        stage.close()


class Caller:
    """A program that asks the dashboard."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.heard = b""
        """All that was answered to it in JSON."""
        self._connections: list[http.client.HTTPConnection] = []
        self._answers: list[http.client.HTTPResponse] = []

    def connection(self) -> http.client.HTTPConnection:
        made = http.client.HTTPConnection("127.0.0.1", self._stage.port, timeout=30)
        self._connections.append(made)
        return made

    def close(self) -> None:
        """Hang up whatever is still open."""
        for one in (*self._answers, *self._connections):
            one.close()

    def get(
        self, path: str, connection: http.client.HTTPConnection | None = None
    ) -> http.client.HTTPResponse:
        connection = connection or self.connection()
        connection.request("GET", path, headers={"Authorization": basic()})
        answer = connection.getresponse()
        self._answers.append(answer)
        return answer

    def post(self, path: str, told: dict[str, object]) -> Any:
        connection = self.connection()
        head = {"Authorization": basic(), "Content-Type": "application/json"}
        connection.request("POST", path, json.dumps(told), head)
        answer = connection.getresponse().read()
        self.heard += answer
        connection.close()
        return json.loads(answer)

    def begin(self, **order: object) -> http.client.HTTPResponse:
        """Ask for every poll and return the download at its first byte."""
        token = self.post("/api/export", {**EVERY_POLL, **order})["token"]
        return self.get(f"/api/export/file/{token}")


def until(true: Callable[[], object], seconds: float = 20.0) -> bool:
    """Return whether something became true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.05)
    return bool(true())


def children_of(pid: int) -> list[str]:
    """Return the command lines of a process's children and theirs."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError):
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            if parent == pid:
                child = int(status.parent.name)
                command = (status.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                found += [command, *children_of(child)]
    return found
