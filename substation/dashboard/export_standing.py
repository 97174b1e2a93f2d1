"""What a granted export rests on: its user, his password, his role, the export password.

When one of them goes, so does the export: whoever is put out of the station takes nothing more with him.
"""

from dataclasses import dataclass

from substation.access.users import role_at_least
from substation.settings.model import Settings, User, UserRole

NEEDED: UserRole = "engineer"


@dataclass(frozen=True, slots=True)
class Standing:
    """The passwords under which an export was granted, by their hashes."""

    login: str | None
    export: str | None


def standing(settings: Settings, name: str, export_hash: str | None) -> Standing:
    """Return on what an export of this user rests now.

    Args:
        settings: in force.
        name: of the user.
        export_hash: that which the typed export password was found to have.
    """
    user = _user(settings, name)
    return Standing(user.password_hash if user else None, export_hash)


def lost(settings: Settings, name: str, before: Standing) -> str:
    """Return in words why the user's export may not go on; nothing when it may."""
    user = _user(settings, name)
    if user is None:
        return "the user was removed"
    if user.disabled:
        return "the user was disabled"
    if not role_at_least(user.role, NEEDED):
        return "the user's role does not allow exports any more"
    if user.password_hash != before.login:
        return "the user's password was changed"
    if settings.export_password_hash != before.export:
        return "the export password was changed"
    return ""


def _user(settings: Settings, name: str) -> User | None:
    return next((user for user in settings.users if user.name == name), None)
