"""A salvage takes back what the copies hold, also of days of which the damaged file tells nothing."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from substation.settings.model import CARD_METERS, Settings
from substation.store import copies, digest, quarantine
from substation.store.check import looking
from substation.store.copies import layout
from substation.store.digest import DATED
from substation.store.salvage import salvaging
from substation.store.salvage.report import Report, copies_hold_more
from tests.store.copied import DAY_MS, FIRST_MS, Station, rows

DAY = FIRST_MS // DAY_MS + 1
"""The second day of the three: it is over."""
PAGE = 4096


@pytest.fixture
def station(tmp_path, clock, zone):
    """Closed, with copies of everything and no digests."""
    made = Station(tmp_path, clock, zone)
    made.fill(step_s=3600)
    made.happens(at_ms=DAY * DAY_MS + 5)
    made.history.close()
    made.take()
    return made


def everything(path: Path) -> dict[str, list]:
    """All rows; of the events those that no salvage noted."""
    found = {table: rows(path, table) for table in DATED}
    return found | {"event": sorted(row[1:] for row in rows(path, "event") if row[2] == "supply")}


def salvaged(station: Station) -> Report:
    aside = quarantine.set_aside(station.home.history, station.clock)
    return salvaging.run(station.home, station.settings, station.clock, aside)


def delete(station: Station, *tables: str, day: int = DAY) -> None:
    with contextlib.closing(sqlite3.connect(station.home.history)) as db:
        for table in tables:
            db.execute(f"DELETE FROM {table} WHERE key >= ? AND key < ?", layout.bounds(day))  # noqa: S608
        db.commit()


def is_lost(station: Station) -> bool:
    """Return whether the history knows of the day that rows were lost; else it has to agree with itself."""
    assert looking.look(station.home.history, station.clock).state == "whole"
    with contextlib.closing(sqlite3.connect(station.home.history)) as db:
        return DAY in digest.lost_days(db)


def test_a_day_gone_whole_without_a_word_comes_back(station):
    whole = everything(station.home.history)
    delete(station, *DATED)
    with contextlib.closing(sqlite3.connect(station.home.history)) as db:
        db.execute("DELETE FROM event WHERE kind = 'supply'")
        db.commit()
    report = salvaged(station)
    assert everything(station.home.history) == whole
    assert report.lost == []
    assert report.copied["reading"] > 100


def test_one_table_of_a_day_comes_back(station):
    whole = everything(station.home.history)
    delete(station, "minute", "quarter")
    report = salvaged(station)
    assert everything(station.home.history) == whole
    assert report.lost == []


def test_destroyed_inner_pages_cost_nothing(station):
    whole = everything(station.home.history)
    data = bytearray(station.home.history.read_bytes())
    inner = [at for at in range(PAGE, len(data), PAGE) if data[at] == 5]
    assert inner
    for at in inner:
        data[at : at + PAGE] = b"\xa5" * PAGE
    station.home.history.write_bytes(data)
    salvaged(station)
    assert everything(station.home.history) == whole


def test_what_the_copies_held_and_cannot_give_is_told(station):
    delete(station, "reading")
    (file,) = station.stick.glob(f"*/*/readings-{layout.date_of(DAY)}-*")
    file.write_bytes(file.read_bytes()[:-9])
    lost = {(one.table, one.day) for one in salvaged(station).lost}
    assert ("reading", layout.date_of(DAY)) in lost


def test_what_retention_took_is_not_brought_back(station):
    delete(station, "reading", day=DAY - 1)
    with contextlib.closing(sqlite3.connect(station.home.history)) as db:
        db.execute("INSERT INTO meta VALUES ('raw_from_ms', ?)", (str(DAY * DAY_MS),))
        meta = digest.of_rows(db.execute("SELECT key, value FROM meta").fetchall())
        db.execute("INSERT INTO digest VALUES ('meta', 0, ?, ?, 0)", meta)
        db.commit()
    whole = everything(station.home.history)
    salvaged(station)
    found = everything(station.home.history)
    assert found["reading"] == whole["reading"]


def test_the_index_says_what_is_held(station):
    held = copies.held(station.stick, station.index.uid)
    assert held["reading", DAY].count[0] == len(
        [row for row in rows(station.home.history, "reading") if layout.day_of(row[0]) == DAY]
    )


def test_after_a_salvage_without_the_medium_copies_go_on_and_say_what_they_hold(station):
    whole = everything(station.home.history)
    delete(station, "reading", "minute")
    with_copies, station.settings = station.settings, Settings(simulated=True, meters=CARD_METERS)
    assert salvaged(station).lost
    station.settings = with_copies
    for _ in range(2):
        taken = station.take()
        assert taken.ok, taken.words
        assert f"hold rows of {layout.date_of(DAY)} that a salvage had lost" in taken.words
        assert copies_hold_more(station.home)
    assert is_lost(station)
    assert salvaged(station).lost == []
    assert everything(station.home.history) == whole
    assert not is_lost(station), "the day is as good as any other again"
    assert "had lost" not in station.take().words
    assert not copies_hold_more(station.home)


def test_of_a_salvaged_day_the_fuller_copy_stays(station):
    delete(station, "reading", "minute", "quarter", "hour")
    before = station.index.entries["periods", DAY]
    with_copies, station.settings = station.settings, Settings(simulated=True, meters=CARD_METERS)
    salvaged(station)
    station.settings = with_copies
    station.take()
    assert station.index.entries["periods", DAY].file == before.file


def test_a_sound_history_loses_nothing_where_retention_has_its_edge(station):
    station.clock.advance(DAY_MS // 1000)
    edge_ms = station.clock.now_ms() - 2 * DAY_MS
    with contextlib.closing(sqlite3.connect(station.home.history)) as db:
        db.execute("DELETE FROM reading WHERE key < ?", (edge_ms << 8,))
        db.execute("INSERT INTO meta VALUES ('raw_from_ms', ?)", (str(edge_ms),))
        db.commit()
    whole = everything(station.home.history)
    station.settings = Settings(simulated=True, meters=CARD_METERS, store={"raw_days": 2})
    report = salvaged(station)
    assert everything(station.home.history) == whole
    assert report.lost == []
