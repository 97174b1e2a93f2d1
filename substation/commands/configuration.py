"""The command line behind `encrypt_config.py`: the sealed configuration of the station."""

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from substation.commands import configuration_rotate, configuration_takeover, configuration_users
from substation.commands.configuration_change import change_password, edit, set_value
from substation.commands.configuration_check import check
from substation.commands.configuration_make import ask_and_make, make_station
from substation.commands.configuration_open import load_and_say
from substation.errors import (
    EXIT_BUSY,
    EXIT_CONFIG,
    EXIT_OK,
    EXIT_USAGE,
    Busy,
    SettingsError,
    SubstationError,
)
from substation.settings import names
from substation.settings.files import NAME, home_folder

__all__ = ["main", "make_station"]

DESCRIPTION = """\
Make, show, change and check the sealed configuration of the station.

Without a command: make a new station (config.json and config_key.key, mode 0600) in the project's
folder, or in the folder that SUBSTATION_HOME names. An existing configuration is never overwritten;
one of the original system is shown with what it becomes, and taken over."""
EPILOG = """\
examples:
  python3 encrypt_config.py                            make a station, asking what is needed
  python3 encrypt_config.py --yes                      make it with the defaults
  python3 encrypt_config.py show                       every setting, secrets hidden
  python3 encrypt_config.py set lines.0.port /dev/ttyUSB0
  python3 encrypt_config.py set web.allowed_hosts substation.local,10.0.0.5
  python3 encrypt_config.py passwd admin               a new password, asked twice
  python3 encrypt_config.py passwd --export            the password of the export
  python3 encrypt_config.py user add meera --role engineer
  python3 encrypt_config.py takeover --dry-run         what an original configuration becomes
  python3 encrypt_config.py rotate                     a new key, the old one retired

exit codes: 0 done, 64 wrong usage, 75 somebody else is changing it, 78 the configuration cannot be used"""


PARTS: tuple[Any, ...] = (configuration_users, configuration_rotate, configuration_takeover)
"""Modules with commands of their own: each has `add(command)`; `command(name, run, words)` makes one."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, f"{self.prog}: {message}; {self.prog} --help says more\n")


def main(argv: list[str] | None = None) -> int:
    """Run one command; return its exit code (0 done, 64 wrong usage, 75 busy, 78 configuration)."""
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as exc:  # --help and wrong usage, as argparse ends them
        return int(exc.code or 0)
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        code = run(arguments)
        sys.stdout.flush()
        return code
    except Busy as exc:
        return _fail(exc, EXIT_BUSY)
    except SubstationError as exc:
        return _fail(exc, EXIT_CONFIG)
    except BrokenPipeError:  # `show | head`: who reads has seen enough
        sys.stdout = None
        return EXIT_OK
    except OSError as exc:
        return _fail(f"{exc.filename or 'a file'}: {exc.strerror}", EXIT_CONFIG)
    except EOFError:
        return _fail("the input ended before everything was answered; nothing was changed", EXIT_USAGE)
    except KeyboardInterrupt:
        return _fail("stopped; nothing was changed", 130)


def _fail(words: object, code: int) -> int:
    print(words, file=sys.stderr)
    return code


def _make(arguments: argparse.Namespace) -> int:
    folder = home_folder()
    if configuration_takeover.is_due(folder):
        return configuration_takeover.resume_or_ask(
            folder, yes=arguments.yes, new_passwords=arguments.new_passwords
        )
    return ask_and_make(folder, yes=arguments.yes)


def _show(_: argparse.Namespace) -> int:
    loaded = load_and_say(home_folder())
    for name, value in names.flat(loaded.settings).items():
        if names.is_secret(name):
            print(f"{name} = {'(set, hidden)' if value else '(not set)'}")
        else:
            print(f"{name} = {_shown(value)}")
    return EXIT_OK


def _get(arguments: argparse.Namespace) -> int:
    loaded = load_and_say(home_folder())
    value = names.get(loaded.settings, arguments.key)
    if names.is_secret(arguments.key):
        raise SettingsError(f"{NAME}: {arguments.key}: is a secret and is never shown")
    single = arguments.key in names.flat(loaded.settings)
    print(_shown(value) if single else json.dumps(names.without_secrets(value), ensure_ascii=False))
    return EXIT_OK


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ",".join(map(str, value)) or "none"
    return str(value)


def _set(arguments: argparse.Namespace) -> int:
    return set_value(home_folder(), arguments.key, arguments.value)


def _edit(_: argparse.Namespace) -> int:
    return edit(home_folder())


def _check(_: argparse.Namespace) -> int:
    return check(home_folder())


def _passwd(arguments: argparse.Namespace) -> int:
    return change_password(home_folder(), arguments.user, export=arguments.export)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="encrypt_config.py",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--yes", action="store_true", help="take the defaults instead of asking")
    configuration_takeover.add_new_passwords(parser)
    parser.set_defaults(run=_make)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=_Parser)

    def command(name: str, run: Callable[[argparse.Namespace], int], words: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=words, description=words[0].upper() + words[1:] + ".")
        one.set_defaults(run=run)
        return one

    command("show", _show, "show every setting; secrets are hidden")
    get = command("get", _get, "print one setting, or a part of the configuration as JSON")
    get.add_argument("key", metavar="KEY", help="such as lines.0.port, poll.interval_s, web")
    change = command("set", _set, "change one setting; a wrong one is refused and nothing is changed")
    change.add_argument("key", metavar="KEY", help="such as lines.0.port, poll.interval_s, web.bind")
    change.add_argument("value", metavar="VALUE", help="the new value; lists with commas; none for nothing")
    command("edit", _edit, "open the configuration, without secrets, in $VISUAL or $EDITOR")
    command("check", _check, "check key, configuration, meter profiles, port and passwords")
    passwd = command("passwd", _passwd, "set a password, read twice from the terminal or standard input")
    who = passwd.add_mutually_exclusive_group()
    who.add_argument("user", metavar="USER", nargs="?", help="whose; default: the first administrator")
    who.add_argument("--export", action="store_true", help="the password of the export instead of a user's")
    for part in PARTS:
        part.add(command)
    return parser
