"""What goes into one message, and when it may leave: one incident is one message. Pure.

What is to be told waits for the grouping window, counted from the first of it, so that an outage with twelve
alarms is one message. While a message to somebody waits or cannot leave, what comes meanwhile waits with it
and becomes one message, too; only an urgent alarm overtakes one that could not leave (`outgoing`). The limit
of messages an hour holds back likewise.
"""

from collections.abc import Sequence
from dataclasses import dataclass

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Note:
    """One thing to tell somebody."""

    id: int
    priority: str
    made_ms: int
    """When it was written down, UTC."""
    at_ms: int
    """When what it tells became true."""
    begins: bool = True
    """Whether it tells that an alarm stands; otherwise that one is over."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """What leaves as one message."""

    notes: tuple[Note, ...]
    urgent: bool
    """Whether it counts against the limit of high priority."""


def bundle(
    notes: Sequence[Note],
    *,
    now_ms: int,
    window_ms: int,
    sent_ms: Sequence[int],
    urgent_ms: Sequence[int],
    most: int,
) -> Bundle | None:
    """Return what may leave now as one message; None: nothing yet.

    Args:
        notes: what waits, oldest first.
        now_ms: UTC.
        window_ms: for so long the first of them waits for others.
        sent_ms: when messages were made that count against the limit.
        urgent_ms: likewise those with an alarm of high priority, which have a limit of their own.
        most: so many messages an hour.
    """
    if not notes or 0 <= now_ms - notes[0].made_ms < window_ms:
        return None
    urgent = any(note.priority == "high" for note in notes)
    passed = [ms for ms in (urgent_ms if urgent else sent_ms) if 0 <= now_ms - ms < HOUR_MS]
    return Bundle(tuple(notes), urgent) if len(passed) < most else None


def is_held(notes: Sequence[Note], *, now_ms: int, window_ms: int) -> bool:
    """Whether these have waited for longer than the window: it was the limit, or a way that failed."""
    return bool(notes) and now_ms - notes[0].made_ms >= window_ms + 60_000
