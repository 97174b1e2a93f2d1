"""R11: registers as they come, in numbers: what is recognised, when, and what is flagged meanwhile."""

import math

import pytest

from substation.energy.registers import Limits, Register, step
from substation.energy.watch import Judged, Watch
from tests.energy.meter import LIMITS, MINUTE_MS

Wh = float | None


def follow(
    watch: Watch, values: list[Wh], *, every_ms: int = MINUTE_MS, vah: float | None = 1.1, begin: int = 0
) -> list[Judged]:
    """Read these Wh one after the other; VAh are so many times as much, or are not read."""
    return [
        watch.read(
            begin + at * every_ms,
            {"wh_received": wh, "vah_received": None if wh is None or vah is None else wh * vah},
            LIMITS,
        )
        for at, wh in enumerate(values)
    ]


def kinds(judged: list[Judged]) -> list[tuple[int, str]]:
    return [(at, found.kind) for at, one in enumerate(judged) for found in one.findings]


def doubted(judged: list[Judged]) -> list[int]:
    return [at for at, one in enumerate(judged) if one.doubted]


@pytest.mark.parametrize(
    ("values", "found", "flagged"),
    [
        pytest.param([1e6, 1.001e6, 1.002e6], [], [], id="advance"),
        pytest.param([1e6, 1e6, 1e6], [], [], id="idle"),
        pytest.param([1e6, 1.0072e6], [], [], id="just what 160 kVA can bring in a minute"),
        pytest.param([1e6, 1.0085e6], [], [1], id="more than that"),
        pytest.param([1e6, 0, 1.001e6, 1.002e6], [(2, "false_reading")], [1], id="one zero"),
        pytest.param([1e6, 7e6, 1.001e6], [(2, "false_reading")], [1], id="one wild value"),
        pytest.param([1e6, 0, 0, 1.002e6], [(3, "false_reading")], [1, 2], id="a meter that starts"),
        pytest.param(
            [1e6, 0, 7e7, 1.002e6], [(2, "false_reading"), (3, "false_reading")], [1, 2], id="two wild"
        ),
        pytest.param(
            [1e6, 1.005e6, 1.001e6, 1.002e6], [(2, "false_reading")], [], id="taken back by the next"
        ),
        pytest.param([1e6, 0, 100, 200, 300], [(3, "reset")], [1, 2], id="reset"),
        pytest.param([1e6, 0, 0, 0, 0, 0, 0], [(6, "reset")], [1, 2, 3, 4, 5], id="reset and idle"),
        pytest.param([1e6, 5e6, 5.001e6, 5.002e6], [(3, "swap")], [1, 2], id="exchanged, higher"),
        pytest.param([5e6, 1e6, 1.001e6, 1.002e6], [(3, "swap")], [1, 2], id="exchanged, lower"),
        pytest.param([1e6, None, math.nan, 1.001e6], [], [], id="no number between"),
        pytest.param([1e6, 0, None, None, 1.002e6], [(4, "false_reading")], [1], id="doubt over a silence"),
    ],
)
def test_what_is_recognised_and_flagged(
    values: list[Wh], found: list[tuple[int, str]], flagged: list[int]
) -> None:
    judged = follow(Watch(), values)
    assert kinds(judged) == found
    assert doubted(judged) == flagged


def test_the_finding_tells_both_levels_and_since_when() -> None:
    reset = follow(Watch(), [1e6, 0, 100, 200])[3].findings[0]
    assert reset.at_ms == MINUTE_MS
    assert reset.after_ms == 0
    assert reset.old["wh_received"] == Register(0, 1_000_000)
    assert reset.new["wh_received"] == Register(MINUTE_MS, 0)
    assert sorted(reset.new) == ["vah_received", "wh_received"]


@pytest.mark.parametrize("modulus", [2**32, 2**31, 2**31 * 100, 10**8, 10**9])
def test_a_register_rolls_over_where_registers_and_displays_do(modulus: int) -> None:
    judged = follow(Watch(), [modulus - 600.0, 400.0, 1400.0], vah=None)
    assert kinds(judged) == [(1, "rollover")]
    assert doubted(judged) == []
    assert "1000 Wh were counted" in judged[1].findings[0].why


def test_an_odd_modulus_is_taken_from_the_profile() -> None:
    limits = {"wh_received": Limits(160e3, 12_345_678.0)}
    watch = Watch()
    watch.read(0, {"wh_received": 12_345_600.0}, limits)
    judged = watch.read(MINUTE_MS, {"wh_received": 22.0}, limits)
    assert [(one.kind, one.new["wh_received"].value) for one in judged.findings] == [("rollover", 22)]


def test_beside_others_that_fall_it_is_no_rollover() -> None:
    watch = Watch()
    for at, (wh, vah) in enumerate(((99_999_500, 40e6), (100, 110), (200, 220), (300, 330))):
        judged = watch.read(at * MINUTE_MS, {"wh_received": wh, "vah_received": vah}, LIMITS)
    assert [one.kind for one in judged.findings] == ["reset"]
    assert sorted(judged.findings[0].new) == ["vah_received", "wh_received"]


def test_a_zero_near_the_modulus_that_is_taken_back_was_no_rollover() -> None:
    judged = follow(Watch(), [99_999_500, 0, 99_999_600, 99_999_700], vah=None)
    assert kinds(judged) == [(1, "rollover"), (2, "false_reading")]


def test_a_reset_of_some_registers_leaves_the_others() -> None:
    watch = Watch()
    for at, wh in enumerate((1e6, 0, 100, 200)):
        judged = watch.read(at * MINUTE_MS, {"wh_received": wh, "vah_received": 2e6 + at}, LIMITS)
        assert judged.doubted <= {"wh_received"}
    assert [(one.kind, list(one.new)) for one in judged.findings] == [("reset", ["wh_received"])]
    assert watch.last["vah_received"].value == 2_000_003


def test_another_serial_number_is_an_exchange_whatever_the_registers_say() -> None:
    watch = Watch()
    watch.read(0, {"wh_received": 1e6}, LIMITS, "A1")
    judged = watch.read(MINUTE_MS, {"wh_received": 1.0001e6}, LIMITS, "B2")
    assert [(one.kind, one.serial) for one in judged.findings] == [("swap", ("A1", "B2"))]
    assert not watch.read(2 * MINUTE_MS, {"wh_received": 1.0002e6}, LIMITS, "B2").findings
    assert not watch.read(3 * MINUTE_MS, {"wh_received": 1.0003e6}, LIMITS).findings  # not read again yet


def test_a_serial_number_that_is_read_later_dates_the_exchange_to_the_first_reading() -> None:
    watch = Watch.recall({"wh_received": Register(0, 1_000_000)}, "A1")
    begun_ms = 7_200_000
    for at, serial in enumerate(("", "", "B2")):  # two hours away; a level that it could have reached
        values = {"wh_received": 1_100_000.0 + at}
        judged = watch.read(begun_ms + at * MINUTE_MS, values, LIMITS, serial)
    assert [(one.kind, one.at_ms, one.after_ms) for one in judged.findings] == [("swap", begun_ms, 0)]


def test_where_the_rating_is_far_too_low_it_is_said_once_and_everything_is_flagged() -> None:
    watch = Watch()
    judged = follow(watch, [1e6 + at * 50_000 for at in range(20)], vah=None)  # 3 MW on 160 kVA
    assert doubted(judged) == list(range(1, 20))
    assert kinds(judged) == [(2, "false_reading")]
    assert watch.baffled


def test_an_exchange_while_nobody_polled_is_seen() -> None:
    watch = Watch.recall({"wh_received": Register(0, 50_000_000)})
    judged = follow(watch, [3_000_000, 3_001_000, 3_002_000], vah=None, begin=36_000_000)
    assert kinds(judged) == [(2, "swap")]
    found = judged[2].findings[0]
    assert (found.after_ms, found.at_ms) == (0, 36_000_000)


def test_the_level_nearer_to_a_new_register_is_believed_after_a_silence() -> None:
    watch = Watch()
    follow(watch, [1e6, 6e6], vah=None)  # then twelve hours of silence, in which 5 MWh could have flowed
    judged = follow(watch, [6.05e6, 6.051e6], vah=None, begin=43_200_000)
    assert kinds(judged) == [(1, "swap")]


def test_polled_twice_a_second_a_meter_that_starts_at_zero_is_not_reset() -> None:
    judged = follow(Watch(), [1e6] + [0.0] * 100 + [1e6 + 20, 1e6 + 22], every_ms=500)
    assert kinds(judged) == [(101, "false_reading")]
    assert doubted(judged) == list(range(1, 101))


@pytest.mark.parametrize(("level", "unit"), [(2**27, 16), (10**9, 64)])
def test_a_step_of_a_large_float_is_no_jump(level: int, unit: int) -> None:
    small = Limits(100.0)  # 100 VA: 5 Wh in a minute at most
    assert step(Register(0, level), Register(MINUTE_MS, level + unit), small).way == "advance"
    assert step(Register(0, 1000), Register(MINUTE_MS, 1000 + unit), small).way == "jumped"


def test_a_coarse_register_may_go_on_by_its_step() -> None:
    a, b = Register(0, 10_000), Register(MINUTE_MS, 20_000)
    assert step(a, b, Limits(1000.0)).way == "jumped"
    assert step(a, b, Limits(1000.0, resolution=10_000)).way == "advance"
