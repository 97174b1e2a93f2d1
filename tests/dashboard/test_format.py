"""Numbers and times as a person reads them."""

import zoneinfo

import pytest

from substation.dashboard import format as f
from substation.quantities import KEYS, QUANTITIES

T, M = f.THIN, f.MINUS


@pytest.mark.parametrize(
    ("value", "decimals", "written"),
    [
        (153_600 / 1000, 1, "153.6"),
        (0.0, 1, "0.0"),
        (-0.0, 1, "0.0"),
        (-0.04, 1, "0.0"),
        (-0.05, 1, f"{M}0.1"),
        (-12.34, 1, f"{M}12.3"),
        (0.25, 1, "0.3"),
        (0.125, 2, "0.13"),
        (2.5, 0, "3"),
        (1.005, 2, "1.00"),  # binary 1.00499999...
        (999.95, 1, f"1{T}000.0"),
        (1000, 0, f"1{T}000"),
        (1845469, 0, f"1{T}845{T}469"),
        (-1234567.891, 2, f"{M}1{T}234{T}567.89"),
        (None, 1, "—"),
        (float("nan"), 1, "—"),
        (float("inf"), 1, "—"),
    ],
)
def test_a_number_reads_so(value: float | None, decimals: int, written: str) -> None:
    assert f.number(value, decimals) == written


def test_power_is_written_in_kilo_and_of_a_large_circuit_in_mega() -> None:
    assert f.spec("watts_total", 500).words(153_600.0) == "153.6 kW"
    assert f.spec("watts_total", 20_000).words(15_360_000.0) == "15.360 MW"
    assert f.spec("wh_received", 500).words(1_845_469_000.0) == f"1{T}845{T}469 kWh"
    assert f.spec("var_total").unit == "kvar"


def test_the_unit_does_not_jump_with_the_load() -> None:
    small, large = f.spec("watts_total", 500), f.spec("watts_total", 500)
    assert small.words(3.0) == "0.0 kW"
    assert large.words(9_000_000.0) == f"9{T}000.0 kW"


def test_a_glance_leaves_tenths_of_a_large_current_away() -> None:
    assert f.spec("current_r", 500, 415, glance=True).text(232.54) == "233"
    assert f.spec("current_r", 160, 415, glance=True).text(84.36) == "84.4"
    assert f.spec("current_r", 160, 415).text(84.36) == "84.36"


def test_a_glance_at_a_dead_circuit_shows_no_frequency_and_no_power_factor() -> None:
    for key in ("frequency", "pf_average"):
        assert f.spec(key, glance=True).text(0.0) == f.DASH
        assert f.spec(key, glance=True).text(0.5) != f.DASH
        assert f.spec(key).text(0.0) != f.DASH
    assert f.spec("watts_total", glance=True).text(0.0) == "0.0"
    assert f.spec("v_r", glance=True).text(0.0) == "0.0"


def test_every_quantity_has_its_way_of_being_written() -> None:
    for quantity in QUANTITIES:
        written = f.spec(quantity.key)
        assert written.unit != "1"
        assert written.text(None) == "—"
        assert written.words(None) == "—"
    assert len(KEYS) == 38


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0.44, "0.4 s"),
        (0.0, "0.0 s"),
        (-3, "0.0 s"),
        (9.99, "9.9 s"),
        (12.9, "12 s"),
        (59.99, "59 s"),
        (60, "1 min"),
        (42 * 60 + 59, "42 min"),
        (3600 * 5.9, "5 h"),
        (86_400 * 3, "3 d"),
        (None, "—"),
    ],
)
def test_an_age_reads_so_and_is_never_rounded_up(seconds: float | None, written: str) -> None:
    assert f.age(seconds) == written


@pytest.mark.parametrize(
    ("freshness", "seconds", "written"),
    [
        ("fresh", 0.4, "0.4 s"),
        ("late", 8.2, "late 8.2 s"),
        ("stale", 2520, "stale 42 min"),
        ("never", None, "never answered"),
        ("stale", None, "never answered"),
    ],
)
def test_an_age_that_is_not_fresh_says_so(freshness: str, seconds: float | None, written: str) -> None:
    assert f.freshness_words(freshness, seconds) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(9.7, "9 s"), (119, "1 min 59 s"), (120, "2 min 0 s"), (18_720, "5 h 12 min"), (2_260_800, "26 d 4 h")],
)
def test_a_duration_names_its_two_largest_units(seconds: float, written: str) -> None:
    assert f.duration(seconds) == written


def test_times_are_the_site_s_own(zone: zoneinfo.ZoneInfo) -> None:
    ms = 1_795_500_000_000  # 2026-11-24T06:00:00Z
    assert f.time_of_day(ms, zone, seconds=True) == "11:30:00"
    assert f.day_and_zone(ms, zone) == "Tue 24 Nov 2026, IST"
    assert f.moment(ms, ms + 1000, zone) == "11:30:00"
    assert f.moment(ms, ms + 86_400_000, zone) == "24 Nov 11:30"
    assert f.moment(None, ms, zone) == "—"


def test_an_unknown_quality_never_looks_fresh() -> None:
    assert f.look("good") == "fresh"
    assert f.look("something new") == "bad"
    assert [q for q, shown in f.LOOKS.items() if shown == "fresh"] == ["good"]


def test_a_figure_of_several_values_looks_as_its_worst() -> None:
    assert f.worst(["fresh", "late"]) == "late"
    assert f.worst(["late", "stale", "fresh"]) == "stale"
    assert f.worst([]) == "never"
