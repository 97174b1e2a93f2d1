"""What people ask of the poller: probe this meter now, scan that line. And what it answered.

A request is a row of `operator.db`, written by whoever asks; the poller only reads it. Its answer is a
file of its own, `state/answers/<id>.json`, written by the poller alone, whole each time. A request is
obeyed once, and only while it is young: one that waited for a poller that was not there is refused.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from substation.clock import Clock
from substation.store.operator_db import OperatorDb

VERSION = 1
KEPT = 50
"""Answers on disk; older ones are removed."""
YOUNG_MS = 30_000
"""An older request is refused: who asked it looks elsewhere by now."""

Kind = Literal["probe", "scan", "identify", "read", "wiring"]
State = Literal["running", "done", "refused"]


@dataclass(frozen=True, slots=True)
class Request:
    """One request."""

    id: int
    at_ms: int
    kind: str
    arguments: Mapping[str, Any]
    asked_by: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the poller says to it, as far as it has come."""

    id: int
    kind: str
    state: State
    words: str
    """For people: what is being done, what was found, or why not."""
    at_ms: int
    progress: float = 0.0
    """0 to 1."""
    result: Mapping[str, Any] = field(default_factory=dict)
    """Plain JSON; its shape depends on the kind."""


def ask(db: OperatorDb, clock: Clock, kind: Kind, arguments: Mapping[str, Any], asked_by: str) -> int:
    """Write a request down; return its id."""
    with db.transaction() as connection:
        connection.execute("DELETE FROM request WHERE id <= (SELECT max(id) FROM request) - ?", (KEPT,))
        row = connection.execute(
            "INSERT INTO request (at_ms, kind, arguments, asked_by) VALUES (?, ?, ?, ?)",
            (clock.now_ms(), kind, json.dumps(arguments), asked_by),
        )
        return int(row.lastrowid or 0)


def after(path: Path, last_id: int) -> list[Request]:
    """Return the requests behind `last_id`, oldest first; none where there is no database yet.

    Opens the file for reading only, and for a moment.
    """
    if not path.exists():
        return []
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=0.1)
    try:
        rows = connection.execute(
            "SELECT id, at_ms, kind, arguments, asked_by FROM request WHERE id > ? ORDER BY id", (last_id,)
        ).fetchall()
    except sqlite3.Error:  # busy, or a file without the table: nothing is asked now
        return []
    finally:
        connection.close()
    return [Request(row[0], row[1], row[2], json.loads(row[3]), row[4]) for row in rows]


def answer(folder: Path, said: Answer) -> None:
    """Write an answer, whole, and forget the oldest."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{said.id}.json"
    fresh = path.with_suffix(".new")
    text = json.dumps({"v": VERSION, **asdict(said)}, ensure_ascii=False, separators=(",", ":"))
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
    for old in sorted(folder.glob("*.json"), key=lambda p: int(p.stem) if p.stem.isdigit() else -1)[:-KEPT]:
        old.unlink(missing_ok=True)


def answered(folder: Path, request_id: int) -> Answer | None:
    """Return the answer to a request as far as it has come; None before the poller has seen it."""
    try:
        said = json.loads((folder / f"{request_id}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(said, dict) or said.pop("v", None) != VERSION:
        return None
    return Answer(**said)
