"""The reading *at* a moment: what a log sheet asks for, and no mean answers.

Of each quantity the nearest good value within `WITHIN_MS`, and when it was read; of a counter the last one
before the moment, within `demand.NEAR_MS`, as in statements and blocks of demand, and only without one the
nearest. So a register at a moment stays what it is when single readings go. As long as every reading is
kept it comes from there. Older moments that end a quarter of an hour, and so every full hour, are answered by
that quarter's last good value: a true reading too, of the last poll before the moment, with its time.
So are moments of a day of which damage took readings, where no reading is left.
A reading whose own time nobody vouched for answers nothing. A circuit without voltage has no frequency and
one without load no power factor (`quantities.NOTHING`): then there is no value, with that as its reason.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from substation.energy.demand import NEAR_MS
from substation.quantities import BY_KEY, COUNTERS, INSTANTS, NOTHING, is_nothing
from substation.readings import Quality
from substation.store import clock_spans, digest, rollup, schema
from substation.store.rows import BITS, QUALITY_OF_CODE

WITHIN_MS = 60_000
NEVER_MS = 2**53
QUARTER_MS = 900_000
LOST = "readings of that time were lost"
ONLY_QUARTERS = "of that time only the readings at quarters of an hour are kept"
NOT_ASKED, NOT_POLLED = "not asked within a minute", "not polled within a minute"
_SILENT = frozenset({NOT_ASKED, NOT_POLLED})
UNTRUSTED = "read at a time that nobody vouched for"


@dataclass(frozen=True, slots=True)
class At:
    """One quantity at a moment."""

    value: float | None
    """In its unit; None: no good value was read within a minute."""
    read_ms: int | None
    """When it was read, UTC ms."""
    why: str = ""
    """In words, where there is no value."""


Moment = Mapping[str, At]
"""By quantity."""


def readings_at(
    db: sqlite3.Connection,
    meter_id: int,
    moments_ms: Sequence[int],
    keys: Sequence[str],
    span: tuple[int, int] = (0, NEVER_MS),
) -> dict[int, Moment]:
    """Return by moment, UTC ms, what the meter said then, as read in `span`, UTC ms."""
    since_ms = span[0]
    raw_from_ms = schema.meta_number(db, schema.RAW_FROM)
    spans = [one for one in clock_spans.spans(db) if one.corrected_ms is None]
    lost = digest.lost_days(db)
    found: dict[int, Moment] = {}
    for moment_ms in moments_ms:
        if max(moment_ms - NEAR_MS, since_ms) >= raw_from_ms:
            moment = _nearest(db, meter_id, moment_ms, keys, span)
            has_losses = not lost.isdisjoint(
                (moment_ms + way) // digest.DAY_MS for way in (-WITHIN_MS, WITHIN_MS)
            )
            if moment_ms > since_ms and (has_losses or any(at.why == NOT_POLLED for at in moment.values())):
                is_trusted = not _in_any(spans, moment_ms)
                instead = _last_before(db, meter_id, moment_ms, keys) if is_trusted else moment
                moment = {key: _known(at, instead[key], has_losses) for key, at in moment.items()}
            found[moment_ms] = moment
        elif moment_ms <= since_ms:  # what is kept of that time was read before it
            found[moment_ms] = dict.fromkeys(keys, At(None, None, ONLY_QUARTERS))
        elif _in_any(spans, moment_ms):
            found[moment_ms] = dict.fromkeys(keys, At(None, None, UNTRUSTED))
        else:
            found[moment_ms] = _last_before(db, meter_id, moment_ms, keys)
    return found


def _in_any(spans: Sequence[clock_spans.Span], moment_ms: int) -> bool:
    return any(span.begin_ms - WITHIN_MS <= moment_ms <= span.end_ms + WITHIN_MS for span in spans)


def _known(at: At, instead: At, has_losses: bool) -> At:
    """Return the reading, else the quarter's last one, else why there is none."""
    if at.value is not None or at.why not in _SILENT:
        return at
    if instead.value is not None:
        return instead
    return At(None, None, LOST) if has_losses else at


def _nearest(
    db: sqlite3.Connection, meter_id: int, moment_ms: int, keys: Sequence[str], span: tuple[int, int]
) -> Moment:
    within = max(moment_ms - NEAR_MS, span[0]), min(moment_ms + WITHIN_MS + 1, span[1])
    rows = db.execute(
        f"SELECT key >> 8, quality, reason, implausible, {', '.join(keys)} FROM reading "  # noqa: S608 - keys of ours
        "WHERE key >= ? AND key < ? AND key & 255 = ? ORDER BY abs((key >> 8) - ?), key",
        (within[0] << 8, within[1] << 8, meter_id, moment_ms),
    ).fetchall()
    near = [row for row in rows if abs(row[0] - moment_ms) <= WITHIN_MS]
    found = _first(near, keys)
    last = _first([row for row in rows if row[0] < moment_ms], keys)  # the nearest before it is the last
    for key in keys:
        if key in COUNTERS and last[key].value is not None:
            found[key] = last[key]
    return found


def _first(rows: Sequence[tuple[Any, ...]], keys: Sequence[str]) -> dict[str, At]:
    """Return by quantity the first good value of some rows."""
    found: dict[str, At] = {}
    whys: dict[str, str] = {}
    for at_ms, code, reason, mask, *values in rows:
        if code or clock_spans.span_of(reason) is not None:
            whole = _why(code, reason) if code else UNTRUSTED
            for key in keys:
                whys.setdefault(key, whole)
            continue
        for key, steps in zip(keys, values, strict=True):
            if key in found:
                continue
            if mask & BITS[key]:
                whys.setdefault(key, "implausible")
            elif steps is not None:
                found[key] = _said(key, steps, at_ms)
        if len(found) == len(keys):
            break
    silent = NOT_ASKED if rows else NOT_POLLED
    return {key: found.get(key) or At(None, None, whys.get(key, silent)) for key in keys}


def _why(code: int, reason: str | None) -> str:
    word = QUALITY_OF_CODE.get(code, Quality.IMPLAUSIBLE).value.replace("_", " ")
    return f"{word}: {reason}" if reason else word


def _last_before(db: sqlite3.Connection, meter_id: int, moment_ms: int, keys: Sequence[str]) -> Moment:
    if moment_ms % QUARTER_MS:
        return dict.fromkeys(
            keys, At(None, None, "of that time only the readings at quarters of an hour are kept")
        )
    row = db.execute(
        f"{schema.select_as_it_is(db, 'quarter')} WHERE key = ?", ((moment_ms - QUARTER_MS) << 8 | meter_id,)
    ).fetchone()
    if row is None:
        return dict.fromkeys(keys, At(None, None, NOT_POLLED))
    account = rollup.from_columns("quarter", row)
    lasts = dict(zip(INSTANTS, zip(account.lasts, account.times, strict=True), strict=True))
    lasts |= zip(COUNTERS, zip(account.counters, account.counted, strict=True), strict=True)
    found: dict[str, At] = {}
    for key in keys:
        steps, read_ms = lasts[key]
        near_ms = NEAR_MS if key in COUNTERS else WITHIN_MS
        if steps is None or read_ms is None or read_ms < moment_ms - near_ms:
            found[key] = At(None, None, "no good value within the minute before")
        else:
            found[key] = _said(key, steps, read_ms)
    return found


def _said(key: str, steps: float, read_ms: int) -> At:
    if is_nothing(key, steps):
        return At(None, read_ms, NOTHING[key])
    return At(steps / BY_KEY[key].steps_per_unit, read_ms)
