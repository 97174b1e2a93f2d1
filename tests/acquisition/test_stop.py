"""R23: a stop that comes in the middle of a commit ends the poller within 5 s, with the commit whole."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from substation.settings.model import Home
from substation.simulator.line import SimulatedLine
from substation.store import live

PROJECT = Path(__file__).resolve().parents[2]
SLOW = """
import contextlib, pathlib, sys, time
from substation.acquisition import process, spine
from substation.store import schema
usual = schema.transaction
spine.COMMIT_S = 0.5

@contextlib.contextmanager
def slow(db):
    with usual(db):
        yield
        (found,) = db.execute("SELECT count(*) FROM reading").fetchone()
        if found > 20:
            pathlib.Path(sys.argv[1]).touch()  # rows are written, nothing is committed
            time.sleep(1.0)

schema.transaction = slow
sys.exit(process.main([]))
"""


def test_a_stop_in_the_middle_of_a_commit_leaves_it_whole(
    simulated: SimulatedLine, home: Home, tmp_path: Path
) -> None:
    inside = tmp_path / "inside"
    running = subprocess.Popen(
        [sys.executable, "-c", SLOW, str(inside)],
        env={**os.environ, "SUBSTATION_HOME": str(home.folder), "SUBSTATION_VENV": sys.prefix},
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        end_s = time.monotonic() + 40
        while not inside.exists() and running.poll() is None and time.monotonic() < end_s:
            time.sleep(0.01)
        began_s = time.monotonic()
        running.send_signal(signal.SIGTERM)
        _, said = running.communicate(timeout=20)
        took_s = time.monotonic() - began_s
    finally:
        running.kill()
        running.wait()
    assert inside.exists(), said
    assert running.returncode == 0, said
    assert took_s < 5 + 5  # half of it for a machine that does other things
    with contextlib.closing(sqlite3.connect(home.history)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        there = {key for (key,) in db.execute("SELECT key FROM reading")}
    assert there == {row.reading.at_ms << 8 | row.reading.meter_id for row in live.read(home.live)}
    assert len(there) % 5 == 0
    events = [json.loads(line)["event"] for line in home.audit.read_text(encoding="utf-8").splitlines()]
    assert (events[0], events[-1]) == ("start", "stop")
