"""History is made of what the wire would have carried."""

import zoneinfo

import pytest

from substation.meters.decode import float32, words_of_float32
from substation.quantities import KEYS
from substation.readings import Quality
from substation.simulator.history import readings
from substation.simulator.site import METERS, Site

ZONE = zoneinfo.ZoneInfo("Asia/Kolkata")
EPOCH_MS = 1_795_437_000_000


def test_it_yields_five_good_readings_a_round_at_every_step() -> None:
    rounds = list(readings(Site(1, epoch_ms=EPOCH_MS, zone=ZONE), EPOCH_MS - 3000, EPOCH_MS, 0.75))
    assert [one[0].at_ms - EPOCH_MS for one in rounds] == [-3000, -2250, -1500, -750]
    for one in rounds:
        assert tuple(reading.meter_id for reading in one) == METERS
        assert {reading.at_ms for reading in one} == {one[0].at_ms}
        assert all(reading.quality is Quality.GOOD and tuple(reading.values) == KEYS for reading in one)


def test_its_values_are_single_precision_as_on_the_wire() -> None:
    site = Site(1, epoch_ms=EPOCH_MS, zone=ZONE)
    (one,) = readings(site, EPOCH_MS, EPOCH_MS + 1, 60)
    for reading in one:
        for key, value in site.at(EPOCH_MS)[reading.meter_id].items():
            assert reading.values[key] == float32(words_of_float32(value, "CDAB"), "CDAB")


def test_a_step_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="step above zero"):
        next(readings(Site(1, epoch_ms=EPOCH_MS, zone=ZONE), 0, 1, 0))
