"""Sentences that come to the screens from elsewhere: from the poller, the stores, tables of words.

They are English wherever they are kept (a heartbeat, a database, a log); here each known one is told in the
viewer's language, by its pattern where figures or names stand in it. Words of people, of files and of the
operating system are told by nobody: they stay as they are.
"""

import re
from collections.abc import Mapping
from functools import cache, lru_cache

from substation.dashboard import tongue
from substation.dashboard.heard_sentences import SENTENCES

RETOLD = frozenset({"why", "words", "detail", "what"})
"""Places in which another sentence stands."""
TIMES = frozenset({"at", "time", "when", "begun", "ended"})
"""Places in which a time stands, perhaps with a month."""


def told(sentence: str, /) -> str:
    """Return a sentence that was marked by `later` in the language in force, else as it is."""
    language = tongue.spoken()
    return sentence if language == tongue.ENGLISH or not sentence else _told(sentence, language)


@lru_cache(maxsize=4096)
def _told(sentence: str, language: str) -> str:
    known = tongue.table(language)
    for written, end in _forms(sentence):
        if (whole := known.get(written)) is not None:
            return f"{whole}{end}"
    for written, end in _forms(sentence):
        for pattern, whole in _patterns(language):
            if found := pattern.fullmatch(written):
                return f"{whole.format(**_retold(found.groupdict(), language))}{end}"
    return sentence


def _forms(sentence: str) -> list[tuple[str, str]]:
    """Return the ways in which a sentence may be known, each with what is to stand behind it then."""
    lower = sentence[:1].lower() + sentence[1:]
    bare = sentence.removesuffix(".")
    forms = [(sentence, ""), (lower, "")]
    return forms if bare == sentence else [*forms, (bare, "\u0964"), (lower[:-1], "\u0964")]


def _retold(values: Mapping[str, str], language: str) -> dict[str, str]:
    """Return what stands in the places of a sentence; other sentences and dates there are told, too."""
    known = tongue.table(language)
    found = {}
    for name, value in values.items():
        if name in RETOLD:
            found[name] = _told(value, language)
        elif name in TIMES:
            found[name] = re.sub(r"[A-Z][a-z]{2}\b", lambda word: known.get(word[0], word[0]), value)
        else:
            found[name] = value
    return found


@cache
def _patterns(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return the sentences with places, those that say most by themselves first."""
    found = []
    for english in SENTENCES:
        parts = re.split(r"\{(\w+)\}", english)
        fixed = "".join(parts[::2])
        whole = tongue.table(language).get(english)
        if len(parts) == 1 or whole is None:
            continue
        seen: set[str] = set()
        pattern = ""
        for place, part in enumerate(parts):
            if place % 2 == 0:
                pattern += re.escape(part)
            else:
                some = "[^:]+?" if part == "line" else ".+?"  # a line's name is no beginning of a sentence
                pattern += f"(?P={part})" if part in seen else f"(?P<{part}>{some})"
                seen.add(part)
        found.append((len(fixed), re.compile(pattern, re.DOTALL), whole))
    found.sort(key=lambda one: -one[0])
    return tuple((pattern, whole) for _, pattern, whole in found)
