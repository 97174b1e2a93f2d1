"""Lowest and highest of a time with when they were read, for the meter's page.

They come from the quarters of an hour, their times from the polls in those quarters. Of what a circuit can be
without (`quantities.NOTHING`: frequency, power factors) the store says it poll by poll, as on the log sheet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from substation.quantities import NOTHING
from substation.store.history import HistoryReader, Series

QUARTER_MS = 900_000


@dataclass(frozen=True, slots=True)
class MinMax:
    """Lowest and highest of today with their times, in the quantity's unit."""

    low: float | None
    low_at_ms: int | None
    high: float | None
    high_at_ms: int | None


def between(
    history: HistoryReader, meter_id: int, keys: Sequence[str], start_ms: int, end_ms: int
) -> dict[str, MinMax]:
    """Return lowest and highest in [start, end) by key; raises StoreError."""
    plain = [key for key in keys if key not in NOTHING]
    points = max(1, (end_ms - start_ms) // QUARTER_MS)
    quarters = history.series(meter_id, plain, start_ms, end_ms, points)
    found = {key: _extremes(quarters, key) for key in plain}
    starts = {at for one in found.values() for at in (one.low_at_ms, one.high_at_ms) if at is not None}
    step_ms = round(quarters.step_s * 1000)
    polls = {at: history.series(meter_id, plain, at, at + step_ms, step_ms // 1000) for at in starts}
    told = {key: _at_the_poll(one, key, polls) for key, one in found.items()}
    reached = history.reached(meter_id, [key for key in keys if key in NOTHING], start_ms, end_ms)
    told |= {key: MinMax(one.low, one.low_ms, one.high, one.high_ms) for key, one in reached.items()}
    return {key: told.get(key, MinMax(None, None, None, None)) for key in keys}


def _extremes(series: Series, key: str) -> MinMax:
    lows = [(value, at) for value, at in zip(series.low[key], series.at_ms, strict=True) if value is not None]
    highs = [
        (value, -at) for value, at in zip(series.high[key], series.at_ms, strict=True) if value is not None
    ]
    if not lows or not highs:
        return MinMax(None, None, None, None)
    low, high = min(lows), max(highs)  # the first time each was reached
    return MinMax(low[0], low[1], high[0], -high[1])


def _at_the_poll(one: MinMax, key: str, polls: Mapping[int, Series]) -> MinMax:
    return MinMax(
        one.low,
        _first(polls, key, one.low, one.low_at_ms),
        one.high,
        _first(polls, key, one.high, one.high_at_ms),
    )


def _first(polls: Mapping[int, Series], key: str, value: float | None, at_ms: int | None) -> int | None:
    """Return when the value was read first; its quarter where the single polls are no longer kept."""
    if at_ms is None or value not in polls[at_ms].values[key]:
        return at_ms
    quarter = polls[at_ms]
    return quarter.at_ms[quarter.values[key].index(value)]
