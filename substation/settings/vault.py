"""The key of a station and what is sealed with it.

`config_key.key` next to `config.json` protects a configuration that leaks alone (mailed, committed,
backed up) and shows silent edits. It does not protect against somebody who can read the folder.
"""

import base64
import binascii
import contextlib
import hashlib
import json
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from substation.errors import SettingsError
from substation.settings.atomic import sync_folder, temporary_of, write_atomic
from substation.settings.passwords import (
    DEMO_PASSWORDS,
    generated_password,
    hash_password,
    kind_of_work,
    needs_rehash,
    verify_password,
)

__all__ = [
    "DEMO_PASSWORDS",
    "RESTORE",
    "KeyFile",
    "derive",
    "exchange_keys",
    "find_key",
    "generated_password",
    "handed_over",
    "hash_password",
    "kid",
    "kind_of_work",
    "needs_rehash",
    "new_key",
    "open_key",
    "read_key",
    "refuse_open_folder",
    "seal",
    "unseal",
    "unseal_by",
    "verify_password",
    "write_key",
]

KEY_NAME = "config_key.key"
CREDENTIAL_NAME = "config_key"
FORMAT = 1
_MAX_KEY_BYTES = 64 * 1024
_NO_KEY = "Put it back from your backup; where there is no configuration yet, remove it"
RESTORE = (
    "Put config.json back from your backup; for a new station move it away and run python3 encrypt_config.py"
)


@dataclass(frozen=True, slots=True)
class KeyFile:
    """The keys of a station: one, or more while they are rotated (`files.key_in_force` says which seals)."""

    path: Path
    keys: tuple[bytes, ...]
    warnings: tuple[str, ...] = ()

    @property
    def primary(self) -> bytes:
        """The first one: it seals a new configuration."""
        return self.keys[0]


def new_key() -> bytes:
    """Return a fresh random Fernet key: 44 characters of URL-safe base64."""
    return Fernet.generate_key()


def kid(key: bytes) -> str:
    """Return the key's name: the first 8 hex digits of its SHA-256. Tells nothing about the key."""
    return hashlib.sha256(key).hexdigest()[:8]


def derive(key: bytes, info: str) -> bytes:
    """Return 32 bytes for one purpose, such as `audit v1` (HKDF-SHA256, RFC 5869).

    The same key and purpose always give the same bytes, so sessions and chains survive a restart.
    """
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info.encode()).derive(
        base64.urlsafe_b64decode(key)
    )


def seal(key: bytes, data: Mapping[str, object]) -> dict[str, object]:
    """Return the document of `config.json` for the data."""
    plain = json.dumps(data, ensure_ascii=False, allow_nan=False).encode()
    return {"encrypted_data": Fernet(key).encrypt(plain).decode(), "v": FORMAT, "kid": kid(key)}


def unseal(keys: bytes | tuple[bytes, ...], document: object, source: str) -> dict[str, object]:
    """Return the data of a sealed document; see `unseal_by`."""
    return unseal_by((keys,) if isinstance(keys, bytes) else keys, document, source)[0]


def unseal_by(ring: tuple[bytes, ...], document: object, source: str) -> tuple[dict[str, object], bytes]:
    """Return the data of a sealed document, and the key that unsealed it.

    Args:
        ring: the station's keys, of which one fits.
        document: what stood in the file as JSON.
        source: the file's name for the message.

    Raises:
        SettingsError: not sealed, sealed by another key, cut or edited; says which.
    """
    if not isinstance(document, dict):
        raise SettingsError(f"{source}: holds JSON, but no configuration. {RESTORE}")
    token = document.get("encrypted_data")
    if token is None:
        raise SettingsError(
            f"{source}: is not sealed; it looks like a plain-text configuration (settings: "
            f"{', '.join(sorted(map(str, document))[:6]) or 'none'}). Move it away, then make a sealed one: "
            "python3 encrypt_config.py"
        )
    extra = sorted(map(str, set(document) - {"encrypted_data", "v", "kid"}))
    if extra:
        raise SettingsError(
            f"{source}: holds settings in clear beside the sealed part ({', '.join(extra[:6])}), which "
            "nothing protects; remove them and set them with python3 encrypt_config.py set"
        )
    version = document.get("v", FORMAT)
    if version != FORMAT:
        raise SettingsError(
            f"{source}: was written in format {version!r:.20}, this program knows format {FORMAT}; "
            "use the program's version that wrote it, or a newer one"
        )
    wanted = document.get("kid")
    named = [key for key in ring if kid(key) == wanted]
    if isinstance(wanted, str) and not named:
        raise SettingsError(
            f"{source}: needs the key {wanted[:8]}, you have {', '.join(map(kid, ring))}. "
            f"Put the {KEY_NAME} back that belongs to this configuration"
        )
    for key in named or ring:
        try:
            plain = Fernet(key).decrypt(str(token).encode("ascii", "replace"))
        except (InvalidToken, binascii.Error, ValueError):
            continue
        return _object(plain, source), key
    other = "" if named else f", or the {KEY_NAME} is not the one it was sealed with"
    raise SettingsError(
        f"{source}: was cut or edited{other}; the sealed part does not match its seal. {RESTORE}"
    )


def write_key(path: Path, key: bytes) -> None:
    """Make the key file, mode 0600, whole or not at all; refuses to overwrite.

    Raises:
        SettingsError: the file is there already, or the folder cannot be written.
    """
    temporary = temporary_of(path)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
            file.write(key + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)  # unlike a rename it never takes the place of another file
        sync_folder(path.parent)
    except FileExistsError as exc:
        raise SettingsError(f"{path.name}: is there already; a key is never overwritten") from exc
    except OSError as exc:
        raise SettingsError(f"{path}: cannot be made ({exc.strerror})") from exc
    finally:
        temporary.unlink(missing_ok=True)


def exchange_keys(file: KeyFile, keys: Sequence[bytes]) -> None:
    """Write other keys into the key file, whole; its owner and mode stay.

    Raises:
        SettingsError: the file cannot be written; it is as it was.
    """
    mode = stat.S_IMODE(file.path.stat().st_mode) & 0o640
    write_atomic(file.path, b"".join(key + b"\n" for key in keys), mode)


def handed_over(path: Path) -> bool:
    """Return whether the key is a copy that the service manager made for this very service."""
    return str(path.parent) == os.environ.get("CREDENTIALS_DIRECTORY")


def find_key(folder: Path) -> Path:
    """Return where the key of the station in `folder` is looked for.

    First the credential that systemd hands over, then `SUBSTATION_CONFIG_KEY_FILE`, then
    `config_key.key` in the station's folder.
    """
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials and (Path(credentials) / CREDENTIAL_NAME).exists():
        return Path(credentials) / CREDENTIAL_NAME
    named = os.environ.get("SUBSTATION_CONFIG_KEY_FILE")
    return Path(named).expanduser() if named else folder / KEY_NAME


def read_key(folder: Path) -> bytes:
    """Return the station's key, for deriving others from it; raises SettingsError.

    A loosened mode is left to `files.load`, which can tell of it.
    """
    return open_key(folder, mend=False).primary


def open_key(folder: Path, *, mend: bool = True) -> KeyFile:
    """Return the station's keys; a loosened mode of our own file is set back to 0600, with a warning.

    Without `mend` a mode is neither set back nor judged.

    Raises:
        SettingsError: missing, a symbolic link, somebody else's, readable by everybody, or no key.
    """
    path = find_key(folder)
    name = path.name if path.parent == folder else str(path)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError as exc:
        raise SettingsError(
            f"{name}: is missing, and config.json cannot be read without it. Put it back from your backup; "
            "for a new station: python3 encrypt_config.py"
        ) from exc
    except OSError as exc:
        if path.is_symlink():
            raise SettingsError(
                f"{name}: is a symbolic link, which is never followed for a key. "
                "Put the file itself there, or name its place in SUBSTATION_CONFIG_KEY_FILE"
            ) from exc
        raise SettingsError(
            f"{name}: cannot be read ({exc.strerror}). It must belong to the user that runs the station: "
            f"sudo chown $USER {path}"
        ) from exc
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise SettingsError(f"{name}: is no ordinary file; put the key file there")
        # What the service manager hands over stands in a folder of its own, readable by the service only.
        given = handed_over(path)
        warning = None if given or not mend else _tighten(file.fileno(), status, path, name)
        if not given:
            refuse_open_folder(path.parent)
        content = file.read(_MAX_KEY_BYTES)
    return KeyFile(path, _keys(content, name), (warning,) if warning else ())


def _object(plain: bytes, source: str) -> dict[str, object]:
    try:
        data = json.loads(plain)
    except ValueError as exc:
        raise SettingsError(f"{source}: what was sealed in it is no JSON. {RESTORE}") from exc
    if not isinstance(data, dict):
        raise SettingsError(f"{source}: what was sealed in it is no configuration. {RESTORE}")
    return data


def _keys(content: bytes, name: str) -> tuple[bytes, ...]:
    lines = tuple(line.strip() for line in content.split(b"\n") if line.strip())
    for line in lines:
        try:
            Fernet(line)
        except (ValueError, binascii.Error) as exc:
            raise SettingsError(f"{name}: holds no key (44 characters of base64). {_NO_KEY}") from exc
    if not lines:
        raise SettingsError(f"{name}: is empty. {_NO_KEY}")
    return lines


def _tighten(handle: int, status: os.stat_result, path: Path, name: str) -> str | None:
    """Set a loosened mode back to 0600 and return the warning; refuse where that cannot be done."""
    mode = stat.S_IMODE(status.st_mode)
    if not mode & 0o077:
        return None
    if status.st_uid == 0 and not mode & 0o037 and os.geteuid() != 0:
        return None  # root:group 0640, as a service manager or an administrator sets it up
    if status.st_uid == os.geteuid():
        with contextlib.suppress(OSError):
            os.fchmod(handle, 0o600)
        if not stat.S_IMODE(os.fstat(handle).st_mode) & 0o077:
            return f"{name}: others could read it (mode {mode:04o}); set back to 0600"
        raise SettingsError(
            f"{name}: others can read it (mode {mode:04o}) and this file system keeps no modes. "
            "Put the station's folder on a Linux file system and name it in SUBSTATION_HOME"
        )
    raise SettingsError(f"{name}: others can read it (mode {mode:04o}). Remedy: sudo chmod 600 {path}")


def refuse_open_folder(folder: Path) -> None:
    """Raise SettingsError when everybody may write in the folder of a key."""
    mode = folder.stat().st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise SettingsError(
            f"{folder}: everybody may write here, so anybody could exchange the key. "
            f"Remedy: chmod o-w {folder}"
        )
