"""Who may log in, and what the roles may do."""

import contextlib
import functools
import hashlib
import hmac
import secrets
import threading
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from substation.errors import Crowded
from substation.settings import files, vault
from substation.settings.model import Settings, User, UserRole
from substation.settings.passwords import MAX_LENGTH

ROLES: tuple[UserRole, ...] = ("viewer", "operator", "engineer", "administrator")
"""From the least to the most; each may do what those before it may."""
HASHES_AT_ONCE = 2
"""Each costs a core about 40 ms and 19 MiB: more at once would starve the pages."""
HASH_WAIT_S = 2.0
SHOWN_OF_A_STRANGER = 2
"""Characters of a name that is no user's."""

_hashing = threading.BoundedSemaphore(HASHES_AT_ONCE)


def check(settings: Settings, name: str, password: str) -> User | None:
    """Return the user when name and password are right and he is not disabled, else None.

    An unknown name costs the same work as a wrong password, so that the time tells nothing: as long as
    somebody has a hash of the original system, everybody's login does that work too.
    Ask `Throttle.retry_after_s` first: this is the expensive part.

    Raises:
        Crowded: more logins at once than can be checked (answer 503).
    """
    nobody = _nobody()
    wanted = _normal(name)
    user = next((user for user in settings.users if _normal(user.name) == wanted), None)
    others = {
        vault.kind_of_work(hash_): hash_ for hash_ in (nobody, *(one.password_hash for one in settings.users))
    }
    right = _verified(user.password_hash if user else nobody, password, others)
    return user if user and right and not user.disabled else None


def check_export(settings: Settings, password: str) -> bool:
    """Return whether this is the station's export password; raises Crowded."""
    right = _verified(settings.export_password_hash or _nobody(), password)
    return right and settings.export_password_hash is not None


def said_name(settings: Settings, name: str, key: bytes) -> str:
    """Return a name that somebody typed as it may be kept: of one who is no user only its beginning.

    Whoever types his password into the field of the name would have it written down for everybody who
    reads the log. Equal names can still be told by a short digest, which needs `key`.
    """
    if not name or any(_normal(user.name) == _normal(name) for user in settings.users):
        return name
    digest = hmac.new(key, _normal(name).encode("utf-8", "replace"), hashlib.sha256).hexdigest()
    return f"{name[:SHOWN_OF_A_STRANGER]}... ({digest[:8]})"


def role_at_least(role: UserRole, needed: UserRole) -> bool:
    """Return whether the role may do what `needed` may."""
    return ROLES.index(role) >= ROLES.index(needed)


def rehash(
    folder: Path,
    user: User,
    password: str,
    before_storing: Callable[[str, str], object] = lambda _old, _new: None,
) -> bool:
    """Store a hash of today's strength for a user who has just logged in; return whether one was due.

    Args:
        folder: the station's home.
        user: as he was found right.
        password: his.
        before_storing: told the old and the new hash, so that his sessions outlive the exchange.

    Raises:
        SettingsError: the configuration cannot be written.
    """
    if not vault.needs_rehash(user.password_hash):
        return False
    fresh = vault.hash_password(password)
    before_storing(user.password_hash, fresh)

    def exchange(settings: Settings) -> Settings:
        users = tuple(
            one.model_copy(update={"password_hash": fresh})
            if one.name == user.name and one.password_hash == user.password_hash
            else one
            for one in settings.users
        )
        return settings.model_copy(update={"users": users})

    before, after = files.update(folder, exchange)
    return before != after


def rehash_export(folder: Path, password: str) -> bool:
    """Store a hash of today's strength for the export password just used; return whether one was due.

    Raises:
        Crowded: more logins at once than can be checked.
        SettingsError: the configuration cannot be read or written.
    """
    settings = files.load(folder, mend=False).settings
    stored = settings.export_password_hash
    if stored is None or not vault.needs_rehash(stored) or not check_export(settings, password):
        return False
    fresh = hashed(password)

    def exchange(current: Settings) -> Settings:
        if current.export_password_hash != stored:  # set anew meanwhile
            return current
        return current.model_copy(update={"export_password_hash": fresh})

    before, after = files.update(folder, exchange)
    return before != after


def hashed(password: str) -> str:
    """Return the hash of a new password; takes its turn with the logins. Raises Crowded."""
    with _room():
        return vault.hash_password(password)


def demo_passwords_in_use(settings: Settings) -> tuple[str, ...]:
    """Return who still has a documented demo password: user names, and `export`.

    Judged by trying the documented passwords on the hashes, so that no renaming cheats it. Costs one
    hash each the first time: ask at start, and when the configuration changes.
    """
    found = [user.name for user in settings.users if not user.disabled and _is_documented(user.password_hash)]
    if settings.export_password_hash and _is_documented(settings.export_password_hash):
        found.append("export")
    return tuple(found)


@functools.lru_cache(maxsize=256)
def _is_documented(password_hash: str) -> bool:
    """Return whether a documented password has this hash; a hash is tried once, whoever else changes his."""
    return any(vault.verify_password(password_hash, one) for one in vault.DEMO_PASSWORDS.values())


@functools.cache
def _nobody() -> str:
    """Return a hash that no password fits, made with today's parameters."""
    return vault.hash_password(secrets.token_urlsafe(32))


def _verified(password_hash: str, password: str, stand_ins: Mapping[str, str] | None = None) -> bool:
    """Return whether the password has this hash; `stand_ins` are tried besides, for work of their kinds."""
    if len(password) > MAX_LENGTH:
        return False
    own = vault.kind_of_work(password_hash)
    with _room():
        right = vault.verify_password(password_hash, password)
        for kind, other in (stand_ins or {}).items():
            if kind != own:
                vault.verify_password(other, password)
    return right


@contextlib.contextmanager
def _room() -> Iterator[None]:
    """Hold one of the few places for hashing; raises Crowded."""
    if not _hashing.acquire(timeout=HASH_WAIT_S):
        raise Crowded("too many logins at once; try again in a few seconds")
    try:
        yield
    finally:
        _hashing.release()


def _normal(name: str) -> str:
    return unicodedata.normalize("NFKC", name)
