"""What people ask of the poller: obeyed once, one at a time, declined in words, never in polling's way."""

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from substation.acquisition.requests import PROGRESS_S, Requests
from substation.audit import Audit
from substation.bus import commission
from substation.bus.commission import Outcome
from substation.bus.crew import Crew
from substation.bus.plant import Plant
from substation.errors import LineDown, RequestError
from substation.settings.model import CARD_METERS, Home, Line, Settings
from substation.store import requests
from substation.store.operator_db import OperatorDb
from substation.store.requests import Answer
from tests.bus.fake_wire import FakeWire
from tests.bus.nap import Nap
from tests.fake_clock import FakeClock

ONE_LINE = Settings(simulated=True, lines=(Line(name="line 1", port="/dev/one"),), meters=CARD_METERS)
TWO_LINES = Settings(
    simulated=True,
    lines=(Line(name="yard", port="/dev/one"), Line(name="house", port="/dev/two")),
    meters=tuple(
        meter.model_copy(update={"line": "house" if meter.id > 3 else "yard"}) for meter in CARD_METERS
    ),
)


class Desk:
    """Somebody who asks, and a poller that looks, on a clock that nobody waits for."""

    def __init__(self, folder: Path, settings: Settings, clock: FakeClock, zone) -> None:
        self.home, self.settings, self.clock = Home(folder), settings, clock
        self.db = OperatorDb(self.home.operator, simulated=True)
        self.audit = Audit(self.home.audit, bytes(32), "poller", clock, zone)
        self.plant = Plant(settings, clock, make_line=FakeWire)  # type: ignore[arg-type]
        self.told_to_end = False
        self.between = 0
        self.requests = self.poller()
        self.look()

    def poller(self) -> Requests:
        return Requests(self.home, self.clock, self.audit, self.clock.now_ms())

    def wire(self, place: int = 0) -> FakeWire:
        line = self.plant.scanners[place].line
        assert isinstance(line, FakeWire)
        return line

    def ask(self, kind: str, **arguments: object) -> int:
        return requests.ask(self.db, self.clock, kind, arguments, "asha")  # type: ignore[arg-type]

    def look(self) -> None:
        def between() -> bool:
            self.between += 1
            return self.told_to_end

        self.requests.look(self.settings, self.plant, between)

    def answer(self, number: int) -> Answer:
        found = requests.answered(self.home.answers, number)
        assert found is not None
        return found

    def asked(self, kind: str, **arguments: object) -> Answer:
        number = self.ask(kind, **arguments)
        self.look()
        return self.answer(number)

    @property
    def audited(self) -> list[tuple[str, str, Mapping[str, Any]]]:
        if not self.home.audit.exists():
            return []
        lines = [json.loads(line) for line in self.home.audit.read_text(encoding="utf-8").splitlines()]
        return [(line["event"], line["user"], line["d"]) for line in lines]


@pytest.fixture
def desk(tmp_path: Path, clock: FakeClock, zone) -> Iterator[Desk]:
    made = Desk(tmp_path, ONE_LINE, clock, zone)
    yield made
    made.db.close()


Play = Callable[[Callable[..., Outcome]], None]


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Play:
    """Put something in the place of commissioning."""
    return lambda run: monkeypatch.setattr(commission, "run", run)


def test_a_lost_meter_is_probed_and_read_at_once(desk: Desk, clock: FakeClock) -> None:
    desk.wire().dead = {3}
    for _ in range(4):
        desk.plant.round(None, lambda: False)
    assert desk.plant.health[3].lost
    desk.wire().dead = set()
    said = desk.asked("probe", meter=3)
    assert (said.state, said.progress) == ("done", 1.0)
    assert said.words == "meter 3 NonEssentialLoad answers: 29 values, turnaround 30.0 ms"
    assert said.result["kind"] == "ok"
    assert not desk.plant.health[3].lost
    (reading,) = desk.plant.round(None, lambda: False)  # it is kept as any other
    assert (reading.meter_id, reading.answered) == (3, True)
    assert len(desk.plant.round(None, lambda: False)) == 5


def test_a_probe_of_a_dead_meter_says_what_came(desk: Desk) -> None:
    desk.wire().dead = {2}
    said = desk.asked("probe", meter="essentialload")
    assert said.state == "done"
    assert "meter 2 EssentialLoad does not answer as it should: meter 2: no answer" in said.words
    assert (said.result["answered"], said.result["kind"]) == (False, "timeout")


def test_who_asked_for_what_is_in_the_audit_log(desk: Desk) -> None:
    desk.asked("probe", meter=1)
    desk.asked("probe", meter=77)
    (obeyed, declined) = desk.audited
    assert obeyed[:2] == ("request.obeyed", "asha")
    assert (obeyed[2]["kind"], obeyed[2]["arguments"]) == ("probe", {"meter": 1})
    assert declined[:2] == ("request.declined", "asha")
    assert "there is no meter '77'" in declined[2]["words"]


@pytest.mark.parametrize(
    ("kind", "arguments", "words"),
    [
        ("write", {"meter": 1}, "'write' is not known; known: probe, scan, identify, read, wiring"),
        ("probe", {}, "name one meter"),
        ("probe", {"meter": 1, "id": 2}, "name one meter"),
        ("probe", {"meter": "Nobody"}, "there is no meter 'Nobody'; known: 1 Transformer"),
        ("scan", {"ids": "0-5"}, "between 1 and 247"),
        ("scan", {"ids": "1-248"}, "between 1 and 247"),
        ("scan", {"ids": "rm -rf"}, "is no id"),
        ("scan", {"line": "attic"}, "there is no line 'attic'"),
        ("scan", {"value": 1}, "takes no 'value'"),
    ],
)
def test_what_cannot_be_obeyed_is_declined_in_words(
    desk: Desk, kind: str, arguments: dict[str, object], words: str
) -> None:
    said = desk.asked(kind, **arguments)
    assert said.state == "refused"
    assert words in said.words
    assert desk.wire().asked == []
    assert [event for event, _, _ in desk.audited] == ["request.declined"]


def test_a_request_that_waited_too_long_is_declined(desk: Desk, clock: FakeClock) -> None:
    number = desk.ask("probe", meter=1)
    clock.advance(31)
    desk.look()
    assert desk.answer(number).words == "asked for 31 s ago and not obeyed any more; ask again"


def test_a_request_is_obeyed_once(desk: Desk, clock: FakeClock) -> None:
    desk.asked("probe", meter=1)
    asked = len(desk.wire().asked)
    for _ in range(15):
        clock.advance(1)
        desk.look()
    assert len(desk.wire().asked) == asked


def test_looking_opens_no_database_that_nobody_has_written_to(
    desk: Desk, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    real = requests.after
    monkeypatch.setattr(requests, "after", lambda *a: opened.append(a) or real(*a))
    desk.asked("probe", meter=1)
    assert len(opened) == 1
    for _ in range(9):
        clock.advance(1)
        desk.look()
    assert len(opened) <= 2
    for _ in range(11):
        clock.advance(1)
        desk.look()
    assert len(opened) >= 2  # now and then to be sure


def test_what_was_asked_before_the_start_is_not_obeyed(desk: Desk, clock: FakeClock) -> None:
    young, waiting = desk.ask("probe", meter=1), desk.ask("scan")
    requests.answer(desk.home.answers, Answer(waiting, "scan", "running", "id 7", 1, 0.2))
    clock.advance(5)
    desk.requests = desk.poller()
    desk.look()
    assert desk.answer(young).words == "the poller was started after this was asked; ask again"
    assert "broken off: the poller was started anew meanwhile" in desk.answer(waiting).words
    assert desk.answer(waiting).state == "refused"
    assert desk.wire().asked == []
    before = desk.audited
    clock.advance(3600)
    desk.requests = desk.poller()
    desk.look()
    assert desk.audited == before  # nobody waits for it any more
    assert desk.asked("probe", meter=1).state == "done"


def test_a_new_database_counts_from_the_beginning(desk: Desk, clock: FakeClock) -> None:
    for _ in range(3):
        desk.asked("probe", meter=1)
    desk.db.close()
    for path in desk.home.folder.glob("operator.db*"):
        path.unlink()
    desk.db = OperatorDb(desk.home.operator, simulated=True)
    clock.advance(1)
    for path in desk.home.answers.iterdir():
        path.unlink()
    assert desk.asked("probe", meter=2).result["meter"] == 2


def test_the_wire_of_the_line_is_given_and_polling_pauses_meanwhile(desk: Desk, played: Play) -> None:
    seen: list[object] = []

    def run(kind: str, arguments: Mapping[str, Any], **given: Any) -> Outcome:
        seen.extend((kind, dict(arguments), given["wire"], given["profiles"]))
        seen.append(desk.plant.lines(within_round=True)[0]["paused"])
        given["tick"](0.5, "id 16")
        return Outcome("2 meters", {"found": [1, 2]})

    played(run)
    counted = desk.plant.health[1].counts.copy()
    said = desk.asked("scan", ids="1-32")
    assert seen == [
        "scan",
        {"ids": "1-32"},
        desk.wire(),
        desk.home.profiles,
        "scan, asked for by asha; polling goes on by itself",
    ]
    assert (said.state, said.words, said.result) == ("done", "2 meters", {"found": [1, 2]})
    assert desk.plant.lines(within_round=True)[0]["paused"] == ""
    assert desk.plant.health[1].counts == counted  # no fault of the meters', and no poll
    assert desk.between == 1  # heartbeat, watchdog and signals go on
    assert desk.plant.round(None, lambda: False)[0].meter_id == 1


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (LineDown("line 1: port missing"), "line 1: port missing"),
        (RequestError("meter 9 is unknown"), "meter 9 is unknown"),
    ],
)
def test_polling_goes_on_when_a_request_fails(desk: Desk, played: Play, error: Exception, words: str) -> None:
    def run(*_: object, **__: object) -> Outcome:
        raise error

    played(run)
    said = desk.asked("wiring", meter=1)
    assert (said.state, said.words) == ("refused", words)
    assert said.result == {"error": type(error).__name__, "kind": getattr(error, "kind", "")}
    assert desk.plant.lines(within_round=True)[0]["paused"] == ""
    assert not desk.requests.busy
    assert len(desk.plant.round(None, lambda: False)) == 5


def test_a_fault_that_nobody_foresaw_is_answered_too_and_goes_on_to_the_state_line(
    desk: Desk, played: Play
) -> None:
    played(lambda *_, **__: 1 / 0)
    number = desk.ask("read", meter=1)
    with pytest.raises(ZeroDivisionError):
        desk.look()
    assert desk.answer(number).words.startswith("ended by an internal fault")
    assert not desk.requests.busy
    assert desk.asked("probe", meter=1).state == "done"


def test_progress_is_written_four_times_a_second_at_most(
    desk: Desk, clock: FakeClock, played: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[float] = []
    real = requests.answer

    def run(*_: object, tick: Callable[[float, str], bool], **__: object) -> Outcome:
        for place in range(200):
            clock.advance(0.05)
            tick(place / 200, f"id {place}")
        return Outcome("done", {})

    def answer(folder: Path, said: Answer) -> None:
        if said.state == "running":
            written.append(clock.monotonic())
        real(folder, said)

    played(run)
    monkeypatch.setattr(requests, "answer", answer)
    assert desk.asked("scan").state == "done"
    gaps = [later - earlier for earlier, later in itertools.pairwise(written)]
    assert min(gaps) >= PROGRESS_S
    assert len(written) >= 30


def test_it_ends_early_when_the_poller_is_told_to_stop(desk: Desk, played: Play) -> None:
    ticks: list[bool] = []

    def run(*_: object, tick: Callable[[float, str], bool], **__: object) -> Outcome:
        ticks.append(tick(0.1, "id 1"))
        desk.told_to_end = True
        ticks.append(tick(0.2, "id 2"))
        return Outcome("ended early: 2 ids asked", {})

    played(run)
    assert desk.asked("scan").words.startswith("ended early")
    assert ticks == [False, True]


def test_whoever_asks_while_one_is_under_way_is_told_at_once(
    desk: Desk, clock: FakeClock, played: Play
) -> None:
    def run(*_: object, tick: Callable[[float, str], bool], **__: object) -> Outcome:
        second = desk.ask("probe", meter=1)
        clock.advance(1)
        tick(0.5, "id 16")
        assert desk.answer(second).words == "a scan for asha is under way; ask again when it is over"
        return Outcome("done", {})

    played(run)
    assert desk.asked("scan").state == "done"


# ---------------------------------------------------------------------------- several lines


@pytest.fixture
def yard_and_house(tmp_path: Path, clock: FakeClock, zone) -> Iterator[Desk]:
    made = Desk(tmp_path, TWO_LINES, clock, zone)
    crew = made.plant._drive
    assert isinstance(crew, Crew)
    crew._begun = True
    crew._arrived = Nap(clock)  # type: ignore[assignment]
    for worker in crew.workers:
        worker._wake = Nap(clock)  # type: ignore[assignment]
    yield made
    made.db.close()


def turn(desk: Desk, place: int) -> None:
    assert isinstance(desk.plant._drive, Crew)
    worker = desk.plant._drive.workers[place]
    worker.rest()
    worker.turn()


def test_the_lines_own_worker_does_it_and_the_others_go_on(yard_and_house: Desk) -> None:
    desk = yard_and_house
    number = desk.ask("probe", meter=5)
    desk.look()
    assert desk.answer(number).state == "running"
    assert [line["paused"] != "" for line in desk.plant.lines()] == [False, True]
    turn(desk, 0)
    assert {r.meter_id for r in desk.plant.round(None, lambda: False)} == {1, 2, 3}
    other = desk.asked("probe", meter=1)
    assert "a probe for asha is under way" in other.words
    turn(desk, 1)
    assert desk.answer(number).state == "done"
    assert [line["paused"] for line in desk.plant.lines()] == ["", ""]
    assert not desk.requests.busy


def test_a_scan_of_a_station_with_several_lines_names_its_line(yard_and_house: Desk) -> None:
    assert "several lines; name one: yard, house" in yard_and_house.asked("scan").words


def test_what_the_worker_never_came_to_is_answered_when_the_lines_change(
    yard_and_house: Desk, clock: FakeClock
) -> None:
    desk = yard_and_house
    number = desk.ask("probe", meter=5)
    desk.look()
    desk.plant = Plant(TWO_LINES, clock, before=desk.plant, make_line=FakeWire)  # type: ignore[arg-type]
    desk.look()
    assert desk.answer(number).state == "refused"
    assert desk.answer(number).words.startswith("ended early")
    assert not desk.requests.busy


def test_a_line_that_stands_still_is_not_waited_for(yard_and_house: Desk) -> None:
    desk = yard_and_house
    number = desk.ask("probe", meter=5)
    desk.look()
    assert isinstance(desk.plant._drive, Crew)
    desk.plant._drive._still = {"house": (0, 31.0)}
    desk.look()
    assert desk.answer(number).state == "refused"
    assert "house stands still" in desk.asked("probe", meter=4).words
    turn(desk, 1)  # it wakes after all: what was given up is not done
    assert desk.answer(number).state == "refused"
    assert desk.asked("probe", meter=1).state == "running"
