"""Copies on a second medium: everything, nothing twice, and it all comes back."""

import contextlib
import gzip
import json
import sqlite3
import threading

import pytest

from substation.errors import Busy, StoreError, WrongStation
from substation.settings.model import Home
from substation.store import copies, digest, schema
from substation.store.copies import dayfile, layout
from substation.store.history import History
from tests.store.copied import DAY_MS, FIRST_MS, TABLES, Station, files, rows, same
from tests.store.readings import BEGIN_MS, a_reading, rounds


@pytest.fixture
def station(tmp_path, clock, zone):
    made = Station.filled(tmp_path, clock, zone, step_s=1800)
    yield made
    made.history.close()


@pytest.fixture
def empty(tmp_path):
    home = Home(tmp_path / "new")
    home.folder.mkdir()
    return home


def in_order(path, table):
    with contextlib.closing(sqlite3.connect(path)) as db:
        return db.execute(f"{schema.select(table)} ORDER BY key").fetchall()


def test_everything_comes_back_row_for_row(station, empty, clock):
    """S46: restored elsewhere, each row equal."""
    station.history.begin_clock_span("boot", 5)
    people = station.people()
    with people.transaction() as db:
        db.execute("INSERT INTO login_failure VALUES (x'00', 7)")
    station.home.profiles.mkdir()
    (station.home.profiles / "mine.toml").write_text('name = "mine"\n')
    station.home.log_form.write_text("# our own sheet\n")
    assert station.take().ok
    done = copies.restore(station.stick, empty, clock)
    people.close()
    assert done.lacking == []
    same(station.home.history, empty.history)
    assert rows(empty.operator, "login_failure") == [(b"\0", 7)]
    assert (empty.profiles / "mine.toml").read_text() == 'name = "mine"\n'
    assert empty.log_form.read_text() == "# our own sheet\n"
    assert list(empty.folder.glob("*.rebuilt*")) == []


def test_a_restored_history_goes_on(station, empty, clock, zone):
    station.take()
    copies.restore(station.stick, empty, clock, simulated=True)
    later = History(empty.history, True, clock, zone)
    later.add(next(iter(rounds(BEGIN_MS + 5000, 1))))
    assert later.commit() == 5
    later.close()
    assert dict(rows(empty.history, "meta"))["uid"] == station.index.uid


def test_a_second_copy_writes_only_what_is_new(station, clock):
    assert station.take().files == len(station.index.entries)
    before = files(station.folder)
    second = station.take()
    assert (second.files, second.ok) == (0, True)
    days = {name for name in files(station.folder) if "index" not in name}
    assert days == {name for name in before if "index" not in name}
    clock.advance(60)
    station.fill(BEGIN_MS, hours=1)
    changed = {(e.group, e.day) for e in station.index.entries.values()}
    third = station.take()
    today = BEGIN_MS // DAY_MS
    again = {(e.group, e.day) for e in station.index.entries.values() if e.file not in before}
    assert again <= {("readings", today), ("minutes", today), ("periods", today), ("periods", today - 1)}
    assert {("readings", today), ("minutes", today), ("periods", today)} <= again
    assert (third.files, changed) == (len(again), {(e.group, e.day) for e in station.index.entries.values()})
    left = [name for name in files(station.folder) if f"readings-{layout.date_of(today)}" in name]
    assert len(left) == 1, "what was replaced is gone"


def test_late_rows_are_copied_anew(station, empty, clock):
    station.take()
    station.history.add([a_reading(FIRST_MS + 1)])
    station.history.commit()
    assert station.take().files >= 3
    copies.restore(station.stick, empty, clock)
    same(station.home.history, empty.history)


def test_a_corrected_clock_is_copied_anew(station, empty, clock):
    span_id = station.history.begin_clock_span("boot", 0)
    late = [a_reading(BEGIN_MS + n * 60_000) for n in range(30)]
    marked = [r.__class__(r.meter_id, r.at_ms, r.values, r.quality, f"clock {span_id}") for r in late]
    station.history.add(marked)
    clock.advance(3600)
    station.history.commit()
    assert station.take().ok
    (span,) = station.history.vouch_for_clock("boot", 2 * DAY_MS)
    assert station.history.correct_clock(span, 2 * DAY_MS) == 30
    assert station.take().ok
    copies.restore(station.stick, empty, clock)
    same(station.home.history, empty.history)


def test_the_medium_keeps_what_retention_gave_up(station, empty, clock):
    before, minutes = in_order(station.home.history, "reading"), in_order(station.home.history, "minute")
    station.take()
    with contextlib.closing(sqlite3.connect(station.home.history)) as db:
        db.execute("DELETE FROM reading WHERE key < ?", (BEGIN_MS - DAY_MS << 8,))
        db.execute("INSERT INTO meta VALUES (?, ?)", (schema.RAW_FROM, str(BEGIN_MS - DAY_MS)))
        db.commit()
    clock.advance(60)
    station.fill(BEGIN_MS, hours=1, seed=2)
    assert station.take().ok
    uid = station.index.uid
    kept = {row for page in copies.rows(station.stick, uid, "reading") for row in page}
    assert set(before) <= kept
    assert set(minutes) <= {row for page in copies.rows(station.stick, uid, "minute") for row in page}
    copies.restore(station.stick, empty, clock)  # as the card had it: it may have no room for more
    same(station.home.history, empty.history)
    assert station.verify().problems == []


def test_a_day_is_text_that_says_itself_what_it_is(station):
    station.take()
    (entry,) = (e for e in station.index.of("minutes") if e.day == FIRST_MS // DAY_MS)
    first, second, row, *_, last = gzip.decompress((station.folder / entry.file).read_bytes()).splitlines()
    head = json.loads(first)
    assert head["site"] == "Karjat"
    assert (head["simulated"], head["day"]) == (True, "2026-11-22")
    assert head["tables"]["minute"]["columns"] == list(schema.columns_of("minute"))
    assert head["tables"]["minute"]["steps_per_unit"]["pf_average"] == 10_000
    assert json.loads(second) == {"table": "minute"}
    assert json.loads(row)[0] == FIRST_MS // 60_000 * 60_000 << 8 | 1
    assert json.loads(last)["end"]["minute"] == list(entry.tables["minute"])


def test_the_digest_of_a_file_is_that_of_the_rows(station):
    ours = in_order(station.home.history, "hour")
    packer = dayfile.Packer(dayfile.head({}, "periods", 0))
    content = list(packer.chunks({"quarter": [], "hour": [ours], "day": []}))
    assert packer.counts["hour"] == digest.of_rows(ours)
    back = [row for table, page in dayfile.unpacked(content, "x") if table == "hour" for row in page]
    assert back == ours


def test_a_copy_is_taken_while_the_writer_writes(station, empty, clock):
    """S46: online, under load."""
    stop = threading.Event()
    path, words = station.home.history, []

    def write():
        history = History(path, True, clock, station.zone)
        try:
            for answers in rounds(BEGIN_MS, 100_000, 2000, seed=5):
                history.add(answers)
                history.commit()
                if stop.is_set():
                    return
        except StoreError as exc:
            words.append(str(exc))
        finally:
            history.close()

    station.history.close()
    writer = threading.Thread(target=write)
    writer.start()
    try:
        taken = [station.take() for _ in range(4)]
    finally:
        stop.set()
        writer.join()
    assert (words, [one.words for one in taken if not one.ok]) == ([], [])
    copies.restore(station.stick, empty, clock)
    with contextlib.closing(sqlite3.connect(empty.history)) as db:  # readings and their accounts fit
        (polls,) = db.execute("SELECT count(*) FROM reading").fetchone()
        for table in schema.ROLLUPS:
            (sums,) = db.execute(f"SELECT sum(rows) FROM {table}").fetchone()  # noqa: S608
            assert sums == polls, table
    mine = set(rows(path, "reading"))
    assert set(rows(empty.history, "reading")) < mine


def test_two_stations_share_a_medium(station, tmp_path, clock, zone, empty):
    other = Station(tmp_path / "b", clock, zone, site="Khopoli")
    other.fill(hours=2)
    other.stick = station.stick
    other.settings = station.settings
    assert station.take().ok
    before = files(station.stick)
    assert other.take().ok
    assert before.items() <= files(station.stick).items(), "nothing of the other one was touched"
    with pytest.raises(StoreError, match="copies of 2 stations; name one"):
        copies.restore(station.stick, empty, clock, simulated=True)
    done = copies.restore(station.stick, empty, clock, simulated=True, site="Khopoli")
    same(other.home.history, empty.history)
    assert done.site == "Khopoli"
    other.history.close()


def test_copies_of_the_other_kind_are_refused(station, empty, clock):
    station.take()
    with pytest.raises(WrongStation, match="holds copies of a simulated station and this one is real"):
        copies.restore(station.stick, empty, clock, simulated=False)
    assert list(empty.folder.iterdir()) == []


def test_a_standing_history_is_never_replaced(station, clock):
    station.take()
    before = rows(station.home.history, "reading")
    with pytest.raises(StoreError, match="stands there: a restore never replaces a history"):
        copies.restore(station.stick, station.home, clock)
    assert rows(station.home.history, "reading") == before


def test_an_empty_folder_has_nothing_to_restore(tmp_path, empty, clock):
    with pytest.raises(StoreError, match="holds no copies of a station"):
        copies.restore(tmp_path / "new", empty, clock)
    with pytest.raises(StoreError, match="Is the medium plugged in"):
        copies.restore(tmp_path / "nothing", empty, clock)


def test_one_copy_at_a_time(station):
    with copies.alone(station.home), pytest.raises(Busy, match="another copy of this station"):
        station.take()
    assert station.take().ok


def test_nothing_is_written_beside_the_history_but_the_report(station):
    before = files(station.home.folder)
    station.take()
    after = files(station.home.folder)
    assert set(after) - set(before) == {"state/backup.json"}
    shared = "daily_data.db-shm"  # memory of all who read
    assert all(after[name] == content for name, content in before.items() if name != shared)


def test_the_report_says_what_health_shows(station, clock):
    taken = station.take()
    said = json.loads(station.home.copied.read_text())
    assert said["ok"] is True
    assert (said["folder"], said["uid"]) == (str(station.stick), station.index.uid)
    assert said["newest_ms"] == rows(station.home.history, "reading")[-1][0] >> 8
    assert said["days"] == station.index.days
    assert said["bytes"] == taken.bytes == station.index.bytes
    assert (said["proof"]["at_ms"], said["proof"]["ok"]) == (clock.now_ms(), True)
    assert said["proof"]["days"] > 0


def test_every_table_is_yielded_for_salvage(station):
    station.take()
    uid = station.index.uid
    for table in TABLES:
        found = [row for page in copies.rows(station.stick, uid, table) for row in page]
        assert found == in_order(station.home.history, table), table
    days = [FIRST_MS // DAY_MS]
    some = [row for page in copies.rows(station.stick, uid, "minute", days) for row in page]
    assert {copies.layout.day_of(row[0]) for row in some} == set(days)
    newest = copies.newest(station.stick, uid)
    assert newest is not None
    assert newest.reading_ms == station.index.newest_ms
    assert copies.newest(station.stick, "0" * 32) is None
