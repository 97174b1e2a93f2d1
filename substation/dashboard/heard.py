"""Sentences that come to the screens from elsewhere: from the poller, the stores, tables of words.

They are English wherever they are kept (a heartbeat, a database, a log); here each known one is told in the
viewer's language, by its pattern where figures or names stand in it. Words of people, of files and of the
operating system are told by nobody: they stay as they are.
"""

import re
from collections.abc import Mapping
from functools import cache, lru_cache

from substation.dashboard import tongue
from substation.dashboard.tongue import later

RETOLD = frozenset({"why", "words", "detail"})
"""Places in which another sentence stands."""
TIMES = frozenset({"at", "time", "when", "begun", "ended"})
"""Places in which a time stands, perhaps with a month."""


SENTENCES: tuple[str, ...] = (
    # audit
    later("{path}: the audit log cannot be read ({why})"),
    later("Not compared with the numbers noted in {path}: {why}"),
    # settings.passwords, settings.people
    later(
        "At least {count} characters, of any kind, blanks too: four words that do not belong together are "
        "good. Not taken: what is tried first, such as password, admin, 12345 or the names of this station."
    ),
    later("this is a documented demo password, known to everybody; choose another"),
    later("{count} characters; use at least {least}, such as four words that do not belong together"),
    later("{count} characters; use at most {most}"),
    later("it holds a control character, which cannot be typed into a browser; leave it out"),
    later(
        "it is made of words, runs or repetitions that are tried first "
        "(password, admin, substation, 12345, the station's own names); add words of your own"
    ),
    later("There is no user {name}; known: {known}"),
    later("{name}: there is already a user {taken}; choose another name"),
    later("{name}: too easily confused with the user {taken}; choose another name"),
    later("{name}: is what the export's password is called; choose another name"),
    later("this password was changed elsewhere a moment ago; log in with that one"),
    later(
        "nobody could administrate this station any more: it needs one enabled user with the "
        "role administrator. Leave this one as it is, or make another user administrator first"
    ),
)


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
        if len(parts) == 1:
            continue
        seen: set[str] = set()
        pattern = ""
        for place, part in enumerate(parts):
            if place % 2 == 0:
                pattern += re.escape(part)
            else:
                pattern += f"(?P={part})" if part in seen else f"(?P<{part}>.+?)"
                seen.add(part)
        found.append((len(fixed), re.compile(pattern, re.DOTALL), tongue.table(language)[english]))
    found.sort(key=lambda one: -one[0])
    return tuple((pattern, whole) for _, pattern, whole in found)
