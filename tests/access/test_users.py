import threading
from pathlib import Path

import argon2
import pytest

from substation.access import users
from substation.commands.configuration_make import make_station
from substation.errors import Crowded
from substation.settings import files, passwords
from substation.settings.model import Settings, User
from tests.access.conftest import PASSWORD


def test_it_knows_a_user_by_name_and_password(people: Settings) -> None:
    found = users.check(people, "admin", PASSWORD)
    assert found
    assert (found.name, found.role) == ("admin", "administrator")


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("admin", PASSWORD + " "),
        ("admin", ""),
        ("admin", PASSWORD.upper()),
        ("Admin", PASSWORD),
        ("", PASSWORD),
        ("nobody", PASSWORD),
        ("gone", PASSWORD),
        ("admin\x00", PASSWORD),
        ("\ud800", "\ud800"),
        ("admin", "v" * 300_000),
        ("admin", "the export has its own words"),
    ],
)
def test_it_refuses_everybody_else(people: Settings, name: str, password: str) -> None:
    assert users.check(people, name, password) is None


def test_unknown_wrong_disabled_and_right_cost_the_same_work(people: Settings, hashings: list[str]) -> None:
    users.check(people, "admin", "warm up")  # the first one also makes the hash that nobody has
    for name, password in (
        ("nobody", PASSWORD),
        ("admin", "wrong"),
        ("gone", PASSWORD),
        ("admin", PASSWORD),
        ("", ""),
    ):
        hashings.clear()
        users.check(people, name, password)
        assert len(hashings) == 1
        found = argon2.extract_parameters(hashings[0])
        assert (found.time_cost, found.memory_cost) == (passwords.TIME_COST, passwords.MEMORY_KIB)


def test_a_megabyte_of_password_buys_no_work(people: Settings, hashings: list[str]) -> None:
    users.check(people, "admin", "v" * (passwords.MAX_LENGTH + 1))
    assert hashings == []


def test_the_export_has_its_own_password(people: Settings, hashings: list[str]) -> None:
    assert users.check_export(people, "the export has its own words")
    assert not users.check_export(people, PASSWORD)
    without = people.model_copy(update={"export_password_hash": None})
    hashings.clear()
    assert not users.check_export(without, "")
    assert len(hashings) == 1


def test_a_role_may_do_what_those_before_it_may() -> None:
    for at, role in enumerate(users.ROLES):
        for other, needed in enumerate(users.ROLES):
            assert users.role_at_least(role, needed) is (at >= other)


def test_no_more_than_two_hash_at_once_and_the_rest_is_told_to_come_back(
    people: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(users, "HASH_WAIT_S", 0.05)
    go_on, inside, most = threading.Event(), [], []

    def slow(stored: str, password: str) -> bool:
        inside.append(1)
        most.append(len(inside))
        go_on.wait(30)
        inside.pop()
        return False

    monkeypatch.setattr(users.vault, "verify_password", slow)
    users._nobody()
    outcome: list[str] = []

    def attempt() -> None:
        try:
            users.check(people, "admin", "wrong")
            outcome.append("refused")
        except Crowded:
            outcome.append("crowded")
            if outcome.count("crowded") == 48:
                go_on.set()

    threads = [threading.Thread(target=attempt) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert max(most) == 2
    assert sorted(outcome) == ["crowded"] * 48 + ["refused"] * 2


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.delenv("SUBSTATION_CONFIG_KEY_FILE", raising=False)
    folder = tmp_path / "home"
    make_station(folder, simulated=False, passwords={"admin": PASSWORD, "export": PASSWORD})
    return folder


def test_a_weak_hash_is_exchanged_after_a_login(home: Path) -> None:
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)

    def weaken(settings: Settings) -> Settings:
        (user,) = settings.users
        return settings.model_copy(update={"users": (user.model_copy(update={"password_hash": weak}),)})

    files.update(home, weaken)
    loaded = files.load(home)
    user = users.check(loaded.settings, "admin", PASSWORD)
    assert user
    assert users.rehash(home, user, PASSWORD) is True
    assert files.changed(home, loaded.generation)
    settings = files.load(home).settings
    assert settings.users[0].password_hash != weak
    assert not passwords.needs_rehash(settings.users[0].password_hash)
    again = users.check(settings, "admin", PASSWORD)
    assert again
    assert users.rehash(home, again, PASSWORD) is False


def test_a_password_changed_meanwhile_is_not_put_back(home: Path) -> None:
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    before = files.load(home).settings
    user = User(name="admin", role="administrator", password_hash=weak)
    assert users.rehash(home, user, PASSWORD) is False
    assert files.load(home).settings == before


def test_demo_passwords_are_found_by_trying_them_whatever_the_user_is_called(home: Path) -> None:
    settings = files.load(home).settings
    assert users.demo_passwords_in_use(settings) == ()
    demo = passwords.hash_password("password123")
    renamed = User(name="shift", role="viewer", password_hash=demo)
    off = User(name="old", role="viewer", password_hash=demo, disabled=True)
    crossed = settings.model_copy(
        update={
            "users": (*settings.users, renamed, off),
            "export_password_hash": passwords.hash_password("secure123"),
        }
    )
    assert users.demo_passwords_in_use(crossed) == ("shift", "export")
