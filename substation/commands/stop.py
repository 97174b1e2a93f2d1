"""`./stop.sh`: end what `start.sh` started in this station's home, and nothing else.

Standard library only: it works when the environment is broken or gone.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from substation.access import tunnel
from substation.commands.doors import EXIT_CONFIG, PROJECT
from substation.commands.processes import Book, Started, end
from substation.commands.usage import Parser, say
from substation.errors import EXIT_MEDIUM

LINE = "simulated line"
"""Ends last: the poller finishes its round on a line that still answers."""
TUNNEL = "tunnel"
"""Ends its ngrok by itself."""
STATION = "station"
"""`start.sh` itself, while it brings the station up or watches over it; it ends its children first."""


def homes() -> list[Path]:
    """Return the station's home: `SUBSTATION_HOME`, or the project's own and its demo's."""
    named = os.environ.get("SUBSTATION_HOME")
    return [Path(named).expanduser().absolute()] if named else [PROJECT, PROJECT / "demo"]


def running_in(home: Path) -> list[Started]:
    """Return what runs of the station in `home`; an ngrok whose own keeper was killed is among it."""
    running = Book(home / "state").running()
    path = home / "state" / "tunnel.json"
    record = tunnel.read(path)
    if record is not None and not tunnel.is_held(path):
        ngrok = Started("ngrok", record.pid, record.start, record.boot)
        running += [ngrok] if ngrok.runs else []
    return running


def cannot_tell(home: Path) -> str:
    """Return why nobody knows whether a station of `home` runs; empty when that can be told."""
    if os.path.isdir(home):  # noqa: PTH112 - of a medium that fails it says no, too
        return ""
    return (
        f"{home} is not there, and what runs of a station is written in it. If its medium is gone, put it in "
        "and try again; without it look for dmf_reader.py and app.py yourself: ps ax"
    )


def stop(home: Path) -> int:
    """End the station in `home` and say what was done; return 0, or 1 when something would not end."""
    book = Book(home / "state")
    running = running_in(home)
    if not running:
        book.remove()
        return 0
    left: list[Started] = []
    for among in ({STATION}, {p.name for p in running} - {STATION, LINE}, {LINE}):
        left += end([p for p in running_in(home) if p.name in among], say=say)
    # A start that was ended had perhaps just launched one more and written it into the book.
    left = [p for p in {*left, *running_in(home)} if p.runs]
    for process in left:
        say(f"{process.name} (pid {process.pid}) cannot be ended: another user's, or stuck in the kernel.")
    if left:
        return 1
    book.remove()
    say(f"Stopped {', '.join(p.name for p in running)} of {home}.")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run `stop.sh`; return its exit code."""
    parser = Parser(
        prog="./stop.sh",
        description="Ends the poller, the dashboard, the messenger, the tunnel and, in a demo, the simulated "
        "line that start.sh started. Nothing else is touched. SUBSTATION_HOME names a station elsewhere.",
        epilog="Exit codes: 0 done or nothing to do, 1 something would not end, 64 wrong usage, "
        "74 the station's folder is not there, 78 configuration.",
    )
    parser.parse_args(argv)
    try:
        named = homes()
    except RuntimeError:  # ~somebody
        print("SUBSTATION_HOME: there is no such user on this machine", file=sys.stderr)
        return EXIT_CONFIG
    if "SUBSTATION_HOME" in os.environ and (words := cannot_tell(named[0])):
        print(words, file=sys.stderr)
        return EXIT_MEDIUM
    stations = [home for home in named if running_in(home)]
    if not stations:
        say(f"Nothing to stop: no station of {' or '.join(str(home) for home in named)} runs.")
    return max([stop(home) for home in stations], default=0)


if __name__ == "__main__":
    sys.exit(main())
