"""The way through the network: addresses of apprise (Telegram, mail, ntfy, webhooks and a hundred others).

apprise is loaded here alone, and only when there is something to send: it costs 25 MB. What it says of a
failure may hold parts of the address, which is a secret, or a telephone's number: none of its words goes on,
only what they mean, in words of ours.
"""

import logging
import re

import apprise

from substation.messages.ways import Job, Outcome

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
_UNSURE = re.compile(r"read timed out|RemoteDisconnected|Connection aborted|unexpectedly closed", re.I)
"""In what apprise notes for developers: the question went out, and no answer came back."""
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
    return Outcome(job.number, False, told(heard.words), sure=not heard.unsure)


def _opened(address: str) -> "apprise.NotifyBase | str":
    with _Heard():
        target = apprise.Apprise.instantiate(address, asset=_ASSET)
    if target is None:
        return "the address is none that apprise knows, or a part of it is missing"
    if len(target) > 1:
        return "the address has several targets; make a recipient of each of them"
    return target


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
        return f"the gateway does not take this message (error={status})"
    if status == 429:
        return "the gateway takes no more for now (error=429)"
    if status >= 500:
        return f"the gateway has failed (error={status})"
    if status:
        return f"the gateway did not take it (error={status})"
    why = next((said for mark, said in _REASONS if mark.search(words)), "")
    return why or "the gateway did not take it, or cannot be reached"


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
        """Its warnings; for `told` alone."""
        return " ".join(self._said)

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep a warning; of the rest only whether an answer was waited for in vain."""
        words = record.getMessage()
        if record.levelno >= logging.WARNING:
            self._said.append(words)
        self.unsure = self.unsure or _UNSURE.search(words) is not None
        return False
