"""What of an original configuration has no place here: kept, sealed by the station's key, in `original/`."""

import json
from collections.abc import Mapping
from pathlib import Path

from substation.errors import SettingsError
from substation.settings import vault
from substation.settings.atomic import write_atomic
from substation.settings.model import Home

NAME = "config_set_aside.json"


def paths(folder: Path) -> list[Path]:
    """Return the sealed files; more than one after several take-overs."""
    return sorted(Home(folder).original.glob("config_set_aside*.json"))


def keep(path: Path, values: Mapping[str, object], key: bytes) -> None:
    """Seal the values into a file."""
    write_atomic(path, _sealed(values, key))


def read(path: Path, ring: vault.KeyFile) -> dict[str, object]:
    """Return what was set aside; raises SettingsError."""
    return _unsealed(path, ring)[0]


def reseal(folder: Path, ring: vault.KeyFile) -> None:
    """Seal every file by the first key; one that cannot be read is refused, for its key must not go."""
    for path in paths(folder):
        values, key = _unsealed(path, ring)
        if key != ring.primary:
            keep(path, values, ring.primary)


def _sealed(values: Mapping[str, object], key: bytes) -> bytes:
    return json.dumps(vault.seal(key, values), indent=1).encode() + b"\n"


def _unsealed(path: Path, ring: vault.KeyFile) -> tuple[dict[str, object], bytes]:
    name = f"{path.parent.name}/{path.name}"
    try:
        document = json.loads(path.read_bytes())
    except OSError as exc:
        raise SettingsError(f"{name}: cannot be read ({exc.strerror})") from exc
    except ValueError as exc:
        raise SettingsError(f"{name}: is no JSON; put it back from your backup, or move it away") from exc
    return vault.unseal_by(ring.keys, document, name)
