"""Which rows of the live file a salvage has dealt with: they must not be counted a second time.

A salvage takes the committed rows of the live file for readings, and drops what contradicts the rollups. What
it dropped may be counted there still. Time alone does not tell: a clock that was ahead and was set back polls
again before the end of what was salvaged. So of each row is asked whether its minute, quarter, hour and day
count more than stands below them.
"""

import sqlite3
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from substation.store import digest, rollup, schema
from substation.store.rows import Row

_FINER = {"minute": "reading", "quarter": "minute", "hour": "quarter", "day": "hour"}
_LONGEST_MS = {"minute": 60_000, "quarter": 900_000, "hour": 2 * 3_600_000, "day": 26 * 3_600_000}


def not_dealt_with(db: sqlite3.Connection, rows: Sequence[Row], zone: ZoneInfo) -> list[Row]:
    """Return the rows that no salvage has dealt with.

    On a day of which damage took rows an account that is not there may have been lost, and may have been
    counted into coarser ones: a row from before the end of the salvage is then not taken.
    """
    salvaged_ms = schema.meta_number(db, schema.SALVAGED_TO)
    if not salvaged_ms or all(row[0] >> 8 > salvaged_ms for row in rows):
        return list(rows)
    lost = digest.lost_days(db)
    seen: dict[tuple[str, int], bool] = {}

    def is_counted(row: Row) -> bool:
        at_ms, meter = row[0] >> 8, row[0] & 0xFF
        is_lost = at_ms // digest.DAY_MS in lost
        for table in _FINER:
            key = rollup.period_start(table, at_ms, zone) << 8 | meter
            if (table, key) not in seen:  # what is taken meanwhile adds to both sides alike
                seen[table, key] = _counts_more(db, table, key, zone, if_missing=is_lost)
            if seen[table, key]:
                return True
        return False

    return [row for row in rows if row[0] >> 8 > salvaged_ms or not is_counted(row)]


def _counts_more(db: sqlite3.Connection, table: str, key: int, zone: ZoneInfo, *, if_missing: bool) -> bool:
    """Return whether an account counts readings that the rows below it do not hold."""
    found = db.execute(f"SELECT rows FROM {table} WHERE key = ?", (key,)).fetchone()  # noqa: S608 - ours
    if found is None:
        return if_missing
    finer, start_ms = _FINER[table], key >> 8
    what = "1" if finer == "reading" else "rows"
    below = db.execute(
        f"SELECT key >> 8, {what} FROM {finer} WHERE key >= ? AND key < ? AND key & 255 = ?",  # noqa: S608
        (key, key + (_LONGEST_MS[table] << 8), key & 0xFF),
    )
    there = sum(rows for at_ms, rows in below if rollup.period_start(table, at_ms, zone) == start_ms)
    return bool(there < found[0])
