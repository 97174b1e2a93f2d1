"""Appends to the audit log; several processes and threads may write at once."""

import errno
import os
import stat
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from substation.audit import chain
from substation.clock import Clock, iso, site_time

UNSYNCED = frozenset({"page", "login.throttled"})
"""Frequent and harmless: left to the system to bring to the card. All others are synced at once."""
COLLAPSED = frozenset({"login.throttled"})
"""Repeats of these within COLLAPSE_S become one line with `times`: a flood must not fill the card."""
COLLAPSE_S = 60.0
MAX_COLLAPSED = 1000
"""Further ones are counted together, so that a flood of names cannot fill the memory either."""
_TAIL_BYTES = 8192


@dataclass(frozen=True, slots=True)
class _Draft:
    event: str
    user: str
    src: str
    ok: bool
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class _Repeat:
    since: float
    times: int = 0


class Audit:
    """The audit log of a station, as one program writes to it.

    `write` never raises: an audit log that cannot be written must not stop the poller. It returns
    False then, and `last_problem` holds the words for the state line.
    """

    def __init__(self, path: Path, key: bytes, service: str, clock: Clock, zone: ZoneInfo) -> None:
        """Name the log, the chain's key (`vault.derive(key, KEY_INFO)`) and the writing program."""
        self.path = path
        self.last_problem: str | None = None
        self._key = key
        self._service = service
        self._clock = clock
        self._zone = zone
        self._boot = _boot_id()
        self._turn = threading.Lock()
        self._repeats: dict[tuple[str, str, str], _Repeat] = {}

    def write(self, event: str, *, user: str = "", src: str = "", ok: bool = True, **details: object) -> bool:
        """Append one line; return whether it is in the file.

        Args:
            event: `start`, `stop`, `login`, `login.failed`, `login.throttled`, `page`,
                `config.changed`, `password.changed`, `key.mode`.
            user: who, in his own words.
            src: from where: an address, or `terminal`.
            ok: whether it was allowed and done.
            details: anything else; secrets are hidden, long texts cut.
        """
        with self._turn:
            drafts = self._due()
            if event not in COLLAPSED or not self._repeated(event, user, src):
                drafts.append(_Draft(event, user, src, ok, details))
            return self._append(drafts) if drafts else True

    def close(self) -> None:
        """Write what was so far only counted; call it at the end."""
        with self._turn:
            drafts = self._due(everything=True)
            if drafts:
                self._append(drafts)

    def _repeated(self, event: str, user: str, src: str) -> bool:
        name = (event, user[: chain.MAX_TEXT], src[: chain.MAX_TEXT])
        if name not in self._repeats and len(self._repeats) >= MAX_COLLAPSED:
            name = (event, "(many)", "(many)")
        known = self._repeats.get(name)
        if known is None:
            self._repeats[name] = _Repeat(self._clock.monotonic())
            return False
        known.times += 1
        return True

    def _due(self, everything: bool = False) -> list[_Draft]:
        now = self._clock.monotonic()
        drafts = []
        for name, repeat in list(self._repeats.items()):
            if everything or now - repeat.since >= COLLAPSE_S:
                del self._repeats[name]
                if repeat.times:
                    drafts.append(_Draft(*name, ok=False, details={"times": repeat.times}))
        return drafts

    def _append(self, drafts: list[_Draft]) -> bool:
        handle = -1
        try:
            with chain.locked(self.path, self._clock):
                handle = self._open()  # under the lock: the file may have been rotated until then
                self._write_lines(handle, drafts)
            if any(draft.event not in UNSYNCED for draft in drafts):
                os.fdatasync(handle)
        except OSError as exc:
            self.last_problem = f"{self.path}: the audit log cannot be written ({exc.strerror or exc})"
            return False
        finally:
            if handle >= 0:
                os.close(handle)
        self.last_problem = None
        return True

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        handle = os.open(self.path, flags, 0o660)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise OSError(errno.EINVAL, "it is no ordinary file")
        return handle

    def _write_lines(self, handle: int, drafts: list[_Draft]) -> None:
        seq, prev, torn = last_of(handle)
        content = b"\n" if torn else b""
        for draft in drafts:
            seq += 1
            record = self._record(draft, seq, prev)
            content += chain.canonical(record) + b"\n"
            prev = str(record["mac"])
        written = os.write(handle, content)  # one write: a kill leaves whole lines, or one torn at the end
        if written != len(content):
            raise OSError(errno.ENOSPC, f"only {written} of {len(content)} bytes could be written")

    def _record(self, draft: _Draft, seq: int, prev: str) -> dict[str, object]:
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
        return {**body, "mac": chain.mac_of(self._key, body)}


def last_of(handle: int) -> tuple[int, str, bool]:
    """Return (seq, mac) of the last whole line of the log, and whether a torn one stands after it.

    Reads the last 8 kB, and further back only when no whole line stands in there. The line's own
    MAC is not judged here: the chain goes on from an edited line too, so that `verify` names just it.
    """
    size = os.fstat(handle).st_size
    if size == 0:
        return 0, chain.FIRST, False
    span = _TAIL_BYTES
    while True:
        start = max(0, size - span)
        content = os.pread(handle, size - start, start)
        lines = content.split(b"\n")
        if start:
            lines = lines[1:]
        for line in reversed(lines):
            record = chain.read_line(line) if line else None
            if record is not None:
                return int(str(record["seq"])), str(record["mac"]), not content.endswith(b"\n")
        if start == 0:
            return 0, chain.FIRST, not content.endswith(b"\n")
        span *= 8


def _boot_id() -> str:
    """Return 8 hex digits that differ for every start of the machine, or nothing where it has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
    except OSError:
        return ""
