#!/usr/bin/env python3
"""Claim: an unknown name costs what a wrong password costs, so that nobody learns names by the clock.

    python3 benchmarks/login.py [--rounds 30]

Prints the ratio of the medians; exits 1 from 1.3 on. (That both take the same steps is counted by a test.)
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from substation.access import users
from substation.commands.configuration import make_station
from substation.settings import files

ALLOWED = 1.3
NAMES = ("admin", "nobody here")


def medians(rounds: int) -> tuple[float, float]:
    """Return seconds that a wrong password of a known and of an unknown name take."""
    with tempfile.TemporaryDirectory() as folder:
        make_station(Path(folder), simulated=True)
        settings = files.load(Path(folder)).settings
    took: dict[str, list[float]] = {name: [] for name in NAMES}
    for number in range(rounds + 1):
        for name in NAMES:  # by turns, so that a busy machine is busy for both
            began = time.perf_counter()
            assert users.check(settings, name, f"wrong {number}") is None
            if number:  # the first warms up
                took[name].append(time.perf_counter() - began)
    known, unknown = (statistics.median(took[name]) for name in NAMES)
    return known, unknown


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=30)
    known, unknown = medians(max(5, parser.parse_args().rounds))
    ratio = max(known, unknown) / min(known, unknown)
    print(f"wrong password {1000 * known:.1f} ms, unknown name {1000 * unknown:.1f} ms, ratio {ratio:.3f}")
    print("holds" if ratio < ALLOWED else f"DOES NOT HOLD: ratio < {ALLOWED}")
    return 0 if ratio < ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
