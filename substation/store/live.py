"""The live file `meter_data.csv`: what the meters said in the last hour, one line a poll of a meter.

Anybody may read it while it is written: the writer adds whole lines with one `os.write` a round, and a
reader stops at the last line end, because an append is not atomic to a reader. It is the journal too: after
a kill the poller takes from it the rows that the history had not committed (`History.replay`).
"""

import contextlib
import errno
import itertools
import os
import zoneinfo
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from substation.errors import Full, StoreError, WrongStation
from substation.store.live_row import (
    HEADER_LINE,
    LONGEST_LINE,
    LiveRow,
    clean,
    header,
    write_row,
)
from substation.store.live_tail import LatestPair, latest
from substation.store.original import recognise

__all__ = ["HOUR_MS", "Cut", "LatestPair", "LiveFile", "LiveRow", "latest", "read"]

HOUR_MS = 3_600_000
_PIECE = 1 << 20
_COMMAS = HEADER_LINE.count(",")


@dataclass(frozen=True, slots=True)
class Cut:
    """What was given up of a journal that grew too long."""

    rows: int
    from_ms: int
    to_ms: int
    """Time of the oldest and the newest of them, UTC."""

    def and_then(self, later: "Cut") -> "Cut":
        """Return both as one."""
        return Cut(self.rows + later.rows, min(self.from_ms, later.from_ms), max(self.to_ms, later.to_ms))


class LiveFile:
    """The writer of the live file; there is one, the poller.

    Opening an existing file keeps its rows; a file of the other kind (simulated, real) raises WrongStation.
    Every write may raise Full (no space; the file then keeps its whole lines) or StoreError.
    """

    def __init__(self, path: Path, zone: zoneinfo.ZoneInfo, simulated: bool) -> None:
        """Open or make the file; `zone` gives Date and Time, `simulated` is stamped on every row."""
        self._path, self._zone, self._simulated = path, zone, simulated
        self._fd = -1
        self._begin()

    def _begin(self) -> None:
        """Open what stands under our name now, or make it; what was open is closed."""
        with _explained(self._path):
            if self._path.exists() and not self._path.is_file():  # a pipe would hold up the poller
                raise StoreError(f"{self._path} is no file; move it away, the live file belongs there")
        stamp = ",no" if self._simulated else ",yes"
        words = recognise(self._path)
        if words is not None:
            raise StoreError(
                f"{self._path} is {words}; nothing in it was touched. Stop the station; "
                f"python3 datalogger.py import then moves it to original/ and takes its readings over"
            )
        other = next((line for line in _lines(self._path) if line.endswith(stamp)), None)
        if other is not None:
            kinds = ("real", "simulated") if self._simulated else ("simulated", "real")
            raise WrongStation(
                f"{self._path} holds {kinds[0]} readings and this is a {kinds[1]} station; "
                f"move the file away or name the right SUBSTATION_HOME"
            )
        with _explained(self._path):
            fd = _open(self._path)
            self.close()
            self._fd = fd
            head = os.pread(fd, len(HEADER_LINE) + 1, 0)
        if head and head != f"{HEADER_LINE}\n".encode():  # other columns, or damage: bring the rows into ours
            try:
                self._replace([write_row(row, self._zone, self._simulated) for row in _rows(self._path)])
            except StoreError:
                self.close()  # nothing may be added below other columns
                raise

    def _in_place(self) -> bool:
        """Whether the file that is open is still the one under our name."""
        if self._fd < 0:
            return False
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(self._fd))

    def append(self, rows: Sequence[LiveRow]) -> None:
        """Add one round in one write. A torn line that a crash left behind is sealed first.

        When somebody has deleted, moved or replaced the file, it goes on in sight, under its own name.
        """
        if not rows:
            return
        lines = "".join(write_row(row, self._zone, self._simulated) + "\n" for row in rows)
        with _explained(self._path):
            if not self._in_place():
                self._begin()
            size = os.fstat(self._fd).st_size
            if size == 0:
                lines = f"{HEADER_LINE}\n{lines}"
            elif os.pread(self._fd, 1, size - 1) != b"\n":
                lines = "\n" + lines
            data = lines.encode()
            written = os.write(self._fd, data)
            if written < len(data):  # the medium is filling up: the torn line is sealed next time
                raise Full(f"{self._path}: no space for a whole round; free some space on the medium")

    def compact(self, now_ms: int, keep_ms: int = HOUR_MS) -> int:
        """Keep the last hour, or `keep_ms`, and return how many lines went.

        Call it after a successful commit of the history: what goes from here must be there. Readers see the
        old file or the new one, never something between. Rows from a future that a clock step undid stay
        for an hour of writing. A failure leaves the old file as it was, and so does a file that somebody else
        has put in its place: whose it is, the next `append` finds out.
        """
        with _explained(self._path):
            if not self._in_place():
                return 0
        keep = _newest(_lines_backwards(self._path), now_ms, keep_ms)
        total = sum(1 for _ in _lines(self._path))
        if len(keep) == total:
            return 0
        self._replace(keep)
        return total - len(keep)

    def cut(self, keep_bytes: int) -> Cut | None:
        """Keep about the newest `keep_bytes` of a file that the history has not; return what went, if any.

        A failure leaves the old file as it was.
        """
        with _explained(self._path):
            if not self._in_place():
                return None
            with self._path.open("rb") as file:
                begin = file.seek(0, os.SEEK_END) - keep_bytes
                if begin <= 0:
                    return None
                file.seek(begin)
                file.readline(LONGEST_LINE)
                begin = file.tell()
                times = [cell for line in _lines(self._path, begin) if (cell := _at_cell(line))]
                if not times:
                    return None
                file.seek(begin)
                self._put(
                    itertools.chain((f"{HEADER_LINE}\n".encode(),), iter(lambda: file.read(_PIECE), b""))
                )
        return Cut(len(times), int(min(times, key=int)), int(max(times, key=int)))

    def _replace(self, lines: Sequence[str]) -> None:
        self._put(("".join(f"{line}\n" for line in (HEADER_LINE, *lines)).encode(),))

    def _put(self, pieces: Iterable[bytes]) -> None:
        """Put another content under our name, all of it or none."""
        fresh = self._path.with_name(self._path.name + ".new")
        with _explained(self._path):
            fresh.unlink(missing_ok=True)
            fd = _open(fresh)
            try:
                # not synced: the live file is not meant to outlive a power cut, and spares the card
                for data in pieces:
                    if os.write(fd, data) < len(data):
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                fresh.replace(self._path)
            except OSError:
                os.close(fd)
                fresh.unlink(missing_ok=True)
                raise
        os.close(self._fd)
        self._fd = fd

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def rows(path: Path) -> Iterator[LiveRow]:
    """Yield every good row as `read` returns them, for a file that may be long."""
    return _rows(path)


def read(path: Path) -> list[LiveRow]:
    """Return every good row, oldest first as written; a missing file has none.

    Torn, damaged and foreign lines are passed over: the rows around them count.
    """
    return list(_rows(path))


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    return os.open(path, flags, 0o640)


def _lines(path: Path, end_at: int | None = None) -> Iterator[str]:
    """Yield the whole lines below the header, cleaned, whether they are good rows or not.

    With `end_at` those that end before that byte.
    """
    try:
        with path.open("rb") as file:
            rest = b""
            # without a history the file grows long
            while data := file.read(_PIECE if end_at is None else min(_PIECE, end_at - file.tell())):
                end = data.rfind(b"\n") + 1
                if end:
                    yield from (
                        line for line in clean((rest + data[:end]).split(b"\n")) if not header(line)[1]
                    )
                    rest = b""
                rest += data[end:]
    except FileNotFoundError:
        return
    except OSError as exc:
        raise StoreError(f"{path}: {exc.strerror}") from exc


def _lines_backwards(path: Path) -> Iterator[str]:
    """Yield the same lines, the last one first: of a long file no more is read than is asked for."""
    try:
        with path.open("rb") as file:
            at = file.seek(0, os.SEEK_END)
            rest, is_end = b"", True
            while at > 0:
                size = min(_PIECE, at)
                at -= size
                file.seek(at)
                data = file.read(size) + rest
                if is_end:  # what stands behind the last line end is being written, or torn
                    data, is_end = data[: data.rfind(b"\n") + 1], b"\n" not in data
                begin = data.find(b"\n") + 1 if at else 0
                rest = data[:begin]
                whole = [line for line in clean(data[begin:].split(b"\n")) if not header(line)[1]]
                yield from reversed(whole)
    except FileNotFoundError:
        return
    except OSError as exc:
        raise StoreError(f"{path}: {exc.strerror}") from exc


def _rows(path: Path) -> Iterator[LiveRow]:
    """Yield the good rows; the first line says where the columns stand."""
    try:
        with path.open("rb") as file:
            first = file.readline(LONGEST_LINE)
    except FileNotFoundError:
        return
    except OSError as exc:
        raise StoreError(f"{path}: {exc.strerror}") from exc
    columns, _ = header(next(clean([first.rstrip(b"\n")]), ""))
    if columns.usable:
        for line in _lines(path):
            row = columns.read(line)
            if row is not None:
                yield row


def _newest(lines: Iterable[str], now_ms: int, keep_ms: int) -> list[str]:
    """Return the lines of the last `keep_ms`, by the clock and by the order of writing; newest come first."""
    keep: list[str] = []
    written_ms = 0
    newer: int | None = None
    for line in lines:
        cell = _at_cell(line)
        if not cell:
            continue  # damaged: no reader would take it
        at_ms = int(cell)
        if newer is not None and at_ms < newer:
            written_ms += newer - at_ms
        newer = at_ms
        if written_ms > keep_ms:
            break
        if at_ms > now_ms - keep_ms:
            keep.append(line)
    keep.reverse()
    return keep


def _at_cell(line: str) -> str:
    """Return the cell that says when a row was read, UTC ms; empty where the line is damaged."""
    cells = line.rsplit(",", 3)
    return cells[1] if line.count(",") == _COMMAS and cells[1].isdecimal() else ""


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Full(f"{path}: no space left; free some space on the medium") from exc
        raise StoreError(f"{path} cannot be written: {exc.strerror}") from exc
