"""The index: which files of a station's folder count, what is in them, and what the station says of itself.

It is written whole under a new number after the files that it names; so whatever was pulled out when, the
newest index that can be read names files that are there. The two newest are kept. Where the newest one cannot
be read and the one before names a day's file that was replaced since, the later file of that day counts: it
says itself whether it is whole.
"""

import hashlib
import json
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from substation import __version__
from substation.errors import Damaged, StoreError
from substation.store.copies import layout, writer
from substation.store.copies.dayfile import Count
from substation.store.copies.medium import Medium
from substation.store.copies.writer import Writer

KEPT = 2


@dataclass(frozen=True, slots=True)
class Entry:
    """A day's file of one group."""

    group: str
    day: int
    """UTC, counted from 1970."""
    file: str
    bytes: int
    sha256: str
    state: str
    """What the history was like when it was copied: another one, and the day is copied again."""
    tables: dict[str, Count]
    polls: dict[str, int]
    whole: bool
    """Whether the history still had all rows of the day."""
    copied_ms: int
    proved_ms: int = 0
    """When a restore of it into a scratch file had these rows; 0: not yet."""
    damage: str = ""

    @property
    def rows(self) -> int:
        """Of all its tables."""
        return sum(rows for rows, _ in self.tables.values())


@dataclass(frozen=True, slots=True)
class Beside:
    """A file that is copied as it is: operator database, audit log, a profile."""

    kind: str
    """`operator`, `audit` or `profile`."""
    name: str
    file: str
    bytes: int
    sha256: str
    content_sha256: str
    seen: str
    """Size and time of the original: the same, and it is not read again."""


@dataclass(slots=True)
class Index:
    """What a station's folder holds."""

    uid: str
    site: str
    simulated: bool
    zone: str
    number: int = 0
    at_ms: int = 0
    """When the history was like this."""
    newest_ms: int = 0
    """The newest reading in it."""
    facts: dict[str, list[list[Any]]] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    """By group: for want of room nothing before this day is kept."""
    begun_ms: int = 0
    entries: dict[tuple[str, int], Entry] = field(default_factory=dict)
    beside: dict[tuple[str, str], Beside] = field(default_factory=dict)
    earlier: list[Entry] = field(default_factory=list)
    """Files of days that had more rows than the station has now: kept for whoever asks why."""
    writer: Writer | None = None
    """Who took the last copy; None: an older program, which did not say."""
    program: str = __version__

    def of(self, group: str) -> list[Entry]:
        """Return a group's entries, oldest first."""
        return [self.entries[key] for key in sorted(self.entries) if key[0] == group]

    def files(self) -> set[str]:
        """Return the names of all files that count, its own included."""
        days, beside = (*self.entries.values(), *self.earlier), self.beside.values()
        return {one.file for one in days} | {one.file for one in beside} | {layout.index_name(self.number)}

    @property
    def days(self) -> int:
        """Days of which something is copied."""
        return len({day for group, day in self.entries if group != "events"})

    @property
    def bytes(self) -> int:
        """Of all files that count."""
        return sum(one.bytes for one in self.entries.values()) + sum(
            one.bytes for one in self.beside.values()
        )

    @property
    def proved_ms(self) -> int:
        """Since when every file was proved at least once; 0: not all were yet."""
        return min((one.proved_ms for one in self.entries.values()), default=0)

    def about(self) -> dict[str, Any]:
        """Return what each file says of its station."""
        return {"uid": self.uid, "site": self.site, "simulated": self.simulated, "zone": self.zone}


def publish(medium: Medium, index: Index) -> None:
    """Write the index under the next number: from here on it counts. Older ones but one are removed."""
    index.number += 1
    medium.write(layout.index_name(index.number), [_packed(index)])
    for number in numbers(medium):
        if number <= index.number - KEPT:
            medium.remove(layout.index_name(number))


def load(medium: Medium) -> Index | None:
    """Return the newest index that can be read; None when there is none at all.

    Raises:
        Damaged: There are some, but none can be read.
        StoreError: A newer program wrote it, or the medium cannot be read.
    """
    found = sorted(numbers(medium), reverse=True)
    problem: Damaged | None = None
    for place, number in enumerate(found):
        try:
            index = read(medium, number)
        except Damaged as exc:
            problem = problem or exc
            continue
        if place:
            _follow(medium, index)
            index.number = found[0]  # the next one gets a number that none had
        return index
    if problem:
        raise problem
    return None


def read(medium: Medium, number: int) -> Index:
    """Return one index. Raises Damaged when it cannot be read."""
    name = layout.index_name(number)
    return _unpacked(medium.read(name), str(medium.folder / name))


def numbers(medium: Medium) -> list[int]:
    """Return the numbers of the indexes that are there."""
    if not medium.folder.is_dir():
        return []
    found = (layout.INDEX.fullmatch(name) for name in medium.names())
    return [int(one[1]) for one in found if one]


def _follow(medium: Medium, index: Index) -> None:
    """Let later files of a day take the place of those that are gone."""
    there = medium.names()
    for key, entry in list(index.entries.items()):
        stem = entry.file.rsplit("-", 1)[0]
        later = [name for name in there if name.rsplit("-", 1)[0] == stem and name.endswith(".gz")]
        if entry.file not in there and later:
            index.entries[key] = replace(entry, file=later[-1], sha256="", tables={}, state="", proved_ms=0)


def _packed(index: Index) -> bytes:
    body: dict[str, Any] = {
        name: getattr(index, name)
        for name in ("uid", "site", "simulated", "zone", "number", "at_ms", "newest_ms", "facts", "dropped")
    }
    body |= {"begun_ms": index.begun_ms, "program": __version__}
    body["entries"] = [asdict(one) for one in _sorted(index.entries)]
    body["earlier"] = [asdict(one) for one in index.earlier]
    body["beside"] = [asdict(one) for one in _sorted(index.beside)]
    text = json.dumps(body, separators=(",", ":"))
    check = hashlib.sha256(text.encode("ascii")).hexdigest()
    by = f'"writer":{json.dumps(asdict(index.writer))},' if index.writer else ""  # no part of the body:
    # a program that knows of no writer reads on
    whole = f'{{"index":{layout.FORMAT},"sha256":"{check}",{by}"body":\n{text}\n}}\n'
    squeeze = zlib.compressobj(6, zlib.DEFLATED, 31)
    return squeeze.compress(whole.encode("ascii")) + squeeze.flush()


def _sorted(parts: dict[Any, Any]) -> Iterable[Any]:
    return (parts[key] for key in sorted(parts))


def _unpacked(content: bytes, name: str) -> Index:
    try:
        text = zlib.decompress(content, 31).decode("ascii")
        first, body_text, _ = text.split("\n", 2)
        said = json.loads(first + "{}}")
        if said["index"] > layout.FORMAT:
            raise StoreError(f"{name} was written by a newer version of this program; use that version")
        if hashlib.sha256(body_text.encode("ascii")).hexdigest() != said["sha256"]:
            raise ValueError("its digest is another one")
        body = json.loads(body_text)
        entries, body["earlier"] = (
            [Entry(**{**one, "tables": _counts(one["tables"])}) for one in body.pop(name)]
            for name in ("entries", "earlier")
        )
        beside = [Beside(**one) for one in body.pop("beside")]
        index = Index(**body, writer=writer.of(said.get("writer")))
    except (ValueError, KeyError, TypeError, zlib.error) as exc:
        raise Damaged(f"{name} is damaged ({exc})") from exc
    index.entries = {(one.group, one.day): one for one in entries}
    index.beside = {(one.kind, one.name): one for one in beside}
    return index


def _counts(tables: dict[str, list[int]]) -> dict[str, Count]:
    return {table: (rows, total) for table, (rows, total) in tables.items()}
