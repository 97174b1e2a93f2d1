"""`start.sh --tunnel` and its unit: keeps an ngrok running that leads from the internet to the dashboard.

1. Refuse what must not or cannot be: demo passwords, an address where no tunnel ends, no ngrok.
2. Run ngrok, learn from itself by which name the world finds us, write that into `state/tunnel.json`: only
   then does the dashboard answer to the name.
3. When ngrok ends, take the name back and try again, later and later; not when its account is the reason.
4. When told to end, or when demo passwords come into use, end ngrok by its pid and take the name back.
"""

import argparse
import contextlib
import logging
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

from substation import notify
from substation.access import tunnel, users
from substation.audit import Audit
from substation.clock import Clock, SystemClock
from substation.commands.configuration_open import load_mended
from substation.commands.processes import Started, end
from substation.commands.tunnel_ngrok import Ngrok, Public
from substation.commands.usage import Parser, say
from substation.errors import (
    EXIT_BUSY,
    EXIT_CONFIG,
    EXIT_MEDIUM,
    EXIT_OK,
    Busy,
    HomeGone,
    SettingsError,
    SubstationError,
)
from substation.settings import files
from substation.settings.files import Loaded
from substation.settings.model import Settings
from substation.store.log import start_logging, stop_logging

SERVICE = "tunnel"
LOOK_S = 0.2
ASK_S = 5.0
"""So often an open tunnel is asked whether it still has its name; until it has one, each second."""
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
STEADY_S = 60.0
"""After so long a run the next failure counts as the first one."""
EVERYWHERE = frozenset({"0.0.0.0", "::", "localhost"})  # noqa: S104  compared with, not listened at
NO_NGROK = (
    "ngrok is not installed, or not on the PATH. Get it from ngrok.com (for a Raspberry Pi: Linux ARM64), "
    "put it into /usr/local/bin, then give it your account's token:  ngrok config add-authtoken TOKEN"
)

log = logging.getLogger("tunnel")


class NoTunnel(SettingsError):
    """A tunnel must not or cannot be opened; `reason` is its name in the audit log."""

    def __init__(self, reason: str, words: str) -> None:
        super().__init__(words)
        self.reason = reason


def refuse(settings: Settings) -> str:
    """Return where ngrok's program is. Raises NoTunnel when there must be no tunnel, or cannot be one."""
    demo = users.demo_passwords_in_use(settings)
    if demo:
        raise NoTunnel(
            "demo passwords",
            f"No tunnel while demo passwords are in use ({', '.join(demo)}): everybody can read them in the "
            "documentation. Set your own first:  python3 encrypt_config.py passwd   and   passwd --export",
        )
    bind = settings.web.bind
    if bind not in EVERYWHERE and not settings.web.loopback:
        raise NoTunnel(
            "web.bind",
            f"A tunnel ends on this machine itself, and the dashboard is not there (web.bind is {bind}). "
            "Set it to 0.0.0.0 (network and tunnel) or 127.0.0.1 (tunnel alone):  "
            "python3 encrypt_config.py set web.bind 0.0.0.0",
        )
    program = shutil.which("ngrok")
    if program is None:
        raise NoTunnel("no ngrok", NO_NGROK)
    return program


class Keeper:
    """Keeps the tunnel of one station open."""

    def __init__(self, loaded: Loaded, program: str, port: int, audit: Audit, clock: Clock) -> None:
        """Lead to `port`; nothing is started before `run`."""
        self._loaded = loaded
        self._record = loaded.home.tunnel
        self._program = program
        self._port = port
        self._audit = audit
        self._clock = clock
        self._public: Public | None = None
        self._quiet = True
        self.ending = False

    def run(self) -> None:
        """Keep it open until told to end. Raises NoTunnel when a person must act first."""
        wait_s = FIRST_WAIT_S
        notify.tell(notify.READY, notify.status("waiting for ngrok"))
        while not self.ending:
            began_s = self._clock.monotonic()
            ngrok = self._start()
            try:
                self._keep(ngrok)
            finally:
                ngrok.end()
                self._closed()
            if self.ending:
                return
            words = ngrok.last_words() or f"exit {ngrok.code}"
            if ngrok.dislikes_quiet:
                self._quiet = False
                continue
            if ngrok.hopeless:
                raise NoTunnel("ngrok's account", f"ngrok refuses: {words}")
            if self._clock.monotonic() - began_s >= STEADY_S:
                wait_s = FIRST_WAIT_S
            log.warning("ngrok ended (%s); trying again in %g s", words, wait_s)
            notify.tell(notify.status(f"ngrok ended, trying again: {words}"))
            self._rest(wait_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    def _start(self) -> Ngrok:
        try:
            return Ngrok(self._program, self._port, log, quiet=self._quiet)
        except OSError as exc:
            raise NoTunnel("no ngrok", f"{self._program} cannot be started ({exc.strerror})") from exc

    def _keep(self, ngrok: Ngrok) -> None:
        asked_s: float | None = None
        while not self.ending and ngrok.code is None:
            now_s = self._clock.monotonic()
            every_s = ASK_S if self._public else 1.0
            if asked_s is None or now_s - asked_s >= every_s:
                asked_s = now_s
                self._take_over_settings()
                self._note(ngrok, ngrok.public())
            self._clock.sleep(LOOK_S)

    def _note(self, ngrok: Ngrok, public: Public | None) -> None:
        if public == self._public:
            return
        self._closed()
        if public is None or ngrok.identity is None:
            return
        pid, start, boot = ngrok.identity.pid, ngrok.identity.start, ngrok.identity.boot
        record = tunnel.Record(public.host, public.url, pid, start, boot, self._clock.now_ms())
        tunnel.write(self._record, record)
        self._public = public
        self._audit.write("tunnel.opened", url=public.url, port=self._port)
        log.info("open: %s leads to port %d", public.url, self._port)
        notify.tell(notify.status(f"open: {public.url}"))

    def _closed(self) -> None:
        """Take the name back: from now on the dashboard does not answer to it."""
        self._record.unlink(missing_ok=True)
        if self._public is not None:
            self._audit.write("tunnel.closed", url=self._public.url, port=self._port)
            log.info("closed: %s", self._public.url)
            self._public = None

    def _take_over_settings(self) -> None:
        """Look at a changed configuration: demo passwords close the tunnel."""
        if not files.changed(self._loaded.home.folder, self._loaded.generation):
            return
        try:
            self._loaded = files.load(self._loaded.home.folder)
        except SettingsError as exc:
            log.warning("the changed configuration cannot be used; the last good one stays in force: %s", exc)
            return
        for warning in self._loaded.warnings:
            log.warning("%s", warning)
            self._audit.write("key.mode", what=warning)
        refuse(self._loaded.settings)

    def _rest(self, seconds: float) -> None:
        until_s = self._clock.monotonic() + seconds
        while not self.ending and self._clock.monotonic() < until_s:
            self._clock.sleep(LOOK_S)


def check(loaded: Loaded, clock: Clock) -> None:
    """Raise NoTunnel, and note it in the audit log, when there must be no tunnel, or cannot be one."""
    with _noted(_audit(loaded, clock)):
        refuse(loaded.settings)


def keep(loaded: Loaded, port: int, clock: Clock) -> None:
    """Keep the station's tunnel open until SIGTERM. Raises NoTunnel, and Busy when there is one already."""
    home = loaded.home
    audit = _audit(loaded, clock)
    lock = tunnel.take_lock(home.tunnel, clock)
    start_logging(log, home.tunnel_log)
    try:
        _end_left_over(home.tunnel)
        with _noted(audit):
            keeper = Keeper(loaded, refuse(loaded.settings), port, audit, clock)
            _end_by_signal(keeper)
            keeper.run()
    finally:
        notify.tell(notify.STOPPING)
        stop_logging(log)
        os.close(lock)


def _end_left_over(record: Path) -> None:
    """Take back the name that a killed tunnel process left, then end its ngrok."""
    left = tunnel.read(record)
    record.unlink(missing_ok=True)
    if left is not None:
        end([Started("ngrok", left.pid, left.start, left.boot)])


def _end_by_signal(keeper: Keeper) -> None:
    def told(number: int, frame: FrameType | None) -> None:
        keeper.ending = True

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, told)


def _audit(loaded: Loaded, clock: Clock) -> Audit:
    return Audit.of_station(loaded.home.folder, loaded.settings, SERVICE, clock)


@contextlib.contextmanager
def _noted(audit: Audit) -> Iterator[None]:
    try:
        yield
    except NoTunnel as exc:
        audit.write("tunnel.refused", ok=False, reason=exc.reason, words=str(exc))
        raise
    finally:
        audit.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tunnel in the foreground; return its exit code."""
    parser = Parser(
        prog="tunnel",
        description="Keeps an ngrok running that leads from the internet to this station's dashboard. "
        "start.sh --tunnel does this in the background; stop.sh ends it.",
        epilog="Exit codes: 0 ended as asked, 64 wrong usage, 75 a tunnel runs already, 78 it must not or "
        "cannot be",
    )
    parser.add_argument(
        "--port", type=port_number, metavar="N", help="where the dashboard listens, if not web.port"
    )
    asked = parser.parse_args(argv)
    os.umask(os.umask(0o077) | 0o007)  # nothing this process makes is for the world to read
    try:
        loaded = load_mended(files.home_folder(), SERVICE)
        keep(loaded, asked.port or loaded.settings.web.port, SystemClock())
    except Busy as exc:
        print(exc, file=sys.stderr)
        return EXIT_BUSY
    except SubstationError as exc:
        print(exc, file=sys.stderr)
        return EXIT_MEDIUM if isinstance(exc, HomeGone) else EXIT_CONFIG
    except OSError as exc:
        print(f"{exc.filename or 'state/tunnel.json'}: {exc.strerror}", file=sys.stderr)
        return 1
    say("The tunnel is closed.")
    return EXIT_OK


def port_number(text: str) -> int:
    """Return a TCP port, as an option takes it."""
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"'{text}' is no port; ports are 1 to 65535")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
