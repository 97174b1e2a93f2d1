"""S8, S9: five wrong passwords in five minutes, per user and source; never a permanent lock."""

import sqlite3
import threading
import time
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from substation.access import throttle as module
from substation.access import users
from substation.access.throttle import FAILURES, MAX_ROWS, PAUSE_S, WINDOW_S, Throttle
from substation.errors import Busy
from substation.settings.model import Settings
from substation.store.operator_db import OperatorDb
from tests.access.conftest import PASSWORD
from tests.fake_clock import FakeClock


@pytest.fixture
def throttle(store: OperatorDb, clock: FakeClock) -> Throttle:
    return Throttle(store, clock)


def login(throttle: Throttle, people: Settings, name: str, password: str, source: str) -> str:
    """Log in as the dashboard does."""
    with throttle.turn(name, source):
        if throttle.retry_after_s(name, source) is not None:
            return "429"
        user = users.check(people, name, password)
        if user is None:
            throttle.failed(name, source)
            return "401"
        throttle.succeeded(name, source)
        return "200"


def rows(store: OperatorDb) -> int:
    return int(str(store.rows("SELECT count(*) FROM login_failure")[0][0]))


def test_the_sixth_attempt_has_to_wait(throttle: Throttle, clock: FakeClock) -> None:
    for _ in range(5):
        assert throttle.retry_after_s("admin", "10.0.0.7") is None
        throttle.failed("admin", "10.0.0.7")
        clock.advance(10)
    wait = throttle.retry_after_s("admin", "10.0.0.7")
    assert wait
    assert wait == pytest.approx(250, abs=0.01)
    clock.advance(wait - 0.5)
    assert throttle.retry_after_s("admin", "10.0.0.7") == pytest.approx(0.5, abs=0.01)
    clock.advance(0.5)
    assert throttle.retry_after_s("admin", "10.0.0.7") is None


def test_fifty_wrong_passwords_cost_five_hashes(
    throttle: Throttle, people: Settings, hashings: list[str]
) -> None:
    answers = [login(throttle, people, "admin", f"guess {n}", "10.0.0.9") for n in range(50)]
    assert answers == ["401"] * 5 + ["429"] * 45
    assert len(hashings) <= 6
    assert login(throttle, people, "admin", PASSWORD, "10.0.0.9") == "429"
    assert login(throttle, people, "admin", PASSWORD, "10.0.0.7") == "200"
    assert login(throttle, people, "wall", PASSWORD, "10.0.0.9") == "200"


def test_fifty_guesses_at_once_cost_five_hashes_too(
    throttle: Throttle, people: Settings, hashings: list[str]
) -> None:
    answers: list[str] = []
    threads = [
        threading.Thread(target=lambda n=n: answers.append(login(throttle, people, "admin", f"g{n}", "x")))
        for n in range(50)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(answers) == ["401"] * 5 + ["429"] * 45
    assert len(hashings) <= 6


def test_a_right_password_clears_the_count(throttle: Throttle, store: OperatorDb) -> None:
    for _ in range(4):
        throttle.failed("admin", "10.0.0.7")
    throttle.succeeded("admin", "10.0.0.7")
    assert rows(store) == 0
    for _ in range(4):
        throttle.failed("admin", "10.0.0.7")
    assert throttle.retry_after_s("admin", "10.0.0.7") is None


def test_slow_typing_errors_never_lock(throttle: Throttle, clock: FakeClock) -> None:
    for _ in range(100):
        assert throttle.retry_after_s("admin", "10.0.0.7") is None
        throttle.failed("admin", "10.0.0.7")
        clock.advance(WINDOW_S / 4)


def test_the_count_survives_a_restart(tmp_path: Path, clock: FakeClock) -> None:
    store = OperatorDb(tmp_path / "o.db", simulated=False)
    for _ in range(5):
        Throttle(store, clock).failed("admin", "10.0.0.7")
    store.close()
    clock.advance(60)
    store = OperatorDb(tmp_path / "o.db", simulated=False)
    assert Throttle(store, clock).retry_after_s("admin", "10.0.0.7") == pytest.approx(240, abs=0.01)
    clock.advance(241)
    assert Throttle(store, clock).retry_after_s("admin", "10.0.0.7") is None
    store.close()


@pytest.mark.parametrize("seconds", [-3600, -86400 * 365, 86400 * 365])
def test_a_set_clock_locks_nobody_out(throttle: Throttle, clock: FakeClock, seconds: float) -> None:
    for _ in range(5):
        throttle.failed("admin", "10.0.0.7")
    clock.step(seconds)
    wait = throttle.retry_after_s("admin", "10.0.0.7")
    assert wait is None
    throttle.failed("admin", "10.0.0.7")
    assert throttle.retry_after_s("admin", "10.0.0.7") is None


def test_no_wait_is_longer_than_the_window(throttle: Throttle, clock: FakeClock) -> None:
    for _ in range(40):
        throttle.failed("admin", "10.0.0.7")
        clock.advance(0.1)
        wait = throttle.retry_after_s("admin", "10.0.0.7")
        assert wait is None or 0 < wait <= WINDOW_S


def test_user_and_source_are_not_mixed_up(throttle: Throttle) -> None:
    for _ in range(5):
        throttle.failed("a", "b.c")
    assert throttle.retry_after_s("a", "b.c")
    for user, source in (("a.b", "c"), ("ab.c", ""), ("", "ab.c"), ("b.c", "a"), ("A", "b.c")):
        assert throttle.retry_after_s(user, source) is None


def test_old_failures_leave_the_file(throttle: Throttle, store: OperatorDb, clock: FakeClock) -> None:
    for number in range(50):
        throttle.failed(f"user{number}", "10.0.0.7")
    clock.advance(WINDOW_S + 1)
    throttle.failed("admin", "10.0.0.7")
    assert rows(store) == 1


def test_a_flood_of_names_stays_bounded_and_keeps_the_youngest(
    throttle: Throttle, store: OperatorDb, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_ROWS", 300)
    for number in range(800):
        throttle.failed(f"user{number}" + "v" * 1000, f"10.0.0.{number}")
        clock.advance(0.1)
    assert rows(store) == 300
    for _ in range(5):
        throttle.failed("admin", "10.0.0.7")
    assert throttle.retry_after_s("admin", "10.0.0.7")
    assert MAX_ROWS == 20_000


def test_typed_names_do_not_stand_in_the_file(throttle: Throttle, store: OperatorDb) -> None:
    throttle.failed("my password by mistake", "10.0.0.7")
    store.close()
    for path in store.path.parent.iterdir():
        assert b"by mistake" not in path.read_bytes()


def test_without_its_database_it_goes_on_counting_in_memory(
    throttle: Throttle, store: OperatorDb, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_ROWS", 500)
    store.close()
    for _ in range(5):
        assert throttle.retry_after_s("admin", "10.0.0.7") is None
        throttle.failed("admin", "10.0.0.7")
    assert throttle.retry_after_s("admin", "10.0.0.7") == pytest.approx(WINDOW_S, abs=0.01)
    assert str(store.path) in str(throttle.last_problem)
    for number in range(1000):
        throttle.failed(f"user{number}", "10.0.0.7")
    assert len(throttle._memory) <= 100
    for _ in range(5):
        throttle.failed("wall", "10.0.0.7")
    throttle.succeeded("wall", "10.0.0.7")
    assert throttle.retry_after_s("wall", "10.0.0.7") is None
    clock.advance(WINDOW_S)
    assert throttle.retry_after_s("admin", "10.0.0.7") is None


def test_another_purpose_counts_apart_and_longer(store: OperatorDb, clock: FakeClock) -> None:
    login_of = Throttle(store, clock)
    export_of = Throttle(store, clock, purpose="export", window_s=900)
    for _ in range(5):
        export_of.failed("devi", "")
    assert login_of.retry_after_s("devi", "") is None
    assert export_of.retry_after_s("devi", "") == pytest.approx(900, abs=0.01)
    for _ in range(5):
        login_of.failed("devi", "")
    login_of.succeeded("devi", "")
    assert export_of.retry_after_s("devi", "") == pytest.approx(900, abs=0.01)
    clock.advance(WINDOW_S + 1)
    login_of.failed("devi", "")
    assert export_of.retry_after_s("devi", "") == pytest.approx(900 - WINDOW_S - 1, abs=0.01)


def test_a_flood_of_logins_does_not_push_out_another_purpose(
    store: OperatorDb, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_ROWS", 10)
    export_of = Throttle(store, clock, purpose="export", window_s=900)
    for _ in range(5):
        export_of.failed("devi", "")
    clock.advance(1)
    flooded = Throttle(store, clock)
    for number in range(30):
        flooded.failed(f"user{number}", "10.0.0.7")
    assert export_of.retry_after_s("devi", "")


class Held:
    """Stands before the database, which another process holds."""

    def __init__(self, store: OperatorDb) -> None:
        self.store, self.held, self.asked = store, True, 0

    def transaction(self, *, hasty: bool = False) -> AbstractContextManager[object]:
        assert hasty
        self.asked += 1
        if self.held:
            raise Busy("operator.db: another process holds it; try again")
        return self.store.transaction()

    def rows(self, *asked: object) -> object:
        return self.store.rows(*asked)  # type: ignore[arg-type]


def test_a_database_that_is_held_is_asked_once_in_some_seconds(store: OperatorDb, clock: FakeClock) -> None:
    held = Held(store)
    throttle = Throttle(held, clock)  # type: ignore[arg-type]
    for _ in range(FAILURES):
        assert throttle.retry_after_s("admin", "10.0.0.7") is None
        throttle.failed("admin", "10.0.0.7")
    assert held.asked == 1
    assert throttle.retry_after_s("admin", "10.0.0.7")
    assert "another process" in str(throttle.last_problem)
    held.held = False
    clock.advance(PAUSE_S)
    throttle.failed("wall", "10.0.0.7")
    assert (held.asked, rows(store), throttle.last_problem) == (2, 1, None)


def test_a_right_password_counts_though_the_database_is_held(store: OperatorDb, clock: FakeClock) -> None:
    held = Held(store)
    throttle = Throttle(held, clock)  # type: ignore[arg-type]
    held.held = False
    for _ in range(4):
        throttle.failed("admin", "10.0.0.7")
    held.held = True
    throttle.succeeded("admin", "10.0.0.7")
    for _ in range(4):
        assert throttle.retry_after_s("admin", "10.0.0.7") is None
        throttle.failed("admin", "10.0.0.7")
    assert throttle.retry_after_s("admin", "10.0.0.7") is None
    throttle.failed("admin", "10.0.0.7")
    assert throttle.retry_after_s("admin", "10.0.0.7")


def test_a_real_lock_of_another_process_holds_up_nobody_for_long(
    throttle: Throttle, store: OperatorDb
) -> None:
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    for _ in range(FAILURES):
        throttle.failed("admin", "10.0.0.7")
    assert time.monotonic() - began < 2
    assert throttle.retry_after_s("admin", "10.0.0.7")
    other.close()
