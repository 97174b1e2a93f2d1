"""The day's figures, where the factor of a meter's transformers was set to another at its midnight."""

import pytest

from substation.clock import site_time
from substation.dashboard.feed import Feed
from substation.settings.model import Transformers
from tests.dashboard.conftest import Station
from tests.dashboard.test_feed_history import MINUTE_MS, fill, history, midnight

__all__ = ["history"]


def test_no_step_over_a_change_of_the_factor_counts(station: Station, history, feed: Feed) -> None:
    now, today = station.clock.now_ms(), midnight(station)
    fill(history, midnight(station, 2), now)
    plain = feed.today(1), feed.yesterday(1)
    entries = tuple(
        Transformers(
            since=f"{site_time(midnight(station, back), station.settings.site.zone):%Y-%m-%d}",
            current_factor=2.0 + back,
        )
        for back in (0, 1)
    )
    meters = [one.model_copy(update={"transformers": entries}) for one in station.settings.meters]
    feed.adopt(station.settings.model_copy(update={"meters": tuple(meters)}), station.home)
    found = feed.today(1), feed.yesterday(1)
    assert found[0].kwh_today == pytest.approx((now - today) / MINUTE_MS - 1, abs=1)
    assert not plain[0].mark
    assert found[0].mark.startswith("without what flowed while the meter was given another factor (between ")
    assert (plain[0].about_yesterday, found[0].about_yesterday) == (False, True)
    assert (plain[1].about_by_now, found[1].about_by_now) == (False, True)
