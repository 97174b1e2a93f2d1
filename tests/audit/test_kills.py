"""Processes write at once over many closed files, and are killed again and again: the chain holds.

The short form has three of them and takes a second or two; `SUBSTATION_LONG_TESTS=1` kills eighty times.
"""

import multiprocessing
import os
import random
import signal
import time
from pathlib import Path
from zoneinfo import ZoneInfo

from substation.audit import Audit, AuditKey, rotation, verify_all
from substation.clock import SystemClock
from tests.audit.many import write_for_ever

LONG = os.environ.get("SUBSTATION_LONG_TESTS") == "1"
SMALL = 20_000 if LONG else 8_000
"""Bytes: a file is closed every twenty or fifty lines, so that kills meet the closing too."""
KEYS = (AuditKey("", bytes(range(32))),)
KILLS, WRITERS = (80, 4) if LONG else (5, 3)


def reached(path: Path) -> int:
    """Return the number of the last line, read without the lock: the writers are not to wait for it."""
    if not path.exists():
        return 0
    handle = rotation.open_to_read(path)
    try:
        return rotation.last_of(handle).seq
    finally:
        os.close(handle)


def test_four_processes_and_many_kills_leave_one_whole_chain(tmp_path: Path) -> None:
    path = tmp_path / "dashboard_audit.log"
    # forked from a process that has imported everything: a kill meets the writing, not the start
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.audit.many"])
    chance = random.Random(7)

    def begin(number: int) -> multiprocessing.process.BaseProcess:
        worker = context.Process(
            target=write_for_ever, args=(str(path), KEYS[0].key, f"service{number}", SMALL)
        )
        worker.start()
        return worker

    last = Audit(path, KEYS, "poller", SystemClock(), ZoneInfo("Asia/Kolkata"), rotate_bytes=SMALL)
    workers = [begin(number) for number in range(WRITERS)]
    seq = 0
    try:
        for kill in range(KILLS):
            seq += chance.randint(20, 60) if LONG else chance.randint(15, 25)
            until = time.monotonic() + 60
            while (at := reached(path)) < seq and time.monotonic() < until:
                time.sleep(0.002)
            seq = max(seq, at)
            victim = kill % WRITERS
            assert workers[victim].is_alive()
            os.kill(workers[victim].pid or 0, signal.SIGKILL)
            workers[victim].join(10)
            workers[victim] = begin(victim)
    finally:
        for worker in workers:
            worker.kill()
            worker.join(10)
    assert last.write("start"), last.last_problem
    verdict = verify_all(path, KEYS)
    assert verdict.ok, verdict.words()[:10]
    assert verdict.files == len(rotation.closed_paths(path)) + 1 > 3
    assert (verdict.last_seq, verdict.first_seq) == (verdict.lines - len(verdict.torn), 1)
