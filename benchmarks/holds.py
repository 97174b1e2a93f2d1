"""How long the one writer is held: commits, retention, rollovers, what is absorbed, on a full-size history.

While it is held no meter is asked, so no hold may last longer than 50 ms. Each figure is the wall time of
one call of `History` as the poller makes it: a commit of 30 s of polling, ten seconds of upkeep, one slice of
another history that is absorbed.
"""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.year import DAY_MS, END_MS, ZONE, rounds
from substation.clock import SystemClock
from substation.store.history import History

POLL_S = 2.0
ROUNDS_A_COMMIT = 15
BUDGET_S = 0.02
"""Less than what the poller gives while the line rests."""


@dataclasses.dataclass(slots=True)
class Hold:
    """Calls of one kind, each in ms."""

    took: list[float] = dataclasses.field(default_factory=list)
    worked: list[float] = dataclasses.field(default_factory=list)
    """Processor time alone: what a busy machine does not stretch. Waiting for the medium is not in it."""

    def time(self, what: Callable[[], object]) -> object:
        """Call, and note how long it took."""
        begin, worked = time.perf_counter(), time.thread_time()
        found = what()
        self.worked.append((time.thread_time() - worked) * 1000)
        self.took.append((time.perf_counter() - begin) * 1000)
        return found

    @property
    def longest(self) -> float:
        """Of all calls, ms."""
        return max(self.took)

    @property
    def usual(self) -> float:
        """The median, ms."""
        return sorted(self.took)[len(self.took) // 2]


def holds(year: Path, other: Path, days: int, raw_days: int, minutes: int = 61) -> dict[str, Hold]:
    """Go on with a history from its last midnight, over the next hour, while retention takes days.

    Args:
        year: As `make_year` left it; it is changed.
        other: Where a second, small history is made that is absorbed.
        days: How many it holds; retention takes five of them.
        raw_days: For how many of them it holds readings, 2 or more; retention takes one.
        minutes: How long to go on.
    """
    clock = SystemClock()
    _another(other)
    found = {
        name: Hold() for name in ("commit", "commit at midnight", "commit at the hour", "retention", "absorb")
    }
    history = History(year, True, clock, ZONE, raw_days=raw_days - 1, minute_days=days - 5)
    with contextlib.closing(history):
        is_left = True
        for number, answers in enumerate(rounds(END_MS, END_MS + minutes * 60_000, POLL_S), start=1):
            history.add(answers)
            now_ms = answers[-1].at_ms
            if number % 5 == 0:
                found["retention"].time(lambda now=now_ms: history.upkeep(now, BUDGET_S))
            if is_left:
                is_left = not found["absorb"].time(lambda: history.absorb(other, BUDGET_S))
            if number % ROUNDS_A_COMMIT == 0:
                kind = "commit"
                if number == ROUNDS_A_COMMIT:
                    kind = "commit at midnight"
                elif number * POLL_S % 3600 == 0:
                    kind = "commit at the hour"
                found[kind].time(history.commit)
    return found


def _another(path: Path) -> None:
    """Make a history of two hours of five other meters, from a day of which readings are kept."""
    history = History(path, True, SystemClock(), ZONE)
    begin_ms = END_MS - DAY_MS
    for answers in rounds(begin_ms, begin_ms + 7_200_000, POLL_S):
        history.add(dataclasses.replace(answer, meter_id=answer.meter_id + 5) for answer in answers)
    history.close()


def told(found: dict[str, Hold]) -> Iterator[tuple[str, Hold]]:
    """Return what was measured, the longest first."""
    yield from sorted(found.items(), key=lambda item: -max(item[1].worked))
