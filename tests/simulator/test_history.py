"""History is made of what the wire would have carried."""

import zoneinfo

import pytest

from substation.meters.decode import float32, words_of_float32
from substation.quantities import COUNTERS, KEYS
from substation.readings import Quality
from substation.simulator.history import SLOW, readings
from substation.simulator.site import METERS, Site

ZONE = zoneinfo.ZoneInfo("Asia/Kolkata")
EPOCH_MS = 1_795_437_000_000


def test_it_yields_five_good_readings_a_round_at_every_step() -> None:
    rounds = list(readings(Site(1, epoch_ms=EPOCH_MS, zone=ZONE), EPOCH_MS - 3000, EPOCH_MS, 0.75))
    assert [one[0].at_ms - EPOCH_MS for one in rounds] == [-3000, -2250, -1500, -750]
    for one in rounds:
        assert tuple(reading.meter_id for reading in one) == METERS
        assert {reading.at_ms for reading in one} == {one[0].at_ms}
        assert all(reading.quality is Quality.GOOD for reading in one)


def test_its_energies_come_once_a_minute_as_the_poller_asks_for_them() -> None:
    site = Site(1, epoch_ms=EPOCH_MS, zone=ZONE)
    rounds = list(readings(site, EPOCH_MS + 10_000, EPOCH_MS + 200_000, 2))
    whole = [place for place, one in enumerate(rounds) if tuple(one[0].values) == KEYS]
    assert [rounds[place][0].at_ms - EPOCH_MS for place in whole] == [10_000, 60_000, 120_000, 180_000]
    assert all(set(one[0].values) == set(KEYS) - SLOW for at, one in enumerate(rounds) if at not in whole)
    assert set(COUNTERS) <= SLOW < set(KEYS)
    assert all(len({len(reading.values) for reading in one}) == 1 for one in rounds)


@pytest.mark.parametrize(("step_s", "slow_s"), [(2, 0), (60, 60), (300, 60)])
def test_where_each_round_is_due_for_energies_none_lacks_them(step_s: float, slow_s: float) -> None:
    site = Site(1, epoch_ms=EPOCH_MS, zone=ZONE)
    rounds = list(readings(site, EPOCH_MS, EPOCH_MS + 1_200_000, step_s, slow_s))
    assert {tuple(reading.values) for one in rounds for reading in one} == {KEYS}


def test_its_values_are_single_precision_as_on_the_wire() -> None:
    site = Site(1, epoch_ms=EPOCH_MS, zone=ZONE)
    (one,) = readings(site, EPOCH_MS, EPOCH_MS + 1, 60)
    for reading in one:
        for key, value in site.at(EPOCH_MS)[reading.meter_id].items():
            assert reading.values[key] == float32(words_of_float32(value, "CDAB"), "CDAB")


def test_a_step_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="step above zero"):
        next(readings(Site(1, epoch_ms=EPOCH_MS, zone=ZONE), 0, 1, 0))
