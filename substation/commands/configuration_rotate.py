"""`encrypt_config.py rotate`: a new key for the configuration; readable with the key file at every step.

1. The new key is added to the key file, before the old one; the old one is still in force.
2. The configuration is sealed by the new key, in one rename: from here on the new one is in force. The
   audit chain's key of before is kept in it (`audit_keys`), so that old lines can still be verified.
3. The audit log ends with `key.rotated` under the old key and begins a file under the new one. The
   number of that last line is kept with the old key: nothing after it may be sealed with it.
4. What was set aside of the original's configuration is sealed anew.
5. The old key leaves the key file.

Killed at any step, all of it can be read with the key file as it is, and `rotate` again goes on where
it stopped. Poller and dashboard go on: they read the configuration as it is now, and their audit log
asks for its key again when a new file was begun.
"""

import argparse
from pathlib import Path
from typing import Any

from substation.audit import KEY_INFO, AuditKey, rotate
from substation.audit.rotation import retired_at
from substation.clock import Clock, SystemClock
from substation.commands import configuration_aside as aside
from substation.commands.configuration_open import SERVICE, load_and_say, person, refuse_foreign_root
from substation.errors import EXIT_OK, SettingsError, StoreError
from substation.settings import files, vault
from substation.settings.atomic import remove_leftovers
from substation.settings.files import home_folder
from substation.settings.model import Home, RetiredAuditKey, Settings


def add(command: Any) -> None:
    """Add `rotate` to the command line of `encrypt_config.py`."""
    command("rotate", _run, "make a new key, seal the configuration with it and retire the old one")


def _run(_: argparse.Namespace) -> int:
    folder = home_folder()
    load_and_say(folder, rotating=True)
    went_on = rotate_key(folder)
    new = vault.read_key(folder)
    if went_on:
        print("The rotation that was broken off is at its end now.")
    print(f"The key in {vault.find_key(folder)} is new ({vault.kid(new)}), and config.json is sealed by it.")
    print("Keep a copy of both, in different places; a copy of the old key opens only old copies.")
    print("Where systemd hands the key to services (LoadCredential), restart them now.")
    return EXIT_OK


def rotate_key(folder: Path, clock: Clock | None = None) -> bool:
    """Give the station a new key; return whether this went on with a rotation that was broken off.

    Raises:
        SettingsError: the key is only handed over to us, or something cannot be read or written.
        StoreError: the audit log cannot be closed; the rotation can be gone on with.
    """
    clock = clock or SystemClock()
    refuse_handed_over(folder)
    refuse_foreign_root(folder, "rotate")
    with files.locked(folder):
        loaded = files.load(folder)
        ring = vault.open_key(folder)
        for path in aside.paths(folder):
            aside.read(path, ring)  # one that cannot be read is said before anything is changed
        went_on = len(ring.keys) > 1
        if loaded.key == ring.primary and not went_on:
            vault.exchange_keys(ring, (vault.new_key(), loaded.key))
            ring = vault.open_key(folder)
        settings = _with_retired(loaded.settings, [key for key in ring.keys if key != ring.primary])
        if loaded.key != ring.primary or settings != loaded.settings:
            files.seal(folder, settings, ring.primary)
        _rotate_audit(folder, settings, ring, clock)
        ended = _with_ends(folder, settings)
        if ended != settings:
            files.seal(folder, ended, ring.primary)
        aside.reseal(folder, ring)
        vault.exchange_keys(ring, (ring.primary,))
        for path in (ring.path, folder / files.NAME, *aside.paths(folder)):
            remove_leftovers(path)  # of a rotation that was broken off: an old key may stand in them
    return went_on


def refuse_handed_over(folder: Path) -> None:
    """Raise SettingsError where the key is a copy made for a service: the file it came from is elsewhere."""
    path = vault.find_key(folder)
    if vault.handed_over(path):
        raise SettingsError(
            f"{path}: was handed over by systemd and is only a copy. Rotate where the key is kept, as its "
            f"owner: SUBSTATION_HOME={folder} SUBSTATION_CONFIG_KEY_FILE=<its file> "
            "python3 encrypt_config.py rotate; then restart the services"
        )


def _with_retired(settings: Settings, keys: list[bytes]) -> Settings:
    """Return the settings with the audit keys of these configuration keys kept, the newest first."""
    known = {one.kid for one in settings.audit_keys}
    fresh = tuple(
        RetiredAuditKey(kid=vault.kid(key), key=vault.derive(key, KEY_INFO).hex())
        for key in keys
        if vault.kid(key) not in known
    )
    return settings.model_copy(update={"audit_keys": (*fresh, *settings.audit_keys)})


def _rotate_audit(folder: Path, settings: Settings, ring: vault.KeyFile, clock: Clock) -> None:
    new, old = (AuditKey(vault.kid(key), vault.derive(key, KEY_INFO)) for key in ring.keys[:2])
    path = Home(folder, settings.paths).audit
    rotate(path, old, new, clock, settings.site.zone, service=SERVICE, user=person())


def _with_ends(folder: Path, settings: Settings) -> Settings:
    """Return the settings with the last line under each retired key, where that is found in the log."""
    path = Home(folder, settings.paths).audit

    def ended(one: RetiredAuditKey) -> RetiredAuditKey:
        if one.last_seq is not None:
            return one
        try:
            found = retired_at(path, AuditKey(one.kid, bytes.fromhex(one.key)))
        except OSError as exc:
            raise StoreError(f"{path}: the audit log cannot be read ({exc.strerror or exc})") from exc
        return one.model_copy(update={"last_seq": found[0], "last_mac": found[1]}) if found else one

    return settings.model_copy(update={"audit_keys": tuple(ended(one) for one in settings.audit_keys)})
