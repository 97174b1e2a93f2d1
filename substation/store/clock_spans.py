"""Times at which nobody vouched for the clock: which rows were stamped by it, and how far it was off.

A span is one stretch of one start of the machine in which the clock ran without a step. A row stamped in it
ends its `reason` with `clock N`, an event its detail with `(clock N)`, N being the span. Once somebody
vouches for the clock, the offset of every span of this start is known to the millisecond, because all of
them are tied to the one clock that never steps. `correct` then moves the rows to their true times and takes
the mark off.
"""

import datetime as dt
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from substation.clock import day_start_ms, iso
from substation.errors import StoreError
from substation.store import rollup, schema
from substation.store.rows import Row

MARK = re.compile(r"(?:^| )clock (\d+)$")
"""The end of a marked row's reason."""
EVENT_MARK = re.compile(r" ?\(clock (\d+)\)$")
"""The end of a marked event's detail."""
LASTED = re.compile(
    r"no samples for (?:-?\d+ s|a time that is not known: the clock lies before the last sample)"
)
"""In the words of a station's gap."""
RIGHT_MS = 100
"""A clock that was off by less was right."""
SLICE = 5000
"""Rows rolled up at once."""
DAY_MS = 86_400_000

Changed = Callable[[str, Sequence[Any] | None, Sequence[Any] | None], None]
"""Table, the row that came, the row that went."""


@dataclass(frozen=True, slots=True)
class Span:
    """One stretch."""

    id: int
    boot: str
    skew_ms: int
    """What the clock said, less the clock that never steps."""
    begin_ms: int
    """By the clock that nobody vouched for, as `end_ms`: the first row or later."""
    end_ms: int
    offset_ms: int | None
    """To be added to its times; None while nobody knows."""
    corrected_ms: int | None
    """UTC ms: when its rows were moved."""

    @property
    def is_off(self) -> bool:
        """Whether the times of its rows are wrong, or may be."""
        return self.corrected_ms is None and (self.offset_ms is None or abs(self.offset_ms) >= RIGHT_MS)


def marked(reason: str | None, span: int) -> str:
    """Return the reason of a row that was stamped in the span."""
    return f"{reason} clock {span}" if reason else f"clock {span}"


def span_of(reason: str | None) -> int | None:
    """Return the span in whose mark a reason ends, or None."""
    found = MARK.search(reason or "")
    return int(found[1]) if found else None


def begin(db: sqlite3.Connection, boot: str, skew_ms: int, now_ms: int) -> int:
    """Begin a span, or go on with the one that this start of the machine has at this skew; return its id.

    Inside a transaction.
    """
    row = db.execute(
        "SELECT id FROM clock_span WHERE boot = ? AND abs(skew_ms - ?) < 1000 AND offset_ms IS NULL "
        "ORDER BY id DESC LIMIT 1",
        (boot, skew_ms),
    ).fetchone()
    if row is not None:
        return int(row[0])
    made = db.execute(
        "INSERT INTO clock_span (boot, skew_ms, begin_ms, end_ms) VALUES (?, ?, ?, ?)",
        (boot, skew_ms, now_ms, now_ms),
    )
    return int(made.lastrowid or 0)


def vouch(db: sqlite3.Connection, boot: str, skew_ms: int) -> list[Span]:
    """Note the offsets of this start's spans, now that the true skew is known; return them.

    Inside a transaction.
    """
    db.execute(
        "UPDATE clock_span SET offset_ms = ? - skew_ms WHERE boot = ? AND offset_ms IS NULL", (skew_ms, boot)
    )
    return [span for span in spans(db) if span.boot == boot]


def reach(db: sqlite3.Connection, span: int, at_ms: int) -> None:
    """Note that the span has lasted until then; inside a transaction."""
    db.execute("UPDATE clock_span SET end_ms = max(end_ms, ?) WHERE id = ?", (at_ms, span))


def spans(db: sqlite3.Connection) -> list[Span]:
    """Return every span, oldest first; none in a history that an older program made."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'clock_span'").fetchone():
        return []
    rows = db.execute(
        "SELECT id, boot, skew_ms, begin_ms, end_ms, offset_ms, corrected_ms FROM clock_span ORDER BY id"
    )
    return [Span(*row) for row in rows]


def newest_trusted_ms(db: sqlite3.Connection) -> int:
    """Return the time of the newest reading without a mark, UTC ms; 0 without one."""
    row = db.execute(
        "SELECT key >> 8 FROM reading WHERE reason IS NULL OR reason NOT LIKE '%clock %' "
        "ORDER BY key DESC LIMIT 1"
    ).fetchone()
    return int(row[0]) if row else 0


def corrected(db: sqlite3.Connection) -> frozenset[int]:
    """Return the spans whose rows were moved: what the live file still has of them must not come again."""
    return frozenset(span.id for span in spans(db) if span.corrected_ms is not None)


def correct(
    db: sqlite3.Connection,
    span: Span,
    offset_ms: int,
    *,
    zone: ZoneInfo,
    now_ms: int,
    account: Callable[[list[Row]], None],
    changed: Changed,
) -> int:
    """Move the span's rows and events by `offset_ms`, and roll up anew every day that they leave or reach.

    Inside a transaction; all of it or nothing. `account` rolls up rows that stand in `reading` already;
    `changed` is told of every other row that comes or goes (`digest.Ledger`).
    Returns how many readings were moved. Raises StoreError where a day's readings are not all there any more.
    """
    first, last = span.begin_ms - DAY_MS, span.end_ms + DAY_MS
    rows = [row for row in _rows(db, first, last) if span_of(row[2]) == span.id]
    days = {day_start_ms(at_ms, zone) for row in rows for at_ms in (row[0] >> 8, (row[0] >> 8) + offset_ms)}
    if days and min(days) < schema.meta_number(db, schema.RAW_FROM):
        raise StoreError(
            f"clock span {span.id}: of the days that it touches not every reading is kept any more "
            "(store.raw_days), so their sums cannot be made anew; nothing was changed"
        )
    for row in rows:
        db.execute("DELETE FROM reading WHERE key = ?", (row[0],))
        changed("reading", None, (*row[:4], *row[4]))
    for key, code, reason, mask, values in rows:
        true = key + (offset_ms << 8)
        plain = MARK.sub("", reason or "") or None
        while db.execute("SELECT 1 FROM reading WHERE key = ?", (true,)).fetchone():
            true += 1 << 8  # the next free millisecond, as for any clock that was set back
        db.execute(schema.insert("reading", "INSERT"), (true, code, plain, mask, *values))
        changed("reading", (true, code, plain, mask, *values), None)
    _mend_gaps(db, f"(clock {span.id})", offset_ms)
    db.execute(
        "UPDATE event SET at_ms = at_ms + ?, detail = trim(replace(detail, ?, '')) "
        "WHERE detail LIKE ? AND at_ms BETWEEN ? AND ?",
        (offset_ms, f"(clock {span.id})", f"%(clock {span.id})", first, last),
    )
    for start_ms in sorted(days):
        end_ms = day_start_ms(start_ms, zone, -1)
        for table in schema.ROLLUPS:
            bounds = (rollup.period_start(table, start_ms, zone) << 8, end_ms << 8)
            for gone in db.execute(f"{schema.select(table)} WHERE key >= ? AND key < ?", bounds):
                changed(table, None, gone)
            db.execute(f"DELETE FROM {table} WHERE key >= ? AND key < ?", bounds)  # noqa: S608 - a name of ours
        for some in _slices(db, start_ms, end_ms):
            account(some)
    db.execute(
        "UPDATE clock_span SET offset_ms = ?, corrected_ms = ? WHERE id = ?", (offset_ms, now_ms, span.id)
    )
    return len(rows)


def _mend_gaps(db: sqlite3.Connection, mark: str, offset_ms: int) -> None:
    """Let the station's gap before the span end when it did; it began by a clock that was right."""
    found = db.execute(
        "SELECT rowid, at_ms, new, detail FROM event WHERE kind = 'station.gap' AND detail LIKE ?",
        (f"%{mark}",),
    ).fetchall()
    for row, from_ms, until, detail in found:
        until_ms = round(dt.datetime.fromisoformat(until).timestamp() * 1000) + offset_ms
        words = LASTED.sub(f"no samples for {(until_ms - from_ms) / 1000:.0f} s", detail, count=1)
        said = (iso(until_ms), words.removesuffix(mark).rstrip(), row)
        db.execute("UPDATE event SET new = ?, detail = ? WHERE rowid = ?", said)


def _rows(db: sqlite3.Connection, start_ms: int, end_ms: int) -> list[Row]:
    found = db.execute(
        f"{schema.select('reading')} WHERE key >= ? AND key < ? AND reason LIKE '%clock %' ORDER BY key",
        (start_ms << 8, end_ms << 8),
    )
    return [(key, code, reason, mask, list(values)) for key, code, reason, mask, *values in found]


def _slices(db: sqlite3.Connection, start_ms: int, end_ms: int) -> Iterator[list[Row]]:
    last = (start_ms << 8) - 1
    while True:
        found = db.execute(
            f"{schema.select('reading')} WHERE key > ? AND key < ? ORDER BY key LIMIT ?",
            (last, end_ms << 8, SLICE),
        ).fetchall()
        if not found:
            return
        last = found[-1][0]
        yield [(key, code, reason, mask, list(values)) for key, code, reason, mask, *values in found]
