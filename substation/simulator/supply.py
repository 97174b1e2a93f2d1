"""Who feeds whom: the mains, the dark, the DG set, and the moments between them."""

import bisect
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Supply(Enum):
    """What feeds the station."""

    MAINS = "mains"
    """The transformer feeds every feeder; the DG set stands still."""
    DARK = "dark"
    """Mains gone, DG set not yet up: no volts anywhere."""
    GENERATOR = "generator"
    """The DG set feeds the essential load; the other feeders are dead."""
    RETURNED = "returned"
    """Mains back and feeding everything; the DG set runs on without load to cool down."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure of the mains. Times are UTC, ms since 1970."""

    start_ms: int
    end_ms: int
    dg_start_s: float = 10
    """From the failure until the DG set carries the essential load; it does not start for less."""
    dg_stop_s: float = 30
    """From the return of the mains until the DG set stops."""

    def __post_init__(self) -> None:
        if self.end_ms <= self.start_ms or self.dg_start_s < 0 or self.dg_stop_s < 0:
            raise ValueError(f"{self}: it must end after it begins, in times that are not negative")

    @property
    def over_ms(self) -> int:
        """When all is as it was before: mains on, DG set stopped."""
        return self.end_ms + (round(self.dg_stop_s * 1000) if self._dg_runs else 0)

    @property
    def _dg_runs(self) -> bool:
        return self.start_ms + round(self.dg_start_s * 1000) < self.end_ms

    def switches(self) -> list[tuple[int, Supply]]:
        """Return the change-overs, in order: from this ms on, this supply."""
        result = [(self.start_ms, Supply.DARK)]
        if self._dg_runs:
            result.append((self.start_ms + round(self.dg_start_s * 1000), Supply.GENERATOR))
            result.append((self.end_ms, Supply.RETURNED))
        result.append((self.over_ms, Supply.MAINS))
        return result


class Timetable:
    """Every change-over of a station, in order."""

    def __init__(self, failures: Iterable[Failure] = ()) -> None:
        """Take the failures in any order; raise ValueError where one begins before another is over."""
        self.failures = tuple(sorted(failures, key=lambda failure: failure.start_ms))
        for earlier, later in itertools.pairwise(self.failures):
            if later.start_ms < earlier.over_ms:
                raise ValueError(f"{later} begins before {earlier} is over; let the DG set stop first")
        switches = dict(switch for failure in self.failures for switch in failure.switches())
        self._times = list(switches)
        self._supplies = list(switches.values())

    def at(self, ms: int) -> Supply:
        """Return what feeds the station at a time; at a change-over, already the new."""
        index = bisect.bisect_right(self._times, ms)
        return self._supplies[index - 1] if index else Supply.MAINS

    def pieces(self, start_ms: int, end_ms: int) -> list[tuple[int, int, Supply]]:
        """Return the span cut at its change-overs: begin, end and supply of each piece, in order."""
        low = bisect.bisect_right(self._times, start_ms)
        high = bisect.bisect_left(self._times, end_ms)
        if low >= high:
            return [(start_ms, end_ms, self.at(start_ms))]
        bounds = [start_ms, *self._times[low:high], end_ms]
        return [(a, b, self.at(a)) for a, b in itertools.pairwise(bounds)]
