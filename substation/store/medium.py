"""The medium that the stores lie on, while it does not take what is written: since when, why, what that cost.

A card gets full, turns read-only by itself when it wears out, or is gone. What it is then is asked of the
medium rather than read from the error: SQLite tells "disk I/O error" of all three. An outage begins with the
first write that fails, and ends when everything that waited has been written.
"""

import errno
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from substation.clock import Clock, site_time
from substation.errors import Busy, Damaged, Full, WrongStation
from substation.settings.model import Home

FULL, READ_ONLY, GONE, FAILING = "full", "read-only", "gone", "failing"

_SAYS = {
    FULL: "the medium is full",
    READ_ONLY: "the medium is read-only",
    GONE: "the medium is gone",
    FAILING: "the medium fails",
}
_REMEDY = {
    FULL: "free some space",
    READ_ONLY: "a card turns read-only when it wears out: take a copy, put in a new one",
    GONE: "put it back; mount it",
    FAILING: "look at the card, its reader and its plug",
}
_READ_ONLY_FLAG = os.ST_RDONLY
_OF_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_OF_GONE = frozenset({errno.ENODEV, errno.ENXIO, errno.ESTALE, errno.ENOTCONN, errno.ENOMEDIUM})
_OF_FAILING = frozenset(
    {errno.EIO, errno.EUCLEAN, errno.EBADMSG, errno.EREMOTEIO, errno.ENODATA, errno.ETIMEDOUT}
)
_OF_SQLITE = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_READONLY: errno.EROFS,
    sqlite3.SQLITE_IOERR: errno.EIO,
}


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which the medium took nothing, or not everything."""

    since_ms: int
    until_ms: int
    reasons: tuple[str, ...]
    lost: int
    """Readings that could be kept nowhere."""

    @property
    def lasted_s(self) -> float:
        """How long."""
        return max(0, self.until_ms - self.since_ms) / 1000

    @property
    def was(self) -> str:
        """What the medium was meanwhile, in words."""
        return " and ".join(self.reasons)

    @property
    def cost(self) -> str:
        """What it cost, in words."""
        return f"{self.lost} readings were lost, the oldest of them" if self.lost else "no reading was lost"


class Medium:
    """Whether the station's medium takes what is written."""

    def __init__(self, home: Home, clock: Clock, zone: ZoneInfo) -> None:
        """Take it as well, and as the right one if the configuration or its key lies there now."""
        self._home, self._clock, self._zone = home, clock, zone
        self._is_known = self._is_marked()
        self._reasons: list[str] = []
        self._since_s: float | None = None
        self.lost = 0
        """Readings that could be kept nowhere in this outage."""

    @property
    def is_there(self) -> bool:
        """Whether the folder is the station's, and not an empty one in which a medium was mounted before."""
        return self._is_marked() if self._is_known else self._home.folder.is_dir()

    def _is_marked(self) -> bool:
        """Return whether something stands there that only a person takes away: not each by itself."""
        return self._home.config.exists() or self._home.key.exists()

    @property
    def failing(self) -> bool:
        """Whether an outage is under way."""
        return self._since_s is not None

    @property
    def reason(self) -> str:
        """Why; empty while there is no outage."""
        return self._reasons[-1] if self._reasons else ""

    @property
    def since_ms(self) -> int | None:
        """Since when, UTC ms by the clock as it is set now; None while there is no outage."""
        if self._since_s is None:
            return None
        return self._clock.now_ms() - round((self._clock.monotonic() - self._since_s) * 1000)

    def failed(self, error: Exception) -> bool:
        """Take that a write has failed; return whether that is the medium's fault."""
        if isinstance(error, Busy | Damaged | WrongStation):
            return False
        reason = self._found(error)
        if reason is None:
            return False
        if self._since_s is None:
            self._since_s = self._clock.monotonic()
        if reason in self._reasons:
            self._reasons.remove(reason)
        self._reasons.append(reason)
        return True

    def went_on(self, since_ms: object, reason: object, lost: object) -> None:
        """Take that a poller before this one met the outage already."""
        if not isinstance(since_ms, int) or reason not in _SAYS or since_ms > self._clock.now_ms():
            return
        ago_s = (self._clock.now_ms() - since_ms) / 1000
        self._since_s = self._clock.monotonic() - ago_s
        self._reasons = [str(reason)]
        self.lost = lost if isinstance(lost, int) else 0

    def lose(self, readings: int) -> None:
        """Take that readings could be kept nowhere."""
        self.lost += readings

    def well(self) -> Outage | None:
        """Take that everything that waited is written; return the outage that is over with that, if any."""
        since_ms = self.since_ms
        if since_ms is None:
            return None
        over = Outage(since_ms, self._clock.now_ms(), tuple(self._reasons), self.lost)
        self._since_s, self.lost, self._reasons = None, 0, []
        return over

    @property
    def words(self) -> str:
        """What somebody should know and do; empty while there is no outage."""
        since_ms = self.since_ms
        if since_ms is None:
            return ""
        at = site_time(since_ms, self._zone).strftime("%d %b %H:%M")
        cost = f"; {self.lost} readings were given up" if self.lost else ""
        remedy = _REMEDY[self.reason]
        return (
            f"{self._home.folder}: {_SAYS[self.reason]} since {at}: nothing new is stored, the newest "
            f"readings wait in memory{cost}. {remedy[:1].upper()}{remedy[1:]}; then all goes on by itself"
        )

    def _found(self, error: Exception) -> str | None:
        """Return what is wrong with the medium; None where the error is of something else."""
        if not self.is_there:
            return GONE
        if _read_only(self._home.folder) or _read_only(self._home.history.parent):
            return READ_ONLY
        if isinstance(error, Full):
            return FULL
        number = _errno(error)
        if number is None:
            return None
        if number in _OF_FULL:
            return FULL
        if number == errno.EROFS:
            return READ_ONLY
        if number in _OF_GONE:
            return GONE
        return FAILING if number in _OF_FAILING else None


def _read_only(folder: Path) -> bool:
    try:
        return bool(os.statvfs(folder).f_flag & _READ_ONLY_FLAG)
    except OSError:
        return False


def _errno(error: BaseException | None) -> int | None:
    """Return the system's number of an error, or of the one that it came from."""
    while error is not None:
        if isinstance(error, OSError):
            return error.errno
        if isinstance(error, sqlite3.Error):
            return _OF_SQLITE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
        error = error.__cause__
    return None
