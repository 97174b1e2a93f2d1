"""The verdict on a model, from trials alone: what makes it sure, and what forbids it."""

import datetime as dt
import zoneinfo

import pytest

from substation.meters.decode import words_of
from substation.meters.identify import Trial, decide, in_order, orders, telling
from substation.meters.physics import relations
from substation.meters.profile import load
from substation.simulator.meter import SimulatedMeter
from substation.simulator.site import Site

ZONE = zoneinfo.ZoneInfo("Asia/Kolkata")
NOON_MS = int(dt.datetime(2026, 11, 23, 12, 0, tzinfo=ZONE).timestamp() * 1000)
NAME = "socomec_diris_a"
PROFILE = load(NAME)


@pytest.fixture(scope="module")
def true() -> dict[str, float]:
    site = Site(1, epoch_ms=NOON_MS - 60_000, zone=ZONE)
    return SimulatedMeter(1, PROFILE).shown(site.at(NOON_MS))


def trial(values: dict[str, float], name: str = NAME, missing: frozenset[str] = frozenset()) -> Trial:
    profile = load(name)
    return Trial(name, profile, True, {key: values[key] for key in profile.group("fast")}, missing)


def test_one_map_that_holds_is_sure_and_says_by_what(true: dict[str, float]) -> None:
    found = decide([trial(true)])
    assert found.verdict == "sure"
    assert {"frequency", "voltage", "sums", "triangle", "power_factor", "current"} == {
        relation.family for relation in found.candidates[0].held
    }


@pytest.mark.parametrize("key", ["watts_total", "v_ry", "va_y", "pf_average", "frequency"])
def test_one_relation_that_fails_forbids_sure(true: dict[str, float], key: str) -> None:
    assert decide([trial({**true, key: true[key] * 1.6})]).verdict != "sure"


def test_one_value_that_the_meter_lacks_forbids_sure(true: dict[str, float]) -> None:
    assert decide([trial(true, missing=frozenset({"watts_b"}))]).verdict == "likely"


def test_another_word_order_forbids_sure(true: dict[str, float]) -> None:
    one = trial(true)
    found = decide([Trial(NAME, in_order(PROFILE, "CDAB"), False, one.values)])
    assert found.verdict == "likely"
    assert found.candidates[0].trial.profile.word_order == "CDAB"


def test_two_maps_that_hold_are_both_named(true: dict[str, float]) -> None:
    found = decide([trial(true), trial(true, "schneider_pm1200")])
    assert found.verdict == "likely"
    assert {one.trial.name for one in found.candidates} == {NAME, "schneider_pm1200"}


def test_a_map_that_holds_for_the_most_part_forbids_sure(true: dict[str, float]) -> None:
    other = trial({**true, "pf_r": 0.1}, "schneider_pm1200")
    assert decide([trial(true), other]).verdict == "likely"


def test_too_little_load_is_likely(true: dict[str, float]) -> None:
    idle = {
        key: 0.0 if key.startswith(("watts", "var", "va_", "current", "pf")) else value
        for key, value in true.items()
    }
    found = decide([trial(idle)])
    assert found.verdict == "likely"
    assert "too little load" in found.words
    assert {relation.family for relation in found.candidates[0].held} == {"frequency", "voltage"}


def test_nothing_that_fits_is_unknown(true: dict[str, float]) -> None:
    noise = {key: 1e9 + 7 * number for number, key in enumerate(true)}
    assert decide([trial(noise)]).verdict == "unknown"
    assert decide([]).verdict == "unknown"


def test_a_dead_circuit_is_likely_at_best(true: dict[str, float]) -> None:
    dead = dict.fromkeys(true, 0.0)
    assert decide([trial(dead)]).verdict == "likely"
    assert decide([trial(dead), trial(dead, "schneider_pm1200")]).verdict == "unknown"


def test_a_single_phase_map_is_no_rival_of_a_live_three_phase_meter(true: dict[str, float]) -> None:
    single, three = load("eastron_sdm120"), load("eastron_sdm630")
    r = {"watts_total": true["watts_r"], "va_total": true["va_r"], "var_total": true["var_r"]}
    r |= {"pf_average": true["pf_r"], "current_total": true["current_r"], "vln_average": true["v_r"]}
    one = Trial("eastron_sdm120", single, True, {k: (true | r)[k] for k in single.group("fast")})
    whole = Trial("eastron_sdm630", three, True, {k: true[k] for k in three.group("fast") if k in true})
    assert [one.trial.name for one in decide([one, whole]).candidates] == ["eastron_sdm630"]
    assert decide([one]).candidates[0].trial.name == "eastron_sdm120"


def test_the_telling_value_shows_the_word_order() -> None:
    place = telling(PROFILE)
    words = words_of(50.0, "DCBA", place.encoding, place.scale)
    assert orders(PROFILE, words) == ["DCBA"]
    assert orders(PROFILE, words_of(0.0, "DCBA", place.encoding, place.scale)) == []


def test_reversed_and_integer_values_still_obey(true: dict[str, float]) -> None:
    turned = {**true, "watts_y": -true["watts_y"], "pf_y": -true["pf_y"]}
    turned["watts_total"] = sum(turned[f"watts_{p}"] for p in "ryb")
    turned["pf_average"] = turned["watts_total"] / turned["va_total"]
    assert [one.words for one in relations(PROFILE, turned) if not one.holds] == []
