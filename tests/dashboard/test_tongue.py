"""Languages: each sentence of the screens is there in each of them, with the same places."""

import ast
import string
from functools import cache
from pathlib import Path

import pytest

from substation.dashboard import tongue
from substation.quantities import QUANTITIES

ROOM = Path(tongue.__file__).parent


def places(sentence):
    return sorted({name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None})


@cache
def calls():
    return [
        (path, node)
        for path in sorted(ROOM.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and {getattr(node.func, "id", ""), getattr(node.func, "attr", "")} & {"say", "later"}
    ]


def sentences():
    return {node.args[0].value for _, node in calls() if isinstance(node.args[0], ast.Constant)}


def test_what_is_said_is_a_literal_and_fills_all_its_places():
    for path, node in calls():
        where = f"{path.name}:{node.lineno}"
        assert len(node.args) == 1, where
        assert isinstance(node.args[0], ast.Constant), where
        if "later" not in (getattr(node.func, "id", ""), getattr(node.func, "attr", "")):
            assert places(node.args[0].value) == sorted(one.arg for one in node.keywords), where


@pytest.mark.parametrize("language", sorted(set(tongue.languages()) - {tongue.ENGLISH}))
def test_every_sentence_is_there_in_every_language(language):
    known = tongue.table(language)
    assert sentences() - set(known) == set()
    assert set(known) - sentences() == set(), "no longer said"
    for english, told in known.items():
        assert told.strip()
        assert places(told) == places(english), english


@pytest.mark.parametrize("language", sorted(set(tongue.languages()) - {tongue.ENGLISH}))
def test_every_quantity_has_a_label_in_every_language(language):
    with tongue.speaking(language):
        for quantity in QUANTITIES:
            phase = ["phase"] if quantity.phase != "total" else []
            assert places(tongue.quantity(quantity.key)) == phase, quantity.key
    assert tongue.quantity("v_r") is None


def test_a_language_is_spoken_only_where_it_was_asked_for():
    with tongue.speaking("hi"):
        assert tongue.say("Home") == tongue.table("hi")["Home"] != "Home"
        assert tongue.spoken() == "hi"
    assert tongue.say("Home") == "Home"
    with pytest.raises(KeyError), tongue.speaking("xx"):
        pass
