"""Readings of the past or of a whole year, as fast as the machine can."""

import struct
from collections.abc import Iterator

from substation.quantities import KEYS
from substation.readings import Reading
from substation.simulator.site import Site

_WIRE = struct.Struct(f"<{len(KEYS)}f")


def readings(site: Site, start_ms: int, end_ms: int, step_s: float) -> Iterator[list[Reading]]:
    """Yield one list a round: the five meters' readings from `start_ms` up to, not including, `end_ms`.

    The values are those that the wire would have carried: rounded to single precision, so that the
    registers meet those of the live line without a step. All meters of a round share its time.
    Raises ValueError for a step that is not positive.
    """
    if step_s <= 0:
        raise ValueError(f"step_s is {step_s}; a round needs a step above zero")
    step_ms = step_s * 1000
    number = 0
    while (at_ms := start_ms + round(number * step_ms)) < end_ms:
        yield [
            Reading(meter, at_ms, dict(zip(KEYS, _WIRE.unpack(_WIRE.pack(*values.values())), strict=True)))
            for meter, values in site.at(at_ms).items()
        ]
        number += 1
