"""Readings to minutes, quarters, hours and days: sums that can be added in any order.

A rollup row is an `Account` of the rows in its period. Accounts of disjoint sets of rows merge by adding
sums and counts, taking the smaller minimum, the greater maximum and the later last value: whole numbers
throughout, so it makes no difference in which order, in how many commits or how late rows come, and a row
that was rolled up as it came equals one recomputed from `reading` to the last digit. What must hold for
that: each stored row is accounted exactly once, in the transaction that stores it (`History`).

Only good values enter: an implausible or missing value counts neither in the mean nor as the last.
Minutes and quarters begin at multiples of UTC, which every zone's clock shares; hours and days begin
where the site's clock and calendar begin them (India is UTC+5:30: a UTC hour would be cut in two).
"""

import itertools
import json
import operator
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from substation.clock import day_start_ms, site_time
from substation.quantities import KEYS, QUANTITIES
from substation.store.rows import BITS, Row, Steps

_COUNT = len(KEYS)
_IS_COUNTER = tuple(q.kind == "counter" for q in QUANTITIES)
_NONE: tuple[None, ...] = (None,) * _COUNT
_ONES = (1,) * _COUNT
_INSTANTS = operator.itemgetter(*(i for i, counter in enumerate(_IS_COUNTER) if not counter))
_COUNTERS = operator.itemgetter(*(i for i, counter in enumerate(_IS_COUNTER) if counter))
_FINER = {"quarter": "minute", "hour": "quarter", "day": "hour"}


@dataclass(slots=True)
class Account:
    """What one period's rows of one meter add up to; the lists run over all quantities."""

    quality: int = 0
    rows: int = 0
    n: int = 0
    """Rows with an answer."""
    last_ms: int | None = None
    """UTC ms of the last row with an answer."""
    counts: Sequence[int] = field(default_factory=lambda: [0] * _COUNT)
    sums: Steps = _NONE
    mins: Steps = _NONE
    maxs: Steps = _NONE
    lasts: Steps = _NONE
    times: Sequence[int | None] = _NONE
    """UTC ms of each last good value."""
    whole: bool = False
    """Whether every answered row had a good value of every quantity: nearly always, and quicker."""


def period_start(table: str, at_ms: int, zone: ZoneInfo) -> int:
    """Return when the period of `table` that holds `at_ms` began, UTC ms."""
    if table == "minute":
        return at_ms - at_ms % 60_000
    quarter = at_ms - at_ms % 900_000
    return quarter if table == "quarter" else _calendar_start(table, quarter, zone)


@lru_cache(maxsize=4096)
def _calendar_start(table: str, quarter: int, zone: ZoneInfo) -> int:
    # offsets of zones are multiples of a quarter of an hour, and change at such times only
    if table == "day":
        return day_start_ms(quarter, zone)
    offset = site_time(quarter, zone).utcoffset()
    shift = 0 if offset is None else round(offset.total_seconds() * 1000)
    return quarter - (quarter + shift) % 3_600_000


def roll_up(rows: Iterable[Row], zone: ZoneInfo) -> dict[str, dict[int, Account]]:
    """Return what the rows add to each table: accounts by key (`start_ms << 8 | meter_id`)."""
    minutes: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        at_ms = row[0] >> 8
        minutes[(at_ms - at_ms % 60_000) << 8 | row[0] & 0xFF].append(row)
    tables = {"minute": {key: account_of(group) for key, group in minutes.items()}}
    for table, finer in _FINER.items():
        groups: dict[int, list[Account]] = defaultdict(list)
        for key, account in tables[finer].items():
            groups[period_start(table, key >> 8, zone) << 8 | key & 0xFF].append(account)
        tables[table] = {key: group[0] if len(group) == 1 else merged(group) for key, group in groups.items()}
    return tables


def account_of(rows: list[Row]) -> Account:
    """Return the account of rows of one meter."""
    rows.sort(key=lambda row: row[0])
    quality = max(1 if row[1] == 0 and row[3] else row[1] for row in rows)
    answered = [row for row in rows if row[1] == 0]
    if not answered:
        return Account(quality, len(rows))
    times = [row[0] >> 8 for row in answered]
    values = [_without(row[4], row[3]) if row[3] else row[4] for row in answered]
    account = Account(quality, len(rows), len(answered), times[-1])
    if len(values) == 1 and None not in values[0]:
        return _of_one(account, values[0])
    columns = list(zip(*values, strict=True))
    if any(None in column for column in columns):
        return _with_gaps(account, times, columns)
    account.counts = [len(answered)] * _COUNT
    account.sums = [sum(column) for column in columns]
    account.mins = [min(column) for column in columns]
    account.maxs = [max(column) for column in columns]
    account.lasts = values[-1]
    account.times = [times[-1]] * _COUNT
    account.whole = True
    return account


def _of_one(account: Account, values: Steps) -> Account:
    account.sums = account.mins = account.maxs = account.lasts = values
    account.counts, account.times, account.whole = _ONES, [account.last_ms] * _COUNT, True
    return account


def _without(values: Sequence[int | float | None], mask: int) -> list[int | float | None]:
    return [None if mask & bit else value for value, bit in zip(values, BITS.values(), strict=True)]


def _with_gaps(account: Account, times: list[int], columns: Sequence[Sequence[int | None]]) -> Account:
    pairs = [[(v, t) for v, t in zip(c, times, strict=True) if v is not None] for c in columns]
    account.counts = [len(good) for good in pairs]
    account.sums = [sum(v for v, _ in good) if good else None for good in pairs]
    account.mins = [min(v for v, _ in good) if good else None for good in pairs]
    account.maxs = [max(v for v, _ in good) if good else None for good in pairs]
    account.lasts = [good[-1][0] if good else None for good in pairs]
    account.times = [good[-1][1] if good else None for good in pairs]
    return account


def merged(accounts: Iterable[Account]) -> Account:
    """Return the account of all the rows together; their order does not matter."""
    all_of = list(accounts)
    answered = sorted((a for a in all_of if a.n), key=lambda a: a.last_ms or 0)
    total = Account(max(a.quality for a in all_of), sum(a.rows for a in all_of))
    if not answered:
        return total
    total.n = sum(a.n for a in answered)
    total.last_ms = answered[-1].last_ms
    if all(a.whole for a in answered):
        newest_of_all = answered[-1]
        total.counts, total.times = [total.n] * _COUNT, newest_of_all.times
        total.lasts, total.whole = newest_of_all.lasts, True
        total.sums = [sum(column) for column in zip(*(a.sums for a in answered), strict=True)]
        total.mins = [min(column) for column in zip(*(a.mins for a in answered), strict=True)]
        total.maxs = [max(column) for column in zip(*(a.maxs for a in answered), strict=True)]
        return total
    total.counts = [sum(column) for column in zip(*(a.counts for a in answered), strict=True)]
    total.sums = [_of_good(sum, column) for column in zip(*(a.sums for a in answered), strict=True)]
    total.mins = [_of_good(min, column) for column in zip(*(a.mins for a in answered), strict=True)]
    total.maxs = [_of_good(max, column) for column in zip(*(a.maxs for a in answered), strict=True)]
    lasts, times = (
        zip(*(a.lasts for a in answered), strict=True),
        zip(*(a.times for a in answered), strict=True),
    )
    newest = [_newest(values, at) for values, at in zip(lasts, times, strict=True)]
    total.lasts = [value for value, _ in newest]
    total.times = [at for _, at in newest]
    return total


def _of_good(how: Callable[[Iterable[int | float]], int | float], column: Steps) -> int | float | None:
    if None not in column:
        return how(column)  # type: ignore[arg-type]
    good = [value for value in column if value is not None]
    return how(good) if good else None


def _newest(values: Steps, times: Sequence[int | None]) -> tuple[int | float | None, int | None]:
    best: tuple[int | float | None, int | None] = (None, None)
    for value, at in zip(values, times, strict=True):
        if at is not None and (best[1] is None or at > best[1]):
            best = (value, at)
    return best


def to_columns(table: str, key: int, account: Account) -> tuple[int | float | str | None, ...]:
    """Return the account as a row of `table`: `schema.ROLLUP_HEAD`, then `schema.columns_of(table)`."""
    start, last_ms = key >> 8, account.last_ms
    if account.whole and last_ms is not None:
        each = (
            [account.sums] if table == "minute" else [account.sums, account.mins, account.maxs, account.lasts]
        )
        groups = zip(*(_INSTANTS(numbers) for numbers in each), strict=True)
        head = (key, account.quality, account.rows, account.n, last_ms - start, None)
        return *head, *itertools.chain.from_iterable(groups), *_COUNTERS(account.lasts)
    odd: dict[str, list[int]] = {}
    values: list[int | float | None] = []
    counters: list[int | float | None] = []
    for i, name in enumerate(KEYS):
        count, at = account.counts[i], account.times[i]
        if _IS_COUNTER[i]:
            counters.append(account.lasts[i])
            count = account.n
        elif table == "minute":
            values.append(account.sums[i])
            at = last_ms
        else:
            values += (account.sums[i], account.mins[i], account.maxs[i], account.lasts[i])
        if account.counts[i] and at is not None and (count != account.n or at != last_ms):
            odd[name] = [count, at - start]
    return (
        key,
        account.quality,
        account.rows,
        account.n,
        None if last_ms is None else last_ms - start,
        json.dumps(odd, separators=(",", ":")) if odd else None,
        *values,
        *counters,
    )


def from_columns(table: str, row: Sequence[Any]) -> Account:
    """Return the account that a stored row stands for. What the table does not keep is None."""
    key, quality, rows, n, last, odd_text, *values = row
    start = key >> 8
    account = Account(quality, rows, n, None if last is None else start + last)
    if not n:
        return account
    odd = json.loads(odd_text) if odd_text else {}
    each, counters = iter(values), iter(values[-sum(_IS_COUNTER) :])
    columns = []
    for name, is_counter in zip(KEYS, _IS_COUNTER, strict=True):
        total = low = high = latest = None
        if is_counter:
            latest = present = next(counters)
        elif table == "minute":
            total = present = next(each)
        else:
            total, low, high, latest = (next(each) for _ in range(4))
            present = total
        count, after = odd.get(name, (n, last)) if present is not None else (0, None)
        columns.append((count, total, low, high, latest, None if after is None else start + after))
    account.counts, account.sums, account.mins, account.maxs, account.lasts, account.times = zip(
        *columns, strict=True
    )
    return account
