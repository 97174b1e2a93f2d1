"""Languages: each sentence of the screens is there in each of them, with the same places."""

import ast
import string
from pathlib import Path

import pytest

from substation.dashboard import tongue

ROOM = Path(tongue.__file__).parent


def places(sentence):
    return sorted(name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None)


def calls():
    for path in sorted(ROOM.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and "say" in (
                getattr(node.func, "id", ""),
                getattr(node.func, "attr", ""),
            ):
                yield path, node


def sentences():
    return {node.args[0].value for _, node in calls() if isinstance(node.args[0], ast.Constant)}


def test_what_is_said_is_a_literal_and_fills_all_its_places():
    for path, node in calls():
        where = f"{path.name}:{node.lineno}"
        assert len(node.args) == 1, where
        assert isinstance(node.args[0], ast.Constant), where
        assert places(node.args[0].value) == sorted(one.arg for one in node.keywords), where


@pytest.mark.parametrize("language", sorted(set(tongue.languages()) - {tongue.ENGLISH}))
def test_every_sentence_is_there_in_every_language(language):
    known = tongue.table(language)
    assert sentences() - set(known) == set()
    assert set(known) - sentences() == set(), "no longer said"
    for english, told in known.items():
        assert told.strip()
        assert places(told) == places(english), english


def test_a_language_is_spoken_only_where_it_was_asked_for():
    with tongue.speaking("hi"):
        assert tongue.say("Home") == tongue.table("hi")["Home"] != "Home"
        assert tongue.spoken() == "hi"
    assert tongue.say("Home") == "Home"
    with pytest.raises(KeyError), tongue.speaking("xx"):
        pass
