"""Which alarm of an incident came first? Pure.

One incident is what became true within 10 s on one bus section. The earliest source time wins; meters are
asked one after the other, so times that lie no further apart than a round of polling are the same time, and
then the topology decides: incomer before generator before feeder, since what hangs below follows from what
feeds it. Polled times are indicative: a sequence-of-events recorder tells milliseconds apart, this does not.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from substation.alarms.state import Alarm, State
from substation.settings.model import Meter, Role

WINDOW_MS = 10_000
_RANK: Mapping[Role, int] = {"incomer": 0, "generator": 1, "feeder": 2}


@dataclass(frozen=True, slots=True)
class Incident:
    """Several alarms of one section that became true together."""

    first: str
    """Key of the alarm that came first."""
    keys: tuple[str, ...]
    """All of them, the first one first, then by time."""


def incidents(
    alarms: Sequence[Alarm],
    meters: Sequence[Meter],
    round_ms: int,
    urgency: Callable[[Alarm], int] = lambda _: 0,
) -> dict[str, Incident]:
    """Return by key the incident of each alarm that did not come alone.

    Args:
        alarms: those that stand, or stood; of circuits only, others have no section.
        meters: for section and role.
        round_ms: how far apart two looks at one circuit are.
        urgency: of several that one source shows at the same time the least comes first.
    """
    by_id = {f"meter:{meter.id}": meter for meter in meters}
    by_section: dict[int, list[tuple[int, Alarm, Meter]]] = {}
    for one in alarms:
        meter = by_id.get(one.subject)
        if meter is not None and one.since_ms is not None and one.shown is not State.NORMAL:
            by_section.setdefault(meter.bus_section, []).append((one.since_ms, one, meter))
    found: dict[str, Incident] = {}
    for rows in by_section.values():
        left = sorted(rows, key=lambda row: (row[0], row[1].key))
        while left:
            begun_ms = left[0][0]
            together = [row for row in left if row[0] - begun_ms <= WINDOW_MS]
            left = left[len(together) :]
            if len(together) < 2:
                continue
            same = [row for row in together if row[0] - begun_ms <= round_ms]
            first = min(same, key=lambda row: (_RANK[row[2].role], urgency(row[1]), row[0], row[1].key))[
                1
            ].key
            keys = (first, *(one.key for _, one, _ in together if one.key != first))
            found |= dict.fromkeys(keys, Incident(first, keys))
    return found
