"""Numbers and seals of the audit log, kept where a change of the log itself does not reach them.

The poller keeps them as events of `daily_data.db`, the dashboard in a table of `operator.db`: whoever
cuts the log's end off leaves a number behind that is not in the log any more.
"""

import contextlib
import sqlite3
from pathlib import Path

from substation.errors import StoreError
from substation.store.history import HistoryReader
from substation.store.operator_db import OperatorDb

KIND = "audit.anchor"
"""Kind of the events in the history; `new` holds `SEQ:MAC`."""
MOST = 1000
"""So many of the newest are kept in `operator.db`, and looked at in the history."""

Anchor = tuple[int, str]


def note(database: OperatorDb, anchor: Anchor, at_ms: int, why: str) -> None:
    """Keep an anchor in the operators' database. Raises StoreError."""
    with database.transaction() as connection:
        connection.execute("INSERT INTO audit_anchor VALUES (?, ?, ?, ?)", (*anchor, at_ms, why))
        connection.execute(
            "DELETE FROM audit_anchor WHERE rowid <= (SELECT max(rowid) FROM audit_anchor) - ?", (MOST,)
        )


def of_operators(path: Path) -> list[Anchor]:
    """Return the anchors in the operators' database; nothing is written to it. Raises StoreError."""
    if not path.exists():
        return []
    try:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=2)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'audit_anchor'").fetchone():
                return []
            rows = connection.execute("SELECT seq, mac FROM audit_anchor").fetchall()
    except sqlite3.Error as exc:
        raise StoreError(f"{path}: cannot be read ({exc})") from exc
    return [(int(seq), str(mac)) for seq, mac in rows]


def of_history(path: Path) -> list[Anchor]:
    """Return the anchors among the events of the history. Raises StoreError."""
    found = [parsed(event.new) for event in HistoryReader(path).of_kind(KIND, MOST)]
    return [anchor for anchor in found if anchor is not None]


def parsed(text: str) -> Anchor | None:
    """Return the anchor in `SEQ:MAC`, or None when it is none; the MAC may be cut to 8 digits and more."""
    seq, _, mac = text.strip().lower().partition(":")
    if not (seq.isascii() and seq.isdigit() and 8 <= len(mac) <= 64) or set(mac) - set("0123456789abcdef"):
        return None
    return int(seq), mac


def written(anchor: Anchor) -> str:
    """Return an anchor as `SEQ:MAC`."""
    return f"{anchor[0]}:{anchor[1]}"
