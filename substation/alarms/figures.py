"""How the alarms do: how many, floods, chatterers, what stands for long. Pure.

After ISA-18.2 and IEC 62682. The figures are shown, not graded: ISA-18.2:2016 dropped the daily average, and
its targets are for one operator of a process plant. Counted is what was announced, that is each time that an
alarm became Unacknowledged; what was shelved, suppressed or for the record only disturbed nobody.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

BLOCK_MS = 600_000
FLOOD, FLOOD_ENDS = 10, 5
"""A flood begins with a block of ten minutes of so many, and ends with one of fewer than the other."""
CHATTER, CHATTER_MS = 3, 60_000
"""So many times within this, and an alarm chatters."""
STALE_MS = 86_400_000
TOP = 10


@dataclass(frozen=True, slots=True)
class Announced:
    """An alarm became Unacknowledged."""

    at_ms: int
    key: str
    priority: str


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one period."""

    count: int = 0
    per_block: float = 0.0
    """Mean number in ten minutes."""
    most: int = 0
    """In one block of ten minutes."""
    floods: int = 0
    flooded: float = 0.0
    """Share of the time, 0 to 1."""
    chattering: Mapping[str, int] = field(default_factory=dict)
    """By key how often those were announced that came three times within a minute."""
    top: tuple[tuple[str, int], ...] = ()
    """The ten that came most often, and how often."""
    top_share: float = 0.0
    """Of all that came, 0 to 1."""
    mix: Mapping[str, float] = field(default_factory=dict)
    """Share of each priority, 0 to 1."""


def figures(announced: Sequence[Announced], start_ms: int, end_ms: int, unwatched_ms: int = 0) -> Figures:
    """Return the figures of [start, end), UTC ms; what lies outside is left out.

    The blocks of ten minutes follow each other from the start; the last one may be shorter. In `unwatched_ms`
    of the time nobody polled: no alarm could come then, so mean and share of the time are of the rest.
    """
    rows = sorted((one for one in announced if start_ms <= one.at_ms < end_ms), key=lambda one: one.at_ms)
    if not rows or end_ms <= start_ms:
        return Figures()
    blocks = [0] * -(-(end_ms - start_ms) // BLOCK_MS)
    for one in rows:
        blocks[(one.at_ms - start_ms) // BLOCK_MS] += 1
    floods, flooded = _floods(blocks)
    watched_ms = max(end_ms - start_ms - unwatched_ms, min(BLOCK_MS, end_ms - start_ms))
    by_key = Counter(one.key for one in rows)
    top = tuple(by_key.most_common(TOP))
    return Figures(
        count=len(rows),
        per_block=len(rows) * BLOCK_MS / watched_ms,
        most=max(blocks),
        floods=floods,
        flooded=flooded / max(flooded, -(-watched_ms // BLOCK_MS)),
        chattering={key: by_key[key] for key in by_key if _chatters(rows, key)},
        top=top,
        top_share=sum(times for _, times in top) / len(rows),
        mix={name: times / len(rows) for name, times in Counter(one.priority for one in rows).most_common()},
    )


def stale(since_ms: Mapping[str, int], now_ms: int) -> tuple[str, ...]:
    """Return which of the alarms that stand have stood for more than 24 h, the oldest first."""
    old = {key: at_ms for key, at_ms in since_ms.items() if now_ms - at_ms > STALE_MS}
    return tuple(sorted(old, key=lambda key: old[key]))


def _floods(blocks: Sequence[int]) -> tuple[int, int]:
    """Return how many floods there were, and of how many blocks."""
    floods = flooded = 0
    under_way = False
    for count in blocks:
        if count >= FLOOD and not under_way:
            floods, under_way = floods + 1, True
        elif count < FLOOD_ENDS:
            under_way = False
        flooded += under_way
    return floods, flooded


def _chatters(rows: Sequence[Announced], key: str) -> bool:
    times = [one.at_ms for one in rows if one.key == key]
    return any(last - first < CHATTER_MS for first, last in zip(times, times[CHATTER - 1 :], strict=False))
