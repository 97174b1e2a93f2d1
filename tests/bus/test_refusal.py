"""The bad register is found by asking for parts, and nothing else is blamed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from substation.bus.refusal import Finding, Search, ask_again, search
from substation.meters.blocks import Block, span
from tests.bus.models import FAST, grouped

PROFILE = grouped()
BLOCK = span(PROFILE, FAST)


class Strange:
    """A meter that refuses some registers, and blocks that are too long."""

    def __init__(self, bad: set[int] = frozenset(), longest: int = 125, *, code: int = 2) -> None:
        self.bad, self.longest, self.code = bad, longest, code
        self.asked: list[Block] = []

    def answer(self, block: Block) -> int:
        self.asked.append(block)
        if block.count > self.longest:
            return 3
        touched = range(block.address, block.address + block.count)
        return 0 if self.bad.isdisjoint(touched) else self.code

    def search(self, how: Search) -> Finding:
        try:
            block = next(how)
            while True:
                block = how.send(self.answer(block))
        except StopIteration as end:
            return end.value


def words(*keys: str) -> set[int]:
    return {PROFILE.address(key) for key in keys}


@settings(max_examples=60, deadline=None)
@given(st.sets(st.sampled_from(FAST), min_size=1, max_size=28))
def test_exactly_the_bad_registers_are_found(bad: set[str]) -> None:
    found = Strange(words(*bad)).search(search(PROFILE, BLOCK, 2))
    assert found.refused == dict.fromkeys(bad, 2)
    assert found.longest is None


def test_one_bad_register_of_58_takes_ten_questions() -> None:
    meter = Strange(words("v_yb"))
    assert meter.search(search(PROFILE, BLOCK, 2)).refused == {"v_yb": 2}
    assert len(meter.asked) <= 10


def test_a_gap_that_is_not_readable_is_cut_and_no_value_given_up() -> None:
    block = span(PROFILE, ("load_hours", "interruptions"))
    found = Strange({PROFILE.address("load_hours") + 2}).search(search(PROFILE, block, 2))
    assert (found.refused, found.cuts) == ({}, {"interruptions"})


@pytest.mark.parametrize("longest", [2, 4, 20, 38, 56])
def test_the_longest_block_that_works_is_found(longest: int) -> None:
    found = Strange(longest=longest).search(search(PROFILE, BLOCK, 3))
    assert (found.longest, found.refused, found.cuts) == (longest, {}, set())


def test_a_register_that_is_refused_as_not_allowed_is_not_taken_for_a_length() -> None:
    found = Strange(words("watts_total", "v_r"), code=3).search(search(PROFILE, BLOCK, 3))
    assert (found.longest, found.refused) == (None, {"watts_total": 3, "v_r": 3})


def test_a_function_that_the_meter_does_not_know_needs_no_search() -> None:
    meter = Strange()
    assert meter.search(search(PROFILE, BLOCK, 1)).refused == dict.fromkeys(FAST, 1)
    assert meter.asked == []


def test_what_was_refused_is_asked_for_again_one_by_one() -> None:
    meter = Strange(words("v_r"))
    assert meter.search(ask_again(PROFILE, ["v_r", "v_y"])).answered == {"v_y"}
    assert [block.keys for block in meter.asked] == [("v_r",), ("v_y",)]
