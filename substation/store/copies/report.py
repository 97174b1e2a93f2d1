"""`state/backup.json`: what came of the last copy and of the last proof. All that is written to the card."""

import json
import math
import os
from pathlib import Path
from typing import Any

from substation.errors import StoreError

VERSION = 1


def write(path: Path, found: dict[str, Any]) -> None:
    """Replace the report whole. Raises StoreError."""
    text = json.dumps({"v": VERSION, **found}, ensure_ascii=False, separators=(",", ":"))
    fresh = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as exc:
        raise StoreError(f"{path} cannot be written ({exc.strerror}); the copy itself is done") from exc


def read(path: Path) -> dict[str, Any]:
    """Return the last report; nothing where there is none that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and found.get("v") == VERSION else {}


def number(found: dict[str, Any], name: str) -> int:
    """Return a number of a report; 0 where it says none."""
    value = found.get(name)
    return int(value) if isinstance(value, int | float) and math.isfinite(value) else 0
