"""`datalogger.py migrate`: brings the history to this version's form, after a copy of it."""

import argparse
import sys
from pathlib import Path
from typing import Any

from substation.clock import Clock
from substation.errors import EXIT_OK, SettingsError
from substation.settings.files import home_folder, load
from substation.store import before_migration

DESCRIPTION = """\
Bring the history to the form that this version of the program uses, after a copy of it.

A station does so by itself: a small history when it is opened, a large one beside the polling. By hand it is
needed only where there is no room for the copy beside the history. The copy is proved before anything is
changed; it goes by itself when the changed history was found whole some weeks later."""
EPILOG = """\
examples:
  python3 datalogger.py migrate                              as the poller does it
  python3 datalogger.py migrate --copy-in /media/stick       the copy on another medium; it stays there
  python3 datalogger.py migrate --without-copy               when backup has copied all of it already

exit codes: 0 done, or nothing was to be done; 64 wrong usage; 75 somebody else holds the file; 78 it cannot
be done, the history is as it was"""


def add(commands: Any) -> None:
    """Add `migrate` to the command line of `datalogger.py`."""
    parser = commands.add_parser(
        "migrate",
        help="bring the history to this version's form, after a copy",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--copy-in", metavar="FOLDER", help="make the copy there, not beside the history")
    where.add_argument("--without-copy", action="store_true", help="make none; there is no way back then")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace, clock: Clock) -> int:
    loaded = load(home_folder(), mend=False)
    path, folder = loaded.home.history, arguments.copy_in and Path(arguments.copy_in)
    if folder is not None and not folder.is_dir():
        raise SettingsError(f"{folder}: is no folder; make it, or mount its medium, first")
    with before_migration.alone(path, loaded.home.state / before_migration.LOCK):
        if not before_migration.pending(path):  # asked under the lock: a poller may have done it just now
            print(f"{path}: has this version's form already; nothing was done.")
            return EXIT_OK
        made, copy = before_migration.migrate(
            path,
            loaded.settings.simulated,
            clock,
            folder=folder,
            without_copy=arguments.without_copy,
            tick=_tell if sys.stderr.isatty() else before_migration.quiet,
        )
    for name in made:
        print(f"{path}: {name}: done.")
    print("No copy was made." if copy is None else f"As it was before: {copy}")
    return EXIT_OK


def _tell(words: str) -> None:
    print(f"\r{words:<78.78}", end="", file=sys.stderr, flush=True)
