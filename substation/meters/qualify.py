"""Doubt: a value that physics does not allow is kept and flagged, never clipped and never dropped."""

import dataclasses

from substation.quantities import BY_KEY, Ratings
from substation.readings import Reading


def qualify(reading: Reading, ratings: Ratings) -> Reading:
    """Return the reading with its implausible values marked.

    A clip would hide leading power factor and reverse power, which is what an engineer looks for.
    A missing value (None) needs no mark: `Reading.quality_of` already doubts it. What was doubted
    before, for its word order, stays so.
    """
    if not reading.answered:
        return reading
    doubted = reading.implausible | frozenset(
        key
        for key, value in reading.values.items()
        if value is not None and not BY_KEY[key].plausible(value, ratings)
    )
    return reading if doubted == reading.implausible else dataclasses.replace(reading, implausible=doubted)
