"""One question, one answer: what a line asks of an engine, whichever way its bytes travel."""

from dataclasses import dataclass
from typing import Protocol

from substation.bus.frame import Question
from substation.errors import NoAnswer

SETTLE_S = 0.02
"""So long may bytes of one frame stay away inside an adapter (FTDI's latency timer is 16 ms)."""
BABBLE_S = 1.0
"""A line that is not quiet for so long has somebody else talking on it."""
HELD_UP_S = 0.05
"""Found so much later than we would have stopped waiting, a reply is too old to be stamped with now."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A valid answer."""

    words: tuple[int, ...]
    at_ms: int
    """UTC, ms: when its last byte arrived."""
    turnaround_s: float
    """What the meter thought, beyond the silence t3.5 that it has to keep; computed from the last byte."""
    noise: bool = False
    """Whether bytes that are not the answer had to be skipped before it."""


class Exchange(Protocol):
    """An engine: asks one question at a time."""

    sent: bool
    """Whether the last request left."""
    whole: bool
    """Whether its reply has come, only damaged or in the wrong form: then the meter owes nothing."""
    in_order: bool
    """Whether nothing older is owed: only then a sound reply in the wrong form is the reply."""
    echoes: bool
    """Whether our own bytes came back, the last time that a meter answered."""
    busy_s: float
    """Spent on transactions since the start, s."""
    held_s: float
    """How long a gateway holds its line for a silent meter, as far as it told, s."""

    def opened(self) -> None:
        """Forget what was on the way before: the transport has been opened anew."""
        ...

    def ask(self, question: Question, timeout_s: float, gap_s: float) -> Answer:
        """Return the answer, or raise LinkError."""
        ...


def held_up(question: Question, late_s: float) -> NoAnswer:
    """Return the error for bytes that waited for us, nobody knows how long."""
    return NoAnswer(
        f"{question}: we were held up for {late_s:.1f} s (machine busy, stopped or suspended); "
        "what came meanwhile is too old to be used"
    )
