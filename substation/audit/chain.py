"""The form of an audit line and its MAC.

Keys, in this order: `seq`, `utc`, `local` (site time with offset), `boot` (which start of the
machine), `svc`, `pid`, `event`, `user`, `src`, `ok`, `d` (details), `prev` (MAC of the line before),
`mac` = HMAC-SHA256(K, prev || the line without `prev` and `mac`), in hex.
"""

import contextlib
import fcntl
import hmac
import json
import math
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from substation.clock import Clock

FIRST = "0" * 64
"""What the first line names as the MAC before it."""
MAX_TEXT = 200
"""Characters kept of any text that somebody else chose."""
MAX_LINE = 4096
"""Bytes of a line; a longer one loses its details, and says so."""
MAX_ITEMS = 20
"""Items kept of a list or of the details."""
LOCK_WAIT_S = 2.0
"""So long a writer waits for the others before it gives up; each holds the lock well under 1 ms."""
MAX_SEQ = 2**53
KEYS = ("seq", "utc", "local", "boot", "svc", "pid", "event", "user", "src", "ok", "d", "prev", "mac")
HIDDEN = "(hidden)"
_SECRET_NAME = re.compile(r"passw|secret|token|hash|cookie|authorization|(^|_)key$", re.IGNORECASE)
_SECRET_VALUE = re.compile(r"\$argon2|gAAAA[\w-]{15}|pbkdf2:|scrypt:")
_as_json = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode
"""Made once: `json.dumps` would make an encoder for each line, twice a line when a log of years is proved."""


def canonical(record: Mapping[str, object]) -> bytes:
    """Return the one way in which a record is written: ASCII, no spaces, no line break inside."""
    return _as_json(record).encode("ascii")


def mac_of(key: bytes, record: Mapping[str, object]) -> str:
    """Return the MAC, in hex, that belongs to a record under this key."""
    body = {name: value for name, value in record.items() if name not in ("prev", "mac")}
    message = str(record.get("prev", "")).encode("ascii", "replace") + canonical(body)
    return hmac.digest(key, message, "sha256").hex()


def read_line(line: bytes) -> dict[str, object] | None:
    """Return the record on a line, or None when it is no audit line as this program writes it."""
    try:
        record = json.loads(line)
        whole = isinstance(record, dict) and tuple(record) == KEYS and canonical(record) == line
    except (ValueError, RecursionError):
        return None
    if not whole or type(record["seq"]) is not int or not isinstance(record["mac"], str):
        return None
    return record if 0 < record["seq"] < MAX_SEQ else None


def fits(key: bytes, record: Mapping[str, object]) -> bool:
    """Return whether the record carries its own right MAC."""
    return hmac.compare_digest(mac_of(key, record).encode(), str(record["mac"]).encode("ascii", "replace"))


def plain(value: object, name: str = "", depth: int = 0) -> object:
    """Return a detail as it may stand in the log: JSON, short, and without secrets."""
    if isinstance(value, str):
        text = value[:MAX_TEXT]
        return HIDDEN if text and (_SECRET_NAME.search(name) or _SECRET_VALUE.search(text)) else text
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else str(value)[:MAX_TEXT]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth < 3 and isinstance(value, Mapping):
        return {
            str(key)[:MAX_TEXT]: plain(item, str(key), depth + 1)
            for key, item in list(value.items())[:MAX_ITEMS]
        }
    if depth < 3 and isinstance(value, list | tuple | set | frozenset):
        return [plain(item, name, depth + 1) for item in list(value)[:MAX_ITEMS]]
    return plain(str(value), name)


def lock_path(path: Path) -> Path:
    """Return the lock beside the log; a file of its own, so that the log can be rotated under it."""
    return path.with_name(f"{path.name}.lock")


class Stuck(OSError):
    """Somebody holds the lock for longer than a line takes."""


@contextlib.contextmanager
def locked(path: Path, clock: Clock, wait_s: float = LOCK_WAIT_S) -> Iterator[None]:
    """Hold the log against other writers, of this process and of others.

    Raises:
        Stuck: somebody holds it for longer than `wait_s`.
        OSError: the lock file cannot be opened.
    """
    handle = os.open(lock_path(path), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o660)
    try:
        _close_to_readers(handle)
        until = clock.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as exc:
                if clock.monotonic() >= until:
                    raise Stuck(exc.errno, "another process holds its lock and does not let go") from exc
            clock.sleep(0.002)
        yield
    finally:
        os.close(handle)


def _close_to_readers(handle: int) -> None:
    """Take the lock file from all who may not write it: whoever can open it can hold it."""
    status = os.fstat(handle)
    allowed = 0o660 if status.st_mode & 0o020 else 0o600
    if stat.S_IMODE(status.st_mode) & ~allowed and status.st_uid == os.geteuid():
        os.fchmod(handle, allowed)
