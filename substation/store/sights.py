"""When a meter was polled last before a moment: so between which polls a change lies."""

import sqlite3
from collections.abc import Sequence

from substation.store import schema

BACK_MS = 600_000
"""So far back a poll is looked for; where there was none for so long, nobody looked."""
MINUTE_MS = 60_000


def before(
    db: sqlite3.Connection, meter_id: int, moments_ms: Sequence[int], *, answered: bool
) -> dict[int, int | None]:
    """Return by moment, UTC ms, the last poll of the meter before it, UTC ms; None where there was none.

    Where retention has taken the single polls: twice their mean distance in the minute before, or that
    minute's last answer, whichever is later. `answered`: only polls that were answered; else one in vain
    counts too, a sight of a meter that fell silent with its circuit.
    """
    raw_from_ms = schema.meta_number(db, schema.RAW_FROM)
    return {
        at_ms: _poll(db, meter_id, at_ms, answered=answered)
        if at_ms - BACK_MS >= raw_from_ms
        else _by_minute(db, meter_id, at_ms)
        for at_ms in moments_ms
    }


def _poll(db: sqlite3.Connection, meter_id: int, at_ms: int, *, answered: bool) -> int | None:
    good = "AND quality = 0 " if answered else ""
    row = db.execute(
        f"SELECT key >> 8 FROM reading WHERE key >= ? AND key < ? AND key & 255 = ? {good}"  # noqa: S608
        "ORDER BY key DESC LIMIT 1",
        ((at_ms - BACK_MS) << 8, at_ms << 8, meter_id),
    ).fetchone()
    return None if row is None else int(row[0])


def _by_minute(db: sqlite3.Connection, meter_id: int, at_ms: int) -> int | None:
    own_ms = at_ms // MINUTE_MS * MINUTE_MS
    row = db.execute(
        "SELECT key >> 8, n, last_ms FROM minute WHERE key >= ? AND key < ? AND key & 255 = ? AND n > 0 "
        "ORDER BY key DESC LIMIT 1",
        ((at_ms - BACK_MS) << 8, own_ms << 8, meter_id),
    ).fetchone()
    if row is None:
        return None
    begin_ms, polls, last_ms = row
    near_ms = at_ms - 2 * MINUTE_MS // polls if polls > 1 and begin_ms == own_ms - MINUTE_MS else 0
    return max(int(begin_ms) + int(last_ms or 0), near_ms)
