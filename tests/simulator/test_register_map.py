"""What a simulated meter lays into its registers: every encoding, and nothing that could stop it."""

import math

import pytest

from substation.meters.blocks import plan, values
from substation.meters.decode import ORDERS, Encoding, WordOrder, float32
from substation.meters.profile import Profile, load, names
from substation.quantities import KEYS
from substation.simulator.extras import extra
from substation.simulator.slave import RegisterMap

ENCODINGS = ("float32", "float64", "int16", "uint16", "int32", "uint32", "int64", "uint64")


def one(encoding: Encoding, order: WordOrder = "ABCD", **row: object) -> Profile:
    return Profile.model_validate(
        {
            "model": "one",
            "source": "none",
            "verified": False,
            "word_order": order,
            "registers": {"pf_r": {"register": 40001, "encoding": encoding, **row}},
        }
    )


def read(
    profile: Profile, truth: dict[str, float], odd: dict[str, str] | None = None
) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for block in plan(profile, profile.keys):
        words = RegisterMap(profile).words(block.function, block.address, block.count, truth, odd or {})
        found |= values(profile, block, words)
    return found


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("value", [1e300, -1e300, math.inf, math.nan])
def test_a_value_that_no_register_holds_is_not_available(
    encoding: Encoding, order: WordOrder, value: float
) -> None:
    found = read(one(encoding, order), {"pf_r": value})["pf_r"]
    assert found == (value if encoding == "float64" and math.isfinite(value) else None)


def test_a_negative_value_in_an_unsigned_register_is_not_available() -> None:
    assert read(one("uint16"), {"pf_r": -5.0}) == {"pf_r": None}


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("value", [1e30, -1e30, math.nan])
def test_no_value_of_the_circuit_can_stop_a_meter(name: str, value: float) -> None:
    read(load(name), dict.fromkeys(KEYS, value))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_ordered_nan_is_none_in_every_encoding(encoding: Encoding) -> None:
    assert read(one(encoding), {"pf_r": 1.0}, {"pf_r": "nan"}) == {"pf_r": None}


@pytest.mark.parametrize(("var", "raw"), [(100.0, 0.9), (-100.0, 1.1)])
def test_a_leading_power_factor_is_written_in_its_quadrant(var: float, raw: float) -> None:
    profile = one("float32", coding="four_quadrant")
    truth = {"pf_r": 0.9, "var_r": var}
    words = RegisterMap(profile).words(3, 0, 2, truth)
    assert float32(words, "ABCD") == pytest.approx(raw)
    assert read(profile, truth)["pf_r"] == pytest.approx(0.9)


def test_the_average_power_factor_leads_with_the_total() -> None:
    profile, truth = load("schneider_pm2120"), dict.fromkeys(KEYS, 0.9)
    place = profile.place("pf_average")
    words = RegisterMap(profile).words(3, place.address, 2, truth | {"var_total": -5.0})
    assert float32(words, "ABCD") == pytest.approx(1.1)


def test_a_window_that_cuts_a_value_shows_its_part() -> None:
    profile = load("elmeasure_lgplus")
    registers, truth = RegisterMap(profile), dict.fromkeys(KEYS, 50.0)
    whole = registers.words(3, 100, 20, truth)
    assert registers.words(3, 101, 3, truth) == whole[1:4]
    assert not registers.holds(3, 99, 2)
    assert registers.holds(3, 100, 252)
    assert not registers.holds(3, 100, 253)


def test_each_function_has_its_own_registers() -> None:
    profile = Profile.model_validate(
        {
            "model": "two",
            "source": "none",
            "verified": False,
            "registers": {"v_r": 40001, "v_y": {"register": 30001, "function": 4}},
        }
    )
    registers = RegisterMap(profile)
    assert set(registers.functions) == {3, 4}
    assert float32(registers.words(4, 0, 2, {"v_r": 1.0, "v_y": 2.0}), "ABCD") == 2.0
    assert float32(registers.words(3, 0, 2, {"v_r": 1.0, "v_y": 2.0}), "ABCD") == 1.0


TRUTH = {
    "current_r": 10.0,
    "current_y": 10.0,
    "current_b": 4.0,
    "watts_total": 5000.0,
    "wh_received": 1000.0,
    "wh_delivered": 200.0,
    "varh_ind_received": 30.0,
    "varh_cap_received": 4.0,
    "v_r": 240.0,
    "v_y": 0.0,
    "pf_r": 0.9,
}


@pytest.mark.parametrize(
    ("key", "unit", "value"),
    [
        ("current_neutral", "A", 6.0),
        ("current_sum", "A", 24.0),
        ("watts_demand", "W", 5000.0),
        ("watts_demand", "kW", 5.0),
        ("wh_total", "Wh", 1200.0),
        ("wh_net", "Wh", 800.0),
        ("wh_received_r", "Wh", 340.0),
        ("varh_received", "varh", 34.0),
        ("thd_v_r", "%", 1.8),
        ("thd_v_y", "%", 0.0),
        ("v_angle_r", "deg", 0.0),
        ("pf_average_received_r", "", 0.9),
        ("co2", "", 0.0),
    ],
)
def test_what_is_beyond_the_38_follows_from_them(key: str, unit: str, value: float) -> None:
    assert extra(key, unit, TRUTH) == pytest.approx(value)
