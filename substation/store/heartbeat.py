"""`state/poller.json`: the poller's sign of life, written each round, read by the dashboard.

One writer, whole files only: a reader sees the old one or the new one, never half of either. While its
medium fails it goes to memory (`spare`), and a reader takes the one that was written last. Which that is tell
the machine's start and the clock that never steps, both of which stand in it: the time of day may have been
set meanwhile.
"""

import contextlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from substation.clock import Clock, boot_id
from substation.store import spare

VERSION = 1
RETRY_S = 5.0
"""A medium that has failed is tried again so often; one that hangs must not hold up each round."""
MOST_BYTES = 4 * 1024 * 1024
"""A file that is longer is no heartbeat."""


class Pulse:
    """The writer of the heartbeat; there is one, the poller."""

    def __init__(self, path: Path, clock: Clock, is_there: Callable[[], bool] = lambda: True) -> None:
        """Name the file; `is_there` says whether the station's medium is where it belongs."""
        self._path, self._clock, self._is_there = path, clock, is_there
        self._boot = boot_id()
        self._again_s: float | None = None
        self._is_clean = False

    def write(self, beat: Mapping[str, Any]) -> None:
        """Write it in its place, or in memory. Raises OSError when neither takes it."""
        stamped = {**beat, "boot": self._boot, "mono_ms": round(self._clock.monotonic() * 1000)}
        if self._again_s is None or self._clock.monotonic() >= self._again_s:
            try:
                if not self._is_there():
                    raise FileNotFoundError(2, "the station's folder is not there", str(self._path))
                write(self._path, stamped)
            except OSError:
                self._again_s = self._clock.monotonic() + RETRY_S
                if not self._to_spare(stamped):
                    raise
                return
            if not self._is_clean:  # also what a poller before us left there
                spare.remove(self._path)
            self._again_s, self._is_clean = None, True
        elif not self._to_spare(stamped):
            raise OSError(5, "neither the station's folder nor memory takes the heartbeat", str(self._path))

    def _to_spare(self, beat: Mapping[str, Any]) -> bool:
        self._is_clean = False
        place = spare.beside(self._path)
        if place is None:
            return False
        with contextlib.suppress(OSError):
            write(place, beat)
            return True
        return False


def write(path: Path, beat: Mapping[str, Any]) -> None:
    """Replace the heartbeat. Makes the folder when it is missing; raises OSError when it cannot."""
    text = json.dumps({"v": VERSION, **beat}, ensure_ascii=False, separators=(",", ":"))
    fresh = path.with_name(f"{path.name}.new")
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def read(path: Path) -> dict[str, Any] | None:
    """Return the last heartbeat, or None when there is none that can be read.

    What stands in for it in memory counts only when this start of the machine wrote it, and wrote it later.
    A file of another version counts as none: its fields would be guesses.
    """
    found = _one(path)
    for place in spare.places(path):
        other = _one(place)
        if other is not None and other.get("boot") == boot_id() and _is_later(other, found):
            found = other
    return found


def _is_later(one: Mapping[str, Any], than: Mapping[str, Any] | None) -> bool:
    if than is None:
        return True
    if than.get("boot") == one.get("boot"):
        return _number(one, "mono_ms") > _number(than, "mono_ms")
    # of another start of the machine, and so earlier; without any word of it the time of day has to do
    return bool(than.get("boot")) or _number(one, "at_ms") > _number(than, "at_ms")


def _number(beat: Mapping[str, Any], key: str) -> float:
    value = beat.get(key)
    return float(value) if isinstance(value, int | float) else 0.0


def _one(path: Path) -> dict[str, Any] | None:
    try:
        with path.open("rb") as file:
            beat = json.loads(file.read(MOST_BYTES))
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
