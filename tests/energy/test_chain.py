"""Chains of registers, in numbers."""

import pytest

from substation.energy.chain import Chain, chain, judged
from substation.energy.registers import Limits, Register
from tests.energy.meter import MINUTE_MS, RATED_VA

LIMITS = Limits(RATED_VA)


def told(*values: int, rated_va: float | None = RATED_VA, cuts: tuple[int, ...] = ()) -> Chain:
    """Return the chain of a register each minute."""
    registers = [Register(at * MINUTE_MS, value) for at, value in enumerate(values)]
    return chain(registers, Limits(rated_va), [at * MINUTE_MS for at in cuts])


@pytest.mark.parametrize(
    ("values", "total", "cuts", "left_out", "loose"),
    [
        ((1000, 1100, 1100, 1300), 300, 0, 0, 0),
        ((99_999_900, 50, 150), 250, 0, 0, 0),
        ((50_000, 50_100, 0, 50_200), 200, 0, 1, 0),
        ((50_000, 50_100, 0, 0, 0, 50_200), 200, 0, 3, 0),
        ((50_000, 50_100, 0, 9_000_000, 50_200), 200, 0, 2, 0),
        ((50_000, 50_100, 9_000_000, 50_200), 200, 0, 1, 0),
        ((50_000, 50_100, 53_000, 50_200, 50_300), 300, 0, 1, 1),
        ((50_000, 50_100, 0, 100, 300), 400, 1, 0, 0),
        ((50_000, 50_100, 9_000_000, 9_000_100), 200, 1, 0, 0),
        ((50_000, 50_100, 0, 100, 200, 9_000_000, 9_000_100), 400, 2, 0, 0),
        ((99_999_900, 0, 99_999_950, 99_999_990), 90, 0, 1, 1),
    ],
)
def test_what_was_counted(values: tuple[int, ...], total: int, cuts: int, left_out: int, loose: int) -> None:
    counted = told(*values)
    assert counted.totals[-1] == total
    assert len(counted.cuts) == cuts
    assert all(cut.sure for cut in counted.cuts)
    assert (len(counted.left_out), len(counted.loose)) == (left_out, loose)


@pytest.mark.parametrize(
    "values", [(50_000, 0), (50_000, 0, 0), (50_000, 9_000_000), (50_000, 53_000, 51_000)]
)
def test_a_doubt_at_the_end_is_open(values: tuple[int, ...]) -> None:
    assert [cut.sure for cut in told(*values).cuts] == [False]


def test_a_level_that_stands_for_five_minutes_is_believed() -> None:
    assert [cut.sure for cut in told(50_000, 0, 0, 0, 0, 0, 0).cuts] == [True]


def test_a_rise_close_above_does_not_count_when_the_meter_was_exchanged() -> None:
    at = [n * MINUTE_MS for n in range(4)]
    wh = [Register(*one) for one in zip(at, (1_000_000, 1_000_100, 7_000_000, 7_000_100), strict=True)]
    vah = [Register(*one) for one in zip(at, (1_000_000, 1_000_110, 1_005_000, 1_005_110), strict=True)]
    found = judged({"wh": wh, "vah": vah}, {"wh": LIMITS, "vah": LIMITS})
    assert (found["wh"].totals[-1], found["vah"].totals[-1]) == (200, 220)
    assert len(found["vah"].cuts) == 1


def test_a_register_that_was_set_alone_does_not_cut_the_others() -> None:
    at = [n * MINUTE_MS for n in range(4)]
    wh = [Register(*one) for one in zip(at, (1_000_000, 1_000_100, 7_000_000, 7_000_100), strict=True)]
    others = {key: [Register(one, 500_000 + one // 1000) for one in at] for key in ("vah", "varh")}
    found = judged({"wh": wh, **others}, dict.fromkeys(("wh", *others), LIMITS))
    assert (found["wh"].totals[-1], found["vah"].totals[-1], found["vah"].cuts) == (200, 180, ())


def test_a_known_exchange_is_cut_though_the_registers_follow_each_other() -> None:
    counted = told(1000, 1100, 1200, 1300, cuts=(2,))
    assert counted.totals[-1] == 200
    assert counted.cuts[0].why == "its meter was exchanged"


def test_a_coarse_register_shows_its_step_by_itself() -> None:
    coarse = told(*(10_000 * (n // 3) for n in range(30)), rated_va=1000)
    assert (coarse.totals[-1], coarse.cuts) == (90_000, ())
    fine = told(*(10_000 * (n // 3) + n for n in range(30)), rated_va=1000)
    assert fine.cuts
