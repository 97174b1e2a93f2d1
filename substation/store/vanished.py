"""A history that was there at the last start, and is gone: deleted, or taken by a repair of the file system.

A new one begins, since polling goes on; but nobody may take it for the one that stood there.
"""

import datetime as dt
import json
from pathlib import Path

from substation.settings.model import Home
from substation.store.salvage import report as salvage_report

REMEDY = (
    "If that was not meant: stop the station, move the new daily_data.db away and let python3 datalogger.py "
    "restore bring back what the copies hold"
)


def words(home: Home, *, simulated: bool) -> str:
    """Return what is to be said where a history of this kind is remembered and none stands; else nothing."""
    known = salvage_report.identity(home)
    if (
        "uid" not in known
        or home.history.exists()
        or known.get("simulated") != ("yes" if simulated else "no")
    ):
        return ""
    return (
        f"{home.history} is gone: the history {known['uid']} stood there, and an empty one begins; "
        f"{_copies(home.copied)}"
    )


def _copies(path: Path) -> str:
    """Return in words which copies there are, by the state file of the last one."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        folder, at_ms = str(said["folder"]), int(said["at_ms"])
        at = dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC)
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return "no copies of it are known here"
    return f"copies of it lie in {folder}, the last taken at {at:%Y-%m-%d %H:%M} UTC"
