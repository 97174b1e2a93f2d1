"""Doubt about the word order: the frequency of the grid tells in which order a meter sends its words.

The same four bytes are 49.98 Hz in one order and 1.6e-41 or 49 797 in another, so a frequency between
45 and 65 Hz in exactly one order names it. Pure.
"""

from collections.abc import Sequence

from substation.meters.blocks import Block
from substation.meters.decode import ORDERS, WordOrder, number
from substation.meters.model import Profile

FREQUENCY = "frequency"
LOW_HZ, HIGH_HZ = 45.0, 65.0
_SWAPPED: dict[WordOrder, WordOrder] = {"ABCD": "BADC", "BADC": "ABCD", "CDAB": "DCBA", "DCBA": "CDAB"}
"""The same order of words, with the bytes of each swapped: all that one register can show."""


def order_doubt(profile: Profile, words: Sequence[int]) -> WordOrder | None:
    """Return the order in which the frequency makes sense where it does not as the profile says.

    None where there is nothing to doubt or nothing to propose: the profile's own order reads 45 to
    65 Hz; no other order, or more than one, does. So it is with 0 Hz (a dead circuit), which is 0 in
    every order, and with "not available".

    Args:
        profile: the meter model.
        words: the registers of its frequency, 0..65535 each.
    """
    if FREQUENCY not in profile.registers:
        return None
    order = profile.place(FREQUENCY).word_order
    if _sound(profile, words, order):
        return None
    fitting = _fitting(profile, words, order)
    return fitting[0] if len(fitting) == 1 else None


def block_doubt(profile: Profile, block: Block, words: Sequence[int]) -> WordOrder | None:
    """Return the same for the answer to a whole block; None where the frequency is not in it."""
    return order_doubt(profile, _part(profile, block, words)) if FREQUENCY in block.keys else None


def block_settles(profile: Profile, block: Block, words: Sequence[int]) -> bool:
    """Return whether the frequency in a block's answer makes sense as the profile says, and only so.

    About one frequency in a thousand happens to make sense in a wrong order as well: that ends no doubt.
    """
    part, order = _part(profile, block, words), profile.place(FREQUENCY).word_order
    return _sound(profile, part, order) and not _fitting(profile, part, order)


def doubt_words(profile: Profile, order: WordOrder) -> str:
    """Return what to tell somebody of the order that `order_doubt` found."""
    return (
        f"the frequency makes sense as {order}, not as {profile.place(FREQUENCY).word_order}, which the "
        f"profile of {profile.model} says: set the word order in the meter's menu, or write "
        f'word_order = "{order}" in a profile of the station\'s own'
    )


def _part(profile: Profile, block: Block, words: Sequence[int]) -> Sequence[int]:
    place = profile.place(FREQUENCY)
    at = place.address - block.address
    return words[at : at + place.words]


def _fitting(profile: Profile, words: Sequence[int], order: WordOrder) -> list[WordOrder]:
    """Return the orders besides `order` in which the frequency makes sense."""
    others = [_SWAPPED[order]] if len(words) == 1 else [other for other in ORDERS if other != order]
    return [other for other in others if _sound(profile, words, other)]


def _sound(profile: Profile, words: Sequence[int], order: WordOrder) -> bool:
    place = profile.place(FREQUENCY)
    hz = number(words, order, place.encoding, place.scale, place.coding)
    return hz is not None and LOW_HZ <= hz <= HIGH_HZ
