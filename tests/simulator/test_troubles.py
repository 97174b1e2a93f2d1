"""One fuse, one switch: the site obeys physics with a phase lost, a feeder off, a meter without supply."""

import datetime as dt
import math
import zoneinfo
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from substation.meters.qualify import qualify
from substation.quantities import KEYS
from substation.readings import Reading
from substation.settings.model import CARD_METERS, Settings
from substation.simulator import kept
from substation.simulator.orders import OrderFile
from substation.simulator.site import METERS, Failure, Site, Trouble

ZONE = zoneinfo.ZoneInfo("Asia/Kolkata")
NOON_MS = int(dt.datetime(2026, 11, 23, 12, 0, tzinfo=ZONE).timestamp() * 1000)
MINUTE_MS = 60_000
HOUR_MS = 3_600_000


def site(*troubles: Trouble, failures: tuple[Failure, ...] = ()) -> Site:
    return Site(1, epoch_ms=NOON_MS - HOUR_MS, zone=ZONE, failures=failures, troubles=troubles)


def lost(meter: int, phase: str, minutes: float = 10) -> Trouble:
    return Trouble("phase_lost", meter, NOON_MS, NOON_MS + round(minutes * MINUTE_MS), phase)  # type: ignore[arg-type]


def off(meter: int, minutes: float = 10) -> Trouble:
    return Trouble("switched_off", meter, NOON_MS, NOON_MS + round(minutes * MINUTE_MS))


DURING_MS = NOON_MS + 90_500


@pytest.mark.parametrize(
    ("circuit", "behind", "others"), [(1, (1, 2, 3, 4), ()), (3, (3,), (1, 2, 4)), (2, (2,), (1, 3, 4))]
)
@pytest.mark.parametrize("phase", ["R", "Y", "B"])
def test_a_lost_phase_is_lost_for_all_behind_its_fuse(
    circuit: int, behind: tuple[int, ...], others: tuple[int, ...], phase: str
) -> None:
    values = site(lost(circuit, phase)).at(DURING_MS)
    dead, low = phase.lower(), {"R": ("ry", "br"), "Y": ("ry", "yb"), "B": ("yb", "br")}[phase]
    for meter in behind:
        said = values[meter]
        assert 1 < said[f"v_{dead}"] < 5
        assert said[f"watts_{dead}"] == said[f"var_{dead}"] == said[f"current_{dead}"] == 0
        assert said[f"pf_{dead}"] == 0
        for pair in ("ry", "yb", "br"):
            expected = 0.58 if pair in low else 1.0
            assert said[f"v_{pair}"] / 415 == pytest.approx(expected, abs=0.02)
        assert all(said[f"watts_{p}"] > 0 for p in "ryb" if p != dead)
    for meter in others:
        assert all(values[meter][f"v_{p}"] > 230 for p in "ryb")


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from([1, 2, 3, 4]), st.sampled_from("RYB")), max_size=4, unique=True),
    st.lists(st.sampled_from([2, 3, 4]), max_size=3, unique=True),
    st.integers(0, 10 * MINUTE_MS - 1),
)
def test_currents_meet_at_the_bus_and_nothing_is_implausible(
    phases: list[tuple[int, str]], feeders: list[int], after_ms: int
) -> None:
    station = Settings(meters=CARD_METERS)
    one = site(*(lost(*phase) for phase in phases), *(off(feeder) for feeder in feeders))
    values = one.at(NOON_MS + after_ms)
    whole = site().at(NOON_MS + after_ms)
    for meter in CARD_METERS:
        assert tuple(values[meter.id]) == KEYS
        assert not qualify(Reading(meter.id, 0, values[meter.id]), station.ratings(meter)).implausible
    for phase in "ryb":
        fed = sum(values[m][f"current_{phase}"] for m in (2, 3, 4))
        carried = values[1][f"current_{phase}"]
        assert fed <= carried * 1.001 or (fed == carried == 0)
        if (1, phase.upper()) in phases:
            assert fed == carried == 0
    for said in values.values():
        assert said["watts_total"] == sum(said[f"watts_{p}"] for p in "ryb")
        assert said["va_total"] == pytest.approx(
            sum(math.hypot(said[f"watts_{p}"], said[f"var_{p}"]) for p in "ryb")
        )
    if phases or feeders:
        assert values[1]["watts_total"] < whole[1]["watts_total"]


def test_a_feeder_that_is_switched_off_is_dead_alone_and_the_incomer_carries_less() -> None:
    values, whole = site(off(4)).at(DURING_MS), site().at(DURING_MS)
    assert values[4]["vll_average"] == values[4]["watts_total"] == values[4]["frequency"] == 0
    assert values[2]["vll_average"] > 400
    assert whole[1]["watts_total"] - values[1]["watts_total"] == pytest.approx(
        whole[4]["watts_total"], rel=0.03
    )


@pytest.mark.parametrize("trouble", [lost(1, "Y"), lost(3, "B"), off(3), off(2)])
def test_registers_integrate_what_flows(trouble: Trouble) -> None:
    one = site(trouble)
    start_ms, end_ms, step_ms = NOON_MS - 90_000, trouble.end_ms + 90_000, 500
    before, after = one.at(start_ms), one.at(end_ms)
    for meter in METERS:
        middles = range(start_ms + step_ms // 2, end_ms, step_ms)
        expected = sum(one.at(ms)[meter]["watts_total"] for ms in middles) * step_ms / HOUR_MS
        assert after[meter]["wh_received"] - before[meter]["wh_received"] == pytest.approx(expected, abs=12)


def test_it_says_the_same_in_whichever_order_it_is_asked() -> None:
    troubles = (lost(1, "R", 2), off(3), Trouble("panel_fuse", 4, NOON_MS, NOON_MS + 5))
    times = [NOON_MS + offset for offset in (-5_400_000, -1, 0, 1, 59_999, 120_000, 600_001, 7_200_000)]
    forwards, backwards = site(*troubles), site(*troubles)
    said = {ms: forwards.at(ms) for ms in times}
    assert {ms: backwards.at(ms) for ms in reversed(times)} == said


def test_nothing_that_was_said_changes_when_a_trouble_is_ordered() -> None:
    one = site()
    before = [one.at(NOON_MS + ms) for ms in (-MINUTE_MS, -1, 0)]
    one.trouble(Trouble("switched_off", 3, NOON_MS + 1, NOON_MS + HOUR_MS))
    assert [one.at(NOON_MS + ms) for ms in (-MINUTE_MS, -1, 0)] == before
    assert one.at(NOON_MS + 2 * MINUTE_MS)[3]["vln_average"] == 0
    one.trouble(Trouble("switched_off", 3, NOON_MS + 1, NOON_MS + MINUTE_MS))
    assert one.at(NOON_MS + 2 * MINUTE_MS)[3]["vln_average"] > 230
    assert len(one.troubles) == 1


def test_a_meter_that_lives_from_its_circuit_falls_asleep_with_it_or_with_its_fuse() -> None:
    failure = Failure(NOON_MS + HOUR_MS, NOON_MS + 2 * HOUR_MS)
    one = site(
        off(3), Trouble("panel_fuse", 4, NOON_MS, NOON_MS + MINUTE_MS), lost(2, "R"), failures=(failure,)
    )
    assert [one.awake(meter, NOON_MS + 1) for meter in (2, 3, 4)] == [True, False, False]
    assert one.at(NOON_MS + 1)[4]["vln_average"] > 230  # its circuit is live
    assert one.awake(4, NOON_MS + MINUTE_MS)
    dark_ms = failure.start_ms + 1
    assert not any(one.awake(meter, dark_ms) for meter in METERS)
    assert [one.awake(meter, dark_ms + 15_000) for meter in METERS] == [False, True, False, False, True]


def test_the_dg_set_takes_what_is_left_of_the_essential_load() -> None:
    failure = Failure(NOON_MS, NOON_MS + HOUR_MS)
    values = site(lost(2, "R"), lost(1, "Y"), failures=(failure,)).at(NOON_MS + 5 * MINUTE_MS)
    assert values[5]["v_r"] > 230
    assert values[2]["v_r"] < 5
    assert values[2]["v_y"] > 230  # the transformer's fuse does not concern the DG set
    assert values[5]["watts_total"] == values[2]["watts_total"] > 20_000


@pytest.mark.parametrize(
    "wrong",
    [("melted", 1, 1, 2), ("switched_off", 1, 1, 2), ("phase_lost", 5, 1, 2), ("panel_fuse", 2, 2, 2)],
)
def test_a_trouble_that_makes_no_sense_is_refused(wrong: tuple[str, int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"known: phase_lost of|must end after it begins"):
        Trouble(*wrong)  # type: ignore[arg-type]


def test_troubles_are_kept_and_ordered(tmp_path: Path) -> None:
    one = kept.site_of(tmp_path, ZONE, NOON_MS)
    one.trouble(lost(3, "B"))
    kept.keep(tmp_path, one)
    assert kept.site_of(tmp_path, ZONE, NOON_MS + HOUR_MS).troubles == (lost(3, "B"),)
    orders = tmp_path / "orders.json"
    orders.write_text(
        '{"troubles": [{"kind": "panel_fuse", "meter": 4, "start_ms": 5, "end_ms": 9},'
        ' {"kind": "phase_lost", "meter": 1, "phase": "Y", "start_ms": 5, "end_ms": 9}]}'
    )
    found = OrderFile(orders).changed()
    assert found is not None
    assert found.supply_troubles() == [Trouble("panel_fuse", 4, 5, 9), Trouble("phase_lost", 1, 5, 9, "Y")]
