"""A folder in memory, where sign of life and live file go while their own medium does not take them.

The poller writes there only what its own place refused; whoever reads looks at both (`heartbeat.read`). It is
ours alone (owner and mode 0700 are proved, a link is refused), and a file in it is named after the whole path
of the file it stands in for, so that two stations never meet. Its content is charged to the poller's memory
and gone when the machine starts anew.
"""

import contextlib
import functools
import hashlib
import os
import stat
from pathlib import Path

SERVICE = Path("/run/substation")
"""Made by systemd for the poller's service; nobody else makes it."""


def folders() -> list[Path]:
    """Return the places to try, the best first. Both processes run as one user, so both try the same."""
    return list(_folders_of(os.geteuid()))


@functools.lru_cache(maxsize=1)
def _folders_of(user: int) -> tuple[Path, ...]:
    return SERVICE, Path(f"/run/user/{user}/substation"), Path(f"/dev/shm/substation-{user}")  # noqa: S108


def beside(path: Path) -> Path | None:
    """Return where to write in place of `path`; its folder is made. None where no memory can be had."""
    for folder in folders():
        if folder != SERVICE:
            with contextlib.suppress(OSError):
                folder.mkdir(mode=0o700)
        if _ours(folder):
            return folder / _name(path)
    return None


def places(path: Path) -> list[Path]:
    """Return what stands in for `path` now; mostly nothing."""
    found = [folder / _name(path) for folder in folders() if _ours(folder)]
    return [one for one in found if one.is_file()]


def remove(path: Path) -> None:
    """Remove what stood in for `path`."""
    for one in places(path):
        for rest in (one, one.with_name(f"{one.name}.new")):
            with contextlib.suppress(OSError):
                rest.unlink()


@functools.lru_cache(maxsize=64)
def _name(path: Path) -> str:
    # found once: a link that lies on the medium leads nowhere while that is gone
    whole = os.path.realpath(path)
    return f"{hashlib.sha256(os.fsencode(whole)).hexdigest()[:24]}-{path.name}"


def _ours(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
