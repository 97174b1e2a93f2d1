"""The newest of each meter in the history: its last answer, and the last good value of each quantity."""

import sqlite3
from collections.abc import Collection, Iterable, Mapping

from substation.quantities import BY_KEY, COUNTERS, INSTANTS, KEYS
from substation.readings import Reading
from substation.store import rollup, schema
from substation.store.rows import to_reading

DAYS_BACK = 400
"""Days with an answer that are looked through for a value that has not come for long."""


def latest(db: sqlite3.Connection, answered: bool) -> dict[int, Reading]:
    """Return by meter the newest answered reading, or the newest at all.

    Go down from the day over the minute to the reading: quick, however long a meter is silent.
    """
    condition = "AND n > 0" if answered else ""
    good = "AND quality = 0" if answered else ""
    found: dict[int, Reading] = {}
    for meter_id in meter_ids(db):
        begin = 0
        for table in ("day", "minute"):
            row = db.execute(
                f"SELECT key >> 8 FROM {table} WHERE key >= ? AND key & 255 = ? {condition} "  # noqa: S608
                "ORDER BY key DESC LIMIT 1",
                (begin << 8, meter_id),
            ).fetchone()
            begin = row[0] if row else begin
        row = db.execute(
            f"{schema.select('reading')} WHERE key >= ? AND key & 255 = ? {good} ORDER BY key DESC LIMIT 1",
            (begin << 8, meter_id),
        ).fetchone()
        if row:
            key, code, reason, mask, *values = row
            found[meter_id] = to_reading((key, code, reason, mask, values))
    return found


def meter_ids(db: sqlite3.Connection) -> list[int]:
    """Return the meters that the history knows."""
    return [meter_id for (meter_id,) in db.execute("SELECT DISTINCT key & 255 FROM day ORDER BY 1")]


def last_known(
    db: sqlite3.Connection, wanted: Mapping[int, Collection[str]]
) -> dict[int, dict[str, Reading]]:
    """Return by meter and quantity the newest answer with a good value of it, as far as `wanted`.

    From the days, which keep of each quantity the last good value and when it was read.
    """
    known: dict[int, dict[str, Reading]] = {}
    for meter_id, names in wanted.items():
        keys = [key for key in KEYS if key in names]
        found: dict[str, tuple[int, float]] = {}
        for day in _days(db, meter_id, keys):
            for key, steps, at_ms in _lasts(rollup.from_columns("day", day)):
                if key in keys and key not in found and steps is not None and at_ms is not None:
                    found[key] = at_ms, steps / BY_KEY[key].steps_per_unit
            if len(found) == len(keys):
                break
        known[meter_id] = _answers(meter_id, found)
    return known


def _days(db: sqlite3.Connection, meter_id: int, keys: Collection[str]) -> Iterable[tuple[int | None, ...]]:
    if not keys:
        return []
    some = " OR ".join(f"last_{key} IS NOT NULL" for key in keys)
    return db.execute(
        f"{schema.select_as_it_is(db, 'day')} WHERE key & 255 = ? AND ({some}) ORDER BY key DESC LIMIT ?",
        (meter_id, DAYS_BACK),
    )


def _lasts(day: rollup.Account) -> Iterable[tuple[str, int | float | None, int | None]]:
    yield from zip(INSTANTS, day.lasts, day.times, strict=True)
    yield from zip(COUNTERS, day.counters, day.counted, strict=True)


def _answers(meter_id: int, found: Mapping[str, tuple[int, float]]) -> dict[str, Reading]:
    """Return by quantity an answer that holds all that was read at the same moment."""
    together: dict[int, dict[str, float | None]] = {}
    for key, (at_ms, value) in found.items():
        together.setdefault(at_ms, {})[key] = value
    return {key: Reading(meter_id, at_ms, together[at_ms]) for key, (at_ms, _) in found.items()}
