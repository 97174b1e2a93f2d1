"""What may be asked for, and what an answer would be."""

import dataclasses
import json
import sqlite3
import zoneinfo
from pathlib import Path

import pytest

from substation.errors import AccessError, StoreError
from substation.export import Order, measure
from substation.export.job import Job
from substation.settings.model import CARD_METERS, Settings
from substation.store.history import History
from tests.export.conftest import END_MS, PASSWORD
from tests.store.readings import BEGIN_MS, a_reading, rounds

DAY_MS = 86_400_000
SETTINGS = Settings(meters=CARD_METERS)
GOOD = Order("quarter", BEGIN_MS, END_MS, (1, 5))


def test_a_good_order_passes():
    for resolution in ("poll", "minute", "quarter", "hour", "day"):
        dataclasses.replace(GOOD, resolution=resolution).check(SETTINGS)
    dataclasses.replace(GOOD, meter_ids=(), extremes=True).check(SETTINGS)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"resolution": "second"}, "no resolution 'second'; use poll, minute"),
        ({"end_ms": BEGIN_MS}, "ends before it begins"),
        ({"start_ms": -1}, "ends before it begins"),
        ({"end_ms": 2**53}, "ends before it begins"),
        ({"meter_ids": (1, 9)}, "no meter 9; it has 1 Transformer, 2"),
        ({"resolution": "minute", "extremes": True}, "are kept for quarter, hour, day"),
        ({"resolution": "poll", "extremes": True}, "of every poll there are none"),
    ],
)
def test_an_order_that_cannot_be_answered_is_refused_in_words(other, words):
    with pytest.raises(AccessError, match=words):
        dataclasses.replace(GOOD, **other).check(SETTINGS)


def test_an_order_survives_its_way_to_the_child(job_of):
    job = job_of(dataclasses.replace(GOOD, extremes=True))
    assert Job.read(job.line()) == job
    assert json.loads(job.line())["password"] == PASSWORD
    assert PASSWORD not in repr(job)


@pytest.mark.parametrize("resolution", ["poll", "minute", "quarter", "hour", "day"])
@pytest.mark.parametrize("meter_ids", [(), (2, 4)])
def test_the_estimate_is_near_the_truth(home, resolution, meter_ids):
    path = home / "daily_data.db"
    order = Order(resolution, BEGIN_MS - DAY_MS, END_MS + DAY_MS, meter_ids)
    found = measure(path, order)
    true = {"poll": 1200, "minute": 200, "quarter": 14, "hour": 4, "day": 1}[resolution]
    assert found.rows == pytest.approx(true * (len(meter_ids) or 5), rel=0.1, abs=3)
    assert found.csv_bytes == pytest.approx(found.rows * 330, rel=0.25)


def test_a_history_that_begins_at_noon_is_not_taken_for_a_whole_day(history: History, tmp_path: Path):
    for round_ in rounds(BEGIN_MS, 60 * 12, 300_000):  # 60 h: half a day, two whole ones
        history.add(round_)
    history.commit()
    order = Order("quarter", BEGIN_MS - DAY_MS, BEGIN_MS + 10 * DAY_MS)
    assert measure(tmp_path / "daily_data.db", order).rows == pytest.approx(60 * 4 * 5, rel=0.01)


def test_the_estimate_of_a_part_is_a_part(home):
    path = home / "daily_data.db"
    whole = measure(path, Order("poll", BEGIN_MS, END_MS)).rows
    half = measure(path, Order("poll", BEGIN_MS, (BEGIN_MS + END_MS) // 2)).rows
    assert half == pytest.approx(whole / 2, rel=0.05)


def test_nothing_to_export_is_certain_and_said_in_words(home, tmp_path):
    before = measure(home / "daily_data.db", Order("quarter", BEGIN_MS - 9 * DAY_MS, BEGIN_MS - 8 * DAY_MS))
    assert (before.rows, before.csv_bytes) == (0, 0)
    assert before.notes == ("no rows: the history holds nothing of this time",)
    none = measure(tmp_path / "none.db", GOOD)
    assert none.rows == 0
    assert none.notes == ("there is no history yet; the poller makes it",)


def test_a_history_that_begins_later_says_from_when_on(home):
    found = measure(home / "daily_data.db", Order("quarter", BEGIN_MS - 9 * DAY_MS, END_MS))
    assert found.from_ms == BEGIN_MS
    assert found.notes == ("rows begin on 2026-11-24 11:30: the history holds nothing earlier in this time",)
    assert measure(home / "daily_data.db", Order("quarter", BEGIN_MS, END_MS)).notes == ()


def test_polls_that_retention_took_are_named_and_the_way_on_too(history: History, tmp_path: Path):
    for day in range(20):
        history.add([a_reading(BEGIN_MS + day * DAY_MS)])
    history.commit()
    while not history.upkeep(BEGIN_MS + 20 * DAY_MS, 1.0):
        pass
    path = tmp_path / "daily_data.db"
    found = measure(path, Order("poll", BEGIN_MS, BEGIN_MS + 20 * DAY_MS))
    assert found.from_ms == BEGIN_MS + 5 * DAY_MS
    (note,) = found.notes
    assert note.startswith("rows begin on 2026-11-29 11:30: of what is older, every poll is kept no longer")
    assert "a coarser resolution reaches further back" in note
    gone = measure(path, Order("poll", BEGIN_MS, BEGIN_MS + 3 * DAY_MS))
    assert gone.rows == 0
    assert "take a coarser resolution" in gone.notes[0]
    assert measure(path, Order("quarter", BEGIN_MS, BEGIN_MS + 20 * DAY_MS)).notes == ()


def test_more_rows_than_a_spreadsheet_opens_are_told_before(tmp_path, clock):
    path = tmp_path / "long.db"
    store = History(path, True, clock, zoneinfo.ZoneInfo("Asia/Kolkata"))
    store.add([a_reading(BEGIN_MS + n * 1000) for n in range(10)])
    store.close()
    with_many = Order("poll", BEGIN_MS, END_MS)
    assert measure(path, with_many).notes == ()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE quarter SET rows = 2000000")
    db.close()
    (note,) = measure(path, with_many).notes
    assert "about 2000000 rows: a spreadsheet opens 1048576" in note


def test_a_damaged_history_is_told_before(tmp_path):
    path = tmp_path / "daily_data.db"
    path.write_bytes(b"\0" * 5000)
    with pytest.raises(StoreError):
        measure(path, GOOD)


def test_days_in_part_are_counted_by_their_quarters(history: History, tmp_path: Path):
    for day in range(5):
        history.add([a_reading(BEGIN_MS + day * DAY_MS + n * 60_000) for n in range(-60, 60)])
    history.commit()
    path, span = tmp_path / "daily_data.db", (BEGIN_MS, BEGIN_MS + 4 * DAY_MS)
    assert measure(path, Order("poll", *span)).rows == 480
    assert measure(path, Order("minute", *span)).rows == 480
    assert measure(path, Order("day", *span)).rows == 4
