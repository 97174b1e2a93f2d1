"""Which rows of a damaged history are true: those that agree with what was kept elsewhere in the file.

A rollup row lies on another page of the medium than the rows it sums up, so damage does not change both
alike. Of a quarter of an hour and a meter (`quarter`), and of an hour or a day (`coarser`), this says which
rows prove each other, and which rollup rows can be made anew because everything that they sum up is there.

*Proved*: recomputed from finer rows to the last digit. *Supported*: finer rows that add up to a coarser row;
what a sum does not show (the extremes within, registers before the last) stands by itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from substation.store import rollup
from substation.store.rollup import Account
from substation.store.rows import Row

_QUARTER_MS = 900_000


@dataclass(slots=True)
class Verdict:
    """What is true of one meter in one period. Keys of rows; what stands in none of them is not proved."""

    readings: set[int] = field(default_factory=set)
    """Minutes (keys) whose readings are true, all of them."""
    finer: set[int] = field(default_factory=set)
    """Keys of finer rollup rows that are proved."""
    supported: set[int] = field(default_factory=set)
    """Keys of finer rollup rows that add up to the coarser row."""
    coarse: bool = False
    """The coarser row is proved."""
    coarse_supported: bool = False
    anew: dict[str, dict[int, Account]] = field(default_factory=dict)
    """Rows made anew, by table and key."""
    candidate: Account | None = None
    """What the coarser row would be if no finer row were lacking; a still coarser one can prove it."""


def shape(table: str, key: int, account: Account) -> tuple[Any, ...]:
    """Return the account as a row of the table, in the form that new rows have: to be compared."""
    return rollup.to_columns(table, key, account)


def quarter(
    key: int,
    readings: Iterable[Row],
    minutes: Mapping[int, Sequence[Any]],
    row: Sequence[Any] | None,
    *,
    proved: frozenset[str],
) -> Verdict:
    """Judge a quarter of an hour of one meter.

    Args:
        key: Of the quarter.
        readings: Those of it that could be read.
        minutes: Its minute rows, by key.
        row: The quarter's row.
        proved: Which of `reading`, `minute`, `quarter` are the very rows that were there, whole, because the
            digest of their day agrees; `reading` only where retention has taken none of them.
    """
    groups: dict[int, list[Row]] = {}
    for one in readings:
        at_ms = one[0] >> 8
        groups.setdefault((at_ms - at_ms % 60_000) << 8 | one[0] & 0xFF, []).append(one)
    counted = {minute: rollup.account_of(rows) for minute, rows in groups.items()}
    stored = {minute: rollup.from_columns("minute", there) for minute, there in minutes.items()}
    verdict = Verdict()
    agreed = {
        minute
        for minute in counted.keys() & stored.keys()
        if shape("minute", minute, counted[minute]) == shape("minute", minute, stored[minute])
    }
    verdict.readings = set(counted) if "reading" in proved else set(agreed)
    verdict.finer = set(stored) if "minute" in proved else set(agreed)
    if "reading" in proved:
        _anew(verdict, "minute", {m: counted[m] for m in counted.keys() - verdict.finer})
    there = None if row is None else rollup.from_columns("quarter", row)
    verdict.coarse = "quarter" in proved and there is not None
    if there is not None:
        _by_quarter(verdict, key, counted, stored, there)
    if "reading" in proved and counted and not verdict.coarse:
        total = rollup.merged(counted.values())
        _anew(verdict, "quarter", {key: total})
        verdict.coarse = True
    if not verdict.coarse and counted.keys() == stored.keys() == agreed:
        verdict.candidate = rollup.merged(counted.values()) if counted else None
    return verdict


def _by_quarter(
    verdict: Verdict,
    key: int,
    counted: Mapping[int, Account],
    stored: Mapping[int, Account],
    there: Account,
) -> None:
    """Let the quarter's row decide between readings and minute rows that do not agree."""
    if counted and shape("quarter", key, rollup.merged(counted.values())) == shape("quarter", key, there):
        verdict.coarse = True
        verdict.readings |= counted.keys()
        verdict.finer &= counted.keys()
        _anew(verdict, "minute", {m: counted[m] for m in counted.keys() - verdict.finer})
        return
    for first, second in ((stored, counted), (counted, stored)):
        chosen = {minute: first.get(minute) or second[minute] for minute in first.keys() | second.keys()}
        if not chosen or _sums(rollup.merged(chosen.values())) != _sums(there):
            continue
        verdict.coarse_supported = True
        for minute, account in chosen.items():
            if account is stored.get(minute):
                verdict.supported.add(minute)
            else:
                verdict.readings.add(minute)
                if minute not in verdict.finer:
                    _anew(verdict, "minute", {minute: account})
        if chosen.keys() == counted.keys() <= verdict.readings:
            # the sums show that no reading is lacking, so extremes and last values can be told anew
            _anew(verdict, "quarter", {key: rollup.merged(counted.values())})
            verdict.coarse = True
        return


def coarser(
    table: str,
    key: int,
    finer: Mapping[int, Account],
    row: Sequence[Any] | None,
    *,
    whole: bool,
) -> Verdict:
    """Judge an hour by its quarters, or a day by its hours.

    Args:
        table: `hour` or `day`.
        key: Of the hour or day.
        finer: What the finer rows stand for, by key.
        row: The hour's or day's row.
        whole: No finer row is lacking, and all are true.
    """
    verdict = Verdict()
    if not finer:
        return verdict
    total = rollup.merged(finer.values())
    if row is not None and shape(table, key, total) == shape(table, key, rollup.from_columns(table, row)):
        verdict.coarse = True
        verdict.supported |= finer.keys()
    elif whole:
        _anew(verdict, table, {key: total})
    else:
        verdict.candidate = total
    return verdict


def _anew(verdict: Verdict, table: str, accounts: Mapping[int, Account]) -> None:
    verdict.anew.setdefault(table, {}).update(accounts)
    if table == "minute":
        verdict.finer |= accounts.keys()


def _sums(account: Account) -> tuple[Any, ...]:
    """Return what an account of minute rows shows of its readings: no extremes, no last instants."""
    return (
        account.quality,
        account.rows,
        account.n,
        account.last_ms,
        tuple(account.counts),
        tuple(account.sums),
        tuple(account.counters),
        tuple(account.counted),
    )
