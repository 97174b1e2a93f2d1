"""`state/poller.json`: the poller's sign of life, written each round, read by the dashboard.

One writer, whole files only: a reader sees the old one or the new one, never half of either.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

VERSION = 1


def write(path: Path, beat: Mapping[str, Any]) -> None:
    """Replace the heartbeat. Makes the folder when it is missing; raises OSError when it cannot."""
    text = json.dumps({"v": VERSION, **beat}, ensure_ascii=False, separators=(",", ":"))
    fresh = path.with_name(f"{path.name}.new")
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def read(path: Path) -> dict[str, Any] | None:
    """Return the last heartbeat, or None when there is none that can be read.

    A file of another version counts as none: its fields would be guesses.
    """
    try:
        beat = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return beat if isinstance(beat, dict) and beat.get("v") == VERSION else None


def meters(path: Path, simulated: bool) -> list[dict[str, Any]]:
    """Return what the last heartbeat says of its meters; nothing from the other kind of station."""
    beat = read(path) or {}
    said = beat.get("meters")
    if bool(beat.get("simulated")) != simulated or not isinstance(said, list):
        return []
    return [entry for entry in said if isinstance(entry, dict)]
