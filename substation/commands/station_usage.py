"""What the command line behind `start.sh` takes, and its help: standard library only.

`./start.sh --help` answers with the system's `python3`, before there is any environment.
"""

import argparse
import sys

from substation.commands.usage import Parser


def parser() -> Parser:
    """Return the command line."""
    result = Parser(
        prog="station",
        description="Starts, stops and shows the station in SUBSTATION_HOME (default: the project folder).",
        epilog="Exit codes: 0 done, 64 wrong usage, 75 it runs already or the port is busy, 78 configuration"
        "; status: 1 not all of it runs, 74 the folder is not there",
    )
    commands = result.add_subparsers(dest="command", required=True, metavar="COMMAND")
    begin = commands.add_parser(
        "start", prog="./start.sh", help="start poller and dashboard", epilog=result.epilog
    )
    begin.description = (
        "Starts the poller and the dashboard of the station in SUBSTATION_HOME and returns when both are up. "
        "Where the station runs without the messenger that its configuration names, that alone is started. "
        "Started by systemd, it stays and watches them. Before that it makes the environment `venv` "
        "(SUBSTATION_VENV names another) and renews it when the pinned packages changed."
    )
    begin.add_argument(
        "--demo", action="store_true", help="a simulated station in demo/: five meters on a simulated line"
    )
    begin.add_argument("--port", type=_port, metavar="N", help="web port, instead of the configured one")
    begin.add_argument(
        "--tunnel", action="store_true", help="also open an ngrok tunnel to the dashboard, from the internet"
    )
    begin.add_argument("--foreground", action="store_true", help="stay and watch, as under systemd")
    begin.add_argument("--status", action="store_true", help="start nothing, only say what runs")
    commands.add_parser("stop", help="end what start started, in this home alone")
    commands.add_parser("status", help="say what runs")
    return result


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"'{text}' is no port; ports are 1 to 65535")
    return int(text)


if __name__ == "__main__":
    parser().parse_args(sys.argv[1:])
