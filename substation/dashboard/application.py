"""The Dash application: its parts in their order."""

import importlib
import importlib.util
from html import escape
from pathlib import Path
from typing import Any

import dash
from dash import _callback as dash_callbacks

from substation.clock import Clock
from substation.dashboard import feed
from substation.settings import files
from substation.settings.model import Settings

PACKAGE = "substation.dashboard"

INDEX = """<!DOCTYPE html>
<html lang="en">
<head>
{%metas%}
<title>{%title%}</title>
{%favicon%}
{%css%}
</head>
<body>
{%app_entry%}
<footer>
{%config%}
{%scripts%}
{%renderer%}
</footer>
</body>
</html>"""
"""Nothing inline but what Dash itself writes, whose hashes are in the content security policy."""

_own_callbacks: dict[str, Any] = {}


def build(folder: Path | None, clock: Clock) -> dash.Dash:
    """Return the dashboard of the station in `folder`, ready to serve."""
    loaded = files.load(folder or files.home_folder())
    feed.set_current(feed.Feed(loaded.settings, loaded.home, clock))
    app = dash.Dash(
        PACKAGE,
        assets_folder=str(Path(__file__).parent / "assets"),
        pages_folder="",
        use_pages=True,
        include_pages_meta=False,
        index_string=INDEX,
        title=escape(title(loaded.settings)),
        update_title="",
        suppress_callback_exceptions=True,
        serve_locally=True,
        add_log_handler=False,
    )
    _import_pages()
    app.layout = importlib.import_module(f"{PACKAGE}.shell").frame
    return app


def title(settings: Settings) -> str:
    """Return the window's title; a demo says so before all else."""
    return f"SIMULATED - {settings.site.name}" if settings.simulated else settings.site.name


def _import_pages() -> None:
    """Bring the pages in, and their callbacks into this app.

    Dash moves the callbacks that modules declare into the first app that serves; a second app in
    the same process (tests make many) would have none. So they are kept and declared again.
    """
    importlib.import_module(f"{PACKAGE}.pages")
    declared = dash_callbacks.GLOBAL_CALLBACK_MAP
    if declared:
        _own_callbacks.update(
            map=dict(declared),
            list=list(dash_callbacks.GLOBAL_CALLBACK_LIST),
            scripts=list(dash_callbacks.GLOBAL_INLINE_SCRIPTS),
        )
    elif _own_callbacks:
        declared.update(_own_callbacks["map"])
        dash_callbacks.GLOBAL_CALLBACK_LIST.extend(_own_callbacks["list"])
        dash_callbacks.GLOBAL_INLINE_SCRIPTS.extend(_own_callbacks["scripts"])
