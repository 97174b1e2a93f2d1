"""Who may log in, as a change of the settings: added, given a role, disabled, removed.

Pure: each function takes settings and returns others, or refuses in words. Browser, command line and
take-over from the original system change people through these functions alone, so the rules hold
everywhere: names cannot be confused, and somebody can always administrate the station.
"""

import unicodedata
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError

from substation.errors import SettingsError
from substation.settings import passwords
from substation.settings.model import Settings, User, UserRole

RESERVED = "export"
"""What the export's password is called in the audit log and in warnings."""


class NotPossible(SettingsError):
    """A change of people that the rules refuse; the settings are as they were."""


class NoSuchUser(NotPossible):
    """There is no user of this name, or no longer."""


def find(settings: Settings, name: str) -> User | None:
    """Return the user of this name in whatever Unicode form it was typed, or None."""
    wanted = _normal(name)
    return next((user for user in settings.users if _normal(user.name) == wanted), None)


def known(settings: Settings, name: str) -> User:
    """Return the user of this name; raises NoSuchUser, which names those there are."""
    user = find(settings, name)
    if user is None:
        known = ", ".join(one.name for one in settings.users) or "none"
        raise NoSuchUser(f"There is no user {name[:64]}; known: {known}")
    return user


def added(settings: Settings, name: str, role: UserRole, password_hash: str) -> Settings:
    """Return the settings with a further user.

    Raises:
        NotPossible: the name cannot be typed into a login, or looks like another's: equal under
            Unicode NFKC and without regard to case.
    """
    plain = _normal(name)
    try:
        user = User(name=plain, role=role, password_hash=password_hash)
    except ValidationError as exc:
        raise NotPossible(f"users: {_words(exc)}") from exc
    taken = next((one for one in settings.users if _folded(one.name) == _folded(plain)), None)
    if taken is not None:
        how = "there is already a user" if taken.name == plain else "too easily confused with the user"
        raise NotPossible(f"users: {plain}: {how} {taken.name}; choose another name")
    if _folded(plain) == RESERVED:
        raise NotPossible(f"users: {plain}: is what the export's password is called; choose another name")
    return settings.model_copy(update={"users": (*settings.users, user)})


def with_role(settings: Settings, name: str, role: UserRole) -> Settings:
    """Return the settings with another role for a user; raises NoSuchUser, NotPossible."""
    return _changed(settings, name, role=role)


def disabled(settings: Settings, name: str, yes: bool) -> Settings:
    """Return the settings with a user who may not log in (or may again); raises NoSuchUser, NotPossible."""
    return _changed(settings, name, disabled=yes)


def removed(settings: Settings, name: str) -> Settings:
    """Return the settings without a user; raises NoSuchUser, NotPossible."""
    gone = known(settings, name)
    users = tuple(user for user in settings.users if user is not gone)
    return _kept(settings, settings.model_copy(update={"users": users}))


def with_password(settings: Settings, name: str, password_hash: str) -> Settings:
    """Return the settings with another password for a user; raises NoSuchUser."""
    return _changed(settings, name, password_hash=password_hash, password_weak=False)


def with_export_password(settings: Settings, password_hash: str) -> Settings:
    """Return the settings with another password of the export."""
    return settings.model_copy(update={"export_password_hash": password_hash, "export_password_weak": False})


def marked_weak(settings: Settings, names: Collection[str]) -> Settings:
    """Return the settings with these passwords (users', and `export`) marked until they change."""
    users = tuple(
        user.model_copy(update={"password_weak": True}) if user.name in names else user
        for user in settings.users
    )
    return settings.model_copy(update={"users": users, "export_password_weak": RESERVED in names})


def weak_passwords(settings: Settings) -> tuple[str, ...]:
    """Return whose password was taken over although it is weak: enabled users by name, and `export`."""
    names = [user.name for user in settings.users if user.password_weak and not user.disabled]
    return (*names, RESERVED) if settings.export_password_weak else tuple(names)


def keep_an_administrator(before: Settings | Mapping[str, object], after: Settings) -> None:
    """Raise NotPossible when a change would leave nobody who may administrate the station.

    `before` may be what stood in a file that this program cannot use. A station that had nobody
    before may stay so: another change must not be held up by it.
    """
    if _administrated(before) and not _administrated(after):
        raise NotPossible(
            "users: nobody could administrate this station any more: it needs one enabled user with the "
            "role administrator. Leave this one as it is, or make another user administrator first"
        )


def refusal(settings: Settings, who: str, password: str) -> str | None:
    """Return why somebody of this station cannot have a password, or None when he can.

    A demo may keep its documented ones; a real station refuses them.

    Args:
        settings: of the station: its names are guessed first.
        who: the user's name, or `export`.
        password: what was typed.
    """
    if settings.simulated and password in passwords.DEMO_PASSWORDS.values():
        return None
    context = [who, settings.site.name, *(meter.name for meter in settings.meters)]
    return passwords.refusal(password, context=context)


def _changed(settings: Settings, name: str, **change: Any) -> Settings:
    user = known(settings, name)
    changed = user.model_copy(update=change)
    users = tuple(changed if one is user else one for one in settings.users)
    return _kept(settings, settings.model_copy(update={"users": users}))


def _kept(before: Settings, after: Settings) -> Settings:
    keep_an_administrator(before, after)
    return after


def _administrated(settings: Settings | Mapping[str, object]) -> bool:
    plain = settings.model_dump(mode="json") if isinstance(settings, Settings) else settings
    users = plain.get("users")
    return any(
        isinstance(user, dict) and user.get("role") == "administrator" and not user.get("disabled")
        for user in (users if isinstance(users, list) else ())
    )


def _words(error: ValidationError) -> str:
    fault = error.errors()[0]
    return f"{fault['loc'][0]}: {fault['msg'].removeprefix('Value error, ')}"


def _normal(name: str) -> str:
    return unicodedata.normalize("NFKC", name)


def _folded(name: str) -> str:
    return _normal(_normal(name).casefold())
