"""The command line behind `start.sh`: start, stop and look at a station."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from substation.commands import demo, stop
from substation.commands.processes import Book
from substation.commands.starting import (
    Browser,
    Crew,
    Died,
    address,
    alone,
    environment,
    first_round,
    launch_station,
    port_is_free,
)
from substation.commands.usage import Parser
from substation.errors import EXIT_BUSY, EXIT_CONFIG, EXIT_OK, Busy, SettingsError, SubstationError
from substation.settings import files
from substation.settings.model import Home, Settings
from substation.store import heartbeat


def start(folder: Path, *, port: int | None, is_demo: bool, foreground: bool) -> int:
    """Bring the station in `folder` up; return the exit code.

    1. Refuse what cannot work before anything is started: no configuration, a demo in a real home,
       a station that runs, a busy port.
    2. Start line (demo), poller, dashboard; wait until the first readings can be seen.
    3. Return and leave them running - or, in the foreground, stay, watch, and take them with us.
    When one ends early, say its last words and end the others.
    """
    if is_demo:
        demo.refuse_real(folder)
    else:
        files.load(folder)  # a folder without a configuration is left as it is
    with alone(Home(folder)), _ended_by_signals():
        if is_demo:
            demo.make(folder)
        loaded = files.load(folder)
        web_port = port or loaded.settings.web.port
        port_is_free(loaded.settings.web.bind, web_port)
        crew = Crew(loaded.home, environment(loaded.home))
        try:
            _bring_up(crew, loaded.settings, web_port, is_demo=is_demo)
            if foreground:
                crew.watch()
            crew.let_go()
        except BaseException:
            crew.end()
            raise
    return EXIT_OK


def _bring_up(crew: Crew, settings: Settings, port: int, *, is_demo: bool) -> None:
    base = address(settings, port)
    browser = Browser(base)
    if is_demo:
        demo.before(crew)
    print("Starting poller and dashboard ...", flush=True)
    launch_station(crew, port)
    crew.await_all("the dashboard", browser.healthy)
    if crew.await_all("the first round of the poller", first_round(crew)):
        crew.await_all("the first readings", demo.readings_on_screen(browser) if is_demo else lambda: True)
    if is_demo:
        demo.after(crew, base, port)
    else:
        print(f"The station runs: {base}\nTo end it: ./stop.sh")
    for problem in (heartbeat.read(crew.home.heartbeat) or {}).get("problems", []):
        print(f"  {problem}")
    sys.stdout.flush()


class _ended_by_signals:  # noqa: N801 - reads as a statement
    """While inside, SIGTERM and SIGINT leave by SystemExit: what was started is ended on the way out."""

    def __enter__(self) -> None:
        self._before = {
            number: signal.signal(number, self._leave) for number in (signal.SIGTERM, signal.SIGINT)
        }

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @staticmethod
    def _leave(number: int, _: FrameType | None) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):  # ending is not broken off by a second one
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(EXIT_OK if number == signal.SIGTERM else 130)


def status(folder: Path) -> int:
    """Say what runs in `folder`; return 0 when the whole station runs, 1 when not."""
    running = Book(folder / "state").running()
    for process in running:
        print(f"{process.name} runs (pid {process.pid})")
    if not running:
        print(f"Nothing that start.sh started runs in {folder}.")
    beat = heartbeat.read(Home(folder).heartbeat)
    if beat:
        print(f"The poller says: {beat['state']}, round {beat.get('round', 0)}")
        for problem in beat.get("problems", []):
            print(f"  {problem}")
    return EXIT_OK if {"poller", "dashboard"} <= {process.name for process in running} else 1


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"'{text}' is no port; ports are 1 to 65535")
    return int(text)


def parser() -> Parser:
    """Return the command line."""
    result = Parser(
        prog="station",
        description="Starts, stops and shows the station in SUBSTATION_HOME (default: the project folder).",
        epilog="Exit codes: 0 done, 64 wrong usage, 75 it runs already or the port is busy, 78 configuration",
    )
    commands = result.add_subparsers(dest="command", required=True, metavar="COMMAND")
    begin = commands.add_parser(
        "start", prog="./start.sh", help="start poller and dashboard", epilog=result.epilog
    )
    begin.description = (
        "Starts the poller and the dashboard of the station in SUBSTATION_HOME and returns when both are up. "
        "Started by systemd, it stays and watches them. Before that it makes the environment `venv` "
        "(SUBSTATION_VENV names another) and renews it when the pinned packages changed."
    )
    begin.add_argument(
        "--demo", action="store_true", help="a simulated station in demo/: five meters on a simulated line"
    )
    begin.add_argument("--port", type=_port, metavar="N", help="web port, instead of the configured one")
    begin.add_argument("--foreground", action="store_true", help="stay and watch, as under systemd")
    commands.add_parser("stop", help="end what start started, in this home alone")
    commands.add_parser("status", help="say what runs")
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    arguments = parser().parse_args(argv)
    is_demo = arguments.command == "start" and arguments.demo
    folder = demo.folder() if is_demo else files.home_folder()
    try:
        if arguments.command == "stop":
            return stop.stop(folder)
        if arguments.command == "status":
            return status(folder)
        os.umask(os.umask(0o077) | 0o007)  # nothing that the station makes is for the world to read
        # systemd names the very process that it started; exec keeps its pid.
        foreground = arguments.foreground or os.environ.get("SYSTEMD_EXEC_PID") == str(os.getpid())
        return start(folder, port=arguments.port, is_demo=is_demo, foreground=foreground)
    except Busy as exc:
        print(exc, file=sys.stderr)
        return EXIT_BUSY
    except SettingsError as exc:
        print(exc, file=sys.stderr)
        return EXIT_CONFIG
    except Died as exc:
        print(exc, file=sys.stderr)
        return exc.code
    except SubstationError as exc:
        print(exc, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
