"""Commissioning through a wire in memory: what is asked, what comes back, what never leaves."""

import datetime as dt
import json
import zoneinfo
from collections.abc import Mapping
from typing import Any

import pytest

from substation.bus import commission
from substation.bus.commission import Outcome, find_meter, line_for, parse_ids
from substation.errors import NoAnswer, ProfileError, RequestError
from substation.meters.profile import load
from substation.settings.model import CARD_METERS, Line, Meter, Settings, parse
from substation.simulator.meter import SimulatedMeter
from substation.simulator.site import Site
from substation.simulator.wiring import Wiring
from tests.bus.map_wire import MapWire
from tests.fake_clock import FakeClock

ZONE = zoneinfo.ZoneInfo("Asia/Kolkata")
NOON_MS = int(dt.datetime(2026, 11, 23, 12, 0, tzinfo=ZONE).timestamp() * 1000)
LG = load("elmeasure_lgplus")
STATION = Settings(meters=CARD_METERS)


@pytest.fixture(scope="module")
def noon() -> Site:
    return Site(1, epoch_ms=NOON_MS - 3_600_000, zone=ZONE)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(now_ms=NOON_MS)


def make_wire(noon: Site, clock: FakeClock, meters: Mapping[int, SimulatedMeter] | None = None) -> MapWire:
    return MapWire(noon, clock, meters or {n: SimulatedMeter(n, LG) for n in range(1, 6)}, Line())


def run(
    wire: MapWire, clock: FakeClock, kind: str, settings: Settings | None = STATION, **arguments: Any
) -> Outcome:
    said: list[tuple[float, str]] = []

    def tick(progress: float, words: str) -> bool:
        said.append((progress, words))
        return False

    outcome = commission.run(
        kind, arguments, settings=settings, wire=wire, clock=clock, profiles=None, tick=tick
    )
    assert json.loads(json.dumps(outcome.result)) == outcome.result, "no plain JSON"
    assert all(0 <= progress <= 1 for progress, _ in said)
    assert [progress for progress, _ in said] == sorted(progress for progress, _ in said)
    assert said
    assert all(words for _, words in said)
    return outcome


# What is asked


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("1-3", (1, 2, 3)),
        ("7", (7,)),
        ("5, 1-2,2", (5, 1, 2)),
        (12, (12,)),
        ("247", (247,)),
        ("", tuple(range(1, 33))),
    ],
)
def test_ids_are_taken_as_a_person_writes_them(text: object, ids: tuple[int, ...]) -> None:
    assert parse_ids(text) == ids


@pytest.mark.parametrize("text", ["0", "248", "1-300", "9-3", ",", "x", "1-", "-4", "1..9"])
def test_ids_outside_1_to_247_are_refused(text: str) -> None:
    with pytest.raises(RequestError, match="id"):
        parse_ids(text)


@pytest.mark.parametrize(
    ("kind", "arguments", "words"),
    [
        ("erase", {}, "known: scan"),
        ("scan", {"meter": 1}, "takes no 'meter'"),
        ("scan", {"ids": "0-9"}, "between 1 and 247"),
        ("identify", {"ids": "1-999"}, "between 1 and 247"),
        ("read", {}, "name a meter"),
        ("read", {"meter": "Nobody"}, "known: Transformer"),
        ("read", {"meter": 300}, "between 1 and 247"),
        ("read", {"meter": 1, "register": "volts"}, "known to elmeasure_lgplus: watts_total"),
        ("read", {"meter": 1, "register": "freqency"}, r"of this meter \(did you mean 'frequency'\?\)"),
        ("read", {"meter": "Trafsormer"}, r"did you mean 'Transformer'"),
        ("read", {"meter": 1, "register": "99"}, "holding registers begin at 40001"),
        ("read", {"meter": 9}, "name a profile"),
        ("read", {"meter": 9, "profile": "no_such"}, "no_such"),
        ("wiring", {"meter": "Nobody"}, "known: Transformer"),
    ],
)
def test_a_wrong_request_is_refused_in_words(
    noon: Site, clock: FakeClock, kind: str, arguments: dict[str, Any], words: str
) -> None:
    wire = make_wire(noon, clock)
    with pytest.raises(RequestError, match=words):
        commission.run(
            kind, arguments, settings=STATION, wire=wire, clock=clock, profiles=None, tick=lambda *_: False
        )


def test_the_line_is_the_meters_own_the_named_or_the_only_one() -> None:
    lines = (Line(name="line 1"), Line(name="line 2", port="/dev/b"))
    station = Settings(lines=lines, meters=(Meter(id=1, name="A"), Meter(id=2, name="B", line="line 2")))
    assert line_for("read", {"meter": "b"}, station).name == "line 2"
    assert line_for("scan", {"line": "line 2"}, station).name == "line 2"
    assert line_for("scan", {}, STATION).name == "line 1"
    with pytest.raises(RequestError, match="name one: line 1, line 2"):
        line_for("scan", {}, station)
    with pytest.raises(RequestError, match="no meter 'Nobody' at this station; known: A, B"):
        line_for("read", {"meter": "Nobody"}, station)
    with pytest.raises(RequestError, match="between 1 and 247"):
        line_for("read", {"meter": "300"}, station)
    with pytest.raises(RequestError, match="between 1 and 247"):
        line_for("scan", {"ids": "0-300"}, station)
    with pytest.raises(RequestError, match="name one"):
        line_for("read", {"meter": "9"}, station)
    with pytest.raises(RequestError, match="no line 'line 3'"):
        line_for("scan", {"line": "line 3"}, station)


def test_a_meter_is_found_by_number_or_name() -> None:
    for wanted in (3, "3", "NonEssentialLoad", "nonessentialload", "3 NonEssentialLoad"):
        found = find_meter(STATION, wanted)
        assert found is not None
        assert found.id == 3
    assert find_meter(STATION, "30") is None


# Read


def test_a_whole_meter_comes_with_register_and_raw_words(noon: Site, clock: FakeClock) -> None:
    result = run(make_wire(noon, clock), clock, "read", meter="Transformer").result
    rows = {row["key"]: row for row in result["rows"]}
    truth = noon.at(NOON_MS)[1]
    assert rows["v_r"]["value"] == pytest.approx(truth["v_r"], rel=1e-6)
    assert (rows["v_r"]["register"], rows["v_r"]["address"], rows["v_r"]["unit"]) == (40143, 142, "V")
    assert len(rows["v_r"]["raw"]) == 2
    assert rows["thd_v_r"]["extra"] if "thd_v_r" in rows else True
    assert set(rows) == set(LG.keys)
    assert result["refused"] == []
    assert result["turnaround_ms"] == 30


def test_registers_that_a_meter_lacks_are_named_and_the_rest_is_read(noon: Site, clock: FakeClock) -> None:
    shorter = load("lt_wl4405")
    result = run(make_wire(noon, clock, {1: SimulatedMeter(1, shorter)}), clock, "read", meter=1).result
    rows = {row["key"]: row for row in result["rows"]}
    assert rows["watts_total"]["value"] == pytest.approx(noon.at(NOON_MS)[1]["watts_total"], rel=1e-6)
    missing = {key for key, row in rows.items() if row["value"] is None}
    assert missing == set(result["refused"])
    assert missing
    assert all("register not in this meter" in rows[key]["why"] for key in missing)


def test_a_silent_meter_is_said_and_no_more_than_two_blocks_are_waited_for(
    noon: Site, clock: FakeClock
) -> None:
    wire = make_wire(noon, clock)
    wire.faults.order(1, "dead")
    with pytest.raises(NoAnswer, match=r"Transformer .id 1. does not answer"):
        run(wire, clock, "read", meter=1)
    assert len(wire.sent) <= 4


def test_a_register_is_shown_in_all_four_word_orders(noon: Site, clock: FakeClock) -> None:
    result = run(make_wire(noon, clock), clock, "read", meter=2, register="40157").result
    hertz = noon.at(NOON_MS)[2]["frequency"]
    assert result["key"] == "frequency"
    assert result["own"]["value"] == pytest.approx(hertz, rel=1e-6)
    by_order = {row["order"]: row for row in result["decoded"]}
    assert list(by_order) == ["ABCD", "CDAB", "BADC", "DCBA"]
    assert [order for order, row in by_order.items() if row["own"]] == ["CDAB"]
    assert by_order["CDAB"]["float32"] == pytest.approx(hertz, rel=1e-6)
    raw = [int(word, 16) for word in result["raw"]]
    assert by_order["ABCD"]["uint32"] == raw[0] << 16 | raw[1]
    assert by_order["CDAB"]["uint32"] == raw[1] << 16 | raw[0]
    assert result["single"]["uint16"] == raw[0]


def test_a_register_of_an_unknown_meter_is_read_as_printed(noon: Site, clock: FakeClock) -> None:
    eastron = load("eastron_sdm630")
    wire = make_wire(noon, clock, {9: SimulatedMeter(1, eastron)})
    result = run(wire, clock, "read", settings=None, meter=9, register=30071).result
    assert (result["function"], result["address"], result["own"]) == (4, 70, None)
    assert result["decoded"][0]["float32"] == pytest.approx(noon.at(NOON_MS)[1]["frequency"], rel=1e-6)
    with pytest.raises(NoAnswer, match="refused"):
        run(wire, clock, "read", settings=None, meter=9, register=40071)


def test_a_refused_register_is_said_once_with_the_number_to_write_instead(
    noon: Site, clock: FakeClock
) -> None:
    wire = make_wire(noon, clock, {9: SimulatedMeter(1, load("eastron_sdm630"))})
    with pytest.raises(NoAnswer) as known:
        run(wire, clock, "read", settings=None, meter=9, profile="eastron_sdm630", register=40071)
    assert str(known.value).startswith("id 9, register 40071: refused with exception ")
    assert str(known.value).endswith("This model is read with function 04: write 30071")
    with pytest.raises(NoAnswer, match="Perhaps it is read with function 04: write 30071"):
        run(wire, clock, "read", settings=None, meter=9, register=40071)
    with pytest.raises(NoAnswer) as missing:
        run(wire, clock, "read", settings=None, meter=9, profile="eastron_sdm630", register=39998)
    assert "write" not in str(missing.value)


def test_a_value_by_its_key_of_one_register(noon: Site, clock: FakeClock) -> None:
    carlo = load("carlo_gavazzi_em24")
    wire = make_wire(noon, clock, {9: SimulatedMeter(1, carlo)})
    result = run(
        wire, clock, "read", settings=None, meter=9, profile="carlo_gavazzi_em24", register="frequency"
    ).result
    assert result["own"]["value"] == pytest.approx(50, abs=0.3)
    assert result["own"]["encoding"] == "uint16"


def test_a_profile_that_cannot_be_used_is_a_fault_of_the_configuration(noon: Site, clock: FakeClock) -> None:
    station = Settings(meters=(Meter(id=1, name="A", profile="gone"),))
    with pytest.raises(ProfileError, match="gone"):
        run(make_wire(noon, clock), clock, "read", settings=station, meter=1)


# Wiring


def test_a_healthy_line_has_no_findings(noon: Site, clock: FakeClock) -> None:
    outcome = run(make_wire(noon, clock), clock, "wiring")
    assert [row["findings"] for row in outcome.result["meters"]] == [[]] * 5
    assert outcome.result["site"] == []
    assert outcome.words == "5 meters looked at, nothing found, 1 could not be judged for want of voltage"
    assert [row["judged"] for row in outcome.result["meters"]] == [True] * 4 + [False]
    assert outcome.result["meters"][4]["words"] == "not judged: no voltage"
    assert run(make_wire(noon, clock), clock, "wiring", meter=5).words == (
        "1 meter looked at, 1 could not be judged for want of voltage"
    )
    assert "no voltage" in outcome.result["meters"][4]["notes"][0]


@pytest.mark.parametrize(
    ("wiring", "order", "kind"),
    [
        (Wiring(reversed_cts="y"), None, "ct_reversed"),
        (Wiring(currents="yrb"), None, "phases_swapped"),
        (Wiring(blown="b"), None, "fuse"),
        (Wiring(pt_factor=0.25), None, "ratio"),
        (Wiring(), "ABCD", "word_order"),
    ],
)
def test_a_fault_is_named_with_what_to_look_at(
    noon: Site, clock: FakeClock, wiring: Wiring, order: Any, kind: str
) -> None:
    meters = {n: SimulatedMeter(n, LG) for n in range(1, 6)}
    meters[3] = SimulatedMeter(3, LG, wiring, word_order=order)
    result = run(make_wire(noon, clock, meters), clock, "wiring").result
    found = {row["meter"]: row["findings"] for row in result["meters"] if row["findings"]}
    assert list(found) == ["NonEssentialLoad"]
    assert [one["kind"] for one in found["NonEssentialLoad"]] == [kind]
    assert all(found["NonEssentialLoad"][0][part] for part in ("what", "certainty", "evidence", "look_at"))


def test_a_wrong_ct_ratio_shows_in_the_balance_of_the_site(noon: Site, clock: FakeClock) -> None:
    meters = {n: SimulatedMeter(n, LG) for n in range(1, 6)}
    meters[4] = SimulatedMeter(4, LG, Wiring(ct_factor=2.0))
    result = run(make_wire(noon, clock, meters), clock, "wiring").result
    assert [one["kind"] for one in result["site"]] == ["ratio"]
    assert "ColonyLoad x 0.5" in result["site"][0]["evidence"]


def test_the_balance_waits_until_the_meters_are_wired_right(noon: Site, clock: FakeClock) -> None:
    meters = {n: SimulatedMeter(n, LG) for n in range(1, 6)}
    meters[1] = SimulatedMeter(1, LG, Wiring(reversed_cts="r"))
    result = run(make_wire(noon, clock, meters), clock, "wiring").result
    assert result["site"] == []
    assert "put right first: Transformer" in result["notes"][0]


def test_factors_of_the_configuration_are_applied_before_anything_is_judged(
    noon: Site, clock: FakeClock
) -> None:
    half = parse(
        {
            "meters": [
                {"id": n, "name": f"M{n}", "role": "incomer" if n == 1 else "feeder"}
                | ({"transformers": [{"since": "2026-01-01", "current_factor": 2.0}]} if n == 2 else {})
                for n in (1, 2, 3, 4)
            ]
        },
        "test",
    )
    meters = {n: SimulatedMeter(n, LG, Wiring(ct_factor=0.5 if n == 2 else 1.0)) for n in (1, 2, 3, 4)}
    assert run(make_wire(noon, clock, meters), clock, "wiring", settings=half).result["site"] == []


def test_a_meter_that_does_not_answer_is_said(noon: Site, clock: FakeClock) -> None:
    wire = make_wire(noon, clock)
    wire.faults.order(2, "dead")
    outcome = run(wire, clock, "wiring")
    assert outcome.words.startswith("5 meters looked at, nothing found, ")
    assert outcome.words.endswith(", 1 did not answer")
    assert [row["meter"] for row in outcome.result["meters"] if not row["answered"]] == ["EssentialLoad"]


# All kinds


@pytest.mark.parametrize("kind", ["scan", "identify", "wiring"])
def test_it_ends_early_and_keeps_what_it_found(noon: Site, clock: FakeClock, kind: str) -> None:
    wire = make_wire(noon, clock)
    calls = iter(range(1000))
    outcome = commission.run(
        kind,
        {},
        settings=STATION,
        wire=wire,
        clock=clock,
        profiles=None,
        tick=lambda *_: next(calls) >= 4,
    )
    assert outcome.result["ended"]
    assert outcome.words.startswith("ended early")
    assert len(wire.sent) < 60


def test_only_reads_ever_leave(noon: Site, clock: FakeClock) -> None:
    wire = make_wire(noon, clock)
    for kind, arguments in (
        ("scan", {}),
        ("identify", {}),
        ("identify", {"ids": "1-2"}),
        ("read", {"meter": 1}),
        ("read", {"meter": 1, "register": "40101"}),
        ("wiring", {}),
    ):
        run(wire, clock, kind, **arguments)
    assert len(wire.sent) > 100
    assert {request[1] for request in wire.sent} <= {3, 4}
    assert all(len(request) == 8 and 1 <= request[0] <= 247 for request in wire.sent)
