"""The screens.

A page is a file in `pages/`: it reads through `feed`, draws with `cards`, `charts` and `diagram`,
and rounds in `format`. The server side is `application` (the Dash app), `guard` (who may come in),
`api` (live values) and `serve` (the process).
"""

from pathlib import Path
from typing import TYPE_CHECKING

from substation.clock import Clock, SystemClock

if TYPE_CHECKING:
    import dash


def create_app(folder: Path | None = None, clock: Clock | None = None) -> "dash.Dash":
    """Return the dashboard of the station in `folder` (default: its home), ready to serve.

    Raises SettingsError, and WrongStation when a store belongs to another station.
    """
    # Dash costs 45 MiB: the master process, which only checks and binds, does without it.
    from substation.dashboard.application import build  # noqa: PLC0415

    return build(folder, clock or SystemClock())
