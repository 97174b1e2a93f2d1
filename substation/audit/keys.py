"""The keys under which the chain is sealed: the one in force, and those before a key rotation."""

from dataclasses import dataclass, field
from pathlib import Path

from substation.settings import files, vault
from substation.settings.model import Settings

KEY_INFO = "audit v1"
"""The purpose for which `settings.vault.derive` makes the chain's key."""


@dataclass(frozen=True, slots=True)
class AuditKey:
    """A key of the chain."""

    kid: str
    """Name of the configuration key it came from (`vault.kid`); empty: not known."""
    key: bytes = field(repr=False)


def keys_of(settings: Settings, config_key: bytes) -> tuple[AuditKey, ...]:
    """Return the chain's keys: the one in force first, then the retired ones."""
    return (
        AuditKey(vault.kid(config_key), vault.derive(config_key, KEY_INFO)),
        *(AuditKey(retired.kid, bytes.fromhex(retired.key)) for retired in settings.audit_keys),
    )


def keys_in(folder: Path) -> tuple[AuditKey, ...]:
    """Return the chain's keys of the station in `folder`, as they are now. Raises SettingsError."""
    loaded = files.load(folder)
    return keys_of(loaded.settings, loaded.key)
