"""`datalogger.py import`: the original's readings, once, whole, and known for what they are."""

import datetime as dt
import json
import os
import signal
import sqlite3
import subprocess
import sys
import zoneinfo
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from substation.audit import tail
from substation.bus.lock import PollerLock
from substation.clock import day_start_ms
from substation.commands import datalogger, import_work
from substation.commands.doors import PROJECT
from substation.dashboard.feed import Feed
from substation.readings import Quality
from substation.settings import vault
from substation.settings.files import Loaded, load, write_new
from substation.settings.model import CARD_METERS, Settings, Store
from substation.store import original_staging, schema
from substation.store.history import History, HistoryReader
from substation.store.keeper import Keeper
from substation.store.live import LiveFile, LiveRow
from tests.fake_clock import FakeClock
from tests.store import originals
from tests.store.readings import a_reading

YESTERDAY = dt.datetime(2026, 11, 23)
"""The clock of the tests says 2026-11-24 11:30 in India."""
LAST_YEAR = dt.datetime(2025, 9, 1)
RUN = (sys.executable, str(PROJECT / "datalogger.py"), "import", "--yes")


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loaded:
    return make(tmp_path, monkeypatch, Settings(meters=CARD_METERS))


def make(folder: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Loaded:
    monkeypatch.setenv("SUBSTATION_HOME", str(folder))
    vault.write_key(folder / "config_key.key", vault.new_key())
    write_new(folder, settings)
    (folder / "original").mkdir()
    return load(folder)


@pytest.fixture
def run(clock: FakeClock, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    def run_it(*argv: str, clock: FakeClock = clock, yes: bool = True) -> tuple[int, str]:
        code = datalogger.main(["import", *(["--yes"] if yes else []), *argv], clock)
        said = capsys.readouterr()
        return code, said.out + said.err

    return run_it


Run = Callable[..., tuple[int, str]]


def content(path: Path, tables: Iterable[str] = ("reading", *schema.ROLLUPS)) -> list[object]:
    with sqlite3.connect(path) as db:
        found: list[object] = [
            db.execute(f"{schema.select(table)} ORDER BY key").fetchall() for table in tables
        ]
        found.append(db.execute("SELECT at_ms, kind, old, new, detail FROM event ORDER BY id").fetchall())
    db.close()
    return found


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def all_forms(folder: Path, begin: dt.datetime = YESTERDAY, rounds: int = 240) -> None:
    """The same hours as the original kept them: half an hour's rows in two databases, each round as text."""
    every = list(originals.polled(begin, rounds))
    seldom = [poll for poll in every if poll[0].minute % 30 == 0 and poll[0].second == 0]
    originals.database(folder / "meter_data_daily.db", seldom)
    originals.database(folder / "meter_data_1year.db", seldom)
    originals.table(folder / "meter_data.csv", every)


def test_the_stores_of_the_original_become_history(station: Loaded, run: Run) -> None:
    all_forms(station.home.original)
    before = files(station.home.original)
    code, said = run()
    assert code == 0
    assert "taken over:    1200" in said
    reader = HistoryReader(station.home.history)
    assert reader.tables()["reading"].rows == 1200
    reading = reader.latest()[1]
    assert (reading.quality, reading.reason) == (Quality.GOOD, "imported")
    assert reading.at_ms == day_start_ms(1_795_500_000_000, station.settings.site.zone, 1) + 239 * 30_000
    # the originals are as they were; a report lies beside them
    after = files(station.home.original)
    assert {name: data for name, data in after.items() if "import-report" not in name} == before
    (report,) = (data.decode() for name, data in after.items() if "import-report" in name)
    assert report.strip() in said
    assert "meter 3 NonEssentialLoad: 240 rows, 2026-11-23 00:00:00 to 2026-11-23 01:59:30" in report
    assert "the same reading again, here or in another file: 20" in report
    assert list((station.home.state / "inbox").iterdir()) == []


def test_the_time_of_imported_readings_is_marked_file_by_file(station: Loaded, run: Run) -> None:
    all_forms(station.home.original)
    run()
    events = HistoryReader(station.home.history).events(0, 2**43)
    assert [(event.kind, event.old, event.new) for event in events][-1] == (
        "import",
        "2026-11-22T18:30:00.000Z",
        "2026-11-22T20:29:30.000Z",
    )
    assert len(events) == 3
    assert "meter_data.csv of the original system: 1200 readings of 5 meters, usually one every 30 s" in (
        events[-1].detail
    )
    assert "read as Asia/Kolkata" in events[0].detail


def test_an_import_is_audited(station: Loaded, run: Run) -> None:
    all_forms(station.home.original)
    run()
    line = json.loads(station.home.audit.read_text().splitlines()[-1])
    assert line["event"] == "import.done"
    (words,) = tail(station.home.audit, 1)
    assert "taken=1200" in words
    assert "zone=Asia/Kolkata" in words


def test_importing_twice_makes_no_doubles(station: Loaded, run: Run) -> None:
    all_forms(station.home.original)
    run()
    first = content(station.home.history)
    code, said = run()
    assert code == 0
    assert "taken over:    0" in said
    assert "known already: 1200" in said
    assert content(station.home.history) == first


@pytest.mark.parametrize("begin", [YESTERDAY - dt.timedelta(days=40), LAST_YEAR])
def test_importing_twice_makes_no_doubles_when_retention_has_taken_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run, clock: FakeClock, begin: dt.datetime
) -> None:
    settings = Settings(meters=CARD_METERS, store=Store(raw_days=2, minute_days=31))
    station = make(tmp_path, monkeypatch, settings)
    history = open_history(station, clock)  # newer readings of our own, so that days are counted
    for day in range(35):
        history.add([a_reading(clock.now_ms() - day * 86_400_000 + n * 60_000) for n in range(-60, 0)])
    history.close()
    all_forms(station.home.original, begin, 300)
    run()
    trim(station, clock)
    first = content(station.home.history, schema.ROLLUPS)
    (minutes,) = rows_before(station, begin + dt.timedelta(days=1), "minute")
    (raw,) = rows_before(station, begin + dt.timedelta(days=1), "reading")
    (quarters,) = rows_before(station, begin + dt.timedelta(days=1), "quarter")
    assert (raw, minutes, quarters) == (0, 0, 50)  # both are gone indeed: the quarters alone are left
    for _ in range(2):
        code, said = run()
        assert code == 0
        assert "taken over:    0" in said
        trim(station, clock)
        assert content(station.home.history, schema.ROLLUPS) == first


def open_history(station: Loaded, clock: FakeClock) -> History:
    store = station.settings.store
    return History(
        station.home.history,
        False,
        clock,
        station.settings.site.zone,
        raw_days=store.raw_days,
        minute_days=store.minute_days,
    )


def trim(station: Loaded, clock: FakeClock) -> None:
    history = open_history(station, clock)
    while not history.upkeep(clock.now_ms(), 1.0):
        pass
    history.close()


def rows_before(station: Loaded, end: dt.datetime, table: str) -> tuple[int]:
    bound = int(end.replace(tzinfo=station.settings.site.zone).timestamp() * 1000) << 8
    with sqlite3.connect(station.home.history) as db:
        (count,) = db.execute(f"SELECT count(*) FROM {table} WHERE key < ?", (bound,)).fetchone()  # noqa: S608
    db.close()
    return (count,)


def test_readings_of_our_own_stay_beside_imported_ones(station: Loaded, run: Run, clock: FakeClock) -> None:
    history = open_history(station, clock)
    own = a_reading(day_start_ms(clock.now_ms(), station.settings.site.zone, 1) + 350, v_r=231.5)
    history.add([own])
    history.close()
    all_forms(station.home.original)
    run()
    run()
    with sqlite3.connect(station.home.history) as db:
        assert db.execute("SELECT count(*) FROM reading").fetchone() == (1201,)
        assert db.execute("SELECT sum(n) FROM day").fetchone() == (1201,)
    db.close()


def test_another_zone_on_the_second_run_is_refused(station: Loaded, run: Run) -> None:
    all_forms(station.home.original)
    run()
    first = content(station.home.history)
    code, said = run("--zone", "UTC")
    assert code == 78
    assert "Import with --zone Asia/Kolkata" in said
    assert content(station.home.history) == first
    assert run("--zone", "Asia/Kolkata")[0] == 0


def test_another_zone_is_refused_also_while_an_import_waits(
    station: Loaded, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_forms(station.home.original)
    monkeypatch.setattr(import_work, "take_in", interrupted)
    assert run()[0] == 130
    code, said = run("--zone", "UTC")
    assert code == 78
    assert "--zone Asia/Kolkata" in said


def test_the_writer_itself_refuses_another_zone(station: Loaded, run: Run, clock: FakeClock) -> None:
    all_forms(station.home.original)
    run()
    path = station.home.state / "inbox" / "import_1.db"
    staging = original_staging.Staging(path, zoneinfo.ZoneInfo("UTC"), clock)
    staging.finish([])
    keeper = Keeper(station.home, station.settings, clock)
    keeper.open()
    keeper.absorb(1.0)
    keeper.close()
    assert path.with_suffix(".refused").exists()


def interrupted(*_: object, **__: object) -> int:
    raise KeyboardInterrupt


def test_broken_off_while_reading_leaves_nothing_behind(
    station: Loaded, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_forms(station.home.original)
    before = files(station.home.original)
    with monkeypatch.context() as broken:
        broken.setattr(original_staging.Staging, "take", interrupted)
        code, said = run()
    assert code == 130
    assert "Run the same command again" in said
    assert files(station.home.original) == before
    assert list((station.home.state / "inbox").iterdir()) == []
    assert not station.home.history.exists()
    assert run()[0] == 0


def test_broken_off_while_taking_over_it_goes_on(
    station: Loaded, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    all_forms(station.home.original)
    with monkeypatch.context() as broken:
        broken.setattr(import_work, "SLICE_S", 0.0)
        broken.setattr(Keeper, "upkeep", interrupted)  # after the first slice
        assert run()[0] == 130
    (waiting,) = (station.home.state / "inbox").glob("*.db")
    code, said = run()
    assert code == 0
    assert f"{waiting.name}: made ready by an earlier import" in said
    assert HistoryReader(station.home.history).tables()["reading"].rows == 1200
    assert list((station.home.state / "inbox").iterdir()) == []


def import_in_a_child(killed_after_s: float = 0.0) -> tuple[int, float]:
    """Import in a child, which the kernel ends after so much processor time of its own, wherever it is.

    Return how it ended, as `os.waitpid` tells it, and the processor time that it took, s.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with Path(os.devnull).open("w") as nowhere:
                os.dup2(nowhere.fileno(), 1)
            signal.signal(signal.SIGPROF, signal.SIG_DFL)  # ends the process, and nothing is tidied up
            signal.setitimer(signal.ITIMER_PROF, killed_after_s)
            code = datalogger.main(["import", "--yes"])
        finally:
            os._exit(code)
    _, status, used = os.wait4(child, 0)
    return status, used.ru_utime + used.ru_stime


def test_killed_again_and_again_it_ends_like_one_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, station: Loaded
) -> None:
    all_forms(station.home.original, YESTERDAY - dt.timedelta(days=400), 500)
    clean = tmp_path / "clean"
    clean.mkdir()
    other = make(clean, monkeypatch, Settings(meters=CARD_METERS))
    for path in station.home.original.glob("meter*"):
        (other.home.original / path.name).write_bytes(path.read_bytes())
    status, whole_s = import_in_a_child()
    assert status == 0
    monkeypatch.setenv("SUBSTATION_HOME", str(station.home.folder))
    ends = [import_in_a_child(whole_s * share)[0] for share in (0.15, 0.4, 0.65, 0.85)]
    assert [os.WTERMSIG(status) for status in ends[:2]] == [signal.SIGPROF] * 2  # later ones may get through
    done = subprocess.run(RUN, check=True, capture_output=True, text=True)
    assert "Different readings in all files: 2500" in done.stdout
    assert content(station.home.history) == content(other.home.history)


class PollerClock(FakeClock):
    """Sleeping lets a poller do its chores."""

    keeper: Keeper

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.keeper.absorb(0.02)
        self.keeper.upkeep(0.02)


@pytest.fixture
def poller(station: Loaded) -> Iterator[PollerClock]:
    """A running poller: it holds its lock and its stores."""
    clock = PollerClock()
    lock = PollerLock(station.home.poller_lock)
    lock.take()
    clock.keeper = Keeper(station.home, station.settings, clock)
    clock.keeper.open()
    yield clock
    clock.keeper.close()
    lock.release()


def test_a_running_poller_takes_it_over_from_its_inbox(
    station: Loaded, run: Run, poller: PollerClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_forms(station.home.original)
    monkeypatch.setattr("substation.commands.import_progress.LOG_S", 0.0)
    code, said = run(clock=poller)
    assert code == 0
    assert "by the running poller" in said, said
    assert "taken over:    1200" in said
    assert HistoryReader(station.home.history).tables()["reading"].rows == 1200


def test_with_a_running_poller_nothing_is_moved_from_under_it(
    station: Loaded, run: Run, poller: PollerClock
) -> None:
    station.home.live.unlink()
    originals.table(station.home.live, originals.polled(YESTERDAY, 3))
    code, said = run(clock=poller)
    assert code == 75
    assert "./stop.sh" in said
    assert "Watts Total" in station.home.live.read_text()


def test_what_lies_under_our_names_is_moved_and_nothing_overwritten(station: Loaded, run: Run) -> None:
    older = originals.database(station.home.original / "daily_data.db", originals.polled(LAST_YEAR, 2))
    kept = older.read_bytes()
    originals.database(station.home.history, originals.polled(YESTERDAY, 4))
    originals.table(station.home.live, originals.polled(YESTERDAY, 6))
    lying = {"daily_data-2.db": station.home.history, "meter_data.csv": station.home.live}
    moved = {name: path.read_bytes() for name, path in lying.items()}
    code, said = run()
    assert code == 0
    assert older.read_bytes() == kept
    for name, data in moved.items():
        assert (station.home.original / name).read_bytes() == data
    assert "taken over:    40" in said
    assert HistoryReader(station.home.history).tables()["reading"].rows == 40


def test_a_store_that_is_still_written_is_not_moved(station: Loaded, run: Run) -> None:
    originals.database(station.home.history, originals.polled(YESTERDAY, 4))
    (station.home.folder / "daily_data.db-journal").write_bytes(b"x" * 600)
    code, said = run()
    assert code == 78
    assert "in the middle of a write" in said
    assert not (station.home.original / "daily_data.db").exists()


def test_a_trial_run_changes_nothing(station: Loaded, run: Run) -> None:
    all_forms(station.home.original)
    originals.table(station.home.live, originals.polled(YESTERDAY, 6))
    before = files(station.home.folder)
    code, said = run("--dry-run")
    assert code == 0
    assert "rows found: 1200" in said
    assert "nothing was taken over" in said
    after = files(station.home.folder)
    assert {name: after[name] for name in after if not name.endswith("import.lock")} == before


def test_it_asks_and_takes_silence_for_no(station: Loaded, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_: str) -> str:
        raise EOFError

    all_forms(station.home.original)
    before = files(station.home.original)
    monkeypatch.setattr("builtins.input", nobody)
    code, said = run(yes=False)
    assert code == 64
    assert "meter_data.csv: the original system's live file (a table of text), about 1" in said
    assert "nothing was changed. Do it without asking: python3 datalogger.py import --yes" in said
    assert files(station.home.original) == before
    monkeypatch.setattr("builtins.input", lambda _: "n")
    assert run(yes=False)[0] == 1
    monkeypatch.setattr("builtins.input", lambda _: "y")
    assert run(yes=False)[0] == 0


def test_every_exit_code_stands_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert datalogger.main(["import", "--help"]) == 0
    codes = capsys.readouterr().out.partition("exit codes:")[2]
    for code in (0, 1, 64, 75, 78, 130):
        assert f" {code} " in codes


def test_the_lock_of_an_import_is_not_for_others(station: Loaded, run: Run) -> None:
    all_forms(station.home.original)
    before = os.umask(0o022)
    try:
        run()
    finally:
        os.umask(before)
    assert not (station.home.state / "import.lock").stat().st_mode & 0o007


def test_named_files_are_imported_where_they_lie(station: Loaded, run: Run, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    year = originals.database(stick / "meter_data_1year.db", originals.polled(LAST_YEAR, 4))
    all_forms(station.home.original)
    code, said = run(str(year))
    assert code == 0
    assert "taken over:    20" in said


def test_a_simulated_station_takes_no_real_readings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    station = make(tmp_path, monkeypatch, Settings(simulated=True, meters=CARD_METERS))
    all_forms(station.home.original)
    code, said = run()
    assert code == 78
    assert "simulated station" in said
    assert not station.home.history.exists()


def test_simulated_readings_cannot_be_imported(
    station: Loaded, run: Run, tmp_path: Path, clock: FakeClock
) -> None:
    demo = tmp_path / "demo"
    demo.mkdir()
    history = History(demo / "daily_data.db", True, clock)
    history.add([a_reading()])
    history.close()
    live = LiveFile(demo / "meter_data.csv", station.settings.site.zone, True)
    live.append([LiveRow(a_reading(), "OK", "OK")])
    live.close()
    for name in ("daily_data.db", "meter_data.csv"):
        code, said = run(str(demo / name))
        assert code == 78
        assert "of this program" in said


def test_nothing_to_import_is_no_fault(station: Loaded, run: Run) -> None:
    (station.home.original / "notes.csv").write_text("a,b\n")
    code, said = run()
    assert code == 0
    assert "Nothing to import" in said
    assert "notes.csv: a text of another program" in said


def test_readings_of_an_unknown_meter_are_named_and_come_when_it_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    station = make(tmp_path, monkeypatch, Settings(meters=CARD_METERS[:4]))
    all_forms(station.home.original)
    code, said = run()
    assert code == 0
    assert "taken over:    960" in said
    assert "5 (240); add a meter to the configuration" in said
    station.home.config.unlink()
    write_new(tmp_path, Settings(meters=CARD_METERS))
    _, said = run()
    assert "taken over:    240" in said
    assert "known already: 960" in said


def test_too_little_room_is_told_before_anything_is_written(
    station: Loaded, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_forms(station.home.original)
    usage = type("Usage", (), {"free": 50_000_000})
    monkeypatch.setattr(import_work.shutil, "disk_usage", lambda _: usage)
    code, said = run()
    assert code == 78
    assert "50 MB are free" in said
    assert not (station.home.state / "inbox").exists()


def test_a_disk_that_fills_while_reading_leaves_all_as_it_was(
    station: Loaded, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_forms(station.home.original)
    before = files(station.home.original)
    make_it = original_staging.Staging.__init__

    def small(self: original_staging.Staging, *args: object) -> None:
        make_it(self, *args)  # type: ignore[arg-type]
        (pages,) = self._db.execute("PRAGMA page_count").fetchone()
        self._db.execute(f"PRAGMA max_page_count = {pages + 3}")

    with monkeypatch.context() as full:
        full.setattr(original_staging.Staging, "__init__", small)
        code, said = run()
    assert code == 78
    assert "no space left" in said
    assert files(station.home.original) == before
    assert list((station.home.state / "inbox").iterdir()) == []
    assert run()[0] == 0


def test_a_disk_that_fills_while_taking_over_loses_nothing(
    station: Loaded, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_forms(station.home.original)
    open_it = Keeper.open

    def small(self: Keeper) -> None:
        open_it(self)
        assert self._history is not None
        (pages,) = self._history._db.execute("PRAGMA page_count").fetchone()
        self._history._db.execute(f"PRAGMA max_page_count = {pages + 30}")

    with monkeypatch.context() as full:
        full.setattr(Keeper, "open", small)
        code, said = run()
    assert code == 78
    assert "no space left" in said
    assert len(list((station.home.state / "inbox").glob("import_*.db"))) == 1
    code, _ = run()
    assert code == 0
    assert HistoryReader(station.home.history).tables()["reading"].rows == 1200


def test_one_import_at_a_time(station: Loaded, run: Run) -> None:
    all_forms(station.home.original)
    other = PollerLock(station.home.state / "import.lock")
    other.take()
    code, said = run()
    other.release()
    assert code == 75
    assert "another import of this station is under way" in said


def test_the_dashboard_shows_an_imported_day_as_it_was_and_gaps_as_gaps(station: Loaded, run: Run) -> None:
    rounds = list(originals.polled(YESTERDAY, 2880, meters=(1,)))
    hole = [poll for poll in rounds if not 10 <= poll[0].hour < 13]
    originals.table(station.home.original / "meter_data.csv", hole)
    run()
    feed = Feed(station.settings, station.home, FakeClock())
    day = feed.day(1, ("v_r", "wh_received"), days_back=1)
    assert len(day.at_ms) == 1440
    expected = {
        poll[0].hour * 60 + poll[0].minute: poll[2][originals.LABELS.index("V R phase")]
        for poll in hole
        if poll[0].second == 30
    }
    for minute, value in enumerate(day.values["v_r"]):
        if 600 <= minute < 780:
            assert value is None
        else:
            assert value == pytest.approx(expected[minute], abs=0.05)
    found = HistoryReader(station.home.history).completeness(1, day.at_ms[0], day.at_ms[0] + 86_400_000)
    assert found.share == pytest.approx(1 - 180 / 1440)


def test_half_hourly_rows_claim_no_more_minutes_than_they_are(station: Loaded, run: Run) -> None:
    originals.database(station.home.original / "y.db", originals.polled(YESTERDAY, 48, step_s=1800))
    _, said = run()
    assert "usually one every 1800 s; at most 3 % of minutes can have one" in said
    feed = Feed(station.settings, station.home, FakeClock())
    day = feed.day(1, ("v_r",), days_back=1)
    assert sum(value is not None for value in day.values["v_r"]) == 48
    found = HistoryReader(station.home.history).completeness(1, day.at_ms[0], day.at_ms[0] + 86_400_000)
    assert (found.found, found.due) == (48, 1440)
    energy = HistoryReader(station.home.history).energy(1, day.at_ms[0], day.at_ms[0] + 86_400_000)
    first, last = (originals.values(n // 10 % 1_000_000)[29] for n in (stamp(0), stamp(47)))
    assert first is not None
    assert last is not None
    assert energy.used["wh_received"] == last - first


def stamp(number: int) -> int:
    return int((YESTERDAY + dt.timedelta(seconds=1800 * number)).timestamp())


ROUNDS = 200_000 if os.environ.get("SUBSTATION_LONG_TESTS") else 3_000


@pytest.mark.timeout(3600)
def test_many_rows_in_constant_memory(station: Loaded) -> None:
    originals.long_database(station.home.original / "meter_data_1year.db", LAST_YEAR, ROUNDS)
    # Its own peak since it began: what the kernel counts for an ended child holds the tests' memory too.
    program = (
        "import re, sys; from substation.commands import datalogger_import; "
        "from substation.commands.datalogger import main; "
        "peak = lambda: re.search(r'VmHWM:\\s*([0-9]+)', open('/proc/self/status').read())[1]; "
        "before = peak(); code = main(['import', '--yes']); print(before, peak()); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, cwd=PROJECT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert f"taken over:    {5 * ROUNDS}\n" in done.stdout
    before_mb, peak_mb = (int(kb) / 1024 for kb in done.stdout.split()[-2:])
    assert peak_mb - before_mb < 30, f"{before_mb:.0f} MB, then {peak_mb:.0f} MB"
