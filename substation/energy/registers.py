"""What a counter's registers tell: the way from one to the next, and which steps cannot be true. Pure.

A register can lie: a meter is exchanged or reset, one reading is wild, one poll says 0. A figure over a
doubted step is unknown, not guessed.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

QUARTER_MS = 900_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
MOST_LOAD = 3.0
"""No circuit carries more for long than so many times its rating: a fuse or breaker would have opened."""
FLOAT_STEP = 2.0**-22
"""A register comes as float32 and is off by up to so much of itself when it goes on by one step."""

FELL = "its register fell: meter exchanged, reset, or one false reading"
JUMPED = "its register jumped: meter exchanged, or one false reading"


@dataclass(frozen=True, slots=True)
class Register:
    """A counter as it was read at a time, UTC ms."""

    at_ms: int
    value: int


def doubtful_steps(
    registers: Sequence[Register], rated_va: float | None
) -> list[tuple[Register, Register, str]]:
    """Return the steps from one register to the next that the circuit cannot have used, and why.

    Falls; rises beyond what it can carry; and, told even where the rating is unknown, one false reading:
    the rise that makes good a fall just before, and the rise that the next register takes back.
    """
    found = []
    for at, (a, b) in enumerate(itertools.pairwise(registers), 1):
        before = registers[at - 2] if at > 1 else a
        after = registers[at + 1] if at + 1 < len(registers) else b
        if b.value < a.value:
            found.append((a, b, FELL))
            continue
        taken_back = a.value < before.value <= b.value or a.value <= after.value < b.value
        if taken_back or (rated_va is not None and b.value - a.value > _most(a, b, rated_va)):
            found.append((a, b, JUMPED))
    return found


def _most(a: Register, b: Register, rated_va: float) -> float:
    # a meter renews its registers when it likes, so no step counts as shorter than a minute
    hours = max(b.at_ms - a.at_ms, MINUTE_MS) / HOUR_MS
    return MOST_LOAD * rated_va * hours + b.value * FLOAT_STEP + 1


def in_order(registers: Sequence[Register]) -> list[Register]:
    """Return each register once, oldest first."""
    return sorted(set(registers), key=lambda register: register.at_ms)
