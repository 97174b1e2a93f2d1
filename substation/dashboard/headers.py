"""Headers on every answer: what a browser may do with our pages.

Nothing may come from or go to anywhere but the station, no other site may frame or read us, and
nothing with readings in it is kept in any cache.
"""

from collections.abc import Sequence

from flask import Flask, Response, request

NOSNIFF = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Nothing to other sites. "no-referrer" would send the form of our own log-out off without its origin too.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=()",
    "X-Robots-Tag": "noindex",
}
FOR_A_YEAR = "private, max-age=31536000, immutable"
"""For addresses that change with their content; private, since they lie behind the login."""


def content_policy(script_hashes: Sequence[str]) -> str:
    """Return the content security policy; `script_hashes` are Dash's inline scripts, quoted."""
    return "; ".join(
        (
            "default-src 'none'",
            " ".join(("script-src 'self'", *script_hashes)),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "manifest-src 'self'",
            "worker-src 'self' blob:",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "object-src 'none'",
        )
    )


def put_on(server: Flask, policy: str) -> None:
    """Put the headers on every answer of `server`, errors included."""

    @server.after_request
    def put(answer: Response) -> Response:
        answer.headers["Content-Security-Policy"] = policy
        for name, value in NOSNIFF.items():
            answer.headers[name] = value
        answer.headers["Cache-Control"] = _caching(answer)
        return answer


def _caching(answer: Response) -> str:
    if answer.status_code not in {200, 304}:
        return "no-store"
    if request.path.startswith("/_dash-component-suites/"):
        return FOR_A_YEAR if answer.cache_control.max_age else "private, no-cache"
    if request.path.startswith("/assets/"):
        # Dash writes the file's time into the address (?m=...)
        return FOR_A_YEAR if request.args.get("m") else "private, no-cache"
    return "no-store"
