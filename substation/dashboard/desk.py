"""What the parts of the dashboard share beside the feed: the settings in force, the audit log, the clock.

Addresses (`add(server, desk)`) get it when the application is made; pages ask for `current()`.
"""

from dataclasses import dataclass
from pathlib import Path

from substation.access.sessions import Sessions
from substation.audit import Audit
from substation.clock import Clock
from substation.dashboard.login import Login, Throttle
from substation.dashboard.operators import Operators
from substation.dashboard.watch import Watch


@dataclass(frozen=True, slots=True)
class Desk:
    """One dashboard's tools."""

    folder: Path
    """The station's home."""
    watch: Watch
    """The settings in force (`watch.settings`), and `watch.look()`."""
    audit: Audit
    database: Operators
    throttle: Throttle
    """Failed logins; another purpose counts apart under a name of its own (`export` + user)."""
    login: Login
    sessions: Sessions
    """Who is logged in; whoever changes a password or a user ends the sessions here."""
    clock: Clock


_current: list[Desk] = []


def set_current(desk: Desk) -> None:
    """Make this the desk of the process."""
    _current[:] = [desk]


def current() -> Desk:
    """Return the desk of this process; RuntimeError before a dashboard was made."""
    if not _current:
        raise RuntimeError("no dashboard was made in this process")
    return _current[0]
