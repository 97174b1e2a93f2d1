"""Reads the history, and never writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from substation.readings import Reading


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one meter over time, for a chart."""

    table: str
    at_ms: list[int]
    step_s: float
    values: dict[str, list[float | None]]
    low: dict[str, list[float | None]]
    high: dict[str, list[float | None]]


class HistoryReader:
    """Read-only."""

    def __init__(self, path: Path) -> None:
        """Name the file; it is opened at the first question."""

    def series(self, meter_id: int, keys: Sequence[str], start_ms: int, end_ms: int, points: int) -> Series:
        """Return the values between two times."""
        return Series("minute", [], 60.0, {k: [] for k in keys}, {k: [] for k in keys}, {k: [] for k in keys})

    def latest(self) -> dict[int, Reading]:
        """Return the newest row of each meter."""
        return {}

    def day_energy(self, meter_id: int, start_ms: int, end_ms: int) -> dict[str, float | None]:
        """Return the differences of the counters."""
        return {}

    def max_demand(
        self, meter_id: int, start_ms: int, end_ms: int, block_minutes: int = 30
    ) -> tuple[float, int] | None:
        """Return the greatest demand, VA, and when its block began."""
        return None
