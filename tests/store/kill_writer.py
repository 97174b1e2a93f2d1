"""A poller without meters, for the kill test: rounds into the live file and the history until it is killed.

Each round that the live file has taken is acknowledged on stdout; those must never be lost again.
"""

import sys
import zoneinfo
from pathlib import Path

from substation.clock import SystemClock
from substation.store import live
from substation.store.history import History
from substation.store.live import LiveFile, LiveRow
from tests.store.readings import BEGIN_MS, rounds

ROUNDS_A_COMMIT = 5
ROUNDS_A_COMPACTION = 20


def main() -> None:
    folder, first = Path(sys.argv[1]), int(sys.argv[2])
    zone = zoneinfo.ZoneInfo("Asia/Kolkata")
    file = LiveFile(folder / "meter_data.csv", zone, True)
    history = History(folder / "daily_data.db", True, SystemClock(), zone, raw_days=3650)
    history.replay(live.read(folder / "meter_data.csv"))
    print("ready", flush=True)
    step_ms = 20_000
    for number, answers in enumerate(rounds(BEGIN_MS + first * step_ms, 100_000, step_ms, seed=first)):
        file.append([LiveRow(reading, "OK", "OK") for reading in answers])
        print(first + number, answers[-1].at_ms, flush=True)
        history.add(answers)
        if number % ROUNDS_A_COMMIT == ROUNDS_A_COMMIT - 1:
            history.commit()
        if number % ROUNDS_A_COMPACTION == ROUNDS_A_COMPACTION - 1:
            file.compact(answers[-1].at_ms)


if __name__ == "__main__":
    main()
