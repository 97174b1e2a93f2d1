"""R18: what clocks, zones and names say must not mislead a salvage or the check."""

import contextlib
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from substation.errors import StoreError
from substation.settings.model import Home
from substation.store import copies, digest, door, quarantine
from substation.store.check import looking
from substation.store.keeper import Keeper
from substation.store.live import LiveRow
from substation.store.salvage import report as salvage_report
from substation.store.salvage import salvaging
from tests.fake_clock import FakeClock
from tests.store.damages import SETTINGS
from tests.store.readings import BEGIN_MS, a_reading

DAY_MS = digest.DAY_MS


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.state.mkdir(parents=True)
    return made


def opened(home: Home, clock: FakeClock) -> Keeper:
    keeper = Keeper(home, SETTINGS, clock)
    keeper.open()
    return keeper


def poll(keeper: Keeper, clock: FakeClock, count: int, step_s: float = 10, reason: str | None = None) -> None:
    for _ in range(count):
        clock.advance(step_s)
        answers = [replace(a_reading(clock.ms + meter, meter), reason=reason) for meter in (1, 2, 3)]
        keeper.keep_live([LiveRow(one, "OK", "OK") for one in answers])
        keeper.keep_history([LiveRow(one, "OK", "OK") for one in answers])


def salvaged(home: Home, clock: FakeClock) -> salvage_report.Report:
    aside = quarantine.waiting(home.history)
    assert aside is not None
    return salvaging.run(home, SETTINGS, clock, aside)


def periods(db: sqlite3.Connection) -> list[tuple[int, int]]:
    """Return the hours and days that stand there, and how many readings each counts."""
    return db.execute("SELECT key, rows FROM hour UNION ALL SELECT key, rows FROM day").fetchall()


def counted(home: Home, clock: FakeClock) -> tuple[int, int]:
    """Return how many readings stand there, and how many the days count."""
    assert looking.look(home.history, clock).state == "whole"
    db, _ = door.open_to_read(home.history)
    found = db.execute("SELECT (SELECT count(*) FROM reading), (SELECT total(rows) FROM day)").fetchone()
    db.close()
    return int(found[0]), int(found[1])


def test_a_row_of_a_clock_that_was_ahead_is_not_when_the_last_commit_was(
    home: Home, clock: FakeClock
) -> None:
    keeper = opened(home, clock)
    poll(keeper, clock, 30)
    clock.step(1200)
    poll(keeper, clock, 3)
    clock.step(-1200)
    poll(keeper, clock, 3)
    keeper.commit()
    poll(keeper, clock, 3)  # waits for the next commit
    keeper.set_aside("for the test")
    poll(keeper, clock, 30)
    assert salvaged(home, clock).lost == []
    keeper.open()
    keeper.commit()
    keeper.close()
    assert counted(home, clock) == (207, 207)


def test_a_salvage_by_a_clock_that_is_ahead_does_not_switch_the_journal_off(
    home: Home, clock: FakeClock
) -> None:
    clock.step(7200)
    keeper = opened(home, clock)
    poll(keeper, clock, 10)
    keeper.commit()
    keeper.set_aside("for the test")
    salvaged(home, clock)
    keeper.open()
    clock.step(-7200)
    poll(keeper, clock, 5)  # and a kill
    keeper._live.close()
    assert keeper._history is not None
    keeper._history._db.close()
    keeper = opened(home, clock)
    keeper.close()
    assert counted(home, clock) == (45, 45)


def test_what_a_salvage_dropped_and_rollups_count_comes_not_again_from_the_live_file(
    home: Home, clock: FakeClock
) -> None:
    keeper = opened(home, clock)
    poll(keeper, clock, 60)
    keeper.commit()
    keeper.set_aside("for the test")
    salvaged(home, clock)
    with sqlite3.connect(home.history) as db:
        db.execute("DELETE FROM reading WHERE key < ?", ((BEGIN_MS + 120_000) << 8,))
        digest.note_lost(db, [BEGIN_MS // DAY_MS], clock.ms)
    db.close()
    keeper.open()
    keeper.close()
    db, _ = door.open_to_read(home.history)
    assert db.execute("SELECT total(rows) FROM minute").fetchone() == (180,)
    db.close()


def test_the_file_that_was_set_aside_last_is_salvaged_also_when_the_clock_was_ahead(
    home: Home, clock: FakeClock
) -> None:
    keeper = opened(home, clock)
    clock.step(30 * 86_400)
    keeper.set_aside("for the test")
    salvaged(home, clock)
    keeper.open()
    clock.step(-30 * 86_400)
    second = keeper.set_aside("for the test")
    assert quarantine.waiting(home.history) == second


def test_a_history_that_is_taken_away_later_does_not_bring_the_damaged_one_back(
    home: Home, clock: FakeClock
) -> None:
    keeper = opened(home, clock)
    keeper.set_aside("for the test")
    salvaged(home, clock)
    home.history.unlink()
    assert quarantine.waiting(home.history) is None
    home.salvaged.unlink()
    assert quarantine.waiting(home.history) is not None, "where nothing is known the names in the folder say"


@pytest.mark.parametrize("bad", [1, 40])
def test_a_changed_row_costs_what_lies_beside_it_and_no_more(home: Home, clock: FakeClock, bad: int) -> None:
    keeper = opened(home, clock)
    poll(keeper, clock, 400, 4)
    keeper.commit()
    assert keeper._history is not None
    db = keeper._history._db
    keys = db.execute("SELECT key FROM reading ORDER BY key LIMIT ? OFFSET 600", (bad,)).fetchall()
    db.executemany("UPDATE reading SET v_r = v_r + 1 WHERE key = ?", keys)
    home.live.write_bytes(b"")
    keeper.set_aside("for the test")
    saved = salvaged(home, clock).saved["reading"]
    assert 1200 - 300 < saved < 1200 - bad


def test_copies_are_looked_for_from_the_home_and_told_where_they_cannot_be_used(
    home: Home, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = opened(home, clock)
    poll(keeper, clock, 10)
    keeper.commit()
    aside = keeper.set_aside("for the test")
    asked = []

    def looked_into(folder: Path, *rest: object) -> None:
        asked.append(folder)
        raise StoreError("the stick is not there")

    monkeypatch.setattr(copies, "held", looked_into)
    monkeypatch.setattr(copies, "rows", looked_into)
    backup = SETTINGS.backup.model_copy(update={"folder": "stick"})
    report = salvaging.run(home, SETTINGS.model_copy(update={"backup": backup}), clock, aside)
    assert set(asked) == {home.folder / "stick"}
    assert "the copies could not be used: the stick is not there" in report.progress


def test_a_zone_set_meanwhile_costs_no_hours_and_is_noted(home: Home, clock: FakeClock) -> None:
    keeper = opened(home, clock)
    poll(keeper, clock, 40, 1800)
    keeper.commit()
    aside = keeper.set_aside("for the test")
    site = SETTINGS.site.model_copy(update={"timezone": "Europe/Berlin"})
    settings = SETTINGS.model_copy(update={"site": site})
    assert salvaging.run(home, settings, clock, aside).lost == []
    keeper = Keeper(home, settings, clock)
    keeper.open()
    poll(keeper, clock, 50, 1800)
    keeper.commit()
    assert keeper._history is not None
    before = periods(keeper._history._db)
    aside = keeper.set_aside("for the test")
    home.live.write_bytes(b"")
    assert salvaging.run(home, settings, clock, aside).lost == [], "the hours and days of both zones"
    db, _ = door.open_to_read(home.history)
    assert periods(db) == before
    assert db.execute("SELECT new FROM event WHERE kind = 'site.zone'").fetchall() == [("Europe/Berlin",)]
    db.close()


def test_a_clock_at_1970_east_of_greenwich_is_no_damage_and_survives_a_salvage(home: Home) -> None:
    clock = FakeClock(600_000)
    keeper = opened(home, clock)
    span = keeper.begin_clock_span("boot", 0)
    poll(keeper, clock, 20, reason=f"clock {span}")
    keeper.commit()
    assert looking.look(home.history, clock, quick=True).state == "whole"
    assert counted(home, clock) == (60, 60)
    home.live.unlink()
    keeper.set_aside("for the test")
    salvaged(home, clock)
    assert counted(home, clock) == (60, 60)


def test_hours_and_days_are_not_judged_in_a_zone_that_nobody_named(home: Home, clock: FakeClock) -> None:
    keeper = opened(home, clock)
    poll(keeper, clock, 40, 1800)
    keeper.commit()
    assert keeper._history is not None
    keeper._history._db.execute("DELETE FROM meta WHERE key = 'zone'")
    keeper.close()
    assert counted(home, clock) == (120, 120)


def test_a_zone_set_to_and_fro_within_a_day_costs_no_hours_either(home: Home, clock: FakeClock) -> None:
    keeper = opened(home, clock)
    poll(keeper, clock, 47, 1799)
    for zone in ("UTC", "Asia/Kolkata"):
        keeper.close()
        site = SETTINGS.site.model_copy(update={"timezone": zone})
        keeper = Keeper(home, SETTINGS.model_copy(update={"site": site}), clock)
        keeper.open()
        poll(keeper, clock, 3, 1200)
        keeper.commit()
    assert keeper._history is not None
    before = periods(keeper._history._db)
    aside = keeper.set_aside("for the test")
    home.live.write_bytes(b"")
    assert salvaging.run(home, SETTINGS, clock, aside).lost == []
    with contextlib.closing(sqlite3.connect(home.history)) as db:
        assert periods(db) == before
