"""`datalogger.py audit`: is the log whole, and who did what last?"""

import argparse
import sys
from typing import Any

from substation import audit
from substation.audit import anchors
from substation.clock import Clock
from substation.commands.configuration_open import load_mended
from substation.commands.usage import count
from substation.errors import EXIT_OK, EXIT_USAGE, StoreError
from substation.settings import vault
from substation.settings.files import home_folder
from substation.store.anchors import written

SERVICE = "datalogger"
EXIT_CHANGED = 1
"""`audit verify`: the log was changed."""
EXIT_UNREADABLE = 2
"""`audit verify`: the log is missing or cannot be read."""


def add(commands: Any) -> None:
    """Add `audit` to the command line of `datalogger.py`."""
    log = commands.add_parser("audit", help="the audit log: who did what")
    actions = log.add_subparsers(required=True, metavar="ACTION")
    verify = actions.add_parser("verify", help="is the chain of the audit log whole, over all its files?")
    verify.add_argument(
        "--anchor",
        action="append",
        default=[],
        metavar="NUMBER:SEAL",
        help="a line that was noted on paper or printed by the journal; may be given several times. "
        "Those in the station's own databases are compared in any case",
    )
    verify.set_defaults(run=_verify)
    tail = actions.add_parser("tail", help="the last lines, for a person")
    tail.add_argument("-n", type=count, default=20, metavar="LINES", help="so many (default 20)")
    tail.add_argument("--event", default="", help="only this event, such as login.failed, or login.*")
    tail.add_argument("--user", default="", help="only what this user did")
    tail.add_argument("--refused", action="store_true", help="only what was refused or failed")
    tail.set_defaults(run=_tail)


def _verify(arguments: argparse.Namespace, __: Clock) -> int:
    folder = home_folder()
    loaded = load_mended(folder, SERVICE)
    try:
        noted = anchors.given(arguments.anchor)
    except ValueError as exc:
        print(exc, file=sys.stderr)
        return EXIT_USAGE
    known, doubts = anchors.known(loaded.home)
    try:
        keys = audit.keys_of(loaded.settings, vault.read_key(folder))
        verdict = audit.verify_all(loaded.home.audit, keys, [*noted, *known])
    except StoreError as exc:
        print(exc, file=sys.stderr)
        return EXIT_UNREADABLE
    for line in verdict.words():
        print(line)
    print(f"Compared with {len(noted) + len(known)} numbers noted elsewhere")
    for words in doubts:
        print(words, file=sys.stderr)
    if verdict.last_seq:
        print(f"Note this down: --anchor {written((verdict.last_seq, verdict.last_mac[:16]))}")
    return EXIT_OK if verdict.ok else EXIT_CHANGED


def _tail(arguments: argparse.Namespace, _: Clock) -> int:
    wanted = audit.Wanted(event=arguments.event, user=arguments.user, refused=arguments.refused)
    for line in audit.tail(load_mended(home_folder(), SERVICE).home.audit, arguments.n, wanted):
        print(line)
    return EXIT_OK
