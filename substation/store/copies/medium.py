"""The second medium: a stick, a share, another folder. Whatever may happen to it happens here.

It may be pulled out between any two steps, full, read-only, or of a kind that knows neither links nor modes
nor the difference between capitals and small letters (FAT, exFAT, network shares). So a file is written under
another name, brought to the medium, and only then given its own, which no other file ever had: a name is
never given twice, since such media do not replace one file by another in one step.
"""

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from substation.errors import Full, StoreError

PART = ".part"
"""The end of a name under which something is still being written."""
BLOCK = 1 << 16
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_TOO_LARGE = errno.EFBIG


@dataclass(frozen=True, slots=True)
class Written:
    """A file that has reached the medium."""

    bytes: int
    sha256: str


class Medium:
    """One folder on the medium. Every method raises StoreError in words; Full when there is no room."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; it need not be there yet."""
        self.folder = folder

    def write(self, name: str, chunks: Iterable[bytes]) -> Written:
        """Write a file whole and wait until it has reached the medium; its name is new."""
        path = self.folder / name
        part = path.with_name(path.name + PART)
        digest, size = hashlib.sha256(), 0
        with explained(path):
            if not path.parent.is_dir():
                path.parent.mkdir()
                _settle(path.parent.parent)
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC)
            try:
                for chunk in chunks:
                    _write_all(handle, chunk)
                    digest.update(chunk)
                    size += len(chunk)
                os.fsync(handle)
                _forget(handle)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.close(handle)
                with contextlib.suppress(OSError):
                    os.unlink(part)  # noqa: PTH108 - as all that changes the medium: through `os`
                raise
            os.close(handle)
            os.rename(part, path)  # noqa: PTH104 - as above
            _settle(path.parent)
        return Written(size, digest.hexdigest())

    def read(self, name: str) -> bytes:
        """Return a small file whole."""
        with explained(self.folder / name):
            return (self.folder / name).read_bytes()

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield a file block by block."""
        with explained(self.folder / name), (self.folder / name).open("rb") as file:
            while block := file.read(BLOCK):
                yield block

    def sha256(self, name: str) -> str:
        """Return what `Written.sha256` was when the file is still the same."""
        digest = hashlib.sha256()
        for block in self.chunks(name):
            digest.update(block)
        return digest.hexdigest()

    def names(self) -> list[str]:
        """Return every file in the folder and in the folders in it, such as `2026-11/readings-....gz`."""
        found: list[str] = []
        with explained(self.folder):
            for one in sorted(self.folder.iterdir()):
                if one.is_dir():
                    found += [f"{one.name}/{inner.name}" for inner in sorted(one.iterdir())]
                else:
                    found.append(one.name)
        return found

    def remove(self, name: str) -> None:
        """Remove a file; one that is gone already is no error."""
        with explained(self.folder / name), contextlib.suppress(FileNotFoundError):
            os.unlink(self.folder / name)  # noqa: PTH108 - as above

    def free(self) -> int:
        """Return the bytes that are free."""
        with explained(self.folder):
            return shutil.disk_usage(self.folder).free


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the system's errors into ours, in words that say what to do."""
    try:
        yield
    except OSError as exc:
        if exc.errno in _NO_ROOM:
            raise Full(f"{path}: no room left on the medium; put in a larger one or free some") from exc
        if exc.errno == _TOO_LARGE:
            raise StoreError(f"{path}: too large for this medium; format it with exFAT or ext4") from exc
        if exc.errno == errno.EROFS:
            raise StoreError(
                f"{path}: the medium is read-only: unlock it, or check it on another computer"
            ) from exc
        raise StoreError(
            f"{path}: the medium cannot be used ({exc.strerror or exc}). Is it plugged in and mounted?"
        ) from exc


def _write_all(handle: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(handle, view) :]


def _forget(handle: int) -> None:
    """Let what is read back for the proof come from the medium, not from the machine's memory."""
    with contextlib.suppress(OSError):
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)


def _settle(folder: Path) -> None:
    """Bring the names in a folder to the medium; some shares cannot be asked for it."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
