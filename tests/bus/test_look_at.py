"""Every failure that is counted says what to look at."""

import ast
from pathlib import Path

import pytest

from substation import bus, errors
from substation.bus import health
from substation.bus.health import Health
from substation.errors import EXCEPTION_WORDS, LOOK_AT, look_at

ERROR_CLASSES = {"BadFrame", "NoAnswer"}


def raised_kinds() -> set[str]:
    """Return every kind that some line of the bus gives to an error, and the errors' own."""
    found = {"timeout", "line_down"} | {f"exception_{code}" for code in EXCEPTION_WORDS}
    for path in Path(bus.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ERROR_CLASSES:
                found |= {
                    argument.value
                    for argument in node.args[1:]
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
                }
    return found


def test_every_kind_that_can_be_raised_has_words_of_its_own() -> None:
    gateways = {"exception_10", "exception_11"}  # counted as gateway_path, gateway_target
    assert {"crc", "short", "length", "noise", "wrong_id", "echo"} <= raised_kinds()
    assert raised_kinds() - gateways <= set(LOOK_AT)


def test_every_kind_that_health_sorts_has_words() -> None:
    assert set(health.COUNTED_AS) <= set(LOOK_AT)


@pytest.mark.parametrize("code", range(256))
def test_a_refusal_with_any_code_can_be_explained(code: int) -> None:
    meter = Health()
    meter.unanswered(errors.Refused("", code).kind)
    (kind,) = meter.kinds
    assert look_at(kind).strip()


def test_the_words_are_for_an_engineer_and_end_without_a_stop() -> None:
    for kind, words in LOOK_AT.items():
        assert 10 < len(words) < 200, kind
        assert not words.endswith("."), kind
