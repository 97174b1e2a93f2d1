"""The wall: what stands on it, and when it loads itself anew."""

from dataclasses import replace
from typing import Any

import pytest

from substation.dashboard import feed as feeds
from substation.dashboard import screen, wall
from substation.dashboard.samples import SETTINGS, STATES
from tests.dashboard.boards import feed_in
from tests.dashboard.tree import attribute, classes, lies, text, walk


def drawn(state: str) -> Any:
    feed = feed_in(state)
    feeds.set_current(feed)
    board = feed.board()
    names = ["station", "bus", "wall", *[f"m{meter.id}" for meter in board.meters]]
    return wall.content(feed, board, screen.groups(feed, board, names)), board


@pytest.mark.parametrize("state", list(STATES))
def test_no_old_value_looks_fresh_on_the_wall(state: str) -> None:
    page, board = drawn(state)
    assert lies(page, board) == []


def test_voltages_have_no_decimals_and_live_values_will_have_none() -> None:
    page, _ = drawn("normal")
    volts = [part for part in walk(page) if attribute(part, "data-q") == "v_r" and text(part)]
    assert len(volts) == 5
    assert {attribute(part, "data-decimals") for part in volts} == {"0"}
    assert text(volts[0]) == "240V"


def test_one_curve_at_a_time_is_shown_and_named() -> None:
    page, board = drawn("normal")
    curves = [part for part in walk(page) if "ss-wall-curve" in classes(part)]
    names = [part for part in walk(page) if "ss-wall-name" in classes(part)]
    assert len(curves) == len(names) == len(board.meters) - 1
    assert [("ss-on" in classes(part)) for part in curves] == [True, False, False, False]


def test_a_station_with_many_feeders_has_the_screen_for_its_diagram() -> None:
    feed = feed_in("normal")
    board = feed.board()
    feeders = [meter for meter in board.meters if meter.role == "feeder"]
    many = replace(board, meters=(*board.meters, *feeders))
    page = wall.content(feed, many, {})
    assert page.style == {"--tiers": "3"}
    assert not [part for part in walk(page) if "ss-wall-curve" in classes(part)]


def test_another_program_or_another_station_is_another_mark() -> None:
    made = wall.parts_of(SETTINGS)["made"][0]
    assert wall.parts_of(SETTINGS)["made"][0] == made
    renamed = SETTINGS.meters[0].model_copy(update={"name": "Incomer 2"})
    other = SETTINGS.model_copy(update={"meters": (renamed, *SETTINGS.meters[1:])})
    assert wall.parts_of(other)["made"][0] != made
    assert wall.parts_of(SETTINGS.model_copy(update={"simulated": True}))["made"][0] != made
    assert wall.program().startswith("0.")
