"""Replaces a file whole: whoever reads at the same time, or after a kill, sees the old or the new one."""

import contextlib
import os
import re
import secrets
from pathlib import Path

from substation.errors import SettingsError


def write_atomic(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace a file whole: temporary file, fsync, rename, fsync of the folder.

    An existing file keeps its owner and group as far as we may give them: a change made with sudo
    takes the file away from nobody.

    Raises:
        SettingsError: no space, no right, or no folder; the old file is still there.
    """
    path = path.resolve()
    temporary = temporary_of(path)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(temporary, flags, mode), "wb") as file:
            _give_to_owner_of(path, file.fileno())
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as exc:
        temporary.unlink(missing_ok=True)
        raise SettingsError(f"{path}: cannot be written ({exc.strerror}); it is as it was before") from exc


def temporary_of(path: Path) -> Path:
    """Return a name beside the file that nobody else has."""
    return path.with_name(f"{path.name}.{secrets.token_hex(6)}")


def remove_leftovers(path: Path) -> None:
    """Remove what a kill in the middle of a write left beside the file; the caller lets nobody else write."""
    path = path.resolve()
    form = re.compile(re.escape(path.name) + r"\.[0-9a-f]{12}")
    with contextlib.suppress(OSError):
        for one in path.parent.iterdir():
            if form.fullmatch(one.name):
                one.unlink()


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the medium. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _give_to_owner_of(path: Path, handle: int) -> None:
    try:
        before = path.stat()
    except OSError:
        return
    now = os.fstat(handle)
    if (before.st_uid, before.st_gid) == (now.st_uid, now.st_gid):
        return
    with contextlib.suppress(OSError):
        os.fchown(handle, before.st_uid if os.geteuid() == 0 else -1, before.st_gid)
