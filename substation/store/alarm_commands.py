"""What people ask to be done with alarms: rows of `operator.db`, by the dashboard, obeyed by the poller.

A row is asked once and has a uid; the poller's answer to it stands in `state/alarms.json`
(`store.alarm_file`). Other than a request it does not grow old: who acknowledged while the poller did not run
has acknowledged.
"""

import secrets
from pathlib import Path

from substation.alarms.state import Asked, Command
from substation.clock import Clock
from substation.store.operator_db import OperatorDb
from substation.store.requests import rows_after

KEPT = 200
"""Rows; fewer than the answers that the poller remembers (`alarms.handling`): none is obeyed twice."""
COLUMNS = ("uid", "at_ms", "kind", "rule", "subject", "asked_by", "words", "minutes", "occurrence")
"""Of a command, as `Command` has them."""
LONGEST_WORDS = 1000


def ask(
    db: OperatorDb,
    clock: Clock,
    kind: Asked,
    *,
    rule: str,
    subject: str,
    by: str,
    words: str = "",
    minutes: int = 0,
    occurrence: str = "",
) -> str:
    """Write down what is asked; return its uid, by which the answer is found.

    Args:
        db: the operators' database.
        clock: for when it is asked.
        kind: `acknowledge`, `shelve`, `unshelve`, `out_of_service`, `in_service`, `note`.
        rule: of the alarm, such as `voltage_low`.
        subject: of the alarm, such as `meter:3`.
        by: login name of who asks.
        words: a note; the reason, which shelving and taking out of service must have.
        minutes: for how long it is shelved.
        occurrence: `Alarm.occurrence` as the person saw it, so that he acknowledges no other one.
    """
    uid = secrets.token_hex(8)
    row = (uid, clock.now_ms(), kind, rule, subject, by, words[:LONGEST_WORDS], minutes, occurrence)
    with db.transaction() as connection:
        newest = "(SELECT max(id) FROM alarm_command)"
        connection.execute(f"DELETE FROM alarm_command WHERE id <= {newest} - ?", (KEPT,))  # noqa: S608
        connection.execute(
            "INSERT INTO alarm_command (uid, at_ms, kind, rule, subject, asked_by, words, minutes, "
            "occurrence) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        )
    return uid


def after(path: Path, last_id: int) -> tuple[list[Command], int]:
    """Return the commands behind `last_id`, oldest first, and the id of the last one.

    All of them where the file is another one than before; those that were obeyed are known by their uid.
    Raises Busy and StoreError: see `requests.rows_after`.
    """
    rows = rows_after(path, "alarm_command", COLUMNS, last_id, "nobody can acknowledge an alarm")
    return [Command(*row[1:]) for row in rows], rows[-1][0] if rows else last_id
