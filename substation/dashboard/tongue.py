"""The language of the screens.

Pages are written in English, each sentence through `say`; another language is one table,
`languages/<code>.toml`, with the English sentence as the key. So the code reads as the screen does, and a
sentence without a translation is found by a test, not by a user (who would see it in English).

    say("Feeders together")
    say("{fresh} of {all} meters fresh", fresh=4, all=5)

What is no literal where it is drawn is said `later`: marked so where it is written, and looked up by
`heard.told` where it is drawn. So are the sentences of the poller and the stores, who write English.

What is not translated: meters' names, units, addresses, commands, and the words of people, files and logs.
"""

import contextlib
import tomllib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "languages"
ENGLISH = "en"
_spoken: ContextVar[str] = ContextVar("spoken", default=ENGLISH)


def say(sentence: str, /, **values: object) -> str:
    """Return the sentence in the language in force, with its `{places}` filled in.

    Args:
        sentence: in English, a literal: tests look for all of them in the code.
        values: what stands in its places, already written for people.
    """
    told = table(_spoken.get()).get(sentence, sentence)
    return told.format(**values) if values else told


def later(sentence: str, /) -> str:
    """Return the sentence as it is: `heard.told` says it where it is drawn. A literal, as in `say`."""
    return sentence


def quantity(key: str) -> str | None:
    """Return the label of a quantity with `{phase}` where its phase stands; None in English."""
    language = _spoken.get()
    return None if language == ENGLISH else _read(language)["quantities"][key]


def spoken() -> str:
    """Return the code of the language in force, for the page's `lang`."""
    return _spoken.get()


@contextlib.contextmanager
def speaking(language: str) -> Iterator[None]:
    """Say everything in this language meanwhile, in this thread; raises KeyError for an unknown one."""
    if language not in languages():
        raise KeyError(language)
    token = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(token)


@cache
def languages() -> Mapping[str, str]:
    """Return the languages there are: code, and name in the language itself."""
    names = {path.stem: _read(path.stem)["language"]["name"] for path in sorted(FOLDER.glob("*.toml"))}
    return {ENGLISH: "English", **names}


@cache
def table(language: str) -> Mapping[str, str]:
    """Return the sentences of a language by their English; of English itself none."""
    return {} if language == ENGLISH else _read(language)["sentences"]


@cache
def _read(language: str) -> dict[str, dict[str, str]]:
    return tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
