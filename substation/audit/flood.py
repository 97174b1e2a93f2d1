"""Repeats become one line a minute with `times`: whoever knocks without end must not fill the card."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from substation.audit import chain
from substation.clock import Clock

COLLAPSED = frozenset({"login.throttled", "request.refused"})
"""Of these only the first of a user and source stands in full; the others within COLLAPSE_S are counted."""
COLLAPSED_BY_SOURCE = {"login.failed": 5}
"""Of these so many of one source stand in full, whatever names were typed; further ones are counted."""
COLLAPSE_S = 60.0
MAX_COLLAPSED = 1000
"""Further ones are counted together, so that a flood of names cannot fill the memory either."""
MAX_SOURCES = 20
"""Sources with lines of their own within COLLAPSE_S, for each event of COLLAPSED_BY_SOURCE."""
MAX_NAMES = 5
"""So many of the names that were typed stand in the line that counts."""
MANY = "(many)"


@dataclass(frozen=True, slots=True)
class Draft:
    """A line before it has a number and a seal."""

    event: str
    user: str
    src: str
    ok: bool
    details: Mapping[str, object] = field(default_factory=dict)


def to_record(event: str, **details: object) -> Draft:
    """Return a line in which the log tells what has happened to it."""
    return Draft(event, "", "", ok=False, details=details)


@dataclass(slots=True)
class _Repeat:
    since: float
    in_full: int
    times: int = 0
    names: list[str] = field(default_factory=list)


class Flood:
    """Counts repeats of the frequent events; its owner lets one thread in at a time."""

    def __init__(self, clock: Clock) -> None:
        """Nothing was counted yet."""
        self._clock = clock
        self._repeats: dict[tuple[str, str, str], _Repeat] = {}

    def __len__(self) -> int:
        """Return how much is remembered."""
        return len(self._repeats)

    def swallows(self, event: str, user: str, src: str) -> bool:
        """Return whether a line is a repeat, which is counted and not written."""
        by_source = COLLAPSED_BY_SOURCE.get(event)
        if by_source is None and event not in COLLAPSED:
            return False
        user, src = user[: chain.MAX_TEXT], src[: chain.MAX_TEXT]
        name = (event, "" if by_source else user, src)
        if name not in self._repeats and self._full(event, by_source is not None):
            name = (event, "" if by_source else MANY, MANY)
        known = self._repeats.get(name)
        if known is None:
            self._repeats[name] = _Repeat(self._clock.monotonic(), (by_source or 1) - 1)
            return False
        if known.in_full:
            known.in_full -= 1
            return False
        known.times += 1
        if by_source and user not in known.names and len(known.names) < MAX_NAMES:
            known.names.append(user)
        return True

    def due(self, *, everything: bool = False) -> list[Draft]:
        """Return the lines that count what was swallowed, and forget it; else only what is due."""
        now = self._clock.monotonic()
        drafts = []
        for (event, user, src), repeat in list(self._repeats.items()):
            if everything or now - repeat.since >= COLLAPSE_S:
                del self._repeats[event, user, src]
                if repeat.times:
                    details: dict[str, object] = {"times": repeat.times}
                    if repeat.names:
                        details["names"] = repeat.names
                    drafts.append(Draft(event, user, src, ok=False, details=details))
        return drafts

    def _full(self, event: str, by_source: bool) -> bool:
        if by_source:
            return sum(name[0] == event for name in self._repeats) >= MAX_SOURCES
        return len(self._repeats) >= MAX_COLLAPSED
