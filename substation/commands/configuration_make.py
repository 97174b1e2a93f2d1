"""Makes a new station: key, sealed configuration, first users."""

from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from substation.audit import KEY_INFO, Audit
from substation.clock import Clock, SystemClock
from substation.errors import SettingsError
from substation.settings import files, names, vault
from substation.settings.model import CARD_METERS, Home, Settings, parse

SERVICE = "encrypt_config"
ADMIN = "admin"


def make_station(
    folder: Path,
    *,
    simulated: bool,
    passwords: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
    user: str = "",
    clock: Clock | None = None,
) -> None:
    """Make key and configuration of a station with the five meters of the card.

    Args:
        folder: the station's home; made where it is missing (mode 0700).
        simulated: stamped for ever: a demo.
        passwords: of `admin` and `export`; a demo without any gets the documented ones.
        overrides: settings by their dotted name, such as `{"lines.0.port": "/dev/ttyUSB0"}`.
        user: who makes it, for the audit log.
        clock: for the audit log.

    Raises:
        SettingsError: there is a configuration already, or a setting cannot be used.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    given = dict(passwords or (vault.DEMO_PASSWORDS if simulated else {}))
    if set(given) != {ADMIN, "export"}:
        raise SettingsError("a station needs two passwords: of admin and of the export")
    with files.locked(folder):
        settings = _sealed(folder, simulated, given, overrides or {})
    home = Home(folder, settings.paths)
    audit = Audit(
        home.audit,
        vault.derive(vault.read_key(folder), KEY_INFO),
        SERVICE,
        clock or SystemClock(),
        ZoneInfo(settings.site.timezone),
    )
    audit.write(
        "config.changed", user=user, setting=files.NAME, before="none", after="made", simulated=simulated
    )
    for name in given:
        audit.write("password.changed", user=user, of=name)


def _sealed(
    folder: Path, simulated: bool, passwords: Mapping[str, str], overrides: Mapping[str, object]
) -> Settings:
    if (folder / files.NAME).exists() or (folder / files.NAME).is_symlink():
        raise SettingsError(
            f"{folder / files.NAME}: is there already and is never overwritten. See it: python3 encrypt_config.py "
            "show; change it: python3 encrypt_config.py set. For a new one move config.json and its key away first"
        )
    plain: dict[str, object] = {
        "simulated": simulated,
        "meters": [meter.model_dump(mode="json") for meter in CARD_METERS],
        "users": [
            {
                "name": ADMIN,
                "role": "administrator",
                "password_hash": vault.hash_password(passwords[ADMIN]),
            }
        ],
        "export_password_hash": vault.hash_password(passwords["export"]),
    }
    settings = names.with_values(parse(plain, files.NAME), overrides, files.NAME)
    key = vault.find_key(folder)
    if not key.exists():
        vault.write_key(key, vault.new_key())
    files.write_new(folder, settings)
    return settings
