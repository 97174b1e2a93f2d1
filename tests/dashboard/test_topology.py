"""The diagram of any station: nothing covers anything else, and each circuit ends on its own bar."""

import itertools

import pytest

from substation.dashboard import diagram, sections, topology, words
from substation.dashboard.samples import AMPS, NOW_MS, OFF, board, said, values
from substation.readings import Reading
from substation.settings.model import Meter, Settings, Site
from tests.dashboard.tree import classes, text, walk

LETTERS = {"I": "incomer", "F": "feeder", "G": "generator"}
STATIONS = [
    *("".join(kinds) for n in (1, 2, 3) for kinds in itertools.combinations_with_replacement("IFG", n)),
    "IFFFG", "IIFFFFFFGG", "IIIIIFFFFFGG", "F" * 12, "I" * 12, "G" * 5 + "F" * 7, "IIIIGGGG",
    "IF,IF", "IFF,IFF", "IFFG,IFF", "IFFFF,IFFFFF", "IG,F", "F,F,F", "I,I,I,I", "IF,IF,IF,IF", "G,IFF,FF",
    "IFFFFFF,FFFFF", "IF," * 5 + "IF", "I," * 11 + "I",
]  # fmt: skip
"""A letter a meter, a comma between two bus sections."""


def meters(station: str) -> tuple[Meter, ...]:
    letters = [(number, one) for number, part in enumerate(station.split(","), 1) for one in part]
    return tuple(
        Meter(id=at, name=f"{one}{at}", role=LETTERS[one], bus_section=number)  # type: ignore[arg-type]
        for at, (number, one) in enumerate(letters, 1)
    )


def cells(box: topology.Box) -> set[tuple[int, int]]:
    rows, columns = range(box.row, box.row + box.rows), range(box.column, box.column + box.columns)
    return set(itertools.product(rows, columns))


@pytest.mark.parametrize("station", STATIONS)
def test_nothing_covers_anything_and_every_circuit_ends_on_its_own_bar(station: str) -> None:
    plan = topology.plan(meters(station), coupled=True)
    solid = [box for box in plan.boxes if box.kind in ("branch", "sums", "bus")]
    covered = [cell for box in solid for cell in cells(box)]
    assert len(covered) == len(set(covered))
    assert all(1 <= column <= plan.columns <= topology.MOST_COLUMNS for _, column in covered)
    bars = {(cell, box.section) for box in solid if box.kind == "bus" for cell in cells(box)}
    for meter in meters(station):
        (box,) = [box for box in solid if box.kind == "branch" and box.meter == meter.id]
        step = -1 if meter.role == "feeder" else 1  # a feeder hangs below its bar, a source stands above
        assert ((box.row + step, box.column), meter.bus_section) in bars
    assert len([box for box in solid if box.kind == "sums"]) == 1
    for number in plan.sections:
        own = [box for box in solid if box.kind == "bus" and box.section == number]
        assert [box.named for box in own] == [True] + [False] * (len(own) - 1)
        edges = {(box.row, box.column + box.columns - 1) for box in own}
        risers = [box for box in plan.boxes if box.kind == "riser" and box.section == number]
        assert len(risers) == (1 if len(own) > 1 else 0)
        assert all(edges <= cells(riser) for riser in risers)  # a bent bar is one bar


@pytest.mark.parametrize("station", [one for one in STATIONS if "," in one])
def test_a_coupler_joins_neighbours_and_nobody_else(station: str) -> None:
    plan = topology.plan(meters(station), coupled=True)
    couplers = [box for box in plan.boxes if box.kind == "coupler"]
    assert len(couplers) == len(plan.sections) - 1
    for box, left, right in zip(couplers, plan.sections, plan.sections[1:], strict=False):
        own = [one for one in plan.boxes if one.kind == "bus" and one.section == left]
        other = [one for one in plan.boxes if one.kind == "bus" and one.section == right]
        if plan.beside:
            assert cells(box) & cells(own[0])
            assert (box.row, box.column + 1) in cells(other[0])
        else:
            assert cells(box) & cells(own[-1])
            assert cells(box) & cells(other[0])
    assert not [b for b in topology.plan(meters(station)).boxes if b.kind == "coupler"]


def test_sections_stand_side_by_side_where_there_is_room_and_else_below_one_another() -> None:
    assert topology.plan(meters("IFF,IFF")).beside
    stacked = topology.plan(meters("IFFF,IFFF"))
    assert (stacked.beside, stacked.tiers, stacked.columns) == (False, 4, 3)
    assert topology.plan(meters("IFFFG")).tiers == 2


@pytest.mark.parametrize(
    ("station", "dead", "expected"),
    [
        ("IF,IF", (), {1: "live", 2: "live"}),
        ("IF,IF", (3, 4), {1: "live", 2: "dead"}),
        ("IF,IF", (3,), {1: "live", 2: "live"}),  # fed from elsewhere: the feeder has voltage
        ("IFF", (1,), {1: "live"}),
        ("IFF", (1, 2, 3), {1: "dead"}),
    ],
)
def test_each_section_is_judged_by_its_own_meters(
    station: str, dead: tuple[int, ...], expected: dict[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = board_of(station, monkeypatch, dead=dead)
    told = {n: sections.state([m for m in shown.meters if m.bus_section == n]) for n in expected}
    assert told == expected
    parts = sections.parts(shown)
    for number, state in expected.items():
        mark = sections.suffix(sections.numbers(shown), number)
        assert parts[f"bus{mark}"][1] == f"ss-w-{state}"
        if mark:
            assert parts[f"words{mark}"][0] == f"Bus section {number}, 415 V, {state}"


def test_a_source_with_voltage_that_feeds_nothing_proves_no_bus_live(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its breaker may be open: a feeder with voltage is proof, a source without current is none."""
    shown = board_of("IFF", monkeypatch, dead=(2, 3), idle=(1,))
    assert sections.parts(shown) == {"bus": ("", "ss-w-unknown"), "words": ("415 V bus, not known", "")}
    shown = board_of("IFF", monkeypatch, idle=(1, 2, 3))
    assert sections.parts(shown)["words"] == ("415 V bus, no current", "")


def test_a_feeder_is_in_alarm_unless_the_source_of_its_own_section_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The other section's supply excuses nobody, and a dead incomer does not make alarms of all it fed."""
    alarmed = board_of("IF,IF", monkeypatch, dead=(4,))
    assert [m.id for m in alarmed.meters if words.tag(alarmed, m)[1] == "ss-tag-alarm"] == [4]
    alarmed = board_of("IF,IF", monkeypatch, dead=(3, 4))
    assert [m.id for m in alarmed.meters if words.tag(alarmed, m)[1] == "ss-tag-alarm"] == [3]
    alarmed = board_of("IF,FF", monkeypatch, dead=(3, 4))
    assert [m.id for m in alarmed.meters if words.tag(alarmed, m)[1] == "ss-tag-alarm"] == [3, 4]


def test_a_station_with_two_sections_is_drawn_with_both_bars_and_a_coupler_without_a_position(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = board_of("IF,IF", monkeypatch, dead=(3, 4))
    page = diagram.diagram(shown, {"bus": sections.parts(shown)})
    bars = [part for part in walk(page) if "ss-busbar" in classes(part)]
    assert [(text(bar), "ss-w-dead" in classes(bar)) for bar in bars] == [
        ("Bus section 1, 415 V, live", False),
        ("Bus section 2, 415 V, dead", True),
    ]
    (coupler,) = [part for part in walk(page) if "ss-coupler" in classes(part)]
    assert text(coupler) == "Bus coupler, position not known"
    assert "are inferred from voltage and current" in text(page)


def board_of(station: str, patch: pytest.MonkeyPatch, dead: tuple[int, ...] = (), idle: tuple[int, ...] = ()):
    every = meters(station)
    for meter in every:
        patch.setitem(AMPS, meter.id, 0.0 if meter.id in idle else 50.0)

    def change(reports, readings, _) -> None:
        for meter in every:
            if meter.role == "generator" or meter.id in dead:
                reports[meter.id] = said(meter, "dead", status=OFF[meter.role])
                readings[meter.id] = Reading(meter.id, NOW_MS - 400, values(meter, volts=0.0, amps=0.0))

    return board(change, Settings(site=Site(bus_coupler=True), meters=every))
