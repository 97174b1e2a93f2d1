"""What every command on the configuration does first: load it, say and record what was put right."""

import os
import pwd
import sys
from pathlib import Path

from substation.audit import Audit
from substation.clock import Clock, SystemClock
from substation.errors import SettingsError
from substation.settings import files, vault
from substation.settings.files import Loaded
from substation.settings.model import Settings

SERVICE = "encrypt_config"
SOURCE = "terminal"


def load_mended(folder: Path, service: str) -> Loaded:
    """Return the configuration; a mended mode is said on stderr and recorded as `key.mode`.

    `service`: who writes the audit line.
    """
    loaded = files.load(folder)
    if loaded.warnings:
        audit = Audit.of_station(folder, loaded.settings, service, SystemClock())
        for warning in loaded.warnings:
            print(f"Warning: {warning}", file=sys.stderr)
            record(audit, "key.mode", what=warning)
        audit.close()
    return loaded


def load_and_say(folder: Path, *, rotating: bool = False) -> Loaded:
    """Return the configuration as `load_mended` does; a broken-off rotation is named too.

    `rotating`: the key is being rotated just now, so nobody needs to be told that it is not at its end.
    """
    loaded = load_mended(folder, SERVICE)
    if not rotating and len(vault.open_key(folder, mend=False).keys) > 1:
        print(
            "Note: a rotation of the key was broken off. Finish it: python3 encrypt_config.py rotate",
            file=sys.stderr,
        )
    return loaded


def refuse_foreign_root(folder: Path, command: str, program: str = "encrypt_config.py") -> None:
    """Raise SettingsError when root would leave files behind that the station's own user cannot write.

    Allowed where the key is root's: then nobody else may rotate it.
    """
    owner = folder.stat().st_uid
    if os.geteuid() != 0 or owner == 0:
        return
    key = vault.find_key(folder)
    if key.exists() and key.stat().st_uid == 0:
        return
    try:
        name = pwd.getpwuid(owner).pw_name
    except KeyError:
        name = f"#{owner}"
    raise SettingsError(
        f"{folder}: belongs to {name}, and new files would become root's. Run it as that user: "
        f"sudo -u {name} SUBSTATION_HOME={folder} python3 {program} {command}"
    )


def audit_of(folder: Path, settings: Settings, clock: Clock | None = None) -> Audit:
    """Return the station's audit log as this program writes to it."""
    return Audit.of_station(folder, settings, SERVICE, clock or SystemClock())


def record(audit: Audit, event: str, **details: object) -> None:
    """Write an audit line for the person at the keyboard; say it when that fails."""
    if not audit.write(event, user=person(), src=SOURCE, ok=True, **details):
        print(f"Warning: {audit.last_problem}", file=sys.stderr)


def person() -> str:
    """Return the login name of who runs the command, behind sudo too."""
    uid = os.environ.get("SUDO_UID", "")
    try:
        return pwd.getpwuid(int(uid) if uid.isdecimal() and os.geteuid() == 0 else os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
