"""`encrypt_config.py user`: who may log in, from the command line."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

from substation.access.users import ROLES
from substation.commands.configuration_change import asked_twice
from substation.commands.configuration_make import outlet
from substation.commands.configuration_open import audit_of, load_and_say, record
from substation.errors import EXIT_OK, EXIT_USAGE, SettingsError
from substation.settings import files, passwords, people, vault
from substation.settings.model import Settings, User, UserRole

Command = Callable[[str, Callable[[argparse.Namespace], int], str], argparse.ArgumentParser]


def add(command: Command) -> None:
    """Add `user` and its actions to the command line."""
    user = command("user", _list, "add, list, change, disable or remove who may log in")
    actions = user.add_subparsers(title="actions", metavar="ACTION", required=True, parser_class=type(user))

    def action(name: str, run: Callable[[argparse.Namespace], int], words: str) -> argparse.ArgumentParser:
        one = actions.add_parser(name, help=words, description=words[0].upper() + words[1:] + ".")
        one.set_defaults(run=run)
        return one

    new = action("add", _add, "add a user; his generated password is shown once, on the terminal")
    new.add_argument("name", metavar="NAME", help="login name, to be typed by hand: no colon")
    new.add_argument("--role", choices=ROLES, default="viewer", help="what he may do; default: viewer")
    new.add_argument(
        "--password",
        action="store_true",
        help="read his password twice, from the terminal or standard input, instead of generating one",
    )
    action("list", _list, "list the users with role and state")
    role = action("role", _role, "give a user another role")
    role.add_argument("name", metavar="NAME")
    role.add_argument("role", metavar="ROLE", choices=ROLES, help=", ".join(ROLES))
    for name, run, words in (
        ("disable", _disable, "keep a user from logging in; he and his password stay known"),
        ("enable", _enable, "let a disabled user log in again"),
        ("remove", _remove, "remove a user for good; the audit log keeps what he did"),
    ):
        action(name, run, words).add_argument("name", metavar="NAME")


def _list(_: argparse.Namespace) -> int:
    settings = load_and_say(files.home_folder()).settings
    rows = [("NAME", "ROLE", "STATE"), *((user.name, user.role, _state(user)) for user in settings.users)]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    for name, role, state in rows:
        print(f"{name:{widths[0]}}  {role:{widths[1]}}  {state}")
    return EXIT_OK


def _state(user: User) -> str:
    parts = ["disabled" if user.disabled else "enabled"]
    if passwords.is_original(user.password_hash):
        parts.append("password of the original system until the next login")
    return ", ".join(parts)


def _add(arguments: argparse.Namespace) -> int:
    folder, name = files.home_folder(), str(arguments.name)
    role = cast("UserRole", arguments.role)
    settings = load_and_say(folder).settings
    people.added(settings, name, role, "$argon2id$")  # a name that cannot be is refused before any question
    if arguments.password:
        return _add_with_typed_password(folder, settings, name, role)
    try:
        show = outlet(yes=False)
    except SettingsError as exc:
        raise SettingsError(
            "there is no terminal on which the generated password could be shown once; nobody was added. "
            f"Run it in one, or give a password: python3 encrypt_config.py user add {name} --password"
        ) from exc
    password = vault.generated_password()
    added = _store_new(folder, name, role, password)
    show(
        "\n"
        "This password is shown once and kept nowhere; hand it over now:\n"
        f"  login          {added.name}\n"
        f"  password       {password}\n"
        "He changes it on the page Your login of the dashboard.\n\n"
    )
    return EXIT_OK


def _add_with_typed_password(folder: Path, settings: Settings, name: str, role: UserRole) -> int:
    password = asked_twice(f"Password of {name}")
    if password is None:
        print("The two passwords differ; nobody was added", file=sys.stderr)
        return EXIT_USAGE
    reason = people.refusal(settings, name, password)
    if reason:
        print(f"Not taken: {reason}. Nobody was added", file=sys.stderr)
        return EXIT_USAGE
    _store_new(folder, name, role, password)
    return EXIT_OK


def _store_new(folder: Path, name: str, role: UserRole, password: str) -> User:
    fresh = vault.hash_password(password)
    _, after = files.update(folder, lambda settings: people.added(settings, name, role, fresh))
    user = after.users[-1]
    record(audit_of(folder, after), "user.added", of=user.name, role=user.role)
    print(f"Added {user.name}, {user.role}")
    return user


def _role(arguments: argparse.Namespace) -> int:
    def run(folder: Path) -> None:
        role = cast("UserRole", arguments.role)
        before, after = files.update(folder, lambda now: people.with_role(now, arguments.name, role))
        old, new = people.known(before, arguments.name), people.known(after, arguments.name)
        if old == new:
            print(f"{new.name} is {new.role} already")
            return
        record(audit_of(folder, after), "user.role", of=new.name, before=old.role, after=new.role)
        print(f"{new.name}: {old.role} -> {new.role}")

    return _changed(run)


def _disable(arguments: argparse.Namespace) -> int:
    def run(folder: Path) -> None:
        before, after = files.update(folder, lambda now: people.disabled(now, arguments.name, True))
        name = people.known(after, arguments.name).name
        if before == after:
            print(f"{name} is disabled already")
            return
        record(audit_of(folder, after), "user.disabled", of=name)
        print(f"{name} may not log in any more")

    return _changed(run)


def _enable(arguments: argparse.Namespace) -> int:
    def run(folder: Path) -> None:
        before, after = files.update(folder, lambda now: people.disabled(now, arguments.name, False))
        name = people.known(after, arguments.name).name
        if before == after:
            print(f"{name} is enabled already")
            return
        record(audit_of(folder, after), "user.enabled", of=name)
        print(f"{name} may log in again")

    return _changed(run)


def _remove(arguments: argparse.Namespace) -> int:
    def run(folder: Path) -> None:
        before, after = files.update(folder, lambda now: people.removed(now, arguments.name))
        gone = people.known(before, arguments.name)
        record(audit_of(folder, after), "user.removed", of=gone.name, role=gone.role)
        print(f"Removed {gone.name}")

    return _changed(run)


def _changed(run: Callable[[Path], None]) -> int:
    """Run a change of somebody; a name that nobody has is wrong usage, as it is for `passwd`."""
    folder = files.home_folder()
    load_and_say(folder)
    try:
        run(folder)
    except people.NoSuchUser as exc:
        print(exc, file=sys.stderr)
        return EXIT_USAGE
    return EXIT_OK
