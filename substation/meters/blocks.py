"""Registers to requests, and the words of the answer to values. Pure.

Two values share a request when reading the registers between them costs less than one more
request; what that is follows from the line's speed and the meter's turnaround.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from substation.meters.decode import number
from substation.meters.pace import Pace
from substation.meters.profile import WORDS, Profile
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
    """The quantities in it, in the order of their addresses."""


def plan(
    profile: Profile,
    keys: Iterable[str] = KEYS,
    *,
    pace: Pace | None = None,
    turnaround_s: float = 0.03,
) -> tuple[Block, ...]:
    """Return the requests that read these quantities, by rising address.

    Quantities that the model does not have are left out. Each of the others stands in exactly one
    block; no block is longer than the model allows.

    Args:
        profile: the meter model.
        keys: what is wanted.
        pace: the line's speed; default 9600 8E1.
        turnaround_s: the meter's thinking time, s.
    """
    gap = (pace or Pace()).worthwhile_gap(turnaround_s)
    longest = min(MAX_REGISTERS, profile.max_registers)
    wanted = sorted((profile.address(key), key) for key in set(keys) if key in profile.registers)
    blocks: list[Block] = []
    for address, key in wanted:
        if blocks:
            last = blocks[-1]
            count = address + WORDS - last.address
            if address - (last.address + last.count) <= gap and count <= longest:
                blocks[-1] = Block(last.function, last.address, count, (*last.keys, key))
                continue
        blocks.append(Block(profile.function, address, WORDS, (key,)))
    return tuple(blocks)


def pieces(profile: Profile, block: Block, avoid: Collection[int]) -> tuple[Block, ...]:
    """Return the block, or two blocks that cover it, in lengths that all differ from those to avoid.

    No value is cut in two. Empty when there is no such way.
    """
    if block.count not in avoid:
        return (block,)
    for cut in range(len(block.keys) - 1, 0, -1):
        parts = tuple(_span(profile, keys) for keys in (block.keys[:cut], block.keys[cut:]))
        counts = {part.count for part in parts}
        if len(counts) == len(parts) and not counts & set(avoid):
            return parts
    return ()


def _span(profile: Profile, keys: tuple[str, ...]) -> Block:
    first = profile.address(keys[0])
    return Block(profile.function, first, profile.address(keys[-1]) + WORDS - first, keys)


def values(profile: Profile, block: Block, words: Sequence[int]) -> dict[str, float | None]:
    """Return what a block's answer says, by quantity key, in the quantity's unit.

    NaN, infinity and all-ones come back as None: the meter answered, but with no number.
    """
    found: dict[str, float | None] = {}
    for key in block.keys:
        at = profile.address(key) - block.address
        found[key] = number(words[at : at + WORDS], profile.word_order)
    return found
