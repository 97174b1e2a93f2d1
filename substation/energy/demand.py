"""Demand: the mean apparent power of fixed blocks, from the differences of a counter's registers. Pure."""

from collections.abc import Sequence

from substation.energy.registers import HOUR_MS, MINUTE_MS, QUARTER_MS, Register, doubtful_steps

NEAR_MS = 90_000
"""A register read this close before a block's bound stands for the bound; the true times are used."""


def max_demand(
    registers: Sequence[Register],
    start_ms: int,
    end_ms: int,
    block_minutes: int,
    *,
    rated_va: float | None = None,
) -> tuple[float, int] | None:
    """Return the greatest mean apparent power of a whole block, VA, and when that block began, UTC ms.

    Blocks of `block_minutes` (15, 30, 45, 60) follow each other from `start_ms`, a whole quarter of an hour.
    D = (VAh_end - VAh_begin) x 60 / T; a block whose registers were not read near both bounds is left out,
    and so is one with a step in it that the circuit cannot have used.

    Args:
        registers: of the VAh counter, the last of each quarter of an hour, oldest first.
        start_ms: UTC, ms.
        end_ms: UTC, ms; a block ends at this at the latest.
        block_minutes: length of a block.
        rated_va: three-phase rating of the circuit, VA; None where it is unknown.
    """
    block_ms = block_minutes * MINUTE_MS
    if block_ms % QUARTER_MS or block_ms <= 0:
        raise ValueError(f"a demand block of {block_minutes} min is no whole number of quarter hours")
    false = [(a.at_ms, b.at_ms) for a, b, _ in doubtful_steps(registers, rated_va)]
    at_bound = {
        (register.at_ms // QUARTER_MS + 1) * QUARTER_MS: register
        for register in registers
        if QUARTER_MS - register.at_ms % QUARTER_MS <= NEAR_MS
    }
    best: tuple[float, int] | None = None
    for block in range(start_ms, end_ms - block_ms + 1, block_ms):
        begin, end = at_bound.get(block), at_bound.get(block + block_ms)
        if begin is None or end is None:
            continue
        if any(begin.at_ms < until and since < end.at_ms for since, until in false):
            continue
        demand = (end.value - begin.value) * HOUR_MS / (end.at_ms - begin.at_ms)
        if best is None or demand > best[0]:
            best = demand, block
    return best
