"""Said once, shown while it lasts, never the end of the program."""

import logging

import pytest

from substation.bus.problems import Problems
from substation.errors import Full


@pytest.fixture
def problems(caplog: pytest.LogCaptureFixture) -> Problems:
    caplog.set_level(logging.INFO, "tests.problems")
    return Problems(logging.getLogger("tests.problems"))


def test_a_problem_is_logged_once_and_shown_until_it_is_over(
    problems: Problems, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        with problems.survived("commit"):
            raise Full("no space left")
        assert problems.words == ["no space left"]
    with problems.survived("commit"):
        pass
    assert problems.words == []
    assert [record.message for record in caplog.records] == ["no space left", "commit: all right again"]


def test_an_internal_fault_is_survived_with_its_trace(
    problems: Problems, caplog: pytest.LogCaptureFixture
) -> None:
    with problems.survived("scan"):
        raise KeyError("surprise")
    assert "internal fault in 'scan' (KeyError" in problems.words[0]
    assert any(record.exc_info for record in caplog.records)


def test_the_same_words_from_two_steps_are_shown_once(problems: Problems) -> None:
    problems.note("commit", "no space left")
    problems.note("compact", "no space left")
    assert problems.words == ["no space left"]


def test_being_told_to_end_is_no_problem(problems: Problems) -> None:
    with pytest.raises(KeyboardInterrupt), problems.survived("scan"):
        raise KeyboardInterrupt
    assert problems.words == []
