"""Readings of the past or of a whole year, as fast as the machine can."""

import struct
from collections.abc import Collection, Iterable, Iterator

from substation.meters.profile import load
from substation.quantities import KEYS
from substation.readings import Reading
from substation.simulator.site import Site

_WIRE = struct.Struct(f"<{len(KEYS)}f")
MODEL = "elmeasure_lgplus"
"""Of the card's meters: says what is read in every round and what is not."""
SLOW_S = 60.0
"""As `poll.slow_interval_s` by default: the poller asks for energies once a minute."""
SLOW = frozenset(KEYS) - set(load(MODEL).group("fast"))
"""What it is asked for so rarely."""


def readings(
    site: Site, start_ms: int, end_ms: int, step_s: float, slow_s: float = SLOW_S
) -> Iterator[list[Reading]]:
    """Yield one list a round: the five meters' readings from `start_ms` up to, not including, `end_ms`.

    The values are those that the wire would have carried: rounded to single precision, so that the
    registers meet those of the live line without a step. All meters of a round share its time.

    Args:
        site: whose.
        start_ms: UTC, ms.
        end_ms: UTC, ms.
        step_s: from one round to the next. ValueError when it is not positive.
        slow_s: the first round of each such stretch has the energies, the others lack them; 0: all have.
    """
    if step_s <= 0:
        raise ValueError(f"step_s is {step_s}; a round needs a step above zero")
    step_ms, slow_ms = step_s * 1000, slow_s * 1000
    number, stretch = 0, None
    while (at_ms := start_ms + round(number * step_ms)) < end_ms:
        before, stretch = stretch, at_ms // slow_ms if slow_ms else None
        lacking = SLOW if before == stretch and slow_ms else frozenset()
        yield [_reading(meter, at_ms, values.values(), lacking) for meter, values in site.at(at_ms).items()]
        number += 1


def _reading(meter: int, at_ms: int, values: Iterable[float], lacking: Collection[str]) -> Reading:
    carried = zip(KEYS, _WIRE.unpack(_WIRE.pack(*values)), strict=True)
    return Reading(meter, at_ms, {key: value for key, value in carried if key not in lacking})
