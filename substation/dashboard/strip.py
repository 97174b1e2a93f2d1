"""How well a meter answered, as a strip of ten minutes each. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from substation.store.answered import MINUTE_MS, Minute

STEP_MS = 600_000
HOURS = 24
Kind = Literal["all", "some", "none", "blank"]


@dataclass(frozen=True, slots=True)
class Strip:
    """Ten minutes after ten minutes, oldest first."""

    start_ms: int
    kinds: tuple[Kind, ...]
    """all: every question was answered; some: not every one, or for a part of the time none was stored;
    none: asked in vain; blank: nothing is stored, so nobody knows whether it was asked."""

    def count(self, kind: Kind) -> int:
        """Return how many steps are of a kind."""
        return self.kinds.count(kind)


def bounds(now_ms: int) -> tuple[int, int]:
    """Return from when to when the strip goes: whole steps, up to the last that is over and written.

    The history is written every half minute, so the minute before the last may not be there yet.
    """
    end_ms = (now_ms - 2 * MINUTE_MS) // STEP_MS * STEP_MS
    return end_ms - HOURS * 3_600_000, end_ms


def strip(found: Sequence[Minute], start_ms: int, end_ms: int) -> Strip:
    """Return the strip of [start, end) from the minutes that are stored.

    How many minutes of a step should be there is taken from the steps themselves: a station that asks each
    five minutes has two, and lacks none.
    """
    steps = max(0, (end_ms - start_ms) // STEP_MS)
    within: list[list[Minute]] = [[] for _ in range(steps)]
    for minute in found:
        place = (minute.at_ms - start_ms) // STEP_MS
        if 0 <= place < steps:
            within[place].append(minute)
    usual = median([len(step) for step in within if step] or [0])
    return Strip(start_ms, tuple(_kind(step, usual) for step in within))


def _kind(step: Sequence[Minute], usual: float) -> Kind:
    if not step:
        return "blank"
    asked, answered = sum(minute.asked for minute in step), sum(minute.answered for minute in step)
    if not answered:
        return "none"
    return "all" if answered >= asked and len(step) >= usual - 1 else "some"
