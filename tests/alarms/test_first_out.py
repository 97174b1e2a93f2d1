"""First-out: the earliest time of an incident wins, ties by topology. And which alarm is the most urgent."""

from dataclasses import replace

from substation.alarms import order
from substation.alarms.first_out import incidents
from substation.alarms.state import Alarm, Aside
from substation.settings.model import CARD_METERS, Meter

T = 1_795_500_000_000
ROUND_MS = 2000
OTHER = Meter(id=9, name="Yard", role="feeder", bus_section=2)


def at(rule: str, meter: int, second: float, **how: object) -> Alarm:
    return Alarm(rule, f"meter:{meter}", active=True, acked=False, since_ms=T + round(second * 1000), **how)


def firsts(*alarms: Alarm) -> dict[str, str]:
    return {key: one.first for key, one in incidents(alarms, [*CARD_METERS, OTHER], ROUND_MS).items()}


def test_the_earliest_of_an_incident_wins() -> None:
    overload, dead = at("overcurrent", 3, 0), at("supply_lost", 1, 4)
    assert firsts(dead, overload) == {overload.key: overload.key, dead.key: overload.key}


def test_within_a_round_the_topology_decides() -> None:
    # polled one after the other: the feeders were asked before the incomer
    feeders = [at("feeder_dead", 3, 0, suppressed="incomer_dead"), at("feeder_dead", 4, 0.6)]
    incomer, late = at("supply_lost", 1, 1.8), at("frequency_high", 5, 9.5)
    found = incidents([*feeders, incomer, late], CARD_METERS, ROUND_MS)
    assert {one.first for one in found.values()} == {incomer.key}
    assert found[late.key].keys == (incomer.key, *(one.key for one in feeders), late.key)


def test_what_is_alone_later_elsewhere_or_over_belongs_to_no_incident() -> None:
    first, later = at("supply_lost", 1, 0), at("overcurrent", 2, 10.1)
    over = Alarm("voltage_low", "meter:2", since_ms=T)
    assert firsts(first, later, at("feeder_dead", 9, 1), over, Alarm("disk", "station", since_ms=T)) == {}
    assert set(firsts(first, later, at("voltage_low", 3, 10))) == {first.key, "voltage_low@meter:3"}


def test_the_most_urgent_is_of_the_highest_priority_stands_and_nobody_has_acknowledged_it() -> None:
    aside = Aside("asha", "work", T)
    stands, later = at("supply_lost", 1, 300), at("supply_lost", 5, 301)
    seen = replace(at("phase_lost", 2, 0), acked=True)
    over = replace(at("phase_lost", 3, 0), active=False)
    quiet = [at("feeder_dead", 3, 0, suppressed="incomer_dead"), at("disk", 2, 0, shelf=aside)]
    quiet += [at("clock", 2, 0, out=aside), Alarm("supply_lost", "meter:2")]
    low = at("frequency_low", 1, 0)
    wanted = [(one, "high") for one in (stands, later, seen, over)] + [(low, "low")]
    wanted += [(one, "high") for one in quiet]
    assert sorted([*wanted[3:], *wanted[:3]], key=lambda pair: order.urgency(*pair)) == wanted
    assert order.rank("journal") < order.rank("")
