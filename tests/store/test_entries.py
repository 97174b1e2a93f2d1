"""What people write by hand: by whom, when, and what stood there before."""

import sqlite3
from pathlib import Path

import pytest

from substation.errors import Crossed, StoreError
from substation.store import entries
from substation.store.entries import Place
from substation.store.operator_db import OperatorDb
from tests.fake_clock import FakeClock

OIL = Place("log_sheet", "meter:1", 3_600_000, "oil_temperature")


def test_a_correction_keeps_its_history(tmp_path: Path) -> None:
    path = tmp_path / "operator.db"
    db, clock = OperatorDb(path, simulated=True), FakeClock()
    first = entries.write(db, clock, OIL, "61", "asha")
    written_ms = clock.now_ms()
    clock.advance(60)
    second = entries.write(db, clock, OIL, "16", "ravi", instead_of=first)
    third = entries.write(db, clock, Place("log_sheet", "site", 7_200_000, "ambient"), "31", "ravi")
    stood = entries.standing(db, "log_sheet", 3_600_000, 7_200_000)
    assert [(e.id, e.text, e.entered_by) for e in stood.values()] == [(second, "16", "ravi")]
    assert [(e.text, e.entered_by, e.at_ms) for e in entries.history(db, OIL)] == [
        ("16", "ravi", written_ms + 60_000),
        ("61", "asha", written_ms),
    ]
    assert entries.corrected(db, "log_sheet", 0, 9_000_000) == {OIL: 2}
    assert {e.id for e in entries.read(path, "log_sheet", 0, 9_000_000).values()} == {second, third}
    assert entries.standing(db, "dg_log", 0, 9_000_000) == {}
    db.close()


def test_who_did_not_see_what_stands_there_does_not_overwrite_it(tmp_path: Path) -> None:
    db, clock = OperatorDb(tmp_path / "operator.db", simulated=True), FakeClock()
    first = entries.write(db, clock, OIL, "61", "asha")
    with pytest.raises(Crossed, match="asha wrote '61'"):
        entries.write(db, clock, OIL, "62", "ravi")
    entries.write(db, clock, OIL, "", "ravi", instead_of=first)
    with pytest.raises(Crossed):
        entries.write(db, clock, OIL, "63", "asha", instead_of=first)
    assert [e.text for e in entries.standing(db, "log_sheet", 0, 9_000_000).values()] == [""]
    db.close()


def test_a_reader_elsewhere_finds_nothing_or_says_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "operator.db"
    assert entries.read(path, "log_sheet", 0, 1) == {}
    sqlite3.connect(path).close()
    assert entries.read(path, "log_sheet", 0, 1) == {}
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="written by hand is missing"):
        entries.read(path, "log_sheet", 0, 1)
