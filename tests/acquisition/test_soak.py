"""R30, R31: weeks of polling leave no memory and no open file behind; the long form: `benchmarks/soak.py`."""

import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from substation.errors import StoreError
from substation.settings import files
from substation.settings.model import Home
from substation.store.keeper import Keeper
from tests.fake_clock import FakeClock

PROJECT = Path(__file__).resolve().parents[2]
TIMES = 200


def test_polling_leaves_neither_memory_nor_open_files_behind(tmp_path: Path) -> None:
    memory = Path("/dev/shm")
    where = memory if memory.is_dir() and os.access(memory, os.W_OK) else tmp_path  # commits wait for a disk
    what = ("--cycles", "800", "--interval", "60", "--folder", str(where))
    done = subprocess.run(
        [sys.executable, "benchmarks/soak.py", *what],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "problems: none" in done.stdout


def opened() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def foreign(path: Path) -> None:
    path.write_bytes(b"not a database, and long enough to be taken for one" * 100)


def empty(path: Path) -> None:
    path.touch()


def folder(path: Path) -> None:
    path.mkdir()


def log_without_database(path: Path) -> None:
    path.with_name(path.name + "-wal").write_bytes(b"x" * 5000)


@pytest.mark.parametrize("spoil", [foreign, empty, folder, log_without_database])
def test_a_history_that_cannot_be_opened_again_and_again_costs_no_open_file(
    home: Home, clock: FakeClock, spoil: Callable[[Path], None]
) -> None:
    spoil(home.history)
    keeper = Keeper(home, files.load(home.folder).settings, clock)
    counts = []
    for _ in range(TIMES):
        clock.advance(60)
        with pytest.raises(StoreError):
            keeper.open()
        counts.append(opened())
    keeper.close()
    assert [count for count, _ in itertools.groupby(counts[1:])] == [counts[-1]]
