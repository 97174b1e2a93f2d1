"""What `/health` knows of the stores: asked of the history, its medium, and the files in `state/`.

A file that is missing, torn or foreign is "not known", never an error. The second medium itself is never
looked at from here: a share whose server is gone would hold the page; the poller's child writes down what it
found there.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from substation.clock import Clock
from substation.errors import StoreError
from substation.settings.model import Home
from substation.store import pool
from substation.store.check import report as check_report
from substation.store.copies import report as copies_report
from substation.store.door import journal_of
from substation.store.room import Room, room_of
from substation.store.salvage import report as salvage_report
from substation.store.schema import ROLLUPS, meta, meta_number

LIMIT_S = 1.0
TABLES = ("reading", *ROLLUPS)
DAY_MS, QUARTER_MS = 86_400_000, 900_000
DAILY = {"reading": DAY_MS, "minute": 1440}
"""Rows of one meter a day at most."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known."""

    now_ms: int
    history_bytes: int | None = None
    """None without a history."""
    problem: str = ""
    """Why the history cannot be read."""
    spans: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """By table the oldest and the newest row, UTC ms."""
    held_rows: Mapping[str, float] | None = None
    """About how many rows `reading` and `minute` hold."""
    polls_a_day: float | None = None
    """Single polls a day, at the pace of the last day's busiest quarter of an hour."""
    made_ms: int | None = None
    """When the history was made."""
    room: Room | None = None
    check: Mapping[str, Any] = field(default_factory=dict)
    salvage: salvage_report.Report | None = None
    copies: Mapping[str, Any] = field(default_factory=dict)
    medium: Mapping[str, Any] = field(default_factory=dict)
    """The heartbeat's part on the station's own medium."""
    clock: Mapping[str, Any] = field(default_factory=dict)
    """The heartbeat's part on who vouches for the clock."""
    job: str = ""
    """The command that the poller has going beside the polling."""

    @property
    def knows_growth(self) -> bool:
        """Whether a whole day of polls shows how fast the history grows; an import is no polling."""
        oldest_ms, newest_ms = self.spans.get("reading", (0, 0))
        return min(newest_ms - oldest_ms, newest_ms - (self.made_ms or oldest_ms)) >= DAY_MS


def gather(home: Home, clock: Clock, beat: Mapping[str, Any] | None, *, running: bool) -> Facts:
    """Return what is known now; of the heartbeat only while the poller runs."""
    said = beat if beat is not None and running else {}
    medium, job, trust = said.get("medium"), said.get("job"), said.get("clock")
    problem, asked = "", None
    try:
        asked = pool.ask(home.history, clock, LIMIT_S, _asked)
    except StoreError as exc:
        problem = str(exc)
    return Facts(
        clock.now_ms(),
        _size(home.history),
        problem,
        asked.spans if asked else {},
        asked.held_rows if asked else None,
        asked.polls_a_day if asked else None,
        asked.made_ms if asked else None,
        room_of(home.history.parent),
        _check(home, asked.uid if asked else ""),
        salvage_report.read(home),
        copies_report.read(home.copied),
        medium if isinstance(medium, dict) else {},
        trust if isinstance(trust, dict) else {},
        job if isinstance(job, str) else "",
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the history itself says."""

    spans: dict[str, tuple[int, int]]
    held_rows: dict[str, float]
    polls_a_day: float | None
    made_ms: int | None
    uid: str


def _asked(db: sqlite3.Connection) -> _Asked:
    spans = _spans(db)
    held = {table: _held(db, table, spans[table][0]) for table in DAILY if table in spans}
    since = spans["quarter"][1] - DAY_MS if "quarter" in spans else 0
    busiest = (
        "SELECT max(polls) FROM (SELECT sum(rows) AS polls FROM quarter WHERE key >= ? GROUP BY key >> 8)"
    )
    (polls,) = db.execute(busiest, (since << 8,)).fetchone()
    pace = polls * (DAY_MS / QUARTER_MS) if polls else None
    return _Asked(spans, held, pace, meta_number(db, "made_ms") or None, meta(db, "uid") or "")


def _held(db: sqlite3.Connection, table: str, oldest_ms: int) -> float:
    """Return about how many rows a table holds, from the days' own counts: to count them takes too long."""
    question = "SELECT total(min(rows, ?)) FROM day WHERE key >= ?"
    (rows,) = db.execute(question, (DAILY[table], oldest_ms - DAY_MS << 8)).fetchone()
    return float(rows)


def _check(home: Home, uid: str) -> Mapping[str, Any]:
    """Return the report of the last check, unless that looked at another history than this."""
    found = check_report.read(home)
    return {} if uid and found.get("uid") not in ("", None, uid) else found


def _spans(db: sqlite3.Connection) -> dict[str, tuple[int, int]]:
    found = {}
    for table in TABLES:
        # two questions in one: SQLite finds both ends by the key only when they are asked for one by one
        ends = f"SELECT (SELECT min(key) FROM {table}) >> 8, (SELECT max(key) FROM {table}) >> 8"  # noqa: S608
        oldest, newest = db.execute(ends).fetchone()
        if oldest is not None:
            found[table] = (int(oldest), int(newest))
    return found


def _size(path: Path) -> int | None:
    try:
        size = path.stat().st_size
    except OSError:
        return None
    try:
        return size + journal_of(path).stat().st_size
    except OSError:
        return size
