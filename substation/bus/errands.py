"""What is asked of a meter beside its fast block: when it is due, and how often it is tried."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from substation.meters.blocks import Block

ATTEMPTS = 3
"""So often in a row, one a round, before the next turn is waited for."""
ONCE_AGAIN_S = 60.0
"""After so many attempts in vain, what is read once is tried again so much later where there is no turn."""


@dataclass(slots=True)
class Errand:
    """One slow block, or one that is read once. Times are monotonic seconds."""

    block: Block
    once: bool
    due_s: float
    tries: int = 0


class Turns:
    """When a meter's slow values have their turn: every `interval_s`, at a moment of its own.

    The meters of a line are spread over the interval, so that their turns do not fall into one round.
    """

    def __init__(self, start_s: float, interval_s: float, share: float) -> None:
        self._interval_s = interval_s or ONCE_AGAIN_S
        self._first_s = start_s + share * self._interval_s

    def next_s(self, now_s: float) -> float:
        """Return the first turn after now."""
        passed = math.floor((now_s - self._first_s) / self._interval_s + 1e-9)
        return self._first_s + (passed + 1) * self._interval_s

    def done(self, errand: Errand, now_s: float) -> None:
        """Take that it was answered."""
        errand.tries = 0
        errand.due_s = math.inf if errand.once else self.next_s(now_s)

    def failed(self, errand: Errand, now_s: float) -> None:
        """Take that it was not: it is tried again in the next round, a few times."""
        errand.tries += 1
        if errand.tries >= ATTEMPTS:
            errand.tries, errand.due_s = 0, self.next_s(now_s)


def carried(
    old: Iterable[Errand], slow: Iterable[Block], once: Iterable[Block], now_s: float
) -> list[Errand]:
    """Return the errands of a new plan: each is due when the first of its values was due, else now."""
    due_s = {key: errand.due_s for errand in old for key in errand.block.keys}
    return [
        Errand(block, is_once, min(due_s.get(key, now_s) for key in block.keys))
        for is_once, blocks in ((False, slow), (True, once))
        for block in blocks
    ]
