"""Sessions as they are kept in the operators' database, so that a restart logs nobody out."""

from collections.abc import Collection, Sequence
from dataclasses import astuple, dataclass, fields

from substation.store.operator_db import OperatorDb


@dataclass(frozen=True, slots=True)
class Row:
    """One session. The token itself is nowhere: only its SHA-256, by which it is recognised."""

    mark: str
    """SHA-256 of the token, 64 hex digits."""
    user: str
    source: str
    """The address at which the login was made."""
    fingerprint: str
    """SHA-256 of the user's password hash: another one ends the session."""
    boot: str
    """Start of the machine that `begun` and `touched` count from."""
    begun_ms: int
    """UTC, ms: for people; nothing is decided by it."""
    begun: float
    """Monotonic, s."""
    touched: float
    """Monotonic, s: when a person was last at it."""
    ended: str = ""
    """Why it has ended; empty while it is open."""


_NAMES = ", ".join(field.name for field in fields(Row))
_PLACES = ", ".join("?" for _ in fields(Row))


def load(store: OperatorDb) -> list[Row]:
    """Return all sessions, the oldest first. Raises StoreError."""
    found = store.rows(f"SELECT {_NAMES} FROM session ORDER BY begun_ms")  # noqa: S608  our own names
    return [Row(*values) for values in found]  # type: ignore[arg-type]


def save(store: OperatorDb, rows: Sequence[Row], gone: Collection[str]) -> None:
    """Write these sessions and drop those that are gone, in one transaction. Raises StoreError.

    In haste: somebody waits for his page, and what is not written now is written later.
    """
    with store.transaction(hasty=True) as connection:
        connection.executemany(
            f"INSERT OR REPLACE INTO session ({_NAMES}) VALUES ({_PLACES})",  # noqa: S608  our own names
            [astuple(row) for row in rows],
        )
        connection.executemany("DELETE FROM session WHERE mark = ?", [(mark,) for mark in gone])
