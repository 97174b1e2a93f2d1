"""An account: closing - opening, summed over its pieces, is what the registers counted, and no more."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from substation.energy.account import account, load_factor
from substation.energy.chain import chain, judged
from substation.energy.registers import QUARTER_MS, Limits, Register
from tests.energy.meter import KEYS, LIMITS, Happening, registers
from tests.energy.test_truth import (
    STEP,
    begins,
    happenings,
    last_of_quarters,
    loads,
    polled,
    readings,
    unseen,
)

HOUR_MS = 3_600_000


@settings(max_examples=40, deadline=None)
@given(loads=loads, found=happenings, begin=begins, at=st.integers(1, 14))
def test_pieces_add_up_to_what_was_counted_and_periods_join(
    loads: list[int], found: list[Happening], begin: int, at: int
):
    said = readings(loads, found, begin)
    kept, noted = polled(said)
    quarters = {key: last_of_quarters(registers(kept, key)) for key in KEYS}
    middle, end = at * QUARTER_MS, 16 * QUARTER_MS
    for key, counted in judged(quarters, LIMITS, dict.fromkeys(KEYS, noted)).items():
        whole = account(counted, 0, end)
        if whole is None:
            continue
        if all(cut.sure for cut in whole.cuts):  # else the last step may count, or be a cut
            assert sum(piece.counted for piece in whole.pieces) == counted.totals[-1]
        assert all(piece.counted >= 0 for piece in whole.pieces)
        assert len(whole.pieces) == len(whole.cuts) + 1
        truth = {one.at_ms: one.truth[key] for one in said}
        flowed = truth[whole.closing.at_ms] - truth[whole.opening.at_ms]
        assert whole.units is None or whole.units <= flowed + STEP
        if not whole.cuts and not whole.false and whole.closing != whole.opening:
            assert abs((whole.units or 0) - flowed) <= STEP + unseen(loads, found)
        parts = [account(counted, *span) for span in ((0, middle), (middle, end))]
        before, after = parts
        if before and after and before.closing == after.opening:
            sums = [sum(piece.counted for piece in one.pieces) for one in (before, after)]
            assert sum(sums) == sum(piece.counted for piece in whole.pieces)
        elif before and after:  # nobody read it for a quarter of an hour: that is in neither
            assert before.closing.at_ms < middle - QUARTER_MS or after.opening.at_ms >= middle


def a_chain(*steps: tuple[float, int], modulus: float | None = None):
    read = [Register(round(hour * HOUR_MS), value) for hour, value in steps]
    return chain(read, Limits(160_000.0, modulus))


def test_a_register_that_begins_again_at_0_is_counted_through():
    counted = a_chain((0, 999_200_000), (1, 999_600_000), (2, 50_000), modulus=1e9)
    found = account(counted, 0, 3 * HOUR_MS)
    assert found is not None and len(found.pieces) == 1
    piece = found.pieces[0]
    assert (piece.opening.value, piece.closing.value, piece.turned) == (999_200_000, 50_000, 10**9)
    assert found.units == piece.counted == 850_000
    assert [register.at_ms for register in piece.rollovers] == [2 * HOUR_MS]


def test_an_exchanged_meter_closes_one_piece_and_opens_the_next():
    old = [(hour, 5_000_000 + 10_000 * hour) for hour in range(4)]
    new = [(4 + hour, 100_000_000 + 20_000 * hour) for hour in range(4)]
    found = account(a_chain(*old, *new), 0, 9 * HOUR_MS)
    assert found is not None
    assert [(p.opening.value, p.closing.value) for p in found.pieces] == [
        (5_000_000, 5_030_000),
        (100_000_000, 100_060_000),
    ]
    assert found.units == 90_000 and found.hours == 6
    assert (found.opening.value, found.closing.value) == (5_000_000, 100_060_000)


def test_of_a_level_that_is_not_believed_yet_no_units_are_told():
    found = account(a_chain((0, 5_000_000), (1, 5_010_000), (2, 100)), 0, 3 * HOUR_MS)
    assert found is not None and found.units is None and "fell" in found.doubt
    assert account(a_chain((0, 5)), HOUR_MS, 2 * HOUR_MS) is None


def test_load_factor():
    # a month of 720 h: 108 000 kWh at a highest demand of 300 kW is half of what it could have been
    assert load_factor(108_000_000, 300_000, 720) == pytest.approx(0.5)
    assert load_factor(300_000, 300_000, 1) == 1.0
    assert load_factor(310_000, 300_000, 1) is None  # the highest block was not measured
    assert load_factor(1, 0, 1) is None and load_factor(1, 1, 0) is None
