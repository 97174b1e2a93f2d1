"""Looks at a history day by day: every row, every digest, and whether the tables agree with each other."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from substation.store import digest, rollup, schema
from substation.store.check.agree import agrees, grouped
from substation.store.check.found import LAST_MS, Found, cause, row_words, typed
from substation.store.digest import DATED, DAY_MS
from substation.store.rollup import Account
from substation.store.rows import Row

HOUR_MS = 3_600_000
FINISHED_MS = dict.fromkeys(DATED, HOUR_MS) | {"day": 26 * HOUR_MS}
"""A UTC day's rows are finished so long after its end: its last hour, or day of the site's calendar, is over.
A digest of rows that still change with every commit would be written as often."""
_MARGIN_MS = {"hour": HOUR_MS, "day": 26 * HOUR_MS}
_FINER = {"hour": "quarter", "day": "hour"}
BROKEN = (TypeError, ValueError, KeyError, IndexError, OverflowError, AttributeError)
"""What reckoning with a row brings that holds what no row holds."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What has to be known of a file before its days can be judged."""

    raw_from_ms: int
    minute_from_ms: int
    zones: tuple[ZoneInfo, ...]
    """The site's zone, then those that it had before; none when one of them is not known."""
    lost: frozenset[int]
    has_digests: bool
    old_ms: int
    """Rollup rows from before this were written by a program that knew less of counters."""

    @classmethod
    def of(cls, db: sqlite3.Connection) -> "Marks":
        """Read them."""
        names = [schema.meta(db, "zone") or ""]
        for old, new in db.execute("SELECT old, new FROM event WHERE kind = 'site.zone'"):
            names += [old, new]
        made = dict(db.execute("SELECT name, at_ms FROM schema_migration").fetchall())
        first, counters = min(made.values(), default=0), made.get(schema.COUNTER_TIMES, LAST_MS)
        return cls(
            schema.meta_number(db, schema.RAW_FROM),
            schema.meta_number(db, schema.MINUTE_FROM),
            _zones(dict.fromkeys(names)),
            digest.lost_days(db),
            digest.has_digests(db),
            counters if counters - first > 60_000 else 0,
        )


def _zones(names: dict[str, None]) -> tuple[ZoneInfo, ...]:
    try:
        return tuple(ZoneInfo(name) for name in names)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ()  # of another machine's time zone data, or not said: hours and days cannot be judged


def days_of(db: sqlite3.Connection, table: str) -> Iterator[int]:
    """Yield every UTC day that has rows of a table, without reading the rows."""
    key = -(2**63)
    while True:
        found = db.execute(f"SELECT key FROM {table} WHERE key >= ? ORDER BY key LIMIT 1", (key,)).fetchone()  # noqa: S608
        if found is None or found[0] < key:  # a damaged tree leads back; `shape.structure` tells of it
            return
        day = digest.day_of(found[0])
        yield day
        key = (day + 1) * DAY_MS << 8
        if key >= 2**63:
            return


class Days:
    """One look at the days of a history; `db` reads only."""

    def __init__(self, db: sqlite3.Connection, found: Found) -> None:
        """Learn what has to be known of the file."""
        self._db, self._found = db, found
        self._marks = Marks.of(db)

    def all(self) -> list[int]:
        """Return every UTC day that has rows or digests, oldest first."""
        days = {day for table in DATED for day in days_of(self._db, table)}
        if self._marks.has_digests:
            tables = ", ".join(f"'{table}'" for table in DATED)
            question = f"SELECT DISTINCT day FROM digest WHERE tbl IN ({tables})"  # noqa: S608 - ours
            days |= {day for (day,) in self._db.execute(question)}
        return sorted(days)

    def look(self, day: int) -> None:
        """Look at one day: one read transaction."""
        with self._at(day) as one:
            if one is not None:
                one.look()

    def look_quickly(self, is_over: Callable[[], bool]) -> None:
        """Look at the newest days, until told that it is over.

        The newest day with readings: its number of readings, the hour of the newest one against minutes and
        quarters, its hours and days against each other. Before it: the number of readings, day by day.
        """
        newest = self._db.execute("SELECT key FROM reading ORDER BY key DESC LIMIT 1").fetchone()
        while newest is not None:
            at_ms = newest[0] >> 8
            is_first, day = self._found.days == 0, at_ms // DAY_MS
            with self._at(day) as one:
                if one is not None:
                    one.look_quickly(at_ms // HOUR_MS * HOUR_MS if is_first else None)
            if is_over() or not 0 < day <= LAST_MS // DAY_MS:
                return
            question = "SELECT key FROM reading WHERE key < ? ORDER BY key DESC LIMIT 1"
            newest = self._db.execute(question, (day * DAY_MS << 8,)).fetchone()

    @contextlib.contextmanager
    def _at(self, day: int) -> Iterator["_Day | None"]:
        """Hold one read transaction for a day; None when there cannot be such a day."""
        # east of Greenwich the hours and days of a clock at 1970 begin before it
        if not -1 <= day <= LAST_MS // DAY_MS or (day < 0 and self._has_finer(day)):
            self._found.damaged("", None, None, f"there are rows of a day that no clock has ({day})")
            yield None
            return
        self._db.execute("BEGIN")
        try:
            yield _Day(self._db, self._found, self._marks, day)
        finally:
            self._db.execute("ROLLBACK")
        self._found.days += 1

    def _has_finer(self, day: int) -> bool:
        bounds = (day * DAY_MS << 8, (day + 1) * DAY_MS << 8)
        return any(
            self._db.execute(f"SELECT 1 FROM {table} WHERE key >= ? AND key < ? LIMIT 1", bounds).fetchone()  # noqa: S608
            for table in ("reading", "minute", "quarter")
        )


class _Day:
    """One UTC day of a history."""

    def __init__(self, db: sqlite3.Connection, found: Found, marks: Marks, day: int) -> None:
        self._db, self._found, self._marks, self._day = db, found, marks, day
        self._begin_ms, self._end_ms = day * DAY_MS, (day + 1) * DAY_MS
        self._known = {table: digest.stored(db, table, day) if marks.has_digests else None for table in DATED}
        self._sums: dict[str, tuple[int, int]] = dict.fromkeys(DATED, (0, 0))
        self._faults: set[str] = set()

    def look(self) -> None:
        """See that all rows are there and right; propose digests of what agrees."""
        if not self._guarded(self._poll_to_quarter, self._hours_and_days):
            return
        for table in DATED:
            rows, known = self._sums[table], self._known[table]
            self._found.count(table, rows[0])
            if known is not None and known != rows:
                self._fault(table, f"{rows[0]} rows are not the {known[0]} that the digest is of")
        if not self._faults:
            self._propose()

    def look_quickly(self, hour_ms: int | None) -> None:
        """See that the readings are all there; of one hour, that they agree with minutes and quarters."""
        if hour_ms is None:
            self._guarded(self._count)
        else:
            self._guarded(self._count, self._hours_and_days, lambda: self._hour(hour_ms, self._is_asked))

    @property
    def _is_asked(self) -> bool:
        return self._day not in self._marks.lost

    def _guarded(self, *looks: Callable[[], None]) -> bool:
        """Look, and take what cannot be read or reckoned with as damage; False when it is not all read."""
        try:
            for look in looks:
                look()
        except BROKEN as exc:
            self._fault("", f"rows cannot be reckoned with ({type(exc).__name__}: {exc})")
            return False
        except sqlite3.Error as exc:
            words = cause(exc)
            if words is None:
                raise
            self._fault("", f"cannot be read ({words})")
            return False
        return True

    def _count(self) -> None:
        """Compare the number of readings with what their quarters counted, or their digest."""
        bounds = (self._begin_ms << 8, self._end_ms << 8)
        (there,) = self._db.execute(
            "SELECT count(*) FROM reading WHERE key >= ? AND key < ?", bounds
        ).fetchone()
        self._found.count("reading", there)
        known = self._known["reading"]
        if known is not None:
            due = known[0]
        elif self._is_asked and self._begin_ms >= self._marks.raw_from_ms:
            question = "SELECT total(rows) FROM quarter WHERE key >= ? AND key < ?"
            due = int(self._db.execute(question, bounds).fetchone()[0])
        else:
            return
        if there != due:
            self._fault("reading", f"{there} readings of {due}")

    def _hours_and_days(self) -> None:
        for table in ("hour", "day"):
            self._coarse(table)

    def _fault(self, table: str, words: str) -> None:
        if table not in self._faults:  # one a table and day says it; a damaged page spoils hundreds of rows
            self._faults.add(table)
            self._found.damaged_day(table, self._day, words)

    def _propose(self) -> None:
        whole_from = {"reading": self._marks.raw_from_ms, "minute": self._marks.minute_from_ms}
        for table, (rows, total) in self._sums.items():
            is_finished = self._found.at_ms >= self._end_ms + FINISHED_MS[table]
            is_whole = self._begin_ms >= whole_from.get(table, 0)
            if rows and self._known[table] is None and is_finished and is_whole:
                self._found.digests.append((table, self._day, rows, total))

    def _rows(self, table: str, begin_ms: int, end_ms: int, *, is_counted: bool = True) -> dict[int, tuple]:  # type: ignore[type-arg]
        """Return rows by key; of the day's own, take the digest and look at the types."""
        statement = f"{schema.select_as_it_is(self._db, table)} WHERE key >= ? AND key < ?"
        rows = {row[0]: row for row in self._db.execute(statement, (begin_ms << 8, end_ms << 8))}
        if is_counted:
            for row in rows.values():
                if not typed(table, row):
                    self._fault(table, f"the row {row[0]} holds what no row of this table holds")
            self._sums[table] = digest.together(self._sums[table], digest.of_rows(rows.values()))
        return rows

    def _needs(self, *tables: str) -> bool:
        """Return whether the agreement of tables has to be proved: one of them has no digest."""
        gone_before = {"reading": self._marks.raw_from_ms, "minute": self._marks.minute_from_ms}
        kept = [table for table in tables if self._end_ms > gone_before.get(table, 0)]
        return self._is_asked and any(self._known[table] is None for table in kept)

    def _is_old(self, key: int) -> bool:
        return key >> 8 < self._marks.old_ms

    def _poll_to_quarter(self) -> None:
        """Look at readings, minutes and quarters, an hour at a time: a whole day would fill the memory."""
        is_asked = self._needs("reading", "minute", "quarter")
        for begin_ms in range(self._begin_ms, self._end_ms, HOUR_MS):
            self._hour(begin_ms, is_asked)

    def _hour(self, begin_ms: int, is_asked: bool) -> None:
        end_ms = begin_ms + HOUR_MS
        readings = self._rows("reading", begin_ms, end_ms)
        minutes = self._rows("minute", begin_ms, end_ms)
        quarters = self._rows("quarter", begin_ms, end_ms)
        if not is_asked or not (readings or minutes or quarters) or self._faults:
            return
        rows: list[Row] = [(*row[:4], row[4:]) for row in readings.values()]
        made = rollup.roll_up(rows, self._marks.zones[0] if self._marks.zones else ZoneInfo("UTC"))
        self._match("minute", minutes, made["minute"], self._marks.raw_from_ms, self._marks.minute_from_ms)
        self._match("quarter", quarters, made["quarter"], self._marks.raw_from_ms, 0)
        self._quarters_of_minutes(quarters, minutes)

    def _match(
        self,
        table: str,
        rows: dict[int, tuple],  # type: ignore[type-arg]
        made: dict[int, Account],
        whole_from_ms: int,
        kept_from_ms: int,
    ) -> None:
        """Compare rows with what readings add up to; before `whole_from_ms` only some readings are left."""
        length_ms = schema.ROLLUPS[table] * 1000
        whole_from_ms = -(-whole_from_ms // length_ms) * length_ms
        for key in rows.keys() | made.keys():
            at_ms, row, account = key >> 8, rows.get(key), made.get(key)
            if at_ms >= max(whole_from_ms, kept_from_ms):
                if row is None:
                    self._fault(table, f"{row_words(table, key)} is missing: its readings are there")
                elif account is None:
                    self._fault("reading", f"the {row[2]} readings of {row_words(table, key)} are missing")
                elif row[2] != account.rows:
                    self._fault("reading", f"{account.rows} readings of {row[2]} in {row_words(table, key)}")
                elif not agrees(table, row, account, is_old=self._is_old(key)):
                    self._fault(table, f"{row_words(table, key)} is not what its readings add up to")
            elif account is not None and at_ms >= kept_from_ms and (row is None or row[2] < account.rows):
                self._fault(table, f"{row_words(table, key)} holds less than its readings")

    def _quarters_of_minutes(self, quarters: dict[int, tuple], minutes: dict[int, tuple]) -> None:  # type: ignore[type-arg]
        """Compare quarters with their minutes, where those are all kept."""
        whole_from_ms = -(-self._marks.minute_from_ms // 900_000) * 900_000
        groups: dict[int, list[Account]] = {}
        for key, minute in minutes.items():
            at_ms = key >> 8
            quarter = (at_ms - at_ms % 900_000) << 8 | key & 0xFF
            groups.setdefault(quarter, []).append(rollup.from_columns("minute", minute))
        for key in quarters.keys() | groups.keys():
            row, group = quarters.get(key), groups.get(key)
            if key >> 8 < whole_from_ms:
                if row is None:
                    self._fault("quarter", f"{row_words('quarter', key)} is missing: minutes of it are there")
            elif row is None:
                self._fault("quarter", f"{row_words('quarter', key)} is missing: its minutes are there")
            elif group is None:
                self._fault("minute", f"the minutes of {row_words('quarter', key)} are missing")
            elif not agrees("quarter", row, rollup.merged(group), is_old=self._is_old(key), by_minutes=True):
                self._fault("minute", f"{row_words('quarter', key)} is not what its minutes add up to")

    def _coarse(self, table: str) -> None:
        """Compare hours with their quarters, days with their hours."""
        finer, margin_ms = _FINER[table], _MARGIN_MS[table]
        rows = self._rows(table, self._begin_ms, self._end_ms)
        near = {self._day - 1, self._day, self._day + 1, self._day + 2}
        if not self._needs(finer, table) or self._faults or near & self._marks.lost:
            return
        if len(self._marks.zones) != 1:
            return  # hours and days of two zones overlap where rows came late: their digests guard them
        begin_ms, end_ms = self._begin_ms - margin_ms, self._end_ms + margin_ms
        found = self._rows(finer, begin_ms, end_ms, is_counted=False)
        made = {key: rollup.from_columns(finer, row) for key, row in found.items()}
        groups = grouped(table, made, self._marks.zones[0])
        for key in rows.keys() | {key for key in groups if self._has(key)}:
            row, keys = rows.get(key), groups.get(key)
            if row is None:
                self._fault(table, f"{row_words(table, key)} is missing: its {finer}s are there")
            elif keys is None:
                self._fault(finer, f"the {finer}s of {row_words(table, key)} are missing")
            elif not agrees(table, row, rollup.merged(made[one] for one in keys), is_old=self._is_old(key)):
                self._fault(table, f"{row_words(table, key)} is not what its {finer}s add up to")

    def _has(self, key: int) -> bool:
        return self._begin_ms <= key >> 8 < self._end_ms
