"""CT and PT factors, each from the site's midnight of its day on."""

import datetime as dt
import zoneinfo

import pytest
from pydantic import ValidationError

from substation.meters.profile import load
from substation.meters.ratio import UNCHANGED, Factors, factors, rated_kva_at, ratings_at, scaled
from substation.quantities import BY_KEY, KEYS
from substation.settings.model import Meter, Transformers

KOLKATA = zoneinfo.ZoneInfo("Asia/Kolkata")
LONDON = zoneinfo.ZoneInfo("Europe/London")
METER = Meter(
    id=1,
    name="Transformer",
    rated_kva=500.0,
    transformers=(
        Transformers(since="2026-10-25", current_factor=80.0, voltage_factor=300.0, rated_kva=630.0),
        Transformers(since="2026-04-01", current_factor=40.0),
    ),
)


def at(text: str, zone: zoneinfo.ZoneInfo) -> int:
    return round(dt.datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


@pytest.mark.parametrize("zone", [KOLKATA, LONDON])
def test_an_entry_holds_from_the_sites_midnight_on(zone: zoneinfo.ZoneInfo) -> None:
    april, october = at("2026-04-01", zone), at("2026-10-25", zone)
    assert factors(METER, april - 1, zone) == UNCHANGED
    assert factors(METER, april, zone) == Factors(1.0, 40.0)
    assert factors(METER, october - 1, zone) == Factors(1.0, 40.0)
    assert factors(METER, october, zone) == Factors(300.0, 80.0)
    assert factors(METER, october + 10 * 365 * 86_400_000, zone) == Factors(300.0, 80.0)


def test_midnight_is_the_sites_with_and_without_summer_time() -> None:
    assert factors(METER, at("2026-03-31T23:00", dt.UTC), LONDON).current == 40.0, "BST: 00:00 there"
    assert factors(METER, at("2026-03-31T22:59", dt.UTC), LONDON).current == 1.0
    assert factors(METER, at("2026-10-24T23:00", dt.UTC), LONDON).current == 80.0, "the clocks go back later"
    winter = Meter(id=1, name="A", transformers=(Transformers(since="2026-10-26", current_factor=5.0),))
    assert factors(winter, at("2026-10-25T23:59", dt.UTC), LONDON) == UNCHANGED
    assert factors(winter, at("2026-10-26T00:00", dt.UTC), LONDON).current == 5.0
    assert factors(METER, at("2026-03-31T18:30", dt.UTC), KOLKATA).current == 40.0


def test_a_day_that_has_no_midnight_begins_with_its_first_moment() -> None:
    havana = zoneinfo.ZoneInfo("America/Havana")  # 2026-03-08 begins at 01:00
    meter = Meter(id=1, name="A", transformers=(Transformers(since="2026-03-08", current_factor=5.0),))
    first = at("2026-03-08T05:00", dt.UTC)
    assert factors(meter, first - 1, havana) == UNCHANGED
    assert factors(meter, first, havana).current == 5.0


def test_two_entries_for_one_day_are_refused() -> None:
    twice = tuple(Transformers(since="2026-04-01", current_factor=factor) for factor in (40.0, 80.0))
    with pytest.raises(ValidationError, match="two entries hold since 2026-04-01; write one"):
        Meter(id=1, name="A", transformers=twice)


def test_the_rating_follows_where_the_entry_says_one() -> None:
    assert rated_kva_at(METER, at("2026-01-01", LONDON), LONDON) == 500.0
    assert rated_kva_at(METER, at("2026-05-01", LONDON), LONDON) == 500.0
    assert rated_kva_at(METER, at("2026-10-25", LONDON), LONDON) == 630.0


def test_the_rated_current_is_of_the_circuits_phases_and_of_its_day() -> None:
    meter = Meter(
        id=1, name="A", rated_kva=8.0, transformers=(Transformers(since="2026-04-01", rated_kva=16.0),)
    )
    day = at("2026-03-31", LONDON)
    volts = 400.0
    assert ratings_at(meter, volts, 3, day, LONDON).rated_a == pytest.approx(11.547, abs=0.001)
    assert ratings_at(meter, volts, 1, day, LONDON).rated_a == pytest.approx(34.641, abs=0.001)
    later = ratings_at(meter, volts, 1, at("2026-04-01", LONDON), LONDON)
    assert later.rated_a == pytest.approx(69.282, abs=0.001)
    assert later.rated_va == 16_000.0


def test_a_meter_without_transformers_needs_no_factor() -> None:
    meter = Meter(id=1, name="A")
    assert factors(meter, 0, LONDON) is UNCHANGED
    values = dict.fromkeys(KEYS, 1.0)
    assert scaled(values, UNCHANGED) is values
    assert scaled(values, Factors(1.0, 1.0)) is values


def test_each_quantity_takes_the_factors_of_its_unit() -> None:
    due = {"V": 300.0, "A": 80.0, "1": 1.0, "Hz": 1.0}
    found = scaled(dict.fromkeys(KEYS, 1.0), Factors(300.0, 80.0))
    assert found == {key: due.get(BY_KEY[key].unit, 24_000.0) for key in KEYS}


def test_power_is_still_volts_times_amperes() -> None:
    found = scaled({"v_r": 63.5, "current_r": 2.0, "va_r": 127.0}, Factors(300.0, 80.0))
    assert found["v_r"] * found["current_r"] == pytest.approx(found["va_r"])


def test_a_missing_value_stays_missing() -> None:
    assert scaled({"v_r": None, "watts_total": 0.0}, Factors(2.0, 3.0)) == {"v_r": None, "watts_total": 0.0}


def test_extras_take_the_factors_of_their_unit_too() -> None:
    units = load("elmeasure_lgplus").units
    found = scaled(
        {"watts_demand": 1.0, "thd_v_r": 2.0, "current_average_received_r": 1.0}, Factors(2.0, 3.0), units
    )
    assert found == {"watts_demand": 6.0, "thd_v_r": 2.0, "current_average_received_r": 3.0}
