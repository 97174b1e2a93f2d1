"""Registers to requests: every value once, no request too long, gaps bridged when that is cheaper."""

import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from substation.meters.blocks import Block, pieces, plan, values
from substation.meters.decode import ORDERS, Encoding, WordOrder, bounds, words_in, words_of, words_of_float32
from substation.meters.pace import Pace
from substation.meters.profile import Profile, load
from substation.quantities import KEYS

CARD = load("elmeasure_lgplus")


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    """A model with any of the quantities, anywhere, in any order, with any gaps."""
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, unique=True))
    register = draw(st.integers(40001, 41000))
    registers = {}
    for key in keys:
        registers[key] = register
        register += 2 + draw(st.sampled_from((0, 0, 0, 1, 2, 5, 22, 23, 24, 60, 300)))
    return Profile(
        model="any",
        source="none",
        verified=False,
        word_order=draw(st.sampled_from(("ABCD", "CDAB", "BADC", "DCBA"))),
        max_registers=draw(st.integers(2, 125)),
        registers=registers,
    )


def spans(profile: Profile, block: Block) -> list[tuple[int, int]]:
    return [
        (profile.address(key) - block.address, profile.address(key) + 2 - block.address) for key in block.keys
    ]


def test_the_card_is_one_block_of_76_registers_at_100() -> None:
    assert plan(CARD) == (Block(3, 100, 76, KEYS),)


@given(profiles(), st.sampled_from((9600, 19_200, 115_200)), st.floats(0.001, 0.5))
def test_every_quantity_is_in_exactly_one_block_and_no_block_is_too_long(
    profile: Profile, baud: int, turnaround_s: float
) -> None:
    blocks = plan(profile, pace=Pace(baud), turnaround_s=turnaround_s)
    planned = [key for block in blocks for key in block.keys]
    assert sorted(planned) == sorted(profile.registers)
    for block in blocks:
        assert 2 <= block.count <= profile.max_registers
        assert all(0 <= first < last <= block.count for first, last in spans(profile, block))
    for before, after in itertools.pairwise(blocks):
        assert before.address + before.count <= after.address


@given(profiles(), st.sets(st.sampled_from(KEYS)))
def test_only_what_is_wanted_and_known_is_asked(profile: Profile, wanted: set[str]) -> None:
    planned = {key for block in plan(profile, wanted) for key in block.keys}
    assert planned == wanted & set(profile.registers)


@given(profiles(), st.floats(0.001, 0.5))
def test_no_split_or_merge_of_neighbours_would_be_cheaper(profile: Profile, turnaround_s: float) -> None:
    pace = Pace(9600)
    blocks = plan(profile, pace=pace, turnaround_s=turnaround_s)
    for before, after in itertools.pairwise(blocks):
        whole = after.address + after.count - before.address
        first = after.address + 2 - before.address  # the whole neighbour, or its first value
        if first > profile.max_registers or whole > profile.max_registers:
            continue
        apart_s = pace.transaction_s(before.count, turnaround_s) + pace.transaction_s(
            after.count, turnaround_s
        )
        assert pace.transaction_s(whole, turnaround_s) > apart_s - 2 * pace.char_s


@pytest.mark.parametrize(("gap", "blocks"), [(0, 1), (23, 1), (24, 2)])
def test_at_9600_baud_and_30_ms_a_gap_of_23_registers_is_worth_reading(gap: int, blocks: int) -> None:
    profile = Profile(
        model="gap",
        source="none",
        verified=False,
        registers={"watts_total": 40101, "frequency": 40103 + gap},
    )
    assert len(plan(profile, turnaround_s=0.03)) == blocks


@given(profiles(), st.sets(st.integers(2, 125), max_size=6))
def test_pieces_cover_the_block_in_lengths_that_are_free(profile: Profile, owed: set[int]) -> None:
    for block in plan(profile):
        parts = pieces(profile, block, owed)
        if not parts:
            assert block.count in owed
            continue
        assert [key for part in parts for key in part.keys] == list(block.keys)
        assert not owed & {part.count for part in parts}
        assert len({part.count for part in parts}) == len(parts)
        for part in parts:
            assert all(0 <= first < last <= part.count for first, last in spans(profile, part))


def test_the_block_of_the_card_can_be_cut_in_many_ways() -> None:
    owed = {76}
    for _ in range(10):
        parts = pieces(CARD, plan(CARD)[0], owed)
        assert parts
        owed |= {part.count for part in parts}


@given(profiles(), st.data())
def test_what_is_encoded_comes_back_by_key(profile: Profile, data: st.DataObject) -> None:
    for block in plan(profile):
        words = [0xDEAD] * block.count
        held = {
            key: data.draw(st.floats(width=32, allow_nan=False, allow_infinity=False)) for key in block.keys
        }
        for key, value in held.items():
            at = profile.address(key) - block.address
            words[at : at + 2] = words_of_float32(value, profile.word_order)
        assert values(profile, block, words) == held


@pytest.mark.parametrize("order", ["ABCD", "CDAB", "BADC", "DCBA"])
def test_what_is_no_number_is_none(order: WordOrder) -> None:
    profile = CARD.model_copy(update={"word_order": order})
    block = plan(profile)[0]
    words = [*words_of_float32(float("nan"), order), 0xFFFF, 0xFFFF]
    words += [*words_of_float32(float("-inf"), order), *words_of_float32(-0.0, order)]
    words += [0] * (block.count - len(words))
    found = values(profile, block, words)
    assert (found["watts_total"], found["watts_r"], found["watts_y"]) == (None, None, None)
    assert str(found["watts_b"]) == "0.0"


@given(st.sampled_from((300, 1200, 9600, 19_200, 38_400, 115_200)), st.floats(0, 1))
def test_a_worthwhile_gap_costs_no_more_than_a_request(baud: int, turnaround_s: float) -> None:
    pace = Pace(baud)
    gap = pace.worthwhile_gap(turnaround_s)
    request_s = pace.transaction_s(0, turnaround_s)
    assume(gap < 10_000)
    assert 2 * gap * pace.char_s <= request_s + 1e-9
    assert 2 * (gap + 1) * pace.char_s > request_s - 1e-9


@st.composite
def mixed_profiles(draw: st.DrawFn) -> Profile:
    """A model with values of any width and order in both functions, with barriers, in any order."""
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=25, unique=True))
    registers, barriers, ends = {}, [], {3: 100, 4: 100}
    for key in keys:
        function = draw(st.sampled_from((3, 4)))
        encoding: Encoding = draw(st.sampled_from(("float32", "int16", "uint16", "int32", "uint32", "int64")))
        at = ends[function] + draw(st.sampled_from((0, 0, 0, 1, 3, 12, 23, 24, 90)))
        if draw(st.integers(0, 4)) == 0:
            barriers.append(at)
        ends[function] = at + words_in(encoding)
        registers[key] = {
            "register": at,
            "function": function,
            "encoding": encoding,
            "word_order": draw(st.sampled_from(ORDERS)),
        }
    taken = {
        (function, at + word)
        for function, at, encoding in (
            (r["function"], r["register"], r["encoding"]) for r in registers.values()
        )
        for word in range(1, words_in(encoding))
    }
    return Profile.model_validate(
        {
            "model": "mixed",
            "source": "none",
            "verified": False,
            "printed_from": 0,
            "max_registers": draw(st.integers(4, 125)),
            "barriers": [barrier for barrier in barriers if not {(3, barrier), (4, barrier)} & taken],
            "registers": registers,
        }
    )


@given(mixed_profiles(), st.floats(0.001, 0.5))
def test_blocks_mix_no_functions_cross_no_barrier_and_exceed_no_limit(
    profile: Profile, turnaround_s: float
) -> None:
    blocks = plan(profile, turnaround_s=turnaround_s)
    assert sorted(key for block in blocks for key in block.keys) == sorted(profile.registers)
    for block in blocks:
        assert 1 <= block.count <= profile.max_registers
        places = [profile.place(key) for key in block.keys]
        assert {place.function for place in places} == {block.function}
        assert all(
            block.address <= place.address and place.address + place.words <= block.address + block.count
            for place in places
        )
        assert not any(block.address < barrier < block.address + block.count for barrier in profile.barriers)


@given(mixed_profiles(), st.data())
def test_what_is_encoded_in_any_width_comes_back_by_key(profile: Profile, data: st.DataObject) -> None:
    for block in plan(profile):
        words, held = [0xDEAD] * block.count, {}
        for key in block.keys:
            place = profile.place(key)
            low, high = bounds(place.encoding)
            edge = 2**20 if place.encoding == "float32" else min(int(high) - 1, 2**50)
            held[key] = float(
                data.draw(st.integers(max(int(low) + 1, -edge) if low > -2e19 else -edge, edge))
            )
            at = place.address - block.address
            words[at : at + place.words] = words_of(held[key], place.word_order, place.encoding)
        assert values(profile, block, words) == held


def test_reading_38_values_takes_no_new_layout_each_time() -> None:
    (block,) = plan(CARD)
    first = CARD.layout(block.address, block.count, block.keys)
    values(CARD, block, [0] * block.count)
    assert CARD.layout(block.address, block.count, block.keys) is first
