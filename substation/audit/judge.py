"""Tells what happened to a log that is not as it was written.

1. A file that is a copy of another, or whose lines fit no key of this station, is named as a whole.
2. The longest run of rising numbers is the chain; other right lines were moved or copied there.
3. Numbers that stand nowhere were deleted or overwritten: lines without a right MAC at that very
   place are the edited ones, and what is still missing was deleted, or cut off a closed file's end.
4. Where no number is missing, a line that is none at all is a torn one (a kill, a power failure),
   and one that looks like one was inserted.
5. Each file names the one before: missing, renamed, or not as it was when it was closed (SHA-256).
"""

import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from substation.audit import chain
from substation.audit.keys import AuditKey
from substation.audit.walk import Link, LogFile, Seen


@dataclass(frozen=True, slots=True)
class Problem:
    """One place where the chain is broken."""

    line: int
    """Line in the file, counted from 1."""
    kind: str
    """`edited`, `deleted` (before this line), `inserted`, `moved`, `copied`, `cut` (the end of a file is
    missing), `missing` or `renamed` (a closed file), `key` (sealed with a wrong key)."""
    words: str
    file: str = ""
    """Name of the file."""


class Judge:
    """The lines of a log that is not whole, and what is wrong with them."""

    def __init__(self, files: Sequence[LogFile], seen: Sequence[Seen], keys: Sequence[AuditKey]) -> None:
        """Judge `seen`, all lines of `files` in their order."""
        self._files, self._seen, self._keys = files, seen, keys
        self._found: list[tuple[int, int, Problem]] = []
        self._unknown: set[int] = set()
        self._skipped = self._strange_files()
        self._good = [one.link for one in seen if one.link and one.file not in self._skipped]
        self._spine = _longest_rise(self._good)
        self.torn: list[Seen] = []
        self.since = max((since_of(link) for link in self._spine if link.event == "audit.rotate"), default=1)

    @property
    def last(self) -> Link | None:
        """The last line of the chain."""
        return self._spine[-1] if self._spine else None

    def macs(self) -> dict[int, list[str]]:
        """Return the MACs of all right lines, by number."""
        macs: dict[int, list[str]] = {}
        for link in self._good:
            macs.setdefault(link.seq, []).append(link.mac)
        return macs

    def cut(self, anchors: Iterable[tuple[int, str]]) -> list[Problem]:
        """Return which noted lines are not in the log any more: its end was cut off."""
        if self._seen and not self._spine:
            return []  # under another key nothing can be said about them
        at_seq = {link.seq: link for link in self._good}
        found = []
        for seq, words in cut(anchors, self.macs(), self.since):
            link = at_seq.get(seq)
            file = link.file if link else len(self._files) - 1
            line = link.line if link else sum(one.file == file for one in self._seen) + 1
            name = self._files[file].name
            found.append(Problem(line, "cut", f"{name} line {line}: {words}", name))
        return found

    def problems(self) -> list[Problem]:
        """Return every place that is not as it was written, in the order of the files."""
        self._name_strangers()
        right = {link.at for link in self._good}
        numbers = sorted({link.seq for link in self._good})
        before = self._begin()
        for link in self._spine:
            between = bisect.bisect_left(numbers, link.seq) - bisect.bisect_right(numbers, before.seq)
            missing = link.seq - before.seq - 1 - between
            excused = any(number in self._unknown for number in range(max(before.file, 0), link.file))
            for at in range(before.at + 1, link.at):
                if at in right or self._seen[at].file in self._skipped:
                    continue
                if missing:
                    missing -= 1
                    self._name(at, "edited", "was edited")
                elif self._seen[at].readable:
                    words = "was inserted: it carries no right seal, and no number is missing"
                    self._name(at, "inserted", words)
                else:
                    self.torn.append(self._seen[at])
            if not excused:
                self._judge_step(before, link, missing)
            before = link
        self._judge_end(before.at + 1, right)
        self._judge_closed_files()
        self._judge_each()
        self._found.sort(key=lambda found: found[:2])
        return [problem for _, _, problem in self._found]

    def _begin(self) -> Link:
        """Return what stands before the oldest line that has to be there."""
        seq, mac = 0, chain.FIRST
        if self._spine and 1 < self._spine[0].seq <= self.since:
            seq, mac = self._spine[0].seq - 1, self._spine[0].prev
        elif self._spine and self.since > 1:
            seq, mac = self.since - 1, ""
        return Link(-1, -1, 0, seq, "", mac, -1, "", {})

    def _judge_step(self, before: Link, link: Link, missing: int) -> None:
        """Judge one line of the chain by the one before it."""
        if missing:
            self._name_gap(before, link, missing)
        elif link.seq != before.seq + 1:
            return
        elif link.prev != before.mac and before.mac:
            words = f"number {link.seq} was not written after the line before it"
            self._name(link.at, "edited", words)
        elif before.key >= 0 and not _key_may_follow(before, link, self._keys):
            kid = self._keys[link.key].kid or "another one"
            words = f"is sealed with the key {kid}, which was not in force here"
            self._name(link.at, "key", words)
        elif before.file >= 0 and link.file != before.file and link.event != "audit.rotate":
            self._name(link.at, "moved", "stood in the file before: lines were moved to a file of their own")

    def _name_gap(self, before: Link, link: Link, missing: int) -> None:
        gone = "1 line is" if missing == 1 else f"{missing} lines are"
        named = str(link.details.get("prev_file", "")) if link.event == "audit.rotate" else ""
        closed = next((at for at, file in enumerate(self._files) if file.name == named), None)
        if not named or link.seq <= self.since:
            self._name(link.at, "deleted", f"{gone} missing before it (number {link.seq}): deleted")
        elif closed is None and not self._renamed(link):
            words = f"{named} is missing, and with it the numbers {before.seq + 1} to {link.seq - 1}"
            self._name_in(link.file, 0, Problem(0, "missing", words, named))
        else:
            cut = before.file if closed is None else closed
            line = before.line + 1 if before.file == cut else 1
            name = self._files[cut].name
            words = f"{name} line {line}: {gone} cut off its end (up to number {link.seq - 1})"
            self._name_in(cut, line, Problem(line, "cut", words, name))

    def _judge_end(self, begin: int, right: set[int]) -> None:
        for at in range(begin, len(self._seen)):
            one = self._seen[at]
            if at in right or one.file in self._skipped:
                continue
            if one.readable or one.ended:
                self._name(at, "edited", "was edited, or inserted at the end")
            else:
                self.torn.append(one)

    def _judge_closed_files(self) -> None:
        """Compare each closed file with what the one after it says about it."""
        spoken = {problem.file for _, _, problem in self._found}
        for link in self._spine:
            if link.event != "audit.rotate" or link.seq <= self.since:
                continue
            named = str(link.details.get("prev_file"))
            there = [file for file in self._files if file.name == named]
            if not there and (now := self._renamed(link)) and now not in spoken:
                words = f"{now} was renamed: it was closed as {named}"
                self._name_in(link.file, 0, Problem(0, "renamed", words, now))
            elif there and there[0].sha256 != link.details.get("sha256") and named not in spoken:
                words = f"{named} is not as it was when it was closed (SHA-256)"
                self._name_in(self._files.index(there[0]), 0, Problem(0, "edited", words, named))

    def _judge_each(self) -> None:
        """Name lines that tell of a cut themselves, and those under a key that was out of use by then."""
        for link in self._good:
            if link.event == "audit.cut":
                seen = link.details.get("seen")
                words = f"tells that the log's end was cut off before it: number {seen} was there and is gone"
                self._name(link.at, "cut", words)
            elif is_beyond(link, self._keys):
                key = self._keys[link.key]
                last = key.last[0] if key.last else 0
                words = f"number {link.seq} is sealed with the key {key.kid}, out of use since number {last}"
                self._name(link.at, "key", words)

    def _renamed(self, link: Link) -> str:
        """Return the name under which the file before stands now, if it does."""
        same = [file.name for file in self._files[:-1] if file.sha256 == link.details.get("sha256")]
        return same[0] if same else ""

    def _strange_files(self) -> set[int]:
        """Name files that are copies, or of which no line fits; their lines are not looked at."""
        strange = set()
        known: dict[str, str] = {}
        readable = {one.file for one in self._seen if one.readable}
        good = {one.file for one in self._seen if one.link}
        for number, file in enumerate(self._files):
            words, kind = "", "copied"
            if file.size and file.sha256 in known:
                words = f"{file.name} is a copy of {known[file.sha256]}"
            elif number in readable and number not in good:
                kind = "key"
                self._unknown.add(number)
                words = (
                    f"{file.name}: no line fits a key of this station: another station's log, "
                    "or its key is not among audit_keys of the configuration any more"
                )
            known.setdefault(file.sha256, file.name)
            if words:
                strange.add(number)
                self._name_in(number, 1, Problem(1, kind, words, file.name))
        return strange

    def _name_strangers(self) -> None:
        own = {link.at for link in self._spine}
        at_mac = {link.mac: link for link in self._spine}
        at_seq = {link.seq: link for link in self._spine}
        for link in self._good:
            if link.at in own:
                continue
            if link.mac in at_mac:
                self._name(link.at, "copied", f"is a copy of {self._place(at_mac[link.mac])}")
            elif link.seq in at_seq:
                place = self._place(at_seq[link.seq])
                self._name(link.at, "inserted", f"has the number {link.seq} of {place}: inserted")
            else:
                self._name(link.at, "moved", f"number {link.seq} does not belong here: moved")

    def _place(self, link: Link) -> str:
        return f"{self._files[link.file].name} line {link.line}"

    def _name(self, at: int, kind: str, words: str) -> None:
        one = self._seen[at]
        name = self._files[one.file].name
        self._name_in(one.file, one.line, Problem(one.line, kind, f"{name} line {one.line}: {words}", name))

    def _name_in(self, file: int, line: int, problem: Problem) -> None:
        self._found.append((file, line, problem))


def follows(before: Link, link: Link, files: Sequence[LogFile], keys: Sequence[AuditKey]) -> bool:
    """Return whether a line of the chain stands right after the one before it, in its file or the next."""
    if link.seq != before.seq + 1 or link.prev != before.mac or not _key_may_follow(before, link, keys):
        return False
    if link.file == before.file:
        return True
    closed = files[link.file - 1]
    told = (link.details.get("prev_file"), link.details.get("sha256"))
    return link.event == "audit.rotate" and told == (closed.name, closed.sha256)


def is_beyond(link: Link, keys: Sequence[AuditKey]) -> bool:
    """Return whether a line was sealed with a retired key after its end: somebody else has that key."""
    last = keys[link.key].last
    return last is not None and link.seq > last[0]


def since_of(link: Link) -> int:
    """Return the oldest number that a line `audit.rotate` says is kept."""
    since = link.details.get("since")
    return since if isinstance(since, int) else 1


def cut(
    anchors: Iterable[tuple[int, str]], macs: Mapping[int, Sequence[str]], since: int
) -> list[tuple[int, str]]:
    """Tell in words which noted lines are not in the log any more, with the number of the line to look at.

    A number that is not there, with later ones after it, is named by its place already.
    """
    last = max(macs, default=0)
    other: list[tuple[int, str]] = []
    gone: list[tuple[int, str]] = []
    for seq, noted in sorted(anchors):
        if seq < max(since, 1):
            continue
        words = f"number {seq} was noted as {noted[:16]} and is"
        if seq in macs and not any(mac.startswith(noted.lower()) for mac in macs[seq]):
            other.append((seq, f"{words} another line now: the log was cut off there and went on"))
        elif seq > last:
            gone.append((seq, f"{words} not in the log: its end was cut off"))
    return other[:1] + gone[-1:]


def _key_may_follow(before: Link, link: Link, keys: Sequence[AuditKey]) -> bool:
    """Return whether the key is that of the line before, or was changed in order between two files."""
    if link.key == before.key:
        return True
    new = str(before.details.get("new", ""))
    in_order = before.event == "key.rotated" and link.event == "audit.rotate"
    return in_order and new in ("", keys[link.key].kid)


def _longest_rise(good: Sequence[Link]) -> list[Link]:
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
