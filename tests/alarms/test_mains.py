"""Which incomer feeds a circuit: by bus section, a coupler's position read from the bar."""

import pytest

from substation.alarms.mains import incomer_dead, without_mains
from substation.alarms.verdict import Supply, following
from substation.settings.model import Meter, Role


def meter(number: int, role: Role, section: int) -> Meter:
    return Meter(id=number, name=f"m{number}", role=role, bus_section=section)


TWO = [
    meter(1, "incomer", 1), meter(2, "feeder", 1), meter(3, "feeder", 1),
    meter(4, "incomer", 2), meter(5, "feeder", 2), meter(6, "generator", 1), meter(7, "feeder", 3),
]  # fmt: skip


def verdicts(**said: Supply) -> dict:
    """Return the verdicts: live, but for those that are named."""
    return {
        one.id: following(one, said.get(f"m{one.id}", "dead" if one.role == "generator" else "live"), "",
                          at_ms=0, live={}, old=None)
        for one in TWO
    }  # fmt: skip


def of(number: int, coupled: bool, **said: Supply) -> bool | None:
    return incomer_dead(TWO[number - 1], TWO, verdicts(**said), coupled=coupled)


@pytest.mark.parametrize("coupled", [False, True])
def test_a_dead_incomer_suppresses_its_own_section_and_no_other(coupled: bool) -> None:
    dark: dict[str, Supply] = {"m1": "dead", "m2": "dead", "m3": "dead"}
    assert of(2, coupled, **dark) is True  # all of the section is dead: the coupler is open
    assert of(5, coupled, **dark, m5="dead") is False
    assert of(2, coupled, m2="dead") is False
    assert of(2, coupled, m1="unknown", m2="dead") is None
    assert of(4, coupled, **dark) is False  # a source is fed by none


def test_a_closed_coupler_is_read_from_a_live_feeder_of_the_section() -> None:
    assert of(2, True, m1="dead", m2="dead") is False  # feeder 3 lives from section 2
    assert of(2, False, m1="dead", m2="dead") is True
    assert of(2, True, m1="dead", m4="dead", m2="dead") is True


def test_a_section_without_an_incomer_hangs_on_the_others() -> None:
    assert of(7, True, m1="dead", m7="dead") is False
    assert of(7, True, m1="dead", m4="dead", m7="dead") is True
    assert of(7, False, m1="dead", m4="dead", m7="dead") is False


def test_what_a_generator_feeds_has_findings_of_its_own() -> None:
    on_set: dict[str, Supply] = {"m1": "dead", "m4": "dead", "m6": "live"}
    assert of(2, True, **on_set) is False  # its low voltage is the set's
    assert of(2, True, **on_set, m2="dead") is True  # shed on purpose
    assert of(6, True, **on_set) is False
    assert without_mains(TWO[5], TWO, verdicts(**on_set), coupled=True) is True
