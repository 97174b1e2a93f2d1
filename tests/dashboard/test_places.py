"""R27: a flood of guesses keeps nobody else out. Passwords are verified by a stand-in that a test lets go."""

import threading
import time
from collections.abc import Iterator

import pytest

from substation.dashboard import login as logins
from substation.dashboard import places
from substation.dashboard.login import Login, Outcome
from substation.dashboard.places import DOUBT_S, MANY, Places
from substation.settings.model import User
from tests.dashboard.conftest import PASSWORD, basic, hashed
from tests.fake_clock import FakeClock

ALICE = User(name="alice", role="engineer", password_hash=hashed(PASSWORD))
FLOOD, ELSEWHERE = "10.0.0.66", "10.0.0.7"


class NoThrottle:
    """Lets every name try as often as it likes: what is left is the places' work."""

    def turn(self, _user: str, _source: str) -> "NoThrottle":
        return self

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None

    def retry_after_s(self, _user: str, _source: str) -> float | None:
        return None

    def failed(self, _user: str, _source: str) -> None: ...

    def succeeded(self, _user: str, _source: str) -> None: ...


class Door:
    """A login at which wrong passwords are verified for as long as the test likes, right ones at once."""

    def __init__(self, clock: FakeClock) -> None:
        self.lock = threading.Lock()
        self.inside = self.most_inside = self.hashes = 0
        self.let_go = threading.Semaphore(0)
        self.threads: list[threading.Thread] = []
        self.verdicts: list[str] = []
        self.login = Login(self.check, lambda _name: ALICE, NoThrottle(), lambda *_, **__: True, clock)

    def check(self, _name: str, password: str) -> User | None:
        self.hashes += 1
        if password == PASSWORD:
            return ALICE
        with self.lock:
            self.inside += 1
            self.most_inside = max(self.inside, self.most_inside)
        assert self.let_go.acquire(timeout=20)
        with self.lock:
            self.inside -= 1
        return None

    def guess(self, name: str, source: str = FLOOD) -> str:
        return self.login.who(basic(name, "wrong"), source, "1").verdict

    def failed_before(self, source: str = FLOOD, times: int = 1) -> None:
        for number in range(times):
            self.let_go.release()
            assert self.guess(f"before {number}", source) == "unknown"
        self.most_inside = 0

    def flood(self, source: str = FLOOD, connections: int = 24) -> None:
        """Guess from so many connections at once; return when all are refused, inside or waiting."""
        done = len(self.verdicts)
        for number in range(connections):
            call = threading.Thread(
                target=lambda n=number: self.verdicts.append(self.guess(f"name {n}", source))  # type: ignore[misc]
            )
            call.start()
            self.threads.append(call)
        until = time.monotonic() + 10
        room = self.login._places
        while len(self.verdicts) - done + self.inside + len(room._waiting) < connections:
            assert time.monotonic() < until
            time.sleep(0.001)

    def right(self, source: str, browser: str = "") -> Outcome:
        return self.login.who(basic("alice", PASSWORD), source, "1", browser)


@pytest.fixture
def door(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    monkeypatch.setattr(logins, "WAIT_FOR_ROOM_S", 5.0)  # the flood waits for as long as the test takes
    made = Door(clock)
    yield made
    made.let_go.release(1000)
    for thread in made.threads:
        thread.join(20)


def test_under_a_flood_of_one_source_others_and_known_browsers_get_in(door: Door) -> None:
    door.failed_before()
    door.flood()
    assert (door.inside, door.most_inside) == (1, 1)
    assert door.verdicts.count("busy") == 20  # one inside, three seats
    assert door.right(ELSEWHERE).verdict == "known"
    assert door.right(FLOOD, browser="a" * 64).verdict == "known"
    assert (door.inside, door.verdicts.count("unknown")) == (1, 0)  # all the while


def test_a_flood_through_the_tunnel_leaves_known_browsers_their_place(door: Door) -> None:
    door.failed_before("tunnel")
    door.flood("tunnel")
    assert door.right("tunnel", browser="a" * 64).verdict == "known"
    assert door.right("127.0.0.1").verdict == "known"


def test_a_flood_out_of_nowhere_takes_not_all_seats_and_comes_last_after_its_first_failure(
    door: Door,
) -> None:
    door.flood()
    assert door.inside == 2  # nothing speaks against it yet
    got: list[str] = []
    other = threading.Thread(target=lambda: got.append(door.right(ELSEWHERE).verdict))
    other.start()
    room = door.login._places
    until = time.monotonic() + 10
    while ELSEWHERE not in {one.source for one in room._waiting}:
        assert time.monotonic() < until
        time.sleep(0.001)
    door.let_go.release()
    other.join(10)
    assert got == ["known"]


def test_without_a_flood_two_are_verified_at_once(door: Door) -> None:
    door.flood(connections=2)
    assert door.inside == 2


def test_random_names_count_against_their_source_as_a_whole(door: Door, clock: FakeClock) -> None:
    door.failed_before(times=MANY)
    before = door.hashes
    refused = door.login.who(basic("somebody new", "wrong"), FLOOD, "1")
    assert (refused.verdict, refused.retry_after_s) == ("wait", DOUBT_S)
    assert door.right(FLOOD).verdict == "wait"
    assert door.hashes == before
    assert door.right(FLOOD, browser="a" * 64).verdict == "known"
    assert door.right(ELSEWHERE).verdict == "known"
    clock.advance(DOUBT_S)
    assert door.right(FLOOD).verdict == "known"


@pytest.mark.parametrize("source", ["127.0.0.1", "::1", "tunnel", places.RELAYED])
def test_a_source_that_many_share_never_waits_as_a_whole(door: Door, source: str) -> None:
    door.failed_before(source, times=2 * MANY)
    assert door.right(source).verdict == "known"


def test_wrong_passwords_of_a_known_browser_speak_against_nobody_else(door: Door) -> None:
    for _ in range(MANY):
        door.let_go.release()
        assert door.login.who(basic("alice", "wrong"), FLOOD, "1", "a" * 64).verdict == "unknown"
    assert door.right(FLOOD).verdict == "known"


def test_a_throttled_source_is_one_line_whatever_names_it_says(clock: FakeClock) -> None:
    lines: list[tuple[str, str]] = []

    def audit(event: str, *, user: str = "", **_: object) -> bool:
        lines.append((event, user))
        return True

    login = Login(lambda *_: None, lambda _name: None, NoThrottle(), audit, clock)
    for number in range(MANY + 5):
        login.who(basic(f"name {number}", "wrong"), FLOOD, "1")
    assert lines[MANY:] == [("login.throttled", "")] * 5


def test_the_sources_that_are_remembered_are_bounded(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_SOURCES", 10)
    room = Places(clock)
    for number in range(50):
        room.failed(f"10.0.0.{number}")
    assert len(room._failures) == 10
    with room.seat(FLOOD, known=False) as seated, room.place(FLOOD, known=False, wait_s=0) as got:
        assert seated
        assert got
    assert not room._seated
    assert not room._waiting
    assert room._taken == 0
