"""What is remembered in `state/` of a history: whose it is, and how its salvage goes or went.

`state/history.json`: which history stands in this home, for when a damaged file cannot say it any more.
`state/salvage.json`: why the last damaged history was set aside, how far its salvage is, what it brought
back. Both are written whole; one that is missing, torn or foreign is "not known", never an error.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from substation.clock import utc
from substation.settings.model import Home
from substation.store import heartbeat
from substation.store.check import report as check_report

FOUND, RUNNING, FAILED, DONE, NOTHING = "found", "running", "failed", "done", "nothing"
"""States of a salvage: waits; under way; could not go on (no space); brought back; nothing could be read."""

_IDENTITY = "history.json"


@dataclass(slots=True)
class Lost:
    """What one table lost on one day."""

    table: str
    day: str
    """ISO, UTC."""
    rows: int | None
    """None when nobody knows how many there were."""


@dataclass(slots=True)
class Report:
    """One salvage."""

    state: str = FOUND
    file: str = ""
    """Name of the damaged file, in the home."""
    found_ms: int = 0
    """UTC ms: when it was set aside."""
    committed_ms: int = 0
    """UTC ms: what was polled up to then had been committed; 0 when nobody knows."""
    whole_ms: int = 0
    """UTC ms: when a check last found every row of it whole; 0 when nobody knows."""
    words: str = ""
    """What was wrong with it."""
    at_ms: int = 0
    """UTC ms: when this was written."""
    progress: str = ""
    """How far it is, or why it does not go on, in words."""
    saved: dict[str, int] = field(default_factory=dict)
    """Rows by table."""
    anew: dict[str, int] = field(default_factory=dict)
    """Of them made anew from the readings that they sum up, by table."""
    copied: dict[str, int] = field(default_factory=dict)
    """Of them taken from the copies, by table."""
    no_copies: str = ""
    """Why the copies on the second medium could not be used, in words."""
    lost: list[Lost] = field(default_factory=list)
    seconds: float = 0.0


def of_damage(home: Home, file: str, found_ms: int, words: str) -> Report:
    """Return what is known of a history that is set aside as `file`, and when it was whole last."""
    earlier, whole_ms = read(home), check_report.whole_at_ms(home, identity(home).get("uid"))
    if (earlier.found_ms if earlier else 0) < whole_ms <= found_ms:
        words = f"{words}; it was whole when it was checked on {utc(whole_ms):%Y-%m-%d at %H:%M} UTC"
    else:  # of the file before the last salvage, or by a clock that was ahead
        whole_ms = 0
    return Report(file=file, found_ms=found_ms, at_ms=found_ms, whole_ms=whole_ms, words=words)


def read(home: Home) -> Report | None:
    """Return what is known of the last salvage."""
    said = _read(home.salvaged)
    try:
        lost = [Lost(**one) for one in said.pop("lost", [])]
        return Report(**said, lost=lost) if said else None
    except TypeError:  # of another version
        return None


def write(home: Home, report: Report) -> None:
    """Replace it. Raises OSError."""
    heartbeat.write(home.salvaged, asdict(report))


def identity(home: Home) -> Mapping[str, str]:
    """Return what is remembered of this home's history: `uid`, `simulated`, `zone`; empty when nothing is."""
    said = _read(home.state / _IDENTITY)
    return {name: value for name, value in said.items() if isinstance(value, str)}


def remember(home: Home, facts: Mapping[str, str]) -> None:
    """Remember whose history stands in this home; written only when it is another. Raises OSError."""
    known = {name: facts[name] for name in ("uid", "simulated", "zone") if name in facts}
    if identity(home) != known:
        heartbeat.write(home.state / _IDENTITY, known)


def copies_hold_more(home: Home) -> bool:
    """Return whether the last copy found that the copies hold rows which a salvage had lost."""
    try:
        said = json.loads(home.copied.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(said, dict) and bool(said.get("fuller"))


def _read(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) and said.pop("v", None) == heartbeat.VERSION else {}
