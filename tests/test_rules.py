"""Every rule of the alarms holds on its own example: a new rule brings its test."""

import copy
import tomllib

import pytest

from substation.alarms import rule as rules
from substation.alarms.plan import Plan, Watch, build
from substation.alarms.rule import FILE, Rule
from substation.errors import SettingsError
from substation.settings.model import CARD_METERS, Settings
from tests.alarms.desk import RULES, START_MS, Desk

PROMISED = {
    "supply_lost phase_loss voltage_high voltage_low voltage_unbalance current_unbalance overcurrent",
    "transformer_loaded transformer_overloaded power_factor_low frequency_high frequency_low reverse_power",
    "communication_lost adapter_lost disk copies clock audit_chain feeder_dead",
}


def watch_of(rule: Rule) -> tuple[Plan, Watch]:
    plan = build((rule,), Settings(meters=CARD_METERS))
    return plan, plan.watches[0]


def test_there_is_every_alarm_that_is_promised() -> None:
    assert {rule.key for rule in RULES} >= {key for line in PROMISED for key in line.split()}
    assert {rule.priority for rule in RULES} >= {"high", "medium", "low"}


def test_power_that_flows_into_a_source_that_gives_or_out_of_a_feeder_is_an_alarm() -> None:
    # what a source gives is positive, of a generator too (`alarms.balance`): below zero it is driven
    (rule,) = (one for one in RULES if one.key == "reverse_power")
    desk = Desk(rules=(rule,))
    for meter in (1, 3, 5):
        desk.say("active_power", f"meter:{meter}", -3.0)
        desk.wait(11)
        assert desk.shown(f"reverse_power@meter:{meter}") == "Unacknowledged"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.key)
def test_a_rule_is_raised_and_cleared_on_its_own_example(rule: Rule) -> None:
    plan, watch = watch_of(rule)
    desk, found = Desk(rules=(rule,)), {}
    assert plan.faults == ()
    example = rule.example
    last_s = max(example.cleared_s, example.series[-1][0]) + rule.off_delay_s + rule.on_delay_s + 5
    for second in range(round(last_s)):
        desk.now_ms = START_MS + second * 1000
        base = 100.0 if rule.relative_to != "absolute" else 0.0
        desk.say(rule.signal, watch.subject, example.at(second), base)
        for one in desk.step(min(second, 1), clock_s=0).transitions:
            if one.subject == watch.subject:
                found.setdefault(one.kind, []).append(second)
    assert found == {"alarm.raised": [example.raised_s], "alarm.cleared": [example.cleared_s]}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.key)
def test_a_rule_says_what_to_do_and_why_it_was_raised(rule: Rule) -> None:
    _, watch = watch_of(rule)
    assert rule.action.endswith(".")
    desk = Desk(rules=(rule,))
    bad = max(value for _, value in rule.example.series if value != "unknown")
    if rule.below is not None:
        bad = min(value for _, value in rule.example.series if value != "unknown")
    desk.say(rule.signal, watch.subject, bad, 100.0)
    desk.step()
    desk.step(rule.on_delay_s)  # a long round may be all there is
    if rule.on_delay_s > 60:  # beyond a blind spot the delay begins anew
        desk.wait(round(rule.on_delay_s))
    words = desk.noted[0].words
    assert words.startswith(f"{rule.title}, {watch.named}: ")
    assert rule.limit is None or f"limit {watch.limit_words}" in words
    assert desk.noted[0].at_ms == START_MS or rule.on_delay_s > 60


def test_faults_are_told_all_at_once_with_rule_setting_and_remedy() -> None:
    data = tomllib.loads(FILE.read_text(encoding="utf-8"))
    rows = copy.deepcopy(data["rule"][:4])
    rows[0] |= {"signal": "supply_ded"}
    rows[1] |= {"above": 3, "unit": "V"}
    rows[2] |= {"suppressed_by": ["full_moon"], "colour": "red"}
    rows[3] |= {"below": 2, "unit": "V", "priority": "urgent"}
    with pytest.raises(SettingsError) as found:
        rules.parse({"rule": [*rows, rows[0]], "rules": 1}, "rules.toml")
    words = str(found.value)
    for part in (
        "rules.toml: supply_lost: signal: 'supply_ded' is not known; known: voltage_lowest",
        "rules.toml: feeder_dead: above, below, unit, dead_band, relative_to: 'supply_dead' is true or false",
        "rules.toml: phase_loss: colour: no such setting; known: key, title",
        "rules.toml: phase_loss: suppressed_by.0: known are incomer_dead",
        "rules.toml: voltage_high: priority: Input should be 'high', 'medium', 'low' or 'journal'",
        "rules.toml: rules: no such table; rules are written as [[rule]]",
        "Remedy: correct it there",
    ):
        assert part in words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"roles": []}, "roles: name whose circuits it watches"),
        ({"below": 3}, "'voltage_highest' is a number; give exactly one of the two"),
        ({"relative_to": "rated_a"}, "can be absolute or relative to nominal_v"),
        ({"unit": "V"}, "unit: is 'V', and this limit is in '%'"),
        ({"example": {"series": [[0, 1], [0, True]], "raised_s": 3, "cleared_s": 2}}, "begins at second 0"),
        ({"example": {"series": [[0, 1], [1, True]], "raised_s": 1, "cleared_s": 2}}, "is a number, or"),
        ({"example": {"series": [[0, 1], [1, 2]], "raised_s": 3, "cleared_s": 2}}, "raised_s comes before"),
    ],
)
def test_a_rule_that_does_not_hold_together_is_refused(change: dict, words: str) -> None:
    row = next(
        row for row in tomllib.loads(FILE.read_text(encoding="utf-8"))["rule"] if row["key"] == "voltage_high"
    )
    with pytest.raises(SettingsError, match="voltage_high: ") as found:
        rules.parse({"rule": [row | change]}, "rules.toml")
    assert words in str(found.value)
