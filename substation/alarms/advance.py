"""What a register says of a time in which nobody read it: was there supply? Pure.

A register is read less often than a meter is asked, so it is known somewhat before the time in question and
somewhat after. What flowed in these margins is taken from the load on either side; only what goes far beyond
that, or stays far below what the time itself would have needed, says something.
"""

from dataclasses import dataclass
from typing import Literal

FLOAT_STEP = 2.0**-22
"""Of itself: a register that comes as float32 goes on in steps of so much."""
LEAST_STEP_WH = 2.0
MARGIN = 0.3
"""By so much the load may differ from what was seen of it."""
_MS_PER_HOUR = 3_600_000

Word = Literal["went_on", "stood_still", "cannot_tell"]


@dataclass(frozen=True, slots=True)
class Register:
    """Energy received as it was read, Wh."""

    at_ms: int
    wh: float


@dataclass(frozen=True, slots=True)
class Advance:
    """How far a register went on over a time without answers."""

    wh: float
    word: Word
    expected_wh: float
    """What it would have gone on by with the load from before, margins included."""


def advance(
    before: Register,
    after: Register,
    from_ms: int,
    until_ms: int,
    *,
    load_w: tuple[float | None, float | None],
) -> Advance | None:
    """Return how far the register went on and whether that took supply; None where it fell.

    Args:
        before: the register at or before `from_ms`.
        after: the register at or after `until_ms`.
        from_ms: the last answer, UTC ms.
        until_ms: the first answer after it.
        load_w: what the circuit drew at these two.
    """
    wh = after.wh - before.wh
    if wh < 0:
        return None
    step_wh = max(LEAST_STEP_WH, after.wh * FLOAT_STEP)
    first_w, last_w = (max(0.0, load or 0.0) for load in load_w)
    outside_ms = first_w * max(0, from_ms - before.at_ms) + last_w * max(0, after.at_ms - until_ms)
    outside_wh = outside_ms / _MS_PER_HOUR
    inside_wh = first_w * max(0, until_ms - from_ms) / _MS_PER_HOUR
    doubt_wh = 2 * step_wh + MARGIN * outside_wh
    word: Word = "cannot_tell"
    if wh > outside_wh + doubt_wh and wh > outside_wh + inside_wh / 2:
        word = "went_on"
    elif wh < outside_wh + inside_wh / 4 and inside_wh > 3 * doubt_wh:
        word = "stood_still"
    return Advance(wh, word, outside_wh + inside_wh)
