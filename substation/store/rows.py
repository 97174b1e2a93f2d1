"""A reading as a row of whole numbers, and back: what file and database share.

`key = at_ms << 8 | meter_id` names a reading for ever: rows lie in time order on the card, and a row that
comes twice is seen by its key. Values are whole steps of the quantity's resolution, so that a reading that
went through the live file is the same row, to the digit, as one that came straight from the wire.
"""

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from substation.quantities import BY_KEY, KEYS, QUANTITIES
from substation.readings import Quality, Reading

QUALITY_CODES: dict[Quality, int] = {
    Quality.GOOD: 0,
    Quality.IMPLAUSIBLE: 1,
    Quality.REFUSED: 2,
    Quality.NO_ANSWER: 3,
    Quality.DISABLED: 4,
}
"""As stored. Rising from best to worst: a period's quality is the greatest of its rows'."""
QUALITY_OF_CODE: dict[int, Quality] = {code: quality for quality, code in QUALITY_CODES.items()}

BITS: dict[str, int] = {key: 1 << position for position, key in enumerate(KEYS)}
"""Each quantity's bit in the `implausible` mask."""
LARGEST = tuple(2**53 if q.kind == "counter" else 2**45 for q in QUANTITIES)
"""More steps than this (350 GW; 9 PWh) no register means: the value is kept, as REAL, and flagged."""

_STEPS = tuple(quantity.steps_per_unit for quantity in QUANTITIES)
_SMALLEST_LIMIT = min(LARGEST)

Steps = Sequence[int | float | None]
Row = tuple[int, int, str | None, int, Steps]
"""key, quality code, reason, implausible mask, 38 values in steps (None = no value)."""


def key_of(at_ms: int, meter_id: int) -> int:
    """Return the row's key; `meter_id` is 0 to 255."""
    return at_ms << 8 | meter_id


def time_of(key: int) -> int:
    """Return UTC ms of a key."""
    return key >> 8


def meter_of(key: int) -> int:
    """Return the meter id of a key."""
    return key & 0xFF


def to_row(reading: Reading) -> Row:
    """Return the reading as it is stored.

    A value that was asked but is None (not a number) has its bit set; a value that was not asked has
    neither bit nor number. So the quality of each value comes back out.
    """
    code = QUALITY_CODES[reading.quality]
    key = key_of(reading.at_ms, reading.meter_id)
    if not reading.answered:
        return key, code, reading.reason, 0, [None] * len(KEYS)
    mask = _mask(reading.implausible)
    shape = _shape_of(tuple(reading.values))
    try:
        # what was asked is a number nearly always; this line is the import's speed
        steps: list[int | float | None] = [
            round(value * per_unit)  # type: ignore[operator]
            for value, per_unit in zip(reading.values.values(), shape.per_unit, strict=True)
        ]
        careful = max(steps) > _SMALLEST_LIMIT or min(steps) < -_SMALLEST_LIMIT  # type: ignore[type-var, operator]
    except (TypeError, ValueError, OverflowError):
        careful = True
    if careful:
        steps, mask = _with_care(reading, mask)
        return key, code, reading.reason, mask, steps
    if shape.in_order is not None:
        steps.append(None)
        steps = list(shape.in_order(steps))
        mask &= shape.bits
    return key, code, reading.reason, mask, steps


@dataclass(frozen=True, slots=True)
class _Shape:
    """How a reading of certain quantities lies in a row: most rounds bring the same ones."""

    per_unit: tuple[int, ...]
    in_order: Callable[[Steps], tuple[int | float | None, ...]] | None
    """Takes the steps and a None behind them to the 38 of a row; None where they are those already."""
    bits: int
    """Of all that was asked."""


@lru_cache(maxsize=256)
def _shape_of(keys: tuple[str, ...]) -> _Shape:
    place = {key: at for at, key in enumerate(keys)}
    per_unit = tuple(BY_KEY[key].steps_per_unit if key in BY_KEY else 1 for key in keys)
    in_order = operator.itemgetter(*(place.get(key, len(keys)) for key in KEYS))
    return _Shape(per_unit, None if keys == KEYS else in_order, _mask(BITS.keys() & place.keys()))


def _with_care(reading: Reading, mask: int) -> tuple[list[int | float | None], int]:
    steps: list[int | float | None] = []
    for quantity, limit in zip(QUANTITIES, LARGEST, strict=True):
        value = reading.values.get(quantity.key)
        if value is None or not math.isfinite(value):
            steps.append(None)
            if quantity.key in reading.values:
                mask |= BITS[quantity.key]
            else:
                mask &= ~BITS[quantity.key]  # nothing there that could be doubted
            continue
        count = quantity.to_steps(value)
        if count is not None and abs(count) > limit:
            mask |= BITS[quantity.key]
            steps.append(float(count))
        else:
            steps.append(count)
    return steps, mask


def to_reading(row: Row) -> Reading:
    """Return the reading that a row stands for."""
    key, code, reason, mask, steps = row
    quality = QUALITY_OF_CODE.get(code, Quality.IMPLAUSIBLE)
    at_ms, meter_id = time_of(key), meter_of(key)
    if quality is not Quality.GOOD:
        return Reading(meter_id, at_ms, dict.fromkeys(KEYS), quality, reason)
    values = {
        name: None if count is None else count / per_unit
        for name, count, per_unit in zip(KEYS, steps, _STEPS, strict=True)
        if count is not None or mask & BITS[name]
    }
    return Reading(meter_id, at_ms, values, quality, reason, keys_in(mask))


def keys_in(mask: int) -> frozenset[str]:
    """Return the quantities whose bits are set."""
    if not mask:
        return frozenset()
    return frozenset(key for key, bit in BITS.items() if mask & bit)


def _mask(keys: Iterable[str]) -> int:
    mask = 0
    for key in keys:
        mask |= BITS[key]
    return mask
