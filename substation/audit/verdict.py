"""Reads the audit log back: is the chain whole, and what were the last actions."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from substation.audit import chain
from substation.clock import SystemClock
from substation.errors import StoreError

MAX_PROBLEMS = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """One place where the chain is broken."""

    line: int
    """Line in the file, counted from 1."""
    kind: str
    """`edited`, `deleted` (before this line), `inserted`, `moved` or `copied`."""
    words: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `verify` found."""

    lines: int
    problems: tuple[Problem, ...]
    torn: tuple[int, ...]
    """Lines cut short by a power failure or a kill; the chain goes on after them, so nothing is missing."""
    last_seq: int
    last_mac: str
    """An anchor: kept elsewhere, it shows later whether the tail was cut."""

    @property
    def ok(self) -> bool:
        """Whether nothing was changed."""
        return not self.problems

    def words(self) -> list[str]:
        """Return the finding in sentences, the result first."""
        if self.ok:
            anchor = f"number {self.last_seq}, {self.last_mac[:16]}"
            said = [f"The chain of {self.lines} lines is whole. Last: {anchor}"]
        else:
            said = [f"The audit log was changed: {len(self.problems)} place(s) in {self.lines} lines"]
        said += [problem.words for problem in self.problems]
        said += [
            f"line {line}: torn by a kill or a power failure; nothing after it is missing"
            for line in self.torn
        ]
        return said


def verify(path: Path, key: bytes) -> Verdict:
    """Return whether the chain of the log is whole, and every place where it is not.

    Args:
        path: the audit log.
        key: the chain's key, `vault.derive(key, KEY_INFO)`.

    Raises:
        StoreError: the log is missing or cannot be read.
    """
    lines = _whole_lines(path)
    records = [chain.read_line(line) for line in lines]
    good = [record is not None and chain.fits(key, record) for record in records]
    readable = [at for at, record in enumerate(records) if record is not None]
    if readable and not any(good):
        problem = Problem(
            1,
            "edited",
            "no line fits this station's key: the log is another station's, or the key was changed",
        )
        return Verdict(len(lines), (problem,), (), 0, chain.FIRST)
    return _Walk(records, good).verdict()


def tail(path: Path, count: int = 20) -> list[str]:
    """Return the last lines as a person reads them: site time, event, who, from where, details.

    Raises:
        StoreError: the log is missing or cannot be read.
    """
    if count <= 0:
        return []
    return [_said(line) for line in _whole_lines(path)[-count:]]


class _Walk:
    """Goes through the lines once and tells what happened where the chain does not close."""

    def __init__(self, records: list[dict[str, object] | None], good: list[bool]) -> None:
        self.records = records
        self.good = good
        self.first_at: dict[str, int] = {}
        self.at_seq: dict[int, int] = {}
        for at, (record, fits) in enumerate(zip(records, good, strict=True)):
            if record is not None and fits:
                self.first_at.setdefault(str(record["mac"]), at)
                self.at_seq.setdefault(_seq(record), at)
        self.problems: list[Problem] = []
        self.torn: list[int] = []

    def verdict(self) -> Verdict:
        seq, mac = 0, chain.FIRST
        doubtful: list[int] = []  # lines without a right MAC since the last good one
        for at, (record, fits) in enumerate(zip(self.records, self.good, strict=True)):
            if record is None or not fits:
                doubtful.append(at)
                continue
            own, prev = _seq(record), str(record["prev"])
            if self.first_at[str(record["mac"])] != at:
                first = self.first_at[str(record["mac"])] + 1
                self._add(at, "copied", f"is a copy of line {first}")
            elif own <= seq:
                self._judge(doubtful, missing=0)
                doubtful = []
                self._add(at, "moved", f"number {own} stands after number {seq}: it was moved here")
            else:
                absent = [n for n in range(seq + 1, own) if n not in self.at_seq] if own - seq < 10**6 else []
                missing = len(absent) if own - seq < 10**6 else own - seq - 1
                replaced = self._judge(doubtful, missing)
                doubtful = []
                if missing > replaced:
                    self._add(
                        at, "deleted", f"{_count(missing - replaced)} before number {own} missing: deleted"
                    )
                elif own == seq + 1 and prev != mac:
                    self._add(at, "edited", f"number {own} does not follow the line before it")
                seq, mac = own, str(record["mac"])
        self._judge(doubtful, missing=len(doubtful))
        return Verdict(len(self.records), tuple(self.problems[:MAX_PROBLEMS]), tuple(self.torn), seq, mac)

    def _judge(self, doubtful: list[int], missing: int) -> int:
        """Name the doubtful lines; return how many of the missing numbers they stand for."""
        left = missing
        for at in doubtful:
            if left:
                left -= 1
                self._add(at, "edited", "was edited")
            elif self.records[at] is None:
                self.torn.append(at + 1)
            else:
                self._add(
                    at, "inserted", "was inserted: it carries no right seal and no number is missing here"
                )
        return missing - left

    def _add(self, at: int, kind: str, words: str) -> None:
        self.problems.append(Problem(at + 1, kind, f"line {at + 1}: {words}"))


def _seq(record: dict[str, object]) -> int:
    return int(str(record["seq"]))


def _count(lines: int) -> str:
    return "1 line is" if lines == 1 else f"{lines} lines are"


def _whole_lines(path: Path) -> list[bytes]:
    """Return the lines as they stand between two writes; a torn last one included."""
    clock = SystemClock()
    try:
        with contextlib.ExitStack() as stack:
            # Without the lock (no right to it, or a stuck holder) a line may be seen half written.
            with contextlib.suppress(OSError):
                stack.enter_context(chain.locked(path, clock))
            content = path.read_bytes()
    except OSError as exc:
        raise StoreError(f"{path}: the audit log cannot be read ({exc.strerror or exc})") from exc
    return content.removesuffix(b"\n").split(b"\n") if content else []


def _said(line: bytes) -> str:
    record = chain.read_line(line)
    if record is None:
        return f"(torn or foreign line) {line[:80].decode('ascii', 'replace')!a}"
    when = str(record["local"])[:19].replace("T", " ")
    who = f" {record['user']}" if record["user"] else ""
    source = f" from {record['src']}" if record["src"] else ""
    details = record["d"] if isinstance(record["d"], dict) else {}
    rest = "".join(f" {name}={value}" for name, value in details.items())
    failed = "" if record["ok"] else " REFUSED"
    said = f"{when} {record['svc']} {record['event']}{failed}{who}{source}{rest}"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in said)
