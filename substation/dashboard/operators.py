"""The operators' database as the dashboard opens it: without it there is still something to see.

A full card, a damaged file or a read-only system costs what would be written there, which the state
line says; the readings are shown all the same. Only another station's file ends the start.
"""

import contextlib
import logging
import sqlite3
from collections.abc import Iterator

from substation.errors import StoreError, WrongStation
from substation.settings.model import Home, Settings
from substation.store.operator_db import OperatorDb

LOG = logging.getLogger(__name__)


class Operators(OperatorDb):
    """The operators' database, opened."""

    problem = ""
    """In words, when it could not be opened."""


class Nowhere(Operators):
    """Stands for a database that cannot be used: every question fails in its words."""

    def __init__(self, problem: str) -> None:
        """Say `problem` to whoever asks."""
        self.problem = problem

    @contextlib.contextmanager
    def transaction(self, *, hasty: bool = False) -> Iterator[sqlite3.Connection]:
        """Raise StoreError."""
        raise StoreError(self.problem)
        yield  # makes it a generator, as the real one is

    def rows(self, sql: str, parameters: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        """Raise StoreError."""
        raise StoreError(self.problem)

    def close(self) -> None:
        """Nothing is open."""


def opened(home: Home, settings: Settings) -> Operators:
    """Return the operators' database, or what stands for it. Raises WrongStation."""
    try:
        return Operators(home.operator, settings.simulated)
    except WrongStation:
        raise
    except StoreError as exc:
        LOG.error("going on without the operators' database: %s", exc)
        return Nowhere(f"Failed logins are counted in memory only: {exc}")


def prove(home: Home, settings: Settings) -> None:
    """Raise WrongStation when the database is another station's; leaves nothing open (a fork follows)."""
    opened(home, settings).close()
