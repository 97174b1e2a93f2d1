"""The login: little work for the right, none for a flood, the same for known and unknown names."""

import statistics
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from substation.access.throttle import Throttle
from substation.dashboard import login as logins
from substation.dashboard.login import Login, Outcome, credentials
from substation.errors import Crowded
from substation.settings.model import User
from substation.store.operator_db import OperatorDb
from tests.dashboard.conftest import PASSWORD, Station, basic, hashed

ALICE = User(name="alice", role="operator", password_hash=hashed(PASSWORD))


class Gate:
    """A Login with its surroundings, all countable."""

    def __init__(self, station: Station) -> None:
        self.clock = station.clock
        self.database = OperatorDb(station.home.operator, simulated=True)
        self.throttle = Throttle(self.database, station.clock)
        self.hashes = 0
        self.at_once = 0
        self.most_at_once = 0
        self.slow = threading.Event()
        self.slow.set()
        self.lines: list[tuple[str, str]] = []
        self.generation = "1"
        self.known = {"alice": ALICE}
        self.login = Login(self.check, self.known.get, self.throttle, self.audit, station.clock)
        self._lock = threading.Lock()

    def check(self, name: str, password: str) -> User | None:
        with self._lock:
            self.hashes += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        self.slow.wait(5)
        with self._lock:
            self.at_once -= 1
        return self.known.get(name) if password == PASSWORD else None

    def audit(self, event: str, *, user: str = "", src: str = "", ok: bool = True, **_: object) -> bool:
        with self._lock:
            self.lines.append((event, user))
        return True

    def who(self, user: str = "alice", password: str = PASSWORD, source: str = "10.0.0.7") -> Outcome:
        return self.login.who(basic(user, password), source, self.generation)

    def events(self) -> list[str]:
        return [event for event, _ in self.lines]


@pytest.fixture
def gate(station: Station) -> Iterator[Gate]:
    made = Gate(station)
    yield made
    made.database.close()


def in_parallel(*calls: object) -> list[Outcome]:
    got: list[Outcome] = []
    threads = [threading.Thread(target=lambda call=call: got.append(call())) for call in calls]  # type: ignore[misc]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return got


def wait_until(condition: object) -> None:
    end = time.monotonic() + 5
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.001)


def test_the_right_password_is_verified_once(gate: Gate) -> None:
    for _ in range(50):
        assert gate.who() == Outcome("known", ALICE)
    assert gate.hashes == 1
    assert gate.lines == [("login", "alice")]


def test_another_address_is_verified_for_itself(gate: Gate) -> None:
    gate.who(source="10.0.0.7")
    gate.who(source="10.0.0.8")
    assert gate.hashes == 2
    assert gate.events() == ["login", "login"]


def test_a_changed_configuration_is_verified_anew(gate: Gate) -> None:
    gate.who()
    gate.known["alice"] = ALICE.model_copy(update={"role": "viewer"})
    gate.generation = "2"
    outcome = gate.who()
    assert outcome.user is not None
    assert (outcome.user.role, gate.hashes) == ("viewer", 2)


def test_a_user_who_is_gone_is_out_even_before_the_configuration_counts_as_changed(gate: Gate) -> None:
    gate.who()
    del gate.known["alice"]
    assert gate.who().verdict == "unknown"


def test_the_password_is_verified_anew_after_minutes_but_the_visit_is_one_line(gate: Gate) -> None:
    gate.who()
    for _ in range(4):
        gate.clock.advance(301)
        gate.who()
    assert gate.hashes == 5
    assert gate.events() == ["login"]
    gate.clock.advance(logins.VISIT_S)
    gate.who()
    assert gate.events() == ["login", "login"]


def test_fifty_wrong_tries_cost_at_most_six_hashes(gate: Gate) -> None:
    verdicts = [gate.who(password=f"wrong {number}").verdict for number in range(50)]
    assert verdicts == ["unknown"] * 5 + ["wait"] * 45
    assert gate.hashes <= 6
    assert gate.events().count("login.failed") == 5


def test_fifty_wrong_tries_at_once_cost_at_most_six_hashes_two_at_a_time(gate: Gate) -> None:
    verdicts = [
        outcome.verdict
        for outcome in in_parallel(*(lambda n=n: gate.who(password=f"wrong {n}") for n in range(50)))
    ]
    assert len(verdicts) == 50
    assert gate.hashes <= 6
    assert gate.most_at_once <= 2
    assert "known" not in verdicts


def test_a_locked_user_may_come_from_another_address(gate: Gate) -> None:
    for number in range(6):
        gate.who(password=f"wrong {number}", source="10.0.0.66")
    assert gate.who(source="10.0.0.66").verdict == "wait"
    assert gate.who(source="10.0.0.7").verdict == "known"


def test_who_is_in_stays_in_while_others_guess_from_the_same_address(gate: Gate) -> None:
    gate.who()
    for number in range(6):
        gate.who(password=f"wrong {number}")
    assert gate.who().verdict == "known"


def test_a_lock_ends_after_five_minutes_and_outlives_a_restart(gate: Gate) -> None:
    for number in range(5):
        gate.who(password=f"wrong {number}")
    again = Login(gate.check, gate.known.get, Throttle(gate.database, gate.clock), gate.audit, gate.clock)
    refused = again.who(basic("alice", PASSWORD), "10.0.0.7", "1")
    assert refused.verdict == "wait"
    assert 290 < refused.retry_after_s <= 300
    gate.clock.advance(301)
    assert again.who(basic("alice", PASSWORD), "10.0.0.7", "1").verdict == "known"


def test_look_alikes_of_a_name_share_its_tries(gate: Gate) -> None:
    for number in range(5):
        gate.who(user="alice" if number % 2 else "ａlice", password=f"wrong {number}")
    assert gate.who(user="ａｌice").verdict == "wait"
    assert gate.hashes == 5


def test_six_connections_of_one_browser_cost_one_hash(gate: Gate) -> None:
    gate.slow.clear()
    release = threading.Timer(0.2, gate.slow.set)
    release.start()
    outcomes = in_parallel(*[gate.who] * 6)
    release.join()
    assert [outcome.verdict for outcome in outcomes] == ["known"] * 6
    assert gate.hashes == 1
    assert gate.events() == ["login"]


def test_at_most_two_are_verified_at_once_and_the_rest_come_again(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins, "WAIT_FOR_ROOM_S", 0.05)
    gate.slow.clear()
    calls = [lambda n=n: gate.who(user=f"user{n}", password="wrong") for n in range(2)]
    held = [threading.Thread(target=call) for call in calls]
    for thread in held:
        thread.start()
    wait_until(lambda: gate.at_once == 2)
    started = time.monotonic()
    crowd = in_parallel(*(lambda n=n: gate.who(user=f"other{n}", password="wrong") for n in range(48)))
    took = time.monotonic() - started
    gate.slow.set()
    for thread in held:
        thread.join(5)
    assert {outcome.verdict for outcome in crowd} == {"busy"}
    assert all(outcome.retry_after_s >= 1 for outcome in crowd)
    assert took < 2.0
    assert gate.most_at_once == 2


def test_who_is_in_does_not_wait_for_a_crowd(gate: Gate) -> None:
    gate.who()
    gate.slow.clear()
    crowd = [
        threading.Thread(target=lambda n=n: gate.who(user=f"user{n}", password="wrong"))  # type: ignore[misc]
        for n in range(50)
    ]
    for thread in crowd:
        thread.start()
    wait_until(lambda: gate.at_once == 2)
    times = []
    for _ in range(100):
        began = time.perf_counter()
        assert gate.who().verdict == "known"
        times.append(time.perf_counter() - began)
    gate.slow.set()
    for thread in crowd:
        thread.join(5)
    assert statistics.quantiles(times, n=100)[98] < 0.2


def test_a_crowd_elsewhere_is_busy_too(gate: Gate) -> None:
    def crowded(_name: str, _password: str) -> User | None:
        raise Crowded("too many")

    login = Login(crowded, gate.known.get, gate.throttle, gate.audit, gate.clock)
    assert login.who(basic("alice", PASSWORD), "10.0.0.7", "1").verdict == "busy"
    assert gate.lines == []


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic YWxpY2U=",  # no colon
        "Basic OnB3",  # no name
        "Basic /////w==",  # no UTF-8
        "Basic YTpiCg==",  # a line end in the password
        "Bearer YTpi",
        "YTpi",
        "Basic YTpi=YTpi",
        "Digest username=alice",
        "Basic " + "A" * 5000,
        "Basic \udcff",
    ],
)
def test_a_malformed_header_is_refused_and_not_counted(gate: Gate, header: str | None) -> None:
    for _ in range(10):
        assert gate.login.who(header, "10.0.0.7", "1") == Outcome("unknown")
    assert (gate.hashes, gate.lines) == (0, [])
    assert gate.database.rows("SELECT count(*) FROM login_failure") == [(0,)]


@given(st.text(max_size=300))
def test_any_text_is_credentials_or_none(text: str) -> None:
    said = credentials(text)
    assert said is None or (bool(said[0]) and text.lower().startswith("basic"))


@given(
    st.text(st.characters(categories=["L", "N", "P"], exclude_characters=":"), min_size=1, max_size=20),
    st.text(st.characters(categories=["L", "N", "P"]), max_size=30),
)
def test_name_and_password_come_out_as_they_went_in(name: str, password: str) -> None:
    said = credentials(basic(name, password))
    assert said is not None
    assert said[1] == password


def test_the_scheme_is_read_in_any_case_and_a_password_may_hold_colons() -> None:
    assert credentials("bAsIc " + basic("a", "x:y:z").partition(" ")[2]) == ("a", "x:y:z")
