"""Sessions: from a random token to a person, and how they end."""

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from substation.access import sessions as module
from substation.access.sessions import Sessions, Why, mark_of
from substation.errors import Full, StoreError
from substation.settings import passwords
from substation.settings.model import CARD_METERS, Settings, User, UserRole, Web
from substation.store.operator_db import OperatorDb
from tests.fake_clock import FakeClock

HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$"
ROLES: tuple[UserRole, ...] = ("viewer", "operator", "engineer", "administrator")


def person(name: str, role: UserRole = "engineer", of: str = "one", disabled: bool = False) -> User:
    """`of` stands for the password whose hash it is."""
    return User(name=name, role=role, password_hash=HASH + of, disabled=disabled)


class Desk:
    """Sessions, the settings they look at, and what they told."""

    def __init__(self, store: OperatorDb, clock: FakeClock) -> None:
        self.store, self.clock = store, clock
        self.users = {role: person(role, role) for role in ROLES}
        self.web = Web()
        self.told: list[tuple[str, str, Why]] = []
        self.sessions = self.made()

    def made(self, boot: str = "boot 1") -> Sessions:
        return Sessions(
            self.store, self.clock, self.settings, lambda *said: self.told.append(said), boot=boot
        )

    def restart(self, boot: str = "boot 1") -> None:
        self.sessions = self.made(boot)

    def settings(self) -> Settings:
        return Settings(meters=CARD_METERS, users=tuple(self.users.values()), web=self.web)

    def begin(self, name: str = "engineer") -> str:
        return self.sessions.begin(self.users[name], "10.0.0.7")

    def state(self, token: str | None, **how: bool) -> str:
        found = self.sessions.look(token, **how)
        return found.why or found.state


@pytest.fixture
def desk(store: OperatorDb, clock: FakeClock) -> Desk:
    return Desk(store, clock)


def test_a_token_proves_who_has_logged_in(desk: Desk) -> None:
    found = desk.sessions.look(desk.begin("operator"))
    assert (found.state, found.user, found.source) == ("open", desk.users["operator"], "10.0.0.7")


@pytest.mark.parametrize("token", [None, "", "x", "x" * 5000, "\ud800", "\0", "' OR 1=1"])
def test_what_is_no_token_proves_nothing(desk: Desk, token: str | None) -> None:
    desk.begin()
    assert desk.sessions.look(token).state == "unknown"


def test_a_mark_names_a_session_and_proves_nothing(desk: Desk) -> None:
    token = desk.begin()
    assert desk.sessions.look(mark_of(token)).state == "unknown"
    assert desk.sessions.named(mark_of(token)).state == "open"
    assert desk.sessions.named(mark_of(token)).user is None


def test_each_session_has_a_token_of_256_bits(desk: Desk) -> None:
    tokens = {desk.begin() for _ in range(20)}
    assert len(tokens) == 20
    assert {len(token) for token in tokens} == {43}


def test_the_token_is_nowhere_in_the_file(desk: Desk) -> None:
    token = desk.begin()
    desk.store.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    content = Path(desk.store.path).read_bytes()
    assert mark_of(token).encode() in content
    assert token.encode() not in content
    assert HASH.encode() not in content


def test_a_restart_of_the_dashboard_logs_nobody_out(desk: Desk) -> None:
    tokens = {role: desk.begin(role) for role in ROLES}
    desk.clock.advance(600)
    desk.restart()
    assert {role: desk.state(token) for role, token in tokens.items()} == dict.fromkeys(ROLES, "open")


def test_a_restart_does_not_begin_the_idle_time_anew(desk: Desk) -> None:
    token = desk.begin()
    desk.clock.advance(3000)
    desk.restart()
    desk.clock.advance(600)
    assert desk.state(token) == "idle"


def test_a_restart_of_the_machine_ends_what_has_a_limit(desk: Desk) -> None:
    tokens = {role: desk.begin(role) for role in ROLES}
    desk.clock.mono = 5.0  # counts from the start of the machine
    desk.restart("boot 2")
    assert {role: desk.state(token) for role, token in tokens.items()} == {
        "viewer": "open",
        "operator": "boot",
        "engineer": "boot",
        "administrator": "boot",
    }


@pytest.mark.parametrize("role", ROLES[1:])
def test_an_hour_without_a_touch_ends_a_login(desk: Desk, role: UserRole) -> None:
    token = desk.begin(role)
    for _ in range(60):  # the page refreshes itself, and nobody is there
        assert desk.state(token) == "open"
        desk.clock.advance(60)
    assert desk.state(token) == "idle"
    assert desk.told == [(role, "10.0.0.7", "idle")]
    assert desk.state(token) == "idle"
    assert len(desk.told) == 1


def test_a_touch_begins_the_hour_anew(desk: Desk) -> None:
    token = desk.begin()
    desk.clock.advance(3599)
    assert desk.state(token, touched=True) == "open"
    desk.clock.advance(3599)
    assert desk.state(token) == "open"
    desk.clock.advance(1)
    assert desk.state(token) == "idle"


def test_twelve_hours_end_a_login_however_busy(desk: Desk) -> None:
    token = desk.begin()
    for _ in range(12 * 60):
        assert desk.state(token, touched=True) == "open"
        desk.clock.advance(60)
    assert desk.state(token, touched=True) == "age"


def test_a_wall_screen_has_no_limit(desk: Desk) -> None:
    token = desk.begin("viewer")
    desk.clock.advance(40 * 86_400)
    assert desk.state(token) == "open"


def test_the_limits_are_those_of_the_settings_in_force(desk: Desk) -> None:
    token = desk.begin()
    desk.web = Web(idle_minutes=0, session_hours=100)
    desk.clock.advance(99 * 3600)
    assert desk.state(token) == "open"
    desk.web = Web(idle_minutes=5)
    assert desk.state(token) == "idle"


def test_a_viewer_who_becomes_more_gets_the_limits(desk: Desk) -> None:
    token = desk.begin("viewer")
    desk.clock.advance(2 * 3600)
    desk.users["viewer"] = person("viewer", "operator")
    assert desk.state(token) == "idle"


@pytest.mark.parametrize("step", [-400 * 86_400, -3600, 3600, 400 * 86_400])
def test_a_clock_that_is_set_neither_locks_out_nor_revives(desk: Desk, step: int) -> None:
    over, open_ = desk.begin(), desk.begin()
    desk.clock.advance(3599)
    assert desk.state(open_, touched=True) == "open"
    desk.clock.advance(1)
    desk.clock.step(step)
    assert [desk.state(over), desk.state(open_)] == ["idle", "open"]
    desk.restart()
    assert [desk.state(over), desk.state(open_)] == ["idle", "open"]


def test_an_ended_login_is_remembered_over_a_restart(desk: Desk) -> None:
    token = desk.begin()
    desk.sessions.end(token)
    assert desk.state(token) == "out"
    desk.restart()
    assert desk.state(token) == "out"
    assert desk.sessions.named(mark_of(token)).why == "out"


def test_ending_one_session_leaves_the_others(desk: Desk) -> None:
    mine, other = desk.begin(), desk.begin()
    desk.sessions.end(mine)
    desk.sessions.end("no such token")
    assert desk.state(other) == "open"


def test_everything_of_one_user_can_be_ended(desk: Desk) -> None:
    tokens, other = [desk.begin(), desk.begin()], desk.begin("operator")
    desk.sessions.end_all("engineer")
    assert [desk.state(token) for token in (*tokens, other)] == ["changed", "changed", "open"]


@pytest.mark.parametrize("change", [{"disabled": True}, {"of": "two"}])
def test_a_disabled_user_and_a_new_password_end_the_sessions_at_once(desk: Desk, change: dict) -> None:
    token = desk.begin()
    desk.users["engineer"] = person("engineer", **change)
    desk.sessions.sweep()
    desk.users["engineer"] = person("engineer")  # put back: what has ended stays so
    assert desk.state(token) == "changed"
    assert desk.told == []  # no limit


def test_a_removed_user_is_out(desk: Desk) -> None:
    token = desk.begin()
    del desk.users["engineer"]
    assert desk.state(token) == "changed"


def test_another_role_counts_at_once_and_ends_nothing(desk: Desk) -> None:
    token = desk.begin()
    desk.users["engineer"] = person("engineer", "administrator")
    found = desk.sessions.look(token)
    assert found.user is not None
    assert found.user.role == "administrator"


@pytest.mark.parametrize("told_first", [True, False])
def test_whoever_changes_his_password_stays_and_his_other_sessions_end(desk: Desk, told_first: bool) -> None:
    here, there = desk.begin(), desk.begin()
    if told_first:
        desk.sessions.password_changed("engineer", keep=here)
        assert desk.state(here) == "open"  # the new one is not in force yet
    desk.users["engineer"] = person("engineer", of="two")
    if not told_first:
        desk.sessions.password_changed("engineer", keep=here)
    assert [desk.state(here), desk.state(there)] == ["open", "changed"]
    desk.clock.advance(60)
    desk.restart()
    assert desk.state(here) == "open"
    desk.users["engineer"] = person("engineer", of="three")
    assert desk.state(here) == "changed"


def test_a_change_long_after_is_another_one(desk: Desk) -> None:
    here = desk.begin()
    desk.sessions.password_changed("engineer", keep=here)
    desk.clock.advance(module.FOLLOW_S)
    desk.users["engineer"] = person("engineer", of="two")
    assert desk.state(here) == "changed"


def test_a_stronger_hash_of_the_same_password_ends_nothing(desk: Desk) -> None:
    early = desk.begin()
    desk.sessions.same_password(HASH + "one", HASH + "stronger")
    desk.sessions.same_password(HASH + "one", HASH + "of a second login at once, never stored")
    late = desk.begin()  # verified under the old one
    desk.users["engineer"] = person("engineer", of="stronger")
    assert [desk.state(early), desk.state(late)] == ["open", "open"]
    desk.clock.advance(1)
    desk.restart()
    assert [desk.state(early), desk.state(late)] == ["open", "open"]
    desk.users["engineer"] = person("engineer", of="two")
    assert [desk.state(early), desk.state(late)] == ["changed", "changed"]


def test_the_hash_of_a_real_password_never_leaves_the_settings(desk: Desk) -> None:
    stored = passwords.hash_password("four quiet herons wade")
    assert module.fingerprint(stored) not in stored
    assert len(module.fingerprint(stored)) == 64


class Broken:
    """Stands between the sessions and their database."""

    def __init__(self, store: OperatorDb) -> None:
        self.store, self.broken, self.writes = store, False, 0

    def transaction(self, **how: bool) -> object:
        self.writes += 1
        if self.broken:
            raise Full("operator.db: no space left; free some and it goes on")
        return self.store.transaction(**how)

    def rows(self, *asked: object) -> object:
        if self.broken:
            raise StoreError("operator.db: cannot be used")
        return self.store.rows(*asked)  # type: ignore[arg-type]


@pytest.fixture
def broken(desk: Desk) -> Broken:
    made = Broken(desk.store)
    desk.store = made  # type: ignore[assignment]
    desk.restart()
    return made


def test_polls_write_nothing_and_touches_once_a_minute(desk: Desk, broken: Broken) -> None:
    token = desk.begin()
    assert broken.writes == 1
    for second in range(600):
        desk.state(token, touched=second % 2 == 0)
        desk.clock.advance(1)
    assert 9 <= broken.writes <= 11
    before = broken.writes
    for _ in range(600):
        desk.state(token)
        desk.clock.advance(1)
    assert broken.writes - before <= 1


def test_without_its_database_it_goes_on_in_memory_and_says_so(desk: Desk, broken: Broken) -> None:
    broken.broken = True
    token = desk.begin()
    assert desk.state(token) == "open"
    assert "no space left" in (desk.sessions.last_problem or "")
    desk.restart()
    assert "cannot be used" in (desk.sessions.last_problem or "")


def test_what_could_not_be_written_is_written_later(desk: Desk, broken: Broken) -> None:
    out = desk.begin()
    broken.broken = True
    desk.sessions.end(out)
    fresh = desk.begin()
    broken.broken = False
    desk.clock.advance(module.RETRY_S)
    assert desk.state(fresh) == "open"
    assert desk.sessions.last_problem is None
    desk.restart()
    assert [desk.state(out), desk.state(fresh)] == ["out", "open"]


def test_a_full_card_is_not_asked_again_with_every_request(desk: Desk, broken: Broken) -> None:
    broken.broken = True
    token = desk.begin()
    for _ in range(20):
        desk.state(token)
    assert broken.writes == 1


def test_the_number_of_sessions_is_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PER_USER", 3)
    monkeypatch.setattr(module, "IN_ALL", 5)
    monkeypatch.setattr(module, "ENDED", 4)
    tokens = []
    for _ in range(4):
        desk.clock.advance(1)
        tokens.append(desk.begin())
    assert [desk.state(token) for token in tokens] == ["crowded", "open", "open", "open"]
    walls = []
    for _ in range(4):
        desk.clock.advance(1)
        walls.append(desk.begin("viewer"))
    assert [desk.state(token) for token in walls] == ["unknown", "open", "open", "open"]  # by its password
    assert [desk.state(token) for token in tokens] == ["crowded", "crowded", "open", "open"]
    for _ in range(20):
        desk.sessions.end(desk.begin("operator"))
    desk.restart()
    assert len(desk.sessions._ended) == 4
    assert len(desk.sessions._open) <= 5
    assert desk.store.rows("SELECT count(*) FROM session")[0][0] == 4 + len(desk.sessions._open)


def test_expired_ones_are_found_without_being_asked_for(desk: Desk) -> None:
    for _ in range(3):
        desk.begin()
    desk.clock.advance(3600)
    desk.state("somebody else's")
    assert desk.told == [("engineer", "10.0.0.7", "idle")] * 3


def test_a_browser_without_a_session_can_be_marked_as_logged_out(desk: Desk) -> None:
    mark = desk.sessions.begin_ended(desk.users["engineer"], "10.0.0.7")
    assert desk.sessions.named(mark).why == "out"


def test_log_outs_without_a_session_push_out_nobody_elses(desk: Desk) -> None:
    token = desk.begin("operator")
    desk.sessions.end(token)
    marks = [desk.sessions.begin_ended(desk.users["engineer"], "10.0.0.66") for _ in range(50)]
    assert desk.state(token) == "out"
    states = [desk.sessions.named(mark).state for mark in marks]
    assert states == ["unknown"] * (50 - module.BARE) + ["ended"] * module.BARE
    assert desk.sessions.named(desk.sessions.begin_ended(desk.users["engineer"], "10.0.0.7")).why == "out"
    desk.restart()
    assert len(desk.sessions._ended) == module.BARE + 2


def test_whoever_ends_many_sessions_pushes_out_his_own(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ENDED", 20)
    monkeypatch.setattr(module, "PER_USER", 3)
    others = [desk.begin("operator"), desk.begin("engineer")]
    for token in others:
        desk.sessions.end(token)
    left = desk.begin("administrator")
    desk.sessions.end(left)
    for _ in range(60):  # none of them logs out: a crowd ends the older ones
        desk.begin("administrator")
    assert [desk.state(token) for token in [*others, left]] == ["out"] * 3
    for _ in range(60):
        desk.sessions.end(desk.begin("administrator"))
    assert [desk.state(token) for token in [*others, left]] == ["out", "out", "unknown"]
    assert len(desk.sessions._ended) == 20


def test_a_session_begins_at_once_though_another_process_holds_the_database(desk: Desk) -> None:
    other = sqlite3.connect(desk.store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    tokens = [desk.begin() for _ in range(5)]
    assert time.monotonic() - began < 2
    assert "another process" in (desk.sessions.last_problem or "")
    other.close()
    desk.clock.advance(module.BUSY_S)
    assert desk.state(tokens[0]) == "open"
    assert desk.sessions.last_problem is None
    desk.restart()
    assert [desk.state(token) for token in tokens] == ["open"] * 5


def test_many_threads_may_use_it(desk: Desk) -> None:
    def one(number: int) -> None:
        token = desk.begin(ROLES[number % 4])
        for _ in range(20):
            assert desk.state(token, touched=True) == "open"
        if number % 2:
            desk.sessions.end(token)
            assert desk.state(token) == "out"

    faults: list[BaseException] = []

    def run(work: Callable[[int], None], number: int) -> None:
        try:
            work(number)
        except BaseException as exc:  # noqa: BLE001  told by the assertion below
            faults.append(exc)

    threads = [threading.Thread(target=run, args=(one, number)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert faults == []
    desk.restart()
    assert (len(desk.sessions._open), len(desk.sessions._ended)) == (8, 8)
