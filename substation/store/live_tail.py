"""Follows the live file: what each meter said last, from the lines that were added since the last look."""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from substation.errors import StoreError
from substation.quantities import KEYS
from substation.readings import Reading
from substation.store.live_row import LONGEST_LINE, Columns, LiveRow, clean, header

_CHUNK = 1 << 20
LONGEST_FOLLOWED = 32 << 20
"""Bytes of a long file that are read at first: half a day of five meters at 2 s."""
_HEAD = 1200
"""Bytes of header and first row that tell one compacted file from the next."""


@dataclass(frozen=True, slots=True)
class LatestPair:
    """What a meter said last."""

    newest: LiveRow
    answered: LiveRow | None
    """The newest row with values; `newest` itself when the last poll was answered."""
    asked: Mapping[str, Reading] = field(default_factory=dict)
    """By quantity the newest answer for which it was asked: counters are asked once a minute only."""


def latest(path: Path) -> dict[int, LatestPair]:
    """Return what each meter said last, by meter id; cheap: only what was added since the last call is read.

    `asked` may name answers that have left the file meanwhile: some quantities are asked as rarely as once
    an hour. Newest means written last, which a step of the clock does not change. Safe to call from many
    threads.
    """
    return _tail_of(path).latest()


class _Tail:
    """Follows one file from call to call."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._forget(None)

    def _forget(self, mark: tuple[int, bytes] | None) -> None:
        self._mark = mark
        self._offset = 0
        self._columns: Columns | None = None
        self._pairs: dict[int, LatestPair] = {}
        self._newest: dict[str, tuple[str, LatestPair]] = {}
        """By the cell that names the meter: its newest line, and what was known with it."""
        self._past: dict[str, tuple[str, LatestPair]] = {}
        """The same of the file before: a compacted one still holds the line."""

    def latest(self) -> dict[int, LatestPair]:
        with self._lock:
            try:
                # O_NONBLOCK: a pipe in its place must not hold up everybody
                fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            except FileNotFoundError:
                self._forget(None)
                return {}
            except OSError as exc:
                raise StoreError(f"{self._path}: {exc.strerror}") from exc
            try:
                self._follow(fd)
            except OSError as exc:  # the medium fails, or something that is no file stands there
                self._forget(None)
                raise StoreError(f"{self._path}: {exc.strerror}") from exc
            finally:
                os.close(fd)
            return dict(self._pairs)

    def _follow(self, fd: int) -> None:
        status = os.fstat(fd)
        head = os.pread(fd, _HEAD, 0)
        mark = (status.st_ino, b"\n".join(head.split(b"\n", 2)[:2]))  # a compacted file has another first row
        if mark != self._mark or status.st_size < self._offset:
            past = self._newest
            self._forget(mark)
            self._past = past
            if status.st_size > LONGEST_FOLLOWED:  # the journal of days: what is of now stands at its end
                self._take(head[: head.find(b"\n") + 1])
                begin = status.st_size - LONGEST_FOLLOWED
                self._offset = begin + os.pread(fd, LONGEST_LINE, begin).find(b"\n") + 1
        while True:
            data = os.pread(fd, _CHUNK, self._offset)
            end = data.rfind(b"\n") + 1
            if end == 0:
                if len(data) < _CHUNK:
                    self._past = {}
                    return
                end = len(data)  # one endless line: damage, passed over piece by piece
            self._take(data[:end])
            self._offset += end

    def _take(self, data: bytes) -> None:
        lines = list(clean(data.split(b"\n")))
        if self._columns is None and lines:
            self._columns, is_header = header(lines[0])
            lines = lines[is_header:]
        if self._columns is None or not self._columns.usable:
            return
        found: dict[str, _Found] = {}
        for line in reversed(lines):  # newest first: most lines need no more than a look at their meter
            meter = self._columns.meter(line)
            so_far = found.get(meter)
            if so_far is not None and so_far.whole:
                continue
            known = self._past.get(meter)
            if known is not None and known[0] == line:
                found.setdefault(meter, _Found(line, known[1].newest)).join(known[1])
                continue
            if so_far is not None and not self._columns.offers(line, so_far.lacking):
                continue
            row = self._columns.read(line)
            if row is not None:
                found.setdefault(meter, _Found(line, row)).take(row)
        for meter, said in found.items():
            before = self._newest.get(meter)
            if before is not None:
                said.join(before[1])
            pair = said.pair()
            self._newest[meter] = said.line, pair
            self._pairs[pair.newest.reading.meter_id] = pair


class _Found:
    """What is found of one meter, going back from its newest line."""

    def __init__(self, line: str, newest: LiveRow) -> None:
        self.line, self._newest = line, newest
        self._answered: LiveRow | None = None
        self._asked: dict[str, Reading] = {}
        self.lacking: frozenset[str] = frozenset(KEYS)
        """Quantities of which no answer was found yet."""
        self.whole = False
        """Whether there is nothing left to look for."""

    def take(self, row: LiveRow) -> None:
        """Take the newest row, or an older one."""
        if row.reading.answered:
            self._answered = self._answered or row
            self._add(dict.fromkeys(row.reading.values, row.reading))

    def join(self, older: LatestPair) -> None:
        """Take what was known before."""
        self._answered = self._answered or older.answered
        self._add(older.asked)
        self.whole = True

    def _add(self, older: Mapping[str, Reading]) -> None:
        self._asked = {**older, **self._asked}
        self.lacking -= older.keys()
        self.whole = not self.lacking

    def pair(self) -> LatestPair:
        """Return it."""
        return LatestPair(self._newest, self._answered, self._asked)


@lru_cache(maxsize=16)
def _tail_of(path: Path) -> _Tail:
    return _Tail(path)
