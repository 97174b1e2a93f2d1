"""The way through the network: addresses of apprise (Telegram, mail, ntfy, webhooks and a hundred others).

apprise is loaded here alone, and only when there is something to send: it costs 25 MB. What it says of a
failure may hold parts of the address, which is a secret, or a telephone's number: none of its words goes on,
only what they mean, in words of ours.
"""

import html
import logging
import re
import threading
import warnings

import apprise

from substation.messages import wording
from substation.messages.ways import NOT_THIS, Job, Outcome

_STATUS = re.compile(r"\berror=(\d{3})\b")
_REASONS = (
    (re.compile(r"authenticat|credential|username|password", re.I), "the mail server refuses the login"),
    (re.compile(r"name or service|name resolution|getaddrinfo|nodename", re.I), "its name is not found"),
    (re.compile(r"refused", re.I), "nothing answers at that address (connection refused)"),
    (re.compile(r"timed? ?out", re.I), "it did not answer in time"),
    (re.compile(r"certificate|ssl", re.I), "its certificate is not good"),
    (re.compile(r"connection error", re.I), "no connection to it: no network, or it is down"),
)
"""What may be heard between the words of apprise, and what we say then."""
_UNSURE = re.compile(
    r"read timed out|read operation timed out|RemoteDisconnected|Connection aborted|unexpectedly closed"
    r"|Connection broken|IncompleteRead|ended prematurely",
    re.I,
)
"""In what apprise notes for developers: the question went out, and no whole answer came back."""
_BESIDE = 20
"""So many characters apprise needs at most beside title and text where these share their room."""
_EAR = threading.local()
"""Of each thread the one who hears what apprise notes in it: `heard`."""
_ASSET = apprise.AppriseAsset(
    app_id="Substation",
    app_desc="Substation monitoring",
    app_url="",
    image_url_mask="",
    image_url_logo="",
    image_path_mask="",
    async_mode=False,
    plugin_paths=[],
    storage_mode=apprise.PersistentStoreMode.MEMORY,
)


class _Kept(logging.Filter):
    """Keeps the words of apprise out of the logs, for good: they hold addresses. A thread hears its own."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Give it to who hears in this thread; a thread that was given up never mixes with another."""
        heard: _Heard | None = getattr(_EAR, "heard", None)
        if heard is not None:
            heard.take(record)
        return False


_LOG = logging.getLogger("apprise")
_LOG.addFilter(_Kept())
_LOG.propagate = False
_LOG.setLevel(logging.DEBUG)
logging.getLogger("urllib3").setLevel(logging.CRITICAL)  # it notes the paths that it asks for
warnings.filterwarnings("ignore", module="urllib3")  # these name the host


def send(job: Job) -> Outcome:
    """Hand a message to its gateway, and wait for what that says; it may be called by several threads.

    An address with several targets is refused: when one of them fails, all would get the message again.
    """
    target = _opened(job.address)
    if isinstance(target, str):
        return Outcome(job.number, False, target)
    title, body = fitted(job.text, target)
    with _Heard() as heard:
        taken = target.notify(
            title=title,
            body=body,
            body_format=apprise.NotifyFormat.TEXT,
            overflow=apprise.OverflowMode.UPSTREAM,  # whatever the address says: never cut, never in pieces
        )
    if taken:
        return Outcome(job.number, True, "the gateway has taken it")
    return Outcome(job.number, False, told(heard.words), sure=not heard.unsure)


def _opened(address: str) -> "apprise.NotifyBase | str":
    with _Heard():
        target = apprise.Apprise.instantiate(address, asset=_ASSET)
    if target is None:
        return "the address is none that apprise knows, or a part of it is missing"
    if len(target) > 1:
        return "the address has several targets; make a recipient of each of them"
    return target


def fitted(text: wording.Text, target: "apprise.NotifyBase") -> tuple[str, str]:
    """Return title and text as they go through a gateway whole; what is left out is counted in the text.

    Left alone, apprise hands over what is too long as it is, and the gateway refuses it, now and each time.
    """
    is_html = target.resolve_format(apprise.NotifyFormat.TEXT) == apprise.NotifyFormat.HTML
    most_lines = target.body_max_line_count
    title = text.title
    if target.title_maxlen > 0:
        title = wording.cut(title, target.title_maxlen)
    has_own = target.title_maxlen > 0 and not target.overflow_amalgamate_title

    def takes(words: str, of: str = "") -> bool:
        if most_lines:  # further lines would be left out without a word
            words = words.replace("\n", " / ")
        size = len(html.escape(words)) + 6 * words.count("\n") if is_html else len(words)
        beside = 0 if has_own or not of else len(of) + _BESIDE
        return size + beside <= target.body_maxlen - target.overflow_buffer

    if not takes(text.body, title) and not has_own:
        title = ""  # the text says it all
    body = wording.fitted(text, takes)
    return title, body.replace("\n", " / ") if most_lines else body


def told(words: str) -> str:
    """Return in words of ours why a gateway did not take it.

    Nothing of what apprise says goes on: addresses, numbers and passwords stand in it in many forms. A number
    after `error=` is the gateway's own status.
    """
    found = _STATUS.search(words)
    status = int(found[1]) if found else 0
    if status in (401, 403):
        return f"the gateway refuses the login or the token (error={status})"
    if status in (404, 410):
        return f"the gateway does not know that address (error={status})"
    if status in (400, 413, 422):
        return f"{NOT_THIS} (error={status})"
    if status == 429:
        return "the gateway takes no more for now (error=429)"
    if status >= 500:
        return f"the gateway has failed (error={status})"
    if status:
        return f"the gateway did not take it (error={status})"
    why = next((said for mark, said in _REASONS if mark.search(words)), "")
    return why or "the gateway did not take it, or cannot be reached"


class _Heard:
    """Hears what apprise notes while it works in this thread."""

    def __init__(self) -> None:
        self._said: list[str] = []
        self.unsure = False

    def __enter__(self) -> "_Heard":
        _EAR.heard = self
        return self

    def __exit__(self, *_: object) -> None:
        _EAR.heard = None

    @property
    def words(self) -> str:
        """Its warnings; for `told` alone."""
        return " ".join(self._said)

    def take(self, record: logging.LogRecord) -> None:
        """Keep a warning; of the rest only whether an answer was waited for in vain."""
        try:
            words = record.getMessage()
        except Exception:  # noqa: BLE001 - a note of somebody else's that is ill made
            return
        if record.levelno >= logging.WARNING:
            self._said.append(words)
        self.unsure = self.unsure or _UNSURE.search(words) is not None
