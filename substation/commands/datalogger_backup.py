"""`datalogger.py backup`, `verify`, `restore`: copies of everything on a second medium."""

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from substation.audit import Audit
from substation.bus.lock import PollerLock
from substation.clock import Clock, iso, site_time, utc
from substation.commands.configuration_open import SOURCE, load_mended, person
from substation.commands.usage import for_the_log, say
from substation.errors import EXIT_OK, Busy, SettingsError
from substation.settings.files import Loaded, home_folder
from substation.settings.model import Home
from substation.store import copies
from substation.store.check.found import TABLE_WORDS
from substation.store.copies import report, stations
from substation.store.copies.taking import NO_FOLDER

SERVICE = "datalogger"
EXIT_NOT_WHOLE = 1
"""Something could not be copied, proved or restored; the words say what."""
EXIT_BROKEN_OFF = 130

BACKUP = """\
Copy what is new to the second medium: readings, minutes, quarters, hours, days and events as a file a day,
the operators' database, the audit log, the station's own profiles. A part is proved each time by a restore
into a scratch history. With backup.folder set the poller does this by itself every backup.every_minutes.

Where another machine has copied this station meanwhile nothing is copied: one card was cloned, or it is a new
machine in place of one that is gone. --take-over says that the latter is so, and goes on with the copies.

Configuration and key are not copied: python3 datalogger.py kit seals them."""
VERIFY = """\
Prove everything that was copied: every file against its sum, every day restored into a scratch history
and compared with the station's own rows where it still has them, no day lacking. Without FOLDER it is
backup.folder."""
RESTORE = """\
Make the history anew from the copies in FOLDER, in a station without one, as it was when the last copy was
taken; put back the operators' database, the audit log and the station's own profiles. The station must be
stopped (./stop.sh). Configuration and key come from the kit: python3 datalogger.py kit --open FILE."""
EPILOGS = {
    "backup": """\
examples:
  python3 datalogger.py backup
  python3 datalogger.py backup --to /media/stick/substation
  python3 datalogger.py backup --take-over

exit codes: 0 done, 1 something could not be copied or proved, 64 wrong usage, 75 another copy is under way,
78 the station or the medium cannot be used or another machine copied there, 130 broken off""",
    "verify": """\
examples:
  python3 datalogger.py verify
  python3 datalogger.py verify /media/stick/substation

exit codes: 0 all is whole, 1 something is damaged or lacking, 75 a copy is under way, 78 no copies there,
130 broken off""",
    "restore": """\
examples:
  python3 datalogger.py restore /media/stick/substation

exit codes: 0 all came back, 1 all but what is named, 75 the station runs, 78 a history stands there or the
copies cannot be used, 130 broken off""",
}


def add(commands: Any) -> None:
    """Add `backup`, `verify` and `restore` to the command line of `datalogger.py`."""
    backup = _part(commands, "backup", BACKUP, "copy what is new to the second medium")
    backup.add_argument("--to", type=Path, metavar="FOLDER", help="another folder than backup.folder")
    backup.add_argument(
        "--take-over", action="store_true", help="go on though another machine copied there meanwhile"
    )
    backup.set_defaults(run=_whole(_backup))
    verify = _part(commands, "verify", VERIFY, "prove the copies on the second medium")
    verify.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="default: backup.folder")
    verify.set_defaults(run=_whole(_verify))
    restore = _part(commands, "restore", RESTORE, "make the history anew from the copies")
    restore.add_argument("folder", type=Path, metavar="FOLDER", help="where the copies lie")
    restore.set_defaults(run=_whole(_restore))


def _part(commands: Any, name: str, description: str, words: str) -> Any:
    return commands.add_parser(
        name,
        help=words,
        description=description,
        epilog=EPILOGS[name],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _whole(
    run: Callable[[argparse.Namespace, Clock], int],
) -> Callable[[argparse.Namespace, Clock], int]:
    def whole(arguments: argparse.Namespace, clock: Clock) -> int:
        try:
            return run(arguments, clock)
        except KeyboardInterrupt:
            say("\nBroken off; what was whole before still is. Run the same command again.")
            return EXIT_BROKEN_OFF

    return whole


def _backup(arguments: argparse.Namespace, clock: Clock) -> int:
    loaded = load_mended(home_folder(), SERVICE)
    folder = arguments.to and arguments.to.absolute()
    taken = copies.take(
        loaded.home, loaded.settings, clock, _tick(), folder=folder, take_over=arguments.take_over
    )
    if folder or arguments.take_over:  # somebody takes readings away, or copies in another's place
        words = {"folder": str(taken.folder), "files": taken.files, "bytes": taken.written}
        words |= {"take_over": True} if arguments.take_over else {}
        _audit(loaded, clock, "backup.taken", ok=taken.ok, **words)
    say(f"{taken.folder}: {taken.words}")
    if taken.ok:
        return EXIT_OK
    for_the_log(taken.words)  # the poller shows it
    return EXIT_NOT_WHOLE


def _verify(arguments: argparse.Namespace, clock: Clock) -> int:
    loaded = load_mended(home_folder(), SERVICE)
    home, settings = loaded.home, loaded.settings
    named = str(arguments.folder.absolute()) if arguments.folder else settings.backup.folder
    if named is None:
        raise SettingsError(NO_FOLDER.replace("backup --to FOLDER", "verify FOLDER"))
    with copies.alone(home):
        station = stations.of_station(home.folder / named, home.history, settings.simulated)
        history = home.history if home.history.exists() else None
        found = copies.verify(station, clock, _tick(), history)
        if settings.backup.folder and home.folder / settings.backup.folder == home.folder / named:
            report.note_proof(home.copied, found.proof, found.problems, whole_ms=found.index.proved_ms)
    for words in found.problems:
        print(words, file=sys.stderr)
    for words in found.notes:
        say(words)
    verdict = "whole" if found.ok else f"{len(found.problems)} problems"
    say(
        f"{station.words}: {found.index.days} days, {found.index.bytes / 1e6:.1f} MB, "
        f"{found.proof.rows} rows restored, up to {_at(found.index.newest_ms, loaded)}: {verdict}"
    )
    _audit(
        loaded, clock, "backup.verified", ok=found.ok, folder=str(station.medium.folder),
        rows=found.proof.rows, problems=found.problems[:20],
    )  # fmt: skip
    return EXIT_OK if found.ok else EXIT_NOT_WHOLE


def _restore(arguments: argparse.Namespace, clock: Clock) -> int:
    folder = home_folder()
    home, loaded = Home(folder), None
    if home.config.exists():
        loaded = load_mended(folder, SERVICE)
        home = loaded.home
    with _alone(home):
        done = copies.restore(
            arguments.folder.absolute(),
            home,
            clock,
            _tick(),
            simulated=loaded.settings.simulated if loaded else None,
            site=loaded.settings.site.name if loaded else "",
        )
    if loaded:
        _audit(
            loaded, clock, "backup.restored", folder=str(done.folder), uid=done.uid,
            rows=sum(done.rows.values()), newest=iso(done.newest_ms), lacking=done.lacking[:20],
        )  # fmt: skip
    say(f"{done.site}: the history is back as it was at {_at(done.at_ms, loaded)}")
    say(f"  {', '.join(f'{rows} {TABLE_WORDS.get(table, table)}' for table, rows in done.rows.items())}")
    say(f"  the newest reading is of {_at(done.newest_ms, loaded)}; what came later is not in the copies")
    if done.files:
        say(f"  put back: {', '.join(sorted(done.files))}")
    for words in done.lacking:
        print(f"lacking: {words}", file=sys.stderr)
    if loaded is None:
        say("There is no configuration yet. Open the kit: python3 datalogger.py kit --open FILE")
    else:
        say("Start the station: ./start.sh")
    return EXIT_NOT_WHOLE if done.lacking else EXIT_OK


@contextlib.contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Hold what a poller and a salvage hold. Raises Busy, in words, when one of them runs."""
    poller, salvage = PollerLock(home.poller_lock), PollerLock(home.state / "salvage.lock")
    poller.take()
    try:
        try:
            salvage.take()
        except Busy as exc:  # one goes on when its poller was killed
            raise Busy(
                f"a salvage of this station is under way (process {exc.pid}): it makes the history anew by "
                "itself. Wait for its end; nothing was restored",
                exc.pid,
            ) from exc
        yield
    finally:
        salvage.release()
        poller.release()


def _at(ms: int, loaded: Loaded | None) -> str:
    """Return a time as the site's clock shows it; in UTC where no configuration says where the site is."""
    if loaded is None:
        return f"{utc(ms):%Y-%m-%d %H:%M:%S} UTC"
    return f"{site_time(ms, loaded.settings.site.zone):%Y-%m-%d %H:%M:%S}, {loaded.settings.site.timezone}"


def _tick() -> Callable[[str], None]:
    """Return how a person at a terminal is told how far it is; nobody else is."""
    if not sys.stdout.isatty():
        return lambda _: None
    return lambda words: print(f"\r\x1b[K{words}", end="\r", flush=True)


def _audit(loaded: Loaded, clock: Clock, event: str, *, ok: bool = True, **details: object) -> None:
    audit = Audit.of_station(loaded.home.folder, loaded.settings, SERVICE, clock)
    if not audit.write(event, user=person(), src=SOURCE, ok=ok, **details):
        print(f"Warning: {audit.last_problem}", file=sys.stderr)
    audit.close()
