"""The two cookies of a browser that is logged in.

- `substation_session` proves: it holds the session's random token. `SameSite=Strict`: no request that
  another site starts carries it.
- `substation_visit` only names the session, and proves nothing; with it wrong passwords are counted apart
  from those of strangers. `SameSite=Lax`: it comes also when a
  link elsewhere is followed, so that a login that has ended is known as ended on that way too.

Both end with the browser, and no script can read them. Where it is https outside (through the tunnel, or a
proxy on this machine that says so) they are `Secure` and bound to the host. Cookies do not tell ports
apart: two stations on one host (two forwarded ports of `localhost`) would write over each other's, so the
port is part of the name.
"""

from flask import Response, g, request

from substation.access.sessions import mark_of

SESSION = "substation_session"
VISIT = "substation_visit"


def session() -> str | None:
    """Return the token that this request brought."""
    return request.cookies.get(_name(SESSION))


def visit() -> str | None:
    """Return the mark of the session that this browser last had."""
    return request.cookies.get(_name(VISIT))


def give(answer: Response, token: str) -> Response:
    """Let the browser keep a session that has just begun."""
    _set(answer, SESSION, token, "Strict")
    return name_visit(answer, mark_of(token))


def name_visit(answer: Response, mark: str) -> Response:
    """Let the browser name this session from now on."""
    return _set(answer, VISIT, mark, "Lax")


def take_session(answer: Response) -> Response:
    """Take the token back. The name stays: it says that this browser's login has ended."""
    answer.delete_cookie(_name(SESSION), path="/", secure=_secure(), httponly=True, samesite="Strict")
    return answer


def _set(answer: Response, name: str, value: str, same_site: str) -> Response:
    answer.set_cookie(_name(name), value, path="/", secure=_secure(), httponly=True, samesite=same_site)
    return answer


def _secure() -> bool:
    return bool(g.get("tunnelled") or g.get("relayed_https")) or request.is_secure


def _name(name: str) -> str:
    port = request.host.rpartition(":")[2]
    own = f"{name}_{port}" if port.isdecimal() else name
    return f"__Host-{own}" if _secure() else own
