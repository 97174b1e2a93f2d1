"""One poller a station, one program a port."""

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from substation.bus.line import Line
from substation.bus.lock import PollerLock
from substation.errors import Busy, StoreError
from substation.settings.model import Line as LineSettings
from substation.simulator.line import SimulatedLine

TIOCGEXCL = 0x80045440
"""Asks whether TIOCEXCL is set (asm-generic/ioctls.h)."""


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


def test_a_port_is_held_against_programs_that_ask_and_those_that_do_not(
    simulated: SimulatedLine, line: Line, settings: LineSettings
) -> None:
    """flock stops those that ask for it; TIOCEXCL every open(2) but root's, whatever the program."""
    handle = line._transport._port.fileno()
    assert exclusive(handle)
    other = os.open(os.path.realpath(settings.port), os.O_RDWR | os.O_NOCTTY) if os.geteuid() == 0 else -1
    if other >= 0:
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        line.close()
        assert not exclusive(other), "given back to others too"
        os.close(other)
    else:
        with pytest.raises(OSError) as caught:
            os.open(os.path.realpath(settings.port), os.O_RDWR | os.O_NOCTTY)
        assert caught.value.errno == errno.EBUSY


def exclusive(handle: int) -> bool:
    """Return what the kernel says of TIOCEXCL."""
    return bool(int.from_bytes(fcntl.ioctl(handle, TIOCGEXCL, bytes(4)), sys.byteorder))


def test_a_lock_on_a_read_only_medium_is_held_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "poller.lock"
    path.touch()
    really = os.open

    def read_only(name: str, flags: int, *rest: int) -> int:
        if flags & (os.O_RDWR | os.O_CREAT):
            raise OSError(errno.EROFS, "Read-only file system")
        return really(name, flags, *rest)

    monkeypatch.setattr(os, "open", read_only)
    first = PollerLock(path)
    first.take()
    with pytest.raises(Busy):
        PollerLock(path).take()
    first.release()
    PollerLock(path).take()


def test_a_full_medium_costs_the_holders_name_not_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    first = PollerLock(tmp_path / "poller.lock")
    first.take()
    with pytest.raises(Busy, match="another process"):
        PollerLock(tmp_path / "poller.lock").take()
    first.release()
