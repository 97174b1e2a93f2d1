"""The demo's site, kept in a file: the same station after every start.

`simulated_site.json` in the station's home holds seed, epoch and every failure and trouble played so far, so
that history made in one process, the live line in another and a start next week agree to the watt
hour.
"""

import json
import os
import secrets
import zoneinfo
from dataclasses import asdict
from pathlib import Path

from substation.clock import day_start_ms
from substation.errors import SettingsError
from substation.simulator.loads import facts
from substation.simulator.site import Failure, Site, Trouble

NAME = "simulated_site.json"
SEED = 1
_MINUTE_MS = 60_000
_HOUR_MS = 3_600_000


def site_of(home: Path, zone: zoneinfo.ZoneInfo, now_ms: int) -> Site:
    """Return the site of the demo in `home`; a new one begins at this minute, with a past.

    Raises SettingsError when the file cannot be read or written.
    """
    path = home / NAME
    if not path.exists():
        epoch_ms = now_ms // _MINUTE_MS * _MINUTE_MS
        _write(path, Site(SEED, epoch_ms=epoch_ms, zone=zone, failures=_past(epoch_ms, zone)), new=True)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        failures = [Failure(**failure) for failure in data["failures"]]
        troubles = [Trouble(**trouble) for trouble in data.get("troubles", [])]  # older files have none
        return Site(data["seed"], epoch_ms=data["epoch_ms"], zone=zone, failures=failures, troubles=troubles)
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise SettingsError(
            f"{path}: cannot be used ({exc}). Remove the demo's folder and start the demo anew"
        ) from exc


def keep(home: Path, site: Site) -> None:
    """Write down the site with all it has by now. Raises SettingsError when that fails."""
    _write(home / NAME, site, new=False)


def _write(path: Path, site: Site, *, new: bool) -> None:
    data = {
        "seed": site.seed,
        "epoch_ms": site.epoch_ms,
        "failures": [asdict(failure) for failure in site.failures],
        "troubles": [asdict(trouble) for trouble in site.troubles],
    }
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        beside.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
        try:
            if new:
                os.link(beside, path)  # fails where another process was first: its epoch counts
            else:
                beside.replace(path)
        except FileExistsError:
            pass
        finally:
            beside.unlink(missing_ok=True)
    except OSError as exc:
        raise SettingsError(f"{path}: cannot be written ({exc.strerror})") from exc


def _past(epoch_ms: int, zone: zoneinfo.ZoneInfo) -> list[Failure]:
    result = []
    for past in facts().past_failure:
        start_ms = day_start_ms(epoch_ms, zone, past.days_before) + round(past.at * _HOUR_MS)
        result.append(Failure(start_ms, start_ms + round(past.minutes * _MINUTE_MS)))
    return result
