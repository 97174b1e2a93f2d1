"""A damaged history is set aside, whole and untouched, so that it can be salvaged and looked at.

Nothing but the names in the folder says what is to be done, and each step of a move leaves names that the
next start understands, whenever it was cut short:

- no `daily_data.db`, but one set aside: it waits to be salvaged, and no new history is made meanwhile;
- a log without its database beside one that was set aside without its log: they belong together;
- a `daily_data.db` beside one set aside: the salvage is done, and the file is kept to be looked at.
"""

import contextlib
import datetime as dt
import mmap
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from substation.clock import Clock
from substation.errors import StoreError
from substation.settings.model import Home
from substation.store import door
from substation.store.salvage import report as salvage_report
from substation.store.schema import APPLICATION_ID

MARK = ".corrupt-"
"""Between the name of a history and the time when it was set aside, UTC."""
_NAME = re.compile(re.escape(MARK) + r"\d{8}-\d{6}\Z")
_SHORTEST = 512
_IDENTITY_AT = 68
"""Where SQLite keeps the application id in its header (file format, 1.3)."""
_ORIGINAL = b"CREATE TABLE meter_readings"
_OURS = b"CREATE TABLE reading (key INTEGER PRIMARY KEY, quality INTEGER NOT NULL, reason TEXT, "
"""How the schema of a history begins, as SQLite keeps it."""


def set_aside(path: Path, clock: Clock) -> Path:
    """Move a history with its log out of the way; return its new name. Nobody has it open for writing.

    The database goes first: with it goes the name under which others would open it.
    """
    at = dt.datetime.fromtimestamp(clock.now_ms() / 1000, dt.UTC).replace(microsecond=0)
    for earlier in _times(kept(path)):  # a clock that was ahead then must not make that file the newest
        at = max(at, earlier + dt.timedelta(seconds=1))
    aside = path.with_name(f"{path.name}{MARK}{at:%Y%m%d-%H%M%S}")
    with door.explained(path):
        path.rename(aside)
        _follow(path, aside)
        door.to_medium(path.parent)
    return aside


def waiting(path: Path) -> Path | None:
    """Return the file set aside that waits to be salvaged, its log beside it; None when none waits.

    Only the newest can wait, and not one whose salvage is over: should the history be taken away one day, an
    old damaged one must not come back in its place. A move that a kill cut short is brought to its end.
    """
    newest = next(reversed(kept(path)), None)
    if newest is None or path.exists():
        return None
    report = salvage_report.read(Home(path.parent))
    is_over = report is not None and report.state in (salvage_report.DONE, salvage_report.NOTHING)
    if report is not None and is_over and newest.name <= report.file:
        return None
    with door.explained(path):
        _follow(path, newest)
    return newest


def kept(path: Path) -> list[Path]:
    """Return every file that was set aside and stands there still, the oldest first."""
    there = path.parent.glob(f"{path.name}{MARK}*")
    return sorted(one for one in there if _NAME.search(one.name))


def bytes_kept(path: Path) -> int:
    """Return how much room they take, with their logs."""
    return sum(part.stat().st_size for one in kept(path) for part in _parts(one) if part.exists())


def was_ours(path: Path, uid: str | None) -> bool:
    """Return whether a file that does not open was a history of ours, and may be set aside.

    An empty or foreign file, or the original's, is somebody's mistake, not damage: it is refused and stays.

    Args:
        path: The file.
        uid: The uid of this station's history, where it is remembered; None when it is not.
    """
    try:
        with path.open("rb") as file:
            if file.seek(0, 2) < _SHORTEST:
                return False
            file.seek(_IDENTITY_AT)
            if int.from_bytes(file.read(4), "big") == APPLICATION_ID:
                return True
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                if content.find(_ORIGINAL, 0, 1 << 20) >= 0:
                    return False
                return content.find(_OURS) >= 0 or (uid is not None and content.find(uid.encode()) >= 0)
    except OSError as exc:
        raise StoreError(f"{path} cannot be read: {exc.strerror}") from exc


def _times(asides: Iterable[Path]) -> Iterator[dt.datetime]:
    for one in asides:
        with contextlib.suppress(ValueError):  # not a name that we gave
            said = one.name.rpartition(MARK)[2]
            yield dt.datetime.strptime(said, "%Y%m%d-%H%M%S").replace(tzinfo=dt.UTC)


def _follow(path: Path, aside: Path) -> None:
    """Bring the log and its index after their database; each of them, where it is still behind."""
    for part_of in (door.journal_of, door.index_of):
        if part_of(path).exists() and not part_of(aside).exists():
            part_of(path).rename(part_of(aside))


def _parts(path: Path) -> Iterator[Path]:
    yield from (path, door.journal_of(path), door.index_of(path))
