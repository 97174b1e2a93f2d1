"""The power factor of a period comes from energies, by the vectors of the shared domain notes and by hand."""

import math

import pytest

from substation.energy.power_factor import Means, of_period

NONE = Means(None, None)
DAY = (0, 86_400_000)


def factor(wh, vah=None, varh=None, means=NONE, *, lag_only=False, bounds=None):
    used = {"wh_received": wh, "vah_received": vah, "varh_ind_received": varh}
    return of_period(used, bounds or dict.fromkeys(used, DAY), means, lag_only=lag_only)


def test_it_is_active_through_apparent_energy():
    found = factor(9000.0, 10_000.0)
    assert (found.value, found.basis, found.within) == (0.9, "kWh/kVAh", 0.0002)


def test_a_full_hour_weighs_more_than_an_idle_one():
    """One hour of 100 kVA at 0.95, one of 1 kVA at 0.30: the mean of readings would say 0.625."""
    assert factor(95_300.0, 101_000.0).value == pytest.approx(0.9436, abs=1e-4)


def test_with_lag_only_it_is_made_of_active_and_lagging_energy():
    found = factor(3000.0, 9999.0, 4000.0, lag_only=True)
    assert (found.value, found.basis) == (0.6, "kWh/kvarh lag")
    assert found.value == 3000 / math.hypot(3000, 4000)


def test_a_meter_without_energies_has_one_of_means_of_power_and_it_says_so():
    found = factor(None, None, means=Means(450.0, 500.0))
    assert (found.value, found.basis, found.within) == (0.9, "means of W and VA", None)
    assert factor(100.0, None, means=Means(450.0, 500.0)).basis == "means of W and VA"


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (lambda: factor(None, None), "tells no such energies"),
        (lambda: factor(3.0, 4.0), "too little energy"),
        (lambda: factor(1200.0, 1000.0), "contradict each other"),
        (lambda: factor(None, None, means=Means(0.0, 0.0)), "no load"),
        (lambda: factor(None, None, means=Means(-80.0, 100.0)), "contradict each other"),
        (lambda: factor(None, None, means=Means(450.0, 500.0), lag_only=True), "tells no such energies"),
        (
            lambda: factor(900.0, 1000.0, bounds={"wh_received": DAY, "vah_received": (0, 70_000_000)}),
            "read at other times",
        ),
    ],
)
def test_where_there_is_none_it_says_why(found, why):
    assert found().value is None
    assert why in found().why


def test_a_register_of_whole_steps_may_pass_one_by_its_resolution_and_nothing_is_clipped():
    found = factor(101.0, 100.0)
    assert found.value == 1.01
    assert found.within == 0.02
