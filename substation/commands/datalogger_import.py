"""`datalogger.py import`: the readings of the original system, taken into the history once."""

import argparse
import sys
import zoneinfo
from pathlib import Path
from typing import Any

from substation.audit import Audit
from substation.bus.lock import PollerLock
from substation.clock import Clock
from substation.commands import import_report, import_sources, import_work
from substation.commands.configuration_open import SOURCE, load_mended, person
from substation.commands.import_progress import Progress
from substation.commands.import_sources import Plan
from substation.commands.import_work import Result
from substation.commands.usage import say
from substation.errors import EXIT_OK, EXIT_USAGE, Busy, WrongStation
from substation.settings.files import Loaded, home_folder
from substation.store.original_rows import Source

SERVICE = "datalogger"
EXIT_NOT_WANTED = 1
EXIT_BROKEN_OFF = 130

DESCRIPTION = """\
Take over the readings of the original system: its daily_data.db, meter_data_1year.db (table
meter_readings), its meter_data.csv and its export. Without FILE everything in the station's folder
original/ and whatever of it still lies in the station's folder; what lies under the names of our own
stores is moved to original/ first. The files themselves are only read.

It may be broken off and run again, and run as often as you like: a reading is taken once."""
EPILOG = """\
examples:
  python3 datalogger.py import --dry-run          what is there, and what would be refused
  python3 datalogger.py import
  python3 datalogger.py import /media/stick/meter_data_1year.db --yes

With the station running, its poller takes the readings over in its idle time; with the station stopped
(./stop.sh) it is several times quicker. The report is kept as original/import-report-....txt.

exit codes: 0 done, 1 you did not want it, 64 wrong usage or nobody to ask, 75 somebody else holds the
file, 78 the station cannot be used, 130 broken off"""


def add(commands: Any) -> None:
    """Add `import` to the command line of `datalogger.py`."""
    parser = commands.add_parser(
        "import",
        help="take over the readings of the original system",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="stores of the original system")
    parser.add_argument(
        "--zone",
        type=_zone,
        metavar="NAME",
        help="in which zone the original's clock was, such as Asia/Kolkata (default: the site's)",
    )
    parser.add_argument("--dry-run", action="store_true", help="read and judge everything, change nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.set_defaults(run=_run)


def _zone(name: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise argparse.ArgumentTypeError(
            f"'{name:.40}' is no IANA time zone; use a name such as Asia/Kolkata"
        ) from exc


def _run(arguments: argparse.Namespace, clock: Clock) -> int:
    loaded = load_mended(home_folder(), SERVICE)
    if loaded.settings.simulated:
        raise WrongStation(
            f"{loaded.home.folder} is a simulated station; real readings never go into it. Name the real "
            f"station's folder in SUBSTATION_HOME"
        )
    zone = arguments.zone or loaded.settings.site.zone
    with _alone(loaded):
        plan = import_sources.plan(loaded.home, arguments.files)
        sources = [Source(path) for path in plan.sources]
        for line in plan.left_alone:
            say(f"left alone: {line}")
        waiting = import_work.pending(loaded)
        if not sources and not waiting:
            say(f"Nothing to import: no store of the original system in {loaded.home.original}")
            return EXIT_OK
        import_work.prove_zone(loaded, zone)
        try:
            if arguments.dry_run:
                result, _ = import_work.read(loaded, sources, zone, clock, Progress(clock), keep=False)
                say("\n" + "\n".join(import_report.lines(result, loaded.settings, zone.key, clock)))
                return EXIT_OK
            agreed = _agreed(plan, sources, waiting, zone, sure=arguments.yes)
            if agreed is None:
                return EXIT_USAGE
            if not agreed:
                say("Nothing was changed.")
                return EXIT_NOT_WANTED
            return _import(loaded, plan, zone, clock)
        except KeyboardInterrupt:
            say("\nBroken off; nothing is lost. Run the same command again, and it goes on.")
            return EXIT_BROKEN_OFF


def _import(loaded: Loaded, plan: Plan, zone: zoneinfo.ZoneInfo, clock: Clock) -> int:
    show = Progress(clock)
    moved = _make_way(loaded, plan)
    for path in import_work.pending(loaded):
        say(f"{path.name}: made ready by an earlier import")
        import_work.take_in(loaded, path, clock, show)
    sources = [Source(moved.get(path, path)) for path in plan.sources]
    import_work.prove_room(loaded, sources)
    result, ready = import_work.read(loaded, sources, zone, clock, show, keep=True)
    result.taken = 0 if ready is None else import_work.take_in(loaded, ready, clock, show)
    text = "\n".join(import_report.lines(result, loaded.settings, zone.key, clock)) + "\n"
    say("\n" + text)
    _audited(loaded, result, zone, clock)
    report = import_report.keep(text, loaded.home.original, clock, loaded.settings)
    say(f"This report is kept: {report}")
    return EXIT_OK


def _make_way(loaded: Loaded, plan: Plan) -> dict[Path, Path]:
    """Move what lies under the names of our stores; return where it lies now. Only while no poller runs."""
    if not plan.in_the_way:
        return {}
    lock = PollerLock(loaded.home.poller_lock)
    try:
        lock.take()
    except Busy as exc:
        raise Busy(
            f"{plan.in_the_way[0]} lies where the running poller's store belongs. Stop the station "
            f"(./stop.sh), import, then start it again",
            exc.pid,
        ) from exc
    try:
        moved = {
            path: import_sources.move_away(path, loaded.home.original)
            for path in plan.in_the_way
            if path.exists()
        }
    finally:
        lock.release()
    for path, target in moved.items():
        say(f"{path} moved to {target}")
    return moved


def _agreed(
    plan: Plan, sources: list[Source], waiting: list[Path], zone: zoneinfo.ZoneInfo, *, sure: bool
) -> bool | None:
    """Say what would be imported and ask; None: nobody is there to answer."""
    for source in sources:
        move = "; moved to original/ first" if source.path in plan.in_the_way else ""
        say(f"{source.path}: {source.words}, about {source.estimated_rows} rows{move}")
    for path in waiting:
        say(f"{path.name}: made ready by an earlier import")
    say(f"The original's local times are read as {zone.key}; every later import must read them so too.")
    if sure:
        return True
    try:
        return input("Import? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        print(
            "There is no terminal to ask on; nothing was changed. Do it without asking: "
            "python3 datalogger.py import --yes",
            file=sys.stderr,
        )
        return None


def _audited(loaded: Loaded, result: Result, zone: zoneinfo.ZoneInfo, clock: Clock) -> None:
    audit = Audit.of_station(loaded.home.folder, loaded.settings, SERVICE, clock)
    written = audit.write(
        "import.done",
        user=person(),
        src=SOURCE,
        files=[str(file.path) for file in result.files],
        found=sum(file.tally.found for file in result.files),
        refused=sum(sum(file.tally.refused.values()) for file in result.files),
        taken=result.taken,
        known=result.offered - (result.taken or 0),
        zone=zone.key,
    )
    if not written:
        print(f"Warning: {audit.last_problem}", file=sys.stderr)
    audit.close()


class _alone:  # noqa: N801 - reads as a statement
    """While inside, no other import of this station runs."""

    def __init__(self, loaded: Loaded) -> None:
        self._lock = PollerLock(loaded.home.state / "import.lock")

    def __enter__(self) -> None:
        try:
            self._lock.take()
        except Busy as exc:
            who = f" (process {exc.pid})" if exc.pid else ""
            raise Busy(
                f"another import of this station is under way{who}; wait for its end", exc.pid
            ) from exc

    def __exit__(self, *_: object) -> None:
        self._lock.release()
