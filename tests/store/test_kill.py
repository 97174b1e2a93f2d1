"""R22: a poller killed with SIGKILL at any moment, beside a reader, loses no reading.

6 kills; the environment variable KILLS asks for more.
"""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import zoneinfo
from pathlib import Path

import pytest

from substation.store import live
from substation.store.history import History, HistoryReader
from tests.fake_clock import FakeClock
from tests.store.readings import BEGIN_MS
from tests.store.test_rollup import recomputed, stored

INDIA = zoneinfo.ZoneInfo("Asia/Kolkata")
KILLS = int(os.environ.get("KILLS", "4"))
PROJECT = Path(__file__).parents[2]


def run_and_kill(folder, first, after):
    """Let the writer acknowledge `after` rounds, kill it, and return the last round that it acknowledged."""
    command = [sys.executable, "-m", "tests.store.kill_writer", str(folder), str(first)]
    writer = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    acknowledged = []
    with writer, writer.stdout as lines:
        assert next(lines) == "ready\n"
        for line in lines:
            if len(line.split()) == 2 and line.endswith("\n"):
                acknowledged.append(line.split())
            if len(acknowledged) == after:
                os.kill(writer.pid, signal.SIGKILL)
    assert writer.returncode == -signal.SIGKILL
    return int(acknowledged[-1][0])


@pytest.mark.timeout(60 + 10 * KILLS)
def test_no_reading_is_lost_when_the_poller_is_killed(tmp_path):
    chance = random.Random(22)
    path = tmp_path / "daily_data.db"
    stop = threading.Event()
    answers = []

    def watch():
        reader = HistoryReader(path)
        while not stop.is_set():
            answers.append(len(reader.latest()))
            live.latest(tmp_path / "meter_data.csv")

    watcher = threading.Thread(target=watch)
    watcher.start()
    acknowledged = set()
    try:
        first = 0
        for _ in range(KILLS):
            last = run_and_kill(tmp_path, first, chance.randrange(1, 60))
            acknowledged |= set(range(first, last + 1))
            first = last + 1000  # the rounds after it may be there or not
    finally:
        stop.set()
        watcher.join()
    assert answers
    assert max(answers) == 5
    history = History(path, True, FakeClock(), INDIA)
    history.replay(live.read(tmp_path / "meter_data.csv"))
    history.close()
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        times = db.execute("SELECT key >> 8, count(*) FROM reading GROUP BY (key >> 8) / 20000").fetchall()
    assert {count for _, count in times} == {5}  # no round in part
    assert acknowledged <= {(at - BEGIN_MS) // 20_000 for at, _ in times}
    assert stored(path) == recomputed(path, INDIA)
