"""Who feeds whom: the mains, the dark, the DG set, and the moments between them; and what fails beside.

A `Failure` is one of the mains. A `Trouble` is one fuse or one switch: a phase that is lost, a feeder that
is switched off, the fuse of a meter's own supply.
"""

import bisect
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Literal, NamedTuple, get_args

PHASES = "RYB"
TROUBLED = {"phase_lost": (1, 2, 3, 4), "switched_off": (2, 3, 4), "panel_fuse": (1, 2, 3, 4, 5)}
"""Which circuits of the site can have which trouble: the mains and the DG set have their `Failure`."""

TroubleKind = Literal["phase_lost", "switched_off", "panel_fuse"]


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


@dataclass(frozen=True, slots=True)
class Trouble:
    """One fuse or one switch, from a time to a time. Times are UTC, ms since 1970.

    - phase_lost: the fuse of one phase; of meter 1 for the whole bus behind the transformer
    - switched_off: the feeder's breaker is open
    - panel_fuse: the meter's own supply is gone, its circuit is not
    """

    kind: TroubleKind
    meter: int
    start_ms: int
    end_ms: int
    phase: Literal["R", "Y", "B"] = "R"
    """Of a phase that is lost."""

    def __post_init__(self) -> None:
        if self.kind not in get_args(TroubleKind) or self.meter not in TROUBLED[self.kind]:
            known = "; ".join(f"{kind} of {circuits}" for kind, circuits in TROUBLED.items())
            raise ValueError(f"{self}: no such trouble; known: {known}")
        if self.phase not in tuple(PHASES) or self.end_ms <= self.start_ms:
            raise ValueError(f"{self}: it must end after it begins, on phase R, Y or B")

    @property
    def name(self) -> tuple[str, int, str, int]:
        """What makes it the same trouble, whenever it ends."""
        return self.kind, self.meter, self.phase, self.start_ms


class Fed(NamedTuple):
    """How the station is fed at a moment."""

    supply: Supply
    lost: frozenset[tuple[int, int]] = frozenset()
    """Phases that are lost: circuit, and place in R, Y, B."""
    off: frozenset[int] = frozenset()
    """Feeders whose breaker is open."""


class Timetable:
    """Every change-over of a station, in order."""

    def __init__(self, failures: Iterable[Failure] = (), troubles: Iterable[Trouble] = ()) -> None:
        """Take all in any order; raise ValueError where a failure begins before another is over."""
        self.troubles = tuple(sorted(troubles, key=lambda trouble: trouble.start_ms))
        self.failures = tuple(sorted(failures, key=lambda failure: failure.start_ms))
        for earlier, later in itertools.pairwise(self.failures):
            if later.start_ms < earlier.over_ms:
                raise ValueError(f"{later} begins before {earlier} is over; let the DG set stop first")
        switches = dict(switch for failure in self.failures for switch in failure.switches())
        ends = {ms for trouble in self.troubles for ms in (trouble.start_ms, trouble.end_ms)}
        self._times = sorted(ends | switches.keys())
        self._fed: list[Fed] = []
        supply = Supply.MAINS
        for ms in self._times:
            supply = switches.get(ms, supply)
            self._fed.append(self._with_troubles(supply, ms))

    def _with_troubles(self, supply: Supply, ms: int) -> Fed:
        now = [trouble for trouble in self.troubles if trouble.start_ms <= ms < trouble.end_ms]
        return Fed(
            supply,
            frozenset((t.meter, PHASES.index(t.phase)) for t in now if t.kind == "phase_lost"),
            frozenset(t.meter for t in now if t.kind == "switched_off"),
        )

    def at(self, ms: int) -> Fed:
        """Return what feeds the station at a time; at a change-over, already the new."""
        index = bisect.bisect_right(self._times, ms)
        return self._fed[index - 1] if index else _UNTROUBLED

    def fuse_blown(self, meter: int, ms: int) -> bool:
        """Return whether the fuse of a meter's own supply is blown."""
        return any(
            t.kind == "panel_fuse" and t.meter == meter and t.start_ms <= ms < t.end_ms for t in self.troubles
        )

    def pieces(self, start_ms: int, end_ms: int) -> list[tuple[int, int, Fed]]:
        """Return the span cut at its change-overs: begin, end and what feeds it, of each piece, in order."""
        low = bisect.bisect_right(self._times, start_ms)
        high = bisect.bisect_left(self._times, end_ms)
        if low >= high:
            return [(start_ms, end_ms, self.at(start_ms))]
        bounds = [start_ms, *self._times[low:high], end_ms]
        return [(a, b, self.at(a)) for a, b in itertools.pairwise(bounds)]


_UNTROUBLED = Fed(Supply.MAINS)
