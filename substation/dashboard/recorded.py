"""Changes of users, passwords and settings: nothing is changed that no audit line tells of."""

from collections.abc import Callable
from typing import Protocol

from flask import abort
from werkzeug.exceptions import HTTPException

from substation.dashboard import posted
from substation.dashboard.desk import Desk
from substation.dashboard.tongue import say
from substation.settings.model import Settings

NOT_STORED = "the configuration could not be written: nothing was changed"


class Line(Protocol):
    """Writes the audit line of a change, by what the settings were and will be."""

    def __call__(self, before: Settings, after: Settings, /, **more: object) -> bool:
        """Return whether it is in the log; `more` are further details, or `ok=False`."""
        ...


def changed(
    desk: Desk,
    change: Callable[[Settings], Settings],
    line: Line,
    before_storing: Callable[[], object] = lambda: None,
) -> tuple[Settings, Settings]:
    """Change the configuration as `posted.changed`, after its line was written; return (before, after).

    Both happen under the configuration's lock. Where the line cannot be written nothing is changed, and
    the request ends with 503; where the configuration cannot be stored after it, a second line says so.

    Args:
        desk: the station's.
        change: gives the new settings; unchanged ones are neither told nor stored.
        line: writes the line.
        before_storing: done between the two.
    """
    told: list[tuple[Settings, Settings]] = []

    def recorded(now: Settings) -> Settings:
        after = change(now)
        if after != now:
            if not line(now, after):
                abort(
                    posted.not_done(
                        503,
                        say(
                            "The audit log cannot be written, and users, passwords and settings are changed "
                            "only when it can tell of it. The reason stands at the foot of every page."
                        ),
                    )
                )
            told.append((now, after))
            before_storing()
        return after

    try:
        return posted.changed(desk, recorded)
    except HTTPException:
        for before, after in told:
            line(before, after, ok=False, why=NOT_STORED)
        raise
