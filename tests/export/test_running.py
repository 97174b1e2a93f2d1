"""The child process: what it shows, what it leaves, and how it ends."""

import contextlib
import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from substation import export
from substation.commands.doors import PROJECT
from substation.errors import AccessError, Damaged, SubstationError
from substation.export import CSV_NAME, MANIFEST_NAME, Order
from substation.settings.files import load
from substation.store.history import History
from tests.export.conftest import END_MS, PASSWORD, ROUNDS
from tests.export.test_pages import damage
from tests.fake_clock import FakeClock
from tests.store.readings import BEGIN_MS, a_reading

ANCHOR = (41, "c0" * 32)


def start(home: Path, order: Order, password: str = PASSWORD) -> export.Running:
    return export.start(home, order, password, asked_by="amal", anchor=ANCHOR)


def gone(pid: int, within_s: float = 5.0) -> bool:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def test_an_export_is_an_archive_of_csv_and_manifest(home, polls, unpacker):
    running = start(home, polls)
    archive = b"".join(running.chunks())
    code, unpacked, said = unpacker.unpack(archive)
    assert (code, set(unpacked)) == (0, {CSV_NAME, MANIFEST_NAME}), said
    lines = unpacked[CSV_NAME].split(b"\r\n")
    assert len(lines) == ROUNDS * 5 + 2
    assert lines[-1] == b""
    outcome = running.outcome
    assert (outcome.ok, outcome.rows, outcome.bytes, outcome.words) == (True, ROUNDS * 5, len(archive), "")
    assert outcome.sha256 == hashlib.sha256(unpacked[CSV_NAME]).hexdigest()


def test_progress_tells_rows_megabytes_and_time_left(home, polls):
    with start(home, polls) as running:
        assert (running.progress.rows, running.progress.bytes, running.progress.left_s) == (0, 0, None)
        seen = []
        for _ in running.chunks():
            seen.append(running.progress)
    last = running.progress
    assert (last.rows, last.of, last.left_s) == (ROUNDS * 5, ROUNDS * 5, 0.0)
    assert last.bytes == running.outcome.bytes
    assert [one.bytes for one in seen] == sorted({one.bytes for one in seen})
    assert any(one.of for one in seen)
    assert last.elapsed_s > 0


def test_the_child_steps_back_behind_all_others_from_its_first_moment(home, polls):
    """R35: the processor is the poller's first."""
    with start(home, polls) as running:
        assert os.getpriority(os.PRIO_PROCESS, running.pid) == 19
        chunks = running.chunks()
        next(chunks)
        assert os.getpriority(os.PRIO_PROCESS, running.pid) == 19


def test_the_password_is_in_no_argument_and_no_environment(home, polls):
    password = "k3fw9-7hqzm-x2rpd-canary"
    with start(home, polls, password) as running:
        chunks = running.chunks()
        next(chunks)
        for name in ("cmdline", "environ"):
            assert password.encode() not in Path(f"/proc/{running.pid}/{name}").read_bytes()


def listing(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_no_file_is_made_anywhere_while_it_runs(home, polls, tmp_path, monkeypatch):
    """S26: no readable CSV on the disk; the child holds pipes and the history alone."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    before = listing(home)
    with start(home, polls) as running:
        chunks = running.chunks()
        next(chunks)
        open_files = set()
        for handle in Path(f"/proc/{running.pid}/fd").iterdir():
            open_files.add(str(handle.readlink()))
        of_history = {"daily_data.db-wal", "daily_data.db-shm"}
        assert listing(home) - of_history == before
        for _ in chunks:
            pass
    of_home = {Path(name).name for name in open_files if name.startswith(str(home))}
    assert of_home <= {"daily_data.db", *of_history}
    ours = str(Path("/proc/self/fd/2").readlink())
    others = {name for name in open_files if not name.startswith(str(home)) and name != ours}
    assert {name.partition(":")[0] for name in others} == {"pipe"}
    assert listing(temporary) == set()
    assert listing(home) - of_history == before


def test_whoever_stops_reading_ends_the_child(home, polls):
    """R36."""
    running = start(home, polls)
    chunks = running.chunks()
    next(chunks)
    chunks.close()
    assert gone(running.pid)
    assert not running.outcome.ok
    assert running.outcome.sha256 is None
    assert "went away" in running.outcome.words
    assert 0 <= running.outcome.rows <= ROUNDS * 5


def test_a_cancelled_export_ends_and_its_reader_is_told(home, polls):
    running = start(home, polls)
    chunks = running.chunks()
    next(chunks)
    running.cancel()
    assert gone(running.pid)
    with pytest.raises(SubstationError, match="cancelled"):
        list(chunks)
    assert (running.outcome.ok, running.outcome.words) == (False, "cancelled")
    running.cancel()


def test_an_export_that_nobody_reads_can_be_cancelled(home, polls):
    running = start(home, polls)
    running.cancel()
    assert gone(running.pid)
    assert running.outcome.words == "cancelled"
    with pytest.raises(SubstationError, match="ended already"):
        next(running.chunks())


def test_it_is_read_once(home, polls):
    with start(home, polls) as running:
        chunks = running.chunks()
        next(chunks)
        with pytest.raises(SubstationError, match="ask for a new one"):
            next(running.chunks())


def test_sigterm_ends_the_child_at_once_and_leaves_no_whole_archive(home, polls, unpacker):
    running = start(home, polls)
    got = []
    with pytest.raises(SubstationError, match=r"ended unexpectedly \(code -15\)"):
        for chunk in running.chunks():
            if not got:
                os.kill(running.pid, signal.SIGTERM)
            got.append(chunk)
    assert not running.outcome.ok
    code, _, said = unpacker.unpack(b"".join(got))
    assert code != 0, said


DYING = """
import os, signal, sys
from pathlib import Path
from substation import export
order = export.Order("poll", int(sys.argv[2]), int(sys.argv[3]), form=sys.argv[4])
running = export.start(Path(sys.argv[1]), order, "secure123", asked_by="amal", anchor=None)
chunks = running.chunks()
next(chunks)
print(running.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("form", ["csv", "parquet", "xlsx"])
def test_the_child_ends_with_a_parent_that_was_killed(home, form):
    before = listing(home)
    done = subprocess.run(
        [sys.executable, "-c", DYING, str(home), str(BEGIN_MS), str(END_MS), form],
        check=False,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert gone(int(done.stdout))
    assert listing(home) - {"daily_data.db-wal", "daily_data.db-shm"} == before


@pytest.mark.parametrize("form", ["csv", "parquet", "xlsx"])
def test_an_export_beside_a_writing_poller_disturbs_neither(home, form):
    """R35: the writer commits and checkpoints at will; the file holds what was there when it began."""
    station = load(home)
    store = History(station.home.history, True, FakeClock(END_MS), station.settings.site.zone, raw_days=3660)
    order = Order("poll", BEGIN_MS, END_MS + 3_600_000, form=form)
    written = 0
    with start(home, order) as running:
        for _ in running.chunks():
            written += 1
            store.add([a_reading(END_MS + written * 1000)])
            store.commit()
    with contextlib.closing(sqlite3.connect(station.home.history)) as db:
        busy, left, _ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    store.close()
    assert written > 0
    assert (busy, left) == (0, 0)
    assert running.outcome.ok
    assert ROUNDS * 5 <= running.outcome.rows <= ROUNDS * 5 + written


def test_damage_is_an_error_in_words_and_the_archive_is_visibly_incomplete(home, polls, unpacker):
    damage(home / "daily_data.db")
    running = start(home, polls)
    got = []
    with pytest.raises(Damaged, match=r"is not whole: .*daily_data.db is damaged"):
        got.extend(running.chunks())
    assert "daily_data.db is damaged" in running.outcome.words
    assert (running.outcome.ok, running.outcome.sha256) == (False, None)
    code, _, said = unpacker.unpack(b"".join(got))
    assert code != 0, said


def test_a_history_that_cannot_be_read_at_all_is_told_before_the_first_byte(home, polls):
    (home / "daily_data.db").write_bytes(b"")
    with pytest.raises(Damaged, match="empty"):
        next(start(home, polls).chunks())


@pytest.mark.parametrize(
    ("order", "password"),
    [
        (Order("poll", 5, 5), PASSWORD),
        (Order("poll", 1, 5, (99,)), PASSWORD),
        (Order("poll", 1, 5), "x" * 100),
    ],
)
def test_what_cannot_be_done_is_refused_before_a_process_is_started(home, order, password):
    with pytest.raises(AccessError):
        start(home, order, password)


def test_the_engine_typed_by_hand_says_what_to_type():
    done = subprocess.run(
        [sys.executable, "-m", "substation.export"],
        check=False,
        cwd=PROJECT,
        input="hello\n",
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stdout) == (64, "")
    assert "datalogger.py export" in done.stderr
