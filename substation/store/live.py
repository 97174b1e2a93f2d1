"""The live file `meter_data.csv`: what the meters said in the last hour, one line a poll of a meter.

Anybody may read it while it is written: the writer adds whole lines with one `os.write` a round, and a
reader stops at the last line end, because an append is not atomic to a reader. It is the journal too: after
a kill the poller takes from it the rows that the history had not committed (`History.replay`).
"""

import contextlib
import errno
import os
import threading
import zoneinfo
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from substation.errors import Full, StoreError, WrongStation
from substation.store.live_row import HEADER_LINE, LONGEST_LINE, Columns, LiveRow, write_row
from substation.store.original import recognise

__all__ = ["HOUR_MS", "LatestPair", "LiveFile", "LiveRow", "latest", "read"]

HOUR_MS = 3_600_000
_CHUNK = 1 << 20
_HEAD = 1200
"""Bytes of header and first row that tell one compacted file from the next."""
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class LatestPair:
    """What a meter said last."""

    newest: LiveRow
    answered: LiveRow | None
    """The newest row with values; `newest` itself when the last poll was answered."""


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

    def compact(self, now_ms: int) -> int:
        """Keep the last hour, and return how many lines went.

        Call it after a successful commit of the history: what goes from here must be there. Readers see the
        old file or the new one, never something between. Rows from a future that a clock step undid stay
        for an hour of writing. A failure leaves the old file as it was, and so does a file that somebody else
        has put in its place: whose it is, the next `append` finds out.
        """
        with _explained(self._path):
            if not self._in_place():
                return 0
        lines = list(_lines(self._path))
        keep = _last_hour(lines, now_ms)
        if len(keep) == len(lines):
            return 0
        self._replace(keep)
        return len(lines) - len(keep)

    def _replace(self, lines: Sequence[str]) -> None:
        data = "".join(f"{line}\n" for line in (HEADER_LINE, *lines)).encode()
        fresh = self._path.with_name(self._path.name + ".new")
        with _explained(self._path):
            fresh.unlink(missing_ok=True)
            fd = _open(fresh)
            try:
                # not synced: the live file is not meant to outlive a power cut, and spares the card
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


def read(path: Path) -> list[LiveRow]:
    """Return every good row, oldest first as written; a missing file has none.

    Torn, damaged and foreign lines are passed over: the rows around them count.
    """
    return list(_rows(path))


def latest(path: Path) -> dict[int, LatestPair]:
    """Return what each meter said last, by meter id; cheap: only what was added since the last call is read.

    Newest means written last, which a step of the clock does not change. Safe to call from many threads.
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
            self._forget(mark)
        while True:
            data = os.pread(fd, _CHUNK, self._offset)
            end = data.rfind(b"\n") + 1
            if end == 0:
                if len(data) < _CHUNK:
                    return
                end = len(data)  # one endless line: damage, passed over piece by piece
            self._take(data[:end])
            self._offset += end

    def _take(self, data: bytes) -> None:
        lines = list(_clean(data.split(b"\n")))
        if self._columns is None and lines:
            self._columns, is_header = _header(lines[0])
            lines = lines[is_header:]
        if self._columns is None or not self._columns.usable:
            return
        found: dict[str, LatestPair] = {}
        for line in reversed(lines):  # newest first: most lines need no more than a look at their meter
            meter = self._columns.meter(line)
            newer = found.get(meter)
            if newer is not None and newer.answered is not None:
                continue
            row = self._columns.read(line)
            if row is not None:
                answered = row if row.reading.answered else None
                found[meter] = LatestPair(row if newer is None else newer.newest, answered)
        for pair in found.values():
            meter_id = pair.newest.reading.meter_id
            before = self._pairs.get(meter_id)
            answered = pair.answered or (before.answered if before else None)
            self._pairs[meter_id] = LatestPair(pair.newest, answered)


@lru_cache(maxsize=16)
def _tail_of(path: Path) -> _Tail:
    return _Tail(path)


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    return os.open(path, flags, 0o640)


def _lines(path: Path) -> Iterator[str]:
    """Yield the whole lines below the header, cleaned, whether they are good rows or not."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    except OSError as exc:
        raise StoreError(f"{path}: {exc.strerror}") from exc
    for line in _clean(data[: data.rfind(b"\n") + 1].split(b"\n")):
        if not _header(line)[1]:
            yield line


def _rows(path: Path) -> Iterator[LiveRow]:
    """Yield the good rows; the first line says where the columns stand."""
    try:
        with path.open("rb") as file:
            first = file.readline(LONGEST_LINE)
    except FileNotFoundError:
        return
    except OSError as exc:
        raise StoreError(f"{path}: {exc.strerror}") from exc
    columns, _ = _header(next(_clean([first.rstrip(b"\n")]), ""))
    if columns.usable:
        for line in _lines(path):
            row = columns.read(line)
            if row is not None:
                yield row


def _clean(lines: Iterable[bytes]) -> Iterator[str]:
    for raw in lines:
        line = raw.removeprefix(_BOM).strip(b"\0\r")
        if not line or len(line) > LONGEST_LINE or b"\0" in line:
            continue  # a NUL inside may stand where a digit stood: such a number would look right
        try:
            yield line.decode()
        except UnicodeDecodeError:
            continue


def _header(line: str) -> tuple[Columns, bool]:
    """Return the columns that a file's first line tells, and whether it is a header at all."""
    if "Meter_ID" in line:
        return Columns(tuple(line.split(","))), True
    return Columns(), False


def _last_hour(lines: Sequence[str], now_ms: int) -> list[str]:
    """Return the lines of the last hour, by the clock and by the order of writing."""
    commas = HEADER_LINE.count(",")
    keep: list[str] = []
    written_ms = 0
    newer: int | None = None
    for line in reversed(lines):
        cells = line.rsplit(",", 3)
        if line.count(",") != commas or not cells[1].isdecimal():
            continue  # damaged: no reader would take it
        at_ms = int(cells[1])
        if newer is not None and at_ms < newer:
            written_ms += newer - at_ms
        newer = at_ms
        if written_ms > HOUR_MS:
            break
        if at_ms > now_ms - HOUR_MS:
            keep.append(line)
    keep.reverse()
    return keep


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Full(f"{path}: no space left; free some space on the medium") from exc
        raise StoreError(f"{path} cannot be written: {exc.strerror}") from exc
