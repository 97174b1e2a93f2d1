"""Makes a new history of what is whole in a damaged one.

    report = salvaging.run(home, settings, clock, tick)

Every row that can be read is a candidate (`source`). A day whose digest agrees is taken as it is
(`blocks`); of other days the copies on the second medium give what they hold; what is left has to
agree with what was kept elsewhere in the file (`proof`). Nothing is guessed: a row that does not
prove true is left out and counted. The damaged file is only ever read, and it stays.

The new history has the uid of the old one, so that copies and imports know it again. Days of which rows are
lost are noted in it (`digest.note_lost`): what is left of them cannot agree with itself any more.
"""

import contextlib
import re
import sqlite3
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from substation.clock import Clock
from substation.errors import StoreError
from substation.settings.model import Home, Settings
from substation.store import clock_spans, copies, digest, live, quarantine, schema
from substation.store.digest import DATED, DAY_MS
from substation.store.events import Event
from substation.store.rebuild import Rebuild
from substation.store.rows import to_row
from substation.store.salvage import blocks as salvage_blocks
from substation.store.salvage import reach as salvage_reach
from substation.store.salvage import report as salvage_report
from substation.store.salvage import rows as salvage_rows
from substation.store.salvage.blocks import Blocks
from substation.store.salvage.copies import Copied
from substation.store.salvage.proof import Proof
from substation.store.salvage.report import Report
from substation.store.salvage.source import Source
from substation.store.salvage.words import lost_blocks, lost_of, told
from substation.store.salvage.zones import of_events

Tick = Callable[[str], None]
_UID = re.compile(r"[0-9a-f]{32}\Z")
_FACTS = ("uid", "simulated", "made_ms", "site", "zone", "import_zone", schema.RAW_FROM, schema.MINUTE_FROM)
_TOUCHING = 5
"""Events so near to one that cannot be read are left out, where their day does not agree with its digest."""


class Salvage:
    """One salvage, from a damaged file to a new history under its name."""

    def __init__(self, home: Home, settings: Settings, clock: Clock, aside: Path, tick: Tick) -> None:
        """Name the damaged file `aside`; `tick` is told how far it is, in words."""
        self._home, self._settings, self._clock, self._tick = home, settings, clock, tick
        self._began_s = clock.monotonic()
        known = salvage_report.read(home)
        is_known = known is not None and known.file == aside.name
        self.report = known if known is not None and is_known else Report(file=aside.name)
        self.report.found_ms = self.report.found_ms or clock.now_ms()
        self._aside, self._zone = aside, settings.site.zone
        folder = settings.backup.folder
        self._copies = None if folder is None else home.folder / folder
        self._copied: Copied | None = None
        self._source = Source(aside)
        known_digests, lost_before = salvage_blocks.known_digests(self._source)
        self._blocks = Blocks(known_digests, lost_before)
        self._event_rows: list[Sequence[Any]] = []
        self._knows_marks = False
        """Whether the file itself still says what retention has taken."""

    def run(self) -> Report:
        """Do it. Raises Full, StoreError: nothing was changed, and it can be tried again."""
        with contextlib.closing(self._source):
            facts, is_same = self._facts()
            with Rebuild(self._home.history, self._clock, facts) as fresh:
                self._candidates(fresh)
                until_ms = self._from_live(fresh)
                self._tick("proving each day by its digest")
                salvage_blocks.prove(fresh.db, self._blocks, DATED)
                self._from_copies(fresh, facts)
                raw_from_ms = self._marks(fresh, facts)
                self._tick("proving the days whose digests do not agree, by recomputation")
                zones = of_events(self._event_rows, self._zone)
                Proof(fresh.db, self._blocks, zones, raw_from_ms).run(self._regain)
                events = self._events(fresh, facts["uid"])
                self._small(fresh)
                self._finish(fresh, until_ms, events, is_same)
        return self.report

    def _facts(self) -> tuple[dict[str, str], bool]:
        """Return the facts of the new history, and whether it goes on with the old one."""
        remembered = dict(salvage_report.identity(self._home))
        found = {name: value for name, value in self._source.small("meta") if _is_fact(name, value)}
        stamp = "yes" if self._settings.simulated else "no"
        whole = self._blocks.known.get(("meta", 0)) == digest.of_rows(self._source.small("meta"))
        if found.get("simulated", stamp) != stamp and whole:
            raise StoreError(
                f"{self._aside} belongs to a station of the other kind (simulated, real); move it away"
            )
        uid = remembered.get("uid") or found.get("uid", "")
        facts = (
            found if whole else {name: value for name, value in found.items() if name in ("made_ms", "site")}
        )
        self._knows_marks = whole
        is_same = bool(_UID.match(uid))
        facts |= {
            "simulated": stamp,
            "uid": uid if is_same else uuid.uuid4().hex,
            "site": self._settings.site.name,
        }
        # its hours and days lie as its own zone has them; a zone set since then is noted when it is opened
        facts["zone"] = self._own_zone(facts.get("zone"), remembered.get("zone"))
        facts.setdefault("made_ms", str(self._clock.now_ms()))
        return facts, is_same

    def _own_zone(self, *names: str | None) -> str:
        """Return the first of the zones that is known here, else that of the settings; take it on."""
        for name in names:
            with contextlib.suppress(ZoneInfoNotFoundError, ValueError, OSError):
                if name:
                    self._zone = ZoneInfo(name)
                    return name
        return self._settings.site.timezone

    def _candidates(self, fresh: Rebuild) -> None:
        for table in DATED:
            took = 0
            near = 0
            marks: list[tuple[int, int]] = []
            for part in self._source.rows(table):
                sound = [row for row in part if salvage_rows.is_sound(table, row)]
                took += fresh.add(table, sound)
                if len(sound) < len(part):
                    marks += salvage_rows.beside_unsound(table, part, near)
                near = sound[-1][0] if sound else near
                self._tick(f"reading {table}: {took} rows")
            # of a file that does not open at all every page is looked at by itself: no hole is in it
            holes = self._source.holes[table] if self._source.readable else []
            self._blocks.holes[table] = [*holes, *marks]
        for part in self._source.rows("event"):
            self._event_rows += part
        if any(self._source.holes.values()):
            self._event_rows += salvage_reach.take(
                fresh, self._aside, self._source.holes, of_events(self._event_rows, self._zone), self._tick
            )

    def _from_live(self, fresh: Rebuild) -> int:
        """Take what the live file still has of the committed time; return when that ended, UTC ms.

        The rows are in the rollups already; `History.replay` does not take them a second time.
        """
        until_ms = 0
        for table in DATED:
            last = "(key >> 8) + ifnull(last_ms, 0)" if table in schema.ROLLUPS else "key >> 8"
            (found,) = fresh.db.execute(f"SELECT max({last}) FROM {table}").fetchone()  # noqa: S608 - ours
            until_ms = max(until_ms, found or 0)
        # a row stamped by a clock that was ahead says nothing of when the last commit was
        until_ms = min(until_ms, self.report.found_ms, self.report.committed_ms or self.report.found_ms)
        spans = frozenset(
            row[0] for part in self._source.rows("clock_span") for row in part if row[6] is not None
        )
        rows = (to_row(row.reading) for row in live.rows(self._home.live))  # may be long: it is the journal
        fresh.add(
            "reading",
            [
                (key, code, reason, mask, *values)
                for key, code, reason, mask, values in rows
                if key >> 8 <= until_ms and clock_spans.span_of(reason) not in spans
            ],
        )
        return until_ms

    def _from_copies(self, fresh: Rebuild, facts: dict[str, str]) -> None:
        if self._copies is None:
            return
        self._tick("looking into the copies")
        store, today = self._settings.store, self._clock.now_ms() // DAY_MS
        unknown = {
            name: 0 if self._knows_marks else (today - days) * DAY_MS
            for name, days in ((schema.RAW_FROM, store.raw_days), (schema.MINUTE_FROM, store.minute_days))
        }
        from_ms = {
            table: int(facts.get(name, unknown[name]))
            for table, name in (("reading", schema.RAW_FROM), ("minute", schema.MINUTE_FROM))
        }
        spans = [row for part in self._source.rows("clock_span") for row in part if salvage_rows.is_span(row)]
        copied = self._copied = Copied(self._copies, facts["uid"], fresh.db, self._blocks, from_ms, spans)
        try:
            copied.take(self._tick)
        except (StoreError, OSError) as exc:
            self.report.no_copies = str(exc)
            self._tick(f"the copies are of no use: {exc}")
            salvage_blocks.prove(fresh.db, self._blocks, DATED)

    def _regain(self) -> None:
        if self._copied is not None and not self.report.no_copies:
            try:
                self._copied.regain()
            except (StoreError, OSError) as exc:
                self.report.no_copies = str(exc)

    def _marks(self, fresh: Rebuild, facts: dict[str, str]) -> int:
        """Return from when on readings are whole; where the file does not say it, note it anew."""
        store, now_ms = self._settings.store, self._clock.now_ms()
        for name, table, coarser, kept_days in (
            (schema.RAW_FROM, "reading", "minute", store.raw_days),
            (schema.MINUTE_FROM, "minute", "quarter", store.minute_days),
        ):
            if name in facts:
                self._blocks.from_day[table] = int(facts[name]) // DAY_MS + 1
                continue
            if not self._knows_marks:
                self._blocks.from_day[table] = now_ms // DAY_MS - kept_days + 1  # of one day it takes a part
            ((first,), (older,)) = (
                fresh.db.execute(f"SELECT min(key) >> 8 FROM {one}").fetchone()  # noqa: S608 - ours
                for one in (table, coarser)
            )
            if older is not None and (first is None or older < first - 900_000):
                facts[name] = str(self._clock.now_ms() if first is None else first - first % 60_000)
                fresh.facts({name: facts[name]})
                if self._knows_marks:
                    self._blocks.from_day[table] = int(facts[name]) // DAY_MS + 1
        return int(facts.get(schema.RAW_FROM, 0))

    def _events(self, fresh: Rebuild, uid: str) -> dict[int, int]:
        """Take the events that prove true; return by day how many are known to be lost."""
        by_day: dict[int, dict[int, Sequence[Any]]] = {}
        doubted: set[int] = set()
        for row in self._event_rows:
            if type(row[0]) is int and salvage_rows.is_event(row[1:]):
                by_day.setdefault(row[1] // DAY_MS, {})[row[0]] = row[1:]
            elif type(row[0]) is int:
                doubted.add(row[0])
        for low, high in self._source.holes["event"]:
            doubted |= {low, high}
        known = {day: found for (table, day), found in self._blocks.known.items() if table == "event"}
        copied = self._copied_events(
            uid,
            {day: (len(events), digest.of_rows(events.values())) for day, events in by_day.items()},
            known,
        )
        lost: dict[int, int] = {}
        for day in sorted(by_day.keys() | known.keys() | copied.keys()):
            events, more = by_day.get(day, {}), copied.get(day, [])
            if more and digest.of_rows(more) == known.get(day):
                events = {}
            elif day in known and digest.of_rows(events.values()) != known[day]:
                if len(events) >= known[day][0]:
                    events = {}  # one of them is false, and nobody can say which
                else:
                    events = {
                        k: e for k, e in events.items() if all(abs(k - bad) > _TOUCHING for bad in doubted)
                    }
            copied_ones = set(more)
            together = [*more, *(e for e in events.values() if tuple(e) not in copied_ones)]
            if day in known and known[day][0] > len(together):
                lost[day] = known[day][0] - len(together)
            fresh.events(tuple(event) for event in together)
        return lost

    def _copied_events(
        self, uid: str, there: Mapping[int, tuple[int, Any]], known: Mapping[int, tuple[int, int]]
    ) -> dict[int, list[tuple[Any, ...]]]:
        """Return the copied events of the days of which some are lacking or false."""
        found: dict[int, list[tuple[Any, ...]]] = {}
        if self._copies is None:
            return found
        try:
            held = copies.held(self._copies, uid)
            wanted = set()
            for (table, day), one in held.items():
                count, total = there.get(day, (0, None))
                is_whole = known[day] == total if day in known else bool(one.count and one.count[0] <= count)
                if table == "event" and not is_whole:
                    wanted.add(day)
            for page in copies.rows(self._copies, uid, "event", wanted):
                for row in page:
                    if row[1] // DAY_MS in wanted:
                        found.setdefault(row[1] // DAY_MS, []).append(tuple(row[1:]))
        except (StoreError, OSError) as exc:
            self.report.no_copies = str(exc)
        return found

    def _small(self, fresh: Rebuild) -> None:
        """Take clock spans and how far copies and imports had come, where they prove true."""
        spans = [row for part in self._source.rows("clock_span") for row in part if salvage_rows.is_span(row)]
        if digest.of_rows(spans) != self._blocks.known.get(("clock_span", 0)):
            # an offset that may be false would move readings: it has to be told again
            spans = [(*row[:5], row[5] if row[6] is not None else None, row[6]) for row in spans]
        sync = self._source.small("sync")
        if digest.of_rows(sync) != self._blocks.known.get(("sync", 0)):
            sync = []
        made = [(at, name) for name, at in self._source.small("schema_migration") if type(at) is int]
        with schema.transaction(fresh.db):  # when this program learned what tells old rows from new ones
            fresh.db.executemany("UPDATE schema_migration SET at_ms = ? WHERE name = ?", made)
            fresh.db.executemany("INSERT OR IGNORE INTO clock_span VALUES (?, ?, ?, ?, ?, ?, ?)", spans)
            fresh.db.executemany("INSERT OR IGNORE INTO sync VALUES (?, ?, ?)", sync)

    def _finish(self, fresh: Rebuild, until_ms: int, lost_events: dict[int, int], is_same: bool) -> None:
        """Note what is lost, tell it, and put the new history under its name."""
        blocks, report, now_ms = self._blocks, self.report, self._clock.now_ms()
        counts = salvage_blocks.counts(fresh.db)
        report.lost = lost_of(blocks, counts, lost_events)
        report.saved = _by_table(counts)
        report.anew, report.copied = _by_table(blocks.anew), _by_table(blocks.copied)
        (report.saved["event"],) = fresh.db.execute("SELECT count(*) FROM event").fetchone()
        is_empty = not any(report.saved.values())
        report.state = salvage_report.NOTHING if is_empty else salvage_report.DONE
        back = self._copied.back(now_ms) if self._copied is not None else set()
        days = {day for _, day in lost_blocks(blocks, counts)} | (blocks.lost_before - back)
        with schema.transaction(fresh.db):
            digest.note_lost(fresh.db, sorted(days), now_ms)
            fresh.db.executemany(
                "INSERT OR REPLACE INTO digest VALUES (?, ?, ?, ?, ?)",
                [(*block, *blocks.known[block], now_ms) for block in sorted(blocks.proved)],
            )
        fresh.facts({schema.SALVAGED_TO: str(until_ms)})
        report.seconds = round(self._clock.monotonic() - self._began_s, 1)
        report.at_ms, report.progress = now_ms, told(report)
        if report.no_copies:
            report.progress += f"; the copies could not be used: {report.no_copies}"
        name, kept = self._aside.name, f"{self._aside.name} is kept"
        told_of = [
            Event(report.found_ms, "store.damaged", None, "", name, report.words or kept),
            Event(now_ms, "store.salvaged", None, name, report.state, f"{report.progress}; {kept}"),
        ]
        if not is_same:
            words = "the damaged file did not say whose it was: the history goes on under a new uid"
            told_of.append(Event(now_ms, "store.new", None, "", "", words))
        fresh.events(astuple(event) for event in told_of)
        _digest_events(fresh.db, now_ms)
        fresh.finish()


def run(home: Home, settings: Settings, clock: Clock, aside: Path, tick: Tick = lambda words: None) -> Report:
    """Salvage the history that was set aside as `aside`, into the home's history.

    Raises:
        StoreError: A history stands there already, or the file cannot be read or the new one not written;
            nothing is changed then.
    """
    if home.history.exists():
        raise StoreError(
            f"{home.history} stands there; a salvage replaces nothing. To salvage {aside.name} all the same, "
            f"stop the station and move {home.history.name} away, with its -wal if there is one"
        )
    quarantine.waiting(home.history)  # brings a move that a kill cut short to its end
    if not aside.exists():
        raise StoreError(f"{aside} does not exist")
    report = Salvage(home, settings, clock, aside, tick).run()
    with contextlib.suppress(OSError):  # the history itself holds the same words as an event
        salvage_report.write(home, report)
    return report


def _is_fact(name: object, value: object) -> bool:
    if name not in _FACTS or not isinstance(value, str) or not value.isprintable():
        return False
    if name == "uid":
        return bool(_UID.match(value))
    if name == "simulated":
        return value in ("yes", "no")
    return value.isdecimal() if str(name).endswith("_ms") else True


def _digest_events(db: sqlite3.Connection, at_ms: int) -> None:
    """Store what the events of each day add up to; nobody but us writes into the file."""
    days: dict[int, tuple[int, int]] = {}
    for row in db.execute(f"SELECT {', '.join(digest.EVENT_COLUMNS)} FROM event"):  # noqa: S608 - ours
        day = row[0] // DAY_MS
        days[day] = digest.together(days.get(day, (0, 0)), (1, digest.of_row(row)))
    with schema.transaction(db):
        rows = [("event", day, *found, at_ms) for day, found in days.items()]
        db.executemany("INSERT OR REPLACE INTO digest VALUES (?, ?, ?, ?, ?)", rows)


def _by_table(found: dict[tuple[str, int], int]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for (table, _), rows in found.items():
        totals[table] = totals.get(table, 0) + rows
    return totals
