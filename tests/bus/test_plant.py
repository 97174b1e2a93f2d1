"""All lines together: what the poller drives and how the heartbeat sees it."""

import pytest

from substation.bus.plant import Plant
from substation.settings.model import CARD_METERS, Line, Settings
from tests.bus.fake_wire import FakeWire
from tests.fake_clock import FakeClock

TWO_LINES = Settings(
    lines=(Line(name="yard", port="/dev/one"), Line(name="house", port="/dev/two")),
    meters=tuple(
        meter.model_copy(update={"line": "house" if meter.id > 3 else "yard"}) for meter in CARD_METERS
    ),
)


@pytest.fixture
def plant(clock: FakeClock) -> Plant:
    return Plant(TWO_LINES, clock, make_line=FakeWire)


def wire(plant: Plant, place: int) -> FakeWire:
    line = plant.scanners[place].line
    assert isinstance(line, FakeWire)
    return line


def run(plant: Plant, clock: FakeClock, rounds: int = 1) -> list[str]:
    """Return each meter's reason or `good` of the last round."""
    for _ in range(rounds):
        readings = plant.round(clock.monotonic() + 2.0, lambda: False)
    return [reading.reason or "good" for reading in readings]


def test_every_meter_is_asked_on_its_own_line(plant: Plant, clock: FakeClock) -> None:
    assert run(plant, clock) == ["good"] * 5
    assert [meter_id for _, meter_id in wire(plant, 0).asked] == [1, 2, 3]
    assert [meter_id for _, meter_id in wire(plant, 1).asked] == [4, 5]
    assert plant.round_s == pytest.approx(1.1354, abs=1e-3)
    assert plant.limit_s == pytest.approx(1.1354, abs=1e-3)


def test_one_line_down_does_not_touch_the_other(plant: Plant, clock: FakeClock) -> None:
    run(plant, clock)
    wire(plant, 0).present = False
    assert run(plant, clock, 3) == ["line_down"] * 3 + ["good"] * 2
    assert plant.down
    assert plant.failed == {1, 2, 3}
    assert [line["state"] for line in plant.lines()] == ["down", "up"]
    assert plant.advice() == ["yard: port missing"]
    assert not plant.reopen()
    wire(plant, 0).present = True
    assert plant.reopen()
    assert run(plant, clock) == ["good"] * 5
    assert [notice.kind for notice in plant.notices()] == ["line_down", "line_up"]
    assert plant.notices() == []


def test_the_share_of_time_that_a_line_is_busy_counts_since_the_last_look(
    plant: Plant, clock: FakeClock
) -> None:
    run(plant, clock)
    plant.lines()
    start_s = clock.monotonic()
    run(plant, clock)
    clock.advance(4.0 - (clock.monotonic() - start_s))
    shares = {line["name"]: line["busy"] for line in plant.lines()}
    assert shares == {"yard": pytest.approx(0.170, abs=2e-3), "house": pytest.approx(0.114, abs=2e-3)}
    clock.advance(1.0)
    assert [line["busy"] for line in plant.lines()] == [0.0, 0.0]


def test_a_look_within_a_round_shows_the_last_share_again(plant: Plant, clock: FakeClock) -> None:
    def shares(**how: bool) -> list[float]:
        return [line["busy"] for line in plant.lines(**how)]

    for _ in range(2):
        start_s = clock.monotonic()
        run(plant, clock)
        clock.advance(4.0 - (clock.monotonic() - start_s))
        settled = shares()
    start_s = clock.monotonic()
    for _ in range(3):  # silent meters make a round long, and a sign of life is given in it
        wire(plant, 0)._answer(1, 76, 0.25)
        assert shares(within_round=True) == settled
    clock.advance(4.0 - (clock.monotonic() - start_s))
    assert shares() == [pytest.approx(3 * 0.2271 / 4.0, abs=2e-3), 0.0]


def test_a_new_configuration_keeps_what_was_learned_of_the_same_meter(plant: Plant, clock: FakeClock) -> None:
    run(plant, clock, 3)
    moved = TWO_LINES.meters[4].model_copy(update={"line": "yard"})
    changed = TWO_LINES.model_copy(update={"meters": (*TWO_LINES.meters[:4], moved)})
    fresh = Plant(changed, clock, before=plant, make_line=FakeWire)
    assert fresh.health[1].counts["ok"] == 3
    assert fresh.health[5].counts["ok"] == 0  # on another line it is another connection
    assert not wire(plant, 0).is_open


def test_an_echoing_adapter_is_named_with_its_remedy(plant: Plant) -> None:
    wire(plant, 1).echoes = True
    assert any("house" in words and "local echo off" in words for words in plant.advice())


def test_the_summary_counts_every_meter(plant: Plant, clock: FakeClock) -> None:
    run(plant, clock)
    wire(plant, 0).dead = {2}
    run(plant, clock, 4)
    lines = plant.summary().splitlines()
    assert lines[0].startswith("5 rounds, median ")
    assert lines[1] == (
        "meter 1 Transformer: OK, asked 5, ok 5, timeout 0, crc 0, wrong 0, refused 0, noise 0, "
        "turnaround 30 ms"
    )
    assert lines[2].startswith("meter 2 EssentialLoad: Communication failed, asked ")


def test_without_a_port_the_summary_says_why(plant: Plant, clock: FakeClock) -> None:
    for place in (0, 1):
        wire(plant, place).present = False
    run(plant, clock)
    assert plant.summary().splitlines()[0] == "no round on the wire: yard: port missing; house: port missing"
    assert "never heard" in plant.summary()
