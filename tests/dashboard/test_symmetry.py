"""Unbalance, neutral current and phasors: what is known now is drawn, what is not is said."""

import dataclasses
import re

import pytest

from substation.dashboard import phasor, symmetry
from tests.dashboard.boards import in_state
from tests.dashboard.tree import attribute, classes, text, walk


def meter_in(state, meter_id):
    found = in_state(state).meter(meter_id)
    assert found is not None
    return found


def with_values(meter, **changes):
    values = dict(meter.values)
    for key, value in changes.items():
        values[key] = values[key]._replace(value=value)
    return dataclasses.replace(meter, values=values)


def test_the_vectors_of_the_standards_stand_on_the_screen_with_their_limits():
    meter = with_values(meter_in("normal", 2), v_ry=420.0, v_yb=410.0, v_br=405.0,
                        current_r=100.0, current_y=80.0, current_b=60.0)  # fmt: skip
    told = symmetry.parts(meter)
    assert told["nema"] == ("2.02 %", "ss-warn")
    assert told["u2"] == ("2.15 %", "ss-warn")
    assert told["u2says"] == ("above the limit: limit 2 %, alarm 3 %", "ss-warn")
    assert told["amps"] == ("25.0 %", "ss-warn")
    assert told["neutral"] == ("34.6 A", "")
    assert told["turn"] == ("R Y B, assumed", "")
    calm = symmetry.parts(meter_in("normal", 2))
    assert calm["u2says"] == ("limit 2 %, alarm 3 %", "")
    assert "derate above 1 %" in calm["nemasays"][0]


@pytest.mark.parametrize(
    ("state", "meter_id", "volts_why", "amps_why"),
    [
        ("dead meter", 4, "no reading of now", "no reading of now"),
        ("stopped poller", 1, "no reading of now", "no reading of now"),
        ("never-seen meter", 4, "never answered", "never answered"),
        ("empty store", 1, "never answered", "never answered"),
        ("supply lost, no DG", 1, "no voltage", "no current"),
        ("no current", 3, "limit 2 %, alarm 3 %", "no current"),
    ],
)
def test_without_its_inputs_a_figure_is_a_dash_with_the_reason(state, meter_id, volts_why, amps_why):
    told = symmetry.parts(meter_in(state, meter_id))
    assert (told["u2says"][0], told["ampssays"][0]) == (volts_why, amps_why)
    assert (told["u2"][0] == "—") is (told["u2"][1] == "ss-is-never") is ("limit" not in volts_why)
    assert told["amps"] == ("—", "ss-is-never")


def test_a_doubted_voltage_makes_no_unbalance():
    meter = meter_in("normal", 2)
    values = dict(meter.values)
    values["v_yb"] = values["v_yb"]._replace(quality="implausible")
    told = symmetry.parts(dataclasses.replace(meter, values=values))
    assert told["u2"] == ("—", "ss-is-never")
    assert told["u2says"][0] == "Vyb Phase is doubtful"


def test_a_light_load_is_told_and_not_judged():
    meter = with_values(meter_in("normal", 2), current_r=6.0, current_y=1.0, current_b=1.0)
    told = symmetry.parts(meter)
    assert told["amps"] == ("125.0 %", "")
    assert told["ampssays"][0] == "light load, not judged"


def test_the_worst_circuit_is_named_and_who_is_missing_too():
    def worst(board):
        return symmetry.worst(board, symmetry.voltage_u2)

    assert worst(in_state("supply lost, no DG")) == ("—", "")
    board = in_state("normal")
    tilted = with_values(board.meters[3], v_ry=420.0, v_yb=410.0, v_br=405.0)
    board = dataclasses.replace(board, meters=(*board.meters[:3], tilted, board.meters[4]))
    assert worst(board) == ("ColonyLoad 2.15 %", "ss-warn")
    told, looks = worst(in_state("dead meter"))
    assert told.endswith(", ColonyLoad missing")
    assert looks == "ss-hatched"
    assert worst(in_state("stopped poller")) == ("not known", "ss-hatched")


def test_a_light_load_and_an_idle_set_are_not_the_worst_circuit():
    board = in_state("normal")
    light = with_values(board.meters[1], current_r=6.0, current_y=1.0, current_b=1.0)
    board = dataclasses.replace(board, meters=(board.meters[0], light, *board.meters[2:]))
    told, looks = symmetry.worst(board, symmetry.of_currents)
    assert "3.00 %" in told
    assert looks == ""
    assert "EssentialLoad" not in told.replace("NonEssentialLoad", "")


@pytest.mark.parametrize(
    ("watts", "var", "turned", "words"),
    [
        (100.0, 100.0, 45, "45° lag"),
        (100.0, -100.0, 315, "45° lead"),
        (-100.0, 100.0, 135, "135° lag, reverse power"),
        (-100.0, -100.0, 225, "135° lead, reverse power"),
        (100.0, 0.0, 0, "0°, in phase"),
        (-100.0, 0.0, 180, "180°, reverse power"),
    ],
)
def test_a_current_is_turned_by_its_phase_s_power_in_all_quadrants(watts, var, turned, words):
    told = phasor.parts(with_values(meter_in("normal", 2), watts_r=watts, var_r=var))
    assert told["ir"][0].startswith(f"--a:{turned};")
    assert told["ar"][0] == words
    assert told["vr"][0].startswith("--a:0;")
    assert told["vy"][0].startswith("--a:120;")
    assert told["vb"][0].startswith("--a:240;")


def test_lengths_are_to_scale_and_never_leave_the_drawing():
    told = phasor.parts(with_values(meter_in("normal", 2), v_r=600.0, current_r=200.0, current_y=100.0))
    assert told["vr"][0].endswith("--l:100")
    assert (told["ir"][0][-2:], told["iy"][0][-2:]) == ("62", "31")


@pytest.mark.parametrize(
    ("state", "meter_id", "looks", "says"),
    [
        ("normal", 1, {"ss-is-fresh"}, ""),
        ("dead meter", 4, {"ss-is-stale"}, "Old: drawn as at the last answer."),
        ("stopped poller", 1, {"ss-is-stale"}, "Old: drawn as at the last answer."),
        ("never-seen meter", 4, {"ss-none"}, "Never answered: nothing to draw."),
        ("supply lost, no DG", 1, {"ss-none"}, ""),
    ],
)
def test_an_arrow_looks_as_old_as_it_is(state, meter_id, looks, says):
    meter = meter_in(state, meter_id)
    told = phasor.parts(meter)
    arrows = [one for one in walk(phasor.section(meter, told)) if "ss-arrow" in classes(one)]
    assert len(arrows) == 6
    assert {
        look for one in arrows for look in classes(one) & {"ss-is-fresh", "ss-is-stale", "ss-none"}
    } == looks
    assert told["says"][0] == says
    for one in arrows:
        assert bool(one.style) is ("ss-none" not in classes(one))


def test_a_lost_phase_is_said_and_not_drawn():
    told = phasor.parts(meter_in("phase lost", 3))
    assert told["vy"] == told["iy"] == ("", "ss-none")
    assert told["ay"][0] == "no voltage"
    assert told["vr"][1] == "ss-is-fresh"


def test_an_idle_feeder_has_voltages_and_no_currents():
    told = phasor.parts(meter_in("no current", 3))
    assert [told[f"i{phase}"][1] for phase in "ryb"] == ["ss-none"] * 3
    assert [told[f"a{phase}"][0] for phase in "ryb"] == ["no current"] * 3


def test_the_diagram_says_what_is_assumed_and_its_drawing_is_not_read_aloud():
    meter = meter_in("normal", 1)
    page = phasor.section(meter, phasor.parts(meter))
    assert "The meter gives no angles" in text(page)
    assert "assumed" in text(page)
    assert "Indicative, polled." in text(page)
    (drawing,) = [one for one in walk(page) if "ss-phasor" in classes(one)]
    assert attribute(drawing, "aria-hidden") == "true"
    assert re.search(r"R\d+° lag", text(page))


def test_a_meter_of_one_phase_has_one_pair_of_arrows_turned_by_its_totals():
    meter = with_values(meter_in("read in groups", 3), watts_total=100.0, var_total=100.0)
    assert len(meter.model.phases) == 1
    told = phasor.parts(meter)
    assert told["ir"][0].startswith("--a:45;")
    arrows = [one for one in walk(phasor.section(meter, told)) if "ss-arrow" in classes(one)]
    assert len(arrows) == 2
    assert symmetry.parts(meter)["u2says"][0] == "one phase"
    assert symmetry.voltage_u2(meter).nothing
