"""Energy registers that integrate power: deterministic, cheap to ask, never falling."""

import threading
from collections.abc import Callable

from substation.simulator.supply import Supply, Timetable

Rates = tuple[float, ...]
"""Power of every register, in W, VA or var."""

MINUTE_MS = 60_000
_HOUR = 60
_MS_PER_HOUR = 3_600_000.0


class Registers:
    """Integrals of power over time, zero at the epoch and negative before it.

    The grid is one minute, counted from the epoch, cut at every change-over of the supply. Within a
    piece power is smooth, so the trapezoid over the piece is its energy, shared out evenly in time:
    a register is a function of the time alone, however often and in whichever order it is asked.
    Whole hours are remembered, so that the next question costs no more than its own hour.
    """

    def __init__(self, epoch_ms: int, supply: Timetable, rates: Callable[[int, Supply], Rates]) -> None:
        """Take `rates(ms, supply)`: the power at a time, were the station fed so."""
        self._epoch_ms = epoch_ms
        self._supply = supply
        self._rates = rates
        self._lock = threading.Lock()
        zero = (0.0,) * len(rates(epoch_ms, Supply.DARK))
        self._hours: dict[int, Rates] = {0: zero}
        self._minute: tuple[int, Rates] = (0, zero)
        self._open: tuple[int, list[tuple[int, int, Rates, Rates]]] | None = None
        self._edge: tuple[int, Supply, Rates] | None = None

    def at(self, ms: int) -> Rates:
        """Return every register at a time, in Wh, VAh or varh since the epoch."""
        minute, rest = divmod(ms - self._epoch_ms, MINUTE_MS)
        with self._lock:
            if not rest:
                return self._at_minute(minute)
            if self._open is None or self._open[0] != minute:
                self._open = (minute, self._pieces(minute))
            for start_ms, end_ms, low, high in self._open[1]:
                if ms < end_ms:
                    part = (ms - start_ms) / (end_ms - start_ms)
                    return tuple(a + part * (b - a) for a, b in zip(low, high, strict=True))
        raise AssertionError("the pieces of a minute cover it")

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
            self._open = None
            self._edge = None

    def _at_minute(self, minute: int) -> Rates:
        at, value = self._minute
        if not at <= minute <= at + _HOUR:
            hour = minute // _HOUR
            at, value = hour * _HOUR, self._at_hour(hour)
        while at < minute:
            value = _sum(value, self._energy(at))
            at += 1
            if at % _HOUR == 0:  # the known value wins: the same to the last bit in any order of asking
                value = self._hours.setdefault(at // _HOUR, value)
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
                    value = _sum(value, self._energy(minute))
                known[h + 1] = value
            return value
        near = min(h for h in known if hour < h <= 0)
        value = known[near]
        for h in range(near - 1, hour - 1, -1):
            whole = self._energy(h * _HOUR)
            for minute in range(h * _HOUR + 1, (h + 1) * _HOUR):
                whole = _sum(whole, self._energy(minute))
            value = tuple(a - b for a, b in zip(value, whole, strict=True))
            known[h] = value
        return value

    def _energy(self, minute: int) -> Rates:
        start_ms = self._epoch_ms + minute * MINUTE_MS
        total: Rates | None = None
        for a, b, supply in self._supply.pieces(start_ms, start_ms + MINUTE_MS):
            low = self._edge_rates(a, supply)
            high = self._edge_rates(b, supply)
            hours = (b - a) / _MS_PER_HOUR / 2
            piece = tuple([(x + y) * hours for x, y in zip(low, high, strict=True)])
            total = piece if total is None else _sum(total, piece)
        assert total is not None  # noqa: S101 - a minute has at least one piece
        return total

    def _pieces(self, minute: int) -> list[tuple[int, int, Rates, Rates]]:
        value = self._at_minute(minute)
        start_ms = self._epoch_ms + minute * MINUTE_MS
        result = []
        for a, b, supply in self._supply.pieces(start_ms, start_ms + MINUTE_MS):
            hours = (b - a) / _MS_PER_HOUR / 2
            low, high = self._edge_rates(a, supply), self._edge_rates(b, supply)
            after = tuple(v + (x + y) * hours for v, x, y in zip(value, low, high, strict=True))
            result.append((a, b, value, after))
            value = after
        return result

    def _edge_rates(self, ms: int, supply: Supply) -> Rates:
        # The end of one minute is the beginning of the next: computed once.
        edge = self._edge
        if edge is not None and edge[0] == ms and edge[1] is supply:
            return edge[2]
        rates = self._rates(ms, supply)
        self._edge = (ms, supply, rates)
        return rates


def _sum(one: Rates, other: Rates) -> Rates:
    return tuple([a + b for a, b in zip(one, other, strict=True)])
