"""Fixtures are nouns."""

import gc
import os
import signal
import zoneinfo

import hypothesis
import pytest

from tests import medium_vfs
from tests.fake_clock import FakeClock
from tests.lacking import lacking

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell lets what it starts in the background ignore Ctrl+C, and so would every program under test
    signal.signal(signal.SIGINT, signal.default_int_handler)

hypothesis.settings.register_profile("ci", max_examples=25)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("ci")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--frames", type=int, default=500, help="frames with mixed faults through the simulated wire"
    )
    parser.addoption(
        "--random-lines", type=int, default=30, help="random simulated lines whose meters are identified"
    )
    parser.addoption(
        "--replugs", type=int, default=50, help="times an adapter is pulled out and put in again"
    )
    parser.addoption(
        "--disaster-history", default="", help="a history of a year, as benchmarks/year.py makes it, to lose"
    )


gc.disable()  # until all modules are there: none of what they make is garbage


def pytest_collection_finish() -> None:
    """Look for garbage less often, and not again and again among what was imported: a fifth of the work."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def zone() -> zoneinfo.ZoneInfo:
    return zoneinfo.ZoneInfo("Asia/Kolkata")


@pytest.fixture
def written_is_told() -> None:
    """Make sure that a power cut can be imitated, which needs to see each write of SQLite."""
    if not medium_vfs.reachable():
        lacking(
            "NOT PROVED HERE: a power cut (R24): SQLite is linked into this Python, so that what it writes "
            "cannot be told. Use a Python that loads libsqlite3.so.0, as Debian's does"
        )
