"""`datalogger.py audit`: is the log whole, and who did what last?"""

import argparse
import sys
from typing import Any

from substation import audit
from substation.clock import Clock
from substation.commands.usage import count
from substation.errors import EXIT_OK, StoreError
from substation.settings import vault
from substation.settings.files import home_folder, load

EXIT_CHANGED = 1
"""`audit verify`: the log was changed."""
EXIT_UNREADABLE = 2
"""`audit verify`: the log is missing or cannot be read."""


def add(commands: Any) -> None:
    """Add `audit` to the command line of `datalogger.py`."""
    log = commands.add_parser("audit", help="the audit log: who did what")
    actions = log.add_subparsers(required=True, metavar="ACTION")
    verify = actions.add_parser("verify", help="is the chain of the audit log whole?")
    verify.set_defaults(run=_verify)
    tail = actions.add_parser("tail", help="the last lines, for a person")
    tail.add_argument("-n", type=count, default=20, metavar="LINES", help="so many (default 20)")
    tail.set_defaults(run=_tail)


def _verify(_: argparse.Namespace, __: Clock) -> int:
    folder = home_folder()
    loaded = load(folder)
    key = vault.derive(vault.read_key(folder), audit.KEY_INFO)
    try:
        verdict = audit.verify(loaded.home.audit, key)
    except StoreError as exc:
        print(exc, file=sys.stderr)
        return EXIT_UNREADABLE
    for line in verdict.words():
        print(line)
    return EXIT_OK if verdict.ok else EXIT_CHANGED


def _tail(arguments: argparse.Namespace, _: Clock) -> int:
    for line in audit.tail(load(home_folder()).home.audit, arguments.n):
        print(line)
    return EXIT_OK
