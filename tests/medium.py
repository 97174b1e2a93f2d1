"""A medium that loses its power: what was written and synced is recorded, and what a cut may leave is made.

    with recorded(folder) as medium:
        ...                             the program works in the folder
        medium.note("committed", 7)     what the test has to know of this moment
    for cut in medium.cuts(chance, 50):
        medium.leave(cut, scratch, chance)

What is promised by a medium (POSIX, and what ext4, XFS, f2fs and FAT have in common) is little: a file's
bytes are there once that file was synced, a name once its folder was. Of all else, each sector may hold
any of the versions that it had since, a write may be torn at a byte, a file may have any of its lengths, with
zeros where nothing arrived, and names may be lost one by one. A rename is never half.
"""

import contextlib
import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import medium_vfs

MODES = ("nothing", "all", "prefix", "subset", "sectors", "torn")
"""How much arrived of what was not synced: `nothing` is the patient cut, `all` is a kill."""
NEVER_KEPT = "-shm"
"""SQLite's index of its log lives in memory: whoever opens the file first makes it anew."""


@dataclass(frozen=True, slots=True)
class Did:
    """One thing that was done."""

    what: str
    file: int = -1
    """Which file, by number: it keeps it when it is renamed."""
    at: int = 0
    data: bytes = b""
    names: tuple[tuple[str, int | None], ...] = ()
    """What became of names, each with its file or None."""
    note: tuple[Any, ...] = ()


@dataclass(slots=True)
class _File:
    kept: bytearray = field(default_factory=bytearray)
    """What is on the medium for certain."""
    pending: list[Did] = field(default_factory=list)


class Medium:
    """What was done below a folder, in order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.did: list[Did] = []
        self._files: dict[str, int] = {}
        self._sqlite: set[int] = set()
        """Files whose writes SQLite tells."""
        self._seen: dict[int, tuple[tuple[int, int, int], bytes]] = {}
        self._count = 0
        self.look()
        for name in list(self._files):  # what stands there at the beginning has been there for long
            self.did.append(Did("sync", self._files[name]))
            self.did.append(Did("sync_folder", names=((str(Path(name).parent), None),)))
        self._begun = len(self.did)

    # --- what is done ---

    def note(self, *words: Any) -> None:
        """Note what the test has to know of this moment."""
        self.look()
        self.did.append(Did("note", note=words))

    def look(self) -> None:
        """Find what was written to files other than SQLite's since the last look."""
        for path in sorted(self.folder.rglob("*")):
            name = self._name(path)
            if name is None or not path.is_file():
                continue
            if name not in self._files:
                self._begin(name)
            file = self._files[name]
            if file in self._sqlite:
                continue
            status = path.stat()
            mark = (status.st_ino, status.st_size, status.st_mtime_ns)
            before, old = self._seen.get(file, (None, b""))
            if mark == before:
                continue
            new = path.read_bytes()
            self._seen[file] = mark, new
            if not new.startswith(old):
                self.did.append(Did("cut", file, 0))
                old = b""
            if len(old) < len(new):
                self.did.append(Did("write", file, len(old), new[len(old) :]))

    def _name(self, path: Path | str) -> str | None:
        try:
            name = str(Path(path).absolute().relative_to(self.folder))
        except ValueError:
            return None
        return None if name.endswith(NEVER_KEPT) else name

    def _begin(self, name: str) -> int:
        self._count += 1
        self._files[name] = self._count
        self.did.append(Did("names", names=((name, self._count),)))
        return self._count

    def renamed(self, old: Path | str, new: Path | str) -> None:
        """Take that a file has another name from now on."""
        before, after = self._name(old), self._name(new)
        file = self._files.pop(before, None) if before else None
        if before and after and file:
            self._files[after] = file
            self.did.append(Did("names", names=((before, None), (after, file))))
        elif before and file:
            self.did.append(Did("names", names=((before, None),)))

    def file_synced(self, descriptor: int) -> None:
        """Take that Python synced a file or a folder."""
        self.look()
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if path == self.folder or self.folder in path.parents:
            if path.is_dir():
                self.folder_synced(str(path / "any"))
            elif (name := self._name(path)) in self._files:
                self.did.append(Did("sync", self._files[name or ""]))

    # --- what SQLite does (medium_vfs.Listener) ---

    def opened(self, path: str) -> None:
        name = self._name(path)
        if name is not None:
            self._sqlite.add(self._files.get(name) or self._begin(name))

    def written(self, path: str, offset: int, data: bytes) -> None:
        self._of_sqlite(path, "write", offset, data)

    def cut(self, path: str, size: int) -> None:
        self._of_sqlite(path, "cut", size)

    def synced(self, path: str) -> None:
        self.look()
        self._of_sqlite(path, "sync")

    def deleted(self, path: str) -> None:
        name = self._name(path)
        if name in self._files:
            del self._files[name or ""]
            self.did.append(Did("names", names=((name or "", None),)))

    def folder_synced(self, path: str) -> None:
        name = self._name(path)
        if name is not None:
            self.did.append(Did("sync_folder", names=((str(Path(name).parent), None),)))

    def _of_sqlite(self, path: str, what: str, at: int = 0, data: bytes = b"") -> None:
        name = self._name(path)
        if name is not None and name in self._files:
            self.did.append(Did(what, self._files[name], at, data))

    # --- what a cut leaves ---

    def cuts(self, chance: random.Random, most: int) -> Sequence[int]:
        """Return after how many things done the power may go: all such moments, or so many of them.

        Half of those are moments in which SQLite was at work, the rest are any.
        """
        here = range(self._begun, len(self.did) + 1)
        every = [place for place in here if place == self._begun or self.did[place - 1].what != "note"]
        if len(every) <= most:
            return every
        inner = [place for place in every if self.did[place - 1].file in self._sqlite]
        half = min(len(inner), most // 2)
        return sorted({*chance.sample(inner, half), *chance.sample(every, most - half)})

    def notes(self, cut: int) -> list[tuple[Any, ...]]:
        """Return what was noted before the cut."""
        return [did.note for did in self.did[:cut] if did.what == "note"]

    def leave(self, cut: int, target: Path, chance: random.Random, mode: str) -> None:
        """Make in `target` a state that a cut of the power after `cut` things done may leave."""
        files: dict[int, _File] = {}
        names: dict[str, int] = {}
        loose: list[Did] = []
        for did in self.did[:cut]:
            if did.what == "names":
                loose.append(did)
            elif did.what == "sync_folder":
                folder = did.names[0][0]
                for one in loose:
                    _name(names, one, folder)
                loose = [one for one in loose if any(_folder(name) != folder for name, _ in one.names)]
            elif did.what == "sync":
                one_file = files.setdefault(did.file, _File())
                _do(one_file.kept, one_file.pending)
                one_file.pending = []
            elif did.what in ("write", "cut"):
                files.setdefault(did.file, _File()).pending.append(did)
        last = chance.randint(0, len(loose))
        for place, one in enumerate(loose):
            there = {"nothing": False, "all": True, "prefix": place < last}.get(mode, chance.random() < 0.5)
            if there:
                _name(names, one)
        for name, number in names.items():
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_left(files.get(number, _File()), chance, mode))
            path.chmod(0o600)


def _folder(name: str) -> str:
    return str(Path(name).parent)


def _name(names: dict[str, int], did: Did, folder: str | None = None) -> None:
    for name, file in did.names:
        if folder is not None and _folder(name) != folder:
            continue
        names.pop(name, None)
        if file is not None:
            names[name] = file


def _done(content: bytes | bytearray, pending: Sequence[Did]) -> bytes:
    data = bytearray(content)
    _do(data, pending)
    return bytes(data)


def _do(data: bytearray, pending: Sequence[Did]) -> None:
    for did in pending:
        if did.what == "cut":
            del data[did.at :]
            data.extend(bytes(did.at - len(data)))
        else:
            data.extend(bytes(max(0, did.at - len(data))))
            data[did.at : did.at + len(did.data)] = did.data


def _left(file: _File, chance: random.Random, mode: str) -> bytes:
    """Return what is left of a file."""
    pending = file.pending
    if mode == "nothing" or not pending:
        return bytes(file.kept)
    if mode == "all":
        return _done(file.kept, pending)
    if mode == "subset":
        return _done(file.kept, [did for did in pending if chance.random() < 0.5])
    last = chance.randint(0, len(pending))
    if mode == "prefix":
        return _done(file.kept, pending[:last])
    if mode == "torn":
        some = pending[:last]
        if some and some[-1].data:
            torn = some[-1]
            size = chance.randint(0, len(torn.data))
            some[-1] = Did("write", torn.file, torn.at, torn.data[:size])
        return _done(file.kept, some)
    size = chance.choice((512, 4096))
    versions = [_done(file.kept, pending[:some]) for some in {0, last, chance.randint(0, last), len(pending)}]
    length = len(chance.choice(versions))
    sectors = []
    for at in range(0, length, size):
        sectors.append(chance.choice(versions)[at : at + size].ljust(size, b"\0"))
    return b"".join(sectors)[:length]


@contextlib.contextmanager
def hurried() -> Iterator[None]:
    """Sync nothing meanwhile: for looking at many states that are thrown away."""
    usual = os.fsync, os.fdatasync
    os.fsync = os.fdatasync = lambda _: None
    try:
        with medium_vfs.told(medium_vfs.NOBODY):
            yield
    finally:
        os.fsync, os.fdatasync = usual


@contextlib.contextmanager
def recorded(folder: Path) -> Iterator[Medium]:
    """Record what this process does below the folder."""
    medium = Medium(folder)
    usual = {
        name: getattr(os, name) for name in ("rename", "replace", "unlink", "remove", "fsync", "fdatasync")
    }

    def renamed(how: str, old: Any, new: Any, **rest: Any) -> None:
        medium.look()
        usual[how](old, new, **rest)
        medium.renamed(old, new)

    def removed(how: str, path: Any, **rest: Any) -> None:
        medium.look()
        usual[how](path, **rest)
        medium.deleted(str(path))

    def synced(_: str, descriptor: Any) -> None:  # believed: it takes long, and no power goes
        medium.file_synced(descriptor if isinstance(descriptor, int) else descriptor.fileno())

    def wrapped(name: str) -> Any:
        does = {"rename": renamed, "replace": renamed, "unlink": removed, "remove": removed}.get(name, synced)
        return lambda *arguments, **rest: does(name, *arguments, **rest)

    try:
        for name in usual:
            setattr(os, name, wrapped(name))
        with medium_vfs.told(medium):
            yield medium
            medium.look()
    finally:
        for name, function in usual.items():
            setattr(os, name, function)
