"""Looks whether the write-ahead log beside a history is whole, before SQLite opens it.

SQLite reads the log up to the first frame whose checksum is wrong and forgets the rest without a word: right
after a power cut, whose last transaction may be torn, and wrong after damage further in front, which takes
committed readings with it. Each commit has reached the medium before the next one begins, so a wrong frame
with a later commit behind it is damage. Format: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from substation.store import door

_HEADER, _FRAME = struct.Struct(">8I"), struct.Struct(">6I")
_MAGIC = 0x377F0682
_MASK = 0xFFFFFFFF
Sum = tuple[int, int]


def damage(path: Path) -> str | None:
    """Return what is wrong with the log of the history `path`, in words; None when nothing is."""
    journal = door.journal_of(path)
    with door.explained(journal):
        if not journal.exists() or journal.stat().st_size < _HEADER.size + _FRAME.size:
            return None
        with journal.open("rb") as file:
            return _damage(file, journal.name)


def pages(path: Path) -> Iterator[bytes]:
    """Yield the page in each frame of the log, the newest last, whether its checksum is right or not."""
    journal = door.journal_of(path)
    if not journal.exists():
        return
    with journal.open("rb") as file:
        file.seek(_HEADER.size)
        while len(frame := file.read(_FRAME.size + 4096)) == _FRAME.size + 4096:
            yield frame[_FRAME.size :]


def _damage(file: IO[bytes], name: str) -> str | None:
    head = file.read(_HEADER.size)
    magic, _, page_bytes, _, salt1, salt2, sum1, sum2 = _HEADER.unpack(head)
    order = ">" if magic & 1 else "<"
    total = _summed(head[:24], (0, 0), order)
    if magic & ~1 != _MAGIC or total != (sum1, sum2):
        return f"the head of its log {name} is damaged, so that nothing in the log counts"
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
    return f"its log {name} is damaged in page {broken} of {number}: {commits} commits behind it do not count"


def _summed(data: bytes, before: Sum, order: str) -> Sum:
    one, two = before
    for first, second in struct.iter_unpack(f"{order}II", data[: len(data) & ~7]):
        one = (one + first + two) & _MASK
        two = (two + second + one) & _MASK
    return one, two
