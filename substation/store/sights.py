"""When a meter was polled last before a moment: so between which polls a change lies."""

import sqlite3
from collections.abc import Sequence

BACK_MS = 600_000
"""So far back a poll is looked for; where there was none for so long, nobody looked."""


def before(
    db: sqlite3.Connection, meter_id: int, moments_ms: Sequence[int], *, answered: bool
) -> dict[int, int | None]:
    """Return by moment, UTC ms, the last poll of the meter before it, UTC ms.

    None where there was none, or where retention has taken the single polls. `answered`: only polls that
    were answered; else one in vain counts too: a sight of a meter that fell silent with its circuit.
    """
    good = "AND quality = 0 " if answered else ""
    found: dict[int, int | None] = {}
    for at_ms in moments_ms:
        row = db.execute(
            f"SELECT key >> 8 FROM reading WHERE key >= ? AND key < ? AND key & 255 = ? {good}"  # noqa: S608
            "ORDER BY key DESC LIMIT 1",
            ((at_ms - BACK_MS) << 8, at_ms << 8, meter_id),
        ).fetchone()
        found[at_ms] = None if row is None else int(row[0])
    return found
