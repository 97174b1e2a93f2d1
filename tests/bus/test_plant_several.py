"""Several lines: what their workers hand over, and that none of them touches another.

Up to the rule the workers' turns are taken by hand and nothing waits. Below it threads run for real,
and the lines hang where no time-out reaches.
"""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest

from substation.bus.crew import Crew
from substation.bus.line import Line
from substation.bus.plant import Plant
from substation.bus.worker import Worker
from substation.clock import Clock, SystemClock
from substation.settings.model import CARD_METERS, Poll, Settings
from substation.settings.model import Line as LineSettings
from tests.bus.fake_wire import FakeWire
from tests.bus.nap import Nap
from tests.fake_clock import FakeClock

TWO_LINES = Settings(
    lines=(LineSettings(name="yard", port="/dev/one"), LineSettings(name="house", port="/dev/two")),
    meters=tuple(
        meter.model_copy(update={"line": "house" if meter.id > 3 else "yard"}) for meter in CARD_METERS
    ),
)


@pytest.fixture
def plant(clock: FakeClock) -> Plant:
    return by_hand(Plant(TWO_LINES, clock, make_line=FakeWire), clock)  # type: ignore[arg-type]


def by_hand(plant: Plant, clock: FakeClock) -> Plant:
    """Keep the threads from beginning, and let waiting cost nothing."""
    crew = plant._drive
    assert isinstance(crew, Crew)
    crew._begun = True
    crew._arrived = Nap(clock)  # type: ignore[assignment]
    for worker in crew.workers:
        worker._wake = Nap(clock)  # type: ignore[assignment]
    return plant


def workers(plant: Plant) -> list[Worker]:
    assert isinstance(plant._drive, Crew)
    return plant._drive.workers


def wire(plant: Plant, place: int) -> FakeWire:
    line = plant.scanners[place].line
    assert isinstance(line, FakeWire)
    return line


def turn(plant: Plant, *names: str) -> None:
    """Let these lines make a round each, and rest until the next."""
    for worker in workers(plant):
        if worker.name in names:
            worker.turn()
            worker.rest()


def take(plant: Plant) -> dict[int, str]:
    """Return what was handed over: reason or `good` by meter."""
    return {reading.meter_id: reading.reason or "good" for reading in plant.round(None, lambda: False)}


def test_what_one_line_hands_over_waits_for_no_other(plant: Plant) -> None:
    assert plant.several
    turn(plant, "house")
    assert take(plant) == {4: "good", 5: "good"}
    turn(plant, "yard")
    assert take(plant) == {1: "good", 2: "good", 3: "good"}
    assert {meter_id for _, meter_id in wire(plant, 0).asked} == {1, 2, 3}


def test_a_second_in_which_no_line_delivers_ends_the_wait(plant: Plant, clock: FakeClock) -> None:
    started_s, asked = clock.monotonic(), []
    assert plant.round(None, lambda: bool(asked.append(clock.monotonic()))) == ()
    assert clock.monotonic() - started_s == pytest.approx(1.0, abs=0.01)
    assert max(later - earlier for earlier, later in itertools.pairwise(asked)) < 0.21


def test_a_round_brings_a_meter_once_and_the_rest_comes_in_the_next(plant: Plant) -> None:
    turn(plant, "house", "house")
    turn(plant, "house")
    turn(plant, "yard")
    assert take(plant) == {1: "good", 2: "good", 3: "good", 4: "good", 5: "good"}
    assert take(plant) == {4: "good", 5: "good"}
    assert take(plant) == {}


def test_one_line_down_does_not_touch_the_other(plant: Plant) -> None:
    turn(plant, "yard", "house")
    take(plant)
    wire(plant, 0).present = False
    turn(plant, "yard", "house")
    assert take(plant) == {1: "line_down", 2: "line_down", 3: "line_down", 4: "good", 5: "good"}
    assert plant.down
    assert plant.down_lines == {"yard"}
    assert plant.failed == {1, 2, 3}
    assert [line["state"] for line in plant.lines()] == ["down", "up"]
    assert plant.advice() == ["yard: port missing"]
    wire(plant, 0).present = True
    turn(plant, "yard")
    assert set(take(plant).values()) == {"good"}
    assert plant.failed == plant.down_lines == frozenset()
    assert [(line, notice.kind) for line, notice in plant.notices()] == [
        ("yard", "line_down"),
        ("yard", "line_up"),
    ]


def test_a_meter_that_has_just_answered_is_not_failed(plant: Plant) -> None:
    wire(plant, 1).dead = {4}
    for _ in range(3):
        turn(plant, "house")
        take(plant)
    assert plant.failed == {4}
    wire(plant, 1).dead = set()
    house = workers(plant)[1]
    before = house.view
    turn(plant, "house")
    house.view = before  # as in the middle of the round: its end is not there yet
    take(plant)
    assert plant.failed == frozenset()


def test_the_heartbeat_tells_every_line(plant: Plant) -> None:
    turn(plant, "yard", "house")
    take(plant)
    plant.give("house", "scan, asked for by asha", lambda scanner, alive: [], lambda: False)
    beat = plant.beat({})
    yard, house = beat["lines"]
    assert (yard["name"], yard["kind"], yard["paused"]) == ("yard", "serial", "")
    assert house["paused"] == "scan, asked for by asha"
    assert yard["round_s"] > house["round_s"] > 0
    assert beat["round_s"] == yard["round_s"]
    assert beat["limit_s"] == max(yard["limit_s"], house["limit_s"])
    assert 0 < house["busy"] < 1
    assert [meter["id"] for meter in beat["meters"]] == [1, 2, 3, 4, 5]
    plant.resumed("house")
    assert plant.lines()[1]["paused"] == ""


def test_rounds_are_those_of_the_slowest_line_and_the_summary_tells_each(plant: Plant) -> None:
    turn(plant, "yard", "house")
    turn(plant, "house")
    take(plant)
    assert plant.rounds(99) == 1
    lines = plant.summary().splitlines()
    assert lines[0].startswith("yard: 1 rounds, median ")
    assert lines[4].startswith("house: 2 rounds, median ")
    assert [line.split(":")[0] for line in lines[5:]] == ["meter 4 ColonyLoad", "meter 5 DGSetLoad"]


def test_what_was_learned_is_kept_and_an_unchanged_line_is_the_same(plant: Plant, clock: FakeClock) -> None:
    turn(plant, "yard", "house")
    take(plant)
    counted = plant.health[4].counts["ok"]
    slower = TWO_LINES.model_copy(update={"poll": Poll(interval_s=5.0)})
    fresh = by_hand(Plant(slower, clock, before=plant, make_line=FakeWire), clock)  # type: ignore[arg-type]
    assert wire(fresh, 1) is wire(plant, 1)
    assert not wire(fresh, 1).is_open
    turn(fresh, "house")
    assert take(fresh) == {4: "good", 5: "good"}
    assert fresh.health[4].counts["ok"] > counted > 0


def test_a_new_configuration_calls_no_unchanged_line_down(plant: Plant, clock: FakeClock) -> None:
    wire(plant, 0).present = False
    turn(plant, "yard", "house")
    take(plant)
    plant.notices()
    slower = TWO_LINES.model_copy(update={"poll": Poll(interval_s=5.0)})
    fresh = by_hand(Plant(slower, clock, before=plant, make_line=FakeWire), clock)  # type: ignore[arg-type]
    assert fresh.down_lines == {"yard"}  # before either has had its turn
    turn(fresh, "yard", "house")
    take(fresh)
    assert fresh.down_lines == {"yard"}
    assert fresh.notices() == []  # it is down still: nothing has changed
    wire(fresh, 0).present = True
    turn(fresh, "yard")
    take(fresh)
    assert [notice.kind for _, notice in fresh.notices()] == ["line_up"]


def still_for(plant: Plant, clock: FakeClock, seconds: float, *moving: str) -> None:
    """Let so much time pass in which only these lines give signs of life."""
    for _ in range(round(seconds / 0.2)):
        clock.advance(0.2)
        for worker in workers(plant):
            worker.signs += worker.name in moving
        assert isinstance(plant._drive, Crew)
        plant._drive._look()


def test_a_line_that_stands_still_is_named_and_the_watchdog_is_fed_by_the_other(
    plant: Plant, clock: FakeClock
) -> None:
    still_for(plant, clock, 29, "house")
    assert plant.still == ()
    still_for(plant, clock, 3, "house")
    assert plant.still == ("yard",)
    assert plant.alive
    assert any("yard stands still for more than 30 s" in words for words in plant.advice())
    workers(plant)[1].rounds = 5
    assert plant.rounds(0) == 5  # it is not waited for
    still_for(plant, clock, 1, "yard", "house")
    assert plant.still == ()


def test_where_no_line_moves_the_watchdog_starves(plant: Plant, clock: FakeClock) -> None:
    still_for(plant, clock, 32)
    assert not plant.alive


def test_a_night_of_suspend_is_no_hang(plant: Plant, clock: FakeClock) -> None:
    still_for(plant, clock, 5, "yard", "house")
    clock.advance(8 * 3600)
    still_for(plant, clock, 1)
    assert plant.still == ()


@pytest.mark.parametrize(
    ("baud", "held_s", "least_s"), [(9600, 0.0, 2.0), (1200, 0.0, 3.4), (9600, 1.2, 2.5)]
)
def test_a_line_may_take_as_long_to_end_as_its_longest_request(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch, baud: int, held_s: float, least_s: float
) -> None:
    """At 1200 baud 125 registers take 2.4 s on the wire: such a line does not hang."""
    lines = (TWO_LINES.lines[0].model_copy(update={"baud": baud}), TWO_LINES.lines[1])
    plant = by_hand(Plant(TWO_LINES.model_copy(update={"lines": lines}), clock, make_line=FakeWire), clock)  # type: ignore[arg-type]
    wire(plant, 0).held_s = held_s
    given_s: dict[str, float] = {}

    def join(worker: Worker, seconds: float) -> bool:
        given_s[worker.name] = seconds
        return True

    monkeypatch.setattr(Worker, "join", join)
    assert plant.close() == frozenset()
    assert least_s <= given_s["yard"] < least_s + 2
    assert 2.0 <= given_s["house"] < 2.1


# --------------------------------------------------------------------------------------------------


class Timed:
    """A wire that answers at once, or whose `open` hangs until it is let go."""

    def __init__(self, settings: LineSettings, clock: Clock, gate: threading.Event | None = None) -> None:
        self._fake = FakeWire(settings, FakeClock())
        self._gate = gate

    def __getattr__(self, name: str) -> object:
        return getattr(self._fake, name)

    def open(self) -> None:
        if self._gate is not None:
            self._gate.wait(20)
        self._fake.open()


FAST = TWO_LINES.model_copy(update={"poll": Poll(interval_s=0.05)})


@pytest.fixture
def gate() -> threading.Event:
    return threading.Event()


@pytest.fixture
def hanging(gate: threading.Event) -> Callable[..., Plant]:
    """The yard hangs in `open`, the house works."""

    def make(before: Plant | None = None) -> Plant:
        return Plant(
            FAST,
            SystemClock(),
            before=before,
            make_line=lambda line, clock: Timed(line, clock, gate if line.name == "yard" else None),  # type: ignore[arg-type,return-value]
        )

    return make


def count(plant: Plant, seconds: float) -> Counter[int]:
    found: Counter[int] = Counter()
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        found.update(reading.meter_id for reading in plant.round(None, lambda: False))
    return found


def test_a_line_that_hangs_in_open_holds_up_nobody(
    hanging: Callable[..., Plant], gate: threading.Event
) -> None:
    plant = hanging()
    found = count(plant, 1.0)
    assert set(found) == {4, 5}
    assert found[4] >= 5
    gate.set()
    assert set(count(plant, 1.0)) == {1, 2, 3, 4, 5}
    assert plant.close() == frozenset()


def test_the_end_does_not_wait_for_a_line_that_hangs(
    hanging: Callable[..., Plant], gate: threading.Event
) -> None:
    plant = hanging()
    count(plant, 0.3)
    started_s = time.monotonic()
    fresh = hanging(before=plant)
    assert 1.5 < time.monotonic() - started_s < 5
    assert fresh.scanners[0].line is not plant.scanners[0].line  # the old one may still wake up
    assert fresh.scanners[1].line is plant.scanners[1].line
    gate.set()
    assert set(count(fresh, 1.0)) == {1, 2, 3, 4, 5}
    worker = workers(plant)[0]
    assert worker.join(5)
    assert not plant.scanners[0].line.is_open
    assert fresh.close() == frozenset()


def test_several_lines_end_promptly_and_give_their_ports_back() -> None:
    plant = Plant(FAST, SystemClock(), make_line=Timed)  # type: ignore[arg-type]
    count(plant, 0.3)
    started_s = time.monotonic()
    assert plant.close() == frozenset()
    assert time.monotonic() - started_s < 2
    assert not any(scanner.line.is_open for scanner in plant.scanners)


def test_a_real_line_is_made_where_nobody_says_otherwise(clock: FakeClock) -> None:
    assert all(isinstance(scanner.line, Line) for scanner in Plant(TWO_LINES, clock).scanners)
