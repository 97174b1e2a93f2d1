"""Where the last line of the log is noted beside the log: only that shows a cut-off end later."""

import os
import sys
from collections.abc import Iterable
from typing import TextIO

from substation.audit.writer import Audit
from substation.errors import StoreError
from substation.settings.model import Home, Settings
from substation.store import anchors
from substation.store.operator_db import OperatorDb

DAY_S = 86_400.0
"""How often a running process writes a line of its own for it."""
HOUR_S = 3600.0
"""How often a running process notes the last line, where it is another one than before."""


def known(home: Home) -> tuple[list[anchors.Anchor], list[str]]:
    """Return what the station's stores have noted, and in words which of them cannot be asked.

    Gather them before the log is read: what is noted later is not in what was read.
    """
    found: list[anchors.Anchor] = []
    words = []
    for ask, path in ((anchors.of_history, home.history), (anchors.of_operators, home.operator)):
        try:
            found += ask(path)
        except StoreError as exc:
            words.append(f"Not compared with the numbers noted in {path.name}: {exc}")
    return found, words


def tell_journal(audit: Audit, service: str, stream: TextIO | None = None) -> None:
    """Print the last line's number to standard error when the system's journal listens there.

    The journal belongs to root: who can write the log cannot change what stands in it.
    """
    stream = stream or sys.stderr
    if not _is_journal(stream):
        return
    anchor = audit.anchor()
    if anchor[0]:
        print(f"{service}: audit anchor {anchors.written(anchor)}", file=stream, flush=True)


def _is_journal(stream: TextIO) -> bool:
    """Return whether JOURNAL_STREAM (`device:inode`, systemd.exec) names this very stream."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def given(texts: Iterable[str]) -> list[anchors.Anchor]:
    """Return anchors as a person has noted them. Raises ValueError in words."""
    found = []
    for text in texts:
        anchor = anchors.parsed(text)
        if anchor is None:
            raise ValueError(f"'{text}' is no anchor; it is written NUMBER:SEAL, as `audit verify` prints it")
        found.append(anchor)
    return found


def note_stop(home: Home, settings: Settings, anchor: anchors.Anchor, at_ms: int) -> None:
    """Keep the last line of a dashboard that ends, after its workers have gone. Raises StoreError."""
    if not anchor[0]:
        return
    database = OperatorDb(home.operator, settings.simulated)
    try:
        anchors.note(database, anchor, at_ms, "stop")
    finally:
        database.close()
