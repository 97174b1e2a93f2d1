#!/usr/bin/env python3
"""The claim of the decoder, measured: the 38 values of one answer cost less than 100 us.

    python3 benchmarks/decode.py

Prints the median of five runs for every shipped model, and exits 1 when the LG+ takes longer.
"""

import statistics
import sys
import timeit
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from substation.meters.blocks import plan, values  # noqa: E402
from substation.meters.profile import load, names  # noqa: E402

LONGEST_US = 100.0
CARD = "elmeasure_lgplus"
RUNS, TIMES = 5, 2000


def decode_us(name: str) -> tuple[int, float]:
    """Return how many quantities a model has, and how long decoding all of them takes, us."""
    profile = load(name)
    answers = [(block, [0x4248] * block.count) for block in plan(profile)]

    def once() -> None:
        for block, words in answers:
            values(profile, block, words)

    took_s = [timeit.timeit(once, number=TIMES) / TIMES for _ in range(RUNS)]
    return len(profile.registers), statistics.median(took_s) * 1e6


def main() -> int:
    """Measure, print, judge."""
    found = {name: decode_us(name) for name in names()}
    for name, (count, took_us) in found.items():
        print(f"{name:22} {count:2} values {took_us:6.1f} us")
    held = found[CARD][1] <= LONGEST_US
    print(
        f"{CARD}: {found[CARD][1]:.1f} us, at most {LONGEST_US:.0f}: {'holds' if held else 'NO LONGER HOLDS'}"
    )
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
