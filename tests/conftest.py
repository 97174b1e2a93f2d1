"""Fixtures are nouns."""

import zoneinfo

import pytest

from tests.fake_clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def zone() -> zoneinfo.ZoneInfo:
    return zoneinfo.ZoneInfo("Asia/Kolkata")
