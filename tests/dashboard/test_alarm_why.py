"""One alarm explained: evidence, limit in force and whose it is, the curve around the moment; all alarms."""

from typing import Any

import dash
import pytest

from substation.alarms.state import Alarm, Alarms
from substation.clock import iso
from substation.dashboard import alarm_all, alarm_curve, alarm_why, events_view
from substation.dashboard.alarm_curve import BEFORE_MS, SOON_MS, Moment
from substation.dashboard.events_asked import Asked
from substation.dashboard.feed import current
from substation.dashboard.trends_curves import Curve
from substation.errors import TooSlow
from substation.settings.alarms import AlarmChange
from substation.store import alarm_file
from substation.store.alarm_file import Saved
from substation.store.history import History
from tests.dashboard.conftest import Station, demo_settings, reading
from tests.dashboard.tree import attribute, classes, text, walk

KEY = "voltage_low@meter:3"
COUNTS = {"unacknowledged": 1, "active": 1, "shelved": 0, "suppressed": 0, "out_of_service": 0, "seq": 1}
WHY = "lowest voltage 352.1 V = 84.8 %, limit below 85 % of nominal voltage"
MINUTE_MS = 60_000


@pytest.fixture
def explained(station: Station, app: dash.Dash) -> Station:
    """Feeder 3 had 414.9 V, and 352.1 V since ten minutes ago; its own limit is 85 %."""
    own = AlarmChange(rule="voltage_low", limit=85.0, action="Call the colony.")
    meters = list(demo_settings().meters)
    meters[2] = meters[2].model_copy(update={"alarms": (own,)})
    for_all = AlarmChange(rule="voltage_low", priority="high")
    station.configure(demo_settings(meters=tuple(meters), alarms=(for_all,)))
    now_ms = station.clock.now_ms()
    since_ms = now_ms - 10 * MINUTE_MS
    store = History(station.home.history, True, station.clock, station.settings.site.zone)
    for at_ms in range(since_ms - 12 * MINUTE_MS, now_ms - MINUTE_MS, 10_000):
        low = dict.fromkeys(("v_ry", "v_yb", "v_br"), 352.1) if at_ms >= since_ms else {}
        store.add([reading(3, at_ms, **low)])
    rows = [
        ("alarm.raised", since_ms - 7_200_000, "Normal", "Unacknowledged", WHY.replace("352.1", "340.0")),
        ("alarm.unshelved", since_ms - 8_000_000, "Shelved", "Normal", "its time is over"),
        ("alarm.cleared", since_ms - 7_000_000, "Unacknowledged", "RTN-unacknowledged", "in order"),
        ("alarm.raised", since_ms, "Normal", "Unacknowledged", f"{WHY}; for 10 s"),
    ]  # fmt: skip
    for number, (kind, at_ms, old, new, why) in enumerate(rows):
        detail = f"Voltage low, meter 3 NonEssentialLoad: {why} (alarm {KEY} a1-{number})"
        store.event(kind, at_ms=at_ms, meter_id=3, old=old, new=new, detail=detail)
    store.commit()
    store.close()
    low_now = Alarm("voltage_low", "meter:3", active=True, acked=False, told=True, occurrence="a1-2",
                    since_ms=since_ms, raised_ms=since_ms + 10_000, why=WHY,
                    note="operator: TPC informed", note_ms=since_ms + 60_000)  # fmt: skip
    saved = Saved(Alarms("a1", 3, now_ms, {KEY: low_now}), "boot", 0)
    alarm_file.write(station.home.alarms, saved, simulated=True)
    station.beat(alarms={**COUNTS, "highest": "high"})
    station.clock.sleep(1)
    app.server.test_client().get("/healthz")  # the changed configuration is taken over
    return station


def page(at_ms: int | None = None) -> Any:
    return dash.html.Div(alarm_why.page(current(), KEY, at_ms))


def test_it_says_value_limit_whose_limit_and_what_to_do(explained: Station) -> None:
    said = text(page())
    for words in (
        "Voltage low, 3 NonEssentialLoad", "Unacknowledged", WHY, "Call the colony.",
        "below 85 % of nominal voltage = 352.8 V", "set for this meter",
        "1 %, over again from 86 %", "On-delay10 sas the rule has it",
        "Priorityhigh priorityset for the station", "every incomer that feeds this circuit is dead",
        "IS 17036", "Noteoperator: TPC informed11:21:00",
    ):  # fmt: skip
        assert words in said, words


def test_the_curve_has_the_moment_the_limit_and_its_figures(explained: Station) -> None:
    made = page()
    lines = [part for part in walk(made) if "ss-al-line" in classes(part)]
    assert len(lines) == 3
    assert all("svg" in str(attribute(part, "style")) for part in lines)
    said = text(made)
    assert "limit 352.8" in said and "Open in Trends" in said
    watch = current().alarms().plan.by_key[KEY]
    over = alarm_curve.drawn(current(), watch, Moment(current().clock.now_ms() - 15 * MINUTE_MS))
    assert "limit now 352.8" in text(dash.html.Div(over))  # whatever it was then
    (link,) = [href for part in walk(made) if "/trends?" in (href := str(attribute(part, "href")))]
    assert "m=3&q=v_ry,v_yb,v_br&from=" in link
    row = said[said.index("When it became true") :]
    assert "Vry PhaseV352.1352.1414.9" in row  # when it became true, lowest, highest


def test_a_time_of_the_past_is_told_as_it_was(explained: Station) -> None:
    since_ms = current().alarms().alarms[KEY].since_ms
    assert since_ms is not None
    listed = events_view.before(current(), Asked(), current().board())
    ways = [
        str(attribute(part, "href")) for part in walk(listed) if "/alarms" in str(attribute(part, "href"))
    ]
    assert ways == [f"/alarms?of={KEY}&at={since_ms}", f"/alarms?of={KEY}&at={since_ms - 7_200_000}"]
    said = text(page(since_ms - 7_200_000))
    assert "lowest voltage 340.0 V" in said and "Nothing is stored of this time" in said
    assert f"{WHY}; for 10 s" in said  # in what happened to it since
    assert "Acknowledged" not in said.replace("Unacknowledged", "").partition("What happened")[0]


def test_what_is_stored_nowhere_and_what_does_not_answer_is_said(
    explained: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = current()
    plan = feed.alarms().plan
    for key in ("disk@station", "communication_lost@meter:3"):
        said = text(dash.html.Div(alarm_curve.drawn(feed, plan.by_key[key], Moment(0))))
        assert "follows no stored quantity" in said
    unbalance = alarm_curve.drawn(feed, plan.by_key["current_unbalance@meter:3"], Moment(feed.clock.now_ms()))
    assert "is not stored; here is what" in text(dash.html.Div(unbalance))

    def slow(*_: object, **__: object) -> None:
        raise TooSlow("it took too long")

    monkeypatch.setattr(feed, "trend", slow)
    monkeypatch.setattr(feed, "noted", slow)
    said = text(page())
    assert said.count("The history does not answer: it took too long") == 2
    assert "below 85 %" in said
    alarm_all._kept.clear()
    assert "does not answer" in text(dash.html.Div(alarm_all.page(feed)))


def test_an_alarm_that_is_none_is_refused_in_words(explained: Station) -> None:
    for number in ("9" * 30, "\u0663", "300", "x", ""):
        odd = alarm_why.page(current(), f"supply_lost@meter:{number}", None)
        assert "Nothing is noted of it" in text(dash.html.Div(odd))
    assert "Nothing is noted of it" in text(page(10**15 - 1))
    for key in ("nonsense", "no_rule@meter:3", "@"):
        assert "no such alarm" in text(dash.html.Div(alarm_why.page(current(), key, None)))
    assert "It is watched no more" in text(
        dash.html.Div(alarm_why.page(current(), "voltage_low@meter:99", None))
    )


def test_a_curve_is_as_the_alarm_sees_it() -> None:
    def sized(key: str, *values: float | None) -> Any:
        at_ms = range(0, 1000 * len(values), 1000)
        curve = Curve("reading", at_ms, 1000, values, [True] * len(values), at_ms, 1000, values, values)
        found = alarm_curve._sized(curve, key)
        return found.mean, found.low

    assert sized("pf_average", -0.8, 0.9, None) == ([0.8, 0.9, None], [0.8, 0.9, None])
    assert sized("frequency", 50.0, 0.0, None) == ([50.0, None, None], [50.0, None, None])  # dead has none
    assert sized("watts_total", -5.0)[0] == (-5.0,)


def test_the_window_holds_the_moment_and_what_followed() -> None:
    now_ms = 100 * MINUTE_MS
    assert Moment(60 * MINUTE_MS).window(now_ms) == (50 * MINUTE_MS, 80 * MINUTE_MS)
    assert Moment(60 * MINUTE_MS, None, 90 * MINUTE_MS).window(now_ms)[1] == 95 * MINUTE_MS
    assert Moment(now_ms - 1000).window(now_ms) == (now_ms - 1000 - BEFORE_MS, now_ms - 1000 + SOON_MS)


def test_all_alarms_stand_with_their_limits_and_how_they_do(explained: Station) -> None:
    alarm_all._kept.clear()
    said = text(dash.html.Div(alarm_all.page(current())))
    assert "Announced222" in said
    assert "Share of high priority100 %100 %100 %" in said
    assert "Most frequent in 30 days Voltage low 3 NonEssentialLoad: 2" in said
    assert "Voltage low3 NonEssentialLoadUnacknowledgedbelow 85 % of nominal voltage" in said
    assert "Storage medium in troubleStationNormal" in said
    assert "In ten minutes, mean0.010.000.00" in said and "that was polled" not in said
    now_ms = explained.clock.now_ms()
    store = History(explained.home.history, True, explained.clock, explained.settings.site.zone)
    store.event("station.start", at_ms=now_ms - 7_300_000, new="boot")
    store.event("station.gap", at_ms=now_ms - 3_800_000, new=iso(now_ms - 2_000_000))
    store.commit()
    store.close()
    alarm_all._kept.clear()
    said = text(dash.html.Div(alarm_all.page(current())))
    assert "In ten minutes, mean0.200.200.20" in said  # 2 in 102 min: first seen, less the gap
    assert "of the time that was polled: 0.2 % of 30 days" in said
    explained.beat(state="stopped")
    explained.clock.sleep(1)
    said = text(dash.html.Div(alarm_all.page(current())))
    assert "Unacknowledged" not in said
    assert "Stands for more than 24 h not known: the alarms are not watched" in said
