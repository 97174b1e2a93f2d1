"""The events page: what stands on it in which words, paired with its end, page by page."""

import json
from typing import Any

import dash
import pytest

from substation.alarms.spans import Run
from substation.clock import iso
from substation.commands.reference_log import STATION_EVENTS
from substation.dashboard import (
    events_asked,
    events_folded,
    events_now,
    events_past,
    events_view,
    events_words,
    screen,
)
from substation.dashboard.samples import NOW_MS, SETTINGS, board
from substation.dashboard.tongue import speaking
from substation.errors import StoreError, TooSlow
from substation.store.event_pages import Noted
from substation.store.events import Event
from substation.store.history import History
from tests.dashboard.boards import ZONE, feed_in, in_state
from tests.dashboard.conftest import PASSWORD, Station, basic, browse
from tests.dashboard.tree import classes, text, walk

ON, OFF = "EB supply On", "EB supply Off"
MIN = 60_000


def numbered(*events: Event) -> list[Noted]:
    return [Noted(place, event) for place, event in enumerate(events, start=1)]


def supply(minutes: float, old: str, new: str, meter: int = 1, kind: str = "supply") -> Event:
    return Event(NOW_MS - round(minutes * MIN), kind, meter, old, new, f"evidence at {minutes}")


def rows(feed: Any, **asked: str) -> list[list[str]]:
    """Return the rows of the list as words."""
    page = events_view.before(feed, events_asked.asked(asked, feed.settings), feed.board())
    found = [part for part in walk(page) if type(part).__name__ == "Tr" and "ss-grp" not in classes(part)]
    return [[text(cell) for cell in row.children] for row in found[1:]]


def answers(state: str, noted: list[Noted] | None = None) -> dict[str, str]:
    feed = feed_in(state)
    past = feed.past() if noted is None else events_past.past(noted, feed.board(), whole=True)
    return {name: words for name, (words, _) in events_now.past_parts(feed.board(), past, ZONE).items()}


def test_a_failure_is_answered_with_from_to_how_long_and_how_it_is_known() -> None:
    told = answers("normal")
    assert told["supply"] == "Wed 28 Oct 11:56:08 to 12:20:08, 24 min 0 s"
    assert told["supplyhow"] == "known by RY 0.0, YB 0.0, BR 0.0 V of 415 V"
    assert told["dg"] == "Stopped since Wed 28 Oct 12:20:08"


def test_a_failure_that_lasts_and_a_set_that_runs_are_answered_from_the_board() -> None:
    told = answers("supply lost, on DG")
    assert told["supply"] == "Off now, since 16:17:56, 2 min 12 s"
    assert told["dg"] == "Running since 16:18:09, 1 min 59 s"


@pytest.mark.parametrize("state", ["stopped poller", "all meters silent", "line down", "empty store"])
def test_nobody_says_that_a_set_stands_still_which_nobody_sees(state: str) -> None:
    assert answers(state)["dg"] == "not known"


def test_a_failure_over_a_restart_is_answered_between_bounds() -> None:
    begin, end = NOW_MS - 240 * MIN, NOW_MS - 200 * MIN
    gap = Event(begin, "station.gap", None, iso(begin), iso(end), "killed")
    noted = numbered(supply(300, ON, OFF), gap, supply(200, "Unknown", ON))
    told = answers("normal", noted)
    assert told["supply"] == "11:20:08 to (between 12:20:08 and 13:00:08), 1 h 0 min to 1 h 40 min"
    found = events_past.spans(noted, in_state("normal"), NOW_MS).by_id[1]
    assert (found.ended_after_ms, found.ended_by_ms) == (begin, end)


def test_a_verdict_that_was_corrected_is_no_failure() -> None:
    noted = numbered(
        supply(500, "Unknown", ON),
        supply(300, ON, OFF),
        supply(290, OFF, ON),
        supply(300, OFF, ON, kind="supply.corrected"),
    )
    told = answers("normal", noted)
    assert told["supply"] == "None was noted since 08:00:08"
    spans = events_past.spans(noted, in_state("normal"), NOW_MS)
    assert spans.corrected == {2}
    assert 2 not in spans.by_id


def test_with_two_incomers_supply_has_failed_when_both_are_dead() -> None:
    two = [one.model_copy(update={"role": "incomer"}) if one.id == 2 else one for one in SETTINGS.meters]
    made = board(None, SETTINGS.model_copy(update={"meters": tuple(two)}))
    seen = supply(500, "Unknown", ON), supply(500, "Unknown", ON, 2)
    first = numbered(*seen, supply(90, ON, OFF), supply(60, OFF, ON))
    assert events_past.past(first, made, whole=True).supply is None
    both = [
        *first,
        *(Noted(9 + n, e) for n, e in enumerate([supply(80, ON, OFF, 2), supply(70, OFF, ON, 2)])),
    ]
    last = events_past.past(both, made, whole=True).supply
    assert last is not None
    assert last.run.least_ms == 10 * MIN


def test_while_nobody_polls_no_state_is_said_to_last() -> None:
    noted = numbered(supply(500, "Unknown", ON), supply(100, ON, OFF))
    run = events_past.spans(noted, in_state("stopped poller"), NOW_MS).by_id[2]
    assert not run.lasts
    assert run.ended_by_ms is None
    assert run.ended_after_ms == NOW_MS - 200_400  # the last reading


def test_a_silent_meter_of_the_poller_before_is_well_unless_it_is_found_silent_again() -> None:
    gap = Event(NOW_MS - 60 * MIN, "station.gap", None, iso(NOW_MS - 60 * MIN), iso(NOW_MS - 50 * MIN), "")
    lost = supply(90, "OK", "Communication failed", 4, "comm.lost")
    again = supply(49.9, "OK", "Communication failed", 4, "comm.lost")
    calm = events_past.spans(numbered(lost, gap), in_state("normal"), NOW_MS).by_id[1]
    assert calm == Run(*[lost.at_ms] * 2, NOW_MS - 60 * MIN, NOW_MS - 50 * MIN, lasts=False, unseen_ms=0)
    still = events_past.spans(numbered(lost, gap, again), in_state("dead meter"), NOW_MS)
    assert still.by_id[1].lasts
    assert still.by_id[1].unseen_ms == round(10.1 * MIN)
    assert still.again == {3}


def test_every_kind_of_event_that_is_documented_has_words_of_its_own() -> None:
    for kind in STATION_EVENTS.keys() - set(events_words.HIDDEN):
        told = events_words.told(Event(NOW_MS, kind, None, "", "x", ""), SETTINGS)
        assert told.what not in (kind, f"{kind}: x")
        with speaking("hi"):
            assert events_words.told(Event(NOW_MS, kind, None, "", "x", ""), SETTINGS).what != told.what
    assert (
        events_words.told(Event(0, "of.tomorrow", None, "a", "b", "c"), SETTINGS).what == "of.tomorrow: a → b"
    )


def test_the_list_says_what_where_how_long_and_on_what_it_rests() -> None:
    listed = rows(feed_in("normal"))
    assert listed[2] == [
        "10:20:08", "Alarm, over", "Line down: adapter or port lostuntil 10:20:22", "RS-485 line 1", "14 s",
        "the adapter of line 1 is gone",
    ]  # fmt: skip
    assert listed[4][2:5] == ["Meter lost: no answeruntil 03:32:08", "4 ColonyLoad", "24 min 0 s"]
    (bounded,) = [row for row in listed if "ended between" in row[2]]
    assert bounded[4] == "12 min 0 s to 42 min 36 s"


@pytest.mark.parametrize(
    ("asked", "meters"),
    [
        ({"kind": "dg"}, {"5 DGSetLoad"}),
        ({"kind": "supply"}, {"1 Transformer"}),
        ({"kind": "meters"}, {"4 ColonyLoad", "RS-485 line 1"}),
        ({"kind": "station"}, {"Station"}),
        ({"meter": "4"}, {"4 ColonyLoad"}),
        ({"first": "2026-10-28", "last": "2026-10-28"}, {"1 Transformer", "5 DGSetLoad"}),
    ],
)
def test_the_address_says_what_is_listed(asked: dict[str, str], meters: set[str]) -> None:
    listed = rows(feed_in("normal"), **asked)
    assert {row[3] for row in listed} == meters
    known = events_asked.asked(asked, SETTINGS)
    assert events_asked.of_address(known.address, SETTINGS) == known


NONSENSE = ["x", "-1", "9" * 40, "<b>", "2026-13-01", "1-2-3", "0001-01-01", "9999-12-31"]


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_nonsense_in_the_address_asks_for_nothing(nonsense: str) -> None:
    asked = events_asked.asked(dict.fromkeys(("kind", "meter", "first", "last", "below"), nonsense), SETTINGS)
    assert asked == events_asked.Asked()
    assert asked.wanted(SETTINGS).start_ms == 0


def test_a_kind_that_a_meter_cannot_have_is_an_empty_list_and_not_all() -> None:
    assert "No event is like that." in text(
        events_view.before(feed_in("normal"), events_asked.Asked("dg", 1), in_state("normal"))
    )


def test_nothing_ever_happened_and_nothing_can_be_read_are_said() -> None:
    empty = feed_in("empty store")
    assert "Nothing has happened here yet" in text(
        events_view.before(empty, events_asked.Asked(), empty.board())
    )
    for exc, words in ((StoreError("it is damaged"), "it is damaged"), (TooSlow("t"), "took too long")):

        def failing(*_: Any, exc: StoreError = exc, **__: Any) -> Any:
            raise exc

        empty.noted = failing
        assert words in text(events_view.before(empty, events_asked.Asked(), empty.board()))


def test_now_tells_each_fault_once_and_nothing_on_a_normal_day() -> None:
    def told(state: str) -> list[tuple[str, str]]:
        return [(one.severity, one.where) for one in events_now.conditions(in_state(state))]

    assert told("normal") == []
    assert told("supply lost, no DG") == [("alarm", "1 Transformer")]  # the feeders are dark because of it
    assert told("dead meter") == [("warn", "4 ColonyLoad")]
    assert told("all meters silent") == [("alarm", "All meters")]
    assert told("stopped poller") == [("alarm", "Station")]
    assert told("line down") == [("alarm", "RS-485 line 1")]
    parts = screen.group(feed_in("supply lost, on DG"), in_state("supply lost, on DG"), "now")
    assert parts is not None
    assert [parts[f"k{place}"][1] for place in range(2)] == ["", "ss-none"]
    assert parts["m0"][0] == "4 ColonyLoad"  # of the two others the alarms above tell
    bare = events_now.now_parts(in_state("supply lost, on DG"), ZONE)
    assert [bare[f"k{place}"][1] for place in range(4)] == ["", "", "", "ss-none"]
    assert bare["count"][0] == "3 active"
    all_told = events_now.now_parts(in_state("supply lost, on DG"), ZONE, {1, 3, 4})
    assert all_told["none"] == ("Nothing besides the alarms above.", "")


def test_a_failure_of_supply_stands_in_the_list_once_and_leads_to_its_alarm() -> None:
    def alarm(kind: str, minutes: float, rule: str = "supply_lost") -> Event:
        mark = f"why (alarm {rule}@meter:1 44c65520-1)"
        return Event(NOW_MS - round(minutes * MIN), f"alarm.{kind}", 1, "Normal", "Unacknowledged", mark)

    noted = numbered(
        supply(60, ON, OFF), alarm("raised", 60), alarm("acknowledged", 59), supply(50, OFF, ON),
        alarm("cleared", 50), alarm("raised", 60, "power_factor_low"), alarm("raised", 30),
    )  # fmt: skip
    found = events_folded.folded(noted)
    assert found.hidden == {2, 5}
    assert found.alarms == {1: "supply_lost@meter:1"}


def test_the_page_answers_over_the_network_and_finds_new_events(station: Station, app: dash.Dash) -> None:
    station.beat()
    store = History(station.home.history, True, station.clock, station.settings.site.zone)
    store.event("supply", meter_id=1, at_ms=station.clock.now_ms() - 90_000, old=ON, new=OFF, detail="0 V")
    store.event("supply", meter_id=1, at_ms=station.clock.now_ms() - 30_000, old=OFF, new=ON, detail="415 V")
    store.commit()
    store.close()
    who = {"Authorization": basic("viewer", PASSWORD)}
    answer = browse(app).get("/api/live?screen=past:0,now:0", headers=who)
    parts = json.loads(answer.data)["screen"]
    assert "1 min 0 s" in parts["past"]["parts"]["supply"][0]
    assert set(parts) == {"past", "now"}
