"""Which configuration a running process has in force: a change by any way is seen in the log.

`encrypt_config.py` and the dashboard write `config.changed` when they change something. A file that
was exchanged in another way writes nothing; but each process notes what it then took over.
"""

import hashlib

from substation.audit.writer import Audit
from substation.settings import names
from substation.settings.model import Settings

MOST_NAMED = 10


def fingerprint(settings: Settings) -> str:
    """Return 12 hex digits that differ for every other configuration; secrets cannot be told from it."""
    return hashlib.sha256(settings.model_dump_json().encode()).hexdigest()[:12]


def note(audit: Audit, before: Settings, after: Settings) -> None:
    """Write which settings a process has taken over from a changed file."""
    changes = {name: f"{old} -> {new}" for name, old, new in names.differences(before, after)}
    shown = dict(list(changes.items())[:MOST_NAMED])
    audit.write("config.loaded", config=fingerprint(after), changed=len(changes), settings=shown)


class Refusals:
    """Writes once that a changed file cannot be used, however often it is looked at."""

    def __init__(self, audit: Audit) -> None:
        """Write to `audit`."""
        self._audit = audit
        self._said = ""

    def note(self, words: str) -> None:
        """Write the words of the refusal, unless they were the last ones; nothing: it can be used again."""
        if words and words != self._said:
            self._audit.write("config.refused", ok=False, words=words)
        self._said = words
