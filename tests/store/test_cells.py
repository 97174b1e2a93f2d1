"""Cells written by SQLite are the cells written from the values, whatever the rows hold."""

import contextlib
import dataclasses
import json
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from substation.quantities import INSTANTS, KEYS
from substation.readings import Reading
from substation.store import cells, schema
from substation.store.history import History
from substation.store.pages import Pages, Wanted
from tests.fake_clock import FakeClock
from tests.store.readings import BEGIN_MS, a_reading
from tests.store.strategies import any_reading

TABLES = ("reading", *schema.ROLLUPS)
SLOW = ("wh_received", schema.WITH_COUNTERS)


@pytest.fixture
def history(tmp_path, clock):
    store = History(tmp_path / "daily_data.db", True, clock, raw_days=14)
    yield store
    store.close()


def wanted(table: str) -> Wanted:
    return Wanted(table, 0, 2 * BEGIN_MS, extremes=table in schema.COARSE)


def both(path: Path, table: str, page_rows: int = 3) -> tuple[list[str], list[str], Pages]:
    """Return each row's cells, as the query wrote them and as its values give them."""
    of = wanted(table)
    pages = Pages(path, of, page_rows=page_rows)
    facts = pages.facts()
    values, extremes = (tuple(c.digits for c in part) for part in cells.cells_of(table, extremes=of.extremes))
    texts = []
    for page in Pages(path, of).rows(facts):
        for row in page:
            text = cells.written(values, row[4 : 4 + len(KEYS)])
            if extremes:
                text += cells.BETWEEN + cells.written(extremes, row[4 + len(KEYS) :])
            texts.append(text)
    return [row[4] for page in pages.lines(facts) for row in page], texts, pages


@settings(max_examples=25, deadline=None)
@given(drawn=st.lists(st.tuples(st.integers(0, 40), any_reading()), min_size=1, max_size=14))
def test_whatever_was_stored_is_written_alike(drawn):
    readings = [
        dataclasses.replace(one, at_ms=BEGIN_MS + place * 20_123, meter_id=one.meter_id % 2)
        for place, one in drawn
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "daily_data.db"
        store = History(path, True, FakeClock())
        store.add(readings)
        store.close()
        for table in TABLES:
            ours, expected, _ = both(path, table)
            assert ours == expected, table


@pytest.mark.parametrize("table", TABLES)
def test_common_rows_are_written_by_the_query_alone(history, tmp_path, table, monkeypatch):
    """The speed of a year: whole rows, rows without energies and rows with one odd instant."""
    whole = a_reading(BEGIN_MS, watts_total=-12.3, pf_average=-0.98)
    rare = {key: value for key, value in whole.values.items() if key in INSTANTS and key not in SLOW}
    for n in range(3000):
        values = dict(whole.values) if n % 30 == 0 else rare
        history.add([Reading(1, BEGIN_MS + n * 2000, values)])
    history.commit()
    path = tmp_path / "daily_data.db"
    ours, expected, pages = both(path, table, page_rows=100)
    assert ours == expected
    asked = []
    monkeypatch.setattr(cells.Writer, "write", lambda *_: asked.append(1))
    assert [row[4] for page in pages.lines(pages.facts()) for row in page] == expected
    assert not asked


def test_a_meter_on_one_phase_is_learnt(history, tmp_path):
    there = {key: 1.0 for key in KEYS if not key.endswith(("_y", "_b"))}
    for n in range(400):
        history.add([Reading(1, BEGIN_MS + n * 1000, there), a_reading(BEGIN_MS + n * 1000, 2)])
    history.commit()
    ours, expected, pages = both(tmp_path / "daily_data.db", "reading", page_rows=100)
    assert ours == expected
    assert "v_y IS NULL" in pages._writer.expression


STEPS = (0, 1, -1, 9, 10, -9, -10, 99, -101, 2**45, -(2**45), 2**51, 2**53, 2**62, 4.5e13, -1e30, 3.4e38)


@pytest.mark.parametrize("key", ["watts_total", "va_total", "pf_r", "frequency", "wh_received"])
def test_steps_of_any_size_keep_their_digits_and_sign(history, tmp_path, key):
    history.add([a_reading(BEGIN_MS)])
    history.commit()
    with contextlib.closing(sqlite3.connect(tmp_path / "daily_data.db", isolation_level=None)) as db:
        for steps in STEPS:
            db.execute(f"UPDATE reading SET {key} = ?", (steps,))  # noqa: S608
            db.execute(f"UPDATE quarter SET {'last' if 'wh' in key else 'sum'}_{key} = ?, n = 7", (steps,))  # noqa: S608
            for table in ("reading", "quarter"):
                ours, expected, _ = both(tmp_path / "daily_data.db", table)
                assert ours == expected, steps


@pytest.mark.parametrize("n", [1, 2, 3, 6, 10, 30])
def test_a_mean_is_rounded_alike_and_0_has_no_sign(history, tmp_path, n):
    history.add([a_reading(BEGIN_MS)])
    history.commit()
    with contextlib.closing(sqlite3.connect(tmp_path / "daily_data.db", isolation_level=None)) as db:
        for total in (*range(-13, 14), -50, 50, 150, -150, 12_345, -12_345):
            db.execute("UPDATE minute SET n = ?, sum_watts_total = ?, sum_v_r = ?", (n, total, total))
            ours, expected, _ = both(tmp_path / "daily_data.db", "minute")
            assert ours == expected, total
            assert not ours[0].startswith("-0.0")


@pytest.mark.parametrize(
    "odd",
    [
        None,
        "3",
        json.dumps({schema.WITH_COUNTERS: [3, 5]}, separators=(",", ":")),
        json.dumps({"v_r": [2, 5]}, separators=(",", ":")),
        json.dumps({schema.WITH_COUNTERS: [3, 5], "v_r": [2, 5]}, separators=(",", ":")),
        json.dumps({"wh_received": [7, 100]}, separators=(",", ":")),
    ],
)
def test_fewer_good_values_than_rows_are_counted_in_every_shape_of_odd(history, tmp_path, odd):
    history.add([a_reading(BEGIN_MS)])
    history.commit()
    with sqlite3.connect(tmp_path / "daily_data.db") as db:
        db.execute(f"UPDATE minute SET n = 7, odd = ?, sum_v_r = 42, sum_{schema.WITH_COUNTERS} = 21", (odd,))  # noqa: S608
    ours, expected, _ = both(tmp_path / "daily_data.db", "minute")
    assert ours == expected
    row = dict(zip(KEYS, ours[0].split(","), strict=True))
    assert row["v_r"] == ("0.21" if odd and "v_r" in odd else "0.06")
    assert row[schema.WITH_COUNTERS] == ("0.0007" if odd and (odd == "3" or "[3" in odd) else "0.0003")
