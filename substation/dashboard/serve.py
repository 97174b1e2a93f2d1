"""The dashboard's process: check, bind, serve, stop.

Everything that can be wrong is found in the master process before a worker exists, and said in
words: a worker that ended over a bad configuration would be started again for ever.
"""

import argparse
import errno
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from substation.access import users
from substation.audit import Audit, in_force
from substation.audit.anchors import note_stop, tell_journal
from substation.clock import SystemClock
from substation.dashboard import create_app, hosts, memory, operators
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
    SubstationError,
    WrongStation,
)
from substation.settings import files, people
from substation.settings.model import Home, Settings
from substation.store.history import HistoryReader

LOG = logging.getLogger("substation.dashboard")
THREADS = 128
"""Requests worked on at once. Those that wait for the history or a password cost no processor time."""
FREEBIND = {socket.AF_INET: (socket.IPPROTO_IP, 15), socket.AF_INET6: (socket.IPPROTO_IPV6, 78)}
"""IP_FREEBIND and IPV6_FREEBIND of Linux (include/uapi/linux/in.h, in6.h), which Python does not name."""
STOP_S = 3
"""Requests that run when the stop comes may finish within so many seconds."""


def main(argv: list[str] | None = None) -> int:
    """Run the dashboard in the foreground until SIGTERM. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="app.py",
        description="The dashboard of the station in SUBSTATION_HOME (default: this folder).",
        epilog="Exit codes: 0 stopped, 64 wrong usage, 74 the station's folder is not there, 75 port busy, "
        "78 configuration.",
    )
    parser.add_argument(
        "--port", help="TCP port instead of web.port of the configuration (or SUBSTATION_PORT)"
    )
    try:
        asked = parser.parse_args(argv)
    except SystemExit as exc:
        return EXIT_OK if exc.code in (0, None) else EXIT_USAGE
    text = asked.port or os.environ.get("SUBSTATION_PORT") or ""
    if text and not (text.isdecimal() and 1 <= int(text) <= 65535):
        return _end(EXIT_USAGE, f"'{text}' is no TCP port; give a number from 1 to 65535")
    os.umask(os.umask(0o077) | 0o007)  # nothing this process makes is for the world to read
    try:
        return _serve(files.home_folder(), int(text) if text else None)
    except Busy as exc:
        return _end(EXIT_BUSY, str(exc))
    except (SettingsError, StoreError) as exc:
        return _end(EXIT_MEDIUM if isinstance(exc, HomeGone) else EXIT_CONFIG, str(exc))


def _serve(folder: Path, port: int | None) -> int:
    memory.thrifty()
    loaded = files.load(folder)
    settings, home = loaded.settings, loaded.home
    bind, port = settings.web.bind, port or settings.web.port
    clock = SystemClock()
    demo = users.demo_passwords_in_use(settings)
    if demo and not hosts.is_loopback(bind):
        raise SettingsError(
            f"config.json: web.bind is {bind}, but the documented demo passwords are still in use "
            f"({', '.join(demo)}): everybody on the network could log in.\n"
            "Remedy: python3 encrypt_config.py passwd (and passwd --export), "
            "or keep to this machine: python3 encrypt_config.py set web.bind 127.0.0.1"
        )
    operators.prove(home, settings)
    _same_station(home, settings)
    listener = bound(bind, port)
    _log_to(home.dashboard_log)
    for warning in loaded.warnings:
        LOG.warning("%s", warning)
    if demo and not settings.simulated:
        LOG.warning("a real station still has demo passwords (%s); set your own", ", ".join(demo))
    if weak := people.weak_passwords(settings):
        LOG.warning("weak passwords of the original system (%s); set others", ", ".join(weak))
    audit = Audit.of_station(folder, settings, "dashboard", clock)
    for warning in loaded.warnings:
        audit.write("key.mode", detail=warning)
    address = f"http://{f'[{bind}]' if ':' in bind else bind}:{port}/"
    kind = "SIMULATED station" if settings.simulated else "station"

    def ready(_arbiter: object) -> None:
        config = in_force.fingerprint(settings)
        audit.write("start", address=address, simulated=settings.simulated, config=config)
        tell_journal(audit, "dashboard")
        LOG.info("dashboard of %s %r at %s", kind, settings.site.name, address)
        print(f"Dashboard of the {kind} {settings.site.name}: {address}   (Ctrl+C stops it)", flush=True)

    def stopped(_arbiter: object) -> None:
        audit.write("stop", address=address)
        audit.close()
        try:
            note_stop(home, settings, audit.anchor(), clock.now_ms())
        except StoreError as exc:
            LOG.warning("the audit log's last number could not be noted: %s", exc)
        LOG.info("dashboard stopped")

    coding = "br" if hosts.is_loopback(bind) else "gzip"
    return _run_gunicorn(listener.detach(), ready, stopped, coding)


def _same_station(home: Home, settings: Settings) -> None:
    """Raise WrongStation when the history was written by the other kind of station."""
    try:
        stamp = HistoryReader(home.history).facts().get("simulated")
    except StoreError as exc:
        LOG.warning("the history cannot be read, pages will say so: %s", exc)
        return
    if stamp is not None and stamp != ("yes" if settings.simulated else "no"):
        theirs, ours = ("simulated", "real") if stamp == "yes" else ("real", "simulated")
        raise WrongStation(
            f"{home.history}: holds {theirs} readings and this is a {ours} station; they never mix. "
            "Name the right station's folder in SUBSTATION_HOME"
        )


def bound(bind: str, port: int) -> socket.socket:
    """Return a socket bound to the address. Raises Busy, or SettingsError for an impossible address.

    A service may start before the network has its address: there it listens at once, and is reached as
    soon as the address is there. A person at a terminal is told that it is none of this machine's.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            bind, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as exc:
        raise SettingsError(_no_address(bind, str(exc.strerror))) from exc
    listener = socket.socket(family, kind)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError as exc:
            if exc.errno != errno.EADDRNOTAVAIL or "NOTIFY_SOCKET" not in os.environ:
                raise
            listener.setsockopt(*FREEBIND[family], 1)
            listener.bind(address)
            print(f"web.bind {bind} is no address of this machine yet; waiting for it", flush=True)
        listener.listen(512)
    except OSError as exc:
        listener.close()
        if exc.errno == errno.EADDRINUSE:
            raise Busy(
                f"port {port} on {bind} is in use by another program (another dashboard?). "
                f"Stop that one, or take another port: python3 app.py --port {port % 65535 + 1}"
            ) from exc
        if exc.errno == errno.EACCES:
            raise SettingsError(
                f"config.json: web.port {port} is reserved for the system; take one from 1024 on: "
                "python3 encrypt_config.py set web.port 8050"
            ) from exc
        raise SettingsError(_no_address(bind, str(exc.strerror))) from exc
    return listener


def _no_address(bind: str, why: str) -> str:
    return (
        f"config.json: web.bind '{bind}' is no address of this machine ({why}). "
        "Remedy: python3 encrypt_config.py set web.bind ADDRESS (0.0.0.0 = all of this machine's)"
    )


def _log_to(path: Path) -> None:
    """Send the log to app.log; to the console where that cannot be written."""
    from logging.handlers import WatchedFileHandler  # noqa: PLC0415  only the process needs it, not importers

    try:
        handler: logging.Handler = WatchedFileHandler(path, encoding="utf-8")
    except OSError as exc:
        handler = logging.StreamHandler()
        print(f"{path}: cannot be written ({exc.strerror}); the log goes to the console", file=sys.stderr)
    form = logging.Formatter(
        "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    form.converter = time.gmtime  # as in the poller's log
    handler.setFormatter(form)
    top = logging.getLogger("substation")
    top.handlers[:] = [handler]
    top.setLevel(logging.INFO)
    top.propagate = False


def _run_gunicorn(
    listener_fd: int,
    ready: Callable[[object], None],
    stopped: Callable[[object], None],
    coding: str,
) -> int:
    # gunicorn is not needed by those who only import `app:server`.
    from gunicorn.app.base import BaseApplication  # noqa: PLC0415
    from gunicorn.glogging import Logger  # noqa: PLC0415

    class OneLog(Logger):  # type: ignore[misc]
        """gunicorn's own lines go where ours go."""

        def setup(self, cfg: Any) -> None:
            super().setup(cfg)
            self.error_log.handlers[:] = logging.getLogger("substation").handlers

    class Application(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            for name, value in {
                "bind": f"fd://{listener_fd}",
                "workers": 1,  # throttle, cache and audit in one place; a second gave no gain
                "worker_class": "substation.dashboard.worker.PatientWorker",
                "threads": THREADS,
                "worker_connections": 900,  # below the usual limit of 1024 open files
                "keepalive": 10,
                "graceful_timeout": STOP_S,
                "timeout": 60,
                "worker_tmp_dir": "/dev/shm" if os.access("/dev/shm", os.W_OK) else None,  # noqa: S108
                "limit_request_line": 8190,
                "limit_request_fields": 64,
                "limit_request_field_size": 8190,
                "forwarded_allow_ips": "",
                "control_socket_disable": True,
                "logger_class": OneLog,
                "proc_name": "substation-dashboard",
                "when_ready": ready,
                "on_exit": stopped,
                "pre_fork": lambda _arbiter, _worker: memory.share(),
                "post_worker_init": lambda _worker: server.warm(coding),
            }.items():
                self.cfg.set(name, value)

        def load(self) -> "LazyServer":
            return server

    os.set_inheritable(listener_fd, True)
    try:
        Application().run()
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else EXIT_OK
    return EXIT_OK


class LazyServer:
    """The WSGI server, made at the first request or by `warm`, never at import.

    A station without a usable configuration answers 503 in words, and works as soon as it has one.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Serve the station in `folder`, by default the home at the time it is made."""
        self._folder = folder
        self._lock = threading.Lock()
        self._app: Any = None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        try:
            app = self.made()
        except SubstationError as exc:
            LOG.error("the dashboard cannot work: %s", exc)
            words = b"The dashboard has no usable configuration. Its log (app.log) says what to do.\n"
            start_response(
                "503 Service Unavailable",
                [
                    ("Content-Type", "text/plain; charset=utf-8"),
                    ("Content-Length", str(len(words))),
                    ("Retry-After", "10"),
                    ("Cache-Control", "no-store"),
                    ("X-Content-Type-Options", "nosniff"),
                    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
                ],
            )
            return [words]
        answer: Iterable[bytes] = app.server(environ, start_response)
        return answer

    def made(self) -> Any:
        """Return the Dash application. Raises SubstationError when it cannot be made."""
        with self._lock:
            if self._app is None:
                self._app = create_app(self._folder)
            return self._app

    def warm(self, coding: str) -> None:
        """Make it now and compress its scripts beside the first visitors."""
        try:
            extensions = self.made().server.extensions
        except SubstationError as exc:
            LOG.error("the dashboard cannot work: %s", exc)
            return

        extensions["audit_watch"].start()

        def work() -> None:
            extensions["bundles"].warm(coding)
            memory.give_back()

        threading.Thread(target=work, name="warm", daemon=True).start()


def _end(code: int, words: str) -> int:
    print(words, file=sys.stderr)
    return code


server = LazyServer()
"""What gunicorn finds as `app:server`."""
