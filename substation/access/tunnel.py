"""What this machine knows of a tunnel to its dashboard: our own record, and what a local ngrok says.

`state/tunnel.json` is written by the tunnel's process alone, which holds `state/tunnel.lock` for as long as
it lives. The lock is what proves that the record still counts: the kernel gives it back when the process is
killed, and it is seen across users and sandboxes, which hide each other's processes.
"""

import fcntl
import http.client
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from substation.clock import Clock
from substation.errors import Busy, StoreError

VERSION = 1
API_PORTS = (4040, 4041, 4042, 4043)
"""Where an ngrok offers its own interface on this machine: the first of these that was free."""
SUFFIXES = (
    ".ngrok-free.app",
    ".ngrok-free.dev",
    ".ngrok.app",
    ".ngrok.dev",
    ".ngrok.io",
)
"""Names that ngrok gives out."""
ASK_S = 0.3
LARGEST_ANSWER = 200_000
LOCK_TRIES, LOCK_TRY_S = 10, 0.02
"""Whoever only asks whether the lock is held has it for an instant."""


@dataclass(frozen=True, slots=True)
class Record:
    """The tunnel that is open now."""

    host: str
    url: str
    pid: int
    """Of the ngrok that carries it, with `start` and `boot` as in `commands.processes`."""
    start: int
    boot: str
    at_ms: int
    """Since when, UTC ms."""


def write(path: Path, record: Record) -> None:
    """Put the record in place whole; raises OSError."""
    new = path.with_name(f"{path.name}.new")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump({"v": VERSION, **asdict(record)}, file)
    new.replace(path)


def read(path: Path) -> Record | None:
    """Return what was written last, whether or not that tunnel still runs; None when there is nothing."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        if said["v"] != VERSION:
            return None
        return Record(
            str(said["host"]).lower(),
            str(said["url"]),
            int(said["pid"]),
            int(said["start"]),
            str(said["boot"]),
            int(said["at_ms"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def lock_path(record: Path) -> Path:
    """Return the lock that goes with a record."""
    return record.with_suffix(".lock")


def take_lock(record: Path, clock: Clock) -> int:
    """Return a handle that holds the tunnel's lock until it is closed.

    Raises:
        Busy: a tunnel of this station runs already.
        StoreError: the folder cannot be written.
    """
    path = lock_path(record)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise StoreError(f"{path} cannot be opened ({exc.strerror}); check its folder") from exc
    for left in range(LOCK_TRIES, -1, -1):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if not left:
                os.close(handle)
                raise Busy("a tunnel of this station already runs; stop it first: ./stop.sh") from None
        clock.sleep(LOCK_TRY_S)
    return handle


def is_held(record: Path) -> bool:
    """Return whether the process that wrote the record still lives.

    Asked of the lock itself: `/proc/locks` is hidden from sandboxed services. Our own hold lasts for
    microseconds; `take_lock` waits for longer than that.
    """
    try:
        handle = os.open(lock_path(record), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def looks_like_ngrok(host: str) -> bool:
    """Return whether a name is one that ngrok gives out; a domain of one's own is not known by its looks."""
    return host.endswith(SUFFIXES)


def ask(api_port: int, timeout_s: float = ASK_S) -> list[tuple[str, str, int]]:
    """Return (host, address, our port) of each tunnel that the ngrok at this local port has open.

    Nothing when no ngrok is there, or when something else answers.
    """
    connection = http.client.HTTPConnection("127.0.0.1", api_port, timeout=timeout_s)
    try:
        connection.request("GET", "/api/tunnels", headers={"Accept": "application/json"})
        answer = connection.getresponse()
        said = json.loads(answer.read(LARGEST_ANSWER)) if answer.status == 200 else {}
        rows = said.get("tunnels", []) if isinstance(said, dict) else []
        return [found for row in rows if (found := _tunnel(row)) is not None]
    except (OSError, ValueError, http.client.HTTPException):
        return []
    finally:
        connection.close()


def _tunnel(row: object) -> tuple[str, str, int] | None:
    try:
        url = row["public_url"]  # type: ignore[index]
        target = str(row["config"]["addr"])  # type: ignore[index]
        host = urlsplit(url).hostname
        port = urlsplit(target if "//" in target else f"//{target}").port
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return (host.lower(), str(url), port) if host and port else None
