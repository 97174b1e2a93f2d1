"""Walks over the whole log: its closed files in the order of the chain, then the file written to now."""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from substation.audit import chain, rotation
from substation.audit.keys import AuditKey
from substation.clock import SystemClock
from substation.errors import StoreError

PAUSE_LINES = 200
"""After so many lines whoever verifies in the background lets others go first."""


@dataclass(frozen=True, slots=True)
class Link:
    """A line with its own right MAC: somebody who held a key of the chain wrote it as it stands."""

    at: int
    """Its place among all lines, from 0."""
    file: int
    line: int
    """Line in its file, from 1."""
    seq: int
    prev: str
    mac: str
    key: int
    """Which of the keys."""
    event: str
    details: Mapping[str, object]
    """Only of lines that the log writes about itself."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One line, whatever it is."""

    file: int
    line: int
    readable: bool
    """Whether it has the form of an audit line."""
    ended: bool
    link: Link | None


class LogFile:
    """One open file of the log, as long as it was when the walk began."""

    def __init__(self, path: Path) -> None:
        """Open it. Raises OSError."""
        self.name = path.name
        self.handle = rotation.open_to_read(path)
        self.size = os.fstat(self.handle).st_size
        self.sha256 = ""
        """Known when all its lines were given."""

    def lines(self) -> Iterator[bytes]:
        """Give its lines, each with its end."""
        digest = hashlib.sha256()
        left = self.size
        with os.fdopen(os.dup(self.handle), "rb") as file:
            file.seek(0)
            while left > 0 and (line := file.readline(left)):
                left -= len(line)
                digest.update(line)
                yield line
        self.sha256 = digest.hexdigest()


@contextlib.contextmanager
def opened(path: Path, keys: Sequence[AuditKey]) -> Iterator[list[LogFile]]:
    """Hold all files of the log open, as they are between two writes, in the order of the chain.

    Raises:
        StoreError: there is no log, or it cannot be read.
    """
    with contextlib.ExitStack() as stack:
        try:
            with contextlib.ExitStack() as held:
                # Without the lock (no right to it, or a stuck holder) a line may be seen half written.
                with contextlib.suppress(OSError):
                    held.enter_context(chain.locked(path, SystemClock()))
                closed = [_kept_open(one, stack) for one in rotation.closed_paths(path)]
                current = [_kept_open(path, stack)] if path.exists() or not closed else []
            ranks = _ranks([*closed, *current], keys)
            ordered = sorted(closed, key=lambda file: (ranks[file.name], file.name))
            yield [*ordered, *current]
        except OSError as exc:  # also while the lines are read
            raise StoreError(f"{path}: the audit log cannot be read ({exc.strerror or exc})") from exc


def scan(
    files: Sequence[LogFile], keys: Sequence[AuditKey], pause: Callable[[], None] | None = None
) -> Iterator[Seen]:
    """Give every line of the files, judged by itself alone."""
    key = at = 0
    for number, file in enumerate(files):
        for line, raw in enumerate(file.lines(), 1):
            record = chain.read_line(raw.removesuffix(b"\n"))
            link = None
            if record is not None:
                fitting = _fitting(record, keys, key)
                if fitting is not None:
                    key = fitting
                    link = _link(at, number, line, record, key)
            yield Seen(number, line, record is not None, raw.endswith(b"\n"), link)
            at += 1
            if pause is not None and at % PAUSE_LINES == 0:
                pause()


def _kept_open(path: Path, stack: contextlib.ExitStack) -> LogFile:
    file = LogFile(path)
    stack.callback(os.close, file.handle)
    return file


def _fitting(record: Mapping[str, object], keys: Sequence[AuditKey], first: int) -> int | None:
    """Return which key the line is sealed with; that of the line before is tried first."""
    for index in (first, *(other for other in range(len(keys)) if other != first)):
        if chain.fits(keys[index].key, record):
            return index
    return None


def _link(at: int, file: int, line: int, record: Mapping[str, object], key: int) -> Link:
    event = str(record["event"])
    details = record["d"] if event in ("audit.rotate", "key.rotated", "audit.cut") else None
    return Link(
        at,
        file,
        line,
        int(str(record["seq"])),
        str(record["prev"]),
        str(record["mac"]),
        key,
        event,
        details if isinstance(details, dict) else {},
    )


def _ranks(files: Sequence[LogFile], keys: Sequence[AuditKey]) -> dict[str, int]:
    """Return where each closed file belongs, by sealed lines: names and times may have been changed.

    The file after says with which number it ended; where that line is gone, its own first number tells.
    """
    named: dict[str, int] = {}
    first: dict[str, int] = {}
    for file in files:
        for raw in os.pread(file.handle, 8192, 0).split(b"\n"):
            record = chain.read_line(raw) if raw else None
            if record is None or _fitting(record, keys, 0) is None:
                continue
            seq, details = int(str(record["seq"])), record["d"]
            first.setdefault(file.name, seq)
            if record["event"] == "audit.rotate" and isinstance(details, dict):
                named[str(details.get("prev_file"))] = seq - 1
    return {file.name: named.get(file.name, first.get(file.name, 0)) for file in files}
