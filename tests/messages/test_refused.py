"""A message that is refused for what it holds: told in short, and it keeps nothing urgent back."""

from pathlib import Path
from typing import Any

import pytest

from substation.messages.ways import NOT_THIS, Job, Outcome
from substation.settings.alarms import AlarmChange
from substation.settings.messages import Messages
from tests.messages.station import SSE, PlayedWay, Station, who


class Refusing(PlayedWay):
    """Refuses what holds these words."""

    def __init__(self, *words: str) -> None:
        super().__init__()
        self.words = words

    def hand(self, job: Job) -> None:
        if any(words in job.text.body for words in self.words):
            self.answers.append(Outcome(job.number, False, f"{NOT_THIS} (error=400)"))
            return
        super().hand(job)


def station(folder: Path, way: PlayedWay, **more: Any) -> Station:
    everything = who(priorities=("high", "medium", "low"), **more)
    here = Station(folder, Messages(recipients=(everything,), grouping_s=5.0))
    here.way = way
    return here


def test_what_a_gateway_refuses_is_tried_in_short_and_says_so(tmp_path: Path) -> None:
    here = station(tmp_path, Refusing("To do:"))
    messenger = here.messenger()
    here.alarm()
    here.run(messenger, 30)
    (job,) = here.way.taken
    first, text, said = job.text.body.splitlines()
    assert first == "SIMULATED Substation (no. 1):"
    assert text == "HIGH Supply lost, meter 1 Transformer, since 02:00:00"
    assert said == "In short: its gateway did not take the whole message; more on the page Events."
    assert job.text.title == "SIMULATED Substation (no. 1)"


def test_what_is_refused_for_ever_keeps_nothing_urgent_back(tmp_path: Path) -> None:
    way = Refusing("Voltage low")
    here = station(tmp_path, way)
    messenger = here.messenger()
    here.alarm("voltage_low", 2)
    here.run(messenger, 200, 20)
    here.alarm("voltage_high", 3)
    here.alarm()
    here.run(messenger, 10)
    (job,) = here.way.taken
    assert [line[:17] for line in job.text.body.splitlines()[1:-1]] == ["HIGH Supply lost,"]
    assert "could not leave" not in job.text.body
    here.over()
    here.run(messenger, 200, 20)
    assert len(here.way.taken) == 1  # an end is not urgent, and never comes before its begin
    way.words = ()
    here.run(messenger, 600, 30)
    told = "".join(here.way.to(SSE))
    assert [
        told.count(words) for words in ("Supply lost, meter", "Voltage low", "Voltage high", "Over:")
    ] == [
        2,
        1,
        1,
        1,
    ]


def test_while_nothing_leaves_urgent_alarms_are_few_messages(tmp_path: Path) -> None:
    here = station(tmp_path, PlayedWay())
    messenger = here.messenger()
    here.way.away = "no network"
    for meter in (1, 2, 3, 5, 6, 7, 8):
        here.alarm("supply_lost", meter)
        here.run(messenger, 60, 10)
    here.way.away = ""
    here.run(messenger, 600, 30)
    assert len(here.way.taken) == 5
    assert sum(text.count("HIGH") for text in here.way.to(SSE)) == 7


@pytest.mark.parametrize("priority", ["low", "high"])
def test_an_alarm_is_called_by_what_is_known_of_it_now(tmp_path: Path, priority: Any) -> None:
    here = station(tmp_path, PlayedWay(), after_min=(0, 10))
    known = here.settings
    here.settings = known.model_copy(update={"meters": known.meters[1:]})
    messenger = here.messenger()
    here.alarm()
    here.run(messenger, 30)
    assert "HIGH supply_lost, meter:1" in here.way.to(SSE)[0]
    messenger.close()
    change = AlarmChange(rule="supply_lost", priority=priority)
    here.settings = known.model_copy(update={"alarms": (change,)})
    messenger = here.messenger()
    here.run(messenger, 700, 10)
    said = here.way.to(SSE)[1]
    assert f"{priority.upper()} Supply lost, meter 1 Transformer, since 02:00:00" in said
    assert "To do: Look whether" in said
