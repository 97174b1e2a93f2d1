"""The history `daily_data.db`: written by the poller alone, read by everybody."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from substation.clock import Clock
from substation.readings import Reading
from substation.store.live_row import LiveRow
from substation.store.reader import HistoryReader, Series

__all__ = ["History", "HistoryReader", "Series"]


class History:
    """The writer of the history; there is one, the poller."""

    def __init__(
        self,
        path: Path,
        simulated: bool,
        clock: Clock,
        zone: ZoneInfo = ZoneInfo("Asia/Kolkata"),
        *,
        site: str = "",
        raw_days: int = 14,
        minute_days: int = 400,
    ) -> None:
        """Open or make the file."""

    def add(self, readings: Iterable[Reading]) -> None:
        """Buffer readings for the next commit."""

    def commit(self) -> int:
        """Write what is buffered in one transaction; return how many rows were new."""
        return 0

    def replay(self, rows: Sequence[LiveRow]) -> int:
        """Take what the database has not; return how many rows were new."""
        return 0

    def absorb(self, path: Path, budget_s: float) -> bool:
        """Copy rows of another history; True when all is taken."""
        return True

    def upkeep(self, now_ms: int, budget_s: float) -> bool:
        """Retention; True when nothing is left to do."""
        return True

    def event(
        self,
        kind: str,
        *,
        at_ms: int,
        meter_id: int | None = None,
        old: str = "",
        new: str = "",
        detail: str = "",
    ) -> None:
        """Note a change of state; it is written with the next commit."""

    def close(self) -> None:
        """Commit and close."""
