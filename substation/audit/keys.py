"""The keys under which the chain is sealed: the one in force, and those before a key rotation."""

from dataclasses import dataclass, field
from pathlib import Path

from substation.settings import files, vault
from substation.settings.model import RetiredAuditKey, Settings

KEY_INFO = "audit v1"
"""The purpose for which `settings.vault.derive` makes the chain's key."""


@dataclass(frozen=True, slots=True)
class AuditKey:
    """A key of the chain."""

    kid: str
    """Name of the configuration key it came from (`vault.kid`); empty: not known."""
    key: bytes = field(repr=False)
    last: tuple[int, str] | None = None
    """Number and MAC of the last line under a retired key (`key.rotated`); None: in force, or not known."""


def keys_of(settings: Settings, config_key: bytes) -> tuple[AuditKey, ...]:
    """Return the chain's keys: the one in force first, then the retired ones."""
    return (
        AuditKey(vault.kid(config_key), vault.derive(config_key, KEY_INFO)),
        *(_retired(one) for one in settings.audit_keys),
    )


def _retired(one: RetiredAuditKey) -> AuditKey:
    last = (one.last_seq, one.last_mac) if one.last_seq is not None and one.last_mac is not None else None
    return AuditKey(one.kid, bytes.fromhex(one.key), last)


def keys_in(folder: Path) -> tuple[AuditKey, ...]:
    """Return the chain's keys of the station in `folder`, as they are now. Raises SettingsError."""
    loaded = files.load(folder, mend=False)
    return keys_of(loaded.settings, loaded.key)
