"""`state/backup.json`: what came of the last copy and of the last proof. All that is written to the card."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from substation.errors import StoreError
from substation.store.copies import writer
from substation.store.copies.proving import Proof
from substation.store.copies.writer import Writer

VERSION = 1
MOST_WORDS = 2000


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


def proof_of(proof: Proof, problems: Sequence[str], whole_ms: int) -> dict[str, Any]:
    """Return a proof as the report keeps it; `whole_ms`: since when every file was proved, 0: not yet."""
    return {
        "at_ms": proof.at_ms,
        "ok": not problems,
        "words": "; ".join(problems)[:MOST_WORDS] or f"{proof.rows} rows came back right",
        "days": len(proof.days),
        "whole_ms": whole_ms,
    }


def note_proof(path: Path, proof: Proof, problems: Sequence[str], *, whole_ms: int) -> None:
    """Note a proof that was made without a copy. Raises StoreError."""
    found = read(path)
    if found:
        write(path, {**found, "proof": proof_of(proof, problems, whole_ms)})


def note_seen(path: Path, begun_ms: int, last: Writer | None) -> None:
    """Note that the station knows of the last copy on a medium. Raises StoreError."""
    found = read(path)
    seen = writer.remembered(found)
    writer.remember(seen, begun_ms, last)
    write(path, {**found, "seen": seen})


def read(path: Path) -> dict[str, Any]:
    """Return the last report; nothing where there is none that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and found.get("v") == VERSION else {}
