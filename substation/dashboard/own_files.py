"""The dashboard's own styles and scripts, all of each in one file: two dozen small ones cost a phone time.

They are written as files with one purpose each in `assets/`, and joined in the order of their names, as
they stood on the page before. What has to come before the first light is a file of its own: day or night
is known before anything is drawn (`EARLY`). So is what takes the first picture away: a browser that cannot
read one script runs nothing of the file which holds it, and must not keep a picture for it.

They are read once: what comes under an address is what the address was made of, also while an update
writes the folder anew.
"""

import hashlib
from functools import cache
from pathlib import Path

from dash.fingerprint import build_fingerprint

ASSETS = Path(__file__).parent / "assets"
PACKAGE = "substation"
STYLES, BEFORE, SCRIPTS = "own.css", "early.js", "own.js"
FILES = frozenset({STYLES, BEFORE, SCRIPTS})
EARLY = ("theme.js", "first.js")
PLACED = "first.js"
"""Comes early, and runs as soon as Dash's place is in the document: before any other script."""
_WAITS = b"""new MutationObserver((_, placed) => {
if (!document.getElementById('react-entry-point')) return;
placed.disconnect();
"""
_WAITED = b"""
}).observe(document, {childList: true, subtree: true});"""


@cache
def text(name: str) -> bytes:
    """Return one of `FILES`, always as it was at first."""
    kind = Path(name).suffix
    if kind == ".css":
        return b"\n".join(path.read_bytes() for path in sorted(ASSETS.glob("*.css")))
    if name == BEFORE:
        return b"\n".join(_alone(ASSETS / one) for one in EARLY)
    return b"\n".join(_alone(path) for path in sorted(ASSETS.glob("*.js")) if path.name not in EARLY)


def _alone(path: Path) -> bytes:
    """Return a script so that its failing does not end those after it, as when it was a file by itself."""
    script = path.read_bytes()
    if path.name == PLACED:
        script = _WAITS + script + _WAITED
    return b"try {\n" + script + b"\n} catch (error) { setTimeout(() => { throw error; }); }"


@cache
def address(name: str) -> str:
    """Return the address of one of `FILES`, which changes with its content: browsers keep it for a year."""
    digest = hashlib.sha256(text(name)).hexdigest()[:12]
    return f"/_dash-component-suites/{PACKAGE}/{build_fingerprint(name, 'all', digest)}"


def is_of_now(name: str, fingerprinted: str) -> bool:
    """Return whether an address, without the package, means the file as it is served.

    A page that was loaded before an update asks by an older one: it gets what there is, and not for a year.
    """
    return address(name).endswith(f"/{PACKAGE}/{fingerprinted}")


def styles_tag() -> str:
    """Return what fetches the styles, and what is run before anything is drawn."""
    return f'<link rel="stylesheet" href="{address(STYLES)}">\n<script src="{address(BEFORE)}"></script>'


def scripts_tag() -> str:
    """Return what fetches the scripts: before those of Dash, so that live values wait for none of them."""
    return f'<script src="{address(SCRIPTS)}"></script>'
