"""Changes the configuration: one setting, several in an editor, a password. Each change is audited."""

import getpass
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from substation.access.users import demo_passwords_in_use
from substation.commands.configuration_open import audit_of, load_and_say, record
from substation.errors import EXIT_OK, EXIT_USAGE, SettingsError
from substation.settings import files, names, passwords, vault
from substation.settings.files import NAME
from substation.settings.model import Settings, User, parse

EDITORS = ("nano", "vim", "vi")


def set_value(folder: Path, name: str, text: str) -> int:
    """Change one setting to what was typed; refused ones leave the file untouched."""
    load_and_say(folder)
    before, after = files.update(folder, lambda settings: names.with_text(settings, name, text))
    if before == after:
        print(f"{name} is {text} already")
        return EXIT_OK
    _record_changes(folder, before, after)
    _warn(after)
    return EXIT_OK


def edit(folder: Path) -> int:
    """Let a person edit the configuration, without its secrets, in his editor."""
    loaded = load_and_say(folder)
    editor = _editor()
    text = json.dumps(_open_part(loaded.settings), indent=2, ensure_ascii=False) + "\n"
    with tempfile.TemporaryDirectory(prefix="substation-") as private:  # mode 0700
        path = Path(private) / "configuration.json"
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        while True:
            if subprocess.run([*editor, str(path)], check=False).returncode:
                raise SettingsError(f"{editor[0]} ended with an error; nothing was changed")
            try:
                after = _closed(loaded.settings, path.read_text(encoding="utf-8"))
                break
            except (SettingsError, UnicodeDecodeError) as exc:
                if not sys.stdin.isatty():
                    raise
                print(exc)
                if input("Open it again? [Y/n]: ").strip().casefold().startswith("n"):
                    raise

    def exchange(current: Settings) -> Settings:
        if current != loaded.settings:
            raise files.BeingChanged(
                f"{NAME}: was changed by somebody else meanwhile; your changes were not taken. Edit it again"
            )
        return after

    before, after = files.update(folder, exchange)
    if before == after:
        print("Nothing was changed")
    _record_changes(folder, before, after)
    _warn(after)
    return EXIT_OK


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
    password = _asked_twice(f"New password of {who}")
    if password is None:
        print("The two passwords differ; nothing was changed", file=sys.stderr)
        return EXIT_USAGE
    demo = settings.simulated and password in vault.DEMO_PASSWORDS.values()
    reason = None if demo else passwords.refusal(password, context=_context(settings, who))
    if reason:
        print(f"Not taken: {reason}. Nothing was changed", file=sys.stderr)
        return EXIT_USAGE
    fresh = vault.hash_password(password)

    def exchange(current: Settings) -> Settings:
        if export:
            return current.model_copy(update={"export_password_hash": fresh})
        users = tuple(
            one.model_copy(update={"password_hash": fresh}) if one.name == who else one
            for one in current.users
        )
        return current.model_copy(update={"users": users})

    _, after = files.update(folder, exchange)
    record(audit_of(folder, after), "password.changed", of=who)
    print(f"Password of {who} changed")
    return EXIT_OK


def _record_changes(folder: Path, before: Settings, after: Settings) -> None:
    audit = audit_of(folder, before)  # a moved log keeps, as its last line, where it was moved to
    for name, old, new in names.differences(before, after):
        record(audit, "config.changed", setting=name, before=old, after=new)
        print(f"{name}: {old} -> {new}")


def _warn(settings: Settings) -> None:
    if not settings.web.loopback and (known := demo_passwords_in_use(settings)):
        print(
            f"Warning: {', '.join(known)} still has a documented demo password, so the dashboard will refuse "
            f"to start on {settings.web.bind}. Remedy: python3 encrypt_config.py passwd",
            file=sys.stderr,
        )


def _editor() -> list[str]:
    named = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    found = shlex.split(named) if named else [one for one in EDITORS if shutil.which(one)][:1]
    if not found or shutil.which(found[0]) is None:
        raise SettingsError(
            f"there is no editor{f' {found[0]}' if found else ''}; name yours in EDITOR, or use "
            "python3 encrypt_config.py set"
        )
    return found


def _open_part(settings: Settings) -> dict[str, object]:
    """Return the configuration as a person may see and edit it."""
    plain = settings.model_dump(mode="json", exclude={"simulated", "export_password_hash"})
    shown = names.without_secrets(plain)
    return shown if isinstance(shown, dict) else {}


def _closed(before: Settings, text: str) -> Settings:
    """Return the edited configuration with its secrets put back; users keep theirs by name."""
    try:
        data = json.loads(text)
    except ValueError as exc:
        raise SettingsError(f"the edited text is no JSON: {exc}; correct that line") from exc
    if not isinstance(data, dict):
        raise SettingsError("the edited text is no configuration; it must be { ... }")
    for name in data:
        if name in names.FIXED or names.is_secret(name):
            raise SettingsError(f"{NAME}: {name}: cannot be set here; leave it out")
    hashes = {user.name: user.password_hash for user in before.users}
    users = data.get("users", [])
    for user in users if isinstance(users, list) else ():
        if not isinstance(user, dict):
            continue
        if "password_hash" in user:
            raise SettingsError(f"{NAME}: users: password_hash: cannot be set here; leave it out")
        if user.get("name") not in hashes:
            raise SettingsError(
                f"{NAME}: users: '{user.get('name')}' has no password yet; here users are changed "
                "or removed, not added or renamed"
            )
        user["password_hash"] = hashes[user["name"]]
    data["simulated"] = before.simulated
    data["export_password_hash"] = before.export_password_hash
    return parse(data, NAME)


def _wanted(settings: Settings, name: str | None) -> User | None:
    if name is None:
        return next((user for user in settings.users if user.role == "administrator"), None)
    return next((user for user in settings.users if user.name == name), None)


def _asked_twice(question: str) -> str | None:
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


def _context(settings: Settings, who: str) -> list[str]:
    return [who, settings.site.name, *(meter.name for meter in settings.meters)]
