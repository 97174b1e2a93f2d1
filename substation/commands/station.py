"""The command line behind `start.sh`: start, stop and look at a station."""
# ruff: noqa: E402 - the door has to find the packages before anything imports them

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from substation.commands.doors import go_on_in_venv

go_on_in_venv(__file__)

from substation.clock import SystemClock
from substation.commands import demo, stop, tunnel
from substation.commands.configuration_open import load_mended
from substation.commands.processes import Book
from substation.commands.starting import (
    Browser,
    Crew,
    Died,
    address,
    alone,
    environment,
    first_round,
    launch_messenger,
    launch_station,
    open_tunnel,
    port_is_free,
)
from substation.commands.starting_messenger import missing_in, start_missing
from substation.commands.station_usage import parser
from substation.commands.usage import say
from substation.errors import (
    EXIT_BUSY,
    EXIT_CONFIG,
    EXIT_MEDIUM,
    EXIT_OK,
    Busy,
    SettingsError,
    SubstationError,
)
from substation.settings import files
from substation.settings.model import Home, Settings
from substation.store import heartbeat

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def start(
    folder: Path, *, port: int | None, is_demo: bool, foreground: bool, with_tunnel: bool = False
) -> int:
    """Bring the station in `folder` up; return the exit code.

    0. A station that runs, and only lacks its messenger, gets that and nothing else.
    1. Refuse what cannot work before anything is started: no configuration, a demo in a real home or
       the reverse, a station that runs, a busy port, a tunnel to demo passwords.
    2. Start line (demo), poller, dashboard; wait until the first readings can be seen; then the tunnel.
    3. Return and leave them running - or, in the foreground, stay, watch, and take them with us.
    When one ends early, say its last words and end the others.
    """
    if not foreground and (pid := start_missing(folder)) is not None:
        say(f"The station of {folder} runs; its messenger did not, and was started (pid {pid}).")
        return EXIT_OK
    if is_demo:
        demo.refuse_real(folder)
    else:
        demo.refuse_simulated(folder)  # a folder without a configuration is left as it is
    with alone(Home(folder)), _ended_by_signals():
        if is_demo:
            demo.make(folder)
        loaded = load_mended(folder, stop.STATION)
        web_port = port or loaded.settings.web.port
        port_is_free(loaded.settings.web.bind, web_port)
        if with_tunnel:
            tunnel.check(loaded, SystemClock())
        crew = Crew(loaded.home, environment(loaded.home))
        try:
            _bring_up(crew, loaded.settings, web_port, is_demo=is_demo)
            if with_tunnel:
                open_tunnel(crew, web_port)
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
    say("Starting poller and dashboard ...")
    launch_station(crew, port)
    launch_messenger(crew, settings)
    crew.await_all("the dashboard", browser.healthy)
    if crew.await_all("the first round of the poller", first_round(crew)):
        crew.await_all("the first readings", demo.readings_on_screen(browser) if is_demo else lambda: True)
    if is_demo:
        demo.after(crew, base, port)
    else:
        say(f"The station runs: {base}\nTo end it: ./stop.sh")
    for problem in (heartbeat.read(crew.home.heartbeat) or {}).get("problems", []):
        say(f"  {problem}")


class _ended_by_signals:  # noqa: N801 - reads as a statement
    """While inside, an ending signal leaves by SystemExit: what was started is ended on the way out.

    SIGHUP comes when the terminal is closed; under `nohup` it is ignored and stays so.
    """

    def __enter__(self) -> None:
        ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        numbers = [number for number in ENDING if number != signal.SIGHUP or not ignored]
        self._before = {number: signal.signal(number, self._leave) for number in numbers}

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @staticmethod
    def _leave(number: int, _: FrameType | None) -> None:
        for each in ENDING:  # ending is not broken off by a second one
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(130 if number == signal.SIGINT else EXIT_OK)


def status(folder: Path) -> int:
    """Say what runs in `folder`; return 0 when all of it does, 1 when not, 74 when it cannot be told."""
    if words := stop.cannot_tell(folder):
        print(words, file=sys.stderr)
        return EXIT_MEDIUM
    running = Book(folder / "state").running()
    for process in running:
        say(f"{process.name} runs (pid {process.pid})")
    if not running:
        say(f"Nothing that start.sh started runs in {folder}.")
    is_mute = missing_in(folder) is not None
    if is_mute:
        say("The messenger does not run: nobody outside is told of alarms. To start it: ./start.sh")
    beat = heartbeat.read(Home(folder).heartbeat)
    if beat:
        say(f"The poller says: {beat['state']}, round {beat.get('round', 0)}")
        for problem in beat.get("problems", []):
            say(f"  {problem}")
    runs = {"poller", "dashboard"} <= {process.name for process in running}
    return EXIT_OK if runs and not is_mute else 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    arguments = parser().parse_args(argv)
    is_demo = arguments.command == "start" and arguments.demo
    try:
        folder = demo.folder() if is_demo else files.home_folder()
        if arguments.command == "stop":
            return stop.stop(folder)
        if arguments.command == "status" or arguments.status:
            return status(folder)
        os.umask(os.umask(0o077) | 0o007)  # nothing that the station makes is for the world to read
        # systemd names the very process that it started; exec keeps its pid.
        foreground = arguments.foreground or os.environ.get("SYSTEMD_EXEC_PID") == str(os.getpid())
        return start(
            folder,
            port=arguments.port,
            is_demo=is_demo,
            foreground=foreground,
            with_tunnel=arguments.tunnel,
        )
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
    except OSError as exc:
        print(f"{exc.filename or 'a file'}: {exc.strerror}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
