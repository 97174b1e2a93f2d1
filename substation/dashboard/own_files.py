"""The dashboard's own styles and scripts, all of each in one file: two dozen small ones cost a phone time.

They are written as files with one purpose each in `assets/`, and joined in the order of their names, as
they stood on the page before. What has to come before the first light is a file of its own: day or night
is known before anything is drawn (`EARLY`).
"""

import hashlib
from functools import cache
from pathlib import Path

from dash.fingerprint import build_fingerprint

ASSETS = Path(__file__).parent / "assets"
PACKAGE = "substation"
STYLES, BEFORE, SCRIPTS = "own.css", "early.js", "own.js"
FILES = frozenset({STYLES, BEFORE, SCRIPTS})
EARLY = "theme.js"


def text(name: str) -> bytes:
    """Return one of `FILES`."""
    kind = Path(name).suffix
    found = sorted(ASSETS.glob(f"*{kind}"))
    if kind == ".css":
        return b"\n".join(path.read_bytes() for path in found)
    early = name == BEFORE
    return b"\n".join(_alone(path) for path in found if (path.name == EARLY) is early)


def _alone(path: Path) -> bytes:
    """Return a script so that its failing does not end those after it, as when it was a file by itself."""
    return b"try {\n" + path.read_bytes() + b"\n} catch (error) { setTimeout(() => { throw error; }); }"


@cache
def address(name: str) -> str:
    """Return the address of one of `FILES`, which changes with its content: browsers keep it for a year."""
    digest = hashlib.sha256(text(name)).hexdigest()[:12]
    return f"/_dash-component-suites/{PACKAGE}/{build_fingerprint(name, 'all', digest)}"


def styles_tag() -> str:
    """Return what fetches the styles, and what is run before anything is drawn."""
    return f'<link rel="stylesheet" href="{address(STYLES)}">\n<script src="{address(BEFORE)}"></script>'


def scripts_tag() -> str:
    """Return what fetches the scripts: before those of Dash, so that live values wait for none of them."""
    return f'<script src="{address(SCRIPTS)}"></script>'
