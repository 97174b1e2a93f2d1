"""Who is logged in: from the random token in a browser's cookie to a session that can be ended.

Why sessions at all: a browser sends its Basic password again by itself for as long as it runs, so
that neither a log-out nor an idle limit could be built on it. A session that has ended is therefore
remembered as ended, and not forgotten: whoever comes with its token is asked for a password again.

- Only the monotonic clock decides. A wall clock that is set neither locks anybody out nor revives an
  ended session. It stands still while the machine is off, so a restart of the machine ends each
  session that has a limit; a restart of the dashboard ends none.
- Role and password are those of the settings in force, looked up each time.
- All are held in memory; the database is read once, and written when one begins or ends, and at most
  once a minute while somebody is at it. Without the database it goes on in memory and says so.
"""

import hashlib
import secrets
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from substation.access import session_rows
from substation.access.session_rows import Row
from substation.clock import Clock, boot_id
from substation.errors import Busy, StoreError
from substation.settings.model import Settings, User
from substation.store.operator_db import OperatorDb

Why = Literal["idle", "age", "boot", "out", "changed", "crowded"]
"""idle, age: a limit; boot: the machine was restarted; out: logged out; changed: password or user;
crowded: more sessions than are kept."""
EXPIRED: frozenset[Why] = frozenset({"idle", "age", "boot"})
PER_USER = 50
"""Open ones; a wall of screens may share one login."""
IN_ALL = 1000
ENDED = 2000
"""Ended ones that are remembered; whoever ends many pushes out his own."""
BARE = 20
"""Log-outs without a session that are remembered, of a user at a source: a program may make thousands."""
SAVE_S = 60.0
SWEEP_S = 60.0
RETRY_S = 30.0
BUSY_S = 5.0
"""So long a database that another process holds is not waited for again."""
FOLLOW_S = 10.0
"""So long after `password_changed` the kept session waits for the new hash to be in force."""
_LONGEST = 100
_MANY = 1000


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a token."""

    state: Literal["open", "ended", "unknown"]
    user: User | None = None
    """As the settings in force have him, when open."""
    name: str = ""
    source: str = ""
    """Where the login was made."""
    why: Why | None = None
    """When ended."""


@dataclass(slots=True)
class _Session:
    mark: str
    user: str
    source: str
    fingerprint: str
    boot: str
    begun_ms: int
    begun: float
    touched: float
    used: float
    saved: float
    ended: Why | None = None
    follows_until: float = 0.0

    def row(self) -> Row:
        return Row(
            self.mark, self.user, self.source, self.fingerprint, self.boot,
            self.begun_ms, self.begun, self.touched, self.ended or "",
        )  # fmt: skip


class Sessions:
    """The sessions of one dashboard; safe to use from many threads."""

    def __init__(
        self,
        store: OperatorDb,
        clock: Clock,
        settings: Callable[[], Settings],
        expired: Callable[[str, str, Why], object] = lambda _name, _source, _why: None,
        boot: str | None = None,
    ) -> None:
        """Keep them in `store`.

        Args:
            store: the operators' database.
            clock: limits count by its monotonic time.
            settings: gives the settings in force.
            expired: told user, source and reason of each session that a limit has ended.
            boot: this start of the machine; asked of the system when None.
        """
        self.last_problem: str | None = None
        self._store = store
        self._clock = clock
        self._settings = settings
        self._expired = expired
        self._boot = boot_id() if boot is None else boot
        self._turn = threading.Lock()
        self._writing = threading.Lock()
        self._open: dict[str, _Session] = {}
        self._ended: OrderedDict[str, _Session] = OrderedDict()
        self._unsaved: dict[str, _Session] = {}
        self._gone: set[str] = set()
        self._bare: OrderedDict[tuple[str, str], deque[str]] = OrderedDict()
        self._retry_at = 0.0
        self._same: OrderedDict[str, str] = OrderedDict()
        self._swept = clock.monotonic()
        self._load()

    def begin(self, user: User, source: str) -> str:
        """Begin a session for somebody who has just shown the right password; return its token."""
        token = secrets.token_urlsafe(32)
        self._make(mark_of(token), user, source)
        return token

    def begin_ended(self, user: User, source: str) -> str:
        """Return the mark of a session that has ended already, for a browser that logs out without one."""
        mark = mark_of(secrets.token_urlsafe(32))
        self._make(mark, user, source, ended="out")
        with self._turn:
            bare = self._bare.setdefault((user.name, source), deque())
            bare.append(mark)
            self._bare.move_to_end((user.name, source))
            if len(bare) > BARE and (oldest := self._ended.pop(bare.popleft(), None)) is not None:
                self._drop(oldest)
            while len(self._bare) > _MANY:
                self._bare.popitem(last=False)
        return mark

    def look(self, token: str | None, *, touched: bool = False) -> Found:
        """Return whose session this token proves.

        Args:
            token: as the cookie brought it; anything is taken.
            touched: whether a person is at it, not only a page that refreshes itself.
        """
        if not token or len(token) > _LONGEST:
            return Found("unknown")
        return self._known(mark_of(token), used=True, touched=touched)

    def named(self, mark: str | None) -> Found:
        """Return what became of the session with this mark. A mark proves nothing: never with a user."""
        found = self._known((mark or "")[:_LONGEST], used=False, touched=False)
        return Found(found.state, None, found.name, found.source, found.why)

    def end(self, token: str, why: Why = "out") -> None:
        """End one session; a token that is none ends nothing."""
        self._close_all(lambda session: session.mark == mark_of(token), why)

    def end_all(self, name: str) -> None:
        """End every session of a user, since he was disabled, removed or changed."""
        self._close_all(lambda session: session.user == name, "changed")

    def password_changed(self, name: str, *, keep: str | None) -> None:
        """End every session of a user whose password changes, but one that goes on under the new hash.

        Best called right before the new hash is written: a request that comes in between would end
        the kept session too.

        Args:
            name: the user.
            keep: token of the session in which it is changed, None when there is none.
        """
        kept = mark_of(keep) if keep else ""
        with self._turn:
            if kept in self._open:
                self._open[kept].follows_until = self._clock.monotonic() + FOLLOW_S
        self._close_all(lambda session: session.user == name and session.mark != kept, "changed")

    def same_password(self, old_hash: str, new_hash: str) -> None:
        """Know two hashes as those of one password, before the new one is stored: no session ends by it."""
        with self._turn:
            self._same[fingerprint(new_hash)] = self._root(fingerprint(old_hash))
            while len(self._same) > _MANY:
                self._same.popitem(last=False)

    def sweep(self) -> None:
        """End what is to be ended now; called when the configuration changes."""
        expired: list[_Session] = []
        with self._turn:
            self._sweep(self._clock.monotonic(), expired)
        self._settle(expired, wait=True)

    def _known(self, mark: str, *, used: bool, touched: bool) -> Found:
        now = self._clock.monotonic()
        expired: list[_Session] = []
        with self._turn:
            if now - self._swept >= SWEEP_S:
                self._sweep(now, expired)
            session = self._open.get(mark)
            if session is not None:
                self._judge(session, now, expired)
            if session is not None and session.ended is None and used:
                session.used = now
                if touched:
                    session.touched = now
                if session.touched - session.saved >= SAVE_S:
                    self._unsaved[session.mark] = session
            found = self._found(mark)
        self._settle(expired, wait=bool(expired))
        return found

    # -- with the turn held -------------------------------------------------------------------------

    def _found(self, mark: str) -> Found:
        session = self._open.get(mark)
        if session is not None:
            return Found("open", self._user(session.user), session.user, session.source)
        session = self._ended.get(mark)
        if session is not None:
            return Found("ended", None, session.user, session.source, session.ended)
        return Found("unknown")

    def _user(self, name: str) -> User | None:
        return next((user for user in self._settings().users if user.name == name), None)

    def _root(self, mark: str) -> str:
        return self._same.get(mark, mark)

    def _judge(self, session: _Session, now: float, expired: list[_Session]) -> None:
        why = self._reason(session, now)
        if why is not None:
            self._close(session, why)
            if why in EXPIRED:
                expired.append(session)

    def _reason(self, session: _Session, now: float) -> Why | None:
        user = self._user(session.user)
        if user is None or user.disabled:
            return "changed"
        wanted = fingerprint(user.password_hash)
        if session.fingerprint != wanted:
            if self._root(session.fingerprint) != self._root(wanted) and now >= session.follows_until:
                return "changed"
            session.fingerprint, session.follows_until = wanted, 0.0
            self._unsaved[session.mark] = session
        if user.role == "viewer":
            return None
        web = self._settings().web
        if session.boot != self._boot or not self._boot or now < session.begun:
            return "boot"
        if web.idle_minutes and now - session.touched >= web.idle_minutes * 60:
            return "idle"
        return "age" if now - session.begun >= web.session_hours * 3600 else None

    def _close(self, session: _Session, why: Why) -> None:
        session.ended = why
        self._open.pop(session.mark, None)
        self._ended[session.mark] = self._unsaved[session.mark] = session
        while len(self._ended) > ENDED:
            self._drop(self._ended.pop(self._least_missed()))

    def _least_missed(self) -> str:
        """Return which ended one goes: the oldest of the user with the most, first one that a crowd ended."""
        (name, _), *_ = Counter(session.user for session in self._ended.values()).most_common(1)
        own = (session for session in self._ended.values() if session.user == name)
        return min(own, key=lambda session: session.ended != "crowded").mark

    def _drop(self, session: _Session) -> None:
        self._open.pop(session.mark, None)
        self._unsaved.pop(session.mark, None)
        self._gone.add(session.mark)

    def _sweep(self, now: float, expired: list[_Session]) -> None:
        self._swept = now
        for session in list(self._open.values()):
            self._judge(session, now, expired)

    def _make_room(self, sessions: Iterable[_Session], room: int) -> None:
        """End the longest unused; a viewer's is forgotten, so that his screen goes on by its password."""
        oldest_first = sorted(sessions, key=lambda session: session.used)
        for session in oldest_first[: max(0, len(oldest_first) - room)]:
            user = self._user(session.user)
            if user is not None and user.role == "viewer":
                self._drop(session)
            else:
                self._close(session, "crowded")

    # -- without it ---------------------------------------------------------------------------------

    def _make(self, mark: str, user: User, source: str, ended: Why | None = None) -> None:
        now = self._clock.monotonic()
        made = _Session(
            mark, user.name, source, fingerprint(user.password_hash), self._boot,
            self._clock.now_ms(), now, now, now, now,
        )  # fmt: skip
        with self._turn:
            if ended is not None:
                self._close(made, ended)
            else:
                own = [session for session in self._open.values() if session.user == user.name]
                self._make_room(own, PER_USER - 1)
                self._make_room(self._open.values(), IN_ALL - 1)
                self._open[mark] = self._unsaved[mark] = made
        self._settle([], wait=True)

    def _close_all(self, which: Callable[[_Session], bool], why: Why) -> None:
        with self._turn:
            for session in [one for one in self._open.values() if which(one)]:
                self._close(session, why)
        self._settle([], wait=True)

    def _settle(self, expired: list[_Session], *, wait: bool) -> None:
        """Write what is new, and tell what has expired; `wait` for another writer, or leave it to him."""
        for session in expired:
            self._expired(session.user, session.source, session.ended or "age")
        if (self._unsaved or self._gone) and self._writing.acquire(blocking=wait):
            try:
                self._write()
            finally:
                self._writing.release()

    def _write(self) -> None:
        now = self._clock.monotonic()
        with self._turn:
            if now < self._retry_at:
                return
            rows = [session.row() for session in self._unsaved.values()]
            batch, self._unsaved = self._unsaved, {}
            gone, self._gone = self._gone, set()
            for session in batch.values():
                session.saved = now
        try:
            session_rows.save(self._store, rows, gone)
            self.last_problem, self._retry_at = None, 0.0
        except StoreError as exc:
            self.last_problem = f"Logins are kept in memory only: {exc}"
            with self._turn:
                self._unsaved = {**batch, **self._unsaved}
                self._gone |= gone
                self._retry_at = now + (BUSY_S if isinstance(exc, Busy) else RETRY_S)

    def _load(self) -> None:
        now = self._clock.monotonic()
        try:
            rows = session_rows.load(self._store)
        except StoreError as exc:
            self.last_problem = f"Logins are kept in memory only: {exc}"
            return
        for row in rows:
            session = _Session(
                row.mark, row.user, row.source, row.fingerprint, row.boot, row.begun_ms, row.begun,
                row.touched, now, now, row.ended or None,  # type: ignore[arg-type]
            )  # fmt: skip
            (self._ended if session.ended else self._open)[session.mark] = session


def mark_of(token: str) -> str:
    """Return by what a token is recognised; nobody can tell the token from it."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def fingerprint(password_hash: str) -> str:
    """Return what tells one password hash from another, without being one."""
    return hashlib.sha256(password_hash.encode("utf-8", "replace")).hexdigest()
