"""Which registers of a meter travel together, and how often. Pure.

- `fast`: every round; what flows now.
- `slow`: every `poll.slow_interval_s`; energies and most extras.
- `once`: after a start, and after the meter was away for long; its identity.

A slow value that lies between fast ones rides along in their block: it costs nothing. One beside them
joins their block when, counted over all rounds until its next turn, that is no dearer than a request of
its own. No two blocks of one meter are equally long where that can be had at a small price: a late reply
is told by its length only, also behind a Modbus TCP gateway that asks twice and passes the reply left
over on under our next transaction id.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

from substation.meters.blocks import MAX_REGISTERS, Block, pieces, plan
from substation.meters.pace import Pace
from substation.meters.profile import Profile
from substation.meters.register import Place

DEAREST = 0.05
"""By this share of its line time may what is read in every round become dearer for a length of its own."""
ALONG = 4
"""So many neighbouring values may a rare block read along for a length of its own."""

MOST_TURNED = 6
"""So many blocks of every round are tried in all orders."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a meter has shown at the wire that it does not answer, beside what its profile says."""

    refused: frozenset[str] = frozenset()
    """Values whose register it refuses: never asked, and in no block, not even in a gap."""
    cuts: frozenset[str] = frozenset()
    """Values before which a request must end: the registers before them are not readable."""
    longest: int = MAX_REGISTERS
    """The longest block that it answers, registers."""


@dataclass(frozen=True, slots=True)
class Groups:
    """The requests of one meter."""

    fast: tuple[Block, ...]
    slow: tuple[Block, ...] = ()
    once: tuple[Block, ...] = ()


def divide(
    profile: Profile,
    limits: Limits,
    *,
    pace: Pace,
    turnaround_s: float,
    rounds: float | None,
) -> Groups:
    """Return the requests that read a meter at the least cost of line time.

    Args:
        profile: the meter model.
        limits: what this meter refuses.
        pace: the line's speed.
        turnaround_s: the meter's thinking time, s.
        rounds: rounds from one reading of the slow values to the next; None = they are read in each.
    """
    fit = fitted(profile, limits)

    def planned(keys: Iterable[str]) -> tuple[Block, ...]:
        return plan(fit, keys, pace=pace, turnaround_s=turnaround_s)

    def cost_s(blocks: Iterable[Block]) -> float:
        return sum(pace.transaction_s(block.count, turnaround_s) for block in blocks)

    fast, slow, once = (
        [key for key in profile.group(group) if key not in limits.refused]
        for group in ("fast", "slow", "once")
    )
    if rounds is None or not fast:
        fast, slow = [*fast, *slow], []
    fast += riders(profile, planned(fast), [*slow, *once])
    for block in planned(key for key in slow if key not in fast):
        dearer_s = cost_s(planned([*fast, *block.keys])) - cost_s(planned(fast))
        if rounds is not None and max(1.0, rounds) * dearer_s <= cost_s((block,)):
            fast += block.keys
            fast += riders(profile, planned(fast), [key for key in (*slow, *once) if key not in fast])
    slow = [key for key in slow if key not in fast]
    slow += riders(profile, planned(slow), [key for key in once if key not in fast])
    once = [key for key in once if key not in fast and key not in slow]
    parts = [planned(fast), planned(slow), planned(once)]
    fast_blocks, slow_blocks, once_blocks = distinct(fit, parts, limits.refused, cost_s)
    return Groups(spread(fast_blocks, (*slow_blocks, *once_blocks)), slow_blocks, once_blocks)


def spread(fast: tuple[Block, ...], rare: Collection[Block]) -> tuple[Block, ...]:
    """Return the blocks of every round in an order in which no two of one length stand side by side.

    Rare ones are asked for after the last and before the first of the next round.
    """
    counts = [block.count for block in (*fast, *rare)]
    if not fast or len(counts) == len(set(counts)) or len(fast) > MOST_TURNED:
        return fast
    others = {block.count for block in rare}

    def meetings(order: tuple[Block, ...]) -> int:
        ends = (order[0].count in others) + (order[-1].count in others)
        beside = zip(order, (*order[1:], order[0]), strict=True)
        return ends + sum(one is not next_ and one.count == next_.count for one, next_ in beside)

    return min(permutations(fast), key=meetings)


def riders(profile: Profile, blocks: Collection[Block], keys: Iterable[str]) -> list[str]:
    """Return those of the values whose registers are read by these blocks anyway."""
    found = []
    for key in keys:
        place = profile.place(key)
        if any(
            block.function == place.function
            and block.address <= place.address
            and place.address + place.words <= block.address + block.count
            for block in blocks
        ):
            found.append(key)
    return found


def distinct(
    profile: Profile,
    parts: Iterable[Sequence[Block]],
    refused: Collection[str],
    cost_s: Callable[[Iterable[Block]], float],
) -> tuple[tuple[Block, ...], ...]:
    """Return the fast, slow and once-read blocks in different lengths, as far as there is a way.

    A rare block is changed before one of every round. It reads neighbouring values along, is read in
    two, or together with another of its kind; one of every round is never cut. A block that holds one
    value grows only over registers of values that the profile knows: whether a meter answers for others
    is not known, and a refusal could not be told from one of the value. What remains equal is kept apart
    on the wire (`bus.spare`), and a length that is owed after a time-out is asked for in pieces.
    """
    groups = [list(part) for part in parts]
    known = [profile.place(key) for key in profile.group("fast", "slow", "once") if key not in refused]
    for rare, blocks in ((True, groups[1]), (True, groups[2]), (False, groups[0])):
        for block in tuple(blocks):
            if block not in blocks:
                continue  # read together with another by now
            lengths = [other.count for group in groups for other in group if other is not block]
            if block.count not in lengths:
                continue
            for old, new in _ways(profile, blocks, block, known, lengths, rare=rare):
                rest = [other.count for group in groups for other in group if other not in old]
                counts = [one.count for one in new]
                if len({*rest, *counts}) < len({*rest}) + len(counts):
                    continue
                if not rare and len(old) > 1 and cost_s(new) - cost_s(old) > DEAREST * cost_s(blocks):
                    continue
                at = blocks.index(old[0])
                kept = [other for other in blocks if other not in old]
                blocks[:] = [*kept[:at], *new, *kept[at:]]
                break
    return tuple(tuple(group) for group in groups)


def _ways(
    profile: Profile,
    blocks: Sequence[Block],
    block: Block,
    known: Collection[Place],
    lengths: Collection[int],
    *,
    rare: bool,
) -> Iterator[tuple[tuple[Block, ...], tuple[Block, ...]]]:
    """Yield blocks and what can be read in their place, the cheapest way first."""
    grown = [block]
    for _ in range(ALONG if rare else 1):
        wider = [_grown(profile, one, place) for one in grown for place in known]
        grown = [one for one in wider if one]
        yield from (((block,), (one,)) for one in grown)
    if rare and (parts := pieces(profile, block, lengths)):
        yield (block,), parts
    for other in blocks:
        first, last = sorted((block, other), key=lambda one: (one.function, one.address))
        if first is not last and (joined := _joined(profile, first, last)):
            yield (first, last), (joined,)


def _joined(profile: Profile, first: Block, last: Block) -> Block | None:
    """Return the one block that reads both, if it may be; its values stand in the order of addresses."""
    both = sorted((*first.keys, *last.keys), key=lambda key: profile.place(key).address)
    end = max(first.address + first.count, last.address + last.count)
    count = end - first.address
    if first.function != last.function or count > min(MAX_REGISTERS, profile.max_registers):
        return None
    if any(first.address < barrier < end for barrier in profile.barrier_addresses(first.function)):
        return None
    return Block(first.function, first.address, count, tuple(both))


def other_lengths(profile: Profile, block: Block, avoid: Collection[int]) -> tuple[Block, ...]:
    """Return requests that read the same values in lengths that are not to be used; empty = no way.

    In two pieces; or, where a block is too short for that, with registers that follow it read along. A
    meter may refuse those: then nothing is known of the values, and nothing follows for the profile.

    Args:
        profile: as the meter obeys it (`fitted`).
        block: what is wanted.
        avoid: lengths, registers.
    """
    parts = pieces(profile, block, avoid)
    if parts:
        return parts
    longest = min(MAX_REGISTERS, profile.max_registers, 65_536 - block.address)
    barriers = [at for at in profile.barrier_addresses(block.function) if at > block.address]
    end = min([block.address + longest, *barriers])
    for count in range(block.count + 1, end - block.address + 1):
        if count not in avoid:
            return (replace(block, count=count),)
    return ()


def _grown(profile: Profile, block: Block, place: Place) -> Block | None:
    """Return the block with the value that stands right after or before it read along, if it may be."""
    if place.function != block.function:
        return None
    count = block.count + place.words
    if count > min(MAX_REGISTERS, profile.max_registers):
        return None
    barriers = profile.barrier_addresses(block.function)
    if place.address == block.address + block.count and place.address not in barriers:
        return replace(block, count=count)
    if place.address + place.words == block.address and block.address not in barriers:
        return replace(block, address=place.address, count=count)
    return None


def fitted(profile: Profile, limits: Limits) -> Profile:
    """Return the profile as this one meter obeys it."""
    if limits == Limits():
        return profile
    rows = {**profile.registers, **profile.extras}
    barred = {rows[key].printed for key in limits.refused | limits.cuts}
    return profile.model_copy(
        update={
            "barriers": tuple(sorted(barred.union(profile.barriers))),
            "max_registers": min(profile.max_registers, limits.longest),
        }
    )
