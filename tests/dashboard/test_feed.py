"""The feed: every state of the station is told as it is."""

from substation.dashboard.feed import Feed
from tests.dashboard.conftest import Station, no_answer, reading


def test_an_empty_store_says_that_no_poller_has_run(feed: Feed) -> None:
    board = feed.board()
    assert board.poller.state == "never"
    assert [meter.freshness for meter in board.meters] == ["never"] * 5
    assert {value.quality for meter in board.meters for value in meter.values.values()} == {"never"}
    assert {value.value for meter in board.meters for value in meter.values.values()} == {None}


def test_a_fresh_reading_is_good(station: Station, feed: Feed) -> None:
    station.read()
    station.beat()
    meter = feed.board().meter(1)
    assert meter is not None
    assert (meter.freshness, meter.status, meter.supply) == ("fresh", "EB supply On", "live")
    assert (meter.values["v_r"].value, meter.values["v_r"].unit, meter.values["v_r"].quality) == (
        239.5,
        "V",
        "good",
    )
