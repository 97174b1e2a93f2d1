"""What stands on a meter's page depends on what the meter has: phases, registers, what it says besides."""

import dataclasses

import pytest

from substation.dashboard import board as boards
from substation.dashboard import cards, curves, more, panels, parameters, screen, words
from substation.dashboard.board import LiveMeter
from substation.dashboard.feed import Feed, MinMax
from substation.dashboard.values import Model
from substation.meters import profile
from substation.readings import Reading
from tests.dashboard.boards import in_state
from tests.dashboard.conftest import Station, demo_settings, reading
from tests.dashboard.tree import attribute, find, text, walk

OWN = 'model = "Front of the meter"\nsource = "manual"\nverified = false\n[registers]\nfrequency = 40157\n'
NOW = 1_795_500_000_000
SDM120 = Model.of(profile.load("eastron_sdm120"))


def one_phase(**changes: float) -> LiveMeter:
    """An Eastron SDM120 that answers."""
    whole = reading(1, NOW, v_r=230.0, current_r=4.0, watts_total=900.0, **changes)
    values = {key: value for key, value in whole.values.items() if key in SDM120.keys}
    entry = {"id": 1, "supply": "live", "status": "EB supply On", "comm_status": "OK"}
    beat = {"state": "running", "at_ms": NOW, "simulated": True, "interval_s": 2.0, "meters": [entry]}
    board = boards.make_board(demo_settings(), beat, {1: Reading(1, NOW, values)}, NOW, models={1: SDM120})
    return board.meters[0]


def keys_on(part: object) -> set[str]:
    return {key for one in walk(part) if (q := attribute(one, "data-q")) for key in q.split()}


def test_the_stations_own_model_is_named_with_its_registers(station: Station, feed: Feed) -> None:
    station.home.profiles.mkdir()
    (station.home.profiles / "front.toml").write_text(OWN)
    meters = (
        station.settings.meters[0].model_copy(update={"profile": "front"}),
        *station.settings.meters[1:],
    )
    feed.adopt(station.settings.model_copy(update={"meters": meters}), station.home)
    own, shipped = feed.profile(1), feed.profile(2)
    assert own is not None
    assert shipped is not None
    registers = {key: row.printed for key, row in own.registers.items()}
    assert (own.model, registers) == ("Front of the meter", {"frequency": 40157})
    assert shipped.model == "Elmeasure LG+"


def test_a_model_that_cannot_be_read_is_no_profile(station: Station, feed: Feed) -> None:
    meters = (station.settings.meters[0].model_copy(update={"profile": "front"}),)
    feed.adopt(station.settings.model_copy(update={"meters": meters}), station.home)
    assert feed.profile(1) is None
    assert feed.profile(99) is None


def test_a_card_of_one_phase_shows_that_phase_only() -> None:
    meter = one_phase()
    shown = keys_on(cards.card(meter, {}))
    assert {"v_r", "current_r", "watts_total"} <= shown
    assert not {key for key in shown if key.endswith(("_y", "_b"))}


def test_dead_phases_that_do_not_exist_raise_no_alarm_and_hide_no_idle_circuit() -> None:
    assert words.wire(one_phase()) == "live"
    assert words.findings(one_phase()) == []
    values = dict(one_phase().values)
    values["current_r"] = values["current_r"]._replace(value=0.0)
    assert words.wire(dataclasses.replace(one_phase(), values=values)) == "noload"


def test_one_phase_carries_the_whole_rating() -> None:
    meter = one_phase()
    volts = meter.nominal_v / 3**0.5
    assert words.rated_a(meter) == pytest.approx(meter.rated_kva * 1000 / volts)
    assert words.rated_phase_va(meter) == meter.rated_kva * 1000
    assert "a third" not in parameters.bar_words(meter)


def test_the_table_of_one_phase_has_a_column_for_it_and_rows_for_what_there_is() -> None:
    table = parameters.phase_table(one_phase())
    assert keys_on(table) == {"v_r", "current_r", "watts_total", "var_total", "va_total", "pf_average"}
    assert "Y" not in text(table.children[1])
    assert "Average or total" not in text(table)


def test_the_charts_of_one_phase_are_those_of_the_whole() -> None:
    meter = one_phase()
    pairs = panels.each_phase(meter)
    assert [phase for _, phase in pairs] == ["all"] * 4
    kinds = {name: panels.kind_of(meter, name, phase) for name, phase in pairs}
    assert {name: (kind.line, kind.band) for name, kind in kinds.items()} == {
        "voltage": (("v_r",), ("v_r",)),
        "current": (("current_r",), ("current_r",)),
        "power": (("watts_total",), ("watts_total",)),
        "factor": (("watts_total", "va_total"), ("pf_average",)),
    }


@pytest.mark.parametrize("name", profile.names())
def test_every_chart_of_every_model_is_drawn_from_what_it_has_and_in_its_own_unit(name: str) -> None:
    model = Model.of(profile.load(name))
    for kind in curves.KINDS.values():
        found = kind.of_model(model.keys)
        missing = set(found.line) - model.keys
        assert not missing or not set(kind.band) & model.keys, (name, kind.name, missing)
        phases = [found] + [kind.of_phase(phase).of_model(model.keys) for phase in model.phases]
        assert all(set(one.line) & model.keys or one.line for one in phases)


def test_a_model_without_a_mean_voltage_is_drawn_by_its_phases() -> None:
    volts = curves.KINDS["voltage"]
    assert volts.of_model({"v_r", "v_y", "v_b"}).line == ("v_r", "v_y", "v_b")
    assert volts.of_model({"vll_average", "v_ry"}).line == ("vll_average",)
    assert volts.of_phase("y").of_model({"vll_average"}).line == ("v_y",)  # and not another quantity


def test_a_row_says_why_its_value_does_not_come(station: Station, feed: Feed) -> None:
    now = station.clock.now_ms()
    whole = reading(1, now).values
    station.read(Reading(1, now, {key: value for key, value in whole.items() if not key.startswith("v")}))
    station.beat(meter_1={"disabled": {"v_r": "register 40143 refused with exception 2"}})
    board = feed.board()
    parts = screen.groups(feed, board, ["m1", "v1", "x1", "d1", "s1"])
    section = parameters.section(feed, board.meters[0], parts)
    (refused,) = find(section, data_g="v1", data_p="v_r")
    (waiting,) = find(section, data_g="v1", data_p="v_y")
    (there,) = find(section, data_g="v1", data_p="watts_total")
    assert text(refused) == "disabled: register 40143 refused with exception 2"
    assert (text(waiting), text(there)) == ("not asked yet", "")


def test_each_row_carries_the_age_of_its_own_value(station: Station, feed: Feed) -> None:
    station.read()
    station.clock.advance(40)
    now = station.clock.now_ms()
    values = {key: value for key, value in reading(1, now).values.items() if not key.endswith("received")}
    station.read(Reading(1, now, values))
    station.beat()
    board = feed.board()
    section = parameters.section(
        feed, board.meters[0], screen.groups(feed, board, ["m1", "v1", "x1", "d1", "s1"])
    )
    (energy,), (volts,) = find(section, data_age="wh_received"), find(section, data_age="v_r")
    assert (text(energy), text(volts)) == ("40 s", "0.0 s")


def test_more_from_a_meter_stands_in_a_table_of_its_own_only_when_there_is_any(
    station: Station, feed: Feed
) -> None:
    now = station.clock.now_ms()
    station.read()
    station.beat(
        meter_1={"extras": {"thd_v_r": [3.21, now - 34_000], "rpm": [None, now]}, "identity": {"x": 7}}
    )
    board = feed.board()
    one, two = board.meters[:2]
    (section,) = more.section(one, screen.extra_parts(one), board.at_ms)
    assert "More from this meter" in text(section)
    assert "(not kept in the history)" in text(section)
    (harmonics,) = find(section, data_g="o1", data_p="thd_v_r")
    (age,) = find(section, data_g="o1", data_ago="thd_v_r.at")
    (speed,) = find(section, data_g="o1", data_p="rpm")
    assert (text(harmonics), text(age), text(speed)) == ("3.210", "34 s", "\u2014")
    assert "THD of voltage, R phase" in text(section)
    assert "read once" in text(section)
    assert more.section(two, screen.extra_parts(two), board.at_ms) == []


def test_a_frozen_meter_says_so_on_its_card_in_the_table_and_on_the_state_line(
    station: Station, feed: Feed
) -> None:
    now = station.clock.now_ms()
    calm = dict.fromkeys(("current_r", "current_y", "current_b"), 10.0)
    station.read(*(reading(number, now, **calm) for number in range(1, 6)))
    station.beat(meter_2={"frozen_since_ms": now - 3_600_000})
    board = feed.board()
    frozen = board.meters[1]
    parts = screen.groups(feed, board, ["m2", "e2", "line"])
    assert frozen.frozen.capitalize()[:12] in text(cards.card(frozen, parts["m2"]))
    assert frozen.frozen in parts["m2"]["tag"][0].lower()
    assert parts["e2"]["evidence"][0] == frozen.frozen
    assert parts["line"]["title"][0] == "A meter repeats itself"
    assert frozen.frozen in parts["line"]["detail"][0]
    assert frozen.frozen in text(cards.readings_table(board, {"m2": parts["m2"]})).lower()


def test_what_a_meter_lacks_has_no_lowest_and_highest_of_the_meter_before_it() -> None:
    class Today:
        settings = demo_settings()

        def minmax_today(self, _: int, keys: tuple[str, ...]) -> dict[str, MinMax]:
            return dict.fromkeys(keys, MinMax(1.0, NOW, 2.0, NOW))

    parts = screen.minmax_parts(Today(), in_state("normal"), one_phase())  # type: ignore[arg-type]
    assert (parts["v_r.low"][0], parts["v_y.low"], parts["v_y.lowat"]) == ("1.0", ("\u2014", ""), ("", ""))
