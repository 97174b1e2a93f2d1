"""Who is at the door: what the cookies prove, what the header proves, and what the browser did by itself.

A browser that was once given a password sends it again with each request until it is closed. After a
log-out, or when a login has expired, that must open nothing: only a password that a person has typed
since then may. A server cannot see typing. What it can do:

1. The cookies tell that this browser's login has ended. Nothing is let in then, and a page that
   refreshes itself gets a plain refusal, without the challenge that would bring up a prompt.
2. When the person goes to a page, the browser is challenged, whatever password it sent. A browser
   forgets a password that was refused under the same realm, and asks the person.
3. A password that comes back sooner than anybody types was the browser's own: it is challenged again.

Without cookies (programs) only the header counts, and no session begins.
"""

import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from substation.access.sessions import Found, Sessions, Why, mark_of
from substation.clock import Clock
from substation.dashboard.login import Login, Outcome, credentials
from substation.settings.model import User

TYPED_S = 1.0
"""Nobody reads a prompt and types a password within so many seconds; a browser needs one round trip."""
_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request says about who sends it."""

    token: str | None = None
    """Of the session's cookie."""
    mark: str | None = None
    """Of the cookie that names the last session."""
    header: str | None = None
    """Authorization."""
    source: str = ""
    generation: str = ""
    navigation: bool = False
    """A person goes to a page, and the browser would show what comes."""
    touched: bool = False
    """A person is at it, not only a page that refreshes itself."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether to let the request on."""

    verdict: Literal["known", "unknown", "wait", "busy", "ended"]
    """As in `login.Outcome`; ended = this browser's login has ended (401)."""
    user: User | None = None
    token: str | None = None
    """Of the session that proved it; None when the header did."""
    begins: bool = False
    """Whether a session begins with this request."""
    retry_after_s: float = 0.0
    why: Why | None = None
    """When ended."""
    challenge: bool = False
    """When ended: whether the browser is to ask the person."""


class Visits:
    """Decides who is at the door; safe to use from many threads."""

    def __init__(self, login: Login, sessions: Sessions, clock: Clock) -> None:
        """Let headers be verified by `login`."""
        self._login = login
        self._sessions = sessions
        self._clock = clock
        self._turn = threading.Lock()
        self._challenged: OrderedDict[str, float] = OrderedDict()

    def who(self, asked: Asked) -> Answer:
        """Return who sends a request, or why nobody is let in by it."""
        found = self._sessions.look(asked.token, touched=asked.touched)
        if found.state == "open" and found.user is not None and not _is_another(asked.header, found.user):
            return Answer("known", found.user, asked.token)
        named = self._sessions.named(asked.mark)
        had = ((found, mark_of(asked.token or "")), (named, asked.mark or ""))
        browser = _browser(asked.header, had)
        for end, mark in had:
            if end.state == "ended":
                return self._after_the_end(asked, end, mark, browser)
        outcome = self._login.who(asked.header, asked.source, asked.generation, browser)
        # A link elsewhere brings only the name: the session behind it goes on, and needs no second one.
        return _answer(outcome, begins=asked.navigation and (found.state == "open" or named.state != "open"))

    def _after_the_end(self, asked: Asked, end: Found, mark: str, browser: str) -> Answer:
        if not asked.navigation:
            return Answer("ended", why=end.why)
        now = self._clock.monotonic()
        with self._turn:
            at = self._challenged.get(mark)
            typed = asked.header is not None and at is not None and now - at >= TYPED_S
            if not typed:
                self._challenged[mark] = now
                self._challenged.move_to_end(mark)
                while len(self._challenged) > _REMEMBERED:
                    self._challenged.popitem(last=False)
        if not typed:
            return Answer("ended", why=end.why, challenge=True)
        outcome = self._login.who(asked.header, asked.source, asked.generation, browser)
        return _answer(outcome, begins=True)


def _answer(outcome: Outcome, *, begins: bool) -> Answer:
    return Answer(
        outcome.verdict,
        outcome.user,
        begins=begins and outcome.user is not None,
        retry_after_s=outcome.retry_after_s,
    )


def _browser(header: str | None, had: Iterable[tuple[Found, str]]) -> str:
    """Return the mark of a session that the header's user had in this browser, or nothing.

    A mark is given out only after a right password, and proves nothing: its wrong passwords are counted
    under the mark instead of the address. Somebody else's mark counts for nothing.
    """
    said = credentials(header)
    if said is None:
        return ""
    return next(
        (mark for one, mark in had if one.name and unicodedata.normalize("NFKC", one.name) == said[0]), ""
    )


def _is_another(header: str | None, user: User) -> bool:
    """Return whether a header speaks for somebody else than the session's user."""
    said = credentials(header)
    return said is not None and said[0] != unicodedata.normalize("NFKC", user.name)
