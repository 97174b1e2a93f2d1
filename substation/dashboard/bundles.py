"""The scripts that Dash and Plotly bring along, compressed once and kept.

Plotly's bundle is 4.8 MB: compressing it for each visitor would cost 0.2 s of a server thread (a
second on a small board). Kept compressed it costs 1.5 MB of memory and nothing afterwards.
"""

import gzip
import hashlib
import mimetypes
import pkgutil
import threading
from dataclasses import dataclass

import dash
from dash.fingerprint import check_fingerprint
from flask import Response, request

from substation.dashboard import refusal

ENDPOINT = "/_dash-component-suites/<string:package_name>/<path:fingerprinted_path>"
A_YEAR_S = 31_536_000


@dataclass(frozen=True, slots=True)
class _Kept:
    packed: bytes
    mimetype: str
    tag: str


class Bundles:
    """Serves the files that Dash has registered, and no others."""

    def __init__(self, app: dash.Dash) -> None:
        """Take over the address under which Dash serves them."""
        self._app = app
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str], _Kept] = {}
        app.server.view_functions[ENDPOINT] = self.serve

    def serve(self, package_name: str, fingerprinted_path: str) -> Response:
        """Answer one file; 404 for what Dash has not registered (it would answer 500)."""
        path, has_fingerprint = check_fingerprint(fingerprinted_path)
        if path not in self._app.registered_paths.get(package_name, ()):
            return refusal.not_found()
        kept = self._keep(package_name, path)
        if kept is None:
            return refusal.not_found()
        if "gzip" in request.accept_encodings:
            answer = Response(kept.packed, mimetype=kept.mimetype)
            answer.headers["Content-Encoding"] = "gzip"
        else:
            answer = Response(gzip.decompress(kept.packed), mimetype=kept.mimetype)
        answer.headers["Vary"] = "Accept-Encoding"
        answer.set_etag(kept.tag, weak=True)
        if has_fingerprint:
            answer.cache_control.max_age = A_YEAR_S
        return answer.make_conditional(request)

    def warm(self) -> None:
        """Compress all registered scripts and styles now, so that no visitor waits for it."""
        for package, paths in list(self._app.registered_paths.items()):
            for path in list(paths):
                if path.endswith((".js", ".css")):
                    self._keep(package, path)

    def _keep(self, package: str, path: str) -> _Kept | None:
        with self._lock:
            kept = self._kept.get((package, path))
            if kept is None:
                try:
                    data = pkgutil.get_data(package, path)
                except (OSError, ImportError):
                    data = None
                if data is None:
                    return None
                packed = gzip.compress(data, 9, mtime=0)
                mimetype = mimetypes.guess_type(path)[0] or "application/octet-stream"
                kept = _Kept(packed, mimetype, hashlib.sha256(packed).hexdigest()[:16])
                self._kept[package, path] = kept
            return kept
