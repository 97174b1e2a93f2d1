"""An engineer sets limits of alarms in the browser: what differs from a rule, judged by the rules, told."""

from typing import Any

import dash
import pytest

from substation.dashboard import settings_form, settings_view
from substation.dashboard.alarm_book import planned
from substation.dashboard.samples import board
from substation.dashboard.settings_desk import Outcome
from substation.dashboard.settings_form import Refused, Typed
from substation.settings.alarms import AlarmChange
from substation.settings.model import Settings
from tests.dashboard.conftest import Browser, Station, browse, own_settings
from tests.dashboard.test_account import as_
from tests.dashboard.test_settings_page import after, changes, post, stored
from tests.dashboard.tree import text, walk

ALL, ONE, OFF = (
    "alarms.voltage_low.limit",
    "meters.#2.alarms.voltage_low.limit",
    "alarms.voltage_low.disabled",
)
SLOW = AlarmChange(rule="voltage_low", limit=88.0, dead_band=2.0, on_delay_s=30.0, off_delay_s=40.0)
CLOCK = AlarmChange(rule="clock", disabled=True)


@pytest.fixture
def engineer(app: dash.Dash, station: Station) -> Browser:
    station.configure(own_settings())
    return browse(app, as_("engineer"))


def edited(settings: Settings, **typed: str) -> Settings:
    said = {key.replace("meters__2", "meters.#2").replace("__", "."): told for key, told in typed.items()}
    return settings_form.edited(settings, Typed(said, settings_form.shown(settings)))


def refused(settings: Settings, **typed: str) -> dict[str, str]:
    with pytest.raises(Refused) as found:
        edited(settings, **typed)
    return dict(found.value.faults)


def in_force(settings: Settings) -> list[float | None]:
    """Return the lower limit of voltage of every meter, by the poller's own plan."""
    return [watch.limit for watch in planned(settings).watches if watch.rule.key == "voltage_low"]


def with_meter(*alarms: AlarmChange, role: str = "feeder", **changed: Any) -> Settings:
    """Return settings where the second meter, of this role, changes these rules."""
    settings = own_settings(**changed)
    meters = list(settings.meters)
    meters[1] = meters[1].model_copy(update={"alarms": alarms, "role": role})
    return settings.model_copy(update={"meters": tuple(meters)})


def test_a_limit_is_set_changed_and_emptied_again() -> None:
    first = own_settings()
    for_all = edited(first, alarms__voltage_low__limit="88")
    assert in_force(for_all) == [88.0] * 5
    for_one = edited(for_all, meters__2__alarms__voltage_low__limit=" 85.5 ")
    assert in_force(for_one) == [88.0, 85.5, 88.0, 88.0, 88.0]
    shown = settings_form.shown(for_one)
    assert (shown[ALL], shown[ONE], shown[OFF]) == ("88", "85.5", "no")
    changed = edited(for_one, alarms__voltage_low__limit="87", meters__2__alarms__voltage_low__limit="")
    assert changed.alarms == (AlarmChange(rule="voltage_low", limit=87.0),)
    assert in_force(changed) == [87.0] * 5
    assert edited(changed, alarms__voltage_low__limit="") == first
    off = edited(first, meters__2__alarms__voltage_low__disabled="yes")
    assert len(in_force(off)) == 4
    assert edited(off, meters__2__alarms__voltage_low__disabled="no") == first


def test_what_else_differs_from_the_rule_and_other_rules_stay() -> None:
    settings = with_meter(SLOW, alarms=(CLOCK, SLOW))
    result = edited(settings, alarms__voltage_low__limit="87", alarms__voltage_high__limit="108")
    assert result.alarms == (
        CLOCK,
        SLOW.model_copy(update={"limit": 87.0}),
        AlarmChange(rule="voltage_high", limit=108.0),
    )
    assert result.meters == settings.meters
    emptied = edited(settings, alarms__voltage_low__limit="", meters__2__alarms__voltage_low__limit="")
    rest = SLOW.model_copy(update={"limit": None})
    assert (emptied.alarms, emptied.meters[1].alarms) == ((CLOCK, rest), (rest,))


def test_a_limit_that_is_none_is_refused_at_its_field() -> None:
    settings = own_settings(alarms=(CLOCK,))
    assert "'low' is no number" in refused(settings, alarms__voltage_low__limit="low")[ALL]
    assert "lies outside" in refused(settings, alarms__voltage_low__limit="1e12")[ALL]
    assert "lies outside" in refused(settings, meters__2__alarms__voltage_low__limit="-1e12")[ONE]
    assert "neither yes nor no" in refused(settings, alarms__voltage_low__disabled="maybe")[OFF]


def test_what_fits_its_rule_no_more_is_refused_where_it_was_typed() -> None:
    role, limit = "meters.#2.role", "meters.#2.alarms.frequency_low.limit"
    settings = with_meter(AlarmChange(rule="frequency_low", limit=49.0), role="generator")
    words = "'frequency_low' does not watch a feeder"
    assert words in refused(settings, meters__2__role="feeder")[role]
    both = {"meters__2__role": "feeder", "meters__2__alarms__frequency_low__limit": "48"}
    assert words in refused(settings, **both)[limit]
    result = edited(settings, **{**both, "meters__2__alarms__frequency_low__limit": ""})
    assert (result.meters[1].role, result.meters[1].alarms) == ("feeder", ())
    assert "does not watch its circuit any more" in refused_of_old(result, limit)
    stood = with_meter(AlarmChange(rule="power_factor_low", limit=0.8))  # not the fault of who saves now
    assert edited(stood, site__name="GS 2").site.name == "GS 2"


def refused_of_old(settings: Settings, key: str) -> str:
    """Return what is said of a field that a page had and that is none any more."""
    with pytest.raises(Refused) as found:
        settings_form.edited(settings, Typed({key: "1"}, {key: ""}))
    return found.value.faults[""]


def test_a_limit_goes_into_the_audit_log_and_nobody_s_is_overwritten(
    engineer: Browser, station: Station
) -> None:
    loaded = settings_form.shown(stored(station))
    told = after(engineer, post(engineer, station, alarms__voltage_low__limit="88"))
    assert "alarms.0.limit" in told
    assert [line["d"] for line in changes(station)] == [
        {"setting": "alarms.0.rule", "before": None, "after": "voltage_low"},
        {"setting": "alarms.0.limit", "before": None, "after": 88.0},
    ]
    told = after(engineer, post(engineer, station, loaded, alarms__voltage_low__limit="86"))
    assert "Somebody else has changed this meanwhile, from - to 88." in told
    assert stored(station).alarms == (AlarmChange(rule="voltage_low", limit=88.0),)
    post(engineer, station, alarms__voltage_low__limit="86")
    lines = [line["d"] for line in changes(station)]
    assert lines[2:] == [{"setting": "alarms.0.limit", "before": 88.0, "after": 86.0}]


def test_the_page_shows_each_limit_with_what_stands_behind_it() -> None:
    settings = with_meter(SLOW, alarms=(AlarmChange(rule="voltage_low", limit=87.0),))
    fault = Outcome("", faults={ONE: "is wrong"}, typed={ONE: "x"})
    page = settings_view.content(settings, board(), fault)
    folds = [part for part in walk(page) if type(part).__name__ == "Details"]
    assert [bool(fold.open) for fold in folds] == [False, True, False, False, False]
    whole = text(page)
    assert "below 90 % of nominal voltage" in whole  # as shipped
    assert "below 87 % of nominal voltage" in text(folds[1])  # the station's, for the meter
    assert "with limits of its own: 1" in text(folds[1])
    assert "Transformer overloaded" in text(folds[0])
    assert "Transformer overloaded" not in text(folds[1])  # a feeder
    assert "Supply lost" not in whole  # it has no limit
