"""One poller a station."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from substation.bus.lock import PollerLock
from substation.errors import Busy, StoreError


def test_the_second_names_the_first(tmp_path: Path) -> None:
    path = tmp_path / "state" / "poller.lock"
    first = PollerLock(path)
    first.take()
    with pytest.raises(Busy, match=f"process {os.getpid()}") as caught:
        PollerLock(path).take()
    assert caught.value.pid == os.getpid()
    first.release()
    second = PollerLock(path)
    second.take()
    second.release()


def test_a_lock_is_free_when_its_holder_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "poller.lock"
    code = (
        "import os, sys; from pathlib import Path; from substation.bus.lock import PollerLock\n"
        "PollerLock(Path(sys.argv[1])).take(); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == -9
    assert path.read_text().strip().isdigit()
    lock = PollerLock(path)
    lock.take()
    lock.release()
    assert path.read_text() == ""


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where a folder should be")
    with pytest.raises(StoreError, match="cannot be opened"):
        PollerLock(tmp_path / "state" / "poller.lock").take()
