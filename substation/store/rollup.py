"""Readings to minutes, quarters, hours and days: sums that can be added in any order.

A rollup row is an `Account` of the rows in its period. Accounts of disjoint sets of rows merge by adding
sums and counts, taking the smaller minimum, the greater maximum and the later last value: whole numbers
throughout, so it makes no difference in which order, in how many commits or how late rows come, and a row
that was rolled up as it came equals one recomputed from `reading` to the last digit. What must hold for
that: each stored row is accounted exactly once, in the transaction that stores it (`History`).

Only good values enter: an implausible or missing value counts neither in the mean nor as the last.
Instants are read in every round, counters about once a minute (`poll.slow_interval_s`): of a counter only the
last value is kept, with the time when it was read, to the millisecond.
Minutes and quarters begin at multiples of UTC, which every zone's clock shares; hours and days begin
where the site's clock and calendar begin them (India is UTC+5:30: a UTC hour would be cut in two).
"""

import itertools
import json
import operator
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from substation.clock import day_start_ms, site_time
from substation.quantities import COUNTERS, INSTANTS, KEYS
from substation.store.rows import BITS, Row, Steps
from substation.store.schema import WITH_COUNTERS

_INSTANTS = operator.itemgetter(*(KEYS.index(key) for key in INSTANTS))
_COUNTERS = operator.itemgetter(*(KEYS.index(key) for key in COUNTERS))
_NO_INSTANTS: tuple[None, ...] = (None,) * len(INSTANTS)
_NO_COUNTERS: tuple[None, ...] = (None,) * len(COUNTERS)
_FINER = {"quarter": "minute", "hour": "quarter", "day": "hour"}

Times = Sequence[int | None]


@dataclass(slots=True)
class Account:
    """What one period's rows of one meter add up to."""

    quality: int = 0
    rows: int = 0
    n: int = 0
    """Rows with an answer."""
    last_ms: int | None = None
    """UTC ms of the last row with an answer."""
    counts: Sequence[int] = (0,) * len(INSTANTS)
    """By instant: rows with a good value of it; this and the next five run over all instants."""
    sums: Steps = _NO_INSTANTS
    mins: Steps = _NO_INSTANTS
    maxs: Steps = _NO_INSTANTS
    lasts: Steps = _NO_INSTANTS
    times: Times = _NO_INSTANTS
    """UTC ms of each last good value."""
    counters: Steps = _NO_COUNTERS
    """By counter: the last good value."""
    counted: Times = _NO_COUNTERS
    """UTC ms when each of them was read."""


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
    # a good row with a reason is one whose time nobody vouched for (`clock_spans`)
    quality = max(1 if row[1] == 0 and (row[3] or row[2]) else row[1] for row in rows)
    answered = [row for row in rows if row[1] == 0]
    if not answered:
        return Account(quality, len(rows))
    n = len(answered)
    times = [row[0] >> 8 for row in answered]
    values = [_without(row[4], row[3]) if row[3] else row[4] for row in answered]
    account = Account(quality, len(rows), n, times[-1])
    account.counters, account.counted = _last_counters(values, times)
    columns = list(zip(*map(_INSTANTS, values), strict=True))
    account.counts = [n - column.count(None) for column in columns]
    each = [_of_column(column, count, times) for column, count in zip(columns, account.counts, strict=True)]
    account.sums, account.mins, account.maxs, account.lasts, account.times = zip(*each, strict=True)
    return account


_Parts = tuple[int | float | None, int | float | None, int | float | None, int | float | None, int | None]


def _of_column(column: Sequence[Any], count: int, times: list[int]) -> _Parts:
    """Return sum, least, greatest and last of the good values of an instant, and when the last was read."""
    if count == len(column):
        return sum(column), min(column), max(column), column[-1], times[-1]
    if not count:
        return None, None, None, None, None
    good = [(value, at) for value, at in zip(column, times, strict=True) if value is not None]
    return *_of_column([value for value, _ in good], count, times)[:4], good[-1][1]


def _without(values: Sequence[int | float | None], mask: int) -> list[int | float | None]:
    return [None if mask & bit else value for value, bit in zip(values, BITS.values(), strict=True)]


def _last_counters(values: Sequence[Steps], times: Sequence[int]) -> tuple[Steps, Times]:
    """Return the last good value of each counter and when it was read; most rows hold none."""
    lasts: list[int | float | None] = list(_NO_COUNTERS)
    counted: list[int | None] = list(_NO_COUNTERS)
    for row, at in zip(reversed(values), reversed(times), strict=True):
        found = _COUNTERS(row)
        if found == _NO_COUNTERS:
            continue
        for place, value in enumerate(found):
            if value is not None and counted[place] is None:
                lasts[place], counted[place] = value, at
        if None not in counted:
            break
    return lasts, counted


def merged(accounts: Iterable[Account]) -> Account:
    """Return the account of all the rows together; their order does not matter."""
    all_of = list(accounts)
    answered = sorted((a for a in all_of if a.n), key=lambda a: a.last_ms or 0)
    total = Account(max(a.quality for a in all_of), sum(a.rows for a in all_of))
    if not answered:
        return total
    newest = answered[-1]
    total.n, total.last_ms = sum(a.n for a in answered), newest.last_ms
    total.counts = [sum(column) for column in zip(*(a.counts for a in answered), strict=True)]
    total.sums = [_of_good(sum, column) for column in zip(*(a.sums for a in answered), strict=True)]
    total.mins = [_of_good(min, column) for column in zip(*(a.mins for a in answered), strict=True)]
    total.maxs = [_of_good(max, column) for column in zip(*(a.maxs for a in answered), strict=True)]
    if all(at == newest.last_ms for at in newest.times):  # nearly always
        total.lasts, total.times = newest.lasts, newest.times
    else:
        total.lasts, total.times = _newest([(a.lasts, a.times) for a in answered])
    total.counters, total.counted = _newest([(a.counters, a.counted) for a in answered])
    return total


def _of_good(how: Callable[[Iterable[int | float]], int | float], column: Steps) -> int | float | None:
    if None not in column:
        return how(column)  # type: ignore[arg-type]
    good = [value for value in column if value is not None]
    return how(good) if good else None


def _newest(found: Sequence[tuple[Steps, Times]]) -> tuple[Steps, Times]:
    """Return of each quantity the value that was read last, and when."""
    values, times = list(found[0][0]), list(found[0][1])
    for others, read in found[1:]:
        for place, at in enumerate(read):
            known = times[place]
            if at is not None and (known is None or at > known):
                values[place], times[place] = others[place], at
    return values, times


def to_columns(table: str, key: int, account: Account) -> tuple[int | float | str | None, ...]:
    """Return the account as a row of `table`: `schema.ROLLUP_HEAD`, then `schema.columns_of(table)`."""
    start, n, last_ms = key >> 8, account.n, account.last_ms
    if last_ms is None:
        empty = len(INSTANTS) * (1 if table == "minute" else 4) + len(COUNTERS)
        return key, account.quality, account.rows, n, None, None, None, *(None,) * empty
    odd: dict[str, list[int]] = {}
    if not set(account.counts) <= {0, n}:
        for name, count, at in zip(INSTANTS, account.counts, account.times, strict=True):
            if count not in (0, n):
                # a minute keeps no last value of an instant, so there is no time of it to be told
                odd[name] = [count, (last_ms if table == "minute" or at is None else at) - start]
    together = _together(account.counted)
    for name, at in zip(COUNTERS, account.counted, strict=True):
        if at is not None and at != together:
            odd[name] = [n, at - start]
    values = account.sums
    if table != "minute":
        each = (account.sums, account.mins, account.maxs, account.lasts)
        values = list(itertools.chain.from_iterable(zip(*each, strict=True)))
    return (
        key,
        account.quality,
        account.rows,
        n,
        last_ms - start,
        _written(table, odd, (last_ms if together is None else together) - start),
        None if together in (None, last_ms) else together - start,
        *values,
        *account.counters,
    )


def _written(table: str, odd: dict[str, list[int]], read: int) -> str | None:
    """Return the column `odd`; `read` is when the counters were, ms after the start."""
    if not odd:
        return None
    if odd.keys() == {WITH_COUNTERS} and (table == "minute" or odd[WITH_COUNTERS][1] == read):
        return str(odd[WITH_COUNTERS][0])
    return json.dumps(odd, separators=(",", ":"))


def odd_of(text: str | None) -> dict[str, list[int]]:
    """Return what the column `odd` names, with number and time; the short form names nothing."""
    named: dict[str, list[int]] = json.loads(text) if text and text.startswith("{") else {}
    return named


def _together(counted: Times) -> int | None:
    """Return when most of the counters were read, the later of two such times."""
    times = [at for at in counted if at is not None]
    return max(set(times), key=lambda at: (times.count(at), at), default=None)


def from_columns(table: str, row: Sequence[Any]) -> Account:
    """Return the account that a stored row stands for. What the table does not keep is None."""
    key, quality, rows, n, last, odd_text, counters_ms, *values = row
    start = key >> 8
    account = Account(quality, rows, n, None if last is None else start + last)
    if not n:
        return account
    instants, account.counters = values[: -len(COUNTERS)], values[-len(COUNTERS) :]
    if table == "minute":
        account.sums = instants
    else:
        account.sums, account.mins, account.maxs, account.lasts = (instants[at::4] for at in range(4))
    account.counts = [0 if total is None else n for total in account.sums]
    account.times = [None if total is None else start + last for total in account.sums]
    read = last if counters_ms is None else counters_ms
    account.counted = [None if value is None else start + read for value in account.counters]
    if odd_text and not odd_text.startswith("{"):
        place = _PLACES[WITH_COUNTERS]
        account.counts[place] = int(odd_text)
        account.times[place] = start + (last if table == "minute" else read)
    for name, (count, after) in odd_of(odd_text).items():
        if name in _PLACES:
            account.counts[_PLACES[name]] = count
            account.times[_PLACES[name]] = start + after
        else:
            account.counted[_COUNTER_PLACES[name]] = start + after
    return account


_PLACES = {key: place for place, key in enumerate(INSTANTS)}
_COUNTER_PLACES = {key: place for place, key in enumerate(COUNTERS)}
