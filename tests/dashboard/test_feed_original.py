"""A live file of the original system in the station's folder: named with its remedy, never read as ours."""

import datetime as dt

from substation.dashboard.feed import Feed
from tests.dashboard.conftest import Station
from tests.store import originals


def test_a_live_file_of_the_original_system_is_named_with_its_remedy(station: Station, feed: Feed) -> None:
    originals.table(station.home.live, originals.polled(dt.datetime(2025, 9, 18), 5))
    words = [problem for problem in feed.board().problems if "original system's live file" in problem]
    assert len(words) == 1
    assert "python3 datalogger.py import" in words[0]
