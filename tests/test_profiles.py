"""Every meter model in the folder, read through the simulated wire: a new file brings its own test."""

import zoneinfo

import pytest

from substation.bus.line import Line
from substation.bus.scan import Scanner
from substation.clock import SystemClock
from substation.meters.decode import float32, words_of_float32
from substation.meters.profile import FOLDER, load, load_file, names
from substation.quantities import BY_KEY
from substation.settings.model import CARD_METERS
from substation.settings.model import Line as LineSettings
from substation.simulator.line import SimulatedLine
from substation.simulator.site import Site
from tests.fake_clock import FakeClock

NAMES = names()


def test_there_are_models() -> None:
    assert "elmeasure_lgplus" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_model_names_what_it_is_and_where_it_is_from(name: str) -> None:
    profile = load_file(FOLDER / f"{name}.toml")
    assert profile.model.strip()
    assert len(profile.source) > 10
    assert set(profile.registers) <= set(BY_KEY)
    assert name == name.lower()


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_read_through_the_wire(name: str, zone: zoneinfo.ZoneInfo) -> None:
    profile, clock = load(name), FakeClock()
    site = Site(1, epoch_ms=clock.now_ms() - 3_600_000, zone=zone)
    with SimulatedLine(site, clock, baud=4_000_000, turnaround_ms=1, profile=profile) as simulated:
        line = Line(LineSettings(port=simulated.port, baud=4_000_000), SystemClock())
        scanner = Scanner(line, [(meter, profile) for meter in CARD_METERS], SystemClock())
        readings = scanner.round()
        line.close()
    truth = site.at(clock.now_ms())
    for reading in readings:
        assert reading.answered, reading.reason
        assert reading.values == {
            key: float32(words_of_float32(truth[reading.meter_id][key], "ABCD"), "ABCD")
            for key in profile.registers
        }
