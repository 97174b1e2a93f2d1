"""Keeps of a salvaged history what proves true, makes anew what can be made, and drops the rest.

Works in the file that is being made, day by day, so that any length of history fits into little memory.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence, Set
from typing import Any

from substation.store import rollup, schema
from substation.store.digest import DAY_MS, day_of
from substation.store.rollup import Account
from substation.store.salvage import judge as salvage_judge
from substation.store.salvage.blocks import Blocks, bounds
from substation.store.salvage.zones import Zones

_QUARTER_MS = 900_000
_LONGEST_MS = {"hour": 2 * 3_600_000, "day": 26 * 3_600_000}
NEIGHBOURS = {"reading": 40, "minute": 40, "quarter": 20, "hour": 20, "day": 20}
"""Rows on a page, rounded up: what lies so near to damage must not rest on a sum alone."""
_FINER = {"hour": "quarter", "day": "hour"}

Rows = dict[int, Sequence[Any]]


class Proof:
    """One salvage's rows and what became of them."""

    def __init__(
        self,
        db: sqlite3.Connection,
        blocks: Blocks,
        zones: Zones,
        raw_from_ms: int,
        tick: Callable[[], None] = lambda: None,
    ) -> None:
        """Name the file that is being made; readings before `raw_from_ms` are not all there."""
        self._db, self._blocks, self._zones = db, blocks, zones
        self._raw_from_ms, self._tick = raw_from_ms, tick
        self._doubt: dict[str, set[int]] = {"quarter": set(), "hour": set()}
        """Rows that nothing has proved yet: the next coarser table may."""
        self._candidates: dict[str, dict[int, Account]] = {"quarter": {}, "hour": {}}
        """What would stand in the place of rows that are lacking or in doubt, if nothing finer is lacking."""
        self._weak: dict[str, set[int]] = defaultdict(set)
        """Rows of days with a digest that does not agree, which a sum alone supports."""
        self._bad: dict[str, set[int]] = defaultdict(set)
        """Keys of rows that were dropped, or that lie at the end of what could not be read."""
        self._seams: dict[str, dict[int, int]] = {"hour": {}, "day": {}}
        """Rows of the hours and days that zones share, where all together are proved: others to first key."""

    def run(self, regain: Callable[[], None] = lambda: None) -> None:
        """Judge everything that no digest proves; `regain` then puts back what is true all the same."""
        for table, holes in self._blocks.holes.items():
            self._bad[table].update(end for hole in holes for end in hole)
        for day in self._blocks.unproved("reading", "minute", "quarter"):
            with schema.transaction(self._db):
                self._quarters(day)
            self._tick()
        for table in ("hour", "day"):
            self._at_seams(table)
            for day in self._days(table):
                with schema.transaction(self._db):
                    self._coarser(table, day)
                self._tick()
            self._drop(_FINER[table], self._doubt[_FINER[table]])
        with schema.transaction(self._db):
            self._near_damage()
            self._unplaced()
        regain()
        sure = self._blocks.proved | self._blocks.known.keys()
        for day in sorted({day for _, day in self._blocks.there}):
            if any((table, day) not in sure for table in ("reading", *schema.ROLLUPS)):
                self._lacking(day)

    def _days(self, table: str) -> list[int]:
        finer = {day_of(key) for key in self._doubt[_FINER[table]] | self._weak[_FINER[table]]}
        days = {day + step for day in finer for step in (-1, 0)}
        return sorted(days | set(self._blocks.unproved(table, _FINER[table])))

    def _quarters(self, day: int) -> None:
        blocks = self._blocks
        proved = frozenset(t for t in ("reading", "minute", "quarter") if (t, day) in blocks.proved)
        for start_ms in range(day * DAY_MS, (day + 1) * DAY_MS, _QUARTER_MS):
            end_ms = start_ms + _QUARTER_MS
            readings, minutes, quarters = (
                self._by_meter(table, start_ms, end_ms) for table in ("reading", "minute", "quarter")
            )
            whole = proved
            if start_ms < self._raw_from_ms or day in blocks.lost_before:
                whole -= {"reading"}
            for meter in sorted(readings.keys() | minutes.keys() | quarters.keys()):
                key = start_ms << 8 | meter
                rows = [
                    (k, code, reason, mask, values)
                    for k, code, reason, mask, *values in readings[meter].values()
                ]
                verdict = salvage_judge.quarter(
                    key, rows, minutes[meter], quarters[meter].get(key), proved=whole
                )
                self._take(verdict.anew)
                if verdict.candidate is not None and "quarter" not in proved:
                    self._candidates["quarter"][key] = verdict.candidate
                if "reading" not in proved:
                    false = [k for k in readings[meter] if _minute(k) not in verdict.readings]
                    self._drop("reading", false)
                if "minute" not in proved:
                    self._drop("minute", minutes[meter].keys() - verdict.finer - verdict.supported)
                    self._keep_weak("minute", verdict.supported - verdict.finer)
                if "quarter" not in proved and not verdict.coarse and key in quarters[meter]:
                    if verdict.coarse_supported:
                        self._keep_weak("quarter", {key})
                    else:
                        self._doubt["quarter"].add(key)

    def _coarser(self, table: str, day: int) -> None:
        finer_table = _FINER[table]
        start_ms, end_ms = day * DAY_MS, (day + 1) * DAY_MS
        rows = self._by_meter(table, start_ms, end_ms)
        finer = self._by_meter(finer_table, start_ms, end_ms + 26 * 3_600_000)
        for meter in sorted(rows.keys() | finer.keys()):
            groups: dict[int, Rows] = defaultdict(dict)
            for key, row in finer[meter].items():
                begin_ms = self._zones.start(table, key >> 8)
                if start_ms <= begin_ms < end_ms:
                    groups[begin_ms << 8 | meter][key] = row
            shared = self._seams[table].keys() | self._seams[table].values()
            for key in sorted((groups.keys() | rows[meter].keys()) - shared):
                parts = {
                    part: rollup.from_columns(finer_table, row) for part, row in groups.get(key, {}).items()
                }
                self._judge(table, key, parts, rows[meter].get(key))

    def _at_seams(self, table: str) -> None:
        """Prove the rows of hours or days in which the zone changed: all of them together by their parts."""
        finer_table = _FINER[table]
        for seam in self._zones.seams(table):
            starts, first_ms = seam.starts, min(seam.starts | seam.parts)
            finer = self._by_meter(finer_table, first_ms, max(starts) + _LONGEST_MS[table])
            rows = self._by_meter(table, min(starts), max(starts) + 1)
            for meter, found in finer.items():
                parts = {
                    key: rollup.from_columns(finer_table, row)
                    for key, row in found.items()
                    if key >> 8 in seam.parts or self._zones.start(table, key >> 8) in starts
                }
                keys = [start << 8 | meter for start in sorted(starts)]
                whole = [rollup.from_columns(table, rows[meter][key]) for key in keys if key in rows[meter]]
                if not whole or not parts:
                    continue
                total, together = rollup.merged(parts.values()), rollup.merged(whole)
                if salvage_judge.shape(table, keys[0], together) == salvage_judge.shape(
                    table, keys[0], total
                ):
                    self._seams[table] |= dict.fromkeys(keys[1:], keys[0])
                    doubted = parts.keys() & self._doubt[finer_table]
                    self._doubt[finer_table] -= doubted
                    self._keep_weak(finer_table, doubted)

    def _judge(self, table: str, key: int, parts: dict[int, Account], row: Sequence[Any] | None) -> None:
        """Judge an hour or a day by its parts; what finer rows say goes before what is in doubt."""
        finer_table, proved = _FINER[table], (table, day_of(key)) in self._blocks.proved
        whole = bool(parts) and self._is_whole(finer_table, key, parts.keys())
        others = {part: self._candidates[finer_table][part] for part in self._within(table, key)}
        doubted = parts.keys() & self._doubt[finer_table]
        best = salvage_judge.coarser(table, key, {**parts, **others}, row, whole=False)
        if others and best.coarse:
            self._take({finer_table: others})
            self._doubt[finer_table] -= parts.keys()
            self._keep_weak(finer_table, doubted - others.keys())
            return
        verdict = salvage_judge.coarser(table, key, parts, row, whole=whole)
        if not proved:
            self._take(verdict.anew)
        if verdict.coarse:
            self._doubt[finer_table] -= doubted
            self._keep_weak(finer_table, doubted)
        elif not proved and not verdict.anew:
            if table == "hour" and not doubted - others.keys() and best.candidate is not None:
                self._candidates["hour"][key] = best.candidate
            if row is not None and table == "day":
                self._drop("day", [key])
            elif row is not None:
                self._doubt[table].add(key)

    def _within(self, table: str, key: int) -> list[int]:
        """Return the keys of the candidates that fall into an hour or a day."""
        start_ms, meter = key >> 8, key & 0xFF
        step_ms = _QUARTER_MS
        span_ms = 3_600_000 if table == "hour" else 26 * 3_600_000
        there = self._candidates[_FINER[table]]
        return [
            at_ms << 8 | meter
            for at_ms in range(start_ms, start_ms + span_ms, step_ms)
            if at_ms << 8 | meter in there and self._zones.start(table, at_ms) == start_ms
        ]

    def _is_whole(self, finer_table: str, key: int, parts: Set[int]) -> bool:
        """Return whether no finer row of a period can be lacking."""
        if parts & (self._doubt[finer_table] | self._weak[finer_table]):
            return False
        span_ms = 3_600_000 if finer_table == "quarter" else DAY_MS
        days = {at // DAY_MS for at in (key >> 8, (key >> 8) + span_ms - 1)}
        blocks = self._blocks
        if all(blocks.is_whole(finer_table, day) for day in days):
            return True
        return key >> 8 >= self._raw_from_ms and all(blocks.is_whole("reading", day) for day in days)

    def _by_meter(self, table: str, start_ms: int, end_ms: int) -> dict[int, Rows]:
        found: dict[int, Rows] = defaultdict(dict)
        question = f"{schema.select(table)} WHERE key >= ? AND key < ? ORDER BY key"
        for row in self._db.execute(question, (start_ms << 8, end_ms << 8)):
            found[row[0] & 0xFF][row[0]] = row
        return found

    def _take(self, anew: dict[str, dict[int, Account]]) -> None:
        for table, accounts in anew.items():
            for key, account in accounts.items():
                block = (table, day_of(key))
                if block not in self._blocks.proved:
                    row = rollup.to_columns(table, key, account)
                    self._db.execute(schema.insert(table, "INSERT OR REPLACE"), row)
                    self._blocks.anew[block] += 1

    def _keep_weak(self, table: str, keys: Iterable[int]) -> None:
        blocks = self._blocks
        for key in keys:
            block = (table, day_of(key))
            if block in blocks.known and block not in blocks.proved:
                self._weak[table].add(key)

    def _drop(self, table: str, keys: Iterable[int]) -> None:
        for key in keys:
            if self._db.execute(f"DELETE FROM {table} WHERE key = ?", (key,)).rowcount:  # noqa: S608
                self._blocks.dropped[table, day_of(key)] += 1
                self._bad[table].add(key)

    def _near_damage(self) -> None:
        """Drop what lies beside damage and rests on a sum alone, which does not show everything."""
        for table, most in NEIGHBOURS.items():
            weak = self._weak[table]
            beside: set[int] = set()
            for bad in sorted(self._bad[table]):
                beside.update(
                    key
                    for sign, order in (("<", "DESC"), (">", "ASC"))
                    for (key,) in self._db.execute(
                        f"SELECT key FROM {table} WHERE key {sign} ? "  # noqa: S608 - a name of ours
                        f"ORDER BY key {order} LIMIT ?",
                        (bad, most),
                    )
                )
            for key in beside:  # only now: what is dropped must not move the damage's edge further on
                block = (table, day_of(key))
                if block not in self._blocks.proved and (table == "reading" or key in weak):
                    self._blocks.dropped[block] += self._db.execute(
                        f"DELETE FROM {table} WHERE key = ?",  # noqa: S608 - a name of ours
                        (key,),
                    ).rowcount
                    weak.discard(key)

    def _unplaced(self) -> None:
        """Drop what rests on a sum alone on a day that is false somewhere, and nobody can say where."""
        blocks = self._blocks
        for table, day in sorted(blocks.known.keys() - blocks.proved):
            block, (low, high) = (table, day), bounds(day)
            if table not in NEIGHBOURS or blocks.dropped[block] or blocks.anew[block]:
                continue
            (count,) = self._db.execute(
                f"SELECT count(*) FROM {table} WHERE key >= ? AND key < ?",  # noqa: S608 - a name of ours
                (low, high),
            ).fetchone()
            if count != blocks.known[block][0]:
                continue  # what is lacking explains it
            if table == "reading":
                keys = self._db.execute("SELECT key FROM reading WHERE key >= ? AND key < ?", (low, high))
                self._drop(table, [key for (key,) in keys.fetchall()])
            else:
                self._drop(table, [key for key in self._weak[table] if low <= key < high])

    def _lacking(self, day: int) -> None:
        """Note what a day without digests lacks: each row tells of how many readings it is the sum."""
        blocks, start_ms, end_ms = self._blocks, day * DAY_MS, (day + 1) * DAY_MS
        for table, reach_ms in (("minute", 0), ("quarter", 0), ("hour", 3_600_000), ("day", 26 * 3_600_000)):
            bounds_ms = start_ms - reach_ms, end_ms + reach_ms
            there = self._counts(table, table, *bounds_ms, "rows")
            inside = [key for key in there if start_ms - reach_ms < key >> 8 < end_ms]
            for finer in ("reading", *schema.ROLLUPS):
                if finer == table:
                    break
                keys = inside
                if finer == "reading" and bounds_ms[0] < self._raw_from_ms:
                    keys = [key for key in inside if key >> 8 >= self._raw_from_ms]
                from_ms = self._raw_from_ms if finer == "reading" else 0
                sums = self._counts(finer, table, *bounds_ms, "1" if finer == "reading" else "rows")
                agree = [sums.get(key, 0) >= there[key] for key in keys]
                if not all(agree):
                    blocks.lacking.add((finer, day))
                elif table == "day" and keys:
                    blocks.complete.add((finer, day))
                if any(max(start_ms, from_ms) <= key >> 8 < end_ms for key in sums.keys() - there.keys()):
                    blocks.lacking.add((table, day))

    def _counts(self, table: str, period: str, start_ms: int, end_ms: int, what: str) -> dict[int, int]:
        """Return how many readings the rows of a table stand for, by the key of the `period` they are in."""
        sums: dict[int, int] = defaultdict(int)
        question = f"SELECT key, {what} FROM {table} WHERE key >= ? AND key < ?"  # noqa: S608 - names of ours
        for key, count in self._db.execute(question, (start_ms << 8, end_ms << 8)):
            if table != period:
                key = self._zones.start(period, key >> 8) << 8 | key & 0xFF  # noqa: PLW2901
            sums[self._seams.get(period, {}).get(key, key)] += count
        return sums


def _minute(key: int) -> int:
    at_ms = key >> 8
    return (at_ms - at_ms % 60_000) << 8 | key & 0xFF
