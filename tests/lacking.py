"""What becomes of a test whose tool is missing: a failure in CI, elsewhere a skip that says so."""

import os
from typing import NoReturn

import pytest


def lacking(words: str) -> NoReturn:
    """End a test for want of something that an administrator can install: in CI a failure, elsewhere a skip.

    Args:
        words: What is missing, and how it comes; or what is not proved without it.
    """
    if os.environ.get("CI") == "true":
        pytest.fail(words, pytrace=False)
    pytest.skip(words)


def not_proved(clause: str, why: object) -> NoReturn:
    """Leave a test out where the machine allows it to nobody; the summary names what was not proved."""
    pytest.skip(f"NOT PROVED HERE: {clause}: {why}")
