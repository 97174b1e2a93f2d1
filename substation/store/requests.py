"""What people ask of the poller: probe this meter now, scan that line. And what it answered.

A request is a row of `operator.db`, written by whoever asks; the poller only reads it. Its answer is a
file of its own, `state/answers/<id>.json`, written by the poller alone, whole each time. A request is
obeyed once, and only while it is young: one that waited for a poller that was not there is refused.

The poller opens the database for reading only, also where nobody else has it open: SQLite then makes the
two files beside it (`-wal`, `-shm`) itself, for which the poller may write in the station's folder.
"""

import contextlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from substation.clock import Clock
from substation.errors import Busy, StoreError
from substation.store.operator_db import OperatorDb

VERSION = 1
KEPT = 50
"""Answers on disk; older ones are removed."""
YOUNG_MS = 30_000
"""An older request is refused: who asked it looks elsewhere by now."""
PATIENCE_S = 0.1
"""So long the poller waits for whoever writes; a second later it looks again."""

Kind = Literal["probe", "scan", "identify", "read", "wiring"]
State = Literal["running", "done", "refused"]
Stamp = tuple[tuple[int, int, int], ...]


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
    """Plain JSON; its shape depends on the kind. Of a failed one `error` and its `kind`."""


def ask(db: OperatorDb, clock: Clock, kind: Kind, arguments: Mapping[str, Any], asked_by: str) -> int:
    """Write a request down; return its id."""
    with db.transaction() as connection:
        connection.execute("DELETE FROM request WHERE id <= (SELECT max(id) FROM request) - ?", (KEPT,))
        row = connection.execute(
            "INSERT INTO request (at_ms, kind, arguments, asked_by) VALUES (?, ?, ?, ?)",
            (clock.now_ms(), kind, json.dumps(arguments), asked_by),
        )
        return int(row.lastrowid or 0)


def stamp(path: Path) -> Stamp:
    """Return what changes whenever somebody writes to the database; costs two stats and opens nothing."""
    found = []
    for file in (path, path.with_name(f"{path.name}-wal")):
        with contextlib.suppress(OSError):
            status = file.stat()
            found.append((status.st_ino, status.st_mtime_ns, status.st_size))
    return tuple(found)


def rows_after(
    path: Path, table: str, columns: Sequence[str], last_id: int, lost: str
) -> list[tuple[Any, ...]]:
    """Return id and `columns` of the rows behind `last_id`, oldest first; none where there is no table yet.

    All of them where the file is another one than before, and has not counted so far yet. Opens it for
    reading only, and for a moment. Raises Busy when somebody writes just now, StoreError, which says what is
    `lost` by it, when it cannot be read.
    """
    if not path.exists():
        return []
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=PATIENCE_S)
        with contextlib.closing(connection):
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone():
                return []
            return connection.execute(
                f"SELECT id, {', '.join(columns)} FROM {table} "  # noqa: S608 - names of ours
                f"WHERE id > iif((SELECT max(id) FROM {table}) < ?1, 0, ?1) ORDER BY id",
                (last_id,),
            ).fetchall()
    except sqlite3.Error as exc:
        if getattr(exc, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Busy(f"{path}: another process holds it; it is looked at again") from exc
        raise StoreError(f"{path}: cannot be read ({exc}); {lost}") from exc


def after(path: Path, last_id: int) -> list[Request]:
    """Return the requests behind `last_id`, oldest first: see `rows_after`."""
    columns = ("at_ms", "kind", "arguments", "asked_by")
    rows = rows_after(path, "request", columns, last_id, "nobody can ask the poller for anything")
    return [Request(row[0], row[1], row[2], _arguments(row[3]), row[4]) for row in rows]


def _arguments(text: str) -> Mapping[str, Any]:
    """Return the arguments; what is none stands there as one that nothing takes, and is refused by it."""
    with contextlib.suppress(ValueError, TypeError):
        found = json.loads(text)
        if isinstance(found, dict):
            return found
    return {"unreadable": str(text)[:80]}


def answer(folder: Path, said: Answer) -> None:
    """Write an answer, whole, and forget the oldest. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{said.id}.json"
    fresh = path.with_suffix(".new")
    text = json.dumps({"v": VERSION, **asdict(said)}, ensure_ascii=False, separators=(",", ":"))
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
    for old in _ids(folder)[:-KEPT]:
        (folder / f"{old}.json").unlink(missing_ok=True)


def answered(folder: Path, request_id: int) -> Answer | None:
    """Return the answer to a request as far as it has come; None before the poller has seen it."""
    try:
        said = json.loads((folder / f"{request_id}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(said, dict) or said.pop("v", None) != VERSION:
        return None
    try:
        return Answer(**said)
    except TypeError:  # of another version after all
        return None


def running(folder: Path) -> list[Answer]:
    """Return the answers that say they are under way: by nobody, when the poller starts."""
    found = (answered(folder, request_id) for request_id in _ids(folder))
    return [said for said in found if said is not None and said.state == "running"]


def _ids(folder: Path) -> list[int]:
    return sorted(int(path.stem) for path in folder.glob("*.json") if path.stem.isdecimal())
