"""Unbalance and neutral current: the vectors of the domain's formulae."""

import pytest

from substation.energy import unbalance


@pytest.mark.parametrize(
    ("volts", "expected"),
    [((203, 210, 212), 2.560), ((420, 410, 405), 2.0243), ((400, 395, 390), 1.2658), ((415, 415, 415), 0)],
)
def test_nema_is_the_greatest_deviation_from_the_mean(volts, expected):
    assert unbalance.nema(volts) == pytest.approx(expected, abs=5e-4)
    assert unbalance.nema(volts[::-1]) == unbalance.nema(volts)


@pytest.mark.parametrize(
    ("volts", "expected"), [((415, 415, 415), 0), ((420, 410, 405), 2.1490), ((400, 395, 390), 1.4618)]
)
def test_iec_u2_comes_from_line_voltages_alone(volts, expected):
    assert unbalance.iec_u2(*volts) == pytest.approx(expected, abs=5e-5)


def test_a_single_phase_is_wholly_unbalanced_and_voltages_that_form_no_triangle_are_too():
    assert unbalance.iec_u2(415, 207.5, 207.5) == pytest.approx(100)
    assert unbalance.iec_u2(415, 100, 100) == 100


def test_without_voltage_there_is_no_unbalance():
    assert unbalance.nema((0, 0, 0)) is None
    assert unbalance.iec_u2(0, 0, 0) is None


def test_currents_and_the_neutral():
    assert unbalance.nema((100, 80, 60)) == pytest.approx(25)
    assert unbalance.neutral(100, 80, 60) == pytest.approx(34.641, abs=5e-4)
    assert unbalance.neutral(90.7, 90.7, 90.7) == 0
    assert unbalance.neutral(50, 0, 0) == 50


@pytest.mark.parametrize(
    ("watts", "var", "lag"),
    [(1, 0, 0), (1, 1, 45), (1, -1, -45), (-1, 1, 135), (-1, -1, -135), (0, 1, 90), (0, 0, None)],
)
def test_the_current_lags_by_its_quadrant(watts, var, lag):
    assert unbalance.lag_degrees(watts, var) == (None if lag is None else pytest.approx(lag))
