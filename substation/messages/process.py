"""The messenger as a process: one at a time, ended by a signal, with a start and a stop in the audit log."""

import argparse
import contextlib
import fcntl
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from substation import notify
from substation.audit import Audit, in_force
from substation.clock import Clock, SystemClock
from substation.errors import (
    EXIT_BUSY,
    EXIT_CONFIG,
    EXIT_MEDIUM,
    EXIT_OK,
    EXIT_USAGE,
    Busy,
    HomeGone,
    SettingsError,
    StoreError,
)
from substation.messages.messenger import Messenger, log
from substation.settings import files
from substation.settings.files import Loaded
from substation.store.log import start_logging, stop_logging

SERVICE = "messenger"
TICK_S = 0.25
STUCK_S = 600.0
"""A way that works on one message for so long hangs: the watchdog starves, and we are started anew."""
LAST_S = 3.0
"""At the end so long is waited for what the outside says to a message that was handed over."""
NOBODY = (
    "config.json: messages.recipients: is empty, so there is nobody to tell anything, and "
    "messages.siren.port is not set either. Remedy: python3 encrypt_config.py edit; how: "
    "docs/how-to/messages.md"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the messenger; return its exit code.

    0 ended as asked, 64 usage, 74 no home, 75 already running, 78 configuration, or nobody to tell anything.
    """
    _arguments(argv)
    os.umask(os.umask(0o077) | 0o007)  # nothing this process makes is for the world to read
    try:
        loaded = files.load(files.home_folder())
        if not loaded.settings.messages.wanted:
            raise SettingsError(NOBODY)
        with alone(loaded.home.messenger_lock):
            start_logging(log, loaded.home.messenger_log)
            _run(loaded, SystemClock())
    except Busy as exc:
        print(exc, file=sys.stderr)
        return EXIT_BUSY
    except (SettingsError, StoreError) as exc:
        print(exc, file=sys.stderr)
        return EXIT_MEDIUM if isinstance(exc, HomeGone) else EXIT_CONFIG
    finally:
        stop_logging(log)
    return EXIT_OK


def _run(loaded: Loaded, clock: Clock) -> None:
    ending: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        ending.append(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)
    audit = Audit.of_station(loaded.home.folder, loaded.settings, SERVICE, clock)
    for warning in loaded.warnings:
        log.warning("%s", warning)
        audit.write("key.mode", ok=False, words=warning)
    messenger = Messenger(loaded, clock, audit)
    watchdog = notify.Watchdog(clock)
    audit.write("start", simulated=loaded.settings.simulated, config=in_force.fingerprint(loaded.settings))
    log.info("started: %d recipients", len(loaded.settings.messages.recipients))
    notify.tell(notify.READY)
    try:
        while not ending:
            messenger.tick()
            if messenger.stuck_s < STUCK_S:
                watchdog.feed()
            clock.sleep(TICK_S)
    finally:
        notify.tell(notify.STOPPING)
        messenger.finish(LAST_S)
        audit.write("stop")
        audit.close()
        messenger.close()
        log.info("stopped")


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock of the messenger. Raises Busy where another one runs, SettingsError without a home."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise SettingsError(f"{path}: cannot be written ({exc.strerror or exc})") from exc
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(
                f"A messenger of {path.parent.parent} already runs; stop it where it was started"
            ) from None
        yield
    finally:
        os.close(handle)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, f"{self.prog}: {message}\n")


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _Parser(
        prog="messenger.py",
        description="The messenger: tells people of alarms by mail, Telegram, ntfy, webhook, text message or "
        "siren, as the configuration's part 'messages' says. start.sh starts it where there is somebody to "
        "tell; it touches no meter and writes no store but its own queue.",
        epilog="The station is the folder named by SUBSTATION_HOME, by default the project's own. "
        "Exit codes: 0 ended as asked, 64 wrong usage, 74 the station's folder is not there, "
        "75 a messenger runs already, 78 configuration, or nobody to tell anything.",
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
