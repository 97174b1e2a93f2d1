"""What the history last knew of each meter: for whoever takes up where another poller has ended."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from substation.clock import Clock
from substation.quantities import BY_KEY
from substation.store import pool

LIMIT_S = 2.0
SOUGHT_MS = 900_000
"""So far before its last sample a meter's register is looked for."""
_WATTS, _WH = BY_KEY["watts_total"], BY_KEY["wh_received"]


@dataclass(frozen=True, slots=True)
class LastKnown:
    """One meter's last sample. Times are UTC, ms."""

    at_ms: int
    watts: float | None
    wh: float | None = None
    """Its energy register, which is read less often."""
    wh_at_ms: int = 0


def last_known(path: Path, clock: Clock) -> dict[int, LastKnown]:
    """Return by meter id what it said last; empty without a history. Raises StoreError."""
    return pool.ask(path, clock, LIMIT_S, _of_all) or {}


def _of_all(db: sqlite3.Connection) -> dict[int, LastKnown]:
    found: dict[int, LastKnown] = {}
    for (meter_id,) in db.execute("SELECT DISTINCT key & 255 FROM day").fetchall():
        row = db.execute(
            "SELECT max(key) >> 8 FROM minute WHERE key & 255 = ? AND n > 0", (meter_id,)
        ).fetchone()
        if row[0] is None:
            continue
        sample = _newest(db, meter_id, row[0], "quality = 0")
        if sample is None:
            continue
        at_ms, watts, _ = sample
        register = _newest(db, meter_id, at_ms - SOUGHT_MS, "wh_received IS NOT NULL AND quality = 0")
        wh_at_ms, _, wh = register or (0, None, None)
        found[meter_id] = LastKnown(at_ms, _WATTS.from_steps(watts), _WH.from_steps(wh), wh_at_ms)
    return found


def _newest(
    db: sqlite3.Connection, meter_id: int, since_ms: int, condition: str
) -> tuple[int, int | None, int | None] | None:
    row: tuple[int, int | None, int | None] | None = db.execute(
        "SELECT key >> 8, watts_total, wh_received FROM reading "  # noqa: S608 - conditions of ours
        f"WHERE key >= ? AND key & 255 = ? AND {condition} ORDER BY key DESC LIMIT 1",
        (since_ms << 8, meter_id),
    ).fetchone()
    return row
