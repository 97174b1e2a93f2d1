import threading
from pathlib import Path

import argon2
import pytest
from werkzeug.security import generate_password_hash

from substation.access import users
from substation.commands.configuration_make import make_station
from substation.errors import Crowded, SettingsError
from substation.settings import files, passwords, vault
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


LEGACY = generate_password_hash(PASSWORD, "pbkdf2:sha256:1000")


def inherited(home: Path) -> Settings:
    """Return the settings of a station whose passwords came from the original system."""

    def exchange(settings: Settings) -> Settings:
        (user,) = settings.users
        users_ = (user.model_copy(update={"password_hash": LEGACY}),)
        return settings.model_copy(update={"users": users_, "export_password_hash": LEGACY})

    return files.update(home, exchange)[1]


def test_a_hash_of_the_original_becomes_argon2id_with_its_first_right_login(home: Path) -> None:
    settings = inherited(home)
    assert users.check(settings, "admin", "wrong") is None
    user = users.check(settings, "admin", PASSWORD)
    assert user
    assert users.rehash(home, user, PASSWORD) is True
    fresh = files.load(home).settings
    assert fresh.users[0].password_hash.startswith("$argon2id$")
    assert fresh.export_password_hash == LEGACY
    assert users.check(fresh, "admin", PASSWORD)


def test_the_exports_hash_becomes_argon2id_with_its_first_right_use(home: Path) -> None:
    settings = inherited(home)
    assert users.check_export(settings, PASSWORD)
    assert not users.check_export(settings, "wrong")
    assert users.rehash_export(home, "wrong") is False
    assert files.load(home).settings == settings
    assert users.rehash_export(home, PASSWORD) is True
    fresh = files.load(home).settings
    assert str(fresh.export_password_hash).startswith("$argon2id$")
    assert fresh.users == settings.users
    assert users.check_export(fresh, PASSWORD)
    assert users.rehash_export(home, PASSWORD) is False


def test_an_export_password_set_anew_meanwhile_is_not_put_back(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inherited(home)
    real = users.hashed

    def meanwhile(password: str) -> str:
        other = {"export_password_hash": passwords.hash_password("under nine copper moons")}
        files.update(home, lambda settings: settings.model_copy(update=other))
        return real(password)

    monkeypatch.setattr(users, "hashed", meanwhile)
    assert users.rehash_export(home, PASSWORD) is False
    assert users.check_export(files.load(home).settings, "under nine copper moons")


def test_a_rehash_that_cannot_be_written_says_so_and_leaves_the_file(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inherited(home)
    content = (home / "config.json").read_bytes()

    def full(*_: object) -> None:
        raise SettingsError("config.json: cannot be written (No space left on device)")

    monkeypatch.setattr(files, "write_atomic", full)
    with pytest.raises(SettingsError, match="No space left"):
        users.rehash_export(home, PASSWORD)
    assert (home / "config.json").read_bytes() == content


def test_beside_hashes_of_the_original_every_login_does_the_same_work(
    people: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = User(name="old", role="viewer", password_hash=LEGACY)
    mixed = people.model_copy(update={"users": (*people.users, old)})
    users.check(mixed, "admin", "warm up")
    work: list[str] = []
    real = passwords.verify_password

    def counted(stored: str, password: str) -> bool:
        work.append(passwords.kind_of_work(stored))
        return real(stored, password)

    monkeypatch.setattr(vault, "verify_password", counted)
    for name, password, knows in (
        ("nobody", PASSWORD, False),
        ("admin", "wrong", False),
        ("admin", PASSWORD, True),
        ("old", "wrong", False),
        ("old", PASSWORD, True),
        ("gone", PASSWORD, False),
    ):
        work.clear()
        assert bool(users.check(mixed, name, password)) is knows
        assert sorted(work) == ["argon2id", "pbkdf2:sha256:1000"]


def test_a_new_password_is_hashed_in_turn_with_the_logins(monkeypatch: pytest.MonkeyPatch) -> None:
    assert passwords.verify_password(users.hashed(PASSWORD), PASSWORD)
    monkeypatch.setattr(users, "HASH_WAIT_S", 0.01)
    with users._room(), users._room(), pytest.raises(Crowded):
        users.hashed(PASSWORD)
    assert users.hashed(PASSWORD)


def test_a_documented_password_is_looked_for_once_a_hash(
    people: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    users.demo_passwords_in_use(people)
    tried: list[str] = []

    def counted(stored: str, _: str) -> bool:
        tried.append(stored)
        return False

    monkeypatch.setattr(vault, "verify_password", counted)
    further = User(name="new", role="viewer", password_hash=passwords.hash_password(PASSWORD))
    users.demo_passwords_in_use(people.model_copy(update={"users": (*people.users, further)}))
    assert set(tried) == {further.password_hash}
