"""What people ask of the poller, and what it answers."""

import sqlite3
from pathlib import Path

import pytest

from substation.errors import StoreError
from substation.store import requests
from substation.store.operator_db import OperatorDb
from substation.store.requests import Answer
from tests.fake_clock import FakeClock


def test_a_request_is_seen_once_behind_the_last(tmp_path: Path) -> None:
    db, clock = OperatorDb(tmp_path / "operator.db", simulated=True), FakeClock()
    first = requests.ask(db, clock, "probe", {"meter": 2}, "asha")
    second = requests.ask(db, clock, "scan", {"line": "line 1"}, "asha")
    assert [r.id for r in requests.after(tmp_path / "operator.db", 0)] == [first, second]
    (only,) = requests.after(tmp_path / "operator.db", first)
    assert (only.kind, only.arguments, only.asked_by) == ("scan", {"line": "line 1"}, "asha")
    assert only.at_ms == clock.now_ms()
    db.close()


def test_no_database_asks_nothing(tmp_path: Path) -> None:
    assert requests.after(tmp_path / "operator.db", 0) == []


def test_an_answer_comes_back_whole_and_the_oldest_go(tmp_path: Path) -> None:
    for number in range(1, requests.KEPT + 3):
        requests.answer(tmp_path, Answer(number, "probe", "done", "meter 2 answers", 5, 1.0, {"meter": 2}))
    assert requests.answered(tmp_path, 1) is None
    assert requests.answered(tmp_path, requests.KEPT + 2) == Answer(
        requests.KEPT + 2, "probe", "done", "meter 2 answers", 5, 1.0, {"meter": 2}
    )
    assert len(list(tmp_path.iterdir())) == requests.KEPT


def test_a_torn_answer_is_none(tmp_path: Path) -> None:
    (tmp_path / "7.json").write_text('{"v":1,"id":7', encoding="utf-8")
    assert requests.answered(tmp_path, 7) is None


def test_a_database_that_was_made_anew_is_read_from_its_beginning(tmp_path: Path) -> None:
    db, clock = OperatorDb(tmp_path / "operator.db", simulated=True), FakeClock()
    requests.ask(db, clock, "probe", {"meter": 2}, "asha")
    assert [r.id for r in requests.after(tmp_path / "operator.db", 17)] == [1]
    db.close()


@pytest.mark.parametrize("is_open", [True, False])
def test_it_is_read_for_reading_only_whether_the_dashboard_has_it_open_or_not(
    tmp_path: Path, is_open: bool
) -> None:
    path = tmp_path / "operator.db"
    db = OperatorDb(path, simulated=True)
    requests.ask(db, FakeClock(), "probe", {"meter": 2}, "asha")
    if not is_open:
        db.close()
        assert [file.name for file in tmp_path.iterdir()] == ["operator.db"]
    before = path.read_bytes()
    assert [request.id for request in requests.after(path, 0)] == [1]
    assert path.read_bytes() == before
    if is_open:
        requests.ask(db, FakeClock(), "probe", {"meter": 3}, "asha")
        assert [request.id for request in requests.after(path, 1)] == [2]
        db.close()


def test_the_stamp_changes_with_every_request_and_with_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "operator.db"
    assert requests.stamp(path) == ()
    db = OperatorDb(path, simulated=True)
    for number in range(3):
        before = requests.stamp(path)
        assert requests.stamp(path) == before
        requests.ask(db, FakeClock(), "probe", {"meter": number}, "asha")
        assert requests.stamp(path) != before
    db.close()


def test_a_file_that_is_no_database_is_said_and_an_older_one_asks_nothing(tmp_path: Path) -> None:
    path = tmp_path / "operator.db"
    path.write_text("no database at all, but long enough to be looked into")
    with pytest.raises(StoreError, match="cannot be read"):
        requests.after(path, 0)
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE meta (key TEXT)")
    connection.close()
    assert requests.after(path, 0) == []


def test_arguments_that_are_none_are_taken_by_no_kind(tmp_path: Path) -> None:
    db = OperatorDb(tmp_path / "operator.db", simulated=True)
    for text in ("{", "[1]", "7", "null"):
        with db.transaction() as connection:
            connection.execute(
                "INSERT INTO request (at_ms, kind, arguments, asked_by) VALUES (1, 'scan', ?, 'x')", (text,)
            )
    found = [request.arguments for request in requests.after(tmp_path / "operator.db", 0)]
    assert found == [{"unreadable": text} for text in ("{", "[1]", "7", "null")]
    db.close()


def test_what_is_under_way_is_found_again(tmp_path: Path) -> None:
    for number, state in enumerate(("done", "running", "refused"), start=1):
        requests.answer(tmp_path, Answer(number, "scan", state, "words", 5))  # type: ignore[arg-type]
    (tmp_path / "8.json").write_text('{"v":1,"id":8,"kind":"scan","colour":"red"}', encoding="utf-8")
    assert [said.id for said in requests.running(tmp_path)] == [2]
    assert requests.answered(tmp_path, 8) is None
