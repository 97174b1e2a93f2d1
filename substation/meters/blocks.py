"""Registers to requests, and the words of the answer to values. Pure.

Two values share a request when reading the registers between them costs less than one more
request; what that is follows from the line's speed and the meter's turnaround.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from substation.meters.model import Profile
from substation.meters.pace import Pace
from substation.quantities import KEYS

MAX_REGISTERS = 125
"""The longest block of one request (Modbus Application Protocol V1.1b3, clause 6.3)."""


@dataclass(frozen=True, slots=True)
class Block:
    """One request: registers that are read together."""

    function: int
    """3 (holding registers) or 4 (input registers); nothing else ever leaves this program."""
    address: int
    """First register, 0-based as on the wire."""
    count: int
    """Registers, 1 to 125."""
    keys: tuple[str, ...]
    """The values in it, in the order of their addresses."""


def plan(
    profile: Profile,
    keys: Iterable[str] = KEYS,
    *,
    pace: Pace | None = None,
    turnaround_s: float = 0.03,
) -> tuple[Block, ...]:
    """Return the requests that read these values, by rising function and address.

    Values that the model does not have are left out. Each of the others stands in exactly one
    block; no block is longer than the model allows, none crosses a barrier of the model.

    Args:
        profile: the meter model.
        keys: what is wanted: quantities and extras.
        pace: the line's speed; default 9600 8E1.
        turnaround_s: the meter's thinking time, s.
    """
    gap = (pace or Pace()).worthwhile_gap(turnaround_s)
    longest = min(MAX_REGISTERS, profile.max_registers)
    wanted = sorted(
        (profile.place(key) for key in set(keys) if key in profile.places),
        key=lambda place: (place.function, place.address),
    )
    blocks: list[Block] = []
    for place in wanted:
        if blocks:
            last = blocks[-1]
            count = place.address + place.words - last.address
            if (
                place.function == last.function
                and place.address - (last.address + last.count) <= gap
                and count <= longest
                and not _barred(profile, last, place.address)
            ):
                blocks[-1] = Block(last.function, last.address, count, (*last.keys, place.key))
                continue
        blocks.append(Block(place.function, place.address, place.words, (place.key,)))
    return tuple(blocks)


def _barred(profile: Profile, block: Block, address: int) -> bool:
    barriers = profile.barrier_addresses(block.function)
    return any(block.address < barrier <= address for barrier in barriers)


def pieces(profile: Profile, block: Block, avoid: Collection[int]) -> tuple[Block, ...]:
    """Return the block, or two blocks that cover it, in lengths that all differ from those to avoid.

    No value is cut in two. Empty when there is no such way.
    """
    if block.count not in avoid:
        return (block,)
    for cut in range(len(block.keys) - 1, 0, -1):
        parts = tuple(span(profile, keys) for keys in (block.keys[:cut], block.keys[cut:]))
        counts = {part.count for part in parts}
        if len(counts) == len(parts) and not counts & set(avoid):
            return parts
    return ()


def span(profile: Profile, keys: Sequence[str]) -> Block:
    """Return the one block from the first to the last of these values of one function, in address order."""
    first, last = profile.place(keys[0]), profile.place(keys[-1])
    return Block(first.function, first.address, last.address + last.words - first.address, tuple(keys))


def values(profile: Profile, block: Block, words: Sequence[int]) -> dict[str, float | None]:
    """Return what a block's answer says, by key, in the value's unit.

    What is no number (`decode.bounds`) comes back as None: the meter answered, but with no number.
    Raises struct.error where there are not as many words as the block has registers.
    """
    return profile.layout(block.address, block.count, block.keys).read(words)
