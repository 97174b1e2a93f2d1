"""Reads the log backwards, the newest line first: for the page and for `datalogger.py audit tail`.

A year of log is not read for a view: who looks further back asks for what is before a number.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from substation.audit import chain, rotation
from substation.audit.keys import AuditKey
from substation.clock import SystemClock
from substation.errors import StoreError

MOST_LOOKED_AT = 50_000
"""Lines looked at for one view (0.1 to 0.2 s); the page then says how far it came and offers to go on."""
_LONGEST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines; an empty part asks for nothing."""

    event: str = ""
    """The event; `login.*` finds `login`, `login.failed` and all others of that kind."""
    user: str = ""
    source: str = ""
    process: str = ""
    text: str = ""
    """Stands anywhere in the line, capitals or not."""
    first_day: str = ""
    """Site's calendar day `2026-11-24`, included."""
    last_day: str = ""
    refused: bool = False
    """Only what was refused or failed."""

    @property
    def everything(self) -> bool:
        """Whether nothing is asked for."""
        return self == Wanted()


@dataclass(frozen=True, slots=True)
class Entry:
    """A line as it is shown; of one that is none only `raw`."""

    seq: int
    """0: no audit line (torn, edited, foreign)."""
    local: str = ""
    """Site time, ISO 8601 with its offset."""
    process: str = ""
    event: str = ""
    user: str = ""
    source: str = ""
    ok: bool = True
    details: Mapping[str, object] = field(default_factory=dict)
    sealed: bool | None = None
    """Whether it carries its own right MAC; None: nobody asked."""
    raw: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """A part of the log, the newest line first."""

    entries: tuple[Entry, ...]
    older: int
    """Ask for lines before this number to go on; 0: the beginning of the log is reached."""
    looked_at: int
    reached: str = ""
    """Site time of the oldest line that was looked at."""


def newest(
    path: Path,
    wanted: Wanted | None = None,
    *,
    before: int = 0,
    count: int = 200,
    keys: Sequence[AuditKey] = (),
) -> View:
    """Return the newest lines that are wanted, over all files of the log.

    Args:
        path: the audit log.
        wanted: which lines; by default all.
        before: only lines with a lower number; 0: from the end.
        count: so many at most.
        keys: with the chain's keys each line says whether it carries its own right MAC.

    Raises:
        StoreError: the log is missing or cannot be read.
    """
    wanted = wanted or Wanted()
    may_fit = _quick_test(wanted)
    entries: list[Entry] = []
    looked_at = last_seq = 0
    reached = ""
    for line in _backwards(path, before):
        seq = _number(line)
        if before and (seq == 0 or seq >= before):
            continue
        if len(entries) >= count or looked_at >= MOST_LOOKED_AT:
            return View(tuple(entries), last_seq, looked_at, reached)
        looked_at += 1
        last_seq = min(seq, last_seq or seq) or last_seq  # a line put there by somebody has any number
        reached = _local(line) or reached
        if not may_fit(line):
            continue
        record = chain.read_line(line)
        if wanted.everything or (record is not None and _fits(wanted, record)):
            entries.append(_entry(line, record, keys))
    return View(tuple(entries), 0, looked_at, reached)


def tail(path: Path, count: int = 20, wanted: Wanted | None = None) -> list[str]:
    """Return the last lines as a person reads them: site time, event, who, from where, details.

    Raises:
        StoreError: the log is missing or cannot be read.
    """
    if count <= 0:
        return []
    found: list[Entry] = []
    before = 0
    while len(found) < count:
        view = newest(path, wanted, before=before, count=count - len(found))
        found += view.entries
        before = view.older
        if not before:
            break
    return [said(entry) for entry in reversed(found)]


def said(entry: Entry) -> str:
    """Return a line as one sentence; whatever stands in it does nothing to a terminal."""
    if not entry.seq:
        return f"(torn or foreign line) '{entry.raw[:80]}'"
    when = entry.local[:19].replace("T", " ")
    who = f" {entry.user}" if entry.user else ""
    source = f" from {entry.source}" if entry.source else ""
    rest = "".join(f" {name}={value}" for name, value in entry.details.items())
    failed = "" if entry.ok else " REFUSED"
    return harmless(f"{when} {entry.process} {entry.event}{failed}{who}{source}{rest}")


def harmless(text: str) -> str:
    """Return a text in which nothing acts: no control character, no change of direction, no line break."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _quick_test(wanted: Wanted) -> Callable[[bytes], bool]:
    """Return a test of raw lines that is passed by all that are wanted, and by few others.

    Reading a line whole takes ten times as long.
    """
    needles = [
        f'"{name}":{json.dumps(sought)}'.encode("ascii")
        for name, sought in (
            ("event", "" if wanted.event.endswith(".*") else wanted.event),
            ("user", wanted.user),
            ("src", wanted.source),
            ("svc", wanted.process),
        )
        if sought
    ]
    if wanted.refused:
        needles.append(b'"ok":false')
    text = json.dumps(wanted.text)[1:-1].lower().encode("ascii")

    def may_fit(line: bytes) -> bool:
        day = _local(line)[:10]
        return (
            all(needle in line for needle in needles)
            and (not wanted.first_day or day >= wanted.first_day)
            and (not wanted.last_day or day <= wanted.last_day)
            and (not text or text in line.partition(b',"svc":')[2].rpartition(b',"prev":')[0].lower())
        )

    return may_fit


def _fits(wanted: Wanted, record: Mapping[str, object]) -> bool:
    event = str(record["event"])
    if wanted.event.endswith(".*"):
        fits_event = f"{event}.".startswith(wanted.event.removesuffix("*"))
    else:
        fits_event = wanted.event in ("", event)
    return (
        fits_event
        and wanted.user in ("", record["user"])
        and wanted.source in ("", record["src"])
        and wanted.process in ("", record["svc"])
        and (not wanted.refused or not record["ok"])
    )


def _local(line: bytes) -> str:
    """Return the site time in a line without reading the rest of it; empty: it has none."""
    at = line.find(b'"local":"', 0, 100)
    return line[at + 9 : at + 38].decode("ascii", "replace") if at >= 0 else ""


def _entry(line: bytes, record: Mapping[str, object] | None, keys: Sequence[AuditKey]) -> Entry:
    if record is None:
        return Entry(0, raw=ascii(line[:_LONGEST_SHOWN].decode("ascii", "replace"))[1:-1])
    details = record["d"]
    return Entry(
        int(str(record["seq"])),
        str(record["local"]),
        str(record["svc"]),
        str(record["event"]),
        str(record["user"]),
        str(record["src"]),
        bool(record["ok"]),
        details if isinstance(details, dict) else {"d": details},
        any(chain.fits(key.key, record) for key in keys) if keys else None,
    )


def _number(line: bytes) -> int:
    """Return the number at the head of a line, without reading the rest of it; 0: it has none."""
    text = line[7:24].partition(b",")[0]
    return int(text) if line.startswith(b'{"seq":') and text.isdigit() else 0


def _backwards(path: Path, before: int) -> Iterator[bytes]:
    """Give the lines of all files, the newest first; files whose numbers are all too high are left out."""
    with contextlib.ExitStack() as stack:
        try:
            with contextlib.ExitStack() as held:
                with contextlib.suppress(OSError):
                    held.enter_context(chain.locked(path, SystemClock()))
                closed = rotation.closed_paths(path)
                handles = [rotation.open_to_read(one) for one in closed]
                for handle in handles:
                    stack.callback(os.close, handle)
                handles.sort(key=_first_number)
                if path.exists() or not closed:
                    handles.append(rotation.open_to_read(path))
                    stack.callback(os.close, handles[-1])
            for handle in reversed(handles):
                if before and _first_number(handle) >= before:
                    continue
                yield from rotation.lines_backwards(handle)
        except OSError as exc:
            raise StoreError(f"{path}: the audit log cannot be read ({exc.strerror or exc})") from exc


def _first_number(handle: int) -> int:
    first = rotation.first_of(handle)
    return int(str(first["seq"])) if first else 0
