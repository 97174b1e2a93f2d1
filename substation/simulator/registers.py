"""Energy registers that integrate power: deterministic, cheap to ask, never falling."""

import array
import functools
import itertools
import threading
from collections.abc import Callable

from substation.simulator.supply import Fed, Supply, Timetable

Rates = tuple[float, ...]
"""Power of every register, in W, VA or var."""

MINUTE_MS = 60_000
_HOUR = 60
_MS_PER_HOUR = 3_600_000.0
_EDGES = 16


class Registers:
    """Integrals of power over time, zero at the epoch and negative before it.

    The grid is one minute, counted from the epoch, cut at every change-over of the supply. Between
    two cuts power is smooth, so the trapezoid from cut to cut, and from the last cut to now, is the
    energy: a register is a function of the time alone, however often and in whichever order it is
    asked, and a failure still to come changes nothing that was said. Whole hours are remembered, so
    that the next question costs no more than its own hour.
    """

    def __init__(self, epoch_ms: int, supply: Timetable, rates: Callable[[int, Fed], Rates]) -> None:
        """Take `rates(ms, fed)`: the power at a time, were the station fed so."""
        self._epoch_ms = epoch_ms
        self._supply = supply
        self._rates = rates
        self._lock = threading.Lock()
        zero = (0.0,) * len(rates(epoch_ms, Fed(Supply.DARK)))
        self._hours: dict[int, Rates] = {0: zero}
        self._minute: tuple[int, Rates] = (0, zero)
        self._edges: dict[tuple[int, Fed], Rates] = {}
        self._walked: dict[int, array.array[float]] = {}
        """The minutes of hours before the epoch, from the way back until the way forth."""

    def at(self, ms: int, fed: Fed, rates: Rates) -> Rates:
        """Return every register at a time, in Wh, VAh or varh since the epoch.

        `fed` and `rates` are those of that time, which the caller has at hand.
        """
        minute, rest = divmod(ms - self._epoch_ms, MINUTE_MS)
        with self._lock:
            self._keep(ms, fed, rates)
            value = self._at_minute(minute)
            return _sum(value, self._energy(ms - rest, ms)) if rest else value

    def change(self, supply: Timetable, since_ms: int) -> None:
        """Take another timetable, which differs from the old one only after `since_ms`."""
        with self._lock:
            self._supply = supply
            first = (since_ms - self._epoch_ms) // MINUTE_MS
            # Registers are counted from the epoch: before it they depend on what comes after them.
            self._hours = {
                hour: value
                for hour, value in self._hours.items()
                if hour == 0 or (first >= 0 and hour * _HOUR <= first)
            }
            self._minute = (0, self._hours[0])
            self._walked.clear()

    def _at_minute(self, minute: int) -> Rates:
        at, value = self._minute
        if not at <= minute <= at + _HOUR:
            hour = minute // _HOUR
            at, value = hour * _HOUR, self._at_hour(hour)
        while at < minute:
            value = _sum(value, self._minute_energy(at))
            at += 1
            if at % _HOUR == 0:  # the known value wins: the same to the last bit in any order of asking
                value = self._hours.setdefault(at // _HOUR, value)
                self._walked.pop(at // _HOUR - 1, None)
        self._minute = (at, value)
        return value

    def _at_hour(self, hour: int) -> Rates:
        known = self._hours
        if hour in known:
            return known[hour]
        if hour > 0:
            near = max(h for h in known if 0 <= h < hour)
            value = known[near]
            for h in range(near, hour):
                for minute in range(h * _HOUR, (h + 1) * _HOUR):
                    value = _sum(value, self._minute_energy(minute))
                known[h + 1] = value
            return value
        near = min(h for h in known if hour < h <= 0)
        value = known[near]
        for h in range(near - 1, hour - 1, -1):
            minutes = [self._minute_energy(minute) for minute in range(h * _HOUR, (h + 1) * _HOUR)]
            whole = functools.reduce(_sum, minutes)
            value = tuple([a - b for a, b in zip(value, whole, strict=True)])
            known[h] = value
            self._walked[h] = array.array("d", itertools.chain.from_iterable(minutes))
        return value

    def _minute_energy(self, minute: int) -> Rates:
        hour, place = divmod(minute, _HOUR)
        if walked := self._walked.get(hour):
            width = len(walked) // _HOUR
            return tuple(walked[place * width : (place + 1) * width])
        start_ms = self._epoch_ms + minute * MINUTE_MS
        return self._energy(start_ms, start_ms + MINUTE_MS)

    def _energy(self, start_ms: int, end_ms: int) -> Rates:
        """Return what flows between two times, at most a minute apart."""
        total: Rates = ()
        for a, b, fed in self._supply.pieces(start_ms, end_ms):
            hours = (b - a) / _MS_PER_HOUR / 2
            edges = zip(self._edge(a, fed), self._edge(b, fed), strict=True)
            piece = tuple([(low + high) * hours for low, high in edges])
            total = _sum(total, piece) if total else piece
        return total

    def _edge(self, ms: int, fed: Fed) -> Rates:
        # The end of one minute is the beginning of the next, and a minute is asked about many times.
        rates = self._edges.get((ms, fed))
        if rates is None:
            rates = self._rates(ms, fed)
            self._keep(ms, fed, rates)
        return rates

    def _keep(self, ms: int, fed: Fed, rates: Rates) -> None:
        if len(self._edges) >= _EDGES:
            del self._edges[next(iter(self._edges))]
        self._edges[ms, fed] = rates


def _sum(one: Rates, other: Rates) -> Rates:
    return tuple([a + b for a, b in zip(one, other, strict=True)])
