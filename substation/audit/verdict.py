"""Reads the audit log back: is the chain whole over all its files, and if not, where was it changed?"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from substation.audit import chain, judge, walk
from substation.audit.judge import Problem
from substation.audit.keys import AuditKey
from substation.audit.walk import Link, LogFile, Seen


class Place(NamedTuple):
    """A line of a file of the log."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `verify` found."""

    lines: int
    problems: tuple[Problem, ...]
    torn: tuple[Place, ...]
    """Lines cut short by a power failure or a kill; the chain goes on after them, so nothing is missing."""
    last_seq: int
    last_mac: str
    """An anchor: kept elsewhere, it shows later whether the tail was cut."""
    files: int = 1
    first_seq: int = 0
    """The oldest number that is kept; 0 in an empty log."""

    @property
    def ok(self) -> bool:
        """Whether nothing was changed."""
        return not self.problems

    def words(self) -> list[str]:
        """Return the finding in sentences, the result first."""
        where = f"{self.lines} lines" + (f" in {self.files} files" if self.files > 1 else "")
        if self.ok:
            anchor = f"number {self.last_seq}, {self.last_mac[:16]}"
            said = [f"The chain of {where} is whole. Last: {anchor}"]
        else:
            said = [f"The audit log was changed: {len(self.problems)} place(s) in {where}"]
        said += [problem.words for problem in self.problems]
        said += [
            f"{file} line {line}: torn by a kill or a power failure; nothing after it is missing"
            for file, line in self.torn
        ]
        return said


def verify(path: Path, key: bytes, anchors: Iterable[tuple[int, str]] = ()) -> Verdict:
    """Return whether the log is whole that was written under one key; see `verify_all`."""
    return verify_all(path, (AuditKey("", key),), anchors)


def verify_all(
    path: Path,
    keys: Sequence[AuditKey],
    anchors: Iterable[tuple[int, str]] = (),
    *,
    pause: Callable[[], None] | None = None,
) -> Verdict:
    """Return whether the log is whole, and every place where it is not: file, line, what was done.

    Args:
        path: the audit log; its closed files stand beside it.
        keys: `keys_of(...)`: the key in force and the retired ones.
        anchors: (number, MAC or its beginning) noted elsewhere, such as `last_seq` and `last_mac` of an
            earlier verdict: only they show that lines at the very end were cut off. Gather them before.
        pause: called again and again, for a walk in the background.

    Raises:
        StoreError: the log is missing or cannot be read.
    """
    noted = [*anchors, *(key.last for key in keys if key.last is not None)]
    with walk.opened(path, keys) as files:
        found = _whole(files, keys, {seq for seq, _ in noted}, pause)
        if found is not None and not judge.cut(noted, found[1], found[0].first_seq):
            return found[0]
        seen = list(walk.scan(files, keys, pause))
    judged = judge.Judge(files, seen, keys)
    problems = [*judged.problems(), *judged.cut(noted)]
    last = judged.last
    return Verdict(
        len(seen),
        tuple(problems),
        tuple(Place(files[one.file].name, one.line) for one in judged.torn),
        last.seq if last else 0,
        last.mac if last else chain.FIRST,
        len(files),
        judged.since if seen else 0,
    )


def _whole(
    files: Sequence[LogFile],
    keys: Sequence[AuditKey],
    wanted: set[int],
    pause: Callable[[], None] | None,
) -> tuple[Verdict, dict[int, list[str]]] | None:
    """Return the verdict on a log that nobody has touched, with the MACs of `wanted`; None for any other.

    Needs no memory for the lines: a year of them is walked over while people look at pages.
    """
    before: Link | None = None
    first, since, lines = 0, 1, 0
    waiting: list[Seen] = []
    torn: list[Seen] = []
    macs: dict[int, list[str]] = {}
    for one in walk.scan(files, keys, pause):
        lines += 1
        link = one.link
        if link is None:
            if one.readable:
                return None
            waiting.append(one)
            continue
        torn += waiting
        waiting = []
        if before is None:
            first = link.seq
            if (link.seq == 1 and link.prev != chain.FIRST) or (
                link.seq > 1 and link.event != "audit.rotate"
            ):
                return None
        elif not judge.follows(before, link, files, keys):
            return None
        if link.event == "audit.cut" or judge.is_beyond(link, keys):
            return None
        if link.event == "audit.rotate":
            since = max(since, judge.since_of(link))
        if link.seq in wanted:
            macs[link.seq] = [link.mac]
        before = link
    if any(one.ended for one in waiting) or first > since:
        return None
    places = tuple(Place(files[one.file].name, one.line) for one in (*torn, *waiting))
    if before is None:
        return Verdict(lines, (), places, 0, chain.FIRST, len(files)), macs
    return Verdict(lines, (), places, before.seq, before.mac, len(files), first), macs
