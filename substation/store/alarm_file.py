"""`state/alarms.json`: the state of every alarm, written by the poller alone, whole and synced each time.

It is written before a transition is noted in the history, and holds the transitions that may not stand there
yet: so a kill between the two loses none, and one that stands there already is known by its id. Whoever shows
alarms reads it too; it changes when an alarm does.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from substation.alarms.state import Alarms, from_json, to_json
from substation.errors import SettingsError, StoreError
from substation.settings.atomic import write_atomic

VERSION = 1
MOST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Saved:
    """The alarms, with when they were saved by the clock that never steps."""

    alarms: Alarms
    boot: str
    mono_ms: int


def write(path: Path, saved: Saved, *, simulated: bool) -> None:
    """Replace the file. Raises StoreError; the old one is still there then."""
    head = {"v": VERSION, "simulated": simulated, "boot": saved.boot, "mono_ms": saved.mono_ms}
    text = (
        json.dumps(head, separators=(",", ":")).encode()[:-1] + b',"alarms":' + to_json(saved.alarms) + b"}"
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, text, 0o600)
    except (OSError, SettingsError) as exc:
        raise StoreError(f"{path}: the alarms cannot be saved ({exc}); they go on in memory") from exc


def read(path: Path, *, simulated: bool) -> Saved | None:
    """Return what was saved; None where nothing was, or by a station of the other kind.

    Raises StoreError when the file cannot be understood.
    """
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(MOST_BYTES))
        if not isinstance(found, dict) or found.get("v") != VERSION:
            raise ValueError("it is of another version")
        if found.get("simulated") is not simulated:
            return None
        alarms = from_json(json.dumps(found.get("alarms")).encode())
        return Saved(alarms, str(found.get("boot")), int(found.get("mono_ms", 0)))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError, TypeError) as exc:
        first = str(exc).partition("\n")[0]
        raise StoreError(f"{path}: the saved alarms cannot be read ({first})") from exc
