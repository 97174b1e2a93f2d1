"""A wrongly wired meter reports what its inputs see."""

import math
import zoneinfo

import pytest

from substation.meters.decode import number
from substation.meters.profile import Profile
from substation.simulator.line import SimulatedLine
from substation.simulator.meter import SimulatedMeter
from substation.simulator.site import Site
from substation.simulator.wiring import PHASES, Wiring
from tests.fake_clock import FakeClock
from tests.simulator.conftest import FAST, MONDAY_1620_MS
from tests.simulator.master import Master, request


@pytest.fixture
def true(site: Site) -> dict[str, float]:
    return site.at(MONDAY_1620_MS)[1]


def test_a_right_wiring_changes_nothing(true: dict[str, float]) -> None:
    shown = Wiring().shown(true)
    assert {key: shown[key] for key in true} == true
    assert shown["v_angle_y"] == pytest.approx(240)


@pytest.mark.parametrize(
    "wiring",
    [
        Wiring(reversed_cts="y"),
        Wiring(currents="yrb"),
        Wiring(voltages="rby"),
        Wiring(currents="ybr"),
        Wiring(blown="b"),
        Wiring(ct_factor=4.0, reversed_cts="r"),
        Wiring(pt_factor=0.5),
        Wiring.sequence_reversed(),
    ],
)
def test_whatever_is_wrong_the_values_agree_with_each_other(true: dict[str, float], wiring: Wiring) -> None:
    shown = wiring.shown(true)
    for p in PHASES:
        assert shown[f"va_{p}"] == pytest.approx(shown[f"v_{p}"] * shown[f"current_{p}"])
        assert shown[f"va_{p}"] == pytest.approx(math.hypot(shown[f"watts_{p}"], shown[f"var_{p}"]))
        assert shown[f"watts_{p}"] == pytest.approx(shown[f"pf_{p}"] * shown[f"va_{p}"])
    for name in ("watts", "var", "va", "current"):
        assert shown[f"{name}_total"] == pytest.approx(sum(shown[f"{name}_{p}"] for p in PHASES))
    assert shown["wh_received"] == true["wh_received"]


def test_a_reversed_ct_turns_the_power_of_its_phase_only(true: dict[str, float]) -> None:
    shown = Wiring(reversed_cts="y").shown(true)
    assert shown["watts_y"] == pytest.approx(-true["watts_y"])
    assert shown["var_y"] == pytest.approx(-true["var_y"])
    assert shown["current_y"] == pytest.approx(true["current_y"])
    assert shown["watts_r"] == pytest.approx(true["watts_r"])


def test_swapped_cts_turn_the_power_factor_by_a_third_of_a_turn(true: dict[str, float]) -> None:
    shown = Wiring(currents="yrb").shown(true)
    phi_r, phi_y = (math.atan2(true[f"var_{p}"], true[f"watts_{p}"]) for p in "ry")
    third = 2 * math.pi / 3
    assert shown["pf_r"] == pytest.approx(math.cos(phi_y + third), abs=1e-9)
    assert shown["pf_y"] == pytest.approx(math.cos(phi_r - third), abs=1e-9)
    assert shown["pf_b"] == pytest.approx(true["pf_b"], abs=1e-9)


def test_a_blown_fuse_leaves_current_without_voltage(true: dict[str, float]) -> None:
    shown = Wiring(blown="b").shown(true)
    assert (shown["v_b"], shown["watts_b"]) == (0, 0)
    assert shown["current_b"] == pytest.approx(true["current_b"])
    assert shown["v_br"] == pytest.approx(true["v_r"])
    assert shown["v_ry"] == pytest.approx(true["v_ry"])


def test_a_reversed_sequence_shows_in_the_angles_alone(true: dict[str, float]) -> None:
    shown = Wiring.sequence_reversed().shown(true)
    assert shown["watts_total"] == pytest.approx(true["watts_total"])
    assert shown["v_angle_y"] == pytest.approx(120)
    assert Wiring(ct_factor=2).shown(true)["v_angle_y"] == pytest.approx(240)


def test_a_dead_circuit_stays_dead(site: Site) -> None:
    shown = Wiring(reversed_cts="r").shown(site.at(MONDAY_1620_MS)[5])
    assert shown["watts_total"] == 0
    assert shown["v_r"] == 0


@pytest.mark.parametrize("bad", [{"currents": "rrb"}, {"blown": "x"}, {"ct_factor": 0.0}])
def test_nonsense_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"phase|ratio"):
        Wiring(**bad)  # type: ignore[arg-type]


def test_ids_of_one_line_play_any_circuit_in_any_order(
    site: Site, clock: FakeClock, profile: Profile, zone: zoneinfo.ZoneInfo
) -> None:
    meters = {
        17: SimulatedMeter(1, profile),
        18: SimulatedMeter(1, profile, Wiring(ct_factor=2), word_order="BADC", turnaround_ms=3),
    }
    true = site.at(clock.now_ms())[1]
    with (
        SimulatedLine(site, clock, baud=FAST, turnaround_ms=1, meters=meters) as line,
        Master(line.port) as master,
    ):
        answer = master.read(request(17, 148, 2), 9)
        words = [int.from_bytes(answer[at : at + 2]) for at in (3, 5)]
        assert number(words, "CDAB") == pytest.approx(true["current_total"])
        answer = master.read(request(18, 148, 2), 9)
        words = [int.from_bytes(answer[at : at + 2]) for at in (3, 5)]
        assert number(words, "BADC") == pytest.approx(2 * true["current_total"])
        assert master.ask(request(1, 148, 2)) == b""


def test_a_line_needs_a_model(site: Site, clock: FakeClock) -> None:
    with pytest.raises(ValueError, match="profile"):
        SimulatedLine(site, clock)
