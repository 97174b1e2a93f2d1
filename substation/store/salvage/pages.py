"""Rows from single pages of a damaged history, where the tree above them is destroyed.

SQLite finds a page from its root down; where a page above is damaged, all below it is out of its reach though
it is whole. So each page of the database and of its log that looks like a leaf of a table is read by itself
(format: https://www.sqlite.org/fileformat2.html, 1.6 and 2.1). What comes of it are candidates as any other:
a page that was given up holds rows that are none any more. Their shape tells which tables they may be of.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from substation.store import journal, schema
from substation.store.digest import DATED, EVENT_COLUMNS

_PAGE, _HEAD = 4096, 100
_LEAF = 0x0D
_FLOAT = struct.Struct(">d")
_SIZES = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)
Row = tuple[Any, ...]


def rows(path: Path) -> Iterator[tuple[str, Row]]:
    """Yield table and row of whatever can be read; the newest last. `event` comes with its id in front."""
    for page in _pages(path):
        for key, values in _cells(page):
            yield from _tables(key, values)


def _pages(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while page := file.read(_PAGE):
            yield page
    yield from journal.pages(path)


def _cells(page: bytes) -> Iterator[tuple[int, list[Any]]]:
    """Yield key and values of each cell of a leaf; one that makes no sense is passed over."""
    for at in (0, _HEAD):
        if len(page) == _PAGE and page[at] == _LEAF:
            break
    else:
        return
    count = int.from_bytes(page[at + 3 : at + 5], "big")
    for number in range(min(count, _PAGE // 4)):
        pointer = at + 8 + 2 * number
        start = int.from_bytes(page[pointer : pointer + 2], "big")
        try:
            yield _cell(page, start)
        except (IndexError, ValueError):
            continue


def _cell(page: bytes, at: int) -> tuple[int, list[Any]]:
    size, at = _varint(page, at)
    key, at = _varint(page, at)
    if key >= 1 << 63 or not 2 <= size <= _PAGE - 35 or at + size > _PAGE:
        raise ValueError("no cell of ours, or one that goes on elsewhere")
    end = at + size
    head, kinds_at = _varint(page, at)
    body = at + head
    kinds = []
    while kinds_at < body:
        kind, kinds_at = _varint(page, kinds_at)
        kinds.append(kind)
    values: list[Any] = []
    for kind in kinds:
        value, body = _value(page, kind, body)
        values.append(value)
    if body != end:
        raise ValueError("its lengths do not add up")
    return key, values


def _value(page: bytes, kind: int, at: int) -> tuple[Any, int]:
    if kind == 0:
        return None, at
    if kind in (8, 9):
        return kind - 8, at
    if kind >= 13 and kind % 2:
        end = at + (kind - 13) // 2
        return page[at:end].decode(), end
    if kind > 9:
        raise ValueError("no type of ours")
    end = at + _SIZES[kind]
    if kind == 7:
        return _FLOAT.unpack(page[at:end])[0], end
    return int.from_bytes(page[at:end], "big", signed=True), end


def _varint(page: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(at, at + 8):
        value = value << 7 | page[place] & 0x7F
        if page[place] < 0x80:
            return value, place + 1
    return value << 8 | page[at + 8], at + 9


def _tables(key: int, values: list[Any]) -> Iterator[tuple[str, Row]]:
    """Yield the tables that a row may belong to, with the row as the code handles it."""
    if len(values) == 1 + len(EVENT_COLUMNS) and values[0] is None and isinstance(values[2], str):
        yield "event", (key, *values[1:])
        return
    for table in DATED:
        width = len(schema.columns_of(table))
        if len(values) not in (width, width - 1) or values[0] is not None:
            continue
        if table == "reading":
            if len(values) == width:
                yield table, (key, *values[1:])
            continue
        # the column of the counters' time came later than the table: it stands last, or not at all
        late = values[-1] if len(values) == width else None
        plain = values[1:-1] if len(values) == width else values[1:]
        yield table, (key, *plain[:5], late, *plain[5:])
