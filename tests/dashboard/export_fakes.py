"""An export engine that a test holds in its hands."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from substation import export
from substation.errors import SubstationError
from substation.export import Measure, Order, Outcome, Progress
from substation.settings.vault import DEMO_PASSWORDS
from tests.dashboard.conftest import PASSWORD, Browser, Station, basic

RIGHT = DEMO_PASSWORDS["export"]
FILE = "/api/export/file/"

CHUNKS = (b"PK first", b" second", b" third")


class FakeRunning:
    """A child that yields what it is given, and ends as it is told."""

    def __init__(self, chunks: tuple[bytes, ...] = CHUNKS, fails: str = "") -> None:
        self._chunks, self._fails = chunks, fails
        self.sent = 0
        self.cancelled = False
        self.outcome: Outcome | None = None

    @property
    def progress(self) -> Progress:
        return Progress(self.sent * 100, 300, self.sent * 10, 1.0, 2.0)

    def chunks(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            if self.cancelled:
                raise SubstationError("the export is not whole: cancelled")
            self.sent += 1
            yield chunk
        if self._fails:
            raise SubstationError(self._fails)
        self.outcome = Outcome(True, 300, 22, "ab" * 32, "")

    def cancel(self) -> None:
        self.cancelled = True


class Engine:
    """Stands for `substation.export`: remembers what was started, and how."""

    def __init__(self) -> None:
        self.started: list[dict[str, Any]] = []
        self.next: FakeRunning | SubstationError | None = None
        self.rows = 300
        self.running: FakeRunning | None = None

    def start(self, folder: Path, order: Order, password: str, **named: Any) -> FakeRunning:
        if isinstance(self.next, SubstationError):
            raise self.next
        self.started.append({"folder": folder, "order": order, "password": password, **named})
        self.running = self.next or FakeRunning()
        return self.running

    def measure(self, _history: Path, _order: Order, **_named: Any) -> Measure:
        return Measure(self.rows, self.rows * 330, None, () if self.rows else ("no rows",))


def put_in(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Put an engine in place of the real one."""
    engine = Engine()
    monkeypatch.setattr(export, "start", engine.start)
    monkeypatch.setattr(export, "measure", engine.measure)
    return engine


def as_user(name: str) -> type[Browser]:
    """Return a browser that is logged in under this name."""
    said = {"Authorization": basic(name, PASSWORD), "Host": "localhost:8050"}
    return type("Somebody", (Browser,), {"said": said})


def ask(client: Browser, password: str = RIGHT, **order: Any) -> Any:
    """Ask for an export."""
    return client.post("/api/export", json={"password": password, **order})


def events(station: Station) -> list[str]:
    """Return the audit events of the export so far."""
    return [line["event"] for line in station.audit_lines() if line["event"].startswith("export.")]


def why(station: Station) -> str:
    """Return the reason in the last audit line."""
    return str(station.audit_lines()[-1]["d"]["why"])
