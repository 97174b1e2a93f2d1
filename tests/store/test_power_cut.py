"""R24: files that are made, replaced, migrated, cut short when the power goes, at every moment and byte.

POWER_CUTS asks for more moments and bytes than CI has time for; 0 means all. The whole poller stands in
`tests/acquisition/test_power_cut.py`.
"""

import contextlib
import itertools
import os
import random
import shutil
import sqlite3
import zoneinfo
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from substation.errors import Damaged
from substation.settings.atomic import write_atomic
from substation.store import door, heartbeat, live, schema
from substation.store.history import History
from substation.store.live import HOUR_MS, LiveFile, LiveRow
from substation.store.live_row import write_row
from substation.store.rebuild import Rebuild
from tests.fake_clock import FakeClock
from tests.medium import MODES, Medium, hurried, recorded
from tests.store.readings import BEGIN_MS, a_reading, rounds
from tests.store.test_rollup import recomputed, stored

INDIA = zoneinfo.ZoneInfo("Asia/Kolkata")
ASKED = int(os.environ.get("POWER_CUTS", "-1"))
CUTS = 4 if ASKED < 0 else ASKED or 10**9
BYTES = 15 if ASKED < 0 else ASKED or 10**9
FACTS = {"simulated": "yes", "uid": "7" * 32, "zone": "Asia/Kolkata"}

pytestmark = [
    pytest.mark.usefixtures("written_is_told"),
    pytest.mark.timeout(0 if ASKED >= 0 else 300),
]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def after_each_cut(home: Path, tmp_path: Path) -> Callable[..., Iterator[tuple[Path, list, str]]]:
    """Walk through what a cut may leave: the folder, what had been noted by then, and the cut's name."""

    def walk(medium: Medium, most: int = CUTS) -> Iterator[tuple[Path, list, str]]:
        scratch = tmp_path / "scratch"
        noted = [place for place, did in enumerate(medium.did, 1) if did.note]
        cuts = sorted({*medium.cuts(random.Random(24), most), *(noted if len(noted) < 10 else ())})
        with hurried():
            for cut, mode in itertools.product(cuts, MODES):
                scratch.mkdir()
                medium.leave(cut, scratch, random.Random(f"{cut} {mode}"), mode)
                yield scratch, [note[0] for note in medium.notes(cut)], f"cut {cut}, {mode}"
                shutil.rmtree(scratch)

    return walk


def some_rounds(count: int, begin: int = 0) -> list[list]:
    return list(rounds(BEGIN_MS + begin * 20_000, count, 20_000, seed=begin))


def open_history(folder: Path) -> History:
    return History(folder / "daily_data.db", True, FakeClock(), INDIA)


def keys_in(path: Path) -> set[int]:
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return {key for (key,) in db.execute("SELECT key FROM reading")}


def keys_of(answers: list[list]) -> set[int]:
    return {reading.at_ms << 8 | reading.meter_id for answer in answers for reading in answer}


def test_a_history_that_was_being_made_stands_whole_or_is_made_again(home, after_each_cut):
    first, second = some_rounds(2), some_rounds(2, 10)
    with recorded(home) as medium:
        door.make(home / "daily_data.db", FakeClock(), FACTS)
        medium.note("made")
        history = open_history(home)
        for answers, name in ((first, "first"), (second, "second")):
            for answer in answers:
                history.add(answer)
            history.commit()
            medium.note(name)
        history.close()
    for folder, notes, cut in after_each_cut(medium, 20 if ASKED < 0 else CUTS):
        assert "made" not in notes or (folder / "daily_data.db").exists(), cut
        history = open_history(folder)  # never refused: nobody did anything wrong
        history.close()
        there = keys_in(folder / "daily_data.db")
        assert "first" not in notes or there >= keys_of(first), cut
        assert "second" not in notes or there >= keys_of(second), cut
        assert there in (set(), keys_of(first), keys_of(first) | keys_of(second)), cut


def test_a_migration_is_done_or_not_begun_and_costs_no_row(home, tmp_path, after_each_cut, monkeypatch):
    names, tables = list(schema.MIGRATIONS), ("reading", *schema.ROLLUPS)
    answers = [[a_reading(BEGIN_MS + number * 20_000, meter) for meter in range(1, 6)] for number in range(3)]
    (tmp_path / "today").mkdir()
    history = open_history(tmp_path / "today")
    history.add(reading for answer in answers for reading in answer)
    history.close()
    with monkeypatch.context() as older:
        older.setattr(schema, "MIGRATIONS", {name: schema.MIGRATIONS[name] for name in names[:2]})
        door.make(home / "daily_data.db", FakeClock(), FACTS)
    with contextlib.closing(sqlite3.connect(home / "daily_data.db")) as db:
        db.execute("ATTACH ? AS today", (str(tmp_path / "today" / "daily_data.db"),))
        for table in tables:  # all counters were read with all instants: their times were not needed yet
            columns = ", ".join(row[1] for row in db.execute(f"PRAGMA main.table_info({table})"))
            db.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM today.{table}")  # noqa: S608
        db.commit()
    with recorded(home) as medium:
        open_history(home).close()
        medium.note("migrated")
    for folder, _, cut in after_each_cut(medium):
        open_history(folder).close()
        assert keys_in(folder / "daily_data.db") == keys_of(answers), cut
        with contextlib.closing(sqlite3.connect(folder / "daily_data.db")) as db:
            assert [name for (name,) in db.execute("SELECT name FROM schema_migration ORDER BY 1")] == names


def test_a_history_made_anew_from_rows_stands_whole_under_its_name_or_not_at_all(
    home, tmp_path, after_each_cut
):
    answers = some_rounds(12)
    source = tmp_path / "source"
    source.mkdir()
    history = open_history(source)
    for answer in answers:
        history.add(answer)
    history.close()
    tables = ("reading", *schema.ROLLUPS)
    with contextlib.closing(sqlite3.connect(source / "daily_data.db")) as db:
        rows = {table: db.execute(schema.select(table)).fetchall() for table in tables}

    def rebuilt(folder: Path) -> None:
        with Rebuild(folder / "daily_data.db", FakeClock(), FACTS) as fresh:
            for table in tables:
                fresh.add(table, rows[table])
            fresh.finish()

    with recorded(home) as medium:
        rebuilt(home)
        medium.note("finished")
    for folder, notes, cut in after_each_cut(medium):
        path = folder / "daily_data.db"
        assert "finished" not in notes or path.exists(), cut
        if not path.exists():
            rebuilt(folder)  # what is left of the first attempt is in nobody's way
        open_history(folder).close()
        assert keys_in(path) == keys_of(answers), cut
        assert stored(path) == recomputed(path, INDIA), cut


def test_of_the_live_file_only_true_rows_are_read_and_it_can_be_gone_on_with(home, after_each_cut):
    every: set[str] = set()
    path = home / "meter_data.csv"

    def line(row: LiveRow) -> str:
        return write_row(row, INDIA, True)

    with recorded(home) as medium:
        file = LiveFile(path, INDIA, True)
        for number, answers in enumerate(rounds(BEGIN_MS, 60, 180_000)):
            rows = [LiveRow(reading, "OK", "EB supply On") for reading in answers]
            every |= {line(row) for row in rows}
            file.append(rows)
            medium.look()
            if number % 10 == 9:
                file.compact(answers[-1].at_ms)
            medium.note(len(live.read(path)))
        file.close()
    for folder, notes, cut in after_each_cut(medium):
        left = live.read(folder / "meter_data.csv")
        assert {line(row) for row in left} <= every, cut
        if cut.endswith("all") and notes:
            assert len(left) >= 5 * HOUR_MS // 180_000 or len(left) >= notes[-1], cut
        file = LiveFile(folder / "meter_data.csv", INDIA, True)
        file.append([LiveRow(a_reading(BEGIN_MS + 10**9), "OK", "OK")])
        file.close()
        assert live.read(folder / "meter_data.csv")[-1].reading.at_ms == BEGIN_MS + 10**9, cut
        assert live.latest(folder / "meter_data.csv")[1].newest.reading.at_ms == BEGIN_MS + 10**9, cut


def test_a_file_that_is_replaced_atomically_is_the_old_or_the_new_one(home, after_each_cut):
    path = home / "config.json"
    write_atomic(path, b"0" * 3000)
    with recorded(home) as medium:
        for number in range(1, 5):
            write_atomic(path, str(number).encode() * 3000)
            medium.note(number)
    for folder, notes, cut in after_each_cut(medium, 10**9):
        content = (folder / "config.json").read_bytes()
        kept = int(content[:1])
        assert content == str(kept).encode() * 3000, cut
        assert kept >= (notes[-1] if notes else 0), cut


def test_a_torn_sign_of_life_is_none(home, after_each_cut):
    path = home / "state" / "poller.json"
    beats = [{"state": "running", "round": number, "problems": ["x" * 700]} for number in range(20)]
    with recorded(home) as medium:
        for beat in beats:
            heartbeat.write(path, beat)
            medium.look()
    for folder, _, cut in after_each_cut(medium, 10**9):
        found = heartbeat.read(folder / "state" / "poller.json")
        assert found is None or {**found, "v": 1} in [{"v": 1, **beat} for beat in beats], cut


@pytest.fixture
def unfinished(home: Path, tmp_path: Path) -> tuple[Path, list[set[int]]]:
    """A history with a log of eight commits beside it, as a kill leaves it; and what each commit left."""
    history = open_history(home)
    states: list[set[int]] = [set()]
    for begin in range(8):
        answers = some_rounds(1, begin)
        for answer in answers:
            history.add(answer)
        history.commit()
        states.append(states[-1] | keys_of(answers))
    killed = tmp_path / "killed"
    shutil.copytree(home, killed, ignore=shutil.ignore_patterns("*-shm"))
    history.close()
    return killed, states


def bytes_of(size: int, first: int = 0) -> list[int]:
    """Return where to cut: at every byte, or at so many of them."""
    every = range(first, size)
    return list(every) if len(every) <= BYTES else sorted(random.Random(24).sample(every, BYTES))


def test_a_log_cut_at_every_byte_holds_whole_commits(unfinished, tmp_path):
    killed, states = unfinished
    size = (killed / "daily_data.db-wal").stat().st_size
    found = []
    for cut in bytes_of(size):
        scratch = tmp_path / "scratch"
        shutil.copytree(killed, scratch)
        os.truncate(scratch / "daily_data.db-wal", cut)
        open_history(scratch).close()
        there = keys_in(scratch / "daily_data.db")
        assert there in states, f"log cut at byte {cut}: half a commit"
        found.append(states.index(there))
        if cut % 7 == 0:
            path = scratch / "daily_data.db"
            assert stored(path) == recomputed(path, INDIA), f"log cut at byte {cut}"
        shutil.rmtree(scratch)
    assert found == sorted(found)  # the longer the log, the more
    assert len(set(found)) > 4


def test_a_database_that_grew_and_was_cut_at_every_byte_is_mended_from_its_log(home, tmp_path):
    with recorded(home) as medium:
        history = open_history(home)
        for begin in range(6):
            history.add(some_rounds(1, begin)[0])
            history.commit()
        medium.note("closing")
        history.close()  # brings the log into the database
    closing = next(place for place, did in enumerate(medium.did) if did.note == ("closing",))
    database = next(f for did in medium.did for name, f in did.names if name == "daily_data.db" and f)
    synced = next(
        place
        for place, did in enumerate(medium.did)
        if place > closing and did.what == "sync" and did.file == database
    )
    whole = keys_of([some_rounds(1, begin)[0] for begin in range(6)])
    before, after = tmp_path / "before", tmp_path / "after"
    medium.leave(synced, before, random.Random(1), "nothing")
    medium.leave(synced, after, random.Random(1), "all")
    size = (after / "daily_data.db").stat().st_size
    short = (before / "daily_data.db").stat().st_size
    assert size > short
    for cut in bytes_of(size, short):
        scratch = tmp_path / "scratch"
        shutil.copytree(after, scratch)
        os.truncate(scratch / "daily_data.db", cut)
        open_history(scratch).close()
        assert keys_in(scratch / "daily_data.db") == whole, f"database cut at byte {cut}"
        shutil.rmtree(scratch)


def test_a_database_whose_end_is_missing_is_never_taken_for_whole(home, tmp_path):
    history = open_history(home)
    for answer in some_rounds(60):
        history.add(answer)
    history.close()
    size = (home / "daily_data.db").stat().st_size
    for cut in bytes_of(size - 4096, 512)[:: 1 if ASKED >= 0 else 4]:
        scratch = tmp_path / "scratch"
        shutil.copytree(home, scratch)
        os.truncate(scratch / "daily_data.db", cut)
        with pytest.raises(Damaged):
            open_history(scratch).close()
        assert (scratch / "daily_data.db").stat().st_size == cut  # and nothing was done to it
        shutil.rmtree(scratch)
