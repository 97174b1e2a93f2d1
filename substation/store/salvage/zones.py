"""Where hours and days of a damaged history begin whose site has had other zones: each by its time's zone.

The history notes a change as the event `site.zone`. Rows before it were cut by the old zone, rows after it by
the new one; the hour and the day in which it fell stand there twice, once of each zone, and share what was
read in them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from substation.store import rollup
from substation.store.salvage import rows as salvage_rows


@dataclass(frozen=True, slots=True)
class Seam:
    """Hours or days that share what was read in them, since the zone changed in each of them."""

    starts: frozenset[int]
    """When they begin, each by its zone, UTC ms."""
    parts: frozenset[int]
    """When those of their parts begin in which the zone changed: their old begin need not lie in them."""


@dataclass(frozen=True, slots=True)
class Zones:
    """The zones of one site."""

    last: ZoneInfo
    before: tuple[tuple[int, ZoneInfo], ...] = ()
    """The zones that it had before, oldest first: until when, UTC ms, and which."""

    def at(self, at_ms: int) -> ZoneInfo:
        """Return the zone of a time."""
        return next((zone for until_ms, zone in self.before if at_ms < until_ms), self.last)

    def start(self, table: str, at_ms: int) -> int:
        """Return when the period of a table began, UTC ms."""
        return rollup.period_start(table, at_ms, self.at(at_ms))

    def may_start(self, table: str, at_ms: int) -> bool:
        """Return whether a period of a table begins there by any of the zones."""
        zones = [self.last, *(zone for _, zone in self.before)]
        return any(rollup.period_start(table, at_ms, zone) == at_ms for zone in zones)

    def seams(self, table: str) -> Iterator[Seam]:
        """Yield the hours or days that several zones share; those that share with the same ones together."""
        seams: list[Seam] = []
        for change_ms, old in self.before:
            zones = old, self.at(change_ms)
            starts = frozenset(rollup.period_start(table, change_ms, zone) for zone in zones)
            parts = frozenset(rollup.period_start("hour", change_ms, zone) for zone in zones)
            if len(starts) > 1:
                same = [seam for seam in seams if seam.starts & starts]
                seams = [seam for seam in seams if seam not in same]
                parts = parts if table == "day" else frozenset()
                for seam in same:
                    starts, parts = starts | seam.starts, parts | seam.parts
                seams.append(Seam(starts, parts))
        yield from seams


def of_events(events: Iterable[Sequence[Any]], last: ZoneInfo) -> Zones:
    """Return what events (rows of the table) tell of a site whose zone is `last` now.

    A zone that is not known here ends the account: what was before counts as the zone after it.
    """
    changes = sorted(
        (row[1], row[4]) for row in events if salvage_rows.is_event(row[1:]) and row[2] == "site.zone"
    )
    before: list[tuple[int, ZoneInfo]] = []
    for at_ms, old in reversed(changes):
        try:
            before.insert(0, (at_ms, ZoneInfo(old)))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            break
    return Zones(last, tuple(before))
