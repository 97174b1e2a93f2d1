"""`dmf_reader.py` in a hurry, for the kill test: what it does in an hour it does in a few seconds."""

import sys

from substation.acquisition import process, spine
from substation.store.live import LiveFile

KEEP_MS = 2_000
"""What the live file holds instead of an hour."""


def main() -> int:
    spine.COMMIT_S, spine.COMPACT_S, spine.UPKEEP_S = 0.3, 0.4, 0.2
    LiveFile.compact.__defaults__ = (KEEP_MS,)
    return process.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
