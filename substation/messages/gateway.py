"""The way through the network: addresses of apprise (Telegram, mail, ntfy, webhooks and a hundred others).

apprise is loaded here alone, and only when there is something to send: it costs 25 MB. What it says of a
failure may hold parts of the address, which is a secret: only its warnings are taken, and every part of the
address is struck out of them.
"""

import logging
import re
import urllib.parse

import apprise

from substation.messages.ways import Job, Outcome

LONGEST_WORDS = 200
_UNSURE = re.compile(r"read timed out|RemoteDisconnected|Connection aborted|unexpectedly closed", re.I)
"""In what apprise notes for developers: the question went out, and no answer came back."""
_HIDDEN = "***"
_LOG = logging.getLogger("apprise")
_LOG.setLevel(logging.CRITICAL)
logging.getLogger("urllib3").setLevel(logging.CRITICAL)  # it notes the paths that it asks for
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


def send(job: Job) -> Outcome:
    """Hand a message to its gateway, and wait for what that says.

    An address with several targets is refused: when one of them fails, all would get the message again.
    """
    target = _opened(job.address)
    if isinstance(target, str):
        return Outcome(job.number, False, target)
    with _Heard() as heard:
        taken = target.notify(title=job.text.title, body=job.text.body, body_format=apprise.NotifyFormat.TEXT)
    if taken:
        return Outcome(job.number, True, "the gateway has taken it")
    return Outcome(job.number, False, clean(heard.words, job.address), sure=not heard.unsure)


def _opened(address: str) -> "apprise.NotifyBase | str":
    with _Heard() as heard:
        target = apprise.Apprise.instantiate(address, asset=_ASSET)
    if target is None:
        why = clean(heard.words, address)
        return f"the address is none that apprise knows, or a part of it is missing: {why}"
    if len(target) > 1:
        return "the address has several targets; make a recipient of each of them"
    return target


def clean(words: str, address: str) -> str:
    """Return what apprise said without any part of the address."""
    parts = {part for part in re.split(r"[/:@?&=#,]+", address) if len(part) >= 4}
    parts |= {urllib.parse.unquote(part) for part in parts}
    parts |= {urllib.parse.quote(part, safe="") for part in parts}
    for part in sorted(parts, key=len, reverse=True):
        words = words.replace(part, _HIDDEN)
    words = " ".join(re.sub(r"https?://\S+", _HIDDEN, words).split())
    return words[:LONGEST_WORDS] or "the gateway did not take it, and did not say why"


class _Heard(logging.Filter):
    """Takes what apprise notes while it works, and lets none of it go on to a log: it holds addresses."""

    def __init__(self) -> None:
        super().__init__()
        self._said: list[str] = []
        self.unsure = False

    def __enter__(self) -> "_Heard":
        _LOG.setLevel(logging.DEBUG)
        _LOG.addFilter(self)
        return self

    def __exit__(self, *_: object) -> None:
        _LOG.removeFilter(self)
        _LOG.setLevel(logging.CRITICAL)

    @property
    def words(self) -> str:
        """The last warning."""
        return self._said[-1] if self._said else ""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep a warning; of the rest only whether an answer was waited for in vain."""
        words = record.getMessage()
        if record.levelno >= logging.WARNING:
            self._said.append(words)
        self.unsure = self.unsure or _UNSURE.search(words) is not None
        return False
