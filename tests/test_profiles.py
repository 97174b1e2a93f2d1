"""Every meter model in the folder, read through the simulated wire: a new file brings its own test."""

import zoneinfo

import pytest

from substation.bus.line import Line
from substation.clock import SystemClock
from substation.meters.blocks import plan, values
from substation.meters.decode import bounds, float32, words_of_float32
from substation.meters.profile import FOLDER, Place, Profile, load, load_file, names
from substation.quantities import BY_KEY
from substation.settings.model import Line as LineSettings
from substation.simulator.extras import extra
from substation.simulator.line import SimulatedLine
from substation.simulator.meter import SimulatedMeter
from substation.simulator.site import Site
from tests.fake_clock import FakeClock

NAMES = names()
METER = 3
UNSURE = (
    "abb_m1m12",
    "elmeasure_epm",
    "schneider_pm5110",
    "schneider_em6436h",
    "socomec_diris_a",
    "secure_elite30x",
)
"""Models whose map nobody could check: a station that uses one is told."""


def test_there_is_every_model_that_is_promised() -> None:
    assert len(NAMES) >= 22
    assert {"elmeasure_lgplus", *UNSURE} < set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_names_what_it_is_and_where_it_is_from(name: str) -> None:
    profile = load_file(FOLDER / f"{name}.toml")
    assert profile.model.strip()
    assert len(profile.source) > 10
    assert set(profile.registers) <= set(BY_KEY)
    assert name == name.lower()


@pytest.mark.parametrize("name", NAMES)
def test_no_two_values_of_a_model_share_a_register(name: str) -> None:
    taken = [
        (place.function, word)
        for place in load(name).places.values()
        for word in range(place.address, place.address + place.words)
    ]
    assert len(taken) == len(set(taken))
    assert max(word for _, word in taken) <= 0xFFFF


@pytest.mark.parametrize("name", NAMES)
def test_who_uses_an_unsure_model_is_warned(name: str) -> None:
    warning = load(name).warning
    assert bool(warning) == (name in UNSURE)
    if warning:
        assert load(name).model in warning
        assert "compare every value with the meter's own display" in warning


@pytest.mark.parametrize("name", NAMES)
def test_one_phase_has_no_other_phases(name: str) -> None:
    profile = load(name)
    if profile.phases == 1:
        assert {BY_KEY[key].phase for key in profile.registers} == {"total", "R"}


@pytest.fixture
def wires(zone: zoneinfo.ZoneInfo) -> "Wires":
    return Wires(zone)


class Wires:
    """A meter of any model behind a wire."""

    def __init__(self, zone: zoneinfo.ZoneInfo) -> None:
        self._clock = FakeClock()
        self._site = Site(1, epoch_ms=self._clock.now_ms() - 3_600_000, zone=zone)

    def truth(self, profile: Profile) -> dict[str, float]:
        """Return what a meter of this model measures now."""
        return SimulatedMeter(METER, profile).shown(self._site.at(self._clock.now_ms()))

    def read(self, profile: Profile, keys: tuple[str, ...], fault: str = "") -> dict[str, float | None]:
        """Return what the meter says for these values."""
        found: dict[str, float | None] = {}
        with SimulatedLine(
            self._site, self._clock, baud=4_000_000, turnaround_ms=1, profile=profile
        ) as simulated:
            line = Line(LineSettings(port=simulated.port, baud=4_000_000), SystemClock())
            line.open()
            try:
                for block in plan(profile, keys):
                    if fault:
                        simulated.faults.order(METER, fault)
                    found |= values(profile, block, line.read(METER, block, 2.0).words)
            finally:
                line.close()
        return found


def expected(place: Place, truth: float) -> float | None:
    """Return what the encoding can hold of the truth."""
    raw = truth / place.scale
    if place.encoding == "float32":
        return float32(words_of_float32(raw, "ABCD"), "ABCD") * place.scale
    low, high = bounds(place.encoding)
    return round(raw) * place.scale if low < round(raw) < high else None


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_read_through_the_wire_in_its_groups(name: str, wires: Wires) -> None:
    profile = load(name)
    measured = wires.truth(profile)
    groups = [profile.group(group) for group in ("fast", "slow", "once", "asked")]
    assert sorted(key for group in groups for key in group) == sorted(profile.keys)
    for keys in filter(None, groups):
        found = wires.read(profile, keys)
        assert set(found) == set(keys)
        for key, value in found.items():
            truth = measured.get(key)
            if truth is None:
                truth = extra(key, profile.units[key], measured)
            due = expected(profile.place(key), truth)
            assert value == (due if due is None else pytest.approx(due, rel=1e-12, abs=1e-12)), key
            if due is not None and key in measured:  # and what is due is the truth, to a step of the encoding
                step = (
                    1e-6 * abs(truth)
                    if profile.place(key).encoding == "float32"
                    else profile.place(key).scale
                )
                assert abs(due - truth) <= step, key


@pytest.mark.parametrize("fault", ["nan", "all_ones"])
@pytest.mark.parametrize("name", NAMES)
def test_what_a_model_has_no_number_for_is_none(name: str, fault: str, wires: Wires) -> None:
    profile = load(name)
    found = wires.read(profile, profile.group("fast"), fault)
    assert found == dict.fromkeys(profile.group("fast"))
