"""Demand: the mean apparent power of fixed blocks, from the differences of a counter's registers. Pure."""

from substation.energy.chain import Chain
from substation.energy.registers import HOUR_MS, MINUTE_MS, QUARTER_MS

NEAR_MS = 90_000
"""A register read this close before a block's bound stands for the bound; the true times are used."""


def max_demand(counted: Chain, start_ms: int, end_ms: int, block_minutes: int) -> tuple[float, int] | None:
    """Return the greatest mean apparent power of a whole block, VA, and when that block began, UTC ms.

    Blocks of `block_minutes` (15, 30, 45, 60) follow each other from `start_ms`, a whole quarter of an hour.
    D = (VAh_end - VAh_begin) x 60 / T, through a rollover as well; a block whose registers were not read
    near both bounds is left out, and so is one in which the chain is cut or a reading contradicts it.

    Args:
        counted: the VAh counter's chain, with at least the last register of each quarter of an hour.
        start_ms: UTC, ms.
        end_ms: UTC, ms; a block ends at this at the latest.
        block_minutes: length of a block.
    """
    block_ms = block_minutes * MINUTE_MS
    if block_ms % QUARTER_MS or block_ms <= 0:
        raise ValueError(f"a demand block of {block_minutes} min is no whole number of quarter hours")
    unknown = [(cut.after.at_ms, cut.until.at_ms) for cut in counted.cuts]
    unknown += [(register.at_ms - 1, register.at_ms + 1) for register in counted.loose]
    at_bound = {
        (register.at_ms // QUARTER_MS + 1) * QUARTER_MS: (register, total)
        for register, total in zip(counted.registers, counted.totals, strict=True)
        if QUARTER_MS - register.at_ms % QUARTER_MS <= NEAR_MS
    }
    best: tuple[float, int] | None = None
    for block in range(start_ms, end_ms - block_ms + 1, block_ms):
        if block not in at_bound or block + block_ms not in at_bound:
            continue
        (begin, before), (end, after) = at_bound[block], at_bound[block + block_ms]
        if any(begin.at_ms < until and since < end.at_ms for since, until in unknown):
            continue
        demand = (after - before) * HOUR_MS / (end.at_ms - begin.at_ms)
        if best is None or demand > best[0]:
            best = demand, block
    return best
