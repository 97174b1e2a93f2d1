"""The site obeys physics at any time, in any state of its supply."""

import datetime as dt
import math
import zoneinfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from substation.quantities import BY_KEY, INSTANTS, KEYS
from substation.settings.model import CARD_METERS, Settings
from substation.simulator.loads import facts
from substation.simulator.site import METERS, Failure, Site, Supply

ZONE = zoneinfo.ZoneInfo("Asia/Kolkata")
DAY_MS = 86_400_000
FEEDERS = (2, 3, 4)


def at_site_time(day: int, hour: int, minute: int = 0) -> int:
    """Return UTC ms of a time in November 2026; the 23rd is a Monday."""
    return int(dt.datetime(2026, 11, day, hour, minute, tzinfo=ZONE).timestamp() * 1000)


EPOCH_MS = at_site_time(23, 0)
FAILURE = Failure(at_site_time(24, 10), at_site_time(24, 10, 20))
SITE = Site(7, epoch_ms=EPOCH_MS, zone=ZONE, failures=[FAILURE])
TIMES = st.integers(EPOCH_MS - 2 * DAY_MS, EPOCH_MS + 8 * DAY_MS)
FAILING_TIMES = st.integers(FAILURE.start_ms - 20_000, FAILURE.over_ms + 20_000)
ANY_TIME = st.one_of(TIMES, FAILING_TIMES)
relaxed = settings(deadline=None, max_examples=150)


@relaxed
@given(ANY_TIME)
def test_every_meter_reports_every_quantity_as_a_plausible_number(ms: int) -> None:
    station = Settings(meters=CARD_METERS)
    values = SITE.at(ms)
    assert tuple(values) == METERS
    for meter in CARD_METERS:
        assert tuple(values[meter.id]) == KEYS
        for key, value in values[meter.id].items():
            assert BY_KEY[key].plausible(value, station.ratings(meter)), (meter.name, key, value)


@relaxed
@given(ANY_TIME)
def test_totals_are_the_sums_of_their_phases(ms: int) -> None:
    for values in SITE.at(ms).values():
        for what in ("watts", "var", "va", "current"):
            assert values[f"{what}_total"] == sum(values[f"{what}_{phase}"] for phase in "ryb")
        assert values["vln_average"] == pytest.approx(sum(values[f"v_{p}"] for p in "ryb") / 3)
        assert values["vll_average"] == pytest.approx(sum(values[f"v_{p}"] for p in ("ry", "yb", "br")) / 3)


@relaxed
@given(ANY_TIME)
def test_each_phase_obeys_the_power_triangle(ms: int) -> None:
    for values in SITE.at(ms).values():
        for phase in "ryb":
            watts, var, va = (values[f"{what}_{phase}"] for what in ("watts", "var", "va"))
            assert va == pytest.approx(math.sqrt(watts**2 + var**2), rel=1e-12)
            assert values[f"v_{phase}"] * values[f"current_{phase}"] == pytest.approx(va, rel=1e-12)
            assert values[f"pf_{phase}"] * va == pytest.approx(watts, rel=1e-12)
        assert values["pf_average"] * values["va_total"] == pytest.approx(values["watts_total"])


@relaxed
@given(ANY_TIME)
def test_line_voltages_are_the_distances_of_phasors_120_degrees_apart(ms: int) -> None:
    for values in SITE.at(ms).values():
        angles = {"r": 0.0, "y": -math.tau / 3, "b": math.tau / 3}
        phasor = {p: values[f"v_{p}"] * complex(math.cos(a), math.sin(a)) for p, a in angles.items()}
        for one, other in ("ry", "yb", "br"):
            assert values[f"v_{one}{other}"] == pytest.approx(abs(phasor[one] - phasor[other]), rel=1e-9)


@relaxed
@given(TIMES)
def test_transformer_carries_the_feeders_and_about_one_percent_more(ms: int) -> None:
    values = SITE.at(ms)
    if SITE.supply(ms) not in (Supply.MAINS, Supply.RETURNED):
        return
    for key, least in (("watts_total", 0.004), ("var_total", 0.0)):
        feeders = sum(values[meter][key] for meter in FEEDERS)
        assert feeders * (1 + least) < values[1][key] < feeders * 1.025
    for phase in "ryb":
        feeders = sum(values[meter][f"current_{phase}"] for meter in FEEDERS)
        assert feeders < values[1][f"current_{phase}"] * 1.001
        for meter in FEEDERS:  # power flows downhill
            assert values[meter][f"v_{phase}"] < values[1][f"v_{phase}"]


@relaxed
@given(TIMES)
def test_currents_meet_at_the_bus(ms: int) -> None:
    values = SITE.at(ms)
    if SITE.supply(ms) is not Supply.MAINS:
        return
    for phase, unmetered_kw in zip("ryb", facts().bus.unmetered_kw, strict=True):
        bus_v = values[1][f"v_{phase}"]
        for what, factor in (("watts", 1.0), ("var", math.tan(math.acos(0.9)))):
            at_the_bus = sum(values[m][f"{what}_{phase}"] / values[m][f"v_{phase}"] for m in FEEDERS) * bus_v
            unmetered = unmetered_kw * 1000 * (bus_v / 240) ** 2 * factor
            assert values[1][f"{what}_{phase}"] == pytest.approx(at_the_bus + unmetered, rel=1e-12)


@relaxed
@given(TIMES)
def test_a_live_circuit_stays_within_what_the_station_is_known_for(ms: int) -> None:
    values = SITE.at(ms)
    for meter in (1, *FEEDERS):
        if not values[meter]["vln_average"]:
            continue
        assert all(237.0 <= values[meter][f"v_{phase}"] <= 243.0 for phase in "ryb")
        assert all(0.88 <= values[meter][f"pf_{phase}"] <= 0.97 for phase in "ryb")
        assert all(values[meter][f"var_{phase}"] > 0 for phase in "ryb"), "lagging"
        if SITE.supply(ms) is Supply.MAINS:
            assert 49.9 <= values[meter]["frequency"] <= 50.1


def test_the_figures_at_1620_are_those_of_the_picture() -> None:
    for seed in (1, 2, 3, 4, 5):
        values = Site(seed, epoch_ms=EPOCH_MS, zone=ZONE).at(at_site_time(23, 16, 20))
        kilowatts = [values[meter]["watts_total"] / 1000 for meter in METERS]
        assert kilowatts == pytest.approx([151, 55, 34, 62, 0], rel=0.06)
        assert values[1]["watts_total"] / 1000 - sum(kilowatts[1:4]) == pytest.approx(1.5, abs=0.5)


def test_no_two_phases_are_alike() -> None:
    for meter in (1, 2, 3, 4):
        values = SITE.at(EPOCH_MS)[meter]
        for what in ("watts", "var", "pf", "v", "current"):
            assert len({round(values[f"{what}_{phase}"], 4) for phase in "ryb"}) == 3, (meter, what)


def test_it_says_the_same_in_whichever_order_it_is_asked() -> None:
    times = [EPOCH_MS + offset for offset in (0, 1, 59_999, 60_000, 7_200_001, 90_000_000, -1, -5_400_000)]
    failures = [FAILURE]
    forwards = Site(3, epoch_ms=EPOCH_MS, zone=ZONE, failures=failures)
    backwards = Site(3, epoch_ms=EPOCH_MS, zone=ZONE, failures=failures)
    said = {ms: forwards.at(ms) for ms in times}
    assert {ms: backwards.at(ms) for ms in reversed(times)} == said


def test_another_seed_is_another_day() -> None:
    one, other = (Site(seed, epoch_ms=EPOCH_MS, zone=ZONE).at(EPOCH_MS + 1000) for seed in (1, 2))
    assert one[2]["watts_total"] != other[2]["watts_total"]


@relaxed
@given(TIMES)
def test_nothing_jumps_from_one_second_to_the_next(ms: int) -> None:
    if SITE.supply(ms) is not SITE.supply(ms + 1000):
        return
    before, after = SITE.at(ms), SITE.at(ms + 1000)
    for meter in METERS:
        for key in INSTANTS:
            change = abs(after[meter][key] - before[meter][key])
            assert change <= 0.004 * max(abs(before[meter][key]), 1.0), (meter, key)


@pytest.mark.parametrize("hour", range(24))
def test_nothing_jumps_at_a_full_hour_of_monday(hour: int) -> None:
    full_hour = at_site_time(30, hour)  # Monday replaces a quiet Sunday soon after midnight
    before, after = SITE.at(full_hour - 500), SITE.at(full_hour + 500)
    for meter in METERS:
        assert after[meter]["watts_total"] == pytest.approx(before[meter]["watts_total"], rel=0.004)


def test_it_lives_from_second_to_second() -> None:
    watts = {round(SITE.at(EPOCH_MS + second * 1000)[2]["watts_total"], 1) for second in range(20)}
    assert len(watts) == 20


def test_an_office_sleeps_on_sunday_and_the_colony_does_not() -> None:
    site = Site(1, epoch_ms=EPOCH_MS, zone=ZONE)
    friday, sunday = site.at(at_site_time(27, 11)), site.at(at_site_time(29, 11))
    assert sunday[3]["watts_total"] < 0.7 * friday[3]["watts_total"]
    assert sunday[4]["watts_total"] > 0.95 * friday[4]["watts_total"]


def test_the_day_is_the_sites_own() -> None:
    london = Site(1, epoch_ms=EPOCH_MS, zone=zoneinfo.ZoneInfo("Europe/London"))
    noon_here = at_site_time(23, 12, 30)
    assert london.at(noon_here)[3]["watts_total"] < 0.7 * SITE.at(noon_here)[3]["watts_total"]


def test_an_hour_of_daylight_saving_moves_the_curve() -> None:
    zone = zoneinfo.ZoneInfo("Europe/Berlin")
    summer, winter = (int(dt.datetime(2026, 10, day, 11, tzinfo=zone).timestamp() * 1000) for day in (23, 30))
    assert (winter - summer) % DAY_MS == 3_600_000
    site = Site(1, epoch_ms=winter - 3 * DAY_MS, zone=zone)
    assert site.at(winter)[3]["watts_total"] == pytest.approx(site.at(summer)[3]["watts_total"], rel=0.12)


class TestFailure:
    def values(self, after_s: float) -> dict[int, dict[str, float]]:
        return SITE.at(FAILURE.start_ms + round(after_s * 1000))

    def test_it_leaves_every_circuit_dead_in_every_instant(self) -> None:
        for after_s in (0, 5, 9.999):
            for values in self.values(after_s).values():
                assert all(values[key] == 0 for key in INSTANTS if key != "pf_average_received")
                assert values["wh_received"] > 0

    def test_the_dg_set_takes_the_essential_load_after_ten_seconds(self) -> None:
        values = self.values(10)
        assert values[5]["watts_total"] == values[2]["watts_total"] > 40_000
        assert values[5]["v_r"] == pytest.approx(239.7, abs=2)
        assert values[5]["frequency"] != 50.0
        assert 50.2 < values[5]["frequency"] < 50.8
        for meter in (1, 3, 4):
            assert values[meter]["vll_average"] == values[meter]["watts_total"] == 0

    def test_the_mains_return_and_the_dg_set_runs_on_without_load(self) -> None:
        values = SITE.at(FAILURE.end_ms)
        assert values[1]["watts_total"] > 100_000
        assert values[5]["vln_average"] > 230
        assert values[5]["watts_total"] == values[5]["current_r"] == values[5]["pf_average"] == 0
        assert values[5]["frequency"] > 50.8
        assert SITE.at(FAILURE.over_ms)[5]["vln_average"] == 0

    def test_a_short_one_does_not_start_the_dg_set(self) -> None:
        short = Failure(EPOCH_MS, EPOCH_MS + 8_000)
        site = Site(1, epoch_ms=EPOCH_MS, zone=ZONE, failures=[short])
        seen = {site.supply(EPOCH_MS + second * 1000) for second in range(60)}
        assert seen == {Supply.DARK, Supply.MAINS}

    def test_one_that_begins_before_another_is_over_is_refused(self) -> None:
        with pytest.raises(ValueError, match="let the DG set stop first"):
            SITE.fail(Failure(FAILURE.end_ms + 1000, FAILURE.end_ms + 2000))
        with pytest.raises(ValueError, match="must end after it begins"):
            Failure(5, 5)

    def test_one_can_be_added_and_ended_while_the_site_runs(self) -> None:
        site = Site(1, epoch_ms=EPOCH_MS, zone=ZONE)
        start = EPOCH_MS + 100_000
        before = site.at(start - 1)
        site.fail(Failure(start, start + 3_600_000))
        assert site.at(start - 1) == before
        assert site.at(start + 700_000)[1]["vln_average"] == 0
        site.fail(Failure(start, start + 800_000))
        assert site.at(start + 801_000)[1]["vln_average"] > 230
        assert len(site.failures) == 1
