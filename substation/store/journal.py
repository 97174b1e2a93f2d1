"""Looks whether the write-ahead log beside a history is whole, before SQLite opens it.

SQLite reads the log up to the first frame whose checksum is wrong and forgets the rest without a word: right
after a power cut, whose last transaction may be torn, and wrong after damage further in front, which takes
committed readings with it. Each commit has reached the medium before the next one begins, so a wrong frame
with a later commit behind it is damage. A wrong head is damage as well, unless the database has all that the
log behind it says: SQLite begins a log anew only then, and a power cut may tear the head it writes. Format: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from substation.store import door

_HEADER, _FRAME = struct.Struct(">8I"), struct.Struct(">6I")
_MAGIC = 0x377F0682
_MASK = 0xFFFFFFFF
PAGE_BYTES = 4096
"""Of a page of the history: SQLite's usual size."""
Sum = tuple[int, int]


def damage(path: Path) -> str | None:
    """Return what is wrong with the log of the history `path`, in words; None when nothing is."""
    journal = door.journal_of(path)
    with door.explained(journal):
        if not journal.exists() or journal.stat().st_size < _HEADER.size + _FRAME.size:
            return None
        with journal.open("rb") as file:
            found = _damage(file, journal.name)
            if found is None or (not found.is_of_frames and _brought_in(file, path)):
                return None
            return found.words


def pages(path: Path) -> Iterator[bytes]:
    """Yield the page in each frame of the log, the newest last, whether its checksum is right or not."""
    journal = door.journal_of(path)
    if not journal.exists():
        return
    with journal.open("rb") as file:
        file.seek(_HEADER.size)
        while len(frame := file.read(_FRAME.size + PAGE_BYTES)) == _FRAME.size + PAGE_BYTES:
            yield frame[_FRAME.size :]


@dataclass(frozen=True, slots=True)
class _Found:
    """What is wrong with a log: its head, or a frame."""

    words: str
    is_of_frames: bool = False


def _damage(file: IO[bytes], name: str) -> _Found | None:
    head = file.read(_HEADER.size)
    magic, _, page_bytes, _, salt1, salt2, sum1, sum2 = _HEADER.unpack(head)
    order = ">" if magic & 1 else "<"
    total = _summed(head[:24], (0, 0), order)
    if magic & ~1 != _MAGIC or total != (sum1, sum2):
        return _Found(f"the head of its log {name} is damaged, so that nothing in the log counts")
    number, commits, broken = 0, 0, 0
    while len(frame := file.read(_FRAME.size)) == _FRAME.size:
        page = file.read(page_bytes)
        number += 1
        _, commit, *salts, sum1, sum2 = _FRAME.unpack(frame)
        is_of_this_log = salts == [salt1, salt2]
        if not broken:
            total = _summed(page, _summed(frame[:8], total, order), order)
            if is_of_this_log and len(page) == page_bytes and total == (sum1, sum2):
                continue
            broken = number
        commits += is_of_this_log and commit != 0
    if commits < 2:
        return None  # a transaction that a power cut tore, or what is left of an older log
    words = (
        f"its log {name} is damaged in page {broken} of {number}: {commits} commits behind it do not count"
    )
    return _Found(words, is_of_frames=True)


def _brought_in(file: IO[bytes], path: Path) -> bool:
    """Return whether the database has each page as the last commit behind a wrong head left it.

    The first frame's checksum rests on the head and cannot be proved; each further one on the one before.
    """
    file.seek(_HEADER.size)
    newest: dict[int, bytes] = {}
    committed: dict[int, bytes] = {}
    pages_then, first, total = 0, None, {">": (0, 0), "<": (0, 0)}
    while len(frame := file.read(_FRAME.size + PAGE_BYTES)) == _FRAME.size + PAGE_BYTES:
        number, commit, salt1, salt2, *stored = _FRAME.unpack(frame[: _FRAME.size])
        page = frame[_FRAME.size :]
        sums = {
            order: _summed(page, _summed(frame[:8], before, order), order) for order, before in total.items()
        }
        if first is None:
            first = salt1, salt2
        elif first != (salt1, salt2):
            break  # what is left of an older log
        elif tuple(stored) not in sums.values():
            return False
        total = dict.fromkeys(sums, (stored[0], stored[1]))
        newest[number] = page
        if commit:
            pages_then, committed = commit, dict(newest)
    with path.open("rb") as database:
        for number, page in committed.items():
            database.seek((number - 1) * PAGE_BYTES)
            if number <= pages_then and database.read(PAGE_BYTES) != page:
                return False
    return True


def _summed(data: bytes, before: Sum, order: str) -> Sum:
    one, two = before
    for first, second in struct.iter_unpack(f"{order}II", data[: len(data) & ~7]):
        one = (one + first + two) & _MASK
        two = (two + second + one) & _MASK
    return one, two
