"""Made-up events of the made-up station: two failures of supply, one over a restart, a silent meter, a gap.

The last of them agrees with the boards of `samples`: supply is on for 26 days and 4 hours.
"""

import sqlite3
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from substation.clock import iso
from substation.dashboard import samples
from substation.store import event_pages
from substation.store.event_pages import Noted, Wanted
from substation.store.events import Event, write
from substation.store.reader import HistoryReader

HOUR_MS = 3_600_000
NO_VOLTS = "RY 0.0, YB 0.0, BR 0.0 V of 415 V"
VOLTS = "RY 415.1, YB 414.4, BR 413.9 V of 415 V"


def events(now_ms: int) -> list[Event]:
    """Return them, oldest first: the newest four hours before `now_ms`."""

    def at(hours: float) -> int:
        return now_ms - round(hours * HOUR_MS)

    on, off, run, stop = "EB supply On", "EB supply Off", "DG set On", "DG set Off"
    gap_ms = at(652.0), at(651.5)
    words = "the machine was started anew: power cut, crash or reset; no samples for 1800 s"
    return [
        Event(at(900), "station.start", None, "", "boot", ""),
        Event(at(899.9), "supply", 1, "Unknown", on, VOLTS),
        Event(at(899.9), "supply", 5, "Unknown", stop, NO_VOLTS),
        Event(at(652.2), "supply", 1, on, off, NO_VOLTS),
        Event(at(652.19), "supply", 5, stop, run, VOLTS),
        Event(gap_ms[0], "station.gap", None, iso(gap_ms[0]), iso(gap_ms[1]), words),
        Event(at(651.49), "station.start", None, "", "boot2", ""),
        Event(at(651.49), "supply", 1, "Unknown", on, VOLTS),
        Event(at(651.49), "supply", 5, "Unknown", stop, NO_VOLTS),
        Event(at(628.4), "supply", 1, on, off, NO_VOLTS),
        Event(at(628.397), "supply", 5, stop, run, VOLTS),
        Event(at(628.0), "supply", 1, off, on, VOLTS),
        Event(at(628.0), "supply", 5, run, stop, NO_VOLTS),
        Event(
            at(13.2), "comm.lost", 4, "OK", "Communication failed", "ColonyLoad lost: 3 rounds without answer"
        ),
        Event(at(12.8), "comm.back", 4, "Communication failed", "OK", "ColonyLoad back after 25 min 53 s"),
        Event(at(6.0), "comm.line_down", None, "line 1: up", "line 1: down", "the adapter of line 1 is gone"),
        Event(at(5.996), "comm.line_up", None, "line 1: down", "line 1: up", "line 1 up again after 14 s"),
        Event(at(4.0), "clock.trusted", None, "", "time server", ""),
    ]


@cache
def _history(held: bool) -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", check_same_thread=False)
    db.execute("CREATE TABLE event (id INTEGER PRIMARY KEY, at_ms, kind, meter_id, old, new, detail)")
    write(db, events(samples.NOW_MS) if held else [])
    return db


class SampleHistory(HistoryReader):
    """Answers what the register asks of a history, from these events."""

    def __init__(self, *, held: bool) -> None:
        """Hold the events, or none."""
        super().__init__(Path("nowhere"))
        self._held = held

    def noted(self, wanted: Wanted, limit: int, *, oldest_first: bool = False) -> list[Noted]:
        """Return those that are wanted."""
        return noted(wanted, limit, oldest_first=oldest_first, held=self._held)

    def sights(
        self, meter_id: int, moments_ms: Sequence[int], *, answered: bool = True
    ) -> dict[int, int | None]:
        """Return polls two seconds before."""
        return {at: at - 2000 for at in moments_ms}


def noted(wanted: Wanted, limit: int, *, oldest_first: bool, held: bool) -> list[Noted]:
    """Return those that are wanted, as `HistoryReader.noted` does; none where nothing is `held`."""
    page = event_pages.oldest if oldest_first else event_pages.newest
    return page(_history(held), wanted, limit)
