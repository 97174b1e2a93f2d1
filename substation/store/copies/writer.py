"""Which machine copied last: two machines of one cloned card have one uid, and must not share a folder.

Each copy gives itself a mark. The index says the mark of the last copy, its time and a hash of the machine
that took it; the station remembers the mark (`state/backup.json`, by the medium's beginning).

    the mark is the remembered one     nobody copied meanwhile: go on, in a new machine too
    the machine is this one            go on: the memory was lost, or the copy was broken off
    one of the machines is not known   go on
    else                               another machine copied meanwhile: refuse

A clone has the `machine-id` of its original, so the board's serial number counts too; where a board tells
none, the addresses of its built-in network sockets.
"""

import contextlib
import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from substation.clock import site_time
from substation.errors import StoreError

REMEMBERED = 8
"""Media of which the last mark is remembered: sticks that are changed in turn."""
_UNSET = ("", "uninitialized")


@dataclass(frozen=True, slots=True)
class Writer:
    """Who took the last copy."""

    machine: str
    """Says nothing elsewhere; empty: not known."""
    at_ms: int
    mark: str


def this(uid: str, now_ms: int, root: Path = Path("/")) -> Writer:
    """Return this machine as the writer of a new copy of the history `uid`."""
    known = identity(root)
    machine = hashlib.blake2b(known.encode(), key=uid.encode()[:64], digest_size=16).hexdigest()
    return Writer(machine if known else "", now_ms, secrets.token_hex(8))


def identity(root: Path) -> str:
    """Return what tells this machine from others; empty where it has no `machine-id`."""
    name = _text(root / "etc/machine-id")
    if name in _UNSET:
        return ""
    board = _text(root / "sys/firmware/devicetree/base/serial-number")
    return "\n".join([name, board] if board else [name, *sorted(_sockets(root / "sys/class/net"))])


def of(said: Any) -> Writer | None:
    """Return the writer as an index says it; None where it says none."""
    try:
        return Writer(str(said["machine"]), int(said["at_ms"]), str(said["mark"]))
    except (KeyError, TypeError, ValueError):
        return None


def remembered(report: dict[str, Any]) -> dict[str, str]:
    """Return from `state/backup.json` the mark of the last copy on each medium, by when that was begun."""
    seen = report.get("seen")
    return {str(key): str(mark) for key, mark in seen.items()} if isinstance(seen, dict) else {}


def remember(seen: dict[str, str], begun_ms: int, last: Writer | None) -> None:
    """Take the last copy on a medium into what is remembered."""
    if last is None:
        return
    seen.pop(str(begun_ms), None)
    seen[str(begun_ms)] = last.mark
    while len(seen) > REMEMBERED:
        del seen[next(iter(seen))]


def refuse_another(  # noqa: PLR0917 - what the words name
    folder: Path, site: str, zone: str, last: Writer | None, mine: Writer, mark: str | None
) -> None:
    """Raise StoreError when another machine took the last copy, and not the one remembered as `mark`."""
    if last is None or last.mark == mark or not last.machine or not mine.machine:
        return
    if last.machine == mine.machine:
        return
    raise StoreError(
        f"{folder}: another machine copied {site or 'this station'} there at "
        f"{site_time(last.at_ms, ZoneInfo(zone)):%Y-%m-%d %H:%M} (site time); nothing was copied. A moved "
        "card or a new machine: python3 datalogger.py backup --take-over. A cloned card: give the clone a "
        "history of its own, see docs/how-to/back-up-and-restore.md"
    )


def _sockets(folder: Path) -> Iterator[str]:
    """Yield the addresses of network sockets that are part of the machine: neither set nor plugged in."""
    with contextlib.suppress(OSError):
        for one in sorted(folder.iterdir()):
            is_part = (one / "device").exists() and "/usb" not in str((one / "device").resolve())
            is_radio = (one / "wireless").exists() or (one / "phy80211").exists()
            if is_part and not is_radio and _text(one / "addr_assign_type") == "0":
                yield _text(one / "address")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip(" \t\r\n\0")
    except OSError:
        return ""
