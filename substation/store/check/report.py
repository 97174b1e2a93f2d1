"""`state/check.json`: what the last look at the whole history found; and the digests that it proposes.

Written whole by `datalogger.py check`, read by the poller and by `/health`. A file that is missing, torn or
foreign is "not known", never an error.
"""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from substation.settings.model import Home
from substation.store.check.found import WHOLE, Found
from substation.store.digest import Digest

VERSION = 1


def as_state(found: Found, run: str = "", whole_ms: int = 0) -> dict[str, Any]:
    """Return it as it is written: times in UTC ms; `run` names the poller's watch (`History.watch`).

    `whole_ms` is when a check last found every row whole; 0 when nobody knows.
    """
    return {
        "v": VERSION,
        "at_ms": found.at_ms,
        "run": run,
        "uid": found.uid,
        "state": found.state,
        "words": found.words,
        "damages": [dataclasses.asdict(damage) for damage in found.damages],
        "more": found.more,
        "notes": found.notes,
        "looked": found.looked,
        "days": found.days,
        "took_s": round(found.took_s, 1),
        "whole_ms": whole_ms,
    }


def write(home: Home, found: Found, run: str = "") -> None:
    """Write both files; raises OSError."""
    digests = {"v": VERSION, "run": run, "digests": found.digests}
    _replace(_digests_of(home), digests)  # first: whoever sees the report finds its digests
    whole_ms = found.at_ms if found.state == WHOLE else whole_at_ms(home, found.uid)
    _replace(home.checked, as_state(found, run, whole_ms))


def read(home: Home) -> dict[str, Any]:
    """Return the last report; empty when it is not known."""
    return _read(home.checked)


def whole_at_ms(home: Home, uid: str | None) -> int:
    """Return when a check last found every row of this history whole, UTC ms; 0 when nobody knows."""
    said = _read(home.checked)
    if uid and said.get("uid") not in (uid, "", None):
        return 0
    at_ms = said.get("whole_ms", said.get("at_ms") if said.get("state") == WHOLE else 0)
    return at_ms if isinstance(at_ms, int) else 0


def proposed(home: Home, run: str) -> list[Digest]:
    """Return the digests that this run proposes."""
    said = _read(_digests_of(home))
    rows = said.get("digests")
    if said.get("run") != run or not isinstance(rows, list):
        return []
    return [(str(table), int(day), int(count), int(total)) for table, day, count, total in rows]


def _digests_of(home: Home) -> Path:
    return home.checked.with_name("check-digests.json")


def _replace(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
    fresh.replace(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and found.get("v") == VERSION else {}
