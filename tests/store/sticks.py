"""Media that behave badly: pulled out at a given step, too small, read-only. They stand in for `os`."""

import errno
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

CHANGING = ("mkdir", "open", "write", "fsync", "rename", "unlink")


class PulledOut:
    """Takes so many steps; from then on nothing works."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def __getattr__(self, name: str):
        real = getattr(os, name)
        if name not in CHANGING:
            return real

        def step(*args, **more):
            if self.left <= 0:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            self.left -= 1
            if name == "write" and not self.left:
                return real(args[0], args[1][: len(args[1]) // 2])  # half of it still got there
            return real(*args, **more)

        return step


class Small:
    """Has room for so many bytes."""

    def __init__(self, folder: Path, room: int) -> None:
        self.folder, self.room = folder, room

    def free(self) -> int:
        return self.room - sum(one.stat().st_size for one in self.folder.rglob("*") if one.is_file())

    def __getattr__(self, name: str):
        return getattr(os, name)

    def write(self, handle: int, chunk: bytes) -> int:
        if self.free() < len(chunk):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.write(handle, chunk)

    def disk_usage(self, _: Path) -> SimpleNamespace:
        return SimpleNamespace(free=self.free())


class ReadOnly:
    """Can be read."""

    def __getattr__(self, name: str):
        def refuse(*_, **__):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

        return refuse if name in CHANGING else getattr(os, name)


def put_in(monkeypatch, stick) -> None:
    """Let the medium of the copies be this one."""
    monkeypatch.setattr("substation.store.copies.medium.os", stick)
    if isinstance(stick, Small):
        monkeypatch.setattr("substation.store.copies.medium.shutil", stick)


def a_copy_of(folder: Path, to: Path) -> None:
    """Lay the same files into another folder."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(folder, to)
