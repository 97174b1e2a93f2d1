"""Which rows of a damaged history can be rows of a history at all, by their types and bounds."""

import json
import re
from collections.abc import Sequence
from typing import Any

from substation.errors import LOOK_AT
from substation.quantities import COUNTERS, INSTANTS, KEYS
from substation.store import rollup, schema
from substation.store.rows import BITS, LARGEST, QUALITY_OF_CODE

_FIRST_MS, _LAST_MS = 946_684_800_000, 4_102_444_800_000
"""2000 to 2100: what no clock of a station says is damage."""
_DAY_MS, _YEAR_MS = 86_400_000, 366 * 86_400_000
"""What a clock without a battery says after its start: east of Greenwich its first day begins before 1970."""
_MARK = re.compile(r"(?:^| )clock \d{1,9}\Z")
_CLOCK = re.compile(r"\(clock \d{1,9}\)\Z")
"""How the reason of a reading ends, and the detail of an event, that nobody vouched for."""
_REASONS = frozenset({*LOOK_AT, "profile", "imported_empty", "imported_repeat", ""})
_EXCEPTION = re.compile(r"exception_\d{1,3}\Z")
_ALL_BITS = sum(BITS.values())
_KIND = re.compile(r"[a-z][a-z_]*(?:\.[a-z_]+)*\Z")
_ODD_NAMES = frozenset({*INSTANTS, *COUNTERS})


def is_sound(table: str, row: Sequence[Any]) -> bool:
    """Return whether a candidate has the types and bounds of a row of `reading` or of a rollup."""
    key = row[0]
    if not isinstance(key, int) or not 1 <= key & 0xFF <= 254:
        return False
    at_ms = key >> 8
    if not _FIRST_MS <= at_ms <= _LAST_MS:
        if table != "reading":
            could_be = -_DAY_MS <= at_ms < _YEAR_MS
        else:
            could_be = 0 <= at_ms <= _LAST_MS and isinstance(row[2], str) and bool(_MARK.search(row[2]))
        if not could_be:
            return False
    return _is_reading(row) if table == "reading" else _is_rollup(table, row)


def beside_unsound(table: str, part: Sequence[Sequence[Any]], near: int) -> list[tuple[int, int]]:
    """Return the keys of sound rows beside rows that are none: damage lies there."""
    marks: list[tuple[int, int]] = []
    for row in part:
        if is_sound(table, row):
            near = row[0]
        elif not marks or marks[-1][0] != near:
            marks.append((near, near))
    return marks


def is_event(row: Sequence[Any]) -> bool:
    """Return whether a candidate (without its id) has the types and bounds of an event."""
    at_ms, kind, meter, old, new, detail = row
    return (
        isinstance(at_ms, int)
        and (0 if isinstance(detail, str) and _CLOCK.search(detail) else _FIRST_MS) <= at_ms <= _LAST_MS
        and isinstance(kind, str)
        and bool(_KIND.match(kind))
        and (meter is None or (isinstance(meter, int) and 0 <= meter <= 255))
        and all(isinstance(text, str) and text.isprintable() for text in (old, new, detail))
    )


def is_span(row: Sequence[Any]) -> bool:
    """Return whether a candidate has the types and bounds of a clock span."""
    whole = all(isinstance(value, int) for value in (row[0], *row[2:5]))
    return whole and isinstance(row[1], str) and all(isinstance(x, int | None) for x in row[5:])


def _is_reading(row: Sequence[Any]) -> bool:
    _, code, reason, mask, *values = row
    if type(code) is not int or code not in QUALITY_OF_CODE or type(mask) is not int or mask & ~_ALL_BITS:
        return False
    if reason is not None and not _is_reason(reason):
        return False
    if code != 0:
        return values.count(None) == len(values) and mask == 0 and reason is not None
    for name, value, limit in zip(KEYS, values, LARGEST, strict=True):
        if value is None:
            continue
        if type(value) is float:  # beyond what any register means: kept, and flagged
            if abs(value) <= limit or not mask & BITS[name]:
                return False
        elif type(value) is not int or abs(value) > limit:
            return False
    return True


def _is_reason(reason: object) -> bool:
    if not isinstance(reason, str):
        return False
    plain = _MARK.sub("", reason)
    return plain in _REASONS or bool(_EXCEPTION.match(plain))


def _is_rollup(table: str, row: Sequence[Any]) -> bool:
    key, quality, rows, n, last, odd, counters_ms, *values = row
    length_ms = schema.ROLLUPS[table] * 1000 * (2 if table in ("hour", "day") else 1)
    heads = (quality, rows, n)
    if any(type(value) is not int for value in heads) or not 0 <= n <= rows or quality not in QUALITY_OF_CODE:
        return False
    if rows < 1 or (key >> 8) % (60_000 if table == "minute" else 900_000):
        return False
    if n == 0:
        return all(value is None for value in (last, odd, counters_ms, *values))
    if type(last) is not int or not 0 <= last < length_ms:
        return False
    if counters_ms is not None and not (type(counters_ms) is int and 0 <= counters_ms <= last):
        return False
    if any(value is not None and type(value) is not int for value in values):
        return False
    try:
        account = rollup.from_columns(table, row)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, json.JSONDecodeError):
        return False
    return all(type(count) is int and 0 <= count <= n for count in account.counts)
