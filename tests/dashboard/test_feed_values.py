"""Each value is shown with its own age: energies are asked for once a minute, some quantities never."""

from typing import Any

import pytest

from substation.clock import site_time
from substation.dashboard import answers as sources
from substation.dashboard.board import Board, LiveMeter, LiveValue, make_board
from substation.dashboard.feed import Feed
from substation.dashboard.values import ANY_MODEL, Limits, Model
from substation.meters import profile
from substation.quantities import COUNTERS, INSTANTS, KEYS
from substation.readings import Reading
from substation.store.history import History
from substation.store.live import LiveFile
from tests.dashboard.conftest import Station, demo_settings, no_answer, reading

ONE_PHASE = """
model = "Test of one phase"
source = "none"
verified = false
phases = 1
[registers]
v_r = 40001
current_r = 40003
watts_total = 40005
va_total = 40007
pf_average = 40009
frequency = 40011
wh_received = 40013
"""


def meter(board: Board, meter_id: int = 1) -> LiveMeter:
    found = board.meter(meter_id)
    assert found is not None
    return found


def instants(meter_id: int, at_ms: int, **changes: float) -> Reading:
    """A round that did not ask for energies."""
    whole = reading(meter_id, at_ms, **changes)
    return Reading(meter_id, at_ms, {key: whole.values[key] for key in INSTANTS})


def shown(feed: Feed, key: str = "wh_received", meter_id: int = 1) -> LiveValue:
    return meter(feed.board(), meter_id).values[key]


def use_profile(station: Station, text: str, meter_id: int = 1) -> None:
    """Give a meter a model of the station's own."""
    station.home.profiles.mkdir(exist_ok=True)
    (station.home.profiles / "own_model.toml").write_text(text)
    meters = tuple(
        one.model_copy(update={"profile": "own_model"}) if one.id == meter_id else one
        for one in station.settings.meters
    )
    station.settings = station.settings.model_copy(update={"meters": meters})


@pytest.mark.parametrize("step_s", [2, 20])
def test_an_energy_keeps_the_age_of_the_round_that_asked_for_it(
    station: Station, feed: Feed, step_s: float
) -> None:
    station.read(reading(1, station.clock.now_ms(), wh_received=7000.0))
    station.clock.advance(step_s)
    station.read(instants(1, station.clock.now_ms(), v_r=231.0))
    station.beat()
    energy, volts = shown(feed), shown(feed, "v_r")
    assert (energy.value, energy.quality, energy.age_s, energy.slow) == (7000.0, "good", step_s, True)
    assert (volts.value, volts.quality, volts.age_s, volts.slow) == (231.0, "good", 0.0, False)


@pytest.mark.parametrize(
    ("age_s", "quality"), [(60, "good"), (120, "good"), (121, "late"), (300, "late"), (301, "stale")]
)
def test_an_energy_ages_by_slow_intervals_while_the_meter_answers(
    station: Station, feed: Feed, age_s: float, quality: str
) -> None:
    station.read(reading(1, station.clock.now_ms()))
    station.clock.advance(age_s)
    station.read(instants(1, station.clock.now_ms()))
    station.beat()
    assert {shown(feed, key).quality for key in COUNTERS} == {quality}
    assert {shown(feed, key).quality for key in INSTANTS} == {"good"}
    assert meter(feed.board()).freshness == "fresh"


def test_where_energies_are_read_in_every_round_they_age_by_rounds(station: Station) -> None:
    poll = station.settings.poll.model_copy(update={"slow_interval_s": 0.0})
    settings = station.settings.model_copy(update={"poll": poll})
    station.read()
    station.clock.advance(5)
    station.beat()
    feed = Feed(settings, station.home, station.clock)
    assert (shown(feed).quality, shown(feed, "v_r").quality) == ("late", "late")


def test_a_wire_slower_than_the_slow_interval_sets_its_pace_too() -> None:
    board = make_board(demo_settings(), {"interval_s": 100.0, "limit_s": 90.0}, {}, 0)
    assert (board.slow.fresh_s, board.limits.fresh_s) == (200.0, 200.0)


def test_the_energies_of_a_lost_meter_are_stale_like_the_rest(station: Station, feed: Feed) -> None:
    station.read(reading(3, station.clock.now_ms()))
    station.clock.advance(10)
    station.read(no_answer(3, station.clock.now_ms()))
    station.beat(meter_3={"comm_status": "Communication failed", "supply": "unknown", "status": "Unknown"})
    found = meter(feed.board(), 3).values
    assert {value.quality for value in found.values()} == {"stale"}
    assert found["wh_received"].value is not None


def test_a_stopped_poller_makes_energies_stale_at_once(station: Station, feed: Feed) -> None:
    station.read()
    station.beat(state="stopped")
    assert shown(feed).quality == "stale"


def test_energies_that_left_the_live_file_come_from_the_history_with_their_age(
    station: Station, feed: Feed
) -> None:
    then = station.clock.now_ms()
    history = History(station.home.history, True, station.clock, station.settings.site.zone)
    history.add([reading(1, then, wh_received=7000.0)])
    history.close()
    station.clock.advance(7200)
    station.read(instants(1, station.clock.now_ms()))
    station.beat()
    energy = shown(feed)
    assert (energy.value, energy.quality, energy.age_s) == (7000.0, "stale", 7200.0)
    assert shown(feed, "v_r").quality == "good"


def test_the_history_is_asked_for_rare_values_only_now_and_then(
    station: Station, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(sources.HistoryReader, "last_known", lambda _self, wanted: asked.append(wanted) or {})
    for _ in range(20):
        station.read(instants(1, station.clock.now_ms()))
        station.beat()
        feed.board()
        station.clock.advance(1)
    assert len(asked) == 1
    assert asked[0][1] == set(COUNTERS)


def test_a_meter_that_was_asked_for_all_lately_costs_the_history_nothing(
    station: Station, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources.HistoryReader, "last_known", lambda *_: pytest.fail("asked"))
    station.read()
    station.clock.advance(2)
    station.read(*(instants(number, station.clock.now_ms()) for number in range(1, 6)))
    station.beat()
    assert shown(feed).value is not None


def test_what_was_not_asked_yet_says_so_and_has_no_value(station: Station, feed: Feed) -> None:
    station.read(instants(1, station.clock.now_ms()))
    station.beat()
    energy = shown(feed)
    assert (energy.value, energy.quality, energy.age_s, energy.why) == (None, "never", None, "not asked yet")
    assert shown(feed, "v_r").why == ""


def test_a_refused_register_says_so_and_its_old_value_is_stale_at_once(station: Station, feed: Feed) -> None:
    now = station.clock.now_ms()
    station.read(reading(1, now, wh_delivered=12.0))
    station.clock.advance(2)
    bare = instants(1, station.clock.now_ms()).values
    station.read(Reading(1, station.clock.now_ms(), {key: bare[key] for key in bare if key != "v_yb"}))
    refused = "register 40167 refused with exception 2, illegal data address"
    station.beat(
        meter_1={"disabled": {"wh_delivered": refused, "v_yb": refused, "varh_ind_received": refused}}
    )
    old = shown(feed, "wh_delivered")
    assert (old.value, old.quality, old.why) == (12.0, "stale", f"disabled: {refused}")
    assert shown(feed).quality == "good"


def test_a_register_that_was_always_refused_has_no_value(station: Station, feed: Feed) -> None:
    station.read(instants(1, station.clock.now_ms()))
    station.beat(meter_1={"disabled": {"wh_delivered": "register 40167 refused with exception 2"}})
    value = shown(feed, "wh_delivered")
    assert (value.value, value.quality) == (None, "disabled")
    assert value.why == "disabled: register 40167 refused with exception 2"


def test_what_the_model_lacks_is_not_in_this_meter(station: Station) -> None:
    use_profile(station, ONE_PHASE)
    now = station.clock.now_ms()
    whole = reading(1, now)
    has = ("v_r", "current_r", "watts_total", "va_total", "pf_average", "frequency", "wh_received")
    station.read(Reading(1, now, {key: whole.values[key] for key in has}))
    station.beat()
    feed = Feed(station.settings, station.home, station.clock)
    found = meter(feed.board())
    assert found.model.phases == ("r",)
    assert {key for key, value in found.values.items() if value.quality == "good"} == set(has)
    lacking = [value for key, value in found.values.items() if key not in has]
    assert {(value.value, value.quality, value.why) for value in lacking} == {
        (None, "disabled", "not in this meter")
    }


def test_an_old_value_of_another_model_is_not_shown_after_the_model_was_changed(station: Station) -> None:
    station.read(reading(1, station.clock.now_ms(), v_y=240.0))
    station.clock.advance(2)
    station.read(Reading(1, station.clock.now_ms(), {"v_r": 230.0, "current_r": 1.0}))
    use_profile(station, ONE_PHASE)
    station.beat()
    value = shown(Feed(station.settings, station.home, station.clock), "v_y")
    assert (value.value, value.why) == (None, "not in this meter")


def test_a_profile_that_cannot_be_read_hides_nothing(station: Station) -> None:
    use_profile(station, "model = ")
    station.read()
    station.beat()
    feed = Feed(station.settings, station.home, station.clock)
    assert meter(feed.board()).model is ANY_MODEL
    assert {value.quality for value in meter(feed.board()).values.values()} == {"good"}


@pytest.mark.parametrize("name", profile.names())
def test_every_shipped_model_can_be_shown(name: str) -> None:
    model = Model.of(profile.load(name))
    assert model.keys <= set(KEYS)
    assert model.slow <= model.keys
    assert set(model.phases) <= {"r", "y", "b"}


def test_a_doubted_energy_stays_doubted_until_the_next_is_read(station: Station, feed: Feed) -> None:
    now = station.clock.now_ms()
    whole = reading(1, now)
    station.read(Reading(1, now, whole.values, implausible=frozenset({"wh_received"})))
    station.clock.advance(10)
    station.read(instants(1, station.clock.now_ms()))
    station.beat()
    assert shown(feed).quality == "implausible"


def test_a_meter_that_repeats_itself_is_stale_since_then(station: Station, feed: Feed) -> None:
    station.read()
    station.clock.advance(600)
    station.read()
    since = station.clock.now_ms() - 240_000
    station.beat(meter_2={"frozen_since_ms": since})
    frozen, other = meter(feed.board(), 2), meter(feed.board(), 1)
    at = site_time(since, station.settings.site.zone)
    assert frozen.frozen == f"frozen since {at:%H:%M}: the meter repeats itself"
    assert (frozen.freshness, frozen.age_s) == ("stale", 240.0)
    assert {value.quality for value in frozen.values.values()} == {"stale"}
    assert (frozen.supply, frozen.status, frozen.evidence) == ("unknown", "Unknown", frozen.frozen)
    assert frozen.since_ms == since
    assert (other.freshness, other.frozen) == ("fresh", "")


def test_extras_and_identity_come_with_label_unit_and_age(station: Station) -> None:
    more = '[extras]\nthd = { register = 40021, label = "THD of voltage", unit = "%" }\n'
    serial = 'serial = { register = 40023, label = "Serial number", group = "once" }\n'
    use_profile(station, ONE_PHASE + more + serial)
    now = station.clock.now_ms()
    station.read(Reading(1, now, {"v_r": 230.0}))
    station.beat(
        meter_1={
            "extras": {"thd": [3.2, now - 30_000], "gone": [None, now], "odd": "x", "worse": [1]},
            "identity": {"serial": 4711.0},
        }
    )
    found = meter(Feed(station.settings, station.home, station.clock).board()).extras
    assert [(one.label, one.unit, one.value, one.at_ms, one.freshness) for one in found] == [
        ("THD of voltage", "%", 3.2, now - 30_000, "fresh"),
        ("Serial number", "", 4711.0, None, "fresh"),
        ("gone", "", None, now, "fresh"),
    ]


def test_extras_of_a_meter_that_does_not_answer_are_stale(station: Station, feed: Feed) -> None:
    now = station.clock.now_ms()
    station.read()
    station.beat(meter_1={"comm_status": "Communication failed", "extras": {"thd_v_r": [3.2, now]}})
    (extra,) = meter(feed.board()).extras
    assert (extra.freshness, extra.label) == ("stale", "THD of voltage, R phase")


@pytest.mark.parametrize("wrong", [None, 5, "x", [1], {"wh_received": None}])
def test_a_heartbeat_with_wrong_types_hides_no_value(station: Station, feed: Feed, wrong: Any) -> None:
    station.read()
    odd = wrong if not isinstance(wrong, dict) else {}
    station.beat(meter_1={"disabled": wrong, "extras": odd, "identity": odd, "frozen_since_ms": "x"})
    assert shown(feed, "v_r").quality == "good"


def test_limits_turn_at_two_and_five_intervals() -> None:
    limits = Limits.of(60.0)
    assert [limits.freshness(age) for age in (None, 120.0, 120.1, 300.0, 300.1, -2.0)] == [
        "never",
        "fresh",
        "late",
        "late",
        "stale",
        "stale",
    ]


def test_a_compacted_live_file_still_tells_when_energies_were_read(station: Station, feed: Feed) -> None:
    station.read(reading(1, station.clock.now_ms(), wh_received=7000.0))
    station.beat()
    assert shown(feed).quality == "good"
    station.clock.advance(3700)
    station.read(instants(1, station.clock.now_ms()))
    assert shown(feed).value == 7000.0
    live = LiveFile(station.home.live, station.settings.site.zone, True)
    live.compact(station.clock.now_ms())
    live.close()
    station.clock.advance(0.3)
    station.beat()
    assert (shown(feed).value, shown(feed).quality, shown(feed).age_s) == (7000.0, "stale", 3700.3)
