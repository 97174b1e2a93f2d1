"""Whether the tables of a history agree with each other: the writer's functions, the other way round.

A reading is accounted once in each table, so a rollup row must be, to the last digit, what the finer rows of
its period add up to. What may differ and is no damage: rows from before `0004`, which knew less of when
counters were read; minutes, which keep no minimum, maximum and last value, so that quarters made of them are
compared without those; rows from before the marks of retention, of which finer rows are only some; hours and
days of a site whose zone was changed, whose bounds overlap: nobody can tell which readings are in which.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from substation.quantities import COUNTERS
from substation.store import rollup
from substation.store.rollup import Account

Accounts = Mapping[int, Account]
Rows = Mapping[int, Sequence[Any]]
COLUMNS_OF_COUNTERS = len(COUNTERS)
HEAD = 7


def agrees(
    table: str, row: Sequence[Any], account: Account, *, is_old: bool, by_minutes: bool = False
) -> bool:
    """Return whether a stored row is what the finer rows add up to."""
    key = row[0]
    if by_minutes:
        return _totals(rollup.from_columns(table, row), is_old) == _totals(account, is_old)
    expected = rollup.to_columns(table, key, account)
    if expected == tuple(row):
        return True
    stored = rollup.to_columns(table, key, rollup.from_columns(table, row))  # in today's way of writing
    if is_old:
        return _without_counters(stored) == _without_counters(expected)
    return stored == expected


def _totals(account: Account, is_old: bool) -> tuple[object, ...]:
    head = (account.quality, account.rows, account.n, account.last_ms)
    if not account.n:
        return head
    instants = (tuple(account.counts), tuple(account.sums))
    counters = () if is_old else (tuple(account.counters), tuple(account.counted))
    return (*head, *instants, *counters)


def _without_counters(row: Sequence[Any]) -> Sequence[Any]:
    return (*row[:5], *row[HEAD:-COLUMNS_OF_COUNTERS])


def grouped(table: str, finer: Accounts, zone: ZoneInfo) -> dict[int, list[int]]:
    """Return by key of `table` the keys of the finer rows in its period, as this zone cuts them."""
    groups: dict[int, list[int]] = defaultdict(list)
    for key in finer:
        groups[rollup.period_start(table, key >> 8, zone) << 8 | key & 0xFF].append(key)
    return groups
