"""What people ask of the poller, and what it answers."""

from pathlib import Path

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
