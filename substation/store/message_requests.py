"""What people ask of the messenger: a test message to somebody. Rows of `operator.db`, by the dashboard.

The messenger reads them and answers each in a file of its own (`requests.answer` in
`Home.messenger_answers`), as the poller does with its requests; neither reads those of the other.
"""

from dataclasses import dataclass
from pathlib import Path

from substation.clock import Clock
from substation.store.operator_db import OperatorDb
from substation.store.requests import rows_after

KIND = "test message"
KEPT = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """One test message that somebody wants."""

    id: int
    at_ms: int
    recipient: str
    asked_by: str


def ask(db: OperatorDb, clock: Clock, recipient: str, asked_by: str) -> int:
    """Write down that a test message is wanted; return its number, by which the answer is found."""
    with db.transaction() as connection:
        connection.execute(
            "DELETE FROM message_request WHERE id <= (SELECT max(id) FROM message_request) - ?", (KEPT,)
        )
        row = connection.execute(
            "INSERT INTO message_request (at_ms, recipient, asked_by) VALUES (?, ?, ?)",
            (clock.now_ms(), recipient, asked_by),
        )
        return int(row.lastrowid or 0)


def after(path: Path, last_id: int) -> list[Wanted]:
    """Return what is wanted behind `last_id`, oldest first. Raises Busy, StoreError: see `rows_after`."""
    columns = ("at_ms", "recipient", "asked_by")
    rows = rows_after(path, "message_request", columns, last_id, "nobody can ask for a test message")
    return [Wanted(*row) for row in rows]
