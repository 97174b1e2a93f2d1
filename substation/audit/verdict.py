"""Reads the audit log back: is the chain whole, and what were the last actions."""

import bisect
import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from substation.audit import chain
from substation.clock import SystemClock
from substation.errors import StoreError


@dataclass(frozen=True, slots=True)
class Problem:
    """One place where the chain is broken."""

    line: int
    """Line in the file, counted from 1."""
    kind: str
    """`edited`, `deleted` (before this line), `inserted`, `moved`, `copied` or `cut` (the end is missing)."""
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


def verify(path: Path, key: bytes, anchors: Iterable[tuple[int, str]] = ()) -> Verdict:
    """Return whether the chain of the log is whole, and every place where it is not.

    Args:
        path: the audit log.
        key: the chain's key, `vault.derive(key, KEY_INFO)`.
        anchors: (number, MAC or its beginning) noted elsewhere, such as `last_seq` and `last_mac` of an
            earlier verdict: only they show that lines at the very end were cut off.

    Raises:
        StoreError: the log is missing or cannot be read.
    """
    lines, ended = _lines(path)
    records = [chain.read_line(line) for line in lines]
    good = [
        _Link(at, int(str(record["seq"])), str(record["prev"]), str(record["mac"]))
        for at, record in enumerate(records)
        if record is not None and chain.fits(key, record)
    ]
    readable = [record is not None for record in records]
    if any(readable) and not good:
        words = "no line fits this station's key: another station's log, or the key was changed"
        return Verdict(len(lines), (Problem(1, "edited", words),), (), 0, chain.FIRST)
    verdict = _judge(readable, good, ended)
    cut = tuple(_cut(anchors, good, len(lines)))
    return dataclasses.replace(verdict, problems=verdict.problems + cut) if cut else verdict


def tail(path: Path, count: int = 20) -> list[str]:
    """Return the last lines as a person reads them: site time, event, who, from where, details.

    Raises:
        StoreError: the log is missing or cannot be read.
    """
    if count <= 0:
        return []
    return [_said(line) for line in _lines(path)[0][-count:]]


@dataclass(frozen=True, slots=True)
class _Link:
    """A line with its own right MAC: somebody who held the key wrote it as it stands."""

    at: int
    seq: int
    prev: str
    mac: str


def _judge(readable: list[bool], good: list[_Link], ended: bool) -> Verdict:
    """Tell what happened to the lines.

    1. The longest run of rising numbers is the chain; other right lines were moved or copied there.
    2. Numbers that stand nowhere were deleted or overwritten: lines without a right MAC at that very
       place are the edited ones, and what is still missing was deleted.
    3. Where no number is missing, a line that is none at all is a torn one (a kill, a power failure),
       and one that looks like one was inserted.
    """
    spine = _longest_rise(good)
    found: list[Problem] = []
    torn: list[int] = []

    def name(at: int, kind: str, words: str) -> None:
        found.append(Problem(at + 1, kind, f"line {at + 1}: {words}"))

    _name_strangers(good, spine, name)
    right = {link.at for link in good}
    numbers = sorted({link.seq for link in good})
    before = _Link(-1, 0, "", chain.FIRST)
    for link in spine:
        between = bisect.bisect_left(numbers, link.seq) - bisect.bisect_right(numbers, before.seq)
        missing = link.seq - before.seq - 1 - between
        for at in range(before.at + 1, link.at):
            if at in right:
                continue
            if missing:
                missing -= 1
                name(at, "edited", "was edited")
            elif readable[at]:
                name(at, "inserted", "was inserted: it carries no right seal, and no number is missing")
            else:
                torn.append(at + 1)
        if missing:
            gone = "1 line is" if missing == 1 else f"{missing} lines are"
            name(link.at, "deleted", f"{gone} missing before it (number {link.seq}): deleted")
        elif link.seq == before.seq + 1 and link.prev != before.mac:
            name(link.at, "edited", f"number {link.seq} was not written after the line before it")
        before = link
    for at in range(before.at + 1, len(readable)):
        if at in right:
            continue
        if readable[at] or at < len(readable) - 1 or ended:
            name(at, "edited", "was edited, or inserted at the end")
        else:
            torn.append(at + 1)
    found.sort(key=lambda problem: problem.line)
    return Verdict(len(readable), tuple(found), tuple(torn), before.seq, before.mac)


def _cut(anchors: Iterable[tuple[int, str]], good: list[_Link], lines: int) -> Iterator[Problem]:
    """Tell which noted lines are not in the log any more."""
    macs: dict[int, list[str]] = {}
    for link in good:
        macs.setdefault(link.seq, []).append(link.mac)
    for seq, noted in anchors:
        if not any(mac.startswith(noted) for mac in macs.get(seq, ())):
            words = f"number {seq}, noted as {noted[:16]}, is not in the log: its end was cut off"
            yield Problem(lines + 1, "cut", f"line {lines + 1}: {words}")


def _name_strangers(good: list[_Link], spine: list[_Link], name: Callable[[int, str, str], None]) -> None:
    own = {link.at for link in spine}
    at_mac = {link.mac: link.at for link in spine}
    at_seq = {link.seq: link.at for link in spine}
    for link in good:
        if link.at in own:
            continue
        if link.mac in at_mac:
            name(link.at, "copied", f"is a copy of line {at_mac[link.mac] + 1}")
        elif link.seq in at_seq:
            name(link.at, "inserted", f"has the number {link.seq} of line {at_seq[link.seq] + 1}: inserted")
        else:
            name(link.at, "moved", f"number {link.seq} does not belong here: moved")


def _longest_rise(good: list[_Link]) -> list[_Link]:
    """Return the longest run of lines whose numbers rise (patience sorting)."""
    ends: list[int] = []  # index of the line that ends the best run of each length
    tops: list[int] = []  # its number
    before: list[int] = []
    for index, link in enumerate(good):
        length = bisect.bisect_left(tops, link.seq)
        before.append(ends[length - 1] if length else -1)
        if length == len(ends):
            ends.append(index)
            tops.append(link.seq)
        else:
            ends[length], tops[length] = index, link.seq
    run = []
    index = ends[-1] if ends else -1
    while index >= 0:
        run.append(good[index])
        index = before[index]
    return run[::-1]


def _lines(path: Path) -> tuple[list[bytes], bool]:
    """Return the lines as they stand between two writes, and whether the last one is ended."""
    clock = SystemClock()
    try:
        with contextlib.ExitStack() as stack:
            # Without the lock (no right to it, or a stuck holder) a line may be seen half written.
            with contextlib.suppress(OSError):
                stack.enter_context(chain.locked(path, clock))
            content = path.read_bytes()
    except OSError as exc:
        raise StoreError(f"{path}: the audit log cannot be read ({exc.strerror or exc})") from exc
    lines = content.removesuffix(b"\n").split(b"\n") if content else []
    return lines, content.endswith(b"\n")


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
