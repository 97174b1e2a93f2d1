"""`encrypt_config.py takeover`: shows what an original configuration becomes, asks, and takes it over."""

import argparse
import json
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

from substation.commands import configuration_takeover_look as looking
from substation.commands import configuration_takeover_steps as steps
from substation.commands.configuration_aside import NAME as ASIDE
from substation.commands.configuration_check import new_password
from substation.commands.configuration_make import ADMIN, EXPORT, outlet
from substation.commands.configuration_takeover_look import Original
from substation.errors import EXIT_OK, EXIT_USAGE, SettingsError
from substation.settings import files, original, people, vault
from substation.settings.files import home_folder
from substation.settings.model import Settings

EVERYWHERE = "0.0.0.0"  # noqa: S104 - where the original listened
LOOPBACK = "127.0.0.1"
FORMS = {
    "plain": "plain text",
    "sealed": "sealed by its own key",
    "mixed": "a sealed part and settings in clear beside it",
}


def add(command: Any) -> None:
    """Add `takeover` to the command line of `encrypt_config.py`."""
    one = command("takeover", _run, "take the original system's configuration over, or show what it becomes")
    one.add_argument("--dry-run", action="store_true", help="only show what would be done")
    one.add_argument("--yes", action="store_true", help="do it without asking")
    add_new_passwords(one)


def add_new_passwords(parser: argparse.ArgumentParser) -> None:
    """Add the option that makes new passwords."""
    parser.add_argument(
        "--new-passwords",
        action="store_true",
        help="of an original configuration: make new passwords, shown once, instead of keeping its own",
    )


def _run(arguments: argparse.Namespace) -> int:
    folder = home_folder()
    if steps.is_unfinished(folder) and not _is_original(folder):
        return go_on(folder)
    start = looking.look(folder)
    if start is None:
        if (folder / files.NAME).exists():
            files.unsealed(folder)  # says it where it is damaged
            raise SettingsError(
                f"{folder / files.NAME}: is this program's own; there is nothing to take over"
            )
        raise SettingsError(
            f"{folder / files.NAME}: is missing. Copy the original's config.json and config_key.key here, "
            "or name their folder in SUBSTATION_HOME"
        )
    return ask_and_take_over(
        start, yes=arguments.yes, new_passwords=arguments.new_passwords, dry_run=arguments.dry_run
    )


def is_due(folder: Path) -> bool:
    """Return whether there is something to take over, or to go on with."""
    return _is_original(folder) or steps.is_unfinished(folder)


def resume_or_ask(folder: Path, *, yes: bool, new_passwords: bool) -> int:
    """Do what `encrypt_config.py` without a command does where `is_due`."""
    start = looking.look(folder)
    if start is None:
        return go_on(folder)
    return ask_and_take_over(start, yes=yes, new_passwords=new_passwords)


def go_on(folder: Path) -> int:
    """Bring a take-over to its end that was broken off."""
    steps.finish(folder)
    print("The take-over that was broken off is at its end now.")
    _say_next()
    return EXIT_OK


def ask_and_take_over(start: Original, *, yes: bool, new_passwords: bool, dry_run: bool = False) -> int:
    """Show the plan, ask, do it; return the exit code."""
    if not start.plan.people and not new_passwords:
        raise SettingsError(
            f"{files.NAME}: dashboard_auth: is missing, so nobody could log in. Let new passwords be made: "
            "python3 encrypt_config.py takeover --new-passwords"
        )
    weak = {} if new_passwords else weak_passwords(start.plan)
    bind = LOOPBACK if weak else EVERYWHERE
    for line in words(start, weak, bind, new_passwords):
        print(line)
    if dry_run:
        print("\nNothing was changed (--dry-run).")
        return EXIT_OK
    if not yes:
        if not sys.stdin.isatty():
            print(
                "There is no terminal to ask on; nothing was changed. Do it without asking: "
                "python3 encrypt_config.py takeover --yes",
                file=sys.stderr,
            )
            return EXIT_USAGE
        if input("\nTake it over? [Y/n]: ").strip().casefold() not in ("", "y", "yes"):
            print("Nothing was changed.")
            return EXIT_OK
    show = outlet(yes) if new_passwords else None
    fresh = (
        {name: vault.generated_password() for name in (*_names(start.plan), EXPORT)} if new_passwords else {}
    )
    steps.take_over(start, settings_of(start.plan, fresh, bind, weak), new_passwords)
    if show:
        show(
            "\nThese passwords are shown once and kept nowhere; write them down now:\n"
            + "".join(f"  {name:<16} {password}\n" for name, password in fresh.items())
            + "\n"
        )
    print(f"\nTaken over: {start.folder / files.NAME} is sealed by a new key now.")
    _say_next()
    return EXIT_OK


def settings_of(
    plan: original.Plan, fresh: dict[str, str], bind: str, weak: Collection[str] = ()
) -> Settings:
    """Return our configuration; `fresh` passwords take the place of those that it had.

    Whose password is `weak` is marked.

    Raises:
        SettingsError: two names look alike, or a setting cannot be used.
    """
    settings = plan.settings({}, _hash(fresh.get(EXPORT) or plan.export), bind)
    for name in _names(plan):
        hashed = _hash(fresh.get(name) or plan.people[name])
        settings = people.added(settings, name, "administrator", hashed or "")
    return people.marked_weak(
        settings, {EXPORT if name == EXPORT else people.known(settings, name).name for name in weak}
    )


def weak_passwords(plan: original.Plan) -> dict[str, str]:
    """Return whose password is documented or weak, and why. The strength of a hash cannot be judged."""
    settings = plan.settings({}, None, LOOPBACK)
    found = {}
    for who, password in [*plan.people.items(), *([(EXPORT, plan.export)] if plan.export else [])]:
        if original.is_kept_hash(password):
            known = any(vault.verify_password(password, one) for one in vault.DEMO_PASSWORDS.values())
            reason = "this is a documented password, known to everybody" if known else None
        else:
            reason = people.refusal(settings, who, password)
        if reason:
            found[who] = reason
    return found


def words(start: Original, weak: dict[str, str], bind: str, new_passwords: bool) -> list[str]:
    """Return the plan as a person reads it."""
    plan = start.plan
    said = [f"{start.folder / files.NAME} is the original system's ({FORMS[start.form]}). It becomes:", ""]
    for row in plan.rows:
        said.append(f"  {row.name:<20} {row.was}")
        now = f"{row.setting} = {row.now}" if row.setting else row.why
        said.append(f"      -> {now}")
        if row.setting and row.why:
            said.append(f"         {row.why}")
    said += _part(
        "In clear beside the sealed part, which the original's programs never read:",
        [f"{one.name}: {one.words}" for one in start.found.differences],
    )
    said += _part(
        f"Set aside, sealed, in original/{ASIDE}; this program has no use for them:",
        [", ".join(original.printable(name) for name in plan.aside)] if plan.aside else [],
    )
    said += _part(
        "Moved into original/, as they are:", [f"{move.name}: {move.words}" for move in start.moves]
    )
    said += _part(
        "Kept in original/ too: config.json and its key. They still hold the old passwords:",
        ["remove both when everybody has logged in once", *_typed_into(start)],
    )
    outside = [f"{path}: python3 datalogger.py import {path}" for path in plan.outside if Path(path).exists()]
    said += _part("Outside this folder, left where they are:", outside)
    if new_passwords:
        said += _part("Passwords:", [f"new ones for {', '.join((*_names(plan), EXPORT))}, shown once"])
    elif weak:
        lines = [f"{who}: {reason}" for who, reason in weak.items()]
        lines.append(
            "the dashboard answers on this machine alone (127.0.0.1) now. Set others first, then open it to "
            "the network:"
        )
        lines += [new_password(who) for who in weak]
        lines.append(f"python3 encrypt_config.py set web.bind {EVERYWHERE}")
        said += _part("Passwords that cannot stay on a network:", lines)
    said += _part(
        "Notes:",
        [
            f"the dashboard listens on {bind}, port 8050",
            *([] if plan.export or new_passwords else ["no password of the export was set: passwd --export"]),
            *plan.advice,
        ],
    )
    return said


def _typed_into(start: Original) -> list[str]:
    """Return what to remove of the original's audit log: it wrote down what was typed as a password."""
    named = start.found.values.get("audit_log_file")
    names = {looking.AUDIT_LOG, Path(named).name if isinstance(named, str) else ""}
    logs = [move.to for move in start.moves if Path(move.name).name in names]
    return [f"{log} too: the original wrote into it what people typed as passwords" for log in logs]


def _part(title: str, lines: list[str]) -> list[str]:
    return ["", title, *(f"  - {line}" for line in lines)] if lines else []


def _names(plan: original.Plan) -> tuple[str, ...]:
    return tuple(plan.people) or (ADMIN,)


def _hash(password: str | None) -> str | None:
    if password is None or original.is_kept_hash(password):
        return password
    return vault.hash_password(password)


def _is_original(folder: Path) -> bool:
    """Return whether the configuration is the original's, as far as it can be read; no mode is changed."""
    try:
        document = json.loads((folder / files.NAME).read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return files.original_form(folder, document) is not None


def _say_next() -> None:
    print("Next: python3 encrypt_config.py check")
    print("      ./start.sh")
    print("      python3 datalogger.py import     brings in the readings of before")
