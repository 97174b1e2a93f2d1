"""People change under rules that hold wherever the change comes from."""

from collections.abc import Callable

import pytest

from substation.errors import SettingsError
from substation.settings import passwords, people
from substation.settings.model import CARD_METERS, Settings, Site, User

HASH, OTHER = "$argon2id$one", "$argon2id$other"


@pytest.fixture
def station() -> Settings:
    return Settings(
        site=Site(name="Rampur Pump House"),
        meters=CARD_METERS,
        users=(
            User(name="admin", role="administrator", password_hash=HASH),
            User(name="wall", role="viewer", password_hash=HASH),
            User(name="gone", role="administrator", password_hash=HASH, disabled=True),
        ),
    )


def named(settings: Settings, name: str) -> User:
    user = people.find(settings, name)
    assert user is not None
    return user


def test_a_user_is_added_with_role_and_password(station: Settings) -> None:
    after = people.added(station, "meera", "engineer", OTHER)
    assert after.users[:-1] == station.users
    assert after.users[-1] == User(name="meera", role="engineer", password_hash=OTHER)
    assert people.find(station, "meera") is None


@pytest.mark.parametrize("name", ["admin", "Admin", "ADMIN", "ａdmin", "ＡＤＭＩＮ", "gone", "Wall"])
def test_a_name_that_looks_like_anothers_is_refused(station: Settings, name: str) -> None:
    with pytest.raises(people.NotPossible, match="choose another name"):
        people.added(station, name, "viewer", HASH)


@pytest.mark.parametrize(
    "name", ["", "a:b", " meera", "meera ", "mee\nra", "m" * 65, "\u202emeera", "\ud800"]
)
def test_a_name_that_cannot_be_typed_is_refused(station: Settings, name: str) -> None:
    with pytest.raises(people.NotPossible, match="name"):
        people.added(station, name, "viewer", HASH)


@pytest.mark.parametrize("name", ["export", "Export"])
def test_nobody_is_called_as_the_exports_password_is(station: Settings, name: str) -> None:
    with pytest.raises(people.NotPossible, match="export's password"):
        people.added(station, name, "viewer", HASH)


def test_a_name_is_kept_in_the_form_under_which_logins_are_compared(station: Settings) -> None:
    after = people.added(station, "ｍeera ﬁeld", "viewer", HASH)
    assert after.users[-1].name == "meera field"
    assert people.find(after, "ｍeera ﬁeld") == after.users[-1]


def test_a_fault_of_a_new_user_shows_no_hash(station: Settings) -> None:
    with pytest.raises(SettingsError) as caught:
        people.added(station, "meera", "viewer", "no hash at all")
    assert "no hash at all" not in str(caught.value)


def test_role_state_and_password_are_changed_one_at_a_time(station: Settings) -> None:
    wall = named(station, "wall")
    for after, change in (
        (people.with_role(station, "wall", "operator"), {"role": "operator"}),
        (people.disabled(station, "wall", True), {"disabled": True}),
        (people.with_password(station, "wall", OTHER), {"password_hash": OTHER}),
    ):
        assert named(after, "wall") == wall.model_copy(update=change)
        assert [user for user in after.users if user.name != "wall"] == [station.users[0], station.users[2]]


def test_a_user_is_enabled_again(station: Settings) -> None:
    assert not named(people.disabled(station, "gone", False), "gone").disabled


def test_a_user_is_removed(station: Settings) -> None:
    assert [user.name for user in people.removed(station, "wall").users] == ["admin", "gone"]


def test_who_is_not_known_is_named_with_those_who_are(station: Settings) -> None:
    changes: list[Callable[[], Settings]] = [
        lambda: people.removed(station, "nobody"),
        lambda: people.with_role(station, "Admin", "viewer"),
        lambda: people.disabled(station, "nobody", True),
        lambda: people.with_password(station, "nobody", OTHER),
    ]
    for change in changes:
        with pytest.raises(people.NoSuchUser, match="known: admin, wall, gone"):
            change()


def test_the_last_enabled_administrator_stays(station: Settings) -> None:
    changes: list[Callable[[], Settings]] = [
        lambda: people.removed(station, "admin"),
        lambda: people.with_role(station, "admin", "engineer"),
        lambda: people.disabled(station, "admin", True),
    ]
    for change in changes:
        with pytest.raises(people.NotPossible, match="nobody could administrate this station"):
            change()


def test_one_of_two_administrators_may_go(station: Settings) -> None:
    two = people.disabled(station, "gone", False)
    assert [user.name for user in people.removed(two, "admin").users] == ["wall", "gone"]
    assert named(people.with_role(two, "admin", "viewer"), "admin").role == "viewer"


def test_a_station_that_nobody_administrates_can_still_be_changed(station: Settings) -> None:
    orphan = station.model_copy(update={"users": station.users[1:]})
    assert len(people.removed(orphan, "wall").users) == 1
    people.keep_an_administrator({"users": "damaged"}, orphan)
    with pytest.raises(people.NotPossible):
        people.keep_an_administrator({"users": [{"role": "administrator"}]}, orphan)


def test_a_demo_keeps_its_documented_passwords_and_a_real_station_refuses_them(station: Settings) -> None:
    demo = station.model_copy(update={"simulated": True})
    for known in passwords.DEMO_PASSWORDS.values():
        assert people.refusal(demo, "admin", known) is None
        assert "documented demo password" in str(people.refusal(station, "admin", known))
        assert people.refusal(demo, "admin", known + " ")


def test_a_password_made_of_the_stations_own_names_is_refused(station: Settings) -> None:
    for own in ("rampur pump house 1", "NonEssentialLoad Transformer", "meera meera meera"):
        assert people.refusal(station, "meera", own)
    assert people.refusal(station, "meera", "four quiet herons wade") is None


def test_a_weak_password_is_marked_until_it_is_changed(station: Settings) -> None:
    marked = people.marked_weak(station, {"admin", "export"})
    assert people.weak_passwords(marked) == ("admin", "export")
    changed = people.with_password(marked, "admin", HASH)
    assert people.weak_passwords(changed) == ("export",)
    assert people.weak_passwords(people.with_export_password(changed, HASH)) == ()
