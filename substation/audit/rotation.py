"""Closed files of the log: their names, their order in the chain, how long they are kept.

The log is closed at a new month of the site's calendar, or when it is large, by renaming it beside
itself: `dashboard_audit-2026-11.log`, a second one of that month `dashboard_audit-2026-11-2.log`. The
next line written then begins a file, whose first line is `audit.rotate`:

- `prev_file`, `sha256`    the file before, as it was when it was closed
- `last_seq`, `last_mac`   its last line: numbers and seals go on over the files
- `kid`                    the key under which the new file is sealed
- `since`                  the oldest number that is still kept: what is missing from it on was deleted

Nothing else is needed after a kill at any step: a log that is not there, or holds no whole line, is
begun by whoever writes next.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from substation.audit import chain
from substation.audit.keys import AuditKey

ROTATE_BYTES = 10 * 1024 * 1024
KEEP_DAYS = 400
KEEP_MONTHS = 13
"""A file goes only when later files of so many months are there: a clock that jumps makes none of them."""
_HEAD_BYTES = 8192
_FIRST_BLOCK, _BLOCK = 8192, 65_536
_LOOK_BACK = 20_000
"""Lines without a right seal among which one with it is looked for: 10 MB of them, half a second, once."""


@dataclass(frozen=True, slots=True)
class Last:
    """The end of a file of the log."""

    seq: int
    """0: no whole line is in it."""
    mac: str
    torn: bool
    """Whether something without a line end stands after the last line."""
    event: str = ""
    sealed: bool = True
    """Whether a line with a right seal was found in the file; True where nobody asked."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed file of the log, by its first and last whole line."""

    path: Path
    first_seq: int
    last: Last
    last_utc: str
    """When its last line was written, ISO 8601."""

    @property
    def month(self) -> str:
        """The month in its name: `2026-11`."""
        return _month_in(self.path)


def closed_paths(path: Path) -> list[Path]:
    """Return the closed files of the log at `path`, by name; their order in the chain may differ."""
    form = _form(path)
    return sorted(one for one in path.parent.glob(f"{path.stem}-*{path.suffix}") if form.fullmatch(one.name))


def next_path(path: Path, month: str) -> Path:
    """Return the name for the log when it is closed; never one that was given before."""
    form = _form(path)
    used = [0]
    for one in closed_paths(path):
        found = form.fullmatch(one.name)
        if found and found[1] == month:
            used.append(int(found[2] or 1))
    number = max(used) + 1
    return path.with_name(f"{path.stem}-{month}{f'-{number}' if number > 1 else ''}{path.suffix}")


def closed_files(path: Path, keys: Sequence[AuditKey] = ()) -> list[Closed]:
    """Return the closed files that hold a whole line, oldest numbers first; see `last_of`. Raises OSError."""
    found = []
    for one in closed_paths(path):
        handle = open_to_read(one)
        try:
            first, last, newest = first_of(handle), last_of(handle, keys), tail_record(handle)
        finally:
            os.close(handle)
        if first and newest:
            found.append(Closed(one, int(str(first["seq"])), last, str(newest["utc"])))
    return sorted(found, key=lambda closed: (closed.last.seq, closed.first_seq))


def newest_of(files: Sequence[Closed]) -> Closed:
    """Return the file in which the chain ended; one without any right seal only where all are like that."""
    return max(files, key=lambda closed: (closed.last.sealed, closed.last.seq, closed.first_seq))


def retired_at(path: Path, key: AuditKey) -> tuple[int, str] | None:
    """Return number and MAC of the line `key.rotated` with which this key went out of use. Raises OSError."""
    for closed in reversed(closed_files(path, (key,))):
        if closed.last.sealed and closed.last.event == "key.rotated":
            return closed.last.seq, closed.last.mac
    return None


def expired(files: Iterable[Closed], now_utc: str, cut_utc: str) -> list[Closed]:
    """Return the oldest files that need not be kept any longer.

    Args:
        files: oldest first.
        now_utc: what time it is, ISO 8601.
        cut_utc: `KEEP_DAYS` before; only files that ended before it may go.
    """
    left = list(files)
    gone = []
    while left:
        oldest, *later = left
        months = {one.month for one in later if oldest.last_utc < one.last_utc <= now_utc}
        if oldest.last_utc >= cut_utc or len(months) < KEEP_MONTHS:
            break
        gone.append(oldest)
        left = later
    return gone


def open_to_read(path: Path) -> int:
    """Return a handle on a file of the log; links are not followed. Raises OSError."""
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)


def first_of(handle: int) -> dict[str, object] | None:
    """Return the first whole line of a file, if it stands in the first 8 kB."""
    for line in os.pread(handle, _HEAD_BYTES, 0).split(b"\n"):
        record = chain.read_line(line) if line else None
        if record is not None:
            return record
    return None


def tail_record(handle: int) -> dict[str, object] | None:
    """Return the last whole line of a file."""
    return next(tail_records(handle), None)


def last_of(handle: int, keys: Sequence[AuditKey] = ()) -> Last:
    """Return the end of a file: the line after which the chain goes on.

    With keys it is the newest line with a right seal; lines after it count only as far as their numbers
    go on, so that an edited line keeps its number and `verify` names just it, while a line that somebody
    has put there changes nothing. Where no line fits, it is the newest one.
    """
    size = os.fstat(handle).st_size
    torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
    later: list[dict[str, object]] = []
    for record in tail_records(handle):
        if not keys or any(chain.fits(key.key, record) for key in keys):
            return _goes_on(record, later, torn)
        later.append(record)
        if len(later) >= _LOOK_BACK:
            break
    if not later:
        return Last(0, chain.FIRST, torn)
    return _last(later[0], torn, sealed=False)


def _goes_on(record: dict[str, object], later: Sequence[dict[str, object]], torn: bool) -> Last:
    for one in reversed(later):
        if int(str(one["seq"])) == int(str(record["seq"])) + 1:
            record = one
    return _last(record, torn, sealed=True)


def _last(record: dict[str, object], torn: bool, sealed: bool) -> Last:
    return Last(int(str(record["seq"])), str(record["mac"]), torn, str(record["event"]), sealed)


def tail_records(handle: int) -> Iterator[dict[str, object]]:
    """Give the audit lines of a file, the newest first; whatever else stands in it is passed over."""
    for line in lines_backwards(handle):
        record = chain.read_line(line) if line else None
        if record is not None:
            yield record


def lines_backwards(handle: int) -> Iterator[bytes]:
    """Give the lines of a file without their ends, the newest first."""
    end = os.fstat(handle).st_size
    rest = b""
    last, block = True, _FIRST_BLOCK
    while end > 0:
        start = max(0, end - block)
        first, *lines = (os.pread(handle, end - start, start) + rest).split(b"\n")
        if last and lines and not lines[-1]:
            lines.pop()  # what stands after the last line's end is no line
        yield from reversed(lines)
        rest, end, last = first, start, False
        block = max(_BLOCK, 4 * len(rest))  # a line without end is not joined again and again
    if rest:
        yield rest


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex. Raises OSError."""
    handle = open_to_read(path)
    with os.fdopen(handle, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def month_of(record: dict[str, object]) -> str:
    """Return the month of the site's calendar in which a line was written: `2026-11`."""
    month = str(record["local"])[:7]
    return month if re.fullmatch(r"\d{4}-\d\d", month) else "0000-00"


def _form(path: Path) -> re.Pattern[str]:
    return re.compile(rf"{re.escape(path.stem)}-(\d{{4}}-\d\d)(?:-(\d+))?{re.escape(path.suffix)}")


def _month_in(path: Path) -> str:
    found = re.search(r"-(\d{4}-\d\d)(?:-\d+)?$", path.stem)
    return found[1] if found else ""
