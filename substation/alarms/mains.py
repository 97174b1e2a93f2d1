"""Is the incomer that feeds a circuit dead, so that the circuit's own alarms only follow from it? Pure.

Judged by bus section. A section hangs on its own incomers; one without any on those of the others, where
the station has a coupler. No meter reports a coupler's position, so with one it is read from the bar: where
the own incomer is dead, another one is not, and a further feeder of the section has supply, the coupler is
closed, and a feeder beside it that is dead has failed by itself. Where all of the section is dead the coupler
is open, and all of it follows from its incomer. So a dead incomer suppresses nothing in another section.

A circuit that has voltage while a generator of the station runs is fed by that: its voltage and its phases
are findings of its own, mains or no mains. A source is fed by none of this.
"""

from collections.abc import Mapping, Sequence

from substation.alarms.verdict import Verdict
from substation.settings.model import Meter


def incomer_dead(
    meter: Meter, meters: Sequence[Meter], verdicts: Mapping[int, Verdict | None], *, coupled: bool
) -> bool | None:
    """Return whether the incomers that feed this feeder are dead; None where that is not known.

    Args:
        meter: the circuit; of a source the answer is no.
        meters: all of the station.
        verdicts: on their supply, by meter.
        coupled: whether couplers join the sections.
    """
    if meter.role != "feeder":
        return False
    runs = any(_alive(verdicts.get(one.id)) for one in meters if one.role == "generator")
    if runs and _alive(verdicts.get(meter.id)):
        return False
    return without_mains(meter, meters, verdicts, coupled=coupled)


def without_mains(
    meter: Meter, meters: Sequence[Meter], verdicts: Mapping[int, Verdict | None], *, coupled: bool
) -> bool | None:
    """Return whether the incomers of a circuit's section are dead; None where that is not known."""
    incomers = [one for one in meters if one.role == "incomer"]
    own = [is_dead(verdicts.get(one.id)) for one in incomers if one.bus_section == meter.bus_section]
    others = [is_dead(verdicts.get(one.id)) for one in incomers if one.bus_section != meter.bus_section]
    reach = others if coupled else []
    if not own:
        return all_of(reach) if reach else False
    dead = all_of(own)
    if dead is not True or not reach or all_of(reach) is True:
        return dead
    beside = [
        verdict.supply
        for one in meters
        if one.role == "feeder" and one.bus_section == meter.bus_section and one.id != meter.id
        if (verdict := verdicts.get(one.id)) is not None
    ]
    return "live" not in beside


def all_of(found: Sequence[bool | None]) -> bool | None:
    """Return whether all are true; None where that is not known."""
    if False in found:
        return False
    return None if None in found else True


def is_dead(verdict: Verdict | None) -> bool | None:
    """Return whether a circuit has no supply; None where that is not known."""
    return None if verdict is None or verdict.supply == "unknown" else verdict.supply == "dead"


def _alive(verdict: Verdict | None) -> bool:
    return verdict is not None and verdict.supply in ("live", "phase_lost")
