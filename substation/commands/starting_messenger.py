"""The messenger of a station that runs: whether it is missing, and how it is started alone.

Its end is not the station's, so it may be gone while poller and dashboard run: it failed, or nobody was to be
told anything when they were started.
"""

import contextlib
import fcntl
import os
import sys
import time
from pathlib import Path

from substation.clock import boot_id
from substation.commands.doors import PROJECT
from substation.commands.processes import Book, launch, started
from substation.commands.starting import (
    DASHBOARD,
    MESSENGER,
    POLLER,
    TICK_S,
    UP_LIMIT_S,
    Child,
    environment,
)
from substation.commands.stop import STATION
from substation.errors import SettingsError
from substation.settings import files
from substation.settings.files import Loaded
from substation.settings.model import Home
from substation.store import heartbeat


def missing_in(folder: Path) -> Loaded | None:
    """Return the configuration of a station that runs without the messenger that it names; None: of no such.

    One whose configuration cannot be read is none: that is said elsewhere.
    """
    running = {process.name for process in Book(folder / "state").running()}
    if not running & {POLLER, DASHBOARD} or MESSENGER in running:
        return None
    try:
        loaded = files.load(folder, mend=False)
    except SettingsError:
        return None
    wanted = loaded.settings.messages.wanted
    return loaded if wanted and not _is_held(loaded.home.messenger_lock) else None


def start_missing(folder: Path) -> int | None:
    """Start the messenger alone where it is missing; return its pid, None where it is not or must not be.

    A `start.sh` that stays and watches starts it by itself. Raises Died where it ends at once.
    """
    loaded = missing_in(folder)
    if loaded is None:
        return None
    home, book = loaded.home, Book(folder / "state")
    lock = os.open(home.state / "station.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        running = book.running()
        if {STATION, MESSENGER} & {process.name for process in running}:
            return None
        log = home.messenger_log
        log_start = log.stat().st_size if log.exists() else 0
        launched_s = time.monotonic()
        process = launch([sys.executable, str(PROJECT / "messenger.py")], log, environment(home))
        child = Child(MESSENGER, process, log, log_start)
        with contextlib.suppress(ProcessLookupError):  # it has ended already
            book.write([*running, started(MESSENGER, process.pid)])
        while time.monotonic() < launched_s + UP_LIMIT_S and not _is_up(home, launched_s):
            child.look()
            time.sleep(TICK_S)
        return process.pid
    finally:
        os.close(lock)


def _is_up(home: Home, launched_s: float) -> bool:
    """Whether a sign of life is of the messenger that was launched then; its lock is left to itself."""
    beat = heartbeat.read(home.messenger) or {}
    is_fresh = beat.get("boot") == boot_id() and beat.get("mono_ms", 0) >= launched_s * 1000
    return is_fresh and beat.get("state") == "running"


def _is_held(lock: Path) -> bool:
    """Whether a messenger holds its lock, whoever started it."""
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
