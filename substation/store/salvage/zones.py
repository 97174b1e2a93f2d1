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

_LONGEST_MS = {"hour": 2 * 3_600_000, "day": 26 * 3_600_000}
_STEP_MS = 900_000


@dataclass(frozen=True, slots=True)
class Seam:
    """An hour or a day in which the zone changed: where it begins by the old and by the new, UTC ms."""

    old_ms: int
    new_ms: int
    end_ms: int
    """Where that of the new zone ends."""


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
        """Yield the hours or days that two zones share."""
        for change_ms, old in self.before:
            new = self.at(change_ms)
            old_ms, new_ms = (rollup.period_start(table, change_ms, zone) for zone in (old, new))
            if old_ms != new_ms:
                end_ms = change_ms - change_ms % _STEP_MS + _STEP_MS
                while end_ms < new_ms + _LONGEST_MS[table]:
                    if rollup.period_start(table, end_ms, new) != new_ms:
                        break
                    end_ms += _STEP_MS
                yield Seam(old_ms, new_ms, end_ms)


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
