"""The file of a day: lines of JSON, gzip'ed, that say themselves what they are; `zcat` shows them.

    {"copy": 1, "uid": ..., "site": ..., "simulated": false, "group": "minutes", "day": "2026-11-24",
     "utc_from_ms": ..., "tables": {"minute": {"columns": [...], "steps_per_unit": {"v_r": 100, ...}}}}
    {"table": "minute"}
    [459648000256001,0,30,30,...]             a row a line, in the order of the columns; null: no value
    {"end": {"minute": [7200, 5421345234]}}   rows and digest; without this line the file is cut

A key is the start in UTC ms, times 256, plus the meter's id. A value divided by its `steps_per_unit` is in
the quantity's unit (a `sum_` is then still a sum over the period's polls).
"""

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from substation.errors import Damaged
from substation.quantities import QUANTITIES
from substation.store import digest, schema
from substation.store.copies import layout

Row = tuple[Any, ...]
Count = tuple[int, int]
"""Rows, and the digest of them all."""
LEVEL = 1
"""Of compression: higher ones take five times as long for a tenth less."""
LINES = 2000
_MASK = (1 << 63) - 1
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode


def columns_of(table: str) -> tuple[str, ...]:
    """Return the columns of a table as a file holds them."""
    return layout.EVENT_COLUMNS if table == "event" else schema.columns_of(table)


def head(about: Mapping[str, Any], group: str, day: int) -> dict[str, Any]:
    """Return the first line of a day's file; `about` is the station's."""
    steps = {q.key: q.steps_per_unit for q in QUANTITIES}
    tables = {
        table: {"columns": columns_of(table), **({} if table == "event" else {"steps_per_unit": steps})}
        for table in layout.GROUPS[group]
    }
    return {
        "copy": layout.FORMAT,
        **about,
        "group": group,
        "day": layout.date_of(day),
        "utc_from_ms": day * layout.DAY_MS,
        "tables": tables,
    }


class Packer:
    """Makes the bytes of a day's file; `counts` and `polls` are right once all of them were taken."""

    def __init__(self, first_line: Mapping[str, Any]) -> None:
        """Begin."""
        self._head = first_line
        self.counts: dict[str, Count] = {}
        self.polls: dict[str, int] = {}
        """By table how many readings its rows account for."""

    @property
    def rows(self) -> int:
        """So many rows of all tables were packed."""
        return sum(rows for rows, _ in self.counts.values())

    def chunks(self, tables: Mapping[str, Iterable[list[Row]]]) -> Iterator[bytes]:
        """Yield the file; each table comes in pages of rows."""
        squeeze = zlib.compressobj(LEVEL, zlib.DEFLATED, 31)
        yield squeeze.compress(_line(self._head))
        for table, pages in tables.items():
            self.counts[table], self.polls[table] = (0, 0), 0
            yield squeeze.compress(_line({"table": table}))
            for page in pages:
                lines = [_encode(row).encode("ascii") for row in page]
                yield squeeze.compress(b"\n".join(lines) + b"\n" if lines else b"")
                self.counts[table] = digest.together(self.counts[table], of_lines(lines))
                self.polls[table] += len(page) if table in ("reading", "event") else sum(r[2] for r in page)
        yield squeeze.compress(_line({"end": self.counts}))
        yield squeeze.flush()


def unpacked(chunks: Iterable[bytes], name: str) -> Iterator[tuple[str, list[Row]]]:
    """Yield table and rows, page by page.

    What comes is believed only when the iteration ends without an error: the counts stand in the last line.

    Raises Damaged, with the file's name, when it is cut, changed, or none of ours.
    """
    expected: dict[str, Any] | None = None
    found: dict[str, Count] = {}
    table, first = "", True
    try:
        for lines in _pages(chunks):
            rows: list[bytes] = []
            for line in lines:
                if line.startswith(b"["):
                    rows.append(line)
                    continue
                if rows:
                    yield table, _take(rows, table, found)
                    rows = []
                said = json.loads(line)
                if expected is not None:
                    raise ValueError("something stands behind its end")
                if first:
                    _prove_head(said, name)
                    first = False
                elif "table" in said:
                    table = said["table"]
                    found[table] = (0, 0)
                else:
                    expected = said["end"]
            if rows:
                yield table, _take(rows, table, found)
    except (ValueError, KeyError, TypeError, IndexError, zlib.error) as exc:
        raise Damaged(f"{name} is damaged ({exc}); its rows are not believed") from exc
    if expected is None:
        raise Damaged(f"{name} is cut: its last line is missing; its rows are not believed")
    if {one: tuple(count) for one, count in expected.items()} != found:
        raise Damaged(f"{name} is damaged: its rows are not those that it counts; they are not believed")


def of_lines(lines: Iterable[bytes]) -> Count:
    """Return the digest of rows as `digest.of_rows` does: a line is the very text that it hashes."""
    count = total = 0
    for line in lines:
        count += 1
        total += int.from_bytes(hashlib.blake2b(line, digest_size=8).digest(), "big") & _MASK
    return count, total & _MASK


def _take(lines: list[bytes], table: str, found: dict[str, Count]) -> list[Row]:
    rows = [tuple(row) for row in json.loads(b"[" + b",".join(lines) + b"]")]
    width = len(columns_of(table))
    if any(len(row) != width for row in rows):
        raise ValueError(f"a row of {table} has not {width} columns")
    found[table] = digest.together(found[table], of_lines(lines))
    return rows


def _pages(chunks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield the lines, about LINES at once."""
    loosen = zlib.decompressobj(31)
    rest, lines = b"", []
    for chunk in chunks:
        *whole, rest = (rest + loosen.decompress(chunk)).split(b"\n")
        lines += whole
        if len(lines) >= LINES:
            yield lines
            lines = []
    if not loosen.eof or loosen.unused_data or rest:
        raise ValueError("it does not end where it should")
    yield lines


def _prove_head(said: Mapping[str, Any], name: str) -> None:
    if said["copy"] > layout.FORMAT:
        raise Damaged(f"{name} was written by a newer version of this program; use that version")
    for table, about in said["tables"].items():
        if tuple(about["columns"]) != columns_of(table):
            raise Damaged(f"{name} has other columns of {table} than this program; use the version it names")


def _line(what: Any) -> bytes:
    return _encode(what).encode("ascii") + b"\n"
