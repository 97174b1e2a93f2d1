"""Wiring faults are told from what the meter measures, and never on a healthy circuit."""

import datetime as dt
import zoneinfo
from collections.abc import Mapping

import pytest

from substation.meters.finding import Finding
from substation.meters.wiring import Circuit, check
from substation.meters.wiring_balance import balance
from substation.settings.model import CARD_METERS, Settings
from substation.simulator.site import Failure, Site
from substation.simulator.wiring import PHASES, Wiring

MINUTE_MS = 60_000
SETTINGS = Settings(meters=CARD_METERS)
CIRCUITS = {
    meter.id: Circuit(SETTINGS.nominal_v(meter), SETTINGS.ratings(meter).rated_a, meter.role)
    for meter in CARD_METERS
}


def at(hour: float) -> int:
    zone = zoneinfo.ZoneInfo("Asia/Kolkata")
    return int(dt.datetime(2026, 11, 23, 0, 0, tzinfo=zone).timestamp() * 1000) + round(hour * 3_600_000)


@pytest.fixture(scope="module")
def site() -> Site:
    zone = zoneinfo.ZoneInfo("Asia/Kolkata")
    failure = Failure(at(14), at(15))
    return Site(3, epoch_ms=at(0), zone=zone, failures=(failure,))


def look(shown: Mapping[str, float], meter: int = 1) -> list[Finding]:
    return list(check([shown], CIRCUITS[meter]).findings)


def scaled(true: Mapping[str, float], load: float) -> dict[str, float]:
    parts = ("current", "watts", "var", "va_")
    return {key: value * load if key.startswith(parts) else value for key, value in true.items()}


def leading(true: Mapping[str, float]) -> dict[str, float]:
    return {key: -value if key.startswith("var_") else value for key, value in true.items()}


def test_a_healthy_day_has_no_finding_on_any_circuit(site: Site) -> None:
    seen = set()
    for minute in range(0, 24 * 60, 10):
        moment = site.at(at(minute / 60))
        seen.add(site.supply(at(minute / 60)))
        for meter, true in moment.items():
            for load in (1.0, 0.3, 0.03, 0.001):
                for shown in (scaled(true, load), leading(scaled(true, load))):
                    assert look(Wiring().shown(shown), meter) == [], (minute, meter, load)
    assert len(seen) >= 2  # the DG set has carried load too


def test_a_healthy_day_is_in_balance(site: Site) -> None:
    for minute in range(0, 24 * 60, 10):
        moment = site.at(at(minute / 60))
        powers = {f"meter {meter}": moment[meter]["watts_total"] for meter in (1, 2, 3, 4)}
        assert balance(powers, "meter 1") == []


@pytest.mark.parametrize("hour", [2.0, 9.5, 20.0])
@pytest.mark.parametrize("meter", [1, 2, 3, 4])
@pytest.mark.parametrize("phases", ["r", "y", "b", "ry", "yb"])
def test_a_reversed_ct_is_named(site: Site, hour: float, meter: int, phases: str) -> None:
    shown = Wiring(reversed_cts=phases).shown(site.at(at(hour))[meter])
    found = look(shown, meter)
    assert [one.kind for one in found] == ["ct_reversed"]
    assert found[0].what == f"CT of {', '.join(phases.upper())} reversed"
    assert "kW" in found[0].evidence
    assert "direction" in found[0].look_at


@pytest.mark.parametrize("shown_as", [leading, dict])
@pytest.mark.parametrize("wires", ["currents", "voltages"])
@pytest.mark.parametrize(("order", "named"), [("yrb", "R and Y"), ("rby", "Y and B"), ("byr", "R and B")])
def test_two_swapped_phases_are_named(site: Site, order: str, named: str, wires: str, shown_as: type) -> None:
    true = shown_as(site.at(at(10))[3])
    found = look(Wiring(**{wires: order}).shown(true), 3)
    assert [(one.kind, one.what, one.certainty) for one in found] == [
        ("phases_swapped", f"{wires} of {named} swapped", "sure")
    ]


def test_currents_shifted_by_one_phase_are_never_taken_for_right(site: Site) -> None:
    for order in ("ybr", "bry"):
        found = look(Wiring(currents=order).shown(site.at(at(10))[1]))
        assert [one.kind for one in found] in (["direction"], ["phases_swapped"])


def test_power_that_flows_back_on_all_phases_is_a_question_not_a_verdict(site: Site) -> None:
    true = site.at(at(10))
    shown = Wiring(reversed_cts="ryb").shown(true[2])
    assert [(one.kind, one.certainty) for one in look(shown, 2)] == [("direction", "possible")]
    assert look(Wiring(reversed_cts="ryb").shown(site.at(at(14.5))[5]), 5) == []  # a generator may


@pytest.mark.parametrize("phase", PHASES)
def test_a_blown_fuse_is_sure_where_current_flows(site: Site, phase: str) -> None:
    true = site.at(at(10))[4]
    found = look(Wiring(blown=phase).shown(true), 4)
    assert [(one.kind, one.certainty) for one in found] == [("fuse", "sure")]
    assert found[0].what.startswith(f"voltage of {phase.upper()} missing")
    idle = look(Wiring(blown=phase).shown(scaled(true, 0.001)), 4)
    assert [(one.kind, one.certainty) for one in idle] == [("fuse", "possible")]


def test_a_blown_fuse_hides_no_reversed_ct(site: Site) -> None:
    found = look(Wiring(blown="b", reversed_cts="r").shown(site.at(at(10))[4]), 4)
    assert {one.kind for one in found} == {"fuse", "ct_reversed"}


def test_all_fuses_blown_under_load(site: Site) -> None:
    found = look(Wiring(blown="ryb").shown(site.at(at(10))[1]))
    assert [(one.kind, one.certainty) for one in found] == [("no_voltage", "sure")]


def test_voltage_induced_into_a_dead_circuit_is_no_fault(site: Site) -> None:
    dead = {**site.at(at(10))[5], "v_r": 31.0, "v_y": 24.0, "v_b": 60.0, "vll_average": 50.0}
    result = check([dead], CIRCUITS[5])
    assert result.findings == ()
    assert "no voltage" in result.notes[0]


@pytest.mark.parametrize("factor", [0.265, 0.5, 2.0, 26.5])
def test_a_wrong_voltage_ratio_is_named_with_its_factor(site: Site, factor: float) -> None:
    found = [one for one in look(Wiring(pt_factor=factor).shown(site.at(at(10))[1])) if one.kind == "ratio"]
    assert "PT" in found[0].what
    suggested = float(found[0].evidence.rsplit(" ", 1)[1])
    assert suggested * factor == pytest.approx(1, abs=0.06)


def test_current_beyond_the_rating_is_named(site: Site) -> None:
    found = look(Wiring(ct_factor=10).shown(site.at(at(10))[1]))
    assert [one.kind for one in found] == ["ratio"]
    assert "CT" in found[0].what


@pytest.mark.parametrize("factor", [0.2, 0.5, 2.0, 4.0])
@pytest.mark.parametrize("meter", [1, 2, 4])
def test_a_wrong_ct_ratio_breaks_the_balance_and_its_factor_is_proposed(
    site: Site, meter: int, factor: float
) -> None:
    moment = site.at(at(20))
    powers = {f"meter {one}": moment[one]["watts_total"] for one in (1, 2, 3, 4)}
    powers[f"meter {meter}"] *= factor
    found = balance(powers, "meter 1")
    assert [one.kind for one in found] == ["ratio"]
    assert f"meter {meter} x " in found[0].evidence


def test_a_floating_neutral_and_a_wrong_connection_type(site: Site) -> None:
    true = site.at(at(10))[1]
    floats = {**true, "v_r": 180.0, "v_y": 260.0, "v_b": 275.0}
    assert [one.kind for one in look(floats)] == ["neutral"]
    three_wires = {**true, **{f"v_{p}": true["v_ry"] for p in PHASES}, "vln_average": true["v_ry"]}
    assert [one.kind for one in look(three_wires)] == ["connection"]


def test_a_reversed_sequence_is_a_possibility(site: Site) -> None:
    found = look(Wiring.sequence_reversed().shown(site.at(at(10))[1]))
    assert [(one.kind, one.certainty) for one in found] == [("sequence", "possible")]


def test_too_little_load_is_said(site: Site) -> None:
    result = check([Wiring(reversed_cts="y").shown(scaled(site.at(at(10))[1], 0.001))], CIRCUITS[1])
    assert result.findings == ()
    assert "too little load on R, Y, B" in result.notes[0]


def test_what_one_reading_alone_shows_is_no_finding(site: Site) -> None:
    true = site.at(at(10))[1]
    odd = Wiring(reversed_cts="y").shown(true)
    assert check([true, odd, true], CIRCUITS[1]).findings == ()
    assert check([odd, odd], CIRCUITS[1]).findings != ()


def test_a_meter_of_one_phase_is_told_nothing_of_a_sequence(site: Site) -> None:
    true = site.at(at(11))[1]
    one = {key: true[key] for key in ("v_r", "current_r", "watts_r", "var_r", "va_r", "pf_r", "frequency")}
    said = " ".join(check([true], CIRCUITS[1]).notes)
    assert "phase sequence cannot be told" in said
    assert "sequence" not in " ".join(check([one], CIRCUITS[1]).notes)
