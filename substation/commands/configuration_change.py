"""Changes the configuration: one setting, several in an editor, a password. Each change is audited."""

import getpass
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from substation.access.users import demo_passwords_in_use
from substation.commands.configuration_check import (
    address_words,
    new_passwords,
    refuse_new_misfits,
    refuse_new_profiles,
    weak_words,
)
from substation.commands.configuration_open import audit_of, load_and_say, record
from substation.errors import EXIT_OK, EXIT_USAGE, SettingsError
from substation.settings import files, names, people, vault
from substation.settings.files import NAME
from substation.settings.model import KNOWN_HASHES, Home, Settings, User, parse

EDITORS = ("nano", "vim", "vi")
_PASSWORD = ("password_hash", "password_weak")
"""What of a user an editor does not see."""
KEPT = "(hidden; write a new one here, or leave this)"
"""What an editor sees in the place of a recipient's address."""


def set_value(folder: Path, name: str, text: str) -> int:
    """Change one setting to what was typed; refused ones leave the file untouched."""
    load_and_say(folder)

    def exchange(current: Settings) -> Settings:
        changed = names.with_text(current, name, text)
        people.keep_an_administrator(current, changed)
        refuse_new_profiles(current.model_dump(mode="json"), changed, Home(folder).profiles)
        refuse_new_misfits(current.model_dump(mode="json"), changed)
        return changed

    before, after = files.update(folder, exchange)
    if before == after:
        print(f"{name} is {text} already")
        return EXIT_OK
    _record_changes(folder, before, after)
    _warn(after)
    return EXIT_OK


def edit(folder: Path) -> int:
    """Let a person edit the configuration, without its secrets, in his editor.

    One that this program cannot use, such as a newer version's, is opened all the same.
    """
    before: Settings | None = None
    why = ""
    try:
        before = load_and_say(folder).settings
    except SettingsError as exc:
        why = str(exc)
    plain = files.unsealed(folder).data  # raises again where it is not about a setting
    editor = _editor()
    if why:
        print(why, file=sys.stderr)
        if sys.stdin.isatty():
            input("Press Enter to open it: ")
    after = _edited(plain, editor, Home(folder).profiles)
    if after == before:
        print("Nothing was changed")
        return EXIT_OK
    files.replace(folder, plain, after)
    _record_changes(folder, before or plain, after)
    if plain.get("export_password_hash") and not after.export_password_hash:
        print(
            "Warning: the export's password could not be kept. "
            "Remedy: python3 encrypt_config.py passwd --export",
            file=sys.stderr,
        )
    _warn(after)
    return EXIT_OK


def _edited(plain: Mapping[str, object], editor: list[str], own: Path) -> Settings:
    """Return what the person made of the configuration; he may correct it until it can be used."""
    text = json.dumps(_open_part(plain), indent=2, ensure_ascii=False) + "\n"
    with tempfile.TemporaryDirectory(prefix="substation-") as private:  # mode 0700
        path = Path(private) / "configuration.json"
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        while True:
            if subprocess.run([*editor, str(path)], check=False).returncode:
                raise SettingsError(f"{editor[0]} ended with an error; nothing was changed")
            try:
                return _closed(plain, path.read_text(encoding="utf-8"), own)
            except (SettingsError, UnicodeDecodeError) as exc:
                if not sys.stdin.isatty():
                    raise
                print(exc)
                if input("Open it again? [Y/n]: ").strip().casefold().startswith("n"):
                    raise


def change_password(folder: Path, name: str | None, *, export: bool) -> int:
    """Set a user's password, or that of the export; return the exit code."""
    settings = load_and_say(folder).settings
    if export:
        who = "export"
    else:
        user = _wanted(settings, name)
        if user is None:
            known = ", ".join(one.name for one in settings.users) or "none"
            print(f"There is no user {name or ''}; known: {known}", file=sys.stderr)
            return EXIT_USAGE
        who = user.name
    password = asked_twice(f"New password of {who}")
    if password is None:
        print("The two passwords differ; nothing was changed", file=sys.stderr)
        return EXIT_USAGE
    reason = people.refusal(settings, who, password)
    if reason:
        print(f"Not taken: {reason}. Nothing was changed", file=sys.stderr)
        return EXIT_USAGE
    fresh = vault.hash_password(password)

    def exchange(current: Settings) -> Settings:
        if export:
            return people.with_export_password(current, fresh)
        return people.with_password(current, who, fresh)

    _, after = files.update(folder, exchange)
    record(audit_of(folder, after), "password.changed", of=who)
    print(f"Password of {who} changed")
    return EXIT_OK


def _record_changes(folder: Path, before: Settings | Mapping[str, object], after: Settings) -> None:
    # A moved log keeps, as its last line, where it was moved to.
    audit = audit_of(folder, before if isinstance(before, Settings) else after)
    for name, old, new in names.differences(before, after):
        record(audit, "config.changed", setting=name, before=old, after=new)
        print(f"{name}: {old} -> {new}")


def _warn(settings: Settings) -> None:
    for words in address_words(settings):
        print(f"Note: {words}", file=sys.stderr)
    if settings.web.loopback:
        return
    known = demo_passwords_in_use(settings)
    if known:
        print(
            f"Warning: {', '.join(known)} still has a documented demo password, so the dashboard will refuse "
            f"to start on {settings.web.bind}. Remedy: {new_passwords(known)}",
            file=sys.stderr,
        )
    if words := weak_words(settings):
        print(f"Warning: {words}", file=sys.stderr)


def _editor() -> list[str]:
    named = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    found = shlex.split(named) if named else [one for one in EDITORS if shutil.which(one)][:1]
    if not found or shutil.which(found[0]) is None:
        raise SettingsError(
            f"there is no editor{f' {found[0]}' if found else ''}; name yours in EDITOR, or use "
            "python3 encrypt_config.py set"
        )
    return found


def _open_part(plain: Mapping[str, object]) -> object:
    """Return the configuration as a person may see and edit it."""
    shown = names.without_secrets({name: part for name, part in plain.items() if name not in names.FIXED})
    for one in _recipients(shown):
        one["address"] = KEPT
    return shown


def _recipients(data: object) -> list[dict[str, object]]:
    """Return those who get messages, as far as they are written as such."""
    part = data.get("messages") if isinstance(data, dict) else None
    found = part.get("recipients") if isinstance(part, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _put_addresses_back(before: Mapping[str, object], data: dict[str, object]) -> None:
    """Give each recipient whose address was left alone the one that he had; by name. Raises SettingsError."""
    kept = {one.get("name"): one.get("address") for one in _recipients(before)}
    for one in _recipients(data):
        if one.get("address", KEPT) != KEPT:
            continue
        if one.get("name") not in kept:
            raise SettingsError(
                f"{NAME}: messages.recipients: '{one.get('name')}' is new or renamed; write his address, too"
            )
        one["address"] = kept[one.get("name")]


def _closed(before: Mapping[str, object], text: str, own: Path) -> Settings:
    """Return the edited configuration with its secrets put back; users keep theirs by name.

    `own` is the station's own folder of meter profiles.
    """
    try:
        data = json.loads(text)
    except ValueError as exc:
        raise SettingsError(f"the edited text is no JSON: {exc}; correct that line") from exc
    if not isinstance(data, dict):
        raise SettingsError("the edited text is no configuration; it must be { ... }")
    for name in data:
        if name in names.FIXED or names.is_secret(name):
            raise SettingsError(f"{NAME}: {name}: cannot be set here; leave it out")
    known = before.get("users")
    kept = {
        user["name"]: {name: user[name] for name in _PASSWORD if name in user}
        for user in (known if isinstance(known, list) else ())
        if isinstance(user, dict) and isinstance(user.get("name"), str)
    }
    users = data.get("users", [])
    for user in users if isinstance(users, list) else ():
        if not isinstance(user, dict):
            continue
        for name in _PASSWORD:
            if name in user:
                raise SettingsError(f"{NAME}: users: {name}: cannot be set here; leave it out")
        name = user.get("name")
        if not isinstance(name, str) or name not in kept:
            raise SettingsError(
                f"{NAME}: users: '{name}' has no password yet; here users are changed "
                "or removed, not added or renamed. Add one: python3 encrypt_config.py user add NAME"
            )
        user.update(kept[name])
    _put_addresses_back(before, data)
    data["simulated"] = before.get("simulated", False)
    export = before.get("export_password_hash")
    is_hash = isinstance(export, str) and re.match(KNOWN_HASHES, export) is not None
    data["export_password_hash"] = export if is_hash else None
    data["export_password_weak"] = is_hash and before.get("export_password_weak") is True
    after = parse(data, NAME)
    people.keep_an_administrator(before, after)
    refuse_new_profiles(before, after, own)
    refuse_new_misfits(before, after)
    return after


def _wanted(settings: Settings, name: str | None) -> User | None:
    if name is None:
        return next((user for user in settings.users if user.role == "administrator"), None)
    return people.find(settings, name)


def asked_twice(question: str) -> str | None:
    """Return the password, or None when the two differ. From a pipe: two lines."""
    if sys.stdin.isatty():
        first, second = getpass.getpass(f"{question}: "), getpass.getpass("Once more: ")
    else:
        first, second = (_line() for _ in range(2))
    return first if first == second else None


def _line() -> str:
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.removesuffix("\n").removesuffix("\r")
