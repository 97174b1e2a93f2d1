"""Appends to the audit log; several processes and threads may write at once."""

import contextlib
import errno
import itertools
import os
import stat
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from substation.audit import chain, rotation
from substation.audit.flood import Draft, Flood, to_record
from substation.audit.keys import AuditKey, keys_in, keys_of
from substation.audit.mark import Mark
from substation.audit.rotation import Last
from substation.clock import Clock, iso, site_time
from substation.errors import SettingsError, StoreError
from substation.settings import files
from substation.settings.model import Home, Settings

UNSYNCED = frozenset({"page", "login.throttled", "request.refused"})
"""Frequent and harmless: left to the system to bring to the card. All others are synced at once."""
_HEAD_BYTES = 256
"""So much of a file's first line tells it from every other file."""
_LINES_FOR_KEY = 20
IMPATIENT_S = 10.0
"""So long after somebody has held the lock for too long the next lines do not queue for it."""
_SHORT_WAIT_S = 0.05


class Audit:
    """The audit log of a station, as one program writes to it.

    `write` never raises: an audit log that cannot be written must not stop the poller. It returns
    False then, and `last_problem` holds the words for the state line. The file is opened for each
    write: another process may have closed it for the month meanwhile, or changed the key.
    """

    def __init__(
        self,
        path: Path,
        keys: bytes | Sequence[AuditKey],
        service: str,
        clock: Clock,
        zone: ZoneInfo,
        *,
        refresh: Callable[[], Sequence[AuditKey]] | None = None,
        rotate_bytes: int = rotation.ROTATE_BYTES,
    ) -> None:
        """Name the log, the chain's keys (`keys_of`, the one in force first) and the writing program.

        Args:
            path: the log.
            keys: `keys_of(...)`; a bare key is one without a name.
            service: the writing program: `poller`, `dashboard`, `terminal` ...
            clock: for the times in the lines.
            zone: the site's; its calendar says when a month begins.
            refresh: gives the keys anew when another process has rotated them; may raise SettingsError.
            rotate_bytes: a file of so many bytes is closed.
        """
        self.path = path
        self.last_problem: str | None = None
        self._keys = (AuditKey("", keys),) if isinstance(keys, bytes) else tuple(keys)
        self._service = service
        self._clock = clock
        self._zone = zone
        self._refresh = refresh
        self._rotate_bytes = rotate_bytes
        self._boot = _boot_id()
        self._turn = threading.Lock()
        self._flood = Flood(clock)
        self._head = b""
        self._month = ""
        self._mark: Mark | None = None
        self._cut_words: str | None = None
        self._lost: Counter[str] = Counter()
        self._impatient_until = 0.0
        self._told: list[Callable[[str], None]] = []

    @classmethod
    def of_station(cls, folder: Path, settings: Settings, service: str, clock: Clock) -> "Audit":
        """Return the audit log of the station in `folder`; raises SettingsError when its key is missing."""
        keys = keys_of(settings, files.key_in_force(folder))
        path = Home(folder, settings.paths).audit
        return cls(path, keys, service, clock, settings.site.zone, refresh=lambda: keys_in(folder))

    def write(self, event: str, *, user: str = "", src: str = "", ok: bool = True, **details: object) -> bool:
        """Append one line; return whether it is in the file.

        Args:
            event: one of `docs/reference/audit-events.md`.
            user: who, in his own words.
            src: from where: an address, or `terminal`.
            ok: whether it was allowed and done.
            details: anything else; secrets are hidden, long texts cut.
        """
        with self._turn:
            drafts = self._flood.due()
            if not self._flood.swallows(event, user, src):
                drafts.append(Draft(event, user, src, ok, details))
            written = self._append(drafts) if drafts else True
        for tell in self._told:
            tell(event)
        return written

    def listen(self, tell: Callable[[str], None]) -> None:
        """Have each event told right after it was written, or could not be; `tell` must not wait."""
        self._told.append(tell)

    def close(self) -> None:
        """Write what was so far only counted; call it at the end."""
        with self._turn:
            drafts = self._flood.due(everything=True)
            if drafts:
                self._append(drafts)

    def anchor(self) -> tuple[int, str]:
        """Return number and MAC of the last line, which is brought to the card first; (0, zeros): none.

        Kept where the log's writers are not the only ones, it shows later that lines were cut off.
        """
        try:
            with self._turn, self._locked():
                handle = self._open()
                try:
                    last = rotation.last_of(handle, self._keys)
                    whole = self._mark is None or self._mark.stands(handle, self.path)
                    if last.seq and whole:  # of a cut the next line has to tell
                        self._mark = Mark(last.seq, last.mac, os.fstat(handle).st_size)
                    os.fdatasync(handle)
                finally:
                    os.close(handle)
                closed = [] if last.seq else rotation.closed_files(self.path, self._keys)
                if closed:
                    last = rotation.newest_of(closed).last
        except OSError as exc:
            self._trouble("read", exc)
            return 0, chain.FIRST
        return last.seq, last.mac

    def change_over(self, **details: object) -> bool:
        """Close the log under a retired key and begin one under the key in force; return whether it is done.

        Nothing is written when the log is under the key in force already, or there is none yet.
        """
        with self._turn:
            return self._append([], details)

    def _append(self, drafts: list[Draft], changing: Mapping[str, object] | None = None) -> bool:
        handle = -1
        try:
            with self._locked():
                handle = self._open()  # under the lock: the file may have been closed until then
                last = rotation.last_of(handle, self._keys)
                more = [*self._cut_since(handle, last), *self._lost_before(), *drafts]
                worry = None
                if last.seq:
                    handle, last, worry = self._closed_when_due(handle, last, changing or {})
                self._write_lines(handle, last, more)
                self._lost.clear()
            if any(draft.event not in UNSYNCED for draft in more):
                os.fdatasync(handle)
        except OSError as exc:
            self._trouble("written", exc)
            self._lost.update(draft.event for draft in drafts)
            return False
        finally:
            if handle >= 0:
                os.close(handle)
        self.last_problem = worry or self._cut_words
        return True

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the log; who has waited in vain does not have every page wait again. Raises OSError."""
        impatient = self._clock.monotonic() < self._impatient_until
        try:
            with chain.locked(self.path, self._clock, _SHORT_WAIT_S if impatient else chain.LOCK_WAIT_S):
                self._impatient_until = 0.0
                yield
        except chain.Stuck:
            self._impatient_until = self._clock.monotonic() + IMPATIENT_S
            raise

    def _cut_since(self, handle: int, last: Last) -> list[Draft]:
        """Return the line that tells of a cut: what this process has seen last is not in the log any more."""
        mark = self._mark
        if mark is None or mark.stands(handle, self.path):
            return []
        self._cut_words = (
            f"{self.path}: the end of the audit log was cut off while the system ran "
            f"(number {mark.seq} is gone): ask the administrator"
        )
        if mark.is_told(handle, self._keys):
            return []
        return [to_record("audit.cut", seen=mark.seq, seal=mark.mac[:16], left=last.seq)]

    def _lost_before(self) -> list[Draft]:
        """Return the line that tells how much could not be written since the last one."""
        if not self._lost:
            return []
        events = sorted(self._lost)[: chain.MAX_ITEMS]
        return [to_record("audit.lost", events=events, times=self._lost.total())]

    def _trouble(self, what: str, exc: OSError) -> None:
        self.last_problem = f"{self.path}: the audit log cannot be {what} ({exc.strerror or exc})"

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        handle = os.open(self.path, flags, 0o660)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise OSError(errno.EINVAL, "it is no ordinary file")
        return handle

    def _closed_when_due(
        self, handle: int, last: Last, details: Mapping[str, object]
    ) -> tuple[int, Last, str | None]:
        """Close the file where its month, its size or its key asks for it; return the file to write to.

        Where it cannot be closed the old file goes on, and the words for the state line come with it.
        """
        head = os.pread(handle, _HEAD_BYTES, 0)
        leaving: AuditKey | None = None
        change = False
        if head != self._head:  # a file that this process has not seen yet
            first = rotation.first_of(handle)
            self._month = rotation.month_of(first) if first else ""
            leaving, change = self._key_to_leave(handle)
            if not change:
                self._head = head
        month = site_time(self._clock.now_ms(), self._zone).strftime("%Y-%m")
        new_month = bool(self._month) and month > self._month
        if not (change or new_month or os.fstat(handle).st_size >= self._rotate_bytes):
            return handle, last, None
        try:
            if leaving is not None and last.event != "key.rotated":
                last = self._seal_off(handle, last, leaving, details)
            os.fdatasync(handle)
            self.path.rename(rotation.next_path(self.path, self._month or month))
            _sync_folder(self.path.parent)
        except OSError as exc:
            words = f"{self.path}: the audit log cannot be closed for the month ({exc.strerror or exc})"
            return handle, last, words
        fresh = self._open()
        os.close(handle)
        self._head = b""
        return fresh, rotation.last_of(fresh, self._keys), None

    def _key_to_leave(self, handle: int) -> tuple[AuditKey | None, bool]:
        """Return the retired key that the file is still under, and whether a new file has to begin.

        None and yes: the file is under a key that this station does not know, such as after a backup
        was put back. An edited line at the end hides no key: further lines are looked at.
        """
        lines = list(itertools.islice(rotation.tail_records(handle), _LINES_FOR_KEY))
        found = self._key_of(lines)
        if found is not self._keys[0] and self._refresh is not None:
            with contextlib.suppress(SettingsError):
                self._keys = tuple(self._refresh())
            found = self._key_of(lines)
        if found is None:
            return None, bool(lines) and self._refresh is not None
        return (None, False) if found is self._keys[0] else (found, True)

    def _key_of(self, lines: list[dict[str, object]]) -> AuditKey | None:
        return next((key for line in lines for key in self._keys if chain.fits(key.key, line)), None)

    def _seal_off(self, handle: int, last: Last, key: AuditKey, details: Mapping[str, object]) -> Last:
        """Write the last line under a key that is retired."""
        kids = {"old": key.kid, "new": self._keys[0].kid}
        line = self._record("key.rotated", kids | dict(details), last, key)
        _write(handle, (b"\n" if last.torn else b"") + chain.canonical(line) + b"\n")
        return Last(last.seq + 1, str(line["mac"]), torn=False, event="key.rotated")

    def _write_lines(self, handle: int, last: Last, drafts: list[Draft]) -> None:
        if last.seq + len(drafts) + 2 >= chain.MAX_SEQ:
            raise OSError(
                errno.EOVERFLOW, f"its last line has the number {last.seq}, which nobody counted to"
            )
        content = b"\n" if last.torn else b""
        gone: list[rotation.Closed] = []
        if not last.seq:
            last, begun, gone = self._begun(last)
            content += begun
        for draft in drafts:
            record = self._line(draft, last.seq + 1, last.mac, self._keys[0])
            content += chain.canonical(record) + b"\n"
            last = Last(last.seq + 1, str(record["mac"]), torn=False)
        if content:
            _write(handle, content)  # one write: a kill leaves whole lines, or one torn at the end
            self._mark = Mark(last.seq, last.mac, os.fstat(handle).st_size)
        if gone:
            os.fdatasync(handle)  # what says that they went is on the card before they go
            for closed in gone:
                closed.path.unlink(missing_ok=True)

    def _begun(self, last: Last) -> tuple[Last, bytes, list[rotation.Closed]]:
        """Return the first line of a file that goes on from a closed one, and which files may go."""
        files = rotation.closed_files(self.path, self._keys)
        if not files:
            return last, b"", []
        before = rotation.newest_of(files)
        now_ms = self._clock.now_ms()
        cut_ms = now_ms - rotation.KEEP_DAYS * 86_400_000
        gone = rotation.expired(files, iso(now_ms), iso(cut_ms))
        details: dict[str, object] = {
            "prev_file": before.path.name,
            "last_seq": before.last.seq,
            "last_mac": before.last.mac,
            "sha256": rotation.sha256_of(before.path),
            "kid": self._keys[0].kid,
            "since": files[len(gone)].first_seq,
        }
        if gone:
            details["removed"] = [closed.path.name for closed in gone]
        line = self._record("audit.rotate", details, before.last, self._keys[0])
        return Last(before.last.seq + 1, str(line["mac"]), torn=False), chain.canonical(line) + b"\n", gone

    def _record(
        self, event: str, details: Mapping[str, object], last: Last, key: AuditKey
    ) -> dict[str, object]:
        """Return a line that the log writes about itself."""
        return self._line(Draft(event, "", "", ok=True, details=details), last.seq + 1, last.mac, key)

    def _line(self, draft: Draft, seq: int, prev: str, key: AuditKey) -> dict[str, object]:
        now_ms = self._clock.now_ms()
        body: dict[str, object] = {
            "seq": seq,
            "utc": iso(now_ms),
            "local": site_time(now_ms, self._zone).isoformat(timespec="milliseconds"),
            "boot": self._boot,
            "svc": self._service[: chain.MAX_TEXT],
            "pid": os.getpid(),
            "event": draft.event[: chain.MAX_TEXT],
            "user": draft.user[: chain.MAX_TEXT],
            "src": draft.src[: chain.MAX_TEXT],
            "ok": bool(draft.ok),
            "d": chain.plain(draft.details),
            "prev": prev,
        }
        if len(chain.canonical(body)) + len(chain.FIRST) + 10 > chain.MAX_LINE:
            body["d"] = {"cut": f"{len(draft.details)} details left out: too long for one line"}
        return {**body, "mac": chain.mac_of(key.key, body)}


def rotate(
    path: Path,
    old: AuditKey,
    new: AuditKey,
    clock: Clock,
    zone: ZoneInfo,
    *,
    service: str = "terminal",
    user: str = "",
) -> None:
    """Close the log under the old key with `key.rotated`, and begin a file under the new one.

    Done again after a kill at any step it goes on where it stopped; done twice it changes nothing.
    Another process that writes in between does the same by itself, once the configuration names the
    old key among `audit_keys`.

    Raises:
        StoreError: the log cannot be written or closed; it is as it was, or closed and not yet begun.
    """
    audit = Audit(path, (new, old), service, clock, zone)
    if not audit.change_over(**({"by": user} if user else {})) or audit.last_problem:
        raise StoreError(audit.last_problem or f"{path}: the audit log cannot be closed")


def _write(handle: int, content: bytes) -> None:
    written = os.write(handle, content)
    if written != len(content):
        raise OSError(errno.ENOSPC, f"only {written} of {len(content)} bytes could be written")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _boot_id() -> str:
    """Return 8 hex digits that differ for every start of the machine, or nothing where it has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
    except OSError:
        return ""
