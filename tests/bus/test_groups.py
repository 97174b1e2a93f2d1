"""Which registers travel together: at the least cost of line time, around what a meter refuses."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from substation.bus.groups import Groups, Limits, divide, other_lengths
from substation.meters.blocks import span
from substation.meters.pace import Pace
from substation.meters.profile import Profile, load, names
from substation.quantities import COUNTERS
from tests.bus.models import FAST, grouped

PACE = Pace()
NONE = Limits()


def divided(
    profile: Profile, limits: Limits = NONE, *, rounds: float | None = 30.0, turnaround_s: float = 0.03
) -> Groups:
    return divide(profile, limits, pace=PACE, turnaround_s=turnaround_s, rounds=rounds)


def cost_s(groups: Groups, rounds: float) -> float:
    def line_time(blocks) -> float:
        return sum(PACE.transaction_s(block.count, 0.03) for block in blocks)

    return rounds * line_time(groups.fast) + line_time(groups.slow)


def test_what_flows_now_is_read_every_round_energies_apart_and_identity_once() -> None:
    groups = divided(grouped())
    assert [(block.address, block.count) for block in groups.fast] == [(100, 58)]
    assert groups.fast[0].keys == tuple(FAST)
    assert [(block.address, block.count) for block in groups.slow] == [(158, 18), (216, 6)]
    assert [(block.address, block.count, block.keys) for block in groups.once] == [(300, 2, ("serial",))]


def test_without_a_slow_interval_all_is_read_in_every_round() -> None:
    groups = divided(grouped(), rounds=None)
    assert groups.slow == ()
    assert {key for block in groups.fast for key in block.keys} >= {*FAST, *COUNTERS, "load_hours"}


def test_slow_registers_between_fast_ones_ride_along_for_nothing() -> None:
    rows = {"watts_total": 40101, "wh_received": 40103, "frequency": 40105}
    groups = divided(grouped(registers=rows, extras={}))
    assert groups == Groups(groups.fast)
    assert groups.fast[0].keys == ("watts_total", "wh_received", "frequency")


@pytest.mark.parametrize(("rounds", "slow"), [(1.0, 0), (1.5, 0), (30.0, 1)])
def test_slow_registers_beside_fast_ones_join_them_when_that_is_no_dearer(rounds: float, slow: int) -> None:
    rows = {"watts_total": 40101, "frequency": 40103, "wh_received": 40105}
    assert len(divided(grouped(registers=rows, extras={}), rounds=rounds).slow) == slow


def test_a_meter_of_energies_only_is_read_every_round() -> None:
    groups = divided(grouped(registers={"wh_received": 40001}, extras={}))
    assert [block.keys for block in groups.fast] == [("wh_received",)]


def test_a_slower_meter_has_wider_gaps_read_over() -> None:
    rows = {"watts_total": 40101, "frequency": 40141}
    profile = grouped(registers=rows, extras={})
    assert len(divided(profile).fast) == 2
    assert len(divided(profile, turnaround_s=0.2).fast) == 1


def test_a_refused_register_is_inside_no_block() -> None:
    groups = divided(grouped(), Limits(refused=frozenset({"v_r", "wh_delivered"})))
    bad = {grouped().address(key) + word for key in ("v_r", "wh_delivered") for word in (0, 1)}
    for block in (*groups.fast, *groups.slow, *groups.once):
        assert bad.isdisjoint(range(block.address, block.address + block.count))
    read = {key for block in (*groups.fast, *groups.slow) for key in block.keys}
    assert {"v_r", "wh_delivered"} == {*FAST, *COUNTERS} - read


def test_a_cut_and_a_shortest_limit_are_kept() -> None:
    groups = divided(grouped(), Limits(cuts=frozenset({"interruptions"}), longest=30))
    assert all(block.count <= 30 for block in (*groups.fast, *groups.slow))
    assert not any({"load_hours", "interruptions"} <= set(block.keys) for block in groups.slow)


def test_blocks_of_one_meter_have_different_lengths() -> None:
    rows = {"watts_total": 40101, "watts_r": 40103, "wh_received": 40201, "vah_received": 40203}
    beside = {"version": {"register": 40205, "label": "Version", "group": "once"}}
    groups = divided(grouped(registers=rows, extras=beside))
    counts = [block.count for block in (*groups.fast, *groups.slow, *groups.once)]
    assert counts == [4, 6, 2]  # the slow one reads its neighbour along


def lengths(groups: Groups) -> list[int]:
    return [block.count for block in (*groups.fast, *groups.slow, *groups.once)]


@pytest.mark.parametrize("name", names())
def test_of_no_shipped_model_two_blocks_are_equally_long(name: str) -> None:
    """A gateway that asks twice passes a left-over reply on under our next id: only its length tells."""
    for baud, rounds, thinks_s in itertools.product((9600, 115_200), (None, 6, 30), (0.03, 0.1)):
        pace = Pace.of(baud, "8E1")
        counts = lengths(divide(load(name), NONE, pace=pace, turnaround_s=thinks_s, rounds=rounds))
        assert len(counts) == len(set(counts)), (baud, rounds, thinks_s)


@pytest.mark.parametrize("name", names())
def test_at_a_quick_meter_the_equal_lengths_that_remain_stand_apart(name: str) -> None:
    """A meter that answers at once is read in more blocks; two models then keep one length twice."""
    for baud, rounds in itertools.product((9600, 115_200), (None, 6, 30)):
        groups = divide(load(name), NONE, pace=Pace.of(baud, "8E1"), turnaround_s=0.001, rounds=rounds)
        counts = lengths(groups)
        assert len(counts) == len(set(counts)) or name in {"schneider_pm2120", "schneider_pm5110"}
        fast = [block.count for block in groups.fast]
        assert len(fast) == 1 or all(one != next_ for one, next_ in itertools.pairwise([*fast, fast[0]]))
        assert {fast[0], fast[-1]}.isdisjoint(counts[len(fast) :])


def test_where_lengths_stay_equal_the_blocks_of_every_round_keep_them_from_the_rare_ones() -> None:
    rows = {"watts_total": 40001, "watts_r": 40003, "v_r": 40043, "v_y": 40045, "v_b": 40047}
    groups = divided(grouped(registers=rows | {"frequency": 40083, "wh_received": 40501}, extras={}))
    assert [block.count for block in groups.fast] == [4, 2, 6]
    assert [block.count for block in groups.slow] == [2]


def test_a_rare_block_that_cannot_grow_is_read_in_two() -> None:
    rows = {"v_r": 40001, "v_y": 40003, "v_b": 40005, "v_ry": 40007}
    rows |= {"wh_received": 40201, "wh_delivered": 40203, "vah_received": 40207}
    groups = divided(grouped(registers=rows, extras={}))
    assert [block.count for block in groups.fast] == [8]
    assert [block.keys for block in groups.slow] == [("wh_received", "wh_delivered"), ("vah_received",)]


def test_a_rare_single_value_that_cannot_grow_is_read_together_with_another() -> None:
    rows = {"frequency": 40001, "wh_received": 40201, "wh_delivered": 40241, "vah_received": 40243}
    joined = divided(grouped(registers=rows, extras={}))
    assert [(block.address, block.count) for block in joined.slow] == [(200, 44)]
    assert joined.slow[0].keys == ("wh_received", "wh_delivered", "vah_received")
    assert lengths(divided(grouped(registers=rows, extras={}, barriers=[40241]))) == [2, 2, 4]


@pytest.mark.parametrize(("apart", "counts"), [(26, [84, 2]), (40, [56, 2, 2])])
def test_two_blocks_of_every_round_become_one_only_where_that_costs_little(
    apart: int, counts: list[int]
) -> None:
    rows = {key: 40001 + 2 * place for place, key in enumerate(key for key in FAST if key != "frequency")}
    rows |= {"frequency": 40057 + apart, "wh_received": 40501}
    assert lengths(divided(grouped(registers=rows, extras={}))) == counts


def test_where_a_length_is_owed_the_values_are_read_in_pieces_or_with_what_follows() -> None:
    profile = grouped()
    fast, meter_hours = divided(profile).fast[0], divided(profile).slow[1]
    pieces = other_lengths(profile, fast, {58})
    assert [key for piece in pieces for key in piece.keys] == FAST
    (longer,) = other_lengths(profile, meter_hours, {2, 4, 6, 7})
    assert (longer.address, longer.count, longer.keys) == (216, 8, meter_hours.keys)


def test_no_such_length_reaches_across_a_barrier_or_beyond_what_the_meter_answers() -> None:
    rows = {"watts_total": 40101, "wh_received": 40104}
    barred = grouped(registers=rows, extras={}, barriers=[40104])
    alone = span(barred, ("watts_total",))
    assert other_lengths(barred, alone, {2}) == (replace(alone, count=3),)
    assert other_lengths(barred, alone, {2, 3}) == ()
    short = grouped(registers=rows, extras={}, max_registers=2)
    assert other_lengths(short, span(short, ("watts_total",)), {2}) == ()


@st.composite
def models(draw: st.DrawFn) -> tuple[Profile, Limits]:
    keys = draw(st.lists(st.sampled_from([*FAST, *COUNTERS]), min_size=1, max_size=20, unique=True))
    at, rows = 40001, {}
    for key in keys:
        at += draw(st.sampled_from((0, 0, 0, 2, 10, 40, 200)))
        rows[key] = {"register": at, "group": draw(st.sampled_from(("fast", "slow", "once")))}
        at += 2
    barriers = draw(st.lists(st.sampled_from([row["register"] for row in rows.values()]), max_size=3))
    profile = grouped(registers=rows, extras={}, barriers=barriers, max_registers=draw(st.integers(2, 125)))
    refused = draw(st.frozensets(st.sampled_from(keys), max_size=3))
    cuts = draw(st.frozensets(st.sampled_from(keys), max_size=2))
    return profile, Limits(refused, cuts, draw(st.integers(2, 125)))


@settings(max_examples=150, deadline=None)
@given(models(), st.none() | st.floats(1, 60))
def test_every_value_is_read_once_a_turn_and_nothing_that_is_refused(
    model: tuple[Profile, Limits], rounds: float | None
) -> None:
    profile, limits = model
    groups = divided(profile, limits, rounds=rounds)
    blocks = (*groups.fast, *groups.slow, *groups.once)
    read = [key for block in blocks for key in block.keys]
    assert sorted(read) == sorted(set(profile.keys) - limits.refused)
    bad = {profile.address(key) + word for key in limits.refused for word in (0, 1)}
    for block in blocks:
        inside = range(block.address, block.address + block.count)
        assert block.count <= max(2, min(profile.max_registers, limits.longest))
        assert bad.isdisjoint(inside)
        assert not {profile.address(key) for key in limits.cuts} & set(inside[1:])
        assert not set(profile.barrier_addresses(3)) & set(inside[1:])
    fast = set(profile.group("fast")) - limits.refused
    if fast:
        assert fast <= {key for block in groups.fast for key in block.keys}


@pytest.mark.parametrize("name", names())
def test_of_every_shipped_model_the_division_is_no_dearer_than_reading_all_or_all_apart(name: str) -> None:
    profile = load(name)
    ours = divided(profile)
    together = divided(profile, rounds=None)
    assert cost_s(ours, 30) <= cost_s(together, 30) + 1e-9
    counts = [block.count for block in ours.fast]
    assert all(one.keys != other.keys for one, other in itertools.pairwise(ours.fast))
    assert counts
