"""The commands behind `dmf_reader.py`: who is on the line, which model, what does it say, is it wired right?

They work without the poller, which is then kept from starting, and while it runs: then they ask it, and
it does the work between two rounds (`reader_station`). They read and never write to a meter.
"""

import argparse
import sys
from collections.abc import Callable
from typing import Any

from substation.clock import Clock, SystemClock
from substation.commands import reader_print, reader_watch
from substation.commands.reader_station import open_where
from substation.commands.usage import Parser, count
from substation.errors import (
    EXIT_BUSY,
    EXIT_CONFIG,
    EXIT_OK,
    EXIT_UNAVAILABLE,
    EXIT_USAGE,
    Busy,
    LineDown,
    LinkError,
    RequestError,
    SubstationError,
)

EXIT_FOUND = 1
"""Nothing was found where something was looked for; or a wiring fault was."""
EXIT_INTERRUPTED = 130

DESCRIPTION = """\
The poller: asks every meter, keeps what they say. With a command: the engineer's tool on the line.
Both only ever read from a meter."""
EPILOG = """\
examples:
  python3 dmf_reader.py                            the poller, until Ctrl+C
  python3 dmf_reader.py scan                       who answers among the ids 1-32
  python3 dmf_reader.py scan --port /dev/ttyUSB0 --baud 9600 --format 8E1    without a configuration
  python3 dmf_reader.py identify                   which models are they; proposes a configuration
  python3 dmf_reader.py read Transformer           all of its values
  python3 dmf_reader.py read 3 40157               one register, raw and in four word orders
  python3 dmf_reader.py check-wiring               reversed CTs, swapped phases, fuses, ratios

The station is the folder named by SUBSTATION_HOME, by default the project's own.
While the poller runs, a command asks it: polling of that line pauses and goes on by itself.

exit codes: 0 done, 1 nothing found or a fault found, 64 wrong usage, 69 the line is down (--rounds:
in every round), 75 a poller runs already or somebody else has the port, 78 configuration"""

DESCRIPTIONS = {
    "scan": "Ask each id once, whoever is heard twice. 1-32 take less than 10 s, 1-247 less than 60 s; "
    "behind a Modbus TCP gateway each silent id takes the gateway's own time-out.",
    "identify": "Try the known register maps on each id and let physics decide: sure, likely or unknown. "
    "Proposes lines and meters for the configuration.",
    "read": "Show all values of a meter with register, address and raw words; or one register, raw and as "
    "float32 and integer in all four word orders.",
    "watch": "Show the main values of a meter each second, until Ctrl+C.",
    "check-wiring": "Name reversed CTs, swapped phases, blown fuses, wrong ratios and a wrong word order, "
    "each with its evidence and what to look at. Little load shows little.",
}


def main(argv: list[str] | None = None, clock: Clock | None = None) -> int:
    """Run one command; return its exit code."""
    try:
        options = _parser().parse_args(argv)
    except SystemExit as exc:  # --help and wrong usage, as argparse ends them
        return int(exc.code or 0)
    run: Callable[[argparse.Namespace, Clock], int] = options.run
    try:
        code = run(options, clock or SystemClock())
        sys.stdout.flush()
    except RequestError as exc:
        return _fail(exc, EXIT_USAGE)
    except LineDown as exc:
        return _fail(exc, EXIT_BUSY if "port busy" in str(exc) else EXIT_UNAVAILABLE)
    except LinkError as exc:
        return _fail(exc, EXIT_FOUND)
    except Busy as exc:
        return _fail(exc, EXIT_BUSY)
    except SubstationError as exc:
        return _fail(exc, EXIT_CONFIG)
    except KeyboardInterrupt:
        return _fail("\nbroken off", EXIT_INTERRUPTED)
    except BrokenPipeError:  # `read 1 | head`: who reads has seen enough
        sys.stdout = None
        return EXIT_OK
    return code


def _fail(words: object, code: int) -> int:
    print(words, file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = Parser(prog="dmf_reader.py", description=DESCRIPTION, epilog=EPILOG, formatter_class=raw)
    parser.add_argument(
        "--rounds",
        type=count,
        metavar="N",
        help="the poller: stop after N rounds and print one summary of the line",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    scan = _command(commands, "scan", "who answers on the line", _scan)
    scan.add_argument("ids", nargs="?", default="", metavar="IDS", help="Modbus ids: 1-247, 3,7,20-25 (1-32)")
    identify = _command(commands, "identify", "which models they are; proposes a configuration", _identify)
    identify.add_argument(
        "ids", nargs="?", default="", metavar="IDS", help="Modbus ids; default: whoever a scan of 1-32 finds"
    )
    read = _command(commands, "read", "what a meter says: all of it, or one register", _read)
    _meter(read)
    read.add_argument(
        "register", nargs="?", default="", metavar="REGISTER", help="as printed (40157), or a key (frequency)"
    )
    watch = _command(commands, "watch", "the main values of a meter each second, until Ctrl+C", _watch)
    _meter(watch)
    watch.add_argument("--count", type=count, metavar="N", help="stop after N lines")
    wiring = _command(commands, "check-wiring", "reversed CTs, swapped phases, fuses, ratios", _wiring)
    wiring.add_argument("meter", nargs="?", default="", metavar="METER", help="default: all of the line")
    wiring.add_argument("--profile", default="", metavar="NAME", help="its model, where it is not configured")
    return parser


def _command(
    commands: Any, name: str, words: str, run: Callable[[argparse.Namespace, Clock], int]
) -> argparse.ArgumentParser:
    """Return one command with what all of them take."""
    described = DESCRIPTIONS[name]
    parser: argparse.ArgumentParser = commands.add_parser(name, help=words, description=described)
    parser.add_argument("--line", metavar="NAME", help="the line, where the station has several")
    parser.add_argument("--port", metavar="DEVICE", help="a device instead of a configured line")
    parser.add_argument("--baud", type=int, default=9600, help="with --port: bits per second (9600)")
    parser.add_argument("--format", default="8E1", help="with --port: data bits, parity, stop bits (8E1)")
    if name != "watch":
        parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run)
    return parser


def _meter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("meter", metavar="METER", help="its number, its name, or a Modbus id")
    parser.add_argument("--profile", default="", metavar="NAME", help="its model, where it is not configured")


def _do(
    options: argparse.Namespace, clock: Clock, kind: str, arguments: dict[str, Any]
) -> tuple[dict[str, Any], bool]:
    """Have it done, print it; return the result and whether it was broken off."""
    given = {name: value for name, value in arguments.items() if value}
    with open_where(options, clock, kind, given) as where:
        outcome, early = where.run(kind, given)
    if options.json:
        reader_print.as_json(outcome.result)
    else:
        reader_print.shown(kind, outcome)
    return outcome.result, early


def _scan(options: argparse.Namespace, clock: Clock) -> int:
    result, early = _do(options, clock, "scan", {"ids": options.ids})
    return _code(early, good=bool(result.get("found")))


def _identify(options: argparse.Namespace, clock: Clock) -> int:
    result, early = _do(options, clock, "identify", {"ids": options.ids})
    return _code(early, good=any(row["verdict"] != "unknown" for row in result.get("meters", ())))


def _read(options: argparse.Namespace, clock: Clock) -> int:
    wanted = {"meter": options.meter, "register": options.register, "profile": options.profile}
    _, early = _do(options, clock, "read", wanted)
    return _code(early, good=True)


def _wiring(options: argparse.Namespace, clock: Clock) -> int:
    wanted = {"meter": options.meter, "profile": options.profile}
    result, early = _do(options, clock, "wiring", wanted)
    rows = result.get("meters", ())
    faults = bool(result.get("site")) or any(row["findings"] for row in rows)
    return _code(early, good=bool(rows) and not faults and any(row["judged"] for row in rows))


def _watch(options: argparse.Namespace, clock: Clock) -> int:
    with open_where(options, clock, "read", {"meter": options.meter}) as where:
        return reader_watch.watch(where, options, clock)


def _code(early: bool, *, good: bool) -> int:
    if early:
        return EXIT_INTERRUPTED
    return EXIT_OK if good else EXIT_FOUND
