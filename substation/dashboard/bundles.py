"""The scripts that Dash and Plotly bring along, compressed once and kept.

Plotly's bundle is 4.8 MB: compressing it for each visitor would cost 0.3 s of a server thread (a
second on a small board). Kept compressed it costs 1.5 MB of memory and nothing afterwards.

Where npm was there at set-up, a third of it lies in the environment (`commands.small_charts`): what draws
lines and areas, 0.5 MB compressed. It is proved, and served in the place of the whole, under another address.

Browsers take brotli only from this machine itself and over TLS: 1.23 MB for Plotly, where gzip,
which they take from everywhere, has 1.47 MB.
"""

import contextlib
import gzip
import hashlib
import importlib
import logging
import mimetypes
import pkgutil
import re
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import brotli  # type: ignore[import-untyped]
import dash
from dash.fingerprint import build_fingerprint, check_fingerprint
from flask import Response, request

from substation.dashboard import own_files, refusal

LOG = logging.getLogger(__name__)
ENDPOINT = "/_dash-component-suites/<string:package_name>/<path:fingerprinted_path>"
A_YEAR_S = 31_536_000


CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "br": lambda data: brotli.compress(data, quality=9, lgwin=24),
    "gzip": lambda data: gzip.compress(data, 9, mtime=0),
    "identity": lambda data: data,
}
"""By content coding, the best first."""
CHARTS = ("dash", "dcc/async-graph.js")
"""Dash's part of a chart. Dash would ask for it later and without a fingerprint: anew on each visit."""
PLOTLY = ("plotly", "package_data/plotly.min.js")
"""What draws the charts; asked for when the first one is there."""


SMALL = Path(sys.prefix) / "share/substation/plotly-cartesian.min.js"
SMALL_SHA256 = "79542150855a52c567260e3137095dbe2b744e6d702a5cabe67da246942fba7a"
"""Of the one version that draws as plotly's own file does."""


def address(package: str, path: str) -> str:
    """Return the address of a file with its fingerprint, under which browsers keep it for a year."""
    module = importlib.import_module(package)
    changed = int((Path(str(module.__file__)).parent / path).stat().st_mtime)
    version = module.__version__
    if (package, path) == PLOTLY and is_small():
        version, changed = f"{version}-small", int(SMALL_SHA256[:8], 16)
    return f"/_dash-component-suites/{package}/{build_fingerprint(path, version, changed)}"


@cache
def is_small() -> bool:
    """Return whether the smaller file draws the charts: found out once, so that an address means one file."""
    if not SMALL.exists():
        return False
    if _small() is None:
        LOG.warning("%s is not the file that belongs there; plotly's own is served", SMALL)
        return False
    return True


def _small() -> bytes | None:
    with contextlib.suppress(OSError):
        data = SMALL.read_bytes()
        if hashlib.sha256(data).hexdigest() == SMALL_SHA256:
            return data
    return None


def _read(package: str, path: str) -> bytes | None:
    if (package, path) == PLOTLY and is_small() and (found := _small()) is not None:
        return found
    if package == own_files.PACKAGE:
        return own_files.text(path)
    try:
        return pkgutil.get_data(package, path)
    except (OSError, ImportError):
        return None


@dataclass(frozen=True, slots=True)
class _Kept:
    body: bytes
    tag: str


class Bundles:
    """Serves the files that Dash has registered and our own, and no others."""

    def __init__(self, app: dash.Dash) -> None:
        """Take over the address under which Dash serves them."""
        self._app = app
        self._lock = threading.Lock()
        self._turns: dict[tuple[str, str, str], threading.Lock] = {}
        self._kept: dict[tuple[str, str, str], _Kept] = {}
        app.server.view_functions[ENDPOINT] = self.serve
        for name in own_files.FILES:
            own_files.address(name)  # read now, before anything can change in the folder

    def serve(self, package_name: str, fingerprinted_path: str) -> Response:
        """Answer one file; 404 for what Dash has not registered (it would answer 500)."""
        path, has_fingerprint = check_fingerprint(fingerprinted_path)
        coding = next((name for name in CODINGS if request.accept_encodings.quality(name) > 0), "identity")
        kept = self._keep(package_name, path, coding)
        if kept is None:
            return refusal.not_found()
        answer = Response(kept.body, mimetype=mimetypes.guess_type(path)[0] or "application/octet-stream")
        if coding != "identity":
            answer.headers["Content-Encoding"] = coding
        answer.headers["Vary"] = "Accept-Encoding"
        answer.set_etag(kept.tag, weak=True)
        if has_fingerprint and (
            package_name != own_files.PACKAGE or own_files.is_of_now(path, fingerprinted_path)
        ):
            answer.cache_control.max_age = A_YEAR_S
        answer.make_conditional(request)
        return answer

    def warm(self, coding: str) -> None:
        """Compress what the first page asks for, so that no visitor waits for it."""
        addresses = re.findall(r'"/_dash-component-suites/([^"]+)"', self._app.index())
        for package, _, path in (one.partition("/") for one in addresses):
            self._keep(package, check_fingerprint(path)[0], coding)
        self._keep(*PLOTLY, coding)

    def _keep(self, package: str, path: str, coding: str) -> _Kept | None:
        known = (
            own_files.FILES if package == own_files.PACKAGE else self._app.registered_paths.get(package, ())
        )
        if path not in known:
            return None
        question = (package, path, coding)
        with self._lock:
            turn = self._turns.setdefault(question, threading.Lock())
        with turn:
            kept = self._kept.get(question)
            if kept is None:
                data = _read(package, path)
                if data is None:
                    return None
                kept = _Kept(CODINGS[coding](data), hashlib.sha256(data).hexdigest()[:16])
                if coding != "identity":  # rare, and read again as fast
                    self._kept[question] = kept
            return kept
