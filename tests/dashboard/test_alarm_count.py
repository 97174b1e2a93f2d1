"""How many alarms there are, on the state line: never more than the poller says now."""

import json
from typing import Any

import pytest

from substation.dashboard import alarm_count, screen, shell
from substation.dashboard.alarm_count import AlarmCount
from tests.dashboard.boards import feed_in
from tests.dashboard.tree import attribute, find, text, walk


@pytest.mark.parametrize(
    ("count", "said", "more", "look"),
    [
        (AlarmCount(), "No alarm", "", "ss-al-none"),
        (AlarmCount(shelved=1, out_of_service=1), "No alarm", "2 put aside", "ss-al-none"),
        (
            AlarmCount(2, 3, highest="high"),
            "3 alarms, 2 unacknowledged",
            "high priority",
            "ss-al-alarm ss-al-asks",
        ),
        (
            AlarmCount(1, 1, 1, highest="low"),
            "1 alarm, 1 unacknowledged",
            "low priority, 1 put aside",
            "ss-al-warn ss-al-asks",
        ),
        (AlarmCount(0, 2, highest="medium"), "2 alarms, all acknowledged", "medium priority", "ss-al-warn"),
        (
            AlarmCount(1, 0, highest="high"),
            "1 alarm over, unacknowledged",
            "high priority",
            "ss-al-alarm ss-al-asks",
        ),
        (AlarmCount(0, 1), "1 alarm, acknowledged", "", "ss-al-none"),
        (
            AlarmCount(1, 1, highest="high", top=("supply_lost", "meter:1")),
            "1 alarm, 1 unacknowledged",
            "Supply lost meter:1, high priority",
            "ss-al-alarm ss-al-asks",
        ),
        (None, "Alarms are not watched", "", "ss-al-blind"),
    ],
)
def test_the_state_line_counts_alarms(count: AlarmCount | None, said: str, more: str, look: str) -> None:
    assert alarm_count.words(count) == (said, more, look)


def test_what_the_heartbeat_does_not_say_is_not_made_up() -> None:
    whole = {"unacknowledged": 1, "active": 2, "shelved": 0, "suppressed": 0, "out_of_service": 0, "seq": 4}
    assert alarm_count.of_beat({"alarms": {**whole, "highest": "low"}}) == AlarmCount(
        1, 2, seq=4, highest="low", asks=(("4", "low"),)
    )
    named = {**whole, "highest": "low", "top": ["disk", "station"], "asks": [["a-1", "low"], ["x"], 3]}
    found = alarm_count.of_beat({"alarms": named})
    assert found is not None
    assert (found.top, found.asks) == (("disk", "station"), (("a-1", "low"),))
    broken: list[Any] = [
        {"alarms": {**named, "stalled_s": 40}},
        {},
        {"alarms": None},
        {"alarms": {**whole, "active": "2"}},
        {"alarms": {"active": 1}},
    ]
    assert [alarm_count.of_beat(one) for one in broken] == [None] * 5


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("normal", "No alarm"),
        ("supply lost, on DG", "3 alarms, 3 unacknowledged"),
        ("stopped poller", "Alarms are not watched"),
        ("empty store", "Alarms are not watched"),
    ],
)
def test_every_page_says_it_and_leads_to_the_alarms(state: str, said: str) -> None:
    feed = feed_in(state)
    parts = screen.group(feed, feed.board(), "line") or {}
    line = shell.state_line(parts, feed.board().at_ms, feed)
    (shape,) = find(line, data_k="al")
    assert said in text(shape)
    assert [attribute(part, "href") for part in walk(shape) if attribute(part, "href")] == ["/events"]
    assert (said in parts["spoken"][0]) == ("unacknowledged" in said)


def test_the_browser_is_told_what_to_sound_for_and_that_nobody_watches() -> None:
    count = AlarmCount(2, 1, highest="high", top=("supply_lost", "meter:1"), asks=(("a-1", "high"),))
    assert json.loads(alarm_count.ring(count).removeprefix("--ring:")) == {"n": 2, "asks": [["a-1", "high"]]}
    feed = feed_in("stopped poller")
    assert (screen.group(feed, feed.board(), "ring") or {})["ring"][0] == "--ring:{}"
    assert "Sound off" in text(shell.state_line(screen.group(feed, feed.board(), "line") or {}, 0, feed))
