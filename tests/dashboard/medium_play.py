"""Visits the dashboard while its medium is full, read-only or gone: a real one, as `acquisition.medium_play`.

    unshare -m python -m tests.dashboard.medium_play full FOLDER

Prints by act and address the status of each answer, and of each page's content, as one JSON object.
"""

import json
import logging
import sys
from pathlib import Path
from typing import Any

from substation.dashboard import create_app
from substation.settings import vault
from tests.acquisition.medium_play import fill, mount, umount
from tests.dashboard.conftest import PASSWORD, Station, _verified, demo_settings, page_request
from tests.dashboard.person import CALLBACK, Person
from tests.fake_clock import FakeClock

PAGES = ("/", "/meter/1", "/health", "/audit", "/users", "/account", "/api/live")


class Caught(logging.Handler):
    """Keeps what was logged with a trace."""

    def __init__(self) -> None:
        super().__init__()
        self.traces: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.traces.append(self.format(record))


def visit(app: Any, name: str, path: str) -> list[Any]:
    person = Person(app, name, PASSWORD)
    answer = person.goes(path)
    content = person.acts(CALLBACK, json=page_request(path))
    return [answer.status_code, content.status_code]


def main(act: str, folder: str) -> None:
    vault.verify_password = _verified  # each pair of hash and password once
    caught = Caught()
    logging.getLogger().addHandler(caught)
    card, slot = Path(folder) / "card", Path(folder) / "slot"
    card.mkdir()
    slot.mkdir()
    mount("-t", "tmpfs", "-o", "size=16m", "memory", "/dev/shm")
    mount("-t", "tmpfs", "-o", "size=6m", "card", str(card))
    mount("--bind", str(card), str(slot))
    home = slot / "home"
    home.mkdir(mode=0o700)
    clock = FakeClock()
    station = Station(home, demo_settings(), clock)
    station.read()
    station.beat()

    def made() -> Any:
        return create_app(home, clock)

    said: dict[str, Any] = {}
    if act == "boot":
        mount("-o", "remount,ro", str(card))
    app = made()
    if act != "boot":
        visit(app, "administrator", "/")
    if act == "full":
        fill(card / "rubbish")
    if act == "gone":
        umount("-l", str(slot))
    clock.advance(20)
    said["broken"] = {path: visit(app, "administrator", path) for path in PAGES}
    said["wrong password"] = Person(app, "administrator", "no such thing at all").goes("/").status_code
    person = Person(app, "administrator", PASSWORD)
    person.goes("/")
    said["logout"] = person.acts("/logout").status_code
    said["traces"] = caught.traces
    if act == "full":
        (card / "rubbish").unlink()
    if act == "gone":
        mount("--bind", str(card), str(slot))
    if act == "boot":
        mount("-o", "remount,rw", str(card))
    clock.advance(20)
    said["kept"] = [path.name for path in slot.iterdir() if path.name != "home"]
    said["mended"] = {path: visit(app, "administrator", path) for path in PAGES}
    print(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
