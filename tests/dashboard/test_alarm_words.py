"""Alarms in words: events, states, titles and remedies of the rules, in each language."""

from typing import get_args

import pytest

from substation.alarms import rule
from substation.alarms.state import Kind, State
from substation.alarms.vocabulary import CONDITIONS
from substation.dashboard import alarm_words, events_words
from substation.dashboard.heard import told
from substation.dashboard.samples import NOW_MS, SETTINGS
from substation.dashboard.tongue import speaking
from substation.store.events import Event

LOW = (
    "Voltage low, meter 3 NonEssentialLoad: lowest voltage 370.1 V = 89.2 %, "
    "limit below 90 % of nominal voltage; for 10 s"
)


def of(kind: str = "alarm.raised", detail: str = f"{LOW} (alarm voltage_low@meter:3 a1b2-7)") -> Event:
    return Event(NOW_MS, kind, 3, "Normal", "Unacknowledged", detail)


def test_an_alarm_that_was_raised_is_told_by_title_states_value_and_limit() -> None:
    said = events_words.told(of(), SETTINGS)
    assert said.what == "Voltage low: raised"
    assert said.change == "Normal, then Unacknowledged"
    assert said.evidence == "lowest voltage 370.1 V = 89.2 %, limit below 90 % of nominal voltage; for 10 s"
    assert said.sign == "Alarm"


def test_an_alarm_of_a_line_stands_with_its_line_and_one_of_an_old_rule_keeps_its_words() -> None:
    line = Event(0, "alarm.raised", None, "Normal", "Unacknowledged",
                 "Line or adapter lost, line 1: gone (alarm adapter_lost@line:line 1 a1b2-8)")  # fmt: skip
    assert events_words.where(line, SETTINGS) == "RS-485 line 1"
    gone = of(detail="Old, meter 3: x (alarm old_rule@meter:3 a1b2-9)")
    said = events_words.told(gone, SETTINGS)
    assert (said.what, said.evidence) == ("old_rule: raised", "Old, meter 3: x")
    bare = events_words.told(of(detail="written by hand"), SETTINGS)
    assert (bare.what, bare.evidence) == ("An alarm: raised", "written by hand")


@pytest.mark.parametrize("language", ["hi"])
def test_all_that_the_rules_and_the_engine_say_is_there_in_every_language(language: str) -> None:
    with speaking(language):
        for one in rule.load():
            for sentence in (one.title, one.action):
                assert told(sentence) != sentence
        for sentence in (*State, *CONDITIONS.values(), *alarm_words.MEANS.values()):
            assert told(str(sentence)) != sentence
        for kind in get_args(Kind):
            said = events_words.told(of(kind), SETTINGS)
            assert "Voltage" not in said.what
            assert "Normal" not in said.change
            assert "lowest" not in told(said.evidence)
            assert "nominal" not in told(said.evidence)
