"""Models are told by physics, and never wrongly said to be sure: over random lines."""

import datetime as dt
import random
import re
import zoneinfo
from typing import Any

import pytest

from substation.bus import commission
from substation.bus.commission import identify as commission_identify
from substation.bus.commission.identify import known_profiles
from substation.bus.line import Answer
from substation.errors import BadFrame, NoAnswer, ProfileError, Refused
from substation.meters.blocks import Block
from substation.meters.decode import ORDERS
from substation.settings.model import Line, Meter, Settings, parse
from substation.simulator.meter import SimulatedMeter
from substation.simulator.site import Failure, Site
from substation.simulator.wiring import Wiring
from tests.bus.map_wire import MapWire
from tests.fake_clock import FakeClock

ZONE = zoneinfo.ZoneInfo("Asia/Kolkata")
NOON_MS = int(dt.datetime(2026, 11, 23, 12, 0, tzinfo=ZONE).timestamp() * 1000)
PROFILES, _ = known_profiles(None)
FAMILIES = (
    {"elmeasure_lgplus", "lt_wl4405", "abb_m1m12", "elmeasure_epm"},
    {"conzerv_em6400", "conzerv_em6436", "schneider_pm1200"},
    {"schneider_em6400ng", "schneider_em6436h", "schneider_iem3155", "schneider_pm2120", "schneider_pm5110"},
    {"eastron_sdm120", "eastron_sdm230"},
    {"selec_mfm383a", "selec_mfm384"},
)
"""Models whose registers say nothing that tells them apart."""


@pytest.fixture(scope="module")
def noon() -> Site:
    return Site(1, epoch_ms=NOON_MS - 3_600_000, zone=ZONE)


def identify(
    wire: MapWire, clock: FakeClock, settings: Settings | None = None, ids: str = "1-247"
) -> dict[str, Any]:
    wanted = ",".join(str(key) for key in sorted(wire.meters)) if ids == "1-247" else ids
    return commission.run(
        "identify",
        {"ids": wanted},
        settings=settings,
        wire=wire,
        clock=clock,
        profiles=None,
        tick=lambda *_: False,
    ).result


@pytest.mark.parametrize("name", PROFILES)
def test_every_model_is_found_sure_or_with_its_equals(noon: Site, name: str) -> None:
    clock = FakeClock(now_ms=NOON_MS)
    row = identify(MapWire(noon, clock, {9: SimulatedMeter(3, PROFILES[name])}), clock)["meters"][0]
    fitting = {one["profile"] for one in row["candidates"]}
    family = next((family for family in FAMILIES if name in family), {name})
    assert name in fitting
    assert fitting <= family
    assert row["verdict"] == ("sure" if len(family) == 1 else "likely")
    assert row["failed"] == []
    if row["verdict"] == "sure":
        assert row["profile"] == name


def test_on_a_bad_line_nothing_is_said_to_be_known_of_a_meter(noon: Site) -> None:
    clock = FakeClock(now_ms=NOON_MS)

    class Bad(MapWire):
        def read(self, meter_id: int, block: Block, timeout_s: float) -> Answer:
            if self.broken(block):
                raise BadFrame("the check sum is wrong", "crc")
            return super().read(meter_id, block, timeout_s)

        def broken(self, block: Block) -> bool:
            return block.function == 4 and block.address != 0

    wire = Bad(noon, clock, {9: SimulatedMeter(3, PROFILES["eastron_sdm630"])})
    row = identify(wire, clock)["meters"][0]
    assert row["verdict"] == "unknown"
    assert re.match(r"not judged: the line is bad \(\d+ of \d+ reads failed\)", row["words"])
    wire.broken = lambda block: block.function == 3  # type: ignore[method-assign]
    row = identify(wire, clock)["meters"][0]
    assert (row["verdict"], row["profile"]) == ("likely", "eastron_sdm630")
    assert "so that others are not ruled out" in row["words"]


@pytest.mark.parametrize("name", PROFILES)
def test_a_dead_circuit_is_never_sure(noon: Site, name: str) -> None:
    clock = FakeClock(now_ms=NOON_MS)
    row = identify(MapWire(noon, clock, {9: SimulatedMeter(5, PROFILES[name])}), clock)["meters"][0]
    assert row["verdict"] in ("unknown", "likely")
    assert name in {one["profile"] for one in row["candidates"]}
    assert "under voltage" in row["words"]


@pytest.mark.parametrize(
    "name", ["elmeasure_lgplus", "eastron_sdm630", "socomec_diris_a", "carlo_gavazzi_em340"]
)
@pytest.mark.parametrize("order", ORDERS)
def test_another_word_order_is_named_and_never_sure(noon: Site, name: str, order: Any) -> None:
    own = PROFILES[name].word_order
    clock = FakeClock(now_ms=NOON_MS)
    meter = SimulatedMeter(1, PROFILES[name], word_order=order)
    row = identify(MapWire(noon, clock, {9: meter}), clock)["meters"][0]
    if order == own:
        assert row["own_order"]
        return
    assert row["verdict"] in ("likely", "unknown")
    if row["verdict"] == "likely":
        assert (row["word_order"], row["own_order"]) == (order, False)
        assert f'word_order = "{order}"' in row["words"]


@pytest.mark.parametrize(
    "wiring", [Wiring(reversed_cts="y"), Wiring(currents="yrb"), Wiring(blown="b"), Wiring(ct_factor=5)]
)
def test_a_wiring_fault_hides_no_model(noon: Site, wiring: Wiring) -> None:
    clock = FakeClock(now_ms=NOON_MS)
    wire = MapWire(noon, clock, {9: SimulatedMeter(1, PROFILES["socomec_diris_a"], wiring)})
    row = identify(wire, clock)["meters"][0]
    assert row["candidates"][0]["profile"] == "socomec_diris_a"
    assert row["failed"] == []


def random_line(seed: int) -> tuple[MapWire, FakeClock]:
    """1 to 8 meters of any id, model, circuit, word order, wiring; also no load, no supply, no model."""
    dice = random.Random(seed)
    failure = Failure(NOON_MS - 60_000, NOON_MS + 600_000) if dice.random() < 0.2 else None
    clock = FakeClock(now_ms=NOON_MS + dice.randrange(0, 86_400) * 1000 if failure is None else NOON_MS)
    site = Site(seed, epoch_ms=clock.ms - 60_000, zone=ZONE, failures=(failure,) if failure else ())
    wirings = (
        Wiring(reversed_cts=dice.choice("ryb")),
        Wiring(currents=dice.choice(("yrb", "rby", "bry"))),
        Wiring(blown=dice.choice("ryb")),
        Wiring(ct_factor=dice.choice((0.001, 0.1, 5))),
        Wiring(pt_factor=dice.choice((0.265, 26.5))),
    )
    meters = {}
    for modbus_id in dice.sample(range(1, 248), dice.randint(1, 8)):
        profile = PROFILES[dice.choice(list(PROFILES))]
        if dice.random() < 0.1:  # a model that nobody knows: the same map, somewhere else
            profile = profile.model_copy(update={"printed_from": 40001 - dice.choice((-1, 1, 3, 10, 500))})
        meters[modbus_id] = SimulatedMeter(
            dice.randint(1, 5),
            profile,
            dice.choice(wirings) if dice.random() < 0.3 else Wiring(),
            word_order=dice.choice(ORDERS) if dice.random() < 0.3 else None,
        )
    return MapWire(site, clock, meters, Line(baud=dice.choice((9600, 19200, 38400)))), clock


def test_no_verdict_on_any_random_line_is_sure_and_wrong(request: pytest.FixtureRequest) -> None:
    names = {id(profile.registers): name for name, profile in PROFILES.items()}
    count = {"sure": 0, "likely": 0, "unknown": 0}
    for seed in range(request.config.getoption("--random-lines")):
        wire, clock = random_line(seed)
        for row in identify(wire, clock)["meters"]:
            meter = wire.meters[row["id"]]
            count[row["verdict"]] += 1
            if row["verdict"] != "sure":
                continue
            assert meter.profile in PROFILES.values(), (seed, row["id"], row["words"])
            assert row["profile"] == names[id(meter.profile.registers)], (seed, row["id"], row["words"])
            assert meter.word_order in (None, meter.profile.word_order), (seed, row["id"])
            live = wire.site.at(clock.now_ms())[meter.site_meter]["vln_average"]
            assert live > 0, (seed, row["id"])
    assert count["sure"] >= 5
    assert count["likely"] > 0
    assert count["unknown"] > 0


def test_a_silent_id_is_unknown_and_costs_three_reads(noon: Site) -> None:
    clock = FakeClock(now_ms=NOON_MS)
    wire = MapWire(noon, clock, {9: SimulatedMeter(1, PROFILES["lt_wl4405"])})
    row = identify(wire, clock, ids="8")["meters"][0]
    assert (row["verdict"], row["there"], row["profile"]) == ("unknown", False, None)
    assert "does not answer" in row["words"]
    assert len(wire.sent) <= 6


class Mute(MapWire):
    """A meter that stays silent to registers that it does not have."""

    def read(self, meter_id: int, block: Block, timeout_s: float) -> Answer:
        try:
            return super().read(meter_id, block, timeout_s)
        except Refused as exc:
            raise NoAnswer(str(exc)) from exc


def test_a_model_that_never_refuses_is_found_after_a_scan_or_when_it_is_configured(noon: Site) -> None:
    clock = FakeClock(now_ms=NOON_MS)
    wire = Mute(noon, clock, {1: SimulatedMeter(1, PROFILES["socomec_diris_a"])})
    station = Settings(meters=(Meter(id=1, name="A", profile="socomec_diris_a"),))
    assert identify(wire, clock, station, ids="1")["meters"][0]["verdict"] == "sure"
    assert identify(wire, clock, station, ids="")["meters"][0]["verdict"] == "sure"
    assert identify(wire, clock, None, ids="1")["meters"][0]["verdict"] == "unknown"


def test_the_proposal_keeps_names_and_adds_what_is_new(noon: Site) -> None:
    clock = FakeClock(now_ms=NOON_MS)
    station = Settings(
        lines=(Line(), Line(name="line 2", port="/dev/b")),
        meters=(
            Meter(id=1, name="Transformer", role="incomer", rated_kva=800.0),
            Meter(id=2, name="Essential"),
            Meter(id=7, name="Elsewhere", line="line 2"),
        ),
    )
    meters = {
        1: SimulatedMeter(1, PROFILES["elmeasure_lgplus"]),
        2: SimulatedMeter(2, PROFILES["socomec_diris_a"]),
        7: SimulatedMeter(3, PROFILES["janitza_b23"]),
        30: SimulatedMeter(5, PROFILES["janitza_b23"].model_copy(update={"printed_from": 39000})),
    }
    result = identify(MapWire(noon, clock, meters), clock, station)
    proposal = result["proposal"]
    parsed = parse({"lines": proposal["lines"], "meters": proposal["meters"]}, "proposal")
    named = {meter.name: meter for meter in parsed.meters}
    assert named["Transformer"] == station.meters[0]
    assert named["Elsewhere"] == station.meters[2]
    assert (named["Essential"].profile, named["Essential"].id) == ("socomec_diris_a", 2)
    fresh = next(
        meter for meter in parsed.meters if meter.name not in ("Transformer", "Essential", "Elsewhere")
    )
    assert (fresh.modbus_id, fresh.line, fresh.profile) == (7, "line 1", "janitza_b23")
    assert fresh.id != 7  # the number is taken on the other line
    assert [row["agrees"] for row in result["meters"]] == [True, False, None, None]
    assert any("Essential: elmeasure_lgplus -> socomec_diris_a" in words for words in proposal["changes"])
    assert any("id 30: left out" in words for words in proposal["changes"])


def test_a_line_without_any_configuration_gets_a_whole_one(noon: Site) -> None:
    clock = FakeClock(now_ms=NOON_MS)
    wire = MapWire(
        noon, clock, {5: SimulatedMeter(1, PROFILES["eastron_sdm630"])}, Line(port="/dev/ttyUSB3", baud=19200)
    )
    proposal = identify(wire, clock)["proposal"]
    parsed = parse({"lines": proposal["lines"], "meters": proposal["meters"]}, "proposal")
    assert (parsed.lines[0].port, parsed.lines[0].baud) == ("/dev/ttyUSB3", 19200)
    assert [(meter.id, meter.profile) for meter in parsed.meters] == [(5, "eastron_sdm630")]


def test_a_profile_that_cannot_be_used_is_left_out_and_named(
    noon: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = commission_identify.profile.load

    def broken(name: str, own: object = None) -> object:
        if name == "janitza_b23":
            raise ProfileError("janitza_b23.toml: line 3: no such quantity")
        return load(name)

    monkeypatch.setattr(commission_identify.profile, "load", broken)
    clock = FakeClock(now_ms=NOON_MS)
    result = identify(MapWire(noon, clock, {9: SimulatedMeter(1, PROFILES["eastron_sdm630"])}), clock)
    assert result["notes"] == ["janitza_b23.toml: line 3: no such quantity"]
    assert result["meters"][0]["verdict"] == "sure"
